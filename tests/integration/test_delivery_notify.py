from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery.model import Envelope, Parcel, Reply, Sent
from digest.delivery.notify import Render, are_due, record_notice, take_notices
from digest.delivery.send import open_sender
from digest.errors import CompositionError
from digest.outbox import store
from digest.outbox.model import NewNotice, Notice, NoticeKind
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    DENIED,
    NOON,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
    UNREACHABLE,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    a_message,
    a_way,
)

ANN, BOB = "ann@example.org", "bob@example.org"


def _notices(database: Database, *addresses: str) -> None:
    with database.write() as connection:
        for address in addresses:
            new = NewNotice(f"confirm:{address}", NoticeKind.CONFIRM, address, {}, NOON)
            store.put(connection, new)


def _render(notice: Notice) -> tuple[Envelope, bytes]:
    if notice.to_address == "broken@example.org":
        raise CompositionError("notice: confirm: has no template")
    sender = "bare\nline@example.org" if notice.to_address == "evil@example.org" else ""
    return Envelope(sender, notice.to_address, f"<n{notice.id}@example.org>"), a_message()


class Post:
    """A sender that a test starts again and again; it gives how many notices were accepted."""

    def __init__(self, database: Database, watch: Watch, journal: Path) -> None:
        self.database, self.watch, self.journal = database, watch, journal
        self.sent = Sent()

    def send(
        self, transport: ScriptedTransport, *, render: Render | None = _render, connections: int = 1
    ) -> int:
        before = len(transport.accepted)
        way = a_way(transport, connections=connections)
        with open_sender(
            self.database,
            [way],
            PlainOutbound(),
            journal=self.journal,
            clock=self.watch,
            render=render,
        ) as sender:
            self.sent = sender.run(stop=lambda: False, on_progress=lambda _sent: None)
        return len(transport.accepted) - before


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def post(database: Database, watch: Watch, tmp_path: Path) -> Post:
    return Post(database, watch, tmp_path / "journal")


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


# By a sender


def test_notices_that_were_taken_and_not_offered_wait_no_longer_than_before(
    database: Database, watch: Watch, post: Post
) -> None:
    _notices(database, ANN, BOB, "cat@example.org")
    transport = ScriptedTransport(otherwise=UNREACHABLE)
    post.send(transport)
    assert transport.tried == [ANN]
    tried, *untried = _rows(database)
    assert (tried[0], tried[1]) == ("waiting", 1)
    assert untried == [("waiting", 0, "", 0.0)] * 2
    watch.move(minutes=1)
    assert post.send(ScriptedTransport()) == 3


def test_due_notices_are_sent_once(database: Database, post: Post) -> None:
    _notices(database, ANN, BOB)
    transport = ScriptedTransport()
    assert post.send(transport) == 2
    assert post.send(transport) == 0
    assert transport.accepted == [ANN, BOB]
    assert transport.ids == ["<n1@example.org>", "<n2@example.org>"]
    assert _rows(database) == [("sent", 1, "250 ok", None)] * 2
    assert post.sent == Sent(), "notices are no copies of an edition"


def test_more_notices_than_are_taken_at_once_all_go_in_one_run(
    database: Database, post: Post
) -> None:
    addresses = [f"reader{n}@example.org" for n in range(250)]
    _notices(database, *addresses)
    transport = ScriptedTransport()
    assert post.send(transport, connections=4) == 250
    assert sorted(transport.accepted) == sorted(addresses)
    assert set(_rows(database)) == {("sent", 1, "250 ok", None)}


def test_a_sender_without_words_for_notices_leaves_them_to_others(
    database: Database, post: Post
) -> None:
    _notices(database, ANN)
    transport = ScriptedTransport()
    assert post.send(transport, render=None) == 0
    assert _rows(database) == [("waiting", 0, "", 0.0)]


def test_a_refused_notice_has_failed_and_one_that_is_put_off_is_tried_again(
    database: Database, watch: Watch, post: Post
) -> None:
    _notices(database, ANN, BOB)
    transport = ScriptedTransport({ANN: [REFUSED], BOB: [PUT_OFF, PUT_OFF]})
    assert post.send(transport) == 0
    assert _rows(database) == [
        ("failed", 1, "550 this one not", None),
        ("waiting", 1, "450 mailbox busy", 1.0),
    ]
    watch.move(minutes=1)
    assert post.send(transport) == 0
    assert _rows(database)[1] == ("waiting", 2, "450 mailbox busy", 6.0)
    watch.move(minutes=5)
    assert post.send(transport) == 1
    assert _rows(database)[1] == ("sent", 3, "250 ok", None)


