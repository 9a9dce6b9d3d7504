"""Pure. A reader's own hour: when their copy is due, and how the copies of one hour leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from digest.editions.cadence import slots_on
from digest.editions.model import Cadence, Edition, NewsletterSpec, SlotHours
from digest.editions.wording import count_of

Wish = tuple[str | None, int | None]
"""A reader's zone (IANA) and hour (minutes after midnight there), as far as they said any."""

JUST_MISSED = timedelta(minutes=15)
"""An hour that was over by so little when the edition was ready still counts: nobody waits a day
for the minutes that an editor was late."""

ROOM = timedelta(hours=6)
"""How long a copy of the last hour can at least be tried again."""

READERS_A_MINUTE = 1000
LONGEST_SPAN = timedelta(minutes=10)

_EVERY_DAY = frozenset(range(7))
_ONE_DAY = timedelta(days=1)
_ONE_MINUTE = timedelta(minutes=1)
_DAYS_AHEAD = 5
"""Looked at for an hour: a zone may leave a date out, and the clock may shift one past midnight."""
_FURTHEST_EAST = timedelta(hours=14)
"""Of all zones: Kiribati's."""


@dataclass(frozen=True, slots=True)
class OwnHours:
    """The hours that readers of a newsletter may choose, each in their own zone.

    `usual` is the hour of those who chose none, in `zone` for those without one of their own; None
    for an edition made by hand, which goes to them when it goes. `may_run_on` allows the copies of
    the last hour to be tried for a while after the next edition's cut-off.
    """

    offered: tuple[time, ...]
    zone: str
    usual: time | None = None
    may_run_on: bool = True


@dataclass(frozen=True, slots=True)
class Hour:
    """When copies are due (aware UTC), and over how long a time they leave from then on."""

    at: datetime
    span: timedelta


@dataclass(frozen=True, slots=True)
class Timetable:
    """The hours of an edition, the earliest first, and whose they are: numbers of `hours`.

    Who is not in `readers` has the hour of number `usual`.
    """

    hours: tuple[Hour, ...]
    readers: Mapping[Wish, int]
    usual: int


def own_hours(spec: NewsletterSpec, edition: Edition) -> OwnHours | None:
    """Give what the readers of an edition may choose; None when it goes to all at one hour."""
    if not spec.hours:
        return None
    slots = spec.cadence.slots
    usual = next((each.send_at for each in slots if each.name == edition.slot_name), None)
    return OwnHours(spec.hours, spec.cadence.zone, usual, may_run_on=spec.expires_after is None)


def begins_at(hours: OwnHours, edition: Edition) -> datetime:
    """Say from when on (UTC) an approved edition is to be planned.

    That is when a reader's hour can first have come, wherever they are; its own hour at the latest.
    """
    chosen = min((*hours.offered, *([] if hours.usual is None else [hours.usual])))
    east = datetime.combine(edition.local_date, chosen, tzinfo=UTC) - _FURTHEST_EAST
    return min(east, edition.leaves_at)


def due_at(wish: Wish, hours: OwnHours, edition: Edition, *, ready_at: datetime) -> datetime:
    """Say when a reader's copy is due, in UTC.

    At the first time, from when the edition was ready on, that it is the reader's hour where they
    are, on the edition's date there or after it, if that is before the edition expires. Else, and
    for who wants it when it comes, as soon as it is ready, though not before its own hour. An hour
    that the clock leaves out is the first minute after the gap; of two the first counts.
    """
    at_once = max(ready_at, edition.leaves_at)
    zone, hour = _asked(wish, hours)
    if hour is None or (zone, hour) == (hours.zone, hours.usual):
        return at_once
    at = _first(hour, zone, since=ready_at - JUST_MISSED, on=edition.local_date)
    late = at is None or (edition.expires_at is not None and at >= edition.expires_at)
    return at_once if at is None or late else at


def timetable(
    wishes: Mapping[Wish, int],
    hours: OwnHours,
    edition: Edition,
    *,
    ready_at: datetime,
    spread: timedelta,
) -> Timetable:
    """Group the readers of an edition, counted by what they wish, by when they are due.

    The copies of an hour leave evenly over `spread`; without one, over a minute for each thousand
    of them and ten at most, so that no domain is hit by all at the full hour.
    """
    due = {wish: due_at(wish, hours, edition, ready_at=ready_at) for wish in wishes}
    usual = due_at((None, None), hours, edition, ready_at=ready_at)
    count: Counter[datetime] = Counter({usual: 0})
    for wish, at in due.items():
        count[at] += wishes[wish]
    moments = sorted(count)
    number = {at: n for n, at in enumerate(moments)}
    found = tuple(Hour(at, _span(count[at], spread, edition.expires_at, at)) for at in moments)
    return Timetable(found, {wish: number[at] for wish, at in due.items()}, number[usual])


def next_hour_words(at: datetime, zones: Sequence[str | None], home: str) -> str:
    """Say when the next readers have it: `next at 07:00 in New York and 2 other zones`.

    `zones` are theirs, `home` is that of who said none.
    """
    names = list(dict.fromkeys(each if each and _is_zone(each) else home for each in zones))
    zone = names[0] if names else home
    place = zone.rpartition("/")[2].replace("_", " ")
    others = len(names) - 1
    more = f" and {count_of(others, 'other zone', 'other zones')}" if others > 0 else ""
    return f"next at {at.astimezone(ZoneInfo(zone)):%H:%M} in {place}{more}"


def _asked(wish: Wish, hours: OwnHours) -> tuple[str, time | None]:
    zone, minutes = wish
    if zone is None or not _is_zone(zone):
        zone = hours.zone
    hour = None if minutes is None else time(*divmod(minutes, 60))
    return zone, hour if hour in hours.offered else hours.usual


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there, not a name, or a folder of zones
        return False
    return True


def _first(hour: time, zone: str, *, since: datetime, on: date) -> datetime | None:
    daily = Cadence(zone, (SlotHours(hour, hour),), days=_EVERY_DAY)
    first = max(on, since.astimezone(ZoneInfo(zone)).date() - _ONE_DAY)
    days = (first + n * _ONE_DAY for n in range(_DAYS_AHEAD))
    moments = (slot.send_at for day in days for slot in slots_on(daily, day))
    return next((at for at in moments if at >= since), None)


def _span(readers: int, spread: timedelta, expires_at: datetime | None, at: datetime) -> timedelta:
    span = spread or min(LONGEST_SPAN, _ONE_MINUTE * readers / READERS_A_MINUTE)
    if expires_at is None:
        return span
    return max(timedelta(0), min(span, (expires_at - at) / 2))
