"""Pure. How far an edition is, how fast it leaves and when it is out, by counts seen over time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from digest.delivery.model import Tally

_LOOKED_AT_SECONDS = 30.0  # long enough to be steady, short enough to show a change
_LEAST_SECONDS = 0.5  # results are written in bursts, several times a second
_WHOLE = 100


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The counts at one moment of a monotonic clock (seconds)."""

    at: float
    tally: Tally


@dataclass(frozen=True, slots=True)
class Pace:
    """How an edition fares: `done` have had their first try, of `total`.

    `per_second` is None while nobody can know it yet, `seconds_left` also where nothing moves: then
    the end is open. A copy that is put off is done here, though not final: it comes again.
    """

    done: int
    total: int
    per_second: float | None = None
    seconds_left: float | None = None

    @property
    def percent(self) -> int:
        """Give whole per cent, rounded down: 100 is said of all and of nothing less."""
        return _WHOLE if self.done >= self.total else self.done * _WHOLE // self.total

    def filled(self, columns: int) -> int:
        """Give how many of the columns of a bar are full; the last one when all is done."""
        return columns if self.done >= self.total else self.done * columns // self.total


class Course:
    """The counts seen in the last half minute, oldest first."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self._seen: deque[Snapshot] = deque()

    def add(self, snapshot: Snapshot) -> Pace:
        """See the counts as they are now; give the pace.

        Copies that were opened again by a person begin it anew: it never runs backwards.
        """
        if self._seen and done_of(snapshot.tally) < done_of(self._seen[-1].tally):
            self._seen.clear()
        self._seen.append(snapshot)
        while snapshot.at - self._seen[0].at > _LOOKED_AT_SECONDS:
            self._seen.popleft()
        return pace_between(self._seen[0], snapshot)


def pace_between(first: Snapshot, last: Snapshot) -> Pace:
    """Give the pace from one moment to a later one."""
    tally = last.tally
    done, seconds = done_of(tally), last.at - first.at
    if seconds < _LEAST_SECONDS:
        return Pace(done, tally.total)
    per_second = max(0, done - done_of(first.tally)) / seconds
    left = tally.planned / per_second if per_second else None
    return Pace(done, tally.total, per_second, left)


def done_of(tally: Tally) -> int:
    """Count the copies that have had their first try, or will never need one."""
    return tally.total - tally.planned
