"""Pure. When mail may leave: the hours of delivery in a zone, and spreading over a span."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

Window = tuple[time, time]
"""From the first local hour until right before the second; that may lie on the next day."""

_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)
_GOLDEN = 0x9E3779B97F4A7C15
"""The fractional part of the golden ratio, of 2**64."""
_WHOLE = 1 << 64


def next_open(now: datetime, window: Window, zone: str) -> datetime | None:
    """Say when the window opens next, in UTC; None when it is open now.

    Each local date has one window. An hour that the clock shows twice counts the first time, one
    that it leaves out is the first minute after the gap.
    """
    ahead = []
    for opens, closes in _around(now, window, zone):
        if opens <= now < closes:
            return None
        if now < opens < closes:
            ahead.append(opens)
    return min(ahead)


def closes_at(now: datetime, window: Window, zone: str) -> datetime | None:
    """Say when the window that is open now closes, in UTC; None when it is closed."""
    for opens, closes in _around(now, window, zone):
        if opens <= now < closes:
            return closes
    return None


def next_midnight(now: datetime, zone: str) -> datetime:
    """Say when the next local date begins, in UTC."""
    day = now.astimezone(ZoneInfo(zone)).date()
    return next(
        at
        for at in (_moment(day + n * _ONE_DAY, time(), ZoneInfo(zone)) for n in range(1, 4))
        if at > now
    )


def due_in_spread(n: int, send_at: datetime, spread: timedelta) -> datetime:
    """Say when batch `n` leaves, counted from 0, which leaves at once.

    By steps of the golden ratio: however many batches there will be, those known are always spread
    evenly, so planning needs no total; and no provider gets all of its mail at the full hour.
    """
    return send_at + spread * (n * _GOLDEN % _WHOLE / _WHOLE)


def _around(now: datetime, window: Window, zone: str) -> list[tuple[datetime, datetime]]:
    """Give the windows of the days around, in UTC; one that falls into a gap is empty."""
    place = ZoneInfo(zone)
    day = now.astimezone(place).date() - _ONE_DAY
    begin, end = window
    over_night = _ONE_DAY if end <= begin else timedelta(0)
    return [
        (_moment(each, begin, place), _moment(each + over_night, end, place))
        for each in (day + n * _ONE_DAY for n in range(5))
    ]


def _moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    local = datetime.combine(day, wall.replace(fold=0))
    at = local.replace(tzinfo=zone).astimezone(UTC)
    if _shown(at, zone) == local:
        return at
    # In a gap fold=0 gives a moment behind it (PEP 495): go back to where the clock jumped.
    while _shown(at - _ONE_MINUTE, zone) > local:
        at -= _ONE_MINUTE
    return at


def _shown(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)
