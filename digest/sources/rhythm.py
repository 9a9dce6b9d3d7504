"""Pure. How often a site publishes, and the daily and the weekly that suit it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

_WORKDAYS = ("mon", "tue", "wed", "thu", "fri")
_WEEK = (*_WORKDAYS, "sat", "sun")
_THRICE = ("mon", "wed", "fri")
_LOOKED_BACK = timedelta(days=60)
_FEWEST = 3
"""With fewer dated stories than this nothing is judged by them."""
_DAY = timedelta(days=1)
_WEEKENDS_SEEN = timedelta(days=8)
_MANY, _SOME, _FEW = 6, 3, 1
"""Stories a day."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One newsletter as it is proposed: its days, from how many stories on, how old they may be."""

    days: tuple[str, ...]
    least: int
    max_age: str


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How a site publishes; `a_day` is None where its feed does not tell."""

    daily: Issue = Issue(_WORKDAYS, 3, "48h")
    weekly: Issue = Issue(("sat",), 5, "8d")
    a_day: float | None = None

    @property
    def words(self) -> str:
        """Say how often it publishes."""
        if self.a_day is None:
            return "the feed has too few dates to tell how often it publishes"
        if self.a_day >= 1:
            return f"it publishes about {round(self.a_day)} a day"
        return f"it publishes about {max(round(self.a_day * 7), 1)} a week"


def rhythm_of(published: Sequence[datetime], *, now: datetime, zone: str) -> Rhythm:
    """Judge by when the stories of a feed were published (aware), as they are at `now`.

    A feed shows its newest stories alone, so the time between the first and the last of them tells
    how many come in a day.
    """
    dates = sorted(at for at in published if now - _LOOKED_BACK < at <= now + _DAY)
    if len(dates) < _FEWEST:
        return Rhythm()
    span = max(dates[-1] - dates[0], now - dates[0], _DAY)
    a_day = len(dates) / (span / _DAY)
    days = _WEEK if _has_weekends(dates, span, zone) else _WORKDAYS
    return Rhythm(_daily(a_day, days), _weekly(a_day), a_day)


def _daily(a_day: float, days: tuple[str, ...]) -> Issue:
    if a_day >= _MANY:
        return Issue(days, 3, "48h")
    if a_day >= _SOME:
        return Issue(days, 2, "48h")
    if a_day >= _FEW:
        return Issue(days, 1, "72h")
    return Issue(_THRICE, 1, "4d")


def _weekly(a_day: float) -> Issue:
    return Issue(("sat",), max(1, min(5, int(a_day * 7 / 2))), "8d")


def _has_weekends(dates: Sequence[datetime], span: timedelta, zone: str) -> bool:
    """Tell whether as much comes on Saturdays and Sundays: only seen when one has passed."""
    if span < _WEEKENDS_SEEN:
        return False
    local = [at.astimezone(ZoneInfo(zone)).weekday() for at in dates]
    weekend = sum(day >= len(_WORKDAYS) for day in local) / 2
    return weekend * 2 >= (len(local) - weekend * 2) / len(_WORKDAYS)
