"""Pure. A new sender address becomes known slowly: so many messages a day, then more each day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import inf, log

from digest.delivery.pace import WANTED_FOR

NO_LIMIT_ABOVE = 10_000_000
"""Messages a day; who is allowed more is not held back any more."""

_FIRST_LOAN = 20
_AGAIN_AFTER = 30.0


@dataclass(frozen=True, slots=True)
class WarmUp:
    """The plan: `first_day` messages on the date `since`, each day `growth` times as many."""

    since: date
    first_day: int = 200
    growth: float = 1.5


def allowance(since: date, day: date, first_day: int, growth: float) -> int | None:
    """Give how many messages may leave on a local date; None when it is no limit any more.

    Before the first day as many as on it: the clocks of two machines may not agree on the date.
    """
    days = max(0, (day - since).days)
    if log(first_day) + days * log(growth) > log(NO_LIMIT_ABOVE):
        return None
    return int(first_day * growth**days + 1e-9)


@dataclass(slots=True)
class DayShare:
    """What one sender has of a day's allowance: messages that were counted before they are sent.

    Moments are monotonic seconds. Less than nothing is left when a message left that nothing holds
    back: it is counted afterwards.
    """

    key: str = ""
    allowed: int = 0
    left: int = 0
    _used: int = 0
    _loan: int = _FIRST_LOAN
    _wanted_until: float = -inf
    _ask_at: float = -inf

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left here, and there was no more to be had."""
        return self.left <= 0 and self._ask_at > -inf

    def used_up_for(self, now: float) -> float:
        """Give the seconds until it is worth asking again; 0.0 when it is."""
        return max(0.0, self._ask_at - now) if self.is_used_up else 0.0

    def begin(self, key: str, allowed: int) -> None:
        """Go on, or begin anew on another day: what is left of the last one is worth nothing."""
        if key != self.key:
            self.left, self._ask_at = 0, -inf
        self.key, self.allowed = key, allowed

    def refuse(self, now: float) -> bool:
        """Tell whether a message must wait, and remember that it wanted to leave."""
        self._wanted_until = now + WANTED_FOR
        return self.left <= 0

    def take(self, now: float) -> None:
        """Count a message."""
        self.left -= 1
        self._used += 1
        self._wanted_until = now + WANTED_FOR

    def want(self, now: float) -> int:
        """Say how many more are of use: each time twice as many, while all are used."""
        if now < self._ask_at or now > self._wanted_until:
            return 0
        most = max(2 * self._loan, 4 * self._used) if self.left <= 0 else 2 * self._used
        return max(0, max(_FIRST_LOAN, most) - max(0, self.left))

    def is_idle(self, now: float) -> bool:
        """Tell whether what is left can be given back."""
        return self.left > 0 and now > self._wanted_until

    def settle(self, now: float) -> tuple[int, int]:
        """Give how many come back, for nobody wants them, and how many were not counted yet."""
        back = self.left if self.is_idle(now) else 0
        owed = max(0, -self.left)
        self.left += owed - back
        return back, owed

    def leave(self) -> None:
        """Want nothing more."""
        self._wanted_until = -inf

    def lend(self, lent: int, wanted: int, now: float) -> None:
        """Add what was counted for us; where that is nothing, it is asked for again later.

        For another sender may give some back.
        """
        self.left += lent
        self._used = 0
        if wanted:
            self._loan = max(_FIRST_LOAN, lent)
            self._ask_at = -inf if lent else now + _AGAIN_AFTER
