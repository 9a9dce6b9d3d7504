from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.outbox import store
from digest.outbox.model import NewNotice, Notice, NoticeKind
from tests.unit.delivery.delivery_builders import NOON


def _new(key: str = "confirm:1", **changed: Any) -> NewNotice:
    values: dict[str, Any] = {
        "dedupe_key": key,
        "kind": NoticeKind.CONFIRM,
        "to_address": "ann@example.org",
        "facts": {"newsletter": "daily", "n": 3},
        "next_at": NOON,
    }
    return NewNotice(**{**values, **changed})


def _put(database: Database, new: NewNotice) -> bool:
    with database.write() as connection:
        return store.put(connection, new)


def _due(database: Database, hours: float = 0, limit: int = 10) -> list[Notice]:
    with database.read() as connection:
        return store.due(connection, now=NOON + timedelta(hours=hours), limit=limit)


def _row(database: Database) -> sa.Row[Any]:
    with database.read() as connection:
        return connection.execute(sa.select(store.notice)).one()


def test_a_notice_is_written_once_for_its_key(database: Database) -> None:
    assert _put(database, _new()) is True
    assert _put(database, _new(facts={"other": True})) is False
    assert _put(database, _new("confirm:2")) is True
    with database.read() as connection:
        assert store.waiting_count(connection) == 2
    assert _due(database)[0] == Notice(
        id=1,
        dedupe_key="confirm:1",
        kind=NoticeKind.CONFIRM,
        to_address="ann@example.org",
        facts={"newsletter": "daily", "n": 3},
        attempts=0,
        created_at=NOON,
    )


def test_only_what_is_due_is_listed_the_longest_waiting_first(database: Database) -> None:
    _put(database, _new("later", next_at=NOON + timedelta(hours=2)))
    _put(database, _new("second", next_at=NOON + timedelta(minutes=1)))
    _put(database, _new("first"))
    assert [notice.dedupe_key for notice in _due(database)] == ["first"]
    assert [notice.dedupe_key for notice in _due(database, 1)] == ["first", "second"]
    assert [notice.dedupe_key for notice in _due(database, 2, limit=2)] == ["first", "second"]
    assert len(_due(database, 2)) == 3


def test_odd_text_is_kept_as_far_as_any_database_can(database: Database) -> None:
    odd = "a\0b\r\nc\ud800"
    assert _put(database, _new("k" * 5000, to_address=odd, facts={"name": odd})) is True
    assert _put(database, _new("k" * 5000)) is False
    assert _put(database, _new("k" * 4999)) is True
    assert _put(database, _new("k\0")) is True
    assert _put(database, _new("k\0")) is False
    first = _due(database)[0]
    assert (first.to_address, first.facts) == ("ab\r\nc?", {"name": odd})


def test_a_try_is_counted_before_it_is_made_and_only_by_one(database: Database) -> None:
    _put(database, _new())
    (notice,) = _due(database)
    with database.write() as connection:
        assert store.mark_tried(connection, notice, next_at=NOON + timedelta(hours=1)) is True
        assert store.mark_tried(connection, notice, next_at=NOON + timedelta(hours=1)) is False
    assert _due(database) == []
    assert [again.attempts for again in _due(database, 1)] == [1]


def test_a_sent_notice_is_final(database: Database) -> None:
    _put(database, _new())
    (notice,) = _due(database)
    with database.write() as connection:
        assert store.mark_sent(connection, notice, at=NOON, reply="250 ok") is True
        assert store.mark_sent(connection, notice, at=NOON) is False
        assert store.mark_failed(connection, notice, at=NOON, reply="no") is False
        assert store.put_off(connection, notice, next_at=NOON, reply="no") is False
        assert store.waiting_count(connection) == 0
    row = _row(database)
    assert (row.state, row.next_at, row.done_at, row.reply) == ("sent", None, NOON, "250 ok")
    assert _put(database, _new()) is False


def test_a_failed_notice_keeps_the_reason(database: Database) -> None:
    _put(database, _new())
    (notice,) = _due(database)
    with database.write() as connection:
        assert store.put_off(connection, notice, next_at=NOON, reply="450 busy\0") is True
        assert store.mark_failed(connection, notice, at=NOON, reply="550 no such user") is True
    row = _row(database)
    assert (row.state, row.next_at, row.reply) == ("failed", None, "550 no such user")


def test_a_notice_is_undone_with_its_cause(database: Database) -> None:
    def cause() -> None:
        with database.write() as connection:
            store.put(connection, _new())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cause()
    assert _due(database) == []
