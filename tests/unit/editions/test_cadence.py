from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.cadence import (
    next_cut_off,
    next_slot,
    next_wake_up,
    previous_cut_off,
    slot_on,
    slots_between,
)
from digest.editions.model import Cadence, DayRange, Slot
from tests.unit.editions.editions_builders import EVERY_DAY, cadence, utc

ZONES = sorted(available_timezones() - {"localtime"})
DAYS = st.dates(date(2024, 1, 1), date(2030, 12, 31))
MOMENTS = st.integers(0, 7 * 365 * 86_400).map(
    lambda second: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
)
HOURS = st.times().map(lambda at: at.replace(microsecond=0))
CADENCES = st.builds(
    lambda zone, days, hours, holidays: cadence(
        days=days, cut_off=min(hours), send_at=max(hours), zone=zone, not_on=holidays
    ),
    st.sampled_from(ZONES),
    st.frozensets(st.integers(0, 6)),
    st.tuples(HOURS, HOURS),
    st.lists(
        st.builds(lambda first, n: DayRange(first, first + timedelta(n)), DAYS, st.integers(0, 9)),
        max_size=3,
    ).map(tuple),
)


def _daily(zone: str, cut_off: str, send_at: str = "23:59") -> Cadence:
    return cadence(
        zone,
        days=EVERY_DAY,
        cut_off=time.fromisoformat(cut_off),
        send_at=time.fromisoformat(send_at),
    )


def _hours_apart(daily: Cadence, day: date) -> float:
    before, on = slot_on(daily, day - timedelta(1)), slot_on(daily, day)
    assert before is not None
    assert on is not None
    return (on.cut_off_at - before.cut_off_at) / timedelta(hours=1)


def test_a_slot_is_cut_off_and_sent_at_the_hours_of_its_zone() -> None:
    assert slot_on(cadence("America/Tortola"), date(2026, 1, 9)) == Slot(
        local_date=date(2026, 1, 9),
        cut_off_at=utc("2026-01-09 10:30"),
        send_at=utc("2026-01-09 11:00"),
    )


def test_a_weekday_that_is_not_among_the_days_has_no_slot() -> None:
    assert slot_on(cadence(), date(2026, 1, 10)) is None


def test_a_holiday_keeps_its_slot_and_says_so() -> None:
    christmas = cadence(not_on=(DayRange(date(2026, 12, 25), date(2026, 12, 28)),))
    slots = [slot_on(christmas, date(2026, 12, day)) for day in (24, 25, 28, 29)]
    assert [slot and slot.holiday for slot in slots] == [False, True, True, False]


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", date(2026, 3, 8), 23),
        ("America/New_York", date(2026, 11, 1), 25),
        ("Europe/London", date(2026, 3, 29), 23),
        ("Europe/London", date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Tortola", date(2026, 3, 8), 24),
    ],
)
def test_the_day_between_two_cut_offs_is_as_long_as_the_clocks_make_it(
    zone: str, day: date, hours: float
) -> None:
    assert _hours_apart(_daily(zone, "06:30"), day) == hours


def test_an_hour_that_the_clock_skips_comes_as_much_later() -> None:
    slot = slot_on(_daily("America/New_York", "02:30"), date(2026, 3, 8))
    assert slot is not None
    assert slot.cut_off_at == utc("2026-03-08 07:30")  # 03:30 EDT


def test_an_hour_that_the_clock_shows_twice_is_taken_the_first_time() -> None:
    slot = slot_on(_daily("America/New_York", "01:30"), date(2026, 11, 1))
    assert slot is not None
    assert slot.cut_off_at == utc("2026-11-01 05:30")  # 01:30 EDT, not EST


def test_a_sending_hour_is_never_overtaken_by_a_skipped_cut_off() -> None:
    slot = slot_on(_daily("America/New_York", "02:30", "03:00"), date(2026, 3, 8))
    assert slot is not None
    assert slot.cut_off_at == slot.send_at == utc("2026-03-08 07:30")


def test_the_date_that_samoa_left_out_has_no_slot() -> None:
    samoa = _daily("Pacific/Apia", "06:30")
    slots = slots_between(samoa, utc("2011-12-29 00:00"), utc("2012-01-01 00:00"))
    assert [slot.local_date for slot in slots] == [
        date(2011, 12, 29),
        date(2011, 12, 31),
        date(2012, 1, 1),
    ]
    assert slot_on(samoa, date(2011, 12, 30)) is None


def test_a_late_hour_skipped_past_midnight_keeps_its_date() -> None:
    nuuk = _daily("America/Nuuk", "23:30")
    saturday = slot_on(nuuk, date(2026, 3, 28))
    assert saturday is not None
    assert saturday.cut_off_at == utc("2026-03-29 01:30")  # 00:30 on Sunday
    assert slots_between(nuuk, utc("2026-03-29 01:29"), utc("2026-03-29 01:30")) == [saturday]
    assert next_slot(nuuk, utc("2026-03-29 01:45")) == saturday


