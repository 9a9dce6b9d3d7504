"""A sender against servers, clocks and moments that mean it ill: nobody lost, nothing twice."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery import store
from digest.delivery.breaker import Breaker
from digest.delivery.model import SmtpAccount, Tally, Way
from digest.delivery.send import SendRules
from digest.editions import store as editions
from digest.editions.model import Edition
from subscribers.model import Recipient
from tests.integration.scripted_smtp import free_port, make_certificate
from tests.integration.sending_room import (
    Room,
    books,
    by_relay,
    by_transport,
    copies,
    run,
)
from tests.integration.smtp_sink import EXTENSIONS, PLAIN, smtp_sink
from tests.unit.delivery.delivery_builders import (
    DENIED,
    NOON,
    PUT_OFF,
    PlainOutbound,
    PlainWire,
    ScriptedTransport,
    Watch,
    address_of,
    an_envelope,
    attempts,
    leave,
    rows,
)

READERS = 12
FOURTH = address_of(4)
ALWAYS = 500


@pytest.fixture
def room(sqlite_database: Database, tmp_path: Path) -> Room:
    """Where the kind of database makes no difference: the server is what is hostile."""
    return Room(sqlite_database, tmp_path / "journal")


@pytest.fixture
def rooms(database: Database, tmp_path: Path) -> Room:
    return Room(database, tmp_path / "journal")


def everybody(readers: int = READERS) -> dict[str, int]:
    """One copy each."""
    return {address_of(n): 1 for n in range(1, readers + 1)}


# The connection is cut

CUTS = {
    "before the greeting": ("GREETING", "close"),
    "in the greeting": ("GREETING", "half 220 sink.example ESMTP"),
    "after EHLO": ("EHLO", "reset"),
    "in the answer to EHLO": ("EHLO", "half 250 sink.example\nPIPELINING\nSIZE 1000000"),
    "after MAIL": ("MAIL", "close"),
    "after RCPT": ("RCPT", "reset"),
    "in the answer to RCPT": ("RCPT", "half 250 2.1.5 Ok"),
    "after DATA": ("DATA", "close"),
    "after the 354": ("CONTENT", "after 0 reset"),
    "in the content": ("CONTENT", "after 30 close"),
}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "in turn"])
@pytest.mark.parametrize("where", CUTS)
def test_a_connection_cut_before_the_final_dot_costs_nobody_their_copy_and_doubles_none(
    room: Room, where: str, *, pipelining: bool
) -> None:
    edition = room.plan(READERS, batch_size=5)
    phase, action = CUTS[where]
    extensions = EXTENSIONS if pipelining else PLAIN
    with smtp_sink(extensions=extensions) as sink:
        # A letter this small leaves in one write with its dot: cut twice, nobody would know.
        actions = [action] if phase == "CONTENT" else [action, action]
        if phase in {"GREETING", "EHLO", "MAIL"}:
            sink.script[phase] = actions
        else:
            sink.by_address[FOURTH] = {phase: actions}
        room.send_until_final(edition, by_relay(sink))
        assert copies(sink.accepted) == everybody()
        assert sink.violations == []
    assert books(room.database, edition) == Tally(accepted=READERS)


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "in turn"])
@pytest.mark.parametrize("action", ["close", "reset", "half 250 2.0.0 Ok: queued"])
def test_a_connection_cut_after_the_final_dot_doubles_that_one_copy_at_most(
    room: Room, action: str, *, pipelining: bool
) -> None:
    edition = room.plan(READERS)
    extensions = EXTENSIONS if pipelining else PLAIN
    with smtp_sink(by_address={FOURTH: {"DOT": [action]}}, extensions=extensions) as sink:
        room.send_until_final(edition, by_relay(sink))
        assert copies(sink.accepted) == everybody() | {FOURTH: 2}
        assert sink.violations == []
    assert books(room.database, edition) == Tally(accepted=READERS)


def test_a_server_that_goes_right_after_quit_harms_nobody(room: Room) -> None:
    edition = room.plan(READERS)
    with smtp_sink({"QUIT": ["close"] * ALWAYS}) as sink:
        sent = room.send(by_relay(sink))
        assert copies(sink.accepted) == everybody()
    assert (sent.finished, sent.problem) == ((edition.id,), "")
    assert books(room.database, edition) == Tally(accepted=READERS)


@pytest.mark.parametrize("retry_unanswered", [True, False])
def test_a_server_that_always_takes_and_goes_without_a_word_gets_no_copy_more_than_twice(
    room: Room, *, retry_unanswered: bool
) -> None:
    room.rules = SendRules(retry_unanswered=retry_unanswered)
    edition = room.plan(6)
    with smtp_sink({"DOT": ["close"] * ALWAYS}) as sink:
        problems = room.send_until_final(edition, by_relay(sink, connections=1))
        most = 2 if retry_unanswered else 1
        assert copies(sink.accepted) == dict.fromkeys(everybody(6), most)
    assert books(room.database, edition) == Tally(uncertain=6)
    assert any("it is away: 127.0.0.1:" in each for each in problems)


@pytest.mark.parametrize("ends", ["before the next try", "with the next try"])
def test_a_copy_whose_answer_was_lost_and_whose_next_try_comes_too_late_stays_uncertain(
    rooms: Room, ends: str
) -> None:
    edition = rooms.plan(3)
    with smtp_sink(by_address={address_of(2): {"DOT": ["close"]}}) as sink:
        soon_over = timedelta(seconds=30 if ends == "before the next try" else 90)
        _let_end(rooms.database, edition, NOON + soon_over)
        rooms.send_until_final(edition, by_relay(sink))
        assert copies(sink.accepted) == everybody(3)
    assert books(rooms.database, edition) == Tally(accepted=2, uncertain=1)
    reason = "the connection was lost before the server's answer"
    assert rows(rooms.database, edition)[2] == ("uncertain", 0, reason)


def _let_end(database: Database, edition: Edition, at: datetime) -> None:
    with database.write() as connection:
        same = editions.edition.c.id == edition.id
        connection.execute(sa.update(editions.edition).where(same).values(expires_at=at))


# The server refuses

REFUSALS = (
    "421 4.3.2 shutting down",
    "450 4.2.0 mailbox busy",
    "452 4.3.1 no room",
    "550 5.1.1 no such user",
    "552 5.2.2 mailbox full",
    "554 5.0.0 no",
    "554 5.7.1 blocked for what you are",
)
PHASES = ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "DOT")


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("phase", PHASES)
def test_whatever_a_server_answers_once_each_row_ends_as_it_says_and_no_copy_is_doubled(
    room: Room, phase: str, refusal: str
) -> None:
    edition = room.plan(READERS, batch_size=5)
    with smtp_sink({phase: [refusal]}) as sink:
        room.send_until_final(edition, by_relay(sink))
        taken = copies(sink.accepted)
        assert sink.violations == []
    final = {address_of(n): state for n, (state, *_) in rows(room.database, edition).items()}
    assert {each for each, state in final.items() if state == "accepted"} == set(taken)
    assert set(taken.values()) == {1}
    refused = refusal.startswith("5") and phase in {"RCPT", "DATA", "DOT"}
    assert books(room.database, edition) == Tally(accepted=READERS - refused, failed=int(refused))


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("phase", PHASES)
def test_a_server_that_answers_so_to_everybody_is_told_and_marks_nobody_whose_fault_it_is_not(
    room: Room, phase: str, refusal: str
) -> None:
    edition = room.plan(READERS, batch_size=5)
    with smtp_sink({phase: [refusal] * ALWAYS}) as sink:
        sent = room.send(by_relay(sink))
        counts = books(room.database, edition)
        assert sink.taken == []
        theirs = phase in {"RCPT", "DATA", "DOT"} and refusal[4:9] in {"5.1.1", "5.2.2"}
        if theirs:
            assert counts == Tally(failed=READERS)
            assert sent.problem == ""
            return
        assert counts == Tally(planned=counts.planned, deferred=counts.deferred)
        put_off = refusal[:3] in {"450", "452"} and phase in {"MAIL", "RCPT", "DATA", "DOT"}
        assert put_off or refusal[4:] in sent.problem
        sink.script.clear()
        room.watch.move(minutes=1)
        room.send_until_final(edition, by_relay(sink))
        assert copies(sink.accepted) == everybody()
    assert books(room.database, edition) == Tally(accepted=READERS)


# The server is slow, silent, or says what nobody asked


@pytest.mark.parametrize("phase", ["GREETING", "EHLO", "MAIL", "RCPT", "DATA", "CONTENT"])
def test_a_server_that_never_answers_is_left_and_told_and_costs_nobody_their_copy(
    room: Room, phase: str
) -> None:
    edition = room.plan(READERS)
    action = "after 0 hang" if phase == "CONTENT" else "hang"
    with smtp_sink({phase: [action] * 3}) as sink:
        first = room.send(by_relay(sink, timeout_seconds=0.2))
        room.send_until_final(edition, by_relay(sink))
        taken = copies(sink.accepted)
    assert "no answer in time" in first.problem or first.accepted
    most = 2 if phase == "CONTENT" else 1  # the dot was out, and nobody said a word
    assert set(taken) == set(everybody())
    assert max(taken.values()) <= most
    assert books(room.database, edition) == Tally(accepted=READERS)


def test_a_server_that_never_answers_the_dot_leaves_each_with_two_copies_at_most(
    room: Room,
) -> None:
    edition = room.plan(3)
    with smtp_sink({"DOT": ["hang"] * ALWAYS}) as sink:
        room.send_until_final(edition, by_relay(sink, timeout_seconds=0.05))
        assert max(copies(sink.accepted).values()) <= 2
    assert books(room.database, edition) == Tally(uncertain=3)


CHATTER = {
    "two greetings": ("GREETING", "raw 220 sink.example ESMTP\r\n220 again\r\n"),
    "a reply before MAIL": ("EHLO", "raw 250-sink.example\r\n250 PIPELINING\r\n250 early\r\n"),
    "the answers of a whole transaction at MAIL": (
        "MAIL",
        "raw 250 ok\r\n250 ok\r\n354 go\r\n250 queued\r\n",
    ),
    "two answers to RCPT": ("RCPT", "raw 250 ok\r\n250 ok\r\n"),
    "a 354 and an answer": ("DATA", "raw 354 go\r\n250 queued before it came\r\n"),
    "two answers to the dot": ("DOT", "raw 250 queued\r\n250 queued\r\n"),
    "a 354 to MAIL": ("MAIL", "354 go"),
    "a 250 to DATA": ("DATA", "250 ok"),
    "a 354 to the dot": ("DOT", "raw 354 go on\r\n"),
    "a line without end": ("RCPT", f"raw 250-{'x' * 9000}"),
    "lines without end": ("RCPT", "raw " + "250-x\r\n" * 9000),
    "no SMTP at all": ("MAIL", "raw <html>\r\n\r\n\0\xff\r\n"),
    "a code that does not exist": ("DOT", "raw 999 what\r\n"),
    "a code with signs": ("RCPT", "raw 25\u0660 ok\r\n"),
}


@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "in turn"])
@pytest.mark.parametrize("what", CHATTER)
def test_a_server_that_says_too_much_too_early_or_nonsense_costs_nobody_their_copy(
    room: Room, what: str, *, pipelining: bool
) -> None:
    edition = room.plan(READERS, batch_size=5)
    phase, action = CHATTER[what]
    extensions = EXTENSIONS if pipelining else PLAIN
    with smtp_sink({phase: [action]}, extensions=extensions) as sink:
        room.send_until_final(edition, by_relay(sink))
        taken = copies(sink.accepted)
    assert set(taken) == set(everybody())
    doubtful = phase in {"DATA", "DOT", "MAIL"}  # a dot may have been out when it went wrong
    assert sum(taken.values()) - READERS <= doubtful
    assert books(room.database, edition) == Tally(accepted=READERS)


def test_a_server_that_takes_the_content_in_drops_gets_every_copy_whole(room: Room) -> None:
    edition = room.plan(READERS)
    with smtp_sink(trickle=(4096, 0.01)) as sink:
        sent = room.send(by_relay(sink), outbound=LongLetters())
        assert copies(sink.accepted) == everybody()
        assert {len(each.body) for each in sink.taken} == {LongLetters.length}
    assert (sent.accepted, sent.finished, sent.problem) == (READERS, (edition.id,), "")


class LongLetters(PlainOutbound):
    """Letters of the size that a real one has."""

    length = 100_000

    def wire_for(self, edition_id: int) -> PlainWire:
        del edition_id
        return _LongWire(frozenset(), {})


class _LongWire(PlainWire):
    def message(self, *_values: object) -> bytes:
        head = b"Subject: The Morning Post\r\n\r\n"
        lines = b"0123456789\r\n" * (LongLetters.length // 12)
        return (head + lines)[: LongLetters.length - 2] + b"\r\n"


@pytest.mark.parametrize("most", [1, 2, 5])
def test_a_server_that_takes_so_many_on_one_connection_gets_them_all_on_several(
    room: Room, most: int
) -> None:
    edition = room.plan(READERS)
    with smtp_sink(messages_per_connection=most) as sink:
        sent = room.send(by_relay(sink))
        assert copies(sink.accepted) == everybody()
    assert (sent.accepted, sent.finished, sent.problem) == (READERS, (edition.id,), "")


@pytest.mark.parametrize("most", [1, 2, 5])
def test_messages_that_take_long_to_make_are_sent_though_connections_end_meanwhile(
    room: Room, most: int
) -> None:
    edition = room.plan(READERS)
    outbound = PlainOutbound(is_slow=True)
    with smtp_sink(messages_per_connection=most, accept_seconds=0.005) as sink:
        sent = room.send(by_relay(sink), outbound=outbound)
        assert copies(sink.accepted) == everybody()
    assert (sent.accepted, sent.finished, sent.problem) == (READERS, (edition.id,), "")


def test_a_server_that_lets_in_one_connection_gets_all_on_that_one(room: Room) -> None:
    edition = room.plan(40)
    full = ["", *["last 421 4.7.0 too many connections from your host"] * ALWAYS]
    with smtp_sink({"GREETING": full}, accept_seconds=0.01) as sink:
        sent = room.send(by_relay(sink, connections=5))
        assert copies(sink.accepted) == everybody(40)
    assert (sent.accepted, sent.finished, sent.problem) == (40, (edition.id,), "")


# No way to the server


def _way(**account: object) -> Way:
    return Way("relay", account=SmtpAccount(**account), connections=2)  # type: ignore[arg-type]


def test_a_name_that_dns_does_not_know_is_told_and_nobody_is_marked(room: Room) -> None:
    edition = room.plan(READERS)
    sent = room.send(_way(host="nobody.invalid", tls="none", timeout_seconds=5.0))
    assert sent.problem.startswith("relay: it is away: nobody.invalid:25: ")
    assert books(room.database, edition) == Tally(planned=READERS)
    assert attempts(room.database) == []


def test_a_port_that_nobody_listens_on_is_told_and_nobody_is_marked(room: Room) -> None:
    edition = room.plan(READERS)
    port = free_port()
    sent = room.send(_way(host="127.0.0.1", port=port, tls="none"))
    assert sent.problem.startswith(f"relay: it is away: 127.0.0.1:{port}: Connection refused")
    assert books(room.database, edition) == Tally(planned=READERS)


def test_a_server_without_the_tls_we_require_is_told_and_gets_nothing(room: Room) -> None:
    edition = room.plan(READERS)
    with smtp_sink() as sink:
        sent = room.send(_way(host="127.0.0.1", port=sink.port, tls="required"))
        assert sink.taken == []
        assert not any(each.startswith("MAIL") for each in sink.commands)
    assert "the server offers no STARTTLS, and it is required" in sent.problem
    assert books(room.database, edition) == Tally(planned=READERS)


def test_a_certificate_that_nobody_vouches_for_is_told_and_gets_nothing(
    room: Room, tmp_path: Path
) -> None:
    edition = room.plan(READERS)
    with smtp_sink(tls=_server_side(tmp_path)) as sink:
        sent = room.send(_way(host="127.0.0.1", port=sink.port, tls="required"))
        assert sink.taken == []
    assert "certificate verify failed: self-signed certificate" in sent.problem
    assert books(room.database, edition) == Tally(planned=READERS)


def test_a_server_that_speaks_no_tls_where_it_should_is_told_and_gets_nothing(room: Room) -> None:
    edition = room.plan(READERS)
    with smtp_sink() as sink:
        sent = room.send(_way(host="127.0.0.1", port=sink.port, tls="implicit"))
        assert sink.taken == []
    assert "TLS failed: " in sent.problem
    assert books(room.database, edition) == Tally(planned=READERS)


def _server_side(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*make_certificate(folder, "IP:127.0.0.1"))
    return context


# Moments that mean it ill


def test_copies_that_are_due_again_go_by_many_connections_at_once(rooms: Room) -> None:
    edition = rooms.plan(60)
    script = {address_of(n): [PUT_OFF] for n in range(1, 61)}
    transport = ScriptedTransport(script, before=lambda _envelope: time.sleep(0.01))  # type: ignore[arg-type]
    assert rooms.send(by_transport(transport, connections=4)).deferred == 60
    rooms.watch.move(minutes=1)
    sent = rooms.send(by_transport(transport, connections=4))
    assert (sent.accepted, sent.finished, sent.problem) == (60, (edition.id,), "")
    assert copies(transport.accepted) == everybody(60)
    assert books(rooms.database, edition) == Tally(accepted=60)


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_two_senders_with_copies_due_again_give_each_reader_one(
    rooms: Room, tmp_path: Path
) -> None:
    edition = rooms.plan(60)
    script = {address_of(n): [PUT_OFF] for n in range(1, 61)}
    transport = ScriptedTransport(script, before=lambda _envelope: time.sleep(0.02))  # type: ignore[arg-type]
    rooms.send(by_transport(transport, connections=8))
    rooms.watch.move(minutes=1)
    other = Room(rooms.database, tmp_path / "other journal", watch=rooms.watch)
    both = [
        threading.Thread(target=each.send, args=(by_transport(transport, connections=2),))
        for each in (rooms, other)
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    rooms.send_until_final(edition, by_transport(transport))
    assert copies(transport.accepted) == everybody(60)
    assert books(rooms.database, edition) == Tally(accepted=60)


def test_who_leaves_while_another_edition_is_fetched_gets_neither(rooms: Room) -> None:
    first, second = rooms.plan(60), rooms.plan(0, day=10)
    outbound = LeavingMeanwhile(rooms.database, second.id, reader=55)
    transport = ScriptedTransport(before=lambda _envelope: time.sleep(0.005))
    sent = rooms.send(by_transport(transport, connections=1), outbound=outbound)
    assert (sent.accepted, sent.skipped) == (118, 2)
    assert address_of(55) not in transport.tried
    for each in (first, second):
        assert rows(rooms.database, each)[55] == ("skipped", 0, "unsubscribed")


class LeavingMeanwhile(PlainOutbound):
    """A reader leaves between the claim of an edition and its first letter."""

    def __init__(self, database: Database, edition_id: int, reader: int) -> None:
        super().__init__()
        self._database, self._edition_id, self._reader = database, edition_id, reader

    def wire_for(self, edition_id: int) -> PlainWire:
        if edition_id == self._edition_id:
            leave(self._database, self._reader)
            time.sleep(0.4)  # the feed is read twenty times a second
        return super().wire_for(edition_id)


@pytest.mark.parametrize("is_slow", [False, True], ids=["in turn", "in threads"])
def test_an_error_nobody_foresaw_in_a_letter_ends_the_run_with_it_and_loses_nobody(
    rooms: Room, *, is_slow: bool
) -> None:
    edition = rooms.plan(30, batch_size=10)
    transport = ScriptedTransport()
    with rooms.sender(by_transport(transport), outbound=Unforeseen(is_slow=is_slow)) as sender:
        with pytest.raises(KeyError, match="a bug of ours"):
            run(sender)
        assert books(rooms.database, edition).open == 30 - len(transport.accepted)
        assert sender.is_due()
    sent = rooms.send(by_transport(transport))
    assert sent.finished == (edition.id,)
    assert copies(transport.accepted) == everybody(30)


class Unforeseen(PlainOutbound):
    """One reader's letter meets a bug."""

    def values_for(self, edition: Edition, recipient: Recipient) -> Any:
        if recipient.address == address_of(17):
            raise KeyError("a bug of ours")
        return super().values_for(edition, recipient)


