"""A real Postfix answers a pipeline: every letter gets its own right code, and arrives once."""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvloop

from digest.delivery.model import Cause, Ended, Parcel, Reply, SmtpAccount, Way
from digest.delivery.smtp import SmtpLine
from tests.acceptance.postfix_server import Postfix, find_postfix, running_postfix
from tests.unit.delivery.parcel_queue import SENDER, ParcelQueue, a_parcel

pytestmark = [
    pytest.mark.postfix,
    pytest.mark.skipif(find_postfix() is None, reason="Postfix is not installed"),
    pytest.mark.skipif(
        getattr(os, "geteuid", lambda: 1)() != 0, reason="Postfix is started by root only"
    ),
]

RECIPIENTS = """\
/^refused/  550 5.1.1 There is no such reader here
/^later/    450 4.2.1 This mailbox is busy
/^never/    554 5.7.1 We do not want this reader's mail
"""
ACCEPTED = (250, Cause.ACCEPTED)
FATES = {
    "good": ACCEPTED,
    "refused": (550, Cause.UNKNOWN_USER),
    "later": (450, Cause.BUSY),
    "never": (554, Cause.POLICY),
}
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
Loop = Callable[[], asyncio.AbstractEventLoop]


@pytest.fixture(scope="module")
def server() -> Iterator[Postfix]:
    with running_postfix() as postfix:
        postfix.treat(RECIPIENTS)
        yield postfix


@pytest.fixture
def postfix(server: Postfix) -> Postfix:
    server.empty()
    return server


def _parcel(name: str, text: str = "Good morning.", domain: str = "reader.example") -> Parcel:
    parcel = a_parcel(name, text)
    address = f"{name}@{domain}"
    envelope = type(parcel.envelope)(SENDER, address, parcel.envelope.message_id)
    return Parcel(envelope, parcel.message)


class _Post(ParcelQueue):
    """Gives again what no server has seen, as the engine does."""

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        if reply.cause is Cause.AWAY:
            self.waiting.append(parcel)
        else:
            super().answered(parcel, reply)


def _hand_over(
    postfix: Postfix,
    parcels: list[Parcel],
    *,
    service: str = "plain",
    trust: ssl.SSLContext | None = None,
    lines: int = 1,
    rounds: int = 1,
    loop: Loop = asyncio.new_event_loop,
    **changed: Any,
) -> tuple[ParcelQueue, list[Ended]]:
    """Run some lines at once, and again while anything waits."""
    settings = {"tls": "none", "timeout_seconds": 10.0, "local_hostname": "desk.example"}
    account = SmtpAccount("localhost", postfix.ports[service], **{**settings, **changed})
    source, way, ended = _Post(parcels), Way("postfix", account), list[Ended]()

    async def run() -> None:
        for _ in range(rounds):
            if source.waiting:
                some = [SmtpLine(way, source, trust=trust).run() for _ in range(lines)]
                ended.extend(await asyncio.gather(*some))

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(run())
    return source, ended


KINDS = ("good", "never", "good", "later", "good", "refused")


@LOOPS
@pytest.mark.parametrize(
    ("service", "tls"), [("plain", "none"), ("starttls", "required"), ("implicit", "implicit")]
)
@pytest.mark.parametrize("pipelining", [True, False])
def test_thirty_mixed_letters_each_get_their_own_right_code(
    postfix: Postfix, service: str, tls: str, loop: Loop, *, pipelining: bool
) -> None:
    before = postfix.connections()
    names = [f"{KINDS[n % len(KINDS)]}{n}" for n in range(30)]
    trust = ssl.create_default_context(cafile=str(postfix.certificate))
    source, ended = _hand_over(
        postfix,
        [_parcel(name) for name in names],
        service=service,
        trust=trust,
        loop=loop,
        tls=tls,
        pipelining=pipelining,
    )
    assert ended == [Ended(None, 15)]
    assert source.fates == {name: FATES[name.rstrip("0123456789")] for name in names}
    assert postfix.connections() == before + 1
    arrived = b"".join(postfix.arrived(15)).decode()
    counts = [arrived.count(f"Delivered-To: {name}@reader.example\n") for name in names]
    assert counts == [int(name.startswith("good")) for name in names]


def test_what_postfix_says_of_one_letter_is_its_own(postfix: Postfix) -> None:
    pills = _parcel("ann")
    pills.message = b"Subject: Cheap pills\r\n\r\nBuy.\r\n"
    large = _parcel("bob", "x" * 900 + "\r\n" + "y\r\n" * 150_000)
    away = _parcel("cid", domain="elsewhere.example")
    source, ended = _hand_over(postfix, [pills, large, away, _parcel("dan")])
    assert ended == [Ended(None, 1)]
    assert source.fates == {
        "ann": (550, Cause.POLICY),
        "bob": (0, Cause.NOT_TAKEN),
        "cid": (554, Cause.OURS),
        "dan": ACCEPTED,
    }
    assert source.answers["ann"][0].text == "5.7.1 We do not want this letter"
    assert len(postfix.arrived(1)) == 1


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_long_run_of_refused_readers_makes_postfix_hang_up_and_harms_nobody(
    postfix: Postfix, *, pipelining: bool
) -> None:
    """After twenty errors in a row Postfix says 421 of its own accord and closes."""
    names = [*(f"refused{n}" for n in range(45)), "good"]
    parcels = [_parcel(name) for name in names]
    source, ended = _hand_over(postfix, parcels, service="stern", rounds=9, pipelining=pipelining)
    codes = {name: reply[0] for name, reply in source.fates.items()}
    hung_up = {name for name, code in codes.items() if code == 421}
    assert {codes[name] for name in names if name not in hung_up} == {250, 550}
    assert codes["good"] == 250
    assert len(hung_up) < len(ended) <= 9
    assert {source.fates[name][1] for name in hung_up} <= {Cause.CUT}
    assert len(postfix.arrived(1)) == 1


def test_a_connection_closed_for_idleness_ends_quietly(postfix: Postfix) -> None:
    source = _Post([_parcel("good")], stay=True)
    account = SmtpAccount("localhost", postfix.ports["impatient"], "none", timeout_seconds=10.0)
    line = SmtpLine(Way("postfix", account), source, idle_seconds=30.0)
    assert asyncio.run(line.run()) == Ended(None, 1)
    assert source.fates == {"good": ACCEPTED}
    assert "timeout after" in postfix.log


def test_a_server_that_is_down_is_away_and_takes_the_letter_when_it_is_up(postfix: Postfix) -> None:
    parcels = [_parcel("good")]
    postfix.stop()
    source, ended = _hand_over(postfix, parcels)
    assert (ended[0].reply is not None, source.answers, len(parcels)) == (True, {}, 1)
    postfix.start()
    source, ended = _hand_over(postfix, parcels)
    assert (ended, source.fates) == ([Ended(None, 1)], {"good": ACCEPTED})


@LOOPS
def test_five_hundred_letters_over_eight_connections_each_arrive_once(
    postfix: Postfix, loop: Loop
) -> None:
    names = [f"good{n}" for n in range(500)]
    source, ended = _hand_over(postfix, [_parcel(name) for name in names], lines=8, loop=loop)
    assert {each.reply for each in ended} == {None}
    assert set(source.fates.values()) == {ACCEPTED}
    arrived = b"".join(postfix.arrived(500)).decode()
    for name in names:
        assert arrived.count(f"Delivered-To: {name}@reader.example\n") == 1
