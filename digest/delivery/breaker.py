"""Pure. Whether a way out is well, from what its servers say to all of its lines.

A server that is away is waited for. A server that refuses *us* holds the editions, as no reader is
to be marked for what is not theirs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from digest.delivery.backoff import next_probe
from digest.delivery.model import Cause, DeliveryState, Ended, Envelope, Reply
from digest.delivery.settle import without_addresses

_LOSSES_IN_A_ROW = 3  # connections cut within messages, none accepted between: it is the server
_DENIALS_IN_A_ROW = 3  # different messages refused for our sake, none accepted between: it is us
_REFUSALS_IN_A_ROW = 5  # readers refused in the same words, none for their mailbox: it is us
_LOG_IN_CODES = frozenset({530, 534, 535, 538})  # RFC 4954: never about one message
_PERMANENT = 500  # RFC 5321 4.2.1
_RECENT_SECONDS = 10.0  # so long after an acceptance a server is there that lets in no more lines
_FULL_SECONDS = 60.0  # how long we make do with the lines it has let in
_OURS_WAITS_FROM = 2  # probes passed over: who logs in wrongly every ten seconds is locked out
_LONG_WAIT_SECONDS = 100
_ROW = frozenset({Cause.POLICY, Cause.REFUSED, Cause.NOT_TAKEN})
_CUT_OFF = frozenset({Cause.CUT, Cause.UNANSWERED})
_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)

_STATUS = r"[245]\.\d{1,3}\.\d{1,3}(?!\S)"  # RFC 3463: says the same of every message
_ID = re.compile(rf"(?<!\S)(?!{_STATUS})\S*\d\S*")


class State(StrEnum):
    """What may be done with a way."""

    CLOSED = "closed"
    """It is well: mail flows."""
    OPEN = "open"
    """Nothing goes by it for now."""
    HALF_OPEN = "half open"
    """One line tries whether it is well again."""


class Fault(StrEnum):
    """Whose fault it is that a way is not well."""

    AWAY = "away"
    """The server's: the mail waits, or goes by another way."""
    OURS = "ours"
    """Ours, in the settings or with the provider: the editions are held, and people are told."""


