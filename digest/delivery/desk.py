"""What the lines of a sender draw from: which copy goes next, and what becomes of each.

All of it happens in the sender's own loop, for every message: no I/O but the journal's two writes.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic

from digest.clock import Clock
from digest.delivery.breaker import Breaker
from digest.delivery.dispatch import Dispatch
from digest.delivery.hand import NEVER_LEFT, Copy, Hand
from digest.delivery.journal import JournalError, LeaseFile
from digest.delivery.limits import Limits
from digest.delivery.model import (
    Cause,
    DeliveryState,
    Line,
    Outbound,
    Parcel,
    Reply,
    Settled,
)
from digest.delivery.sendable import envelope_objection, message_objection
from digest.delivery.settle import ACCEPTED, clean
from digest.errors import DigestError, FewStoriesError
from digest.outbox.model import Notice

_REMEMBERED = 16
"""Refusals that may turn out to be our own fault; see `Breaker`."""
_LONGEST_NAP = 0.5


@dataclass(frozen=True, slots=True)
class Refused:
    """A copy that was marked as refused, and may have to be opened again."""

    message_id: str
    edition_id: int
    reader: int
    domain_id: int


@dataclass(slots=True)
class Gathered:
    """What the desk keeps for the next turn at the ledger."""

    dirty: list[Copy] = field(default_factory=list)
    """To be looked at again: their readers changed something."""
    bounced: set[str] = field(default_factory=set)
    """Public ids of readers whose servers do not know them."""
    notices: list[tuple[Notice, Reply]] = field(default_factory=list)
    unmark: list[Refused] = field(default_factory=list)


class Desk:
    """The source of all lines of one sender."""

    def __init__(
        self,
        limits: Limits,
        outbound: Outbound,
        breakers: Mapping[str, Breaker],
        *,
        clock: Clock,
        settled: Callable[[Reply, Copy, datetime], Settled],
        helpers: Executor | None,
        durable: bool,
    ) -> None:
        """Begin with nothing to send.

        `settled` decides what the ledger is told of a reply. With `helpers` messages are composed
        in their threads, ahead of the lines: signing takes longer than all else.
        """
        self.dispatch = Dispatch(limits)
        self.notices: deque[Parcel] = deque()
        self.kept = Gathered()
        self.notices_out = 0
        self.counts: Counter[str] = Counter()
        self.answered_count = 0
        self.suspects: list[Copy] = []
        """Refused for our own sake: nobody is marked before it is clear whose fault it is."""
        self.leaving = False
        self.cut_off = False
        """We ourselves end what is on the wire: what is unanswered then stays uncertain."""
        self.problem = ""
        self.fault: BaseException | None = None
        """What nobody foresaw, in a thread that composes."""
        self.hungry = asyncio.Event()
        """Set when a turn at the ledger would bring something."""
        self.low_water = 0
        self._limits = limits
        self._outbound = outbound
        self._breakers = breakers
        self._clock = clock
        self._settled = settled
        self._helpers = helpers
        self._durable = durable
        self._loop = asyncio.get_running_loop()
        self._ready: dict[Line, deque[Parcel]] = {}
        self._composing: Counter[Line] = Counter()
        self._seen: dict[tuple[int, str, bool], bool] = {}
        """The kinds of copies whose first was looked at, and whether that was all ASCII."""
        self._refused: deque[Refused] = deque(maxlen=_REMEMBERED)
        self._nap: asyncio.TimerHandle | None = None
        self._unsynced: set[LeaseFile] = set()
        self._syncing = False
        self.lines: set[Line] = set()

    @property
    def waiting(self) -> int:
        """Count what may go now, or is composed already."""
        return len(self.dispatch) + len(self.notices) + sum(map(len, self._ready.values()))

    # Source

    def take(self, line: Line) -> Parcel | None:
        """Give what a line hands over next; None when there is nothing now."""
        if self.leaving:
            return None
        if len(self.dispatch) <= self.low_water:
            self.hungry.set()
        now = monotonic()
        if self.notices and self._limits.may_send(line.way.name, "", now, notice=True) <= 0:
            self._limits.take(line.way.name, "", now)
            self.notices_out += 1
            return self.notices.popleft()
        if self._helpers is None:
            return self._next(line, now)
        return self._next_composed(line, now)

    def _next(self, line: Line, now: float) -> Parcel | None:
        while (copy := self._next_copy(line, now)) is not None:
            made = self._compose(copy)
            if isinstance(made, Parcel):
                return made
            self._could_not(copy, made)
        return None

    def _next_copy(self, line: Line, now: float) -> Copy | None:
        """Choose a copy that may still go; from here on a line has it."""
        while True:
            copy, wait = self.dispatch.take(line.way.name, now)
            if copy is None:
                self._wake_in(wait)
                return None
            if copy.dirty:
                self.kept.dirty.append(copy)
                self.hungry.set()
            elif copy.hand.may_begin(now):
                copy.hand.in_air += 1
                copy.way = line.way.name
                self._limits.take(line.way.name, copy.group, now)
                self._limits.begin(copy.group)
                if self._durable and not self._write_ahead(copy):
                    return None
                return copy
            elif not (copy.hand.halted or copy.hand.lost):
                copy.hand.waiting.appendleft(copy)  # the next flush tells whose it is

    def _write_ahead(self, copy: Copy) -> bool:
        """Write that a copy is about to leave; False when that cannot be done: nothing may leave.

        For durability it is written early, so that one wait for the disk serves many copies.
        """
        try:
            copy.mark = copy.hand.file.begun(copy.reader)
        except JournalError as error:
            self._landed(copy)
            self._put_back(copy)
            self.give_up(str(error))
            return False
        if self._durable:
            self._unsynced.add(copy.hand.file)
            if not self._syncing:
                self._syncing = True
                self._loop.call_soon(self._sync)
        return True

    def _sync(self) -> None:
        """Have a thread bring the journals to the disk, again and again while there is any."""
        files, self._unsynced = self._unsynced, set()
        self._syncing = bool(files)
        if files:
            synced = self._loop.run_in_executor(None, _sync_all, files)
            synced.add_done_callback(lambda _done: self._sync())

    def _next_composed(self, line: Line, now: float) -> Parcel | None:
        ready = self._ready.setdefault(line, deque())
        parcel = ready.popleft() if ready else None
        if not ready and not self._composing[line]:
            copy = self._next_copy(line, now)
            if copy is not None:
                self._compose_ahead(line, copy)
        return parcel

    def _compose_ahead(self, line: Line, copy: Copy) -> None:
        self._composing[line] += 1
        assert self._helpers is not None  # noqa: S101 - only then are we asked
        made = self._loop.run_in_executor(self._helpers, self._compose, copy)
        made.add_done_callback(lambda done: self._composed(line, copy, done))

    def _composed(self, line: Line, copy: Copy, done: asyncio.Future[Parcel | Settled]) -> None:
        self._composing[line] -= 1
        fault = None if done.cancelled() else done.exception()
        made = None if done.cancelled() or fault is not None else done.result()
        if fault is not None:
            self.fault = self.fault or fault
            self.give_up(f"{type(fault).__name__} in composing")
        if isinstance(made, Settled):
            self._could_not(copy, made)
        elif made is not None and line in self.lines and not self.leaving:
            self._ready.setdefault(line, deque()).append(made)
        else:
            self._landed(copy)
            self._put_back(copy)
        line.wake()

    def _compose(self, copy: Copy) -> Parcel | Settled:
        """Build one reader's message; what cannot be built fails this reader only."""
        letter = copy.hand.letter
        try:
            envelope, values = self._outbound.values_for(letter.edition, copy.recipient)
            message = letter.wire.message(values, copy.recipient.language)
        except FewStoriesError as error:
            return Settled(DeliveryState.SKIPPED, reason=clean(str(error)))
        except (DigestError, ValueError) as error:
            words = clean(f"it cannot be composed: {error}")
            return Settled(DeliveryState.FAILED, reason=words)
        key = (letter.edition.id, copy.recipient.language, copy.recipient.text_only)
        problem = envelope_objection(envelope)
        if not problem and key not in self._seen:
            problem = message_objection(message, smtputf8=envelope.smtputf8)
            if not problem:
                self._seen[key] = message.isascii()
        if problem:
            return Settled(DeliveryState.FAILED, reason=problem)
        copy.message_id = envelope.message_id
        # What differs by reader is quoted-printable, or stands in the header.
        is_ascii = None if envelope.smtputf8 else self._seen[key]
        return Parcel(envelope, message, copy, is_ascii)

    def _could_not(self, copy: Copy, settled: Settled) -> None:
        self._landed(copy)
        self._settle(copy, settled)

    def begin(self, parcel: Parcel) -> bool:
        """Write down that a copy is about to leave; False when it must not any more."""
        copy = parcel.ref
        if not isinstance(copy, Copy):
            return True
        if copy.dirty or not copy.hand.may_begin(monotonic()):
            return False
        try:
            if copy.mark == 0:
                copy.mark = copy.hand.file.begun(copy.reader)
            if self._durable and not copy.hand.file.is_synced(copy.mark):
                copy.hand.file.sync()
        except JournalError as error:
            self.give_up(str(error))
            return False
        return True

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        """Hear what became of a message."""
        self.answered_count += 1
        copy = parcel.ref
        if isinstance(copy, Copy):
            self._copy_answered(copy, parcel, reply)
        elif isinstance(copy, Notice):
            self.notices_out -= 1
            self.kept.notices.append((copy, reply))
            self.hungry.set()

    def _copy_answered(self, copy: Copy, parcel: Parcel, reply: Reply) -> None:
        self._landed(copy)
        hand = copy.hand
        if reply.cause is Cause.AWAY:
            self._put_back(copy)
            return
        if reply.cause is Cause.TOO_FAST:
            self._limits.slow_down(copy.group, reply.wait)
            self.dispatch.regroup(copy.group)
        if self._is_ours(copy, parcel, reply):
            hand.note(copy, DeliveryState.PLANNED, reply)
            self.suspects.append(copy)
            self.hungry.set()
            return
        if reply.cause is Cause.ACCEPTED:
            settled = ACCEPTED
        elif reply.cause is Cause.UNANSWERED and self.cut_off:
            settled = Settled(DeliveryState.UNCERTAIN, reason="stopped before the answer came")
        else:
            settled = self._settled(reply, copy, self._clock())
        hand.note(copy, settled.state, reply)
        if reply.cause is Cause.UNKNOWN_USER:
            self.kept.bounced.add(copy.recipient.public_id)
        self._settle(copy, settled)

    def _is_ours(self, copy: Copy, parcel: Parcel, reply: Reply) -> bool:
        """Ask the way's breaker whose fault a refusal is; open again what was marked before."""
        breaker = self._breakers[copy.way]
        now = monotonic()
        ours = breaker.answered(parcel.envelope, reply, now)
        if reply.state is DeliveryState.ACCEPTED:
            self._refused.clear()
        elif ours:
            guilty = set(breaker.health(now).suspects)
            self.kept.unmark += [each for each in self._refused if each.message_id in guilty]
            self._refused.clear()
        elif reply.state is DeliveryState.FAILED:
            self._refused.append(
                Refused(copy.message_id, copy.hand.lease.edition_id, copy.reader, copy.domain_id)
            )
        return ours

    def _landed(self, copy: Copy) -> None:
        copy.hand.in_air -= 1
        self._limits.end(copy.group)
        if copy.hand.in_air == 0 and copy.hand.halted:
            self.hungry.set()

    def _settle(self, copy: Copy, settled: Settled) -> None:
        copy.hand.settle(copy, settled)
        self.counts[settled.state.value] += 1
        if copy.hand.open == 0 and not len(self.dispatch):
            self.hungry.set()  # nothing is left to do: the end need not wait

    def _put_back(self, copy: Copy) -> None:
        """Take back a copy that surely did not leave."""
        copy.hand.note(copy, DeliveryState.PLANNED, NEVER_LEFT)
        copy.mark = 0
        if copy.hand.halted or copy.hand.lost:
            return
        if copy.dirty:
            self.kept.dirty.append(copy)
            self.hungry.set()
        else:
            self.dispatch.put(copy, first=True)

    # What the engine asks for

    def give_up(self, problem: str) -> None:
        """Let nothing more leave, and say why."""
        self.problem = problem
        self.leaving = True
        self.hungry.set()

    def skip(self, copy: Copy, reason: str) -> None:
        """Record that a reader gets none after all."""
        self._settle(copy, Settled(DeliveryState.SKIPPED, reason=reason))

    def put_off(self, copy: Copy, settled: Settled, *, counts_as_try: bool) -> None:
        """Record that a copy waits."""
        if counts_as_try:
            self._settle(copy, settled)
        else:
            copy.hand.settle(copy, settled, counts_as_try=False)

    def halt(self, hand: Hand) -> None:
        """Let nothing more of a lease begin; what is on the wire is answered."""
        hand.halted = True
        hand.waiting.clear()
        self.dispatch.drop(hand)
        self.suspects = [each for each in self.suspects if each.hand is not hand]
        self.kept.dirty = [each for each in self.kept.dirty if each.hand is not hand]
        self.hungry.set()

    def gone(self, line: Line) -> None:
        """Hear that a line has ended: what was composed for it goes by another."""
        self.lines.discard(line)
        for parcel in self._ready.pop(line, ()):
            if isinstance(parcel.ref, Copy):
                self._landed(parcel.ref)
                self._put_back(parcel.ref)

    def wake_lines(self) -> None:
        """Let every line look again whether there is something to take."""
        for line in list(self.lines):
            line.wake()

    def _wake_in(self, seconds: float) -> None:
        if self._nap is None and seconds > 0 and self.waiting:
            nap = min(seconds, _LONGEST_NAP)
            self._nap = self._loop.call_later(nap, self._end_nap)

    def _end_nap(self) -> None:
        self._nap = None
        self.wake_lines()


def _sync_all(files: Collection[LeaseFile]) -> None:
    for file in files:
        with contextlib.suppress(JournalError):  # `begin` tries again, and says so
            file.sync()
