from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from aiosmtpd.controller import Controller
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import (
    Cause,
    DeliveryState,
    Ended,
    Line,
    Parcel,
    Reply,
    SmtpAccount,
    Way,
)
from digest.delivery.replies import Phase, read_reply
from digest.delivery.smtp import SmtpLine
from digest.errors import SettingsError
from tests.integration.scripted_smtp import free_port
from tests.integration.smtp_sink import EXTENSIONS, PLAIN, SmtpSink, smtp_sink
from tests.unit.delivery.parcel_queue import ParcelQueue, a_parcel, some_parcels

ACCEPTED = (250, Cause.ACCEPTED)
PATIENCE = 0.2
HUGE = ("x" * 900 + "\r\n") * 20_000
LOOPS = [asyncio.new_event_loop, uvloop.new_event_loop]
ONE_BY_ONE_OR_NOT = pytest.mark.parametrize("extensions", [EXTENSIONS, PLAIN])


def _way(port: int, **changed: Any) -> Way:
    account: dict[str, Any] = {
        "host": "localhost",
        "tls": "none",
        "timeout_seconds": 5.0,
        "local_hostname": "desk.example",
    }
    return Way("relay", SmtpAccount(port=port, **{**account, **changed}))


def _hand_over(
    way: Way,
    source: ParcelQueue,
    *,
    lines: int = 1,
    loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
) -> list[Ended]:
    """Run one line after the other, at most so many, until nothing waits any more."""

    async def run() -> list[Ended]:
        ended: list[Ended] = []
        while len(ended) < lines and (source.waiting or not ended):
            ended.append(await SmtpLine(way, source).run())
        return ended

    with asyncio.Runner(loop_factory=loop) as runner:
        return runner.run(run())


async def _until(happened: Callable[[], object]) -> None:
    """Wait for what is done in another thread, or in a plain list."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110 - nobody there could set an event
            await asyncio.sleep(0.005)


def _text(source: ParcelQueue, name: str = "ann") -> str:
    (reply,) = source.answers[name]
    return reply.text


# A server that behaves


class _Mailbox:
    """What aiosmtpd hands over."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, list[str], bytes, list[str]]] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.messages.append(
            (
                envelope.mail_from,
                envelope.rcpt_tos,
                envelope.original_content,
                envelope.mail_options,
            )
        )
        return "250 stored"


@pytest.mark.parametrize("loop", LOOPS)
def test_a_letter_arrives_byte_for_byte_with_its_envelope(
    loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    ann = a_parcel("ann", "From here on.\r\nTwo dots: ..\r\n" + "x" * 998)
    zoe = a_parcel("zoë", "Zürich", sender="", smtputf8=True)
    bob = a_parcel("bob")
    mailbox = _Mailbox()
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=True)
    server.start()
    try:
        source = ParcelQueue([ann, zoe, bob])
        assert _hand_over(_way(server.port), source, loop=loop) == [Ended(None, 3)]
    finally:
        server.stop()
    stored = Reply(DeliveryState.ACCEPTED, 250, "stored", Cause.ACCEPTED)
    assert source.answers == {"ann": [stored], "zoë": [stored], "bob": [stored]}
    eight = [f"SIZE={len(zoe.message)}", "BODY=8BITMIME", "SMTPUTF8"]
    assert mailbox.messages == [
        ("news@example.org", ["ann@example.org"], ann.message, [f"SIZE={len(ann.message)}"]),
        ("<>", ["zoë@example.org"], zoe.message, eight),
        ("news@example.org", ["bob@example.org"], bob.message, [f"SIZE={len(bob.message)}"]),
    ]