@pytest.mark.parametrize("reply", [CUT, UNANSWERED])
def test_a_lost_answer_counts_as_none(database: Database, post: Post, reply: Reply) -> None:
    _notices(database, ANN, BOB)
    transport = ScriptedTransport({ANN: [reply]})
    assert post.send(transport) == 1
    assert _rows(database) == [("waiting", 1, reply.text, 1.0), ("sent", 1, "250 ok", None)]


def test_a_relay_that_refuses_us_harms_no_notice(
    database: Database, watch: Watch, post: Post
) -> None:
    _notices(database, ANN)
    assert post.send(ScriptedTransport(otherwise=DENIED)) == 0
    assert _rows(database) == [("waiting", 1, f"554 {DENIED.text}", 1.0)]
    watch.move(minutes=1)
    assert post.send(ScriptedTransport()) == 1


def test_a_server_that_is_away_is_looked_for_again_soon(
    database: Database, watch: Watch, post: Post
) -> None:
    _notices(database, ANN)
    transport = ScriptedTransport(otherwise=UNREACHABLE)
    assert post.send(transport) == 0
    assert transport.tried == [ANN]
    assert _rows(database) == [("waiting", 1, "connection refused", 1 / 6)]
    assert post.sent.problem.startswith("scripted: it is away: connection refused")
    watch.move(seconds=10)
    transport.otherwise = ACCEPTED
    assert post.send(transport) == 1


@pytest.mark.parametrize("reply", [PUT_OFF, UNREACHABLE])
def test_after_two_days_a_notice_has_failed(
    database: Database, watch: Watch, post: Post, reply: Reply
) -> None:
    _notices(database, ANN)
    transport = ScriptedTransport(otherwise=reply)
    while _rows(database)[0][0] == "waiting":
        watch.move(hours=1, minutes=10)
        post.send(transport)
    assert timedelta(hours=46) < watch() - NOON <= timedelta(hours=49)


def test_a_notice_that_cannot_be_made_or_sent_fails_with_the_reason(
    database: Database, post: Post
) -> None:
    _notices(database, "broken@example.org", "evil@example.org", ANN)
    assert post.send(ScriptedTransport()) == 1
    assert _rows(database) == [
        ("failed", 1, "it cannot be composed: notice: confirm: has no template", None),
        ("failed", 1, "the sender's address cannot be written in SMTP", None),
        ("sent", 1, "250 ok", None),
    ]


# Of several senders, and one that dies


def _taken(database: Database, watch: Watch, *, limit: int = 100) -> list[Parcel]:
    return take_notices(database, render=_render, clock=watch, limit=limit)


def _addresses(parcels: Sequence[Parcel]) -> list[str]:
    return [each.envelope.recipient for each in parcels]


def test_a_notice_that_one_has_taken_no_other_takes(database: Database, watch: Watch) -> None:
    _notices(database, ANN, BOB)
    assert are_due(database, clock=watch)
    (first,) = _taken(database, watch, limit=1)
    assert isinstance(first.ref, Notice)
    assert (first.envelope.recipient, first.message) == (ANN, a_message())
    assert _addresses(_taken(database, watch)) == [BOB]
    assert _taken(database, watch) == []
    assert not are_due(database, clock=watch)
    record_notice(database, first.ref, ACCEPTED, now=watch())
    assert _rows(database) == [("sent", 1, "250 ok", None), ("waiting", 1, "", 15.0)]


def test_of_many_that_take_at_once_each_notice_goes_to_one(
    database: Database, watch: Watch
) -> None:
    addresses = [f"reader{n}@example.org" for n in range(40)]
    _notices(database, *addresses)
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(_taken, database, watch) for _ in range(4)]
    taken = [address for each in answers for address in _addresses(each.result())]
    assert sorted(taken) == sorted(addresses)


def test_a_crash_in_mid_notice_is_made_good_later(
    database: Database, watch: Watch, post: Post
) -> None:
    _notices(database, ANN)
    assert _addresses(_taken(database, watch)) == [ANN]  # and the process dies
    transport = ScriptedTransport()
    assert post.send(transport) == 0
    watch.move(minutes=15)
    assert post.send(transport) == 1
    assert _rows(database) == [("sent", 2, "250 ok", None)]


def test_what_comes_late_of_a_notice_that_was_sent_meanwhile_changes_nothing(
    database: Database, watch: Watch, post: Post
) -> None:
    _notices(database, ANN)
    (slow,) = _taken(database, watch)
    assert isinstance(slow.ref, Notice)
    watch.move(minutes=15)
    assert post.send(ScriptedTransport()) == 1
    record_notice(database, slow.ref, REFUSED, now=watch())
    assert _rows(database) == [("sent", 2, "250 ok", None)]
