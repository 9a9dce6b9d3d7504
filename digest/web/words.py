"""Pure. What the pages say about a newsletter's hours and a pause, in plain English."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from digest.editions.cadence import next_cut_off, slots_between
from digest.editions.model import Cadence, MonthDay, NewsletterSpec, Slot
from subscribers.wording import listed

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NTH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_MOMENT = timedelta(microseconds=1)
_RUN = 3
"""From this many days in a row on, the first and the last say it all."""


def offer(spec: NewsletterSpec) -> str:
    """Describe a newsletter, as "Up to 12 stories, Monday to Friday at 07:00"."""
    when = _when(spec.cadence)
    if not when:
        return "Now and then, when there is news that cannot wait."
    hours = listed([f"{slot.send_at:%H:%M}" for slot in spec.cadence.slots])
    return f"Up to {spec.stories.most} stories, {when} at {hours}."


def _when(cadence: Cadence) -> str:
    weekdays = days_in_words(cadence.days)
    monthly = listed([month_day_in_words(day) for day in cadence.monthly])
    if not monthly:
        return weekdays
    return " and ".join(words for words in (weekdays, f"{monthly} of the month") if words)


def month_day_in_words(day: MonthDay) -> str:
    """Say `the 15th`, `the last day`, `the first Monday`, `the last Friday`."""
    if day.weekday is None:
        return "the last day" if day.n < 0 else f"the {_ordinal(day.n)}"
    return f"the {_NTH[day.n]} {_DAYS[day.weekday]}"


def _ordinal(n: int) -> str:
    ending = "th" if n // 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n}{ending}"


def days_in_words(days: frozenset[int]) -> str:
    """Say the weekdays (0 is Monday): `Monday to Friday`, `every Saturday`; "" for none."""
    ordered = sorted(days)
    if len(ordered) == len(_DAYS):
        return "every day"
    names = [_DAYS[day] for day in ordered]
    if len(ordered) == 1:
        return f"every {names[0]}"
    if len(ordered) >= _RUN and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{names[0]} to {names[-1]}"
    return listed(names)


def weeks_in_words(weeks: int) -> str:
    """Say `One week`, `2 weeks`."""
    return "One week" if weeks == 1 else f"{weeks} weeks"


def first_slot(cadence: Cadence, now: datetime) -> Slot | None:
    """Give the slot of the first letter for a reader who joins now.

    Counts from the next cut-off, so that a letter already made up is never promised.
    """
    cut_off_at = next_cut_off(cadence, now)
    if cut_off_at is None:
        return None
    slots = slots_between(cadence, cut_off_at - _MOMENT, cut_off_at)
    return next(slot for slot in slots if not slot.holiday)


def first_letter(cadence: Cadence, now: datetime) -> tuple[str, str] | None:
    """Say when that first letter comes: `Monday 12 January at 07:00`, and whose clock it is."""
    slot = first_slot(cadence, now)
    if slot is None:
        return None
    local = slot.send_at.astimezone(ZoneInfo(cadence.zone))
    return f"{_DAYS[local.weekday()]} {local.day} {local:%B} at {local:%H:%M}", place(cadence.zone)


def place(zone: str) -> str:
    """Say whose clock it is: `London time` for Europe/London, `UTC` for UTC."""
    city = zone.rpartition("/")[2].replace("_", " ")
    return city if city.upper() == city else f"{city} time"