@ONE_BY_ONE_OR_NOT
@pytest.mark.parametrize("loop", LOOPS)
def test_ten_thousand_letters_over_four_connections_each_arrive_once(
    extensions: tuple[str, ...], loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    names = [f"r{n}" for n in range(10_000 if extensions is EXTENSIONS else 1000)]
    source = ParcelQueue(some_parcels(*reversed(names)))
    source.waiting.reverse()

    async def run(port: int) -> list[Ended]:
        return await asyncio.gather(*(SmtpLine(_way(port), source).run() for _ in range(4)))

    with (
        smtp_sink(extensions=extensions, keep=False) as sink,
        asyncio.Runner(loop_factory=loop) as runner,
    ):
        ended = runner.run(run(sink.port))
    assert sum(each.accepted for each in ended) == len(names)
    assert {each.reply for each in ended} == {None}
    assert sorted(sink.accepted) == sorted(f"{name}@example.org" for name in names)
    assert set(source.fates.values()) == {ACCEPTED}
    assert (sink.violations, sink.connections) == ([], 4)


def test_pipelining_is_used_where_it_is_offered_and_wanted() -> None:
    def conversation(**changed: Any) -> list[str]:
        with smtp_sink(extensions=changed.pop("extensions", EXTENSIONS)) as sink:
            _hand_over(_way(sink.port, **changed), ParcelQueue(some_parcels("ann", "bob")))
        assert sink.violations == []
        return sink.commands

    told = conversation()
    size = f" SIZE={len(a_parcel().message)}"
    assert told == [
        "EHLO desk.example",
        f"MAIL FROM:<news@example.org>{size}",
        "RCPT TO:<ann@example.org>",
        "DATA",
        f"MAIL FROM:<news@example.org>{size}",
        "RCPT TO:<bob@example.org>",
        "DATA",
        "QUIT",
    ]
    assert conversation(pipelining=False, extensions=PLAIN) == told
    assert conversation(extensions=PLAIN) == told


def test_a_server_that_offers_pipelining_is_not_told_more_than_we_are_asked_to() -> None:
    with smtp_sink(extensions=("SIZE 1000",)) as sink:
        _hand_over(_way(sink.port), ParcelQueue(some_parcels("ann", "bob", "cid")))
    assert (sink.violations, len(sink.taken)) == ([], 3)


@pytest.mark.parametrize("size", ["", " 0", " many", " " + "9" * 5000, " ²"])
def test_a_size_that_is_no_number_is_no_limit(size: str) -> None:
    source = ParcelQueue(some_parcels("ann"))
    with smtp_sink(extensions=("PIPELINING", f"SIZE{size}")) as sink:
        _hand_over(_way(sink.port), source)
    assert source.fates == {"ann": ACCEPTED}


def test_where_the_server_does_not_take_it_that_reader_alone_is_told_so() -> None:
    parcels = [a_parcel("zoë", smtputf8=True), a_parcel("ann", "Zürich"), a_parcel("bob", "x" * 99)]
    source = ParcelQueue([*parcels, a_parcel("cid")])
    with smtp_sink(extensions=("PIPELINING", "SIZE 80")) as sink:
        _hand_over(_way(sink.port), source)
    assert sink.accepted == ["cid@example.org"]
    assert [_text(source, name) for name in ("zoë", "ann", "bob")] == [
        "the server does not take addresses outside ASCII (SMTPUTF8)",
        "the server takes no 8-bit message",
        "the message is larger than the 80 bytes the server takes",
    ]
    assert len(sink.commands) == 5


# A server that refuses

REFUSALS = [
    *("421 4.3.2 shutting down", "421 4.7.28 rate limited", "450 4.2.1 busy", "451 4.3.0 later"),
    *("452 4.2.2 mailbox full", "550 5.1.1 no such user", "552 5.2.2 mailbox full"),
    *("554 never", "554 5.7.1 blocked for spam", "550 5.7.1 relay access denied"),
]


@ONE_BY_ONE_OR_NOT
@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "DOT"])
def test_a_refusal_at_any_phase_is_that_letters_own(
    phase: str, extensions: tuple[str, ...]
) -> None:
    for said in REFUSALS:
        source = ParcelQueue(some_parcels("ann", "bob"))
        with smtp_sink({phase: [said]}, extensions=extensions) as sink:
            ended = _hand_over(_way(sink.port), source, lines=2)
        at = Phase.DOT if phase == "DOT" else Phase[phase]
        assert source.answers["ann"] == [read_reply(int(said[:3]), said[4:], at)]
        going = said.startswith("421")
        if going:
            assert ended[0].reply is not None
            assert ended[0].reply.text == f"localhost:{sink.port}: {said}"
            # What had been announced behind a dot goes back unseen; the engine gives it again.
            source.answers.setdefault("bob", []).append(Reply(*_STORED))
        assert source.answers["bob"][-1] == Reply(*_STORED)
        assert sink.connections <= 1 + going
        assert sink.violations == []


