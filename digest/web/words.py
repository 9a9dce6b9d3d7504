"""Pure. What the pages say about a newsletter's hours, in plain English."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from digest.editions.cadence import next_cut_off, next_slot
from digest.editions.model import Cadence, NewsletterSpec
from subscribers.wording import listed

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_RUN = 3
"""From this many days in a row on, the first and the last say it all."""


def offer(spec: NewsletterSpec) -> str:
    """Describe a newsletter, as "Up to 12 stories, Monday to Friday at 07:00"."""
    when = days_in_words(spec.cadence.days)
    if not when:
        return "Now and then, when there is news that cannot wait."
    return f"Up to {spec.stories.most} stories, {when} at {spec.cadence.slots[0].send_at:%H:%M}."


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


def first_letter(cadence: Cadence, now: datetime) -> tuple[str, str] | None:
    """Say when a reader who joins now gets the first letter: `Monday 12 January at 07:00`, place.

    Counts from the next cut-off, so that a letter already made up is never promised.
    """
    cut_off_at = next_cut_off(cadence, now)
    slot = None if cut_off_at is None else next_slot(cadence, cut_off_at.replace(microsecond=0))
    if cut_off_at is None or slot is None:
        return None
    local = slot.send_at.astimezone(ZoneInfo(cadence.zone))
    return f"{_DAYS[local.weekday()]} {local.day} {local:%B} at {local:%H:%M}", place(cadence.zone)


def place(zone: str) -> str:
    """Say whose clock it is: `London time` for Europe/London, `UTC` for UTC."""
    city = zone.rpartition("/")[2].replace("_", " ")
    return city if city.upper() == city else f"{city} time"
