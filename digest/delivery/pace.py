"""Pure. How fast mail leaves: shares of a pace that several senders keep to together.

A pace is a line of slots, evenly spaced. A row in the database says up to when the slots are given
away; a sender reserves the next few, and uses each once, at its time or a little later (the generic
cell rate algorithm, ITU-T I.371). So all senders together never leave more than
`per_second * time + burst` messages in any span of time, and what nobody used is lost.

Moments in the database are unix seconds of its clock; those of a sender are of a monotonic one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from math import ceil, floor, inf

AHEAD = 1.0
"""Seconds: no slot that is further ahead is given away, so none is kept from others for longer."""

_GRACE = 0.1
"""Seconds that a message may be late without losing its slot."""
_GRACE_OF_FEW = 1.0
_KEPT_BACK = 0.8
"""Of that grace: the rest is for what lies between reading the database's clock and our own."""
_EPSILON = 1e-6
_ALL = 1_000_000_000
_RARE = 3.0
_MODEST = 0.75
"""Who took the last slots sees the next ones later than the others do, who have their turn so."""
_SAME = 0.005
"""Seconds by which two clocks may drift apart while a share that goes on is taken for one."""
WANTED_FOR = 1.0
"""Seconds: who asked for a slot still wants one, so long after its time."""


@dataclass(frozen=True, slots=True)
class Pace:
    """One limit: `all`, `way:smtp`, `group:google`; so many a second, and `burst` at once."""

    key: str
    per_second: float
    burst: float = 1.0

    @property
    def interval(self) -> float:
        """Seconds from one slot to the next."""
        return 1 / self.per_second

    @property
    def late(self) -> float:
        """Seconds after which a slot is lost."""
        return max(0.0, self.burst - 1) / self.per_second

    @property
    def is_rare(self) -> bool:
        """Whether there are so few slots that it matters who takes each."""
        return self.per_second <= _RARE

    def slowed(self, factor: float) -> Pace:
        """Give the same at a part of its rate."""
        burst = 1 + (self.burst - 1) * factor
        return (
            self if factor >= 1 else replace(self, per_second=self.per_second * factor, burst=burst)
        )


def even(key: str, per_second: float) -> Pace:
    """Make a pace whose messages may be a little late, and catch up by so many.

    A tenth of a second; a whole one where there are few: a busy machine must not lose each of them.
    """
    return Pace(key, per_second, 1 + per_second * (_GRACE if per_second >= 1 else _GRACE_OF_FEW))


@dataclass(frozen=True, slots=True)
class Reservation:
    """Slots from `first` on, `count` of them; `next_at` is where the next one's begin."""

    first: float
    count: int
    next_at: float


def farthest(pace: Pace) -> float:
    """Give how many seconds ahead slots can have been given away, and a little more."""
    return AHEAD + 1.25 * pace.interval