_STORED = (DeliveryState.ACCEPTED, 250, "2.0.0 Ok: queued", Cause.ACCEPTED)


def test_a_refused_reader_does_not_harm_the_next() -> None:
    by_address = {
        "b@example.org": {"RCPT": ["550 5.1.1 no such user"]},
        "d@example.org": {"RCPT": ["450 4.2.1 busy"], "DATA": ["354 go ahead"]},
        "e@example.org": {"DOT": ["554 5.7.1 spam"]},
        "g@example.org": {"DATA": ["451 4.3.0 later"]},
    }
    source = ParcelQueue(some_parcels(*"abcdefgh"))
    with smtp_sink(by_address=by_address) as sink:
        assert _hand_over(_way(sink.port), source) == [Ended(None, 4)]
    assert source.fates == {
        **dict.fromkeys("acfh", ACCEPTED),
        "b": (550, Cause.UNKNOWN_USER),
        "d": (450, Cause.BUSY),
        "e": (554, Cause.POLICY),
        "g": (451, Cause.BUSY),
    }
    assert sink.accepted == [f"{name}@example.org" for name in "acfh"]
    assert (sink.commands.count("RSET"), sink.connections, sink.violations) == (2, 1, [])


@pytest.mark.parametrize(
    ("script", "code", "cause"),
    [
        ({"GREETING": ["554 5.7.1 go away"]}, 554, Cause.AWAY),
        ({"GREETING": ["421 4.3.2 too many connections"]}, 421, Cause.AWAY),
        ({"GREETING": ["raw 220-hello\r\nwhat\r\n"]}, 0, Cause.AWAY),
        ({"GREETING": ["raw SSH-2.0-x\r\n"]}, 0, Cause.AWAY),
        ({"GREETING": ["close"]}, 0, Cause.AWAY),
        ({"GREETING": ["reset"]}, 0, Cause.AWAY),
        ({"EHLO": ["550 who are you"]}, 550, Cause.OURS),
        ({"EHLO": ["421 4.3.2 too busy"]}, 421, Cause.AWAY),
        ({"EHLO": ["450 4.3.2 not now"]}, 450, Cause.AWAY),
        ({"EHLO": ["close"]}, 0, Cause.AWAY),
        ({"EHLO": ["half 250 sink.example"]}, 0, Cause.AWAY),
    ],
)
def test_a_server_that_does_not_let_us_in_is_never_the_readers_fault(
    script: dict[str, list[str]], code: int, cause: Cause
) -> None:
    source = ParcelQueue(some_parcels("ann"))
    with smtp_sink(script) as sink:
        (ended,) = _hand_over(_way(sink.port), source)
    assert ended.reply is not None
    assert (ended.reply.state, ended.reply.code) == (DeliveryState.DEFERRED, code)
    assert ended.reply.cause is cause
    assert ended.reply.text.startswith(f"localhost:{sink.port}: ")
    assert source.answers == {}


# A server that is away


def test_a_dead_server_does_not_count_as_sent() -> None:
    port = free_port()
    source = ParcelQueue(some_parcels("ann"))
    for host, loop in (("127.0.0.1", LOOPS[0]), ("localhost", LOOPS[0]), ("127.0.0.1", LOOPS[1])):
        (ended,) = _hand_over(_way(port, host=host), source, loop=loop)
        words = f"{host}:{port}: Connection refused"
        assert ended == Ended(Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY), 0)
    assert (len(source.waiting), source.answers) == (1, {})


def test_a_name_that_does_not_exist_is_told_in_words() -> None:
    for host in ("relay.invalid", "x" * 70 + ".example"):
        (ended,) = _hand_over(_way(25, host=host), ParcelQueue(some_parcels("ann")))
        assert ended.reply is not None
        assert ended.reply.text.startswith(f"{host}:25: ")
        assert ended.reply.state is DeliveryState.DEFERRED


