from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery.model import Envelope, Reply
from digest.delivery.notify import send_notices
from digest.errors import CompositionError
from digest.outbox import store
from digest.outbox.model import NewNotice, Notice, NoticeKind
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    NOON,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
    UNREACHABLE,
    ScriptedTransport,
    Watch,
    a_message,
)

ANN = "ann@example.org"


def _notices(database: Database, *addresses: str) -> None:
    with database.write() as connection:
        for address in addresses:
            new = NewNotice(f"confirm:{address}", NoticeKind.CONFIRM, address, {}, NOON)
            store.put(connection, new)


def _render(notice: Notice) -> tuple[Envelope, bytes]:
    if notice.to_address == "broken@example.org":
        raise CompositionError("notice: confirm: has no template")
    return Envelope("", notice.to_address, f"<n{notice.id}@example.org>"), a_message()


def _send(database: Database, transport: ScriptedTransport, watch: Watch) -> int:
    return send_notices(database, transport, render=_render, clock=watch, stop=lambda: False)


def _rows(database: Database) -> list[tuple[str, int, str, float | None]]:
    """Give state, tries, reply, and in how many minutes after noon it is due."""
    with database.read() as connection:
        found = connection.execute(sa.select(store.notice).order_by(store.notice.c.id)).all()
    return [
        (
            row.state,
            row.attempts,
            row.reply,
            None if row.next_at is None else (row.next_at - NOON).total_seconds() / 60,
        )
        for row in found
    ]


def test_due_notices_are_sent_once(database: Database) -> None:
    _notices(database, ANN, "bob@example.org")
    transport = ScriptedTransport()
    assert _send(database, transport, Watch()) == 2
    assert _send(database, transport, Watch()) == 0
    assert transport.accepted == [ANN, "bob@example.org"]
    assert _rows(database) == [("sent", 1, "250 ok", None)] * 2


def test_a_refused_notice_has_failed_and_one_that_is_put_off_is_tried_again(
    database: Database,
) -> None:
    _notices(database, ANN, "bob@example.org")
    transport = ScriptedTransport({ANN: [REFUSED], "bob@example.org": [PUT_OFF, PUT_OFF]})
    watch = Watch()
    assert _send(database, transport, watch) == 0
    assert _rows(database) == [
        ("failed", 1, "550 no such user", None),
        ("waiting", 1, "450 mailbox busy", 1.0),
    ]
    watch.move(minutes=1)
    assert _send(database, transport, watch) == 0
    assert _rows(database)[1] == ("waiting", 2, "450 mailbox busy", 6.0)
    watch.move(minutes=5)
    assert _send(database, transport, watch) == 1


@pytest.mark.parametrize("reply", [CUT, UNANSWERED])
def test_a_lost_answer_counts_as_none(database: Database, reply: Reply) -> None:
    _notices(database, ANN, "bob@example.org")
    transport = ScriptedTransport({ANN: [reply]})
    assert _send(database, transport, Watch()) == 1
    assert _rows(database)[0] == ("waiting", 1, reply.text, 1.0)


def test_a_server_that_is_away_is_looked_for_again_soon(database: Database) -> None:
    _notices(database, ANN, "bob@example.org")
    transport = ScriptedTransport(otherwise=UNREACHABLE)
    watch = Watch()
    assert _send(database, transport, watch) == 0
    assert transport.tried == [ANN]
    assert _rows(database)[0] == ("waiting", 1, "connection refused", 1 / 6)
    watch.move(minutes=1)
    transport.otherwise = ACCEPTED
    assert _send(database, transport, watch) == 2


@pytest.mark.parametrize("reply", [PUT_OFF, UNREACHABLE])
def test_after_two_days_a_notice_has_failed(database: Database, reply: Reply) -> None:
    _notices(database, ANN)
    transport = ScriptedTransport(otherwise=reply)
    watch = Watch()
    while _rows(database)[0][0] == "waiting":
        watch.move(hours=1, minutes=10)
        _send(database, transport, watch)
    assert timedelta(hours=46) < watch() - NOON <= timedelta(hours=49)


def test_a_notice_that_cannot_be_composed_fails_with_the_reason(database: Database) -> None:
    _notices(database, "broken@example.org", ANN)
    assert _send(database, ScriptedTransport(), Watch()) == 1
    words = "it cannot be composed: notice: confirm: has no template"
    assert _rows(database)[0] == ("failed", 1, words, None)


def test_a_notice_is_never_sent_by_two_at_once(database: Database) -> None:
    _notices(database, ANN, "bob@example.org")
    other = ScriptedTransport()
    counts: list[int] = []
    watch = Watch()

    def meanwhile(_envelope: Envelope) -> None:
        if not counts:
            counts.append(-1)
            counts[0] = _send(database, other, watch)

    transport = ScriptedTransport(before=meanwhile)
    assert _send(database, transport, watch) == 1
    assert (transport.accepted, other.accepted) == ([ANN], ["bob@example.org"])
    assert counts == [1]


def test_a_crash_in_mid_notice_is_made_good_later(database: Database) -> None:
    _notices(database, ANN)
    transport = ScriptedTransport({ANN: [KeyboardInterrupt()]})
    watch = Watch()
    with pytest.raises(KeyboardInterrupt):
        _send(database, transport, watch)
    assert _send(database, transport, watch) == 0
    watch.move(minutes=15)
    assert _send(database, transport, watch) == 1


def test_a_stop_takes_effect_between_two_notices(database: Database) -> None:
    _notices(database, ANN, "bob@example.org")
    transport = ScriptedTransport()
    sent = send_notices(
        database,
        transport,
        render=_render,
        clock=Watch(),
        stop=lambda: bool(transport.tried),
    )
    assert sent == 1
    assert _rows(database)[1] == ("waiting", 0, "", 0.0)
