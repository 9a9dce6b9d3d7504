"""Pure. When a newsletter comes: its slots, from local wall time in its zone."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from digest.editions.model import (
    Cadence,
    MonthDay,
    NewsletterSpec,
    ReleaseMode,
    Slot,
    SlotHours,
)

_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)
_ONE_WEEK = timedelta(days=7)
_AROUND = 2 * _ONE_DAY
"""A cut-off may lie a day before its date, and the clocks may shift it past another midnight."""
_HORIZON = 1600
"""Days looked at before giving up: four years of holidays mean a newsletter that has ended."""
_EVERY_DAY = frozenset(range(7))
_LIVES_LOOKED_AT = 40
"""Slots whose editions are followed to their end: more than a week has, however many a day."""


def slots_on(cadence: Cadence, day: date) -> tuple[Slot, ...]:
    """Give the slots of a local date by their cut-offs; none when no edition is made on it.

    An hour that the clock skips is taken at the first minute after the gap, one that it shows
    twice the first time; a date that a zone left out whole has no slot. So a local date has each
    of its slots once.
    """
    if not _comes_on(cadence, day):
        return ()
    zone = ZoneInfo(cadence.zone)
    if not _exists(day, zone):
        return ()
    holiday = any(day in days for days in cadence.not_on)
    slots = [_slot(day, hours, zone, holiday=holiday) for hours in cadence.slots]
    return tuple(sorted(slots, key=_by_cut_off))


def slots_between(cadence: Cadence, after: datetime, until: datetime) -> list[Slot]:
    """Give the slots cut off in (after, until], holidays among them, oldest first."""
    last = _local_date(cadence, until) + _AROUND
    slots: list[Slot] = []
    for day in _days_from(_local_date(cadence, after) - _AROUND):
        if day > last:
            break
        slots += (slot for slot in slots_on(cadence, day) if after < slot.cut_off_at <= until)
    return sorted(slots, key=_by_cut_off)


def next_slots(cadence: Cadence, after: datetime, count: int) -> list[Slot]:
    """Give the first `count` slots that are sent after this moment and are no holidays."""
    ahead = (s for s in _ahead(cadence, after, _by_sending) if not s.holiday)
    return list(islice(ahead, count))


def next_slot(cadence: Cadence, after: datetime) -> Slot | None:
    """Give the first slot that is sent after this moment and is no holiday, if there is one."""
    return next(iter(next_slots(cadence, after, 1)), None)


def expiry(spec: NewsletterSpec, slot: Slot) -> datetime | None:
    """Say when an edition is over: its own time after its hour, or when the next one is due.

    Not after its own cut-off: one made early by hand would expire before its hour.
    """
    if spec.expires_after is not None:
        return slot.send_at + spec.expires_after
    return next_cut_off(spec.cadence, slot.send_at)


def next_cut_off(cadence: Cadence, after: datetime) -> datetime | None:
    """Give the first cut-off after this moment that makes an edition: holidays make none."""
    ahead = (s for s in _ahead(cadence, after, _by_cut_off) if not s.holiday)
    return next((slot.cut_off_at for slot in ahead), None)


def next_wake_up(cadence: Cadence, after: datetime) -> datetime | None:
    """Give the first cut-off after this moment, holidays included: they are recorded too."""
    return next((slot.cut_off_at for slot in _ahead(cadence, after, _by_cut_off)), None)


def previous_cut_off(cadence: Cadence, before: datetime) -> datetime:
    """Give the last cut-off at or before this moment that was no holiday's.

    A newsletter that never comes by itself counts as if it came daily: its clock, not 24 hours.
    """
    daily = replace(cadence, days=_EVERY_DAY) if cadence.by_hand_only else cadence
    newest = _local_date(cadence, before) + _AROUND
    found: datetime | None = None
    for back in range(_HORIZON):
        day = newest - back * _ONE_DAY
        if found is not None and day < _local_date(cadence, found) - _AROUND:
            break
        for slot in slots_on(daily, day):
            if not slot.holiday and slot.cut_off_at <= before:
                found = slot.cut_off_at if found is None else max(found, slot.cut_off_at)
    return before if found is None else found


def impossible(spec: NewsletterSpec, now: datetime) -> dict[str, str]:
    """Say which settings keep a newsletter that has days from ever coming by itself, and why.

    By the name of the setting; nothing when it can come. `now` is aware UTC.
    """
    if spec.cadence.by_hand_only:
        return {}
    slots = next_slots(spec.cadence, now, _LIVES_LOOKED_AT)
    if not slots:
        key = "not_on" if spec.cadence.not_on else "monthly" if spec.cadence.monthly else "days"
        return {key: _NEVER}
    if spec.expires_after is not None and not spec.expires_after:
        return {"expires_after": _STILLBORN}
    if spec.release.mode is ReleaseMode.AUTO_AFTER and _always_too_late(spec, slots):
        return {"release": _TOO_LONG}
    return {}


_NEVER = (
    f"it would not come once in the next {_HORIZON // 365} years: every day it could come on is"
    " left out (made by hand only? then leave out days and monthly)"
)
_STILLBORN = "each edition would be over at its own hour, and none could ever be sent"
_TOO_LONG = (
    "each edition would be over before it approved itself: shorten the time after auto-after,"
    " or write 'approve'"
)


def _always_too_late(spec: NewsletterSpec, slots: Iterable[Slot]) -> bool:
    """Tell whether no edition lives long enough to approve itself."""
    ends = [(slot.cut_off_at, expiry(spec, slot)) for slot in slots]
    return all(end is not None and told + spec.release.after >= end for told, end in ends)


def _comes_on(cadence: Cadence, day: date) -> bool:
    return day.weekday() in cadence.days or any(_is_month_day(day, of) for of in cadence.monthly)


def _is_month_day(day: date, of: MonthDay) -> bool:
    length = monthrange(day.year, day.month)[1]
    if of.weekday is None:
        return day.day == (length if of.n < 0 else min(of.n, length))
    if day.weekday() != of.weekday:
        return False
    week = (day.day - 1) // _ONE_WEEK.days + 1
    return day.day + _ONE_WEEK.days > length if of.n < 0 else week == of.n


def _slot(day: date, hours: SlotHours, zone: ZoneInfo, *, holiday: bool) -> Slot:
    send_at = _moment(day, hours.send_at, zone)
    if isinstance(hours.cut_off, timedelta):
        cut_off_at = send_at - hours.cut_off
    else:
        cut_off_at = _moment(day, hours.cut_off, zone)
    # 06:30 and 07:00 never change places, but of two hours inside a gap one could overtake.
    return Slot(day, cut_off_at, max(cut_off_at, send_at), hours.name, holiday=holiday)


def _ahead(cadence: Cadence, after: datetime, moment: Callable[[Slot], datetime]) -> Iterator[Slot]:
    """Give the slots whose moment comes after this one, in the order of these moments."""
    if cadence.by_hand_only:
        return
    waiting: list[Slot] = []
    for day in islice(_days_from(_local_date(cadence, after) - _AROUND), _HORIZON):
        waiting += (slot for slot in slots_on(cadence, day) if moment(slot) > after)
        waiting.sort(key=moment)
        # What is of a day well behind us cannot be overtaken by a later day's any more.
        while waiting and waiting[0].local_date + _AROUND <= day:
            yield waiting.pop(0)
    yield from waiting


def _by_cut_off(slot: Slot) -> datetime:
    return slot.cut_off_at


def _by_sending(slot: Slot) -> datetime:
    return slot.send_at


def _days_from(first: date) -> Iterable[date]:
    for ordinal in range(first.toordinal(), date.max.toordinal()):
        yield date.fromordinal(ordinal)


def _local_date(cadence: Cadence, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(cadence.zone)).date()


def _moment(day: date, wall: time, zone: ZoneInfo) -> datetime:
    # PEP 495: fold=0 reads a repeated hour the first time, and a skipped one with the offset from
    # before the gap, which is later on the clock by the length of the gap.
    local = datetime.combine(day, wall.replace(fold=0), tzinfo=zone)
    after_gap = local.astimezone(UTC)
    if after_gap.astimezone(zone).replace(tzinfo=None, fold=0) == local.replace(tzinfo=None):
        return after_gap
    before_gap = local.replace(fold=1).astimezone(UTC)
    return _end_of_gap(before_gap, after_gap, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find the first whole minute, between these two, at which the clock has been put forward."""
    new_offset = after.astimezone(zone).utcoffset()
    low, high = 0, int((after - before) / _ONE_MINUTE) + 1
    while low < high:
        middle = (low + high) // 2
        at = before + middle * _ONE_MINUTE
        if at.astimezone(zone).utcoffset() == new_offset:
            high = middle
        else:
            low = middle + 1
    return before + low * _ONE_MINUTE


def _exists(day: date, zone: ZoneInfo) -> bool:
    # Samoa went from 29 to 31 December 2011: noon of the 30th is on no clock.
    noon = datetime.combine(day, time(12), tzinfo=zone)
    return noon.astimezone(UTC).astimezone(zone).date() == day