def test_what_we_call_ourselves_must_be_sayable() -> None:
    with smtp_sink() as sink:
        for name in ("desk example", "pöst.example\ud800"):
            (ended,) = _hand_over(_way(sink.port, local_hostname=name), ParcelQueue([]))
            assert ended.reply is not None
            assert (ended.reply.cause, sink.commands) == (Cause.OURS, [])


@ONE_BY_ONE_OR_NOT
@pytest.mark.parametrize("how", ["close", "reset"])
@pytest.mark.parametrize(
    ("phase", "cause"),
    [
        ("MAIL", Cause.AWAY),
        ("RCPT", Cause.CUT),
        ("DATA", Cause.CUT),
        ("CONTENT", Cause.CUT),
        ("DOT", Cause.UNANSWERED),
    ],
)
def test_a_server_that_closes_is_told_apart_by_the_dot(
    phase: str, how: str, cause: Cause, extensions: tuple[str, ...]
) -> None:
    source = ParcelQueue([a_parcel("ann", HUGE), a_parcel("bob")])
    action = f"after 5000 {how}" if phase == "CONTENT" else how
    with smtp_sink({phase: [action]}, extensions=extensions) as sink:
        first, *_ = _hand_over(_way(sink.port), source, lines=2)
    assert first.reply is not None
    assert (first.reply.cause, first.accepted) == (Cause.AWAY, 0)
    told = source.answers["ann"]
    if how == "reset" and extensions is EXTENSIONS and phase in {"RCPT", "DATA"}:
        # What it had said to MAIL may be lost on the way with it.
        assert told[0].cause in {cause, Cause.AWAY}
    else:
        assert [reply.cause for reply in told] == [cause]
    expected = DeliveryState.UNCERTAIN if phase == "DOT" else DeliveryState.DEFERRED
    assert [reply.state for reply in told] == [expected]
    assert sink.accepted[:1] == (["ann@example.org"] if phase == "DOT" else sink.accepted[:1])
    assert "ann@example.org" not in sink.accepted or phase == "DOT"


@pytest.mark.parametrize("after", [0, 1, 100, 150_000, 2_000_000])
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_large_letter_cut_in_its_content_was_surely_not_accepted(after: int, how: str) -> None:
    source = ParcelQueue([a_parcel("ann", HUGE)])
    with smtp_sink({"CONTENT": [f"after {after} {how}"]}) as sink:
        _hand_over(_way(sink.port), source)
    assert source.fates == {"ann": (0, Cause.CUT)}
    assert sink.accepted == []


@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_small_letter_cut_in_its_content_was_not_accepted_or_nobody_knows(how: str) -> None:
    source = ParcelQueue([a_parcel("ann")])
    with smtp_sink({"CONTENT": [f"after 10 {how}"]}) as sink:
        _hand_over(_way(sink.port), source)
    assert source.answers["ann"][0].cause in {Cause.CUT, Cause.UNANSWERED}
    assert sink.accepted == []


@pytest.mark.parametrize("action", ["half 250 2.0.0 Ok: queued as 7", "half 250-2.0.0 Ok", "close"])
def test_a_server_that_takes_it_and_leaves_without_a_word_leaves_a_doubt(action: str) -> None:
    source = ParcelQueue(some_parcels("ann", "bob"))
    with smtp_sink({"DOT": [action]}) as sink:
        _hand_over(_way(sink.port), source)
    assert source.fates["ann"] == (0, Cause.UNANSWERED)
    assert source.answers["ann"][0].state is DeliveryState.UNCERTAIN
    assert source.fates["bob"] == (0, Cause.AWAY)
    assert sink.accepted == ["ann@example.org"]


@ONE_BY_ONE_OR_NOT
@pytest.mark.parametrize(
    ("phase", "cause"),
    [
        ("GREETING", None),
        ("EHLO", None),
        ("MAIL", Cause.AWAY),
        ("RCPT", Cause.CUT),
        ("DATA", Cause.CUT),
        ("DOT", Cause.UNANSWERED),
    ],
)
def test_a_server_that_hangs_is_left_after_a_while(
    phase: str, cause: Cause | None, extensions: tuple[str, ...]
) -> None:
    source = ParcelQueue(some_parcels("ann"))
    with smtp_sink({phase: ["hang"]}, extensions=extensions) as sink:
        (ended,) = _hand_over(_way(sink.port, timeout_seconds=PATIENCE), source)
    words = f"localhost:{sink.port}: no answer in time"
    assert ended == Ended(Reply(DeliveryState.DEFERRED, 0, words, Cause.AWAY), 0)
    assert source.fates == ({} if cause is None else {"ann": (0, cause)})


