"""Pure but for `utc_now`. Time as an argument: every rule takes a `Clock`, none reads the wall."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""A function that tells the moment as an aware datetime in UTC."""


def utc_now() -> datetime:
    """Read the machine's clock, in UTC."""
    return datetime.now(UTC)


def fixed(at: datetime) -> Clock:
    """Give a clock that stands still at `at` (aware, any zone)."""
    moment = to_utc(at)
    return lambda: moment


def shifted(start: datetime, *, clock: Clock = utc_now) -> Clock:
    """Give a clock that runs on from `start`, as the demo's newsroom does."""
    offset = to_utc(start) - clock()
    return lambda: clock() + offset


def to_utc(at: datetime) -> datetime:
    """Give the same moment in UTC; a naive datetime is a mistake of the caller.

    Raises ValueError for a naive datetime.
    """
    if at.tzinfo is None:
        raise ValueError(f"a time needs its zone: {at!r}")
    return at.astimezone(UTC)
