"""Cadences that are written well and could still never come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

import pytest

from digest.editions.cadence import impossible, next_slots
from digest.editions.model import (
    Cadence,
    DayRange,
    MonthDay,
    NewsletterSpec,
    Release,
    ReleaseMode,
    SlotHours,
)
from tests.unit.editions.editions_builders import EVERY_DAY, cadence, spec, utc

NOW = utc("2026-01-09 12:00")
HOURS = (SlotHours(time(7), time(6, 30)),)


def _faults(newsletter: NewsletterSpec) -> dict[str, str]:
    """Give the first words of each."""
    found = impossible(newsletter, NOW)
    return {key: sentence.partition(":")[0] for key, sentence in found.items()}


def _off(first: str, last: str) -> DayRange:
    return DayRange(date.fromisoformat(first), date.fromisoformat(last))


def test_a_newsletter_that_comes_has_no_fault() -> None:
    assert impossible(spec(), NOW) == {}


def test_one_made_by_hand_only_need_not_come() -> None:
    assert impossible(spec(when=Cadence("Europe/London", HOURS)), NOW) == {}


def test_days_off_that_leave_no_day_for_years_are_a_fault() -> None:
    away = cadence(not_on=(_off("2026-01-01", "2035-12-31"),))
    assert _faults(spec(when=away)) == {"not_on": "it would not come once in the next 4 years"}


def test_a_long_pause_is_none() -> None:
    paused = cadence(not_on=(_off("2026-01-01", "2028-06-30"),))
    assert impossible(spec(when=paused), NOW) == {}


def test_a_day_of_the_month_that_is_always_off_is_a_fault() -> None:
    off = tuple(
        DayRange(date(year, month, 15), date(year, month, 15))
        for year in range(2026, 2032)
        for month in range(1, 13)
    )
    monthly = Cadence("Europe/London", HOURS, monthly=(MonthDay(15),), not_on=off)
    assert list(impossible(spec(when=monthly), NOW)) == ["not_on"]


@pytest.mark.parametrize(("hours", "faults"), [(24, ["release"]), (48, ["release"]), (23, [])])
def test_a_daily_that_approves_itself_only_after_the_next_is_due_is_a_fault(
    hours: int, faults: list[str]
) -> None:
    daily = replace(
        spec(when=cadence(days=EVERY_DAY)),
        release=Release(ReleaseMode.AUTO_AFTER, timedelta(hours=hours)),
    )
    assert list(impossible(daily, NOW)) == faults


def test_one_that_approves_itself_in_time_on_some_days_is_none() -> None:
    workdays = replace(
        spec(when=cadence()), release=Release(ReleaseMode.AUTO_AFTER, timedelta(hours=48))
    )
    assert impossible(workdays, NOW) == {}, "Friday's has the weekend"


def test_an_edition_that_is_over_at_its_own_hour_is_a_fault() -> None:
    assert list(impossible(replace(spec(), expires_after=timedelta(0)), NOW)) == ["expires_after"]
    assert impossible(replace(spec(), expires_after=timedelta(hours=1)), NOW) == {}


def test_a_leap_day_and_the_31st_come_where_the_calendar_has_them() -> None:
    last = Cadence("Europe/London", HOURS, monthly=(MonthDay(31),))
    found = [slot.local_date.isoformat() for slot in next_slots(last, utc("2028-01-31 12:00"), 3)]
    assert found == ["2028-02-29", "2028-03-31", "2028-04-30"]
    daily = Cadence("Europe/London", HOURS, days=EVERY_DAY)
    found = [slot.local_date.isoformat() for slot in next_slots(daily, utc("2028-02-28 12:00"), 2)]
    assert found == ["2028-02-29", "2028-03-01"]