def test_a_server_that_takes_nothing_of_a_large_letter_is_left_after_a_while() -> None:
    source = ParcelQueue([a_parcel("ann", HUGE)])
    with smtp_sink(trickle=(4096, 60.0)) as sink:
        (ended,) = _hand_over(_way(sink.port, timeout_seconds=PATIENCE), source)
    assert ended.reply is not None
    assert ended.reply.text == f"localhost:{sink.port}: no answer in time"
    assert source.fates == {"ann": (0, Cause.CUT)}


def test_a_server_that_takes_a_large_letter_slowly_gets_it() -> None:
    source = ParcelQueue([a_parcel("ann", "x" * 900 + "\r\n" + ("y" * 900 + "\r\n") * 3000)])
    message = source.waiting[0].message
    with smtp_sink(trickle=(4096, 0.004)) as sink:
        # Less time than it takes in all, and far more than any pause of a busy machine.
        ended = _hand_over(_way(sink.port, timeout_seconds=1.5), source)
    assert ended == [Ended(None, 1)]
    assert [each.sha256 for each in sink.taken] == [hashlib.sha256(message).hexdigest()]


def test_replies_that_come_byte_by_byte_are_understood() -> None:
    spelt = {phase: ["bytewise 250 2.0.0 a\n2.0.0 b"] * 2 for phase in ("MAIL", "RCPT", "DOT")}
    for extensions in (EXTENSIONS, PLAIN):
        source = ParcelQueue(some_parcels("ann", "bob"))
        with smtp_sink(spelt, extensions=extensions) as sink:
            assert _hand_over(_way(sink.port), source) == [Ended(None, 2)]
        assert [reply.text for (reply,) in source.answers.values()] == ["2.0.0 a b"] * 2
        assert len(sink.taken) == 2


def test_what_is_no_smtp_ends_the_connection() -> None:
    for said in ("raw hello\r\n", "raw 250 " + "x" * 9000, "raw " + "250-x\r\n" * 9000):
        for phase, cause in (("RCPT", Cause.CUT), ("DOT", Cause.UNANSWERED)):
            source = ParcelQueue(some_parcels("ann"))
            with smtp_sink({phase: [said]}, extensions=PLAIN) as sink:
                _hand_over(_way(sink.port), source)
            assert source.fates == {"ann": (0, cause)}


# Connections that end and begin again


def test_a_server_that_takes_so_many_on_a_connection_loses_none() -> None:
    names = [f"r{n}" for n in range(20)]
    source = ParcelQueue(some_parcels(*names))
    again = {f"{parcel.envelope.recipient}": parcel for parcel in source.waiting}

    def give_again(name: str, reply: Reply) -> None:
        if reply.connection_lost:
            source.answers.pop(name)
            source.waiting.append(again[f"{name}@example.org"])

    source.after = give_again
    with smtp_sink(messages_per_connection=6) as sink:
        ended = _hand_over(_way(sink.port), source, lines=10)
    assert [(each.reply, each.accepted) for each in ended] == [
        *((None, 6), (None, 6), (None, 6), (None, 2)),
    ]
    assert sorted(sink.accepted) == sorted(f"{name}@example.org" for name in names)
    assert source.fates == dict.fromkeys(names, ACCEPTED)


@ONE_BY_ONE_OR_NOT
def test_we_leave_after_as_many_as_a_connection_may_carry(extensions: tuple[str, ...]) -> None:
    source = ParcelQueue(some_parcels(*"abcdefgh"))
    with smtp_sink(messages_per_connection=3, extensions=extensions) as sink:
        way = _way(sink.port, messages_per_connection=3)
        ended = _hand_over(way, source, lines=9)
    assert ended == [Ended(None, 3), Ended(None, 3), Ended(None, 2)]
    assert source.fates == dict.fromkeys("abcdefgh", ACCEPTED)
    assert sink.commands.count("QUIT") == 3