def reserve(
    pace: Pace, next_at: float, now: float, *, want: int, alone: bool, rests_until: float = -inf
) -> Reservation:
    """Take the next slots of a pace; all times are the database's.

    Who is alone, for nobody took any since, takes nearly all that are free: that harms nobody.
    While others draw from it too, we take what we want and at most half of what is free, so that
    the last to come finds some. A `next_at`
    further ahead than any sender writes it means that the clock was set back; only a rest until
    `rests_until`, which a server asked for, may last.
    """
    if next_at > max(now, rests_until) + farthest(pace):
        next_at = now + AHEAD
    first = max(next_at, now - pace.late * _KEPT_BACK / 2)  # one older would be lost at once
    ahead = AHEAD * _MODEST if alone else AHEAD
    free = max(0, ceil((now + ahead - first) / pace.interval - _EPSILON))
    count = free if alone else min(want, (free + 1) // 2)
    return Reservation(first, count, first + count * pace.interval if count else next_at)


def given_back(next_at: float, *, ours_end: float, unused_from: float) -> float:
    """Say where the next slots begin when we need ours no more: only the last taken come back."""
    return unused_from if next_at == ours_end else next_at


class Share:
    """What one sender has reserved of one pace, and how it used it. Moments are monotonic seconds.

    Of each stretch of slots it may use the first when its time has come; one that is later than
    the pace allows is lost, and the others move on within the stretch, never beyond its end.
    """

    __slots__ = (
        "_end",
        "_grace",
        "_interval",
        "_lost",
        "_next",
        "_queue",
        "_room",
        "_used",
        "pace",
        "until",
        "wanted_until",
    )

    def __init__(self, pace: Pace) -> None:
        """Begin without a slot."""
        self._queue: deque[tuple[float, float]] = deque()
        self.until = -inf
        self._used = 0.0
        self._lost = 0.0
        self.wanted_until = -inf
        self.set_pace(pace)
        self.drop()

    def set_pace(self, pace: Pace) -> None:
        """Go on at another pace, with the slots there are."""
        self.pace = pace
        self._interval = pace.interval
        self._room = pace.interval * (1 - _EPSILON)
        self._grace = pace.late * _KEPT_BACK

    def drop(self) -> None:
        """Forget every slot."""
        self._queue.clear()
        self._next, self._end = inf, -inf

    def wait(self, now: float) -> float:
        """Tell how many seconds until the next slot; inf when there is none."""
        at = self._next
        if at > now:
            return at - now
        return 0.0 if at >= now - self._grace else self._move_on(now)

    def take(self, now: float) -> None:
        """Use the slot whose time has come."""
        at, latest = self._next, now - self._grace
        at = (at if at > latest else latest) + self._interval  # noqa: FURB136 - max() costs as much as all the rest
        self._used += 1
        if at + self._room <= self._end:
            self._next = at
        else:
            self._next_stretch()

    def grant(self, given: Reservation, offset: float) -> None:
        """Keep slots reserved just now; `offset` is our clock minus the database's."""
        if not given.count:
            return
        first = given.first + offset
        end = first + given.count * self._interval  # unix seconds are coarse: a quarter microsecond
        last = self._queue[-1][1] if self._queue else self._end
        if given.first == self.until and abs(first - last) < _SAME:
            self._lengthen(last + given.count * self._interval)
        elif max(first, last) + self._room <= end:
            self._queue.append((max(first, last), end))
            if self._next == inf:
                self._next_stretch()
        self.until = given.next_at

    def is_idle(self, now: float) -> bool:
        """Tell whether nobody wants the slots there are."""
        return now > self.wanted_until and self.held() > 0

    def asks(self, now: float) -> bool:
        """Tell whether more slots are wanted."""
        if now > self.wanted_until:
            return False
        self.wait(now)
        return True

    def want(self) -> int:
        """Say how many more are of use while other senders draw from the same pace.

        No end of them; twice as many as were used lately, when many went by unused, for then other
        limits hold this sender back. Where slots are rare, none while one is held: else who has one
        might always be the first to take the next one too.
        """
        held = self.held()
        if held and self.pace.is_rare:
            return 0
        if self._lost * 4 <= self._used + _EPSILON:
            return _ALL
        return max(0, ceil(self._used) + 1 - held)

    def begin_again(self) -> None:
        """Let what was used and what went by count half from here on.

        So what is used in each stretch between two renewals comes to twice as much.
        """
        self._used, self._lost = self._used / 2, self._lost / 2

    def held(self) -> int:
        """Count the slots that are still to be used."""
        if self._next == inf:
            return 0
        stretches = ((self._next, self._end), *self._queue)
        return sum(floor((end - at) / self._interval + _EPSILON) for at, end in stretches)

    def give_back(self) -> tuple[float, float]:
        """Let go of every slot; give where ours end in the database, and which are unused there."""
        at, end = self._queue[-1] if self._queue else (self._next, self._end)
        was, self.until = self.until, self.until - max(0.0, end - at)
        self.drop()
        return was, self.until

    def _lengthen(self, end: float) -> None:
        if self._queue:
            self._queue[-1] = (self._queue[-1][0], end)
        elif self._next == inf:  # used to its last slot
            self._next, self._end = self._end, end
        else:
            self._end = end

    def _next_stretch(self) -> None:
        if self._queue:
            self._next, self._end = self._queue.popleft()
        else:
            self._next = inf  # its end stays: the next stretch may begin there

    def _move_on(self, now: float) -> float:
        """Lose what is too late; tell how long until the next slot."""
        latest = now - self._grace
        while self._next < latest:
            if latest + self._room <= self._end:
                self._lost += (latest - self._next) / self._interval
                self._next = latest
            else:
                self._lost += (self._end - self._next) / self._interval
                self._next_stretch()
        return max(0.0, self._next - now)


# Slower, because a server asked for it

_HALF = 0.5
_GROWTH_A_MINUTE = 1.1
_A_DAY = 1440
SLOWEST = 0.1
"""Messages a second: slower than this nobody's complaint makes us."""


def recovered(factor: float, since: float, now: float) -> float:
    """Give what a factor has grown to since its rest ended: a tenth each minute, up to 1.

    Both moments are unix seconds; while it rests it does not grow.
    """
    minutes = min(_A_DAY, max(0.0, now - since) / 60)
    grown: float = factor * _GROWTH_A_MINUTE**minutes
    return min(1.0, grown)


def halved(factor: float, *, base: float, seen: float) -> float:
    """Give the factor after a complaint, of a pace of `base` a second.

    `seen` is how many really left in a second: half of that, where it is less than what was
    allowed, for halving what nobody used changes nothing.
    """
    slower = min(factor, seen / base) * _HALF
    return min(1.0, max(slower, SLOWEST / base))