def test_slots_between_takes_the_end_and_leaves_the_beginning() -> None:
    daily = cadence()
    slots = slots_between(daily, utc("2026-01-08 06:30"), utc("2026-01-12 06:30"))
    assert [slot.local_date.day for slot in slots] == [9, 12]
    assert slots_between(daily, utc("2026-01-12 06:30"), utc("2026-01-08 06:30")) == []


def test_the_next_slot_is_the_one_not_yet_sent() -> None:
    friday = slot_on(cadence(), date(2026, 1, 9))
    assert next_slot(cadence(), utc("2026-01-09 06:59")) == friday
    assert next_slot(cadence(), utc("2026-01-09 07:00")) == slot_on(cadence(), date(2026, 1, 12))


def test_the_next_slot_is_never_a_holiday_but_a_wake_up_may_be() -> None:
    monday_off = cadence(not_on=(DayRange(date(2026, 1, 12), date(2026, 1, 12)),))
    friday_evening = utc("2026-01-09 18:00")
    assert next_slot(monday_off, friday_evening) == slot_on(monday_off, date(2026, 1, 13))
    assert next_cut_off(monday_off, friday_evening) == utc("2026-01-13 06:30")
    assert next_wake_up(monday_off, friday_evening) == utc("2026-01-12 06:30")


def test_a_newsletter_made_by_hand_only_has_no_next_slot() -> None:
    by_hand = cadence(days=frozenset())
    noon = utc("2026-01-09 12:00")
    assert next_slot(by_hand, noon) is None
    assert next_cut_off(by_hand, noon) is None
    assert next_wake_up(by_hand, noon) is None
    assert previous_cut_off(by_hand, noon) == utc("2026-01-09 06:30")
    assert previous_cut_off(by_hand, utc("2026-01-09 06:00")) == utc("2026-01-08 06:30")


def test_a_newsletter_whose_holidays_never_end_has_no_next_slot() -> None:
    ended = cadence(not_on=(DayRange(date.min, date.max),))
    noon = utc("2026-01-09 12:00")
    assert next_slot(ended, noon) is None
    assert previous_cut_off(ended, noon) == noon


def test_the_previous_cut_off_skips_the_weekend_and_the_holidays() -> None:
    new_year = cadence(not_on=(DayRange(date(2025, 12, 29), date(2026, 1, 2)),))
    assert previous_cut_off(new_year, utc("2026-01-05 06:29")) == utc("2025-12-26 06:30")
    assert previous_cut_off(new_year, utc("2026-01-05 06:30")) == utc("2026-01-05 06:30")


@pytest.mark.parametrize("zone", ZONES)
def test_every_zone_has_one_slot_a_date_from_2024_to_2030(zone: str) -> None:
    # Around midnight and at night is where clocks change: the other hours are sampled below.
    changes = _days_around_changes(ZoneInfo(zone))
    for cut_off in ("00:00", "02:30", "23:45"):
        daily = _daily(zone, cut_off)
        for day in changes:
            trio = [slot_on(daily, day + timedelta(n)) for n in (-1, 0, 1)]
            cut_offs = [slot.cut_off_at for slot in trio if slot is not None]
            assert len(cut_offs) == 3
            assert cut_offs == sorted(set(cut_offs))


def _days_around_changes(zone: ZoneInfo) -> list[date]:
    """Look week by week, then at each day of the weeks that differ: changes lie weeks apart."""
    start = datetime(2024, 1, 1, 12, tzinfo=UTC)

    def offset(day: int) -> timedelta | None:
        return (start + timedelta(day)).astimezone(zone).utcoffset()

    weeks = [week for week in range(0, 7 * 366, 7) if offset(week) != offset(week + 7)]
    days = [day for week in weeks for day in range(week + 1, week + 8)]
    return [(start + timedelta(day)).date() for day in days if offset(day) != offset(day - 1)]


@given(CADENCES, DAYS)
@settings(max_examples=300, deadline=None)
def test_each_allowed_date_has_one_slot_and_they_follow_each_other(
    given_cadence: Cadence, first: date
) -> None:
    days = [first + timedelta(n) for n in range(10)]
    slots = [slot for day in days if (slot := slot_on(given_cadence, day))]
    assert [slot.local_date for slot in slots] == [
        day for day in days if day.weekday() in given_cadence.days
    ]
    cut_offs = [slot.cut_off_at for slot in slots]
    assert cut_offs == sorted(set(cut_offs))
    assert all(slot.cut_off_at <= slot.send_at for slot in slots)
    if slots:
        before = slots[0].cut_off_at - timedelta(seconds=1)
        assert slots_between(given_cadence, before, cut_offs[-1]) == slots


@given(CADENCES, MOMENTS)
@settings(max_examples=300, deadline=None)
def test_next_and_previous_agree_with_the_slots_around_them(
    given_cadence: Cadence, now: datetime
) -> None:
    around = slots_between(given_cadence, now - timedelta(40), now + timedelta(40))
    kept = [slot for slot in around if not slot.holiday]
    assert next_slot(given_cadence, now) == next((s for s in kept if s.send_at > now), None)
    previous = previous_cut_off(given_cadence, now)
    assert previous <= now
    if kept and kept[0].cut_off_at <= now:
        assert previous == max(s.cut_off_at for s in kept if s.cut_off_at <= now)
