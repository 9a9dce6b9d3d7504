"""Pure. Dates, ages and counts as the reasons say them, in plain English."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOURS_SAID = 72
"""Up to here a whole number of days is said in hours: 48 hours, but 8 days."""


def date_in_words(day: date) -> str:
    """Say `5 Oct 2021`."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def day_in_words(at: datetime, zone: str) -> str:
    """Say `5 Oct 2021`: the date of a moment in the zone."""
    return date_in_words(_local(at, zone))


def moment_in_words(at: datetime, zone: str) -> str:
    """Say `5 Oct 2021 at 08:55`: date and hour of a moment in the zone."""
    return f"{day_in_words(at, zone)} at {_local(at, zone):%H:%M}"


def age_in_words(age: timedelta) -> str:
    """Say `48 hours`, `8 days` or `90 minutes`."""
    minutes = round(age.total_seconds() / 60)
    hours, odd_minutes = divmod(minutes, 60)
    if odd_minutes or not hours:
        return count_of(minutes, "minute", "minutes")
    days, odd_hours = divmod(hours, 24)
    if odd_hours or hours <= _HOURS_SAID:
        return count_of(hours, "hour", "hours")
    return count_of(days, "day", "days")


def count_of(number: int, one: str, many: str) -> str:
    """Say `1 story` or `3 stories`."""
    return f"{number} {one if number == 1 else many}"


def one_line(text: str) -> str:
    """Give a person's sentence as both databases can keep it: one line, no NUL, no half letters."""
    whole = text.encode("utf-8", "replace").decode("utf-8").replace("\0", " ")
    return " ".join(whole.split())


def _local(at: datetime, zone: str) -> datetime:
    try:
        return at.astimezone(ZoneInfo(zone))
    except OverflowError:  # feeds do say 0001-01-01, which has no yesterday in New York
        return at