# Clocks


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(days=1)], ids=["back", "on"])
def test_a_clock_that_jumps_in_mid_run_loses_nobody_and_doubles_none(
    rooms: Room, jump: timedelta
) -> None:
    edition = rooms.plan(60, batch_size=5)
    transport = JumpyTransport(rooms.watch, jump)
    rooms.send(by_transport(transport))
    counts = books(rooms.database, edition)
    assert counts.total == 60
    assert counts.uncertain == 0
    rooms.watch.at = max(rooms.watch.at, NOON)
    rooms.send_until_final(edition, by_transport(transport))
    assert max(copies(transport.accepted).values()) == 1
    assert set(everybody(60)) - set(transport.accepted) == transport.given_up(rooms, edition)


class JumpyTransport(ScriptedTransport):
    """Puts off every tenth reader, and moves the clock as it takes the twentieth."""

    def __init__(self, watch: Watch, jump: timedelta) -> None:
        script = {address_of(n): [PUT_OFF] for n in range(10, 61, 10)}
        super().__init__(script, before=self._jump)  # type: ignore[arg-type]
        self._watch, self._by = watch, jump

    def _jump(self, _envelope: object) -> None:
        if len(self.tried) == 20:
            self._watch.at += self._by
            time.sleep(0.3)

    def given_up(self, room: Room, edition: Edition) -> set[str]:
        found = rows(room.database, edition)
        return {address_of(n) for n, (state, *_) in found.items() if state == "failed"}


