from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.db import Database
from subscribers import store
from subscribers.model import (
    NewSubscriber,
    Recipient,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from tests.integration.newsletters import DAILY, WEEKLY, make_newsletters

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
S = SubscriptionState


@pytest.fixture(autouse=True)
def _newsletters(database: Database) -> None:
    make_newsletters(database)


def _write(
    database: Database,
    name: str,
    state: SubscriptionState | None = S.CONFIRMED,
    *,
    paused_until: datetime | None = None,
    topic_mask: int = 0,
) -> int:
    new = NewSubscriber(
        public_id=name.encode().hex().ljust(24, "0"),
        address=f"{name}@reader.example",
        address_key=f"{name}@reader.example",
        address_hmac=f"hmac of {name}",
        created_at=NOON,
    )
    with database.write() as connection:
        reader = store.insert_subscriber(connection, new)
        if state is not None:
            standing = Subscription(
                reader.id, DAILY, state, topic_mask, NOON, paused_until=paused_until
            )
            store.save_subscription(connection, standing)
    return reader.id


def _suppress(database: Database, name: str, scope: str) -> bool:
    with database.write() as connection:
        return store.insert_suppression(
            connection,
            f"hmac of {name}",
            scope=scope,
            reason=SuppressionReason.BOUNCED,
            norm_version=1,
            at=NOON,
        )


def _audience(database: Database, newsletter_id: int = DAILY) -> list[tuple[object, ...]]:
    with database.read() as connection:
        rows = connection.execute(store.audience(newsletter_id, now=NOON))
        assert list(rows.keys()) == ["subscriber_id", "address", "topic_mask", "language"]
        return [tuple(row) for row in rows]


def _may(database: Database, subscriber_id: int) -> tuple[bool, str]:
    with database.read() as connection:
        return store.may_mail(connection, subscriber_id, DAILY, now=NOON)


CASES = [
    ("confirmed", S.CONFIRMED, None, ""),
    ("a pause that is over", S.PAUSED, NOON, ""),
    ("confirmed after a pause", S.CONFIRMED, NOON - HOUR, ""),
    ("paused", S.PAUSED, NOON + HOUR, "paused"),
    ("paused without end", S.PAUSED, None, "paused"),
    ("confirmed but paused", S.CONFIRMED, NOON + HOUR, "paused"),
    ("unconfirmed", S.UNCONFIRMED, None, "unconfirmed"),
    ("unsubscribed", S.UNSUBSCRIBED, None, "unsubscribed"),
    ("never a subscriber", None, None, "unsubscribed"),
]


@pytest.mark.parametrize(("name", "state", "until", "reason"), CASES)
def test_the_audience_and_the_last_question_agree(
    database: Database,
    name: str,
    state: SubscriptionState | None,
    until: datetime | None,
    reason: str,
) -> None:
    del name
    reader = _write(database, "maria", state, paused_until=until, topic_mask=5)
    expected = [] if reason else [(reader, "maria@reader.example", 5, None)]
    assert _audience(database) == expected
    assert _may(database, reader) == (not reason, reason)
    with database.read() as connection:
        assert store.audience_size(connection, DAILY, now=NOON) == len(expected)


@pytest.mark.parametrize(("scope", "allowed"), [("all", False), ("daily", False), ("weekly", True)])
def test_the_never_mail_list_is_asked_by_newsletter(
    database: Database, scope: str, *, allowed: bool
) -> None:
    reader, other = _write(database, "maria"), _write(database, "otto")
    assert _suppress(database, "maria", scope) is True
    assert _suppress(database, "maria", scope) is False
    assert _may(database, reader) == (allowed, "" if allowed else "suppressed")
    assert [row[0] for row in _audience(database)] == ([reader, other] if allowed else [other])


def test_an_erased_reader_is_gone_from_every_question(database: Database) -> None:
    reader = _write(database, "maria")
    with database.write() as connection:
        connection.execute(
            store.subscriber.update().values(address=None, address_key="erased", erased_at=NOON)
        )
        assert store.find_subscriber(connection, id=reader) is None
        assert store.recipient(connection, reader, DAILY) is None
        assert store.list_subscribers(connection, DAILY) == []
        assert store.count_subscribers(connection) == 0
    assert _audience(database) == []
    assert _may(database, reader) == (False, "erased")
    assert _may(database, reader + 1) == (False, "erased")


def test_the_audience_is_one_newsletters_and_in_order(database: Database) -> None:
    first, second = _write(database, "anna"), _write(database, "berta")
    assert [row[0] for row in _audience(database)] == [first, second]
    assert _audience(database, WEEKLY) == []


def test_a_recipient_is_what_one_copy_needs(database: Database) -> None:
    reader = _write(database, "maria", topic_mask=2**62)
    with database.read() as connection:
        found = store.recipient(connection, reader, DAILY)
        assert store.recipient(connection, reader, WEEKLY) is None
    public_id = b"maria".hex().ljust(24, "0")
    assert found == Recipient(reader, "maria@reader.example", public_id, None, NOON, 2**62)


@pytest.mark.parametrize(("kept", "text_only"), [(None, False), ("html", False), ("text", True)])
def test_a_recipient_has_the_format_they_asked_for_and_the_language_planned(
    database: Database, kept: str | None, *, text_only: bool
) -> None:
    reader = _write(database, "maria")
    with database.write() as connection:
        connection.execute(store.subscriber.update().values(format=kept, language="fr"))
        found = store.recipient(connection, reader, DAILY, language="de-AT")
    assert found is not None
    assert (found.text_only, found.language) == (text_only, "de-AT")


def test_a_known_address_keeps_its_reader_and_spelling(database: Database) -> None:
    reader = _write(database, "maria")
    again = NewSubscriber("f" * 24, "MARIA@x", "maria@reader.example", "other", NOON)
    with database.write() as connection:
        found = store.insert_subscriber(connection, again)
    public_id = b"maria".hex().ljust(24, "0")
    expected = Subscriber(reader, public_id, "maria@reader.example", None, NOON, "hmac of maria")
    assert found == expected


def test_a_public_id_drawn_twice_is_no_other_reader(database: Database) -> None:
    _write(database, "maria")
    public_id = b"maria".hex().ljust(24, "0")
    twice = NewSubscriber(public_id, "otto@x.example", "otto@x.example", "h", NOON)
    with pytest.raises(LookupError), database.write() as connection:
        store.insert_subscriber(connection, twice)


def test_readers_are_listed_in_pages_and_counted_by_state(database: Database) -> None:
    ids = [_write(database, name) for name in ("anna", "berta", "carla")]
    gone = _write(database, "dora", S.UNSUBSCRIBED)
    with database.read() as connection:
        page = store.list_subscribers(connection, DAILY, limit=2)
        assert store.find_subscription(connection, ids[0], DAILY) == page[0][1]
        rest = store.list_subscribers(connection, DAILY, after=page[-1][0].id)
        left = store.list_subscribers(connection, DAILY, state=S.UNSUBSCRIBED)
        counts = store.count_by_state(connection, DAILY)
        assert store.count_subscribers(connection) == 4
        standing = store.find_subscription(connection, gone, DAILY)
        assert store.find_subscription(connection, gone, WEEKLY) is None
    assert [reader.id for reader, _ in page] == ids[:2]
    assert [reader.id for reader, _ in rest] == [ids[2], gone]
    assert [(reader.address, each) for reader, each in left] == [("dora@reader.example", standing)]
    assert counts == {S.UNCONFIRMED: 0, S.CONFIRMED: 3, S.PAUSED: 0, S.UNSUBSCRIBED: 1}
