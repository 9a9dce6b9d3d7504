"""Pure. Whether a site is at work: its processes, its schedule and its queue, at one moment."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from digest.workflow.store import STALE_AFTER, Heartbeat

LOOKED_LATELY = timedelta(minutes=5)
"""How old the scheduler's last look at the queue may be for us to believe it."""
EXPECTED_FOR = timedelta(days=7)
"""A process that has been silent for so long was taken away on purpose."""
SCHEDULER, SENDER = "scheduler", "sender"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the scheduler saw of the queue: when its results last changed, and when it looked."""

    value: str
    moved_at: datetime
    looked_at: datetime


@dataclass(frozen=True, slots=True)
class Vitals:
    """What a site's database says of its health; times aware UTC.

    `slot_due_at` is the earliest slot that nobody has taken although its time has come,
    `copy_due_at` the earliest copy that is due and not settled.
    """

    beats: Sequence[Heartbeat] = ()
    slot_due_at: datetime | None = None
    copy_due_at: datetime | None = None
    mark: Mark | None = None


class Life(StrEnum):
    """Whether a kind of process is alive somewhere."""

    OK = "ok"
    SILENT = "silent"
    """It was killed, or hangs: one that is asked to leave takes its sign of life away."""
    NONE = "none"
    """Nobody ever started it, or it was stopped on purpose."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The parts of readiness that a healthy database tells."""

    scheduler: Life
    sender: Life
    is_late: bool
    is_stuck: bool
    late: timedelta
    """How long a slot has been due."""
    oldest: timedelta
    """How long a copy has been due."""

    @property
    def good(self) -> bool:
        """Whether nobody needs to look."""
        silent = Life.SILENT in {self.scheduler, self.sender}
        return not (silent or self.is_late or self.is_stuck)


def standing(
    vitals: Vitals, *, now: datetime, wall: datetime, patience: timedelta, held_back: bool = False
) -> Standing:
    """Judge a site; `now` is the newsroom's hour, `wall` the machine's, by which processes live.

    `patience` is how long something may be due; `held_back`: our own limits let nothing leave now.
    """
    sender = life_of(vitals.beats, SENDER, wall)
    stuck = is_stuck(vitals, now, patience=patience, sending=sender is Life.OK)
    return Standing(
        scheduler=life_of(vitals.beats, SCHEDULER, wall),
        sender=sender,
        is_late=is_due_for(vitals.slot_due_at, now, patience),
        is_stuck=stuck and not held_back,
        late=age(vitals.slot_due_at, now),
        oldest=age(vitals.copy_due_at, now),
    )


def life_of(beats: Collection[Heartbeat], kind: str, wall: datetime) -> Life:
    """Tell whether one process of a kind lives: `sender`, or `sender` and its machine."""
    silences = [wall - beat.beat_at for beat in beats if kind_of(beat.process) == kind]
    if any(silence < STALE_AFTER for silence in silences):
        return Life.OK
    expected = any(silence < EXPECTED_FOR for silence in silences)
    return Life.SILENT if expected else Life.NONE


def kind_of(process: str) -> str:
    """Give the kind of a process: there may be several, each with its machine behind the word."""
    return process.partition(" ")[0]


def is_stuck(vitals: Vitals, now: datetime, *, patience: timedelta, sending: bool = False) -> bool:
    """Tell whether copies are due and nothing comes of them.

    A letter to many is due for hours while it leaves: it is stuck only when no result came for as
    long as our patience. Where no scheduler has looked lately, we know only whether anybody sends.
    """
    if not is_due_for(vitals.copy_due_at, now, patience):
        return False
    mark = vitals.mark
    if mark is None or now - mark.looked_at > LOOKED_LATELY:
        return not sending
    return now - mark.moved_at >= patience


def next_mark(mark: Mark | None, value: str, now: datetime) -> Mark:
    """Move the mark on, after a look at a queue in which something is due.

    Where nobody looked for a while, nobody worked either: the machine slept. Its senders get the
    same time as for a letter that has just begun.
    """
    if mark is None or not mark.looked_at <= now <= mark.looked_at + LOOKED_LATELY:
        return Mark(value, now, now)
    return Mark(value, mark.moved_at if mark.value == value else now, now)


def is_due_for(due_at: datetime | None, now: datetime, patience: timedelta) -> bool:
    """Tell whether something has been due for at least so long."""
    return due_at is not None and now - due_at >= patience


def age(since: datetime | None, now: datetime) -> timedelta:
    """Give how long ago it was; nothing for what is not, or is still to come."""
    return timedelta(0) if since is None else max(timedelta(0), now - since)
