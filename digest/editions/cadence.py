"""Pure. When a newsletter comes: its slots, from local wall time in its zone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from digest.editions.model import Cadence, Slot

_ONE_DAY = timedelta(days=1)
_HORIZON = 800
"""Days looked at before giving up: two years of holidays mean a newsletter that has ended."""
_EVERY_DAY = frozenset(range(7))


def slot_on(cadence: Cadence, day: date) -> Slot | None:
    """Give the slot of a local date, or None when no edition is made on that weekday.

    An hour that the clock skips comes later by what was skipped, one that it shows twice is taken
    the first time; a date that a zone left out whole has no slot. So a local date has one slot.
    """
    zone = ZoneInfo(cadence.zone)
    if day.weekday() not in cadence.days or not _exists(day, zone):
        return None
    cut_off_at = _moment(day, cadence.slots[0].cut_off, zone)
    return Slot(
        local_date=day,
        cut_off_at=cut_off_at,
        # 02:30 skipped becomes 03:30 and would overtake a sending hour of 03:00.
        send_at=max(cut_off_at, _moment(day, cadence.slots[0].send_at, zone)),
        holiday=any(day in days for days in cadence.not_on),
    )


def slots_between(cadence: Cadence, after: datetime, until: datetime) -> list[Slot]:
    """Give the slots cut off in (after, until], holidays among them, oldest first."""
    days = takewhile(
        lambda day: day <= _local_date(cadence, until) + _ONE_DAY,
        _days_from(_local_date(cadence, after) - _ONE_DAY),
    )
    slots = (slot_on(cadence, day) for day in days)
    return [slot for slot in slots if slot is not None and after < slot.cut_off_at <= until]


def next_slot(cadence: Cadence, after: datetime) -> Slot | None:
    """Give the first slot that is sent after this moment and is no holiday, if there is one."""
    slots = _slots_ahead(cadence, after)
    return next((slot for slot in slots if not slot.holiday and slot.send_at > after), None)


def next_cut_off(cadence: Cadence, after: datetime) -> datetime | None:
    """Give the first cut-off after this moment that makes an edition: holidays make none."""
    slots = _slots_ahead(cadence, after)
    cut_offs = (slot.cut_off_at for slot in slots if not slot.holiday)
    return next((cut_off for cut_off in cut_offs if cut_off > after), None)


def next_wake_up(cadence: Cadence, after: datetime) -> datetime | None:
    """Give the first cut-off after this moment, holidays included: they are recorded too."""
    cut_offs = (slot.cut_off_at for slot in _slots_ahead(cadence, after))
    return next((cut_off for cut_off in cut_offs if cut_off > after), None)


def previous_cut_off(cadence: Cadence, before: datetime) -> datetime:
    """Give the last cut-off at or before this moment that was no holiday's.

    A newsletter that never comes by itself counts as if it came daily: its clock, not 24 hours.
    """
    daily = cadence if cadence.days else replace(cadence, days=_EVERY_DAY)
    newest = _local_date(cadence, before) + _ONE_DAY
    for back in range(_HORIZON):
        slot = slot_on(daily, newest - back * _ONE_DAY)
        if slot is not None and not slot.holiday and slot.cut_off_at <= before:
            return slot.cut_off_at
    return before


def _slots_ahead(cadence: Cadence, after: datetime) -> Iterator[Slot]:
    # A late hour may be moved past midnight, so the day before can still lie ahead.
    days = _days_from(_local_date(cadence, after) - _ONE_DAY)
    for day, _ in zip(days, range(_HORIZON), strict=False):
        slot = slot_on(cadence, day)
        if slot is not None:
            yield slot


def _days_from(first: date) -> Iterator[date]:
    for ordinal in range(first.toordinal(), date.max.toordinal()):
        yield date.fromordinal(ordinal)


def _local_date(cadence: Cadence, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(cadence.zone)).date()


def _moment(day: date, wall: time | timedelta, zone: ZoneInfo) -> datetime:
    wall = wall if isinstance(wall, time) else time()
    # PEP 495: fold=0 reads a repeated hour the first time, and a skipped one with the offset from
    # before the gap, which is later on the clock by the length of the gap.
    return datetime.combine(day, wall.replace(fold=0), tzinfo=zone).astimezone(UTC)


def _exists(day: date, zone: ZoneInfo) -> bool:
    # Samoa went from 29 to 31 December 2011: both midnights of the 30th are one moment.
    return _moment(day, time(), zone) < _moment(day + _ONE_DAY, time(), zone)