@dataclass(frozen=True, slots=True)
class Health:
    """How a way is at one moment; `until` is of the caller's monotonic clock.

    `room` is how many of its lines make sense, 0 that those at work should leave, None as many as
    its settings say. `suspects` are the Message-IDs whose refusals showed that the fault is ours:
    their readers may have been marked for it.
    """

    state: State = State.CLOSED
    fault: Fault | None = None
    reason: str = ""
    until: float = 0.0
    room: int | None = None
    suspects: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the editions are to be held, and not only to wait for the server."""
        return self.fault is Fault.OURS


class Breaker:
    """The health of one way. Moments are seconds of one monotonic clock.

    It hears that a line begins, what the server answers to each message, and why a line ended. Any
    object serves as a line, as long as it stays the same.
    """

    def __init__(self, name: str) -> None:
        """Begin well; `name` is the way's own, for the sentences."""
        self._name = name
        self._lines: dict[object, int] = {}  # those at work, by the era they were begun in
        self._era = 0  # counts how often it was opened: what an older line meets is no news
        self._openings = 0  # the same, since the last acceptance
        self._accepted_at = float("-inf")
        self._full_until = float("-inf")
        self._full_room = 0
        self._clear()

    def _clear(self) -> None:
        self._fault: Fault | None = None
        self._reason = ""
        self._until = 0.0
        self._openings = 0
        self._losses = 0
        self._denied: dict[str, None] = {}
        self._refused: dict[str, None] = {}
        self._likeness = ""  # of the refusals in this row
        self._held_for = ""  # the likeness that it was opened for
        self._suspects: tuple[str, ...] = ()

    def health(self, now: float) -> Health:
        """Say how the way is: how many lines make sense, and what is wrong."""
        if self._fault is None:
            return Health(room=self._full_room if now < self._full_until else None)
        is_open = now < self._until
        return Health(
            State.OPEN if is_open else State.HALF_OPEN,
            self._fault,
            self._reason,
            self._until,
            0 if is_open else 1,
            self._suspects,
        )

    def may_begin(self, now: float) -> bool:
        """Tell whether one more line may be begun now; while it is half open, one at a time."""
        health = self.health(now)
        if health.state is State.HALF_OPEN:
            return not self._probing()
        return health.room is None or len(self._lines) < health.room

    def sentence(self, now: float) -> str:
        """Say what is wrong, for people and logs: one line, no address; empty when all is well."""
        health = self.health(now)
        if health.fault is None:
            return ""
        what = "it refuses us, not the readers" if health.holds else "it is away"
        return f"{self._name}: {what}: {health.reason}; looking again {_in(health.until - now)}"

    def begun(self, line: object, now: float) -> None:
        """Hear that a line was begun; while the way is half open, it is the one that tries."""
        is_open = self.health(now).state is State.OPEN
        self._lines[line] = self._era - 1 if is_open else self._era

    def answered(self, envelope: Envelope, reply: Reply, now: float) -> bool:
        """Hear what the server answered to a message; one acceptance makes all well.

        Give whether the refusal counts as our own fault, for which no reader is to be marked. Of a
        lost connection nothing is heard here: `ended` hears it, once for the whole line.
        """
        if reply.state is DeliveryState.ACCEPTED:
            self._clear()
            self._accepted_at = now
            return False
        if reply.cause is Cause.OURS:
            self._refused.clear()
            self._deny(envelope, reply, now)
            return True
        if reply.connection_lost or not (reply.code or reply.cause is Cause.NOT_TAKEN):
            return False  # no server said it
        return self._refuse(envelope, reply, now)

    def ended(self, line: object, ended: Ended, now: float) -> None:
        """Hear why a line ended; one begun before the way was opened tells nothing new."""
        era = self._lines.pop(line, self._era)
        stale = self._fault is not None and era != self._era
        reply = ended.reply
        if reply is None or (stale and not self._is_worse(reply)):
            return
        if reply.cause is Cause.OURS:
            self._open(Fault.OURS, reply, now)
        elif reply.cause in _CUT_OFF:
            self._losses += 1
            if self._fault is not None or self._losses >= _LOSSES_IN_A_ROW:
                self._open(Fault.AWAY, reply, now)
        elif not ended.accepted:
            self._not_let_in(reply, now)

    def _is_worse(self, reply: Reply) -> bool:
        return reply.cause is Cause.OURS and self._fault is Fault.AWAY

    def _not_let_in(self, reply: Reply, now: float) -> None:
        """Take a line that came to nothing: the server is away, or lets in no more than it has."""
        there = self._lines and now - self._accepted_at <= _RECENT_SECONDS
        if self._fault is None and there:
            self._full_room, self._full_until = len(self._lines), now + _FULL_SECONDS
        else:
            self._open(Fault.AWAY, reply, now)

    def _deny(self, envelope: Envelope, reply: Reply, now: float) -> None:
        self._denied[envelope.message_id] = None
        still = self._fault is Fault.OURS and self._is_tried(now)
        enough = reply.code in _LOG_IN_CODES or len(self._denied) >= _DENIALS_IN_A_ROW
        if still or (enough and self._fault is not Fault.OURS):
            self._suspects = tuple(self._denied)
            self._open(Fault.OURS, reply, now)

    def _refuse(self, envelope: Envelope, reply: Reply, now: float) -> bool:
        """Watch for the same words to everybody; give whether these are the ones."""
        if not _may_be_about_us(envelope, reply):
            self._refused.clear()
            return False
        words = without_addresses(reply.text)
        likeness = f"{reply.code} {_ID.sub('…', words)}"
        if likeness == self._held_for:
            if self._is_tried(now):
                self._open(Fault.OURS, reply, now)
            return True
        if likeness != self._likeness:
            self._refused.clear()
        self._likeness = likeness
        self._refused[envelope.message_id] = None
        if len(self._refused) < _REFUSALS_IN_A_ROW:
            return False
        self._hold_for(likeness, words, reply, now)
        return True

    def _hold_for(self, likeness: str, words: str, reply: Reply, now: float) -> None:
        self._held_for, self._suspects = likeness, tuple(self._refused)
        self._refused.clear()
        said = f"{len(self._suspects)} readers in a row refused in the same words: {words}"
        self._open(Fault.OURS, reply, now, reason=said)

    def _probing(self) -> bool:
        return self._era in self._lines.values()

    def _is_tried(self, now: float) -> bool:
        return self.health(now).state is State.HALF_OPEN and self._probing()

    def _open(self, fault: Fault, reply: Reply, now: float, *, reason: str = "") -> None:
        """Let nothing by for a while; what is ours stays ours until something is accepted."""
        if self._fault is not Fault.OURS:
            self._reason = reason or without_addresses(reply.text) or reply.cause.value
            self._openings = 0 if fault is Fault.OURS else self._openings
            self._fault = fault
        self._openings += 1
        self._era += 1
        passed_over = _OURS_WAITS_FROM if self._fault is Fault.OURS else 0
        wait = next_probe(self._openings + passed_over, _ORIGIN) - _ORIGIN
        self._until = now + wait.total_seconds()


def _may_be_about_us(envelope: Envelope, reply: Reply) -> bool:
    """Tell whether a refusal is for good and not for this one mailbox or its spelling."""
    if reply.cause is Cause.NOT_TAKEN:
        return not envelope.smtputf8
    return reply.cause in _ROW and reply.code >= _PERMANENT


def _in(seconds: float) -> str:
    if seconds <= 0:
        return "now"
    if seconds < _LONG_WAIT_SECONDS:
        return f"in {max(1, round(seconds))} s"
    return f"in {round(seconds / 60)} min"