@pytest.mark.parametrize("action", ["close", "last 421 4.4.2 idle for too long"])
def test_an_idle_connection_that_is_closed_affects_nobody(action: str) -> None:
    async def run(port: int) -> Ended:
        source = ParcelQueue(some_parcels("ann"), stay=True)
        line = SmtpLine(_way(port), source)
        working = asyncio.create_task(line.run())
        await _until(lambda: source.answers)
        source.waiting.append(a_parcel("bob"))
        line.wake()
        ended = await working
        assert source.fates["ann"] == ACCEPTED
        assert source.fates["bob"][1] is Cause.AWAY
        return ended

    with smtp_sink({"MAIL": ["", action]}) as sink:
        assert asyncio.run(run(sink.port)).accepted == 1


def test_a_line_without_work_leaves_after_a_while() -> None:
    async def run(port: int) -> Ended:
        source = ParcelQueue(some_parcels("ann"), stay=True)
        return await SmtpLine(_way(port), source, idle_seconds=0.05).run()

    with smtp_sink() as sink:
        assert asyncio.run(run(sink.port)) == Ended(None, 1)
    assert sink.commands[-1] == "QUIT"


def test_leaving_a_server_that_hangs_or_is_gone_raises_nothing() -> None:
    for action in ("hang", "close", "reset", "raw what\r\n", "550 stay"):
        source = ParcelQueue(some_parcels("ann"))
        with smtp_sink({"QUIT": [action]}) as sink:
            ended = _hand_over(_way(sink.port, timeout_seconds=PATIENCE), source)
        assert [each.accepted for each in ended] == [1]
        assert source.fates == {"ann": ACCEPTED}


# Told to leave, cut off, cancelled


def _run_until(
    script: dict[str, list[str]],
    happened: Callable[[SmtpSink], object],
    act: Callable[[SmtpLine, asyncio.Task[Ended]], object],
    *names: str,
) -> tuple[ParcelQueue, SmtpSink, Ended | None]:
    """Run a line until something has happened at the sink, then act upon it."""
    source = ParcelQueue(some_parcels(*names))

    async def run(sink: SmtpSink) -> Ended | None:
        line = SmtpLine(_way(sink.port), source)
        working = asyncio.create_task(line.run())
        await _until(lambda: happened(sink))
        act(line, working)
        try:
            return await working
        except asyncio.CancelledError:
            return None

    with smtp_sink(script, accept_seconds=0.05) as sink:
        ended = asyncio.run(run(sink))
    return source, sink, ended


@pytest.mark.parametrize("act", [SmtpLine.leave, SmtpLine.abort])
@pytest.mark.parametrize("phase", ["GREETING", "EHLO"])
def test_a_line_that_is_still_dialling_just_ends(
    act: Callable[[SmtpLine], None], phase: str
) -> None:
    source, _, ended = _run_until(
        {phase: ["hang"]},
        lambda sink: sink.connections and (sink.commands or phase == "GREETING"),
        lambda line, _: act(line),
        "ann",
    )
    assert (ended, source.answers) == (Ended(None, 0), {})


def test_leaving_finishes_what_is_on_the_wire() -> None:
    source, sink, ended = _run_until(
        {}, lambda sink: "DATA" in sink.commands, lambda line, _: line.leave(), *"abcd"
    )
    assert ended is not None
    assert ended.reply is None
    assert len(source.answers) + len(source.waiting) == 4
    assert set(source.fates.values()) == {ACCEPTED}
    assert sink.accepted == [f"{name}@example.org" for name in source.answers]
    assert sink.commands[-1] == "QUIT"


def test_a_line_that_is_cut_or_cancelled_answers_what_it_holds() -> None:
    def cut(line: SmtpLine, _: asyncio.Task[Ended]) -> None:
        line.abort()

    def cancel(_: SmtpLine, working: asyncio.Task[Ended]) -> None:
        working.cancel()

    for act in (cut, cancel):
        source, _, ended = _run_until({"DOT": ["hang"]}, lambda sink: sink.taken, act, *"abcd")
        assert (ended is None) == (act is cancel)
        assert source.fates["a"] == (0, Cause.UNANSWERED)
        assert source.fates["b"][1] is Cause.AWAY
        assert len(source.waiting) == 2


