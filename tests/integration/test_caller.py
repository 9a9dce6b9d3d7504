"""Lines over a transport: real threads, a real loop, a transport that a test holds in its hand."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from digest.delivery.caller import TransportLine
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import (
    Cause,
    DeliveryState,
    Ended,
    Envelope,
    Line,
    Parcel,
    Reply,
    Transport,
    Way,
)
from tests.unit.delivery.way_builders import (
    ACCEPTED,
    BUSY,
    CUT,
    DENIED,
    UNKNOWN,
    UNREACHABLE,
    a_message,
    to_reader,
)

HELD_BACK = Reply(DeliveryState.DEFERRED, 0, "held back before it left", Cause.AWAY)
NOT_BEGUN = Reply(DeliveryState.DEFERRED, 0, "cut off before it left", Cause.AWAY)
CUT_OFF = Reply(DeliveryState.UNCERTAIN, 0, "cut off before the answer came", Cause.UNANSWERED)
BROKEN = Reply(DeliveryState.UNCERTAIN, 0, "way: it broke down: KeyError", Cause.UNANSWERED)


class Gate:
    """A transport that answers what it is told to, each message when it is let through."""

    repeatable = False

    def __init__(self, *, is_open: bool = True) -> None:
        self.open = threading.Event()
        self.answers: dict[int, Reply | Exception] = {}
        self.delivered: list[int] = []
        self.inside = threading.Semaphore(0)
        self._lock = threading.Lock()
        if is_open:
            self.open.set()

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        number = int(message)
        with self._lock:
            self.delivered.append(number)
        assert envelope == to_reader(number)
        self.inside.release()
        assert self.open.wait(30)
        answer = self.answers.get(number, ACCEPTED)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Nothing is kept open."""


class Desk:
    """A source that gives numbered parcels, and writes down what is asked and told."""

    def __init__(self, *numbers: int) -> None:
        self.waiting = deque(numbers)
        self.held_back: set[int] = set()
        self.begun: list[int] = []
        self.told: list[tuple[int, Reply]] = []
        self.asked_in_vain = asyncio.Event()
        self.heard = asyncio.Event()
        self.on_told: Callable[[], None] = lambda: None

    def take(self, line: Line) -> Parcel | None:
        assert line.way.transport is not None
        if not self.waiting:
            self.asked_in_vain.set()
            return None
        number = self.waiting.popleft()
        return Parcel(to_reader(number), str(number).encode(), number)

    def begin(self, parcel: Parcel) -> bool:
        number = _number(parcel)
        self.begun.append(number)
        return number not in self.held_back

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        self.told.append((_number(parcel), reply))
        self.heard.set()
        self.on_told()


def _number(parcel: Parcel) -> int:
    assert isinstance(parcel.ref, int)
    return parcel.ref


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as executor:
        yield executor


def a_line(transport: Transport, desk: Desk, threads: ThreadPoolExecutor) -> TransportLine:
    return TransportLine(Way("way", transport=transport), desk, threads)


async def _within(line: asyncio.Task[Ended]) -> Ended:
    return await asyncio.wait_for(line, 30)


async def _entered(gate: Gate) -> None:
    """Wait until a message is with the transport."""
    assert await asyncio.to_thread(gate.inside.acquire, timeout=30)


def test_a_line_hands_over_all_there_is_and_leaves_when_told(threads: ThreadPoolExecutor) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2, 3), Gate()
        gate.answers = {2: UNKNOWN}
        line: Line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        await asyncio.wait_for(desk.asked_in_vain.wait(), 30)
        line.leave()
        assert await _within(running) == Ended(None, accepted=2)
        assert desk.begun == gate.delivered == [1, 2, 3]
        assert desk.told == [(1, ACCEPTED), (2, UNKNOWN), (3, ACCEPTED)]

    asyncio.run(run())


def test_a_line_with_nothing_to_do_waits_until_it_is_woken(threads: ThreadPoolExecutor) -> None:
    async def run() -> None:
        desk, gate = Desk(), Gate()
        line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        for number in (1, 2):
            await asyncio.wait_for(desk.asked_in_vain.wait(), 30)
            desk.asked_in_vain.clear()
            desk.waiting.append(number)
            line.wake()
            await asyncio.wait_for(desk.heard.wait(), 30)
            desk.heard.clear()
        line.leave()
        assert await _within(running) == Ended(None, accepted=2)

    asyncio.run(run())


def test_what_must_not_leave_any_more_is_answered_and_not_delivered(
    threads: ThreadPoolExecutor,
) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2, 3), Gate()
        desk.held_back = {1, 3}
        line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        await asyncio.wait_for(desk.asked_in_vain.wait(), 30)
        line.leave()
        assert await _within(running) == Ended(None, accepted=1)
        assert gate.delivered == [2]
        assert desk.told == [(1, HELD_BACK), (2, ACCEPTED), (3, HELD_BACK)]

    asyncio.run(run())


def test_who_holds_everything_back_does_not_hold_the_loop(threads: ThreadPoolExecutor) -> None:
    async def run() -> None:
        desk, gate = Desk(1), Gate()
        desk.held_back = {1}
        desk.on_told = lambda: desk.waiting.append(1)
        line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        await asyncio.sleep(0)
        line.leave()
        assert await _within(running) == Ended(None)

    asyncio.run(run())


@pytest.mark.parametrize("lost", [UNREACHABLE, CUT, CUT_OFF])
def test_a_line_ends_with_the_connection(threads: ThreadPoolExecutor, lost: Reply) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2, 3), Gate()
        gate.answers = {2: lost}
        running = asyncio.create_task(a_line(gate, desk, threads).run())
        assert await _within(running) == Ended(lost, accepted=1)
        assert desk.told == [(1, ACCEPTED), (2, lost)]
        assert list(desk.waiting) == [3]

    asyncio.run(run())