def test_leases_are_measured_by_the_database_and_by_no_newsroom_s_clock(rooms: Room) -> None:
    edition = rooms.plan(30, batch_size=5)
    leases: list[timedelta] = []

    def look(_envelope: object) -> None:
        rooms.watch.move(days=1 if len(leases) % 2 else -1)
        with rooms.database.read() as connection:
            until = connection.scalar(sa.select(sa.func.max(store.delivery_batch.c.lease_until)))
            if until is not None:
                leases.append(until - datetime.now(UTC))

    transport = ScriptedTransport(before=look)
    rooms.send(by_transport(transport, connections=1))
    assert leases
    assert all(timedelta(0) < each < timedelta(minutes=1) for each in leases)
    transport.before = lambda _envelope: None  # several lines at once would move it anywhere
    rooms.watch.at = NOON
    rooms.send_until_final(edition, by_transport(transport))
    assert copies(transport.accepted) == everybody(30)


# A sender that lives long


def test_a_relay_that_refused_us_and_is_mended_gets_the_mail_without_a_restart(
    rooms: Room,
) -> None:
    edition = rooms.plan(READERS)
    transport = ScriptedTransport()
    way = by_transport(transport)
    breaker = Breaker(way.name)
    long_ago = time.monotonic() - 3600
    for n in range(3):
        envelope = an_envelope(message_id=f"<m{n}@example.org>")
        assert breaker.answered(envelope, DENIED, long_ago)
    assert breaker.health(time.monotonic()).holds
    with rooms.engine(way, breaker) as engine:
        sent = asyncio.run(engine.run())
    assert (sent.accepted, sent.finished, sent.problem) == (READERS, (edition.id,), "")
    assert rooms.held == []


def test_a_relay_that_still_refuses_us_hears_of_few_messages_and_the_edition_is_held(
    rooms: Room,
) -> None:
    edition = rooms.plan(READERS)
    transport = ScriptedTransport(otherwise=DENIED)
    way = by_transport(transport)
    breaker = Breaker(way.name)
    long_ago = time.monotonic() - 3600
    for n in range(3):
        breaker.answered(an_envelope(message_id=f"<m{n}@example.org>"), DENIED, long_ago)
    with rooms.engine(way, breaker) as engine:
        sent = asyncio.run(engine.run())
    assert 1 <= len(transport.tried) < READERS
    assert books(rooms.database, edition) == Tally(planned=READERS)
    assert [ids for ids, _ in rooms.held] == [[edition.id]]
    assert "5.7.1 <(address)> relay denied" in sent.problem