def test_a_line_cancelled_while_it_dials_leaves_nothing_behind() -> None:
    source, _, ended = _run_until(
        {"EHLO": ["hang"]}, lambda sink: sink.commands, lambda _, working: working.cancel(), "ann"
    )
    assert (ended, source.answers) == (None, {})


def test_what_the_source_raises_comes_out_of_the_line() -> None:
    class Broken(ParcelQueue):
        def take(self, line: Line) -> Parcel | None:
            raise RuntimeError(f"ledger: gone: {line.way.name}")

    with smtp_sink() as sink, pytest.raises(RuntimeError, match="ledger: gone"):
        _hand_over(_way(sink.port), Broken([]))


def test_a_line_told_to_leave_before_it_began_does_not_dial() -> None:
    async def run(port: int) -> Ended:
        line = SmtpLine(_way(port), ParcelQueue(some_parcels("ann")))
        line.wake()
        line.leave()
        return await line.run()

    with smtp_sink() as sink:
        assert asyncio.run(run(sink.port)) == Ended(None, 0)
    assert sink.connections == 0


def test_a_way_without_a_relay_is_told_so(tmp_path: Any) -> None:
    way = Way("files", transport=MaildirTransport(tmp_path))
    with pytest.raises(SettingsError, match="files: it is no SMTP relay"):
        SmtpLine(way, ParcelQueue([]))


# With PIPELINING or without: the same answers

SAYS = [
    *("450 4.2.1 busy", "451 4.7.1 greylisted", "452 4.2.2 full", "550 5.1.1 no such user"),
    *("552 5.2.2 full", "554 no", "554 5.7.1 spam", "last 421 4.3.2 bye", "close"),
]
OUTCOMES = st.one_of(
    st.just(()), st.tuples(st.sampled_from(["MAIL", "RCPT", "DATA", "DOT"]), st.sampled_from(SAYS))
)


def _play(outcomes: list[tuple[str, ...]], extensions: tuple[str, ...]) -> dict[str, Reply]:
    """Hand over one parcel for each outcome, again and again where nobody has seen it yet."""
    names = [f"r{n}" for n in range(len(outcomes))]
    parcels = {name: a_parcel(name, sender=f"b-{name}@example.org") for name in names}
    by_address: dict[str, dict[str, list[str]]] = {}
    for name, outcome in zip(names, outcomes, strict=True):
        if outcome:
            phase, said = outcome
            address = f"b-{name}@example.org" if phase == "MAIL" else f"{name}@example.org"
            by_address[address] = {phase: [said]}
    source = ParcelQueue(list(parcels.values()))
    final: dict[str, Reply] = {}

    def settle(name: str, reply: Reply) -> None:
        assert name not in final
        if reply.cause is Cause.AWAY and reply.code == 0:
            source.waiting.insert(0, parcels[name])
        else:
            final[name] = reply

    source.after = settle
    with smtp_sink(by_address=by_address, extensions=extensions) as sink:
        _hand_over(_way(sink.port), source, lines=3 * len(names) + 1)
    assert sink.violations == []
    assert set(final) == set(names)
    stored = [address.partition("@")[0] for address in sink.accepted]
    sure = [name for name, reply in final.items() if reply.state is DeliveryState.ACCEPTED]
    doubtful = [name for name, reply in final.items() if reply.state is DeliveryState.UNCERTAIN]
    assert sorted(stored) == sorted(sure + doubtful)
    return final


def _comparable(final: dict[str, Reply]) -> dict[str, tuple[DeliveryState, int, Cause]]:
    return {name: (reply.state, reply.code, reply.cause) for name, reply in final.items()}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(OUTCOMES, min_size=1, max_size=10))
def test_with_pipelining_and_without_every_letter_gets_the_same_answer_once(
    outcomes: list[tuple[str, ...]],
) -> None:
    together = _comparable(_play(outcomes, EXTENSIONS))
    one_by_one = _comparable(_play(outcomes, PLAIN))
    assert together == one_by_one