@pytest.mark.parametrize("refusal", [BUSY, DENIED, UNKNOWN])
def test_a_refusal_ends_no_line(threads: ThreadPoolExecutor, refusal: Reply) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2), Gate()
        gate.answers = {1: refusal}
        line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        await asyncio.wait_for(desk.asked_in_vain.wait(), 30)
        line.leave()
        assert await _within(running) == Ended(None, accepted=1)
        assert desk.told == [(1, refusal), (2, ACCEPTED)]

    asyncio.run(run())


def test_what_a_transport_raises_is_no_answer_and_is_logged_without_addresses(
    threads: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2), Gate()
        gate.answers = {1: KeyError("ann@example.org")}
        running = asyncio.create_task(a_line(gate, desk, threads).run())
        assert await _within(running) == Ended(BROKEN)
        assert desk.told == [(1, BROKEN)]

    asyncio.run(run())
    (record,) = caplog.records
    facts = getattr(record, "facts", {})
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "transport broke down")
    assert {name: facts[name] for name in ("way", "error")} == {
        "way": "way",
        "error": "KeyError: (address)",
    }
    assert facts["at"].startswith("test_caller.py:")
    assert "ann@" not in caplog.text


def test_a_line_told_to_leave_waits_for_the_answer_it_is_owed(threads: ThreadPoolExecutor) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2), Gate(is_open=False)
        line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        await _entered(gate)
        line.leave()
        await asyncio.sleep(0)
        assert desk.told == []
        gate.open.set()
        assert await _within(running) == Ended(None, accepted=1)
        assert (desk.told, list(desk.waiting)) == ([(1, ACCEPTED)], [2])

    asyncio.run(run())


def test_a_line_cut_off_waits_for_nothing_and_the_late_answer_is_not_heard(
    threads: ThreadPoolExecutor,
) -> None:
    async def run() -> None:
        desk, gate = Desk(1, 2), Gate(is_open=False)
        line = a_line(gate, desk, threads)
        running = asyncio.create_task(line.run())
        await _entered(gate)
        line.abort()
        assert await _within(running) == Ended(CUT_OFF)
        gate.open.set()
        threads.shutdown()
        await asyncio.sleep(0)
        assert desk.told == [(1, CUT_OFF)]

    asyncio.run(run())


def test_what_no_thread_has_begun_with_surely_did_not_leave() -> None:
    async def run(one: ThreadPoolExecutor) -> None:
        desk, gate = Desk(1, 2), Gate(is_open=False)
        lines = [a_line(gate, desk, one) for _ in range(2)]
        running = [asyncio.create_task(line.run()) for line in lines]
        await _entered(gate)
        for line in lines:
            line.abort()
        assert [await _within(each) for each in running] == [Ended(CUT_OFF), Ended(NOT_BEGUN)]
        gate.open.set()
        assert desk.told == [(1, CUT_OFF), (2, NOT_BEGUN)]
        assert gate.delivered == [1]

    with ThreadPoolExecutor(1) as one:
        asyncio.run(run(one))


def test_a_line_whose_task_is_cancelled_still_answers_once(threads: ThreadPoolExecutor) -> None:
    async def run() -> None:
        desk, gate = Desk(1), Gate(is_open=False)
        running = asyncio.create_task(a_line(gate, desk, threads).run())
        await _entered(gate)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        gate.open.set()
        assert desk.told == [(1, CUT_OFF)]

    asyncio.run(run())


def test_without_threads_nothing_leaves(caplog: pytest.LogCaptureFixture) -> None:
    async def run(ended: ThreadPoolExecutor) -> None:
        desk, gate = Desk(1, 2), Gate()
        running = asyncio.create_task(a_line(gate, desk, ended).run())
        assert await _within(running) == Ended(NOT_BEGUN)
        assert (desk.told, gate.delivered) == ([(1, NOT_BEGUN)], [])

    with ThreadPoolExecutor(1) as ended:
        ended.shutdown()
        asyncio.run(run(ended))
    assert [record.getMessage() for record in caplog.records] == ["transport broke down"]


def test_a_line_that_may_not_begin_takes_nothing(threads: ThreadPoolExecutor) -> None:
    async def run() -> None:
        desk = Desk(1)
        line = a_line(Gate(), desk, threads)
        line.leave()
        assert await line.run() == Ended(None)
        line.wake()
        line.abort()
        assert list(desk.waiting) == [1]

    asyncio.run(run())


def test_several_lines_share_a_transport_and_each_message_goes_once(
    threads: ThreadPoolExecutor, tmp_path: Path
) -> None:
    async def run() -> None:
        parcels = deque(Parcel(to_reader(n), a_message(str(n)), n) for n in range(100))

        class Store(Desk):
            def take(self, line: Line) -> Parcel | None:
                return parcels.popleft() if parcels else super().take(line)

        desk = Store()
        transport = MaildirTransport(tmp_path)
        lines = [a_line(transport, desk, threads) for _ in range(4)]
        running = [asyncio.create_task(line.run()) for line in lines]
        while len(desk.told) < 100:
            await asyncio.wait_for(desk.heard.wait(), 30)
            desk.heard.clear()
        for line in lines:
            line.leave()
        ended = [await _within(each) for each in running]
        assert sum(each.accepted for each in ended) == 100
        assert sorted(number for number, _ in desk.told) == list(range(100))

    asyncio.run(run())
    stored = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert sorted(stored) == sorted(a_message(str(n)) for n in range(100))


def test_a_relay_is_no_way_for_a_caller(threads: ThreadPoolExecutor) -> None:
    with pytest.raises(ValueError, match="way smtp: it has no transport to call"):
        TransportLine(Way("smtp"), Desk(), threads)
