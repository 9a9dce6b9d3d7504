from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.cadence import (
    next_cut_off,
    next_slot,
    next_slots,
    next_wake_up,
    previous_cut_off,
    slots_between,
    slots_on,
)
from digest.editions.model import Cadence, DayRange, MonthDay, Slot, SlotHours
from tests.unit.editions.editions_builders import EVERY_DAY, FRIDAY, WORKDAYS, cadence, slot_on, utc

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


@pytest.mark.parametrize("skipped", ["02:00", "02:01", "02:30", "02:59"])
def test_an_hour_that_the_clock_skips_is_the_first_minute_after_the_gap(skipped: str) -> None:
    slot = slot_on(_daily("America/New_York", skipped), date(2026, 3, 8))
    assert slot is not None
    assert slot.cut_off_at == utc("2026-03-08 07:00")  # 03:00 EDT


def test_the_hours_on_both_sides_of_a_gap_stay_what_they_are() -> None:
    for hour, moment in (("01:59", "06:59"), ("03:00", "07:00"), ("03:01", "07:01")):
        slot = slot_on(_daily("America/New_York", hour), date(2026, 3, 8))
        assert slot is not None
        assert slot.cut_off_at == utc(f"2026-03-08 {moment}")


def test_an_hour_that_the_clock_shows_twice_is_taken_the_first_time() -> None:
    slot = slot_on(_daily("America/New_York", "01:30"), date(2026, 11, 1))
    assert slot is not None
    assert slot.cut_off_at == utc("2026-11-01 05:30")  # 01:30 EDT, not EST


def test_a_sending_hour_is_never_overtaken_by_a_skipped_cut_off() -> None:
    slot = slot_on(_daily("America/New_York", "02:30", "03:00"), date(2026, 3, 8))
    assert slot is not None
    assert slot.cut_off_at == slot.send_at == utc("2026-03-08 07:00")


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
    assert saturday.cut_off_at == utc("2026-03-29 01:00")  # midnight: the gap is its last hour
    assert slots_between(nuuk, utc("2026-03-29 00:59"), utc("2026-03-29 01:00")) == [saturday]
    assert next_slot(nuuk, utc("2026-03-29 00:59")) == saturday


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


def test_a_lead_is_counted_back_from_the_sending_even_across_midnight_and_a_change() -> None:
    early = Cadence(
        "Europe/London", (SlotHours(time(0, 15), timedelta(minutes=30)),), days=EVERY_DAY
    )
    assert slot_on(early, date(2026, 3, 30)) == Slot(
        date(2026, 3, 30), utc("2026-03-29 22:45"), utc("2026-03-29 23:15")
    )
    night = replace(early, slots=(SlotHours(time(3), timedelta(hours=2)),))
    # An hour is missing before three o'clock: two hours before it is midnight on the clock.
    assert slot_on(night, date(2026, 3, 29)) == Slot(
        date(2026, 3, 29), utc("2026-03-29 00:00"), utc("2026-03-29 02:00")
    )
    assert next_cut_off(early, utc("2026-03-29 12:00")) == utc("2026-03-29 22:45")


TWICE = Cadence(
    "UTC",
    (SlotHours(time(7), time(6, 30), "morning"), SlotHours(time(17), time(16), "evening")),
    days=WORKDAYS,
)


def test_a_day_may_have_several_slots() -> None:
    morning = Slot(FRIDAY, utc("2026-01-09 06:30"), utc("2026-01-09 07:00"), "morning")
    evening = Slot(FRIDAY, utc("2026-01-09 16:00"), utc("2026-01-09 17:00"), "evening")
    monday = utc("2026-01-12 06:30")
    assert slots_on(TWICE, FRIDAY) == (morning, evening)
    assert slots_between(TWICE, morning.cut_off_at, monday) == [
        evening,
        Slot(date(2026, 1, 12), monday, utc("2026-01-12 07:00"), "morning"),
    ]
    assert next_slot(TWICE, utc("2026-01-09 07:00")) == evening
    assert next_cut_off(TWICE, utc("2026-01-09 16:00")) == monday
    assert previous_cut_off(TWICE, utc("2026-01-09 15:59")) == morning.cut_off_at
    assert previous_cut_off(TWICE, utc("2026-01-11 12:00")) == evening.cut_off_at


def test_slots_with_long_leads_are_cut_off_in_their_order_and_not_their_days() -> None:
    crossed = Cadence(
        "UTC",
        (SlotHours(time(1), timedelta(hours=20)), SlotHours(time(12), time(11), "noon")),
        days=EVERY_DAY,
    )
    start = utc("2026-01-08 00:00")
    cut_offs = [s.cut_off_at for s in slots_between(crossed, start, start + timedelta(2))]
    assert (
        cut_offs
        == sorted(cut_offs)
        == [
            utc("2026-01-08 05:00"),  # for the 9th, at one
            utc("2026-01-08 11:00"),
            utc("2026-01-09 05:00"),
            utc("2026-01-09 11:00"),
        ]
    )
    assert next_cut_off(crossed, utc("2026-01-08 06:00")) == utc("2026-01-08 11:00")
    assert previous_cut_off(crossed, utc("2026-01-09 10:00")) == utc("2026-01-09 05:00")


@pytest.mark.parametrize(
    ("monthly", "dates"),
    [
        ((MonthDay(15),), ["2026-01-15", "2026-02-15", "2026-03-15"]),
        ((MonthDay(31),), ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ((MonthDay(-1),), ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ((MonthDay(1, 0),), ["2026-01-05", "2026-02-02", "2026-03-02"]),
        ((MonthDay(5, 4),), ["2026-01-30", "2026-05-29", "2026-07-31"]),
        ((MonthDay(-1, 4),), ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ((MonthDay(1), MonthDay(15)), ["2026-01-01", "2026-01-15", "2026-02-01"]),
    ],
)
def test_a_monthly_newsletter_comes_on_its_days(
    monthly: tuple[MonthDay, ...], dates: list[str]
) -> None:
    months = replace(cadence(days=frozenset()), monthly=monthly)
    slots = next_slots(months, utc("2025-12-31 12:00"), 3)
    assert [slot.local_date.isoformat() for slot in slots] == dates


def test_a_date_that_is_a_weekday_and_a_month_day_has_one_slot() -> None:
    both = replace(cadence(), monthly=(MonthDay(9),))
    assert len(slots_on(both, FRIDAY)) == 1
    assert len(slots_on(both, date(2026, 5, 9))) == 1  # a Saturday


def test_the_next_slots_are_given_in_the_order_they_are_sent() -> None:
    times = [slot.send_at for slot in next_slots(TWICE, utc("2026-01-09 08:00"), 3)]
    assert times == [
        utc("2026-01-09 17:00"),
        utc("2026-01-12 07:00"),
        utc("2026-01-12 17:00"),
    ]
    assert next_slots(TWICE, utc("2026-01-09 08:00"), 0) == []


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


_SLOT_HOURS = st.lists(
    st.tuples(HOURS, st.one_of(st.timedeltas(timedelta(), timedelta(hours=24)), st.none())),
    min_size=1,
    max_size=4,
    unique_by=lambda hours: hours[0],
).map(
    lambda rows: tuple(
        SlotHours(send_at, send_at if lead is None else lead, f"slot-{n}")
        for n, (send_at, lead) in enumerate(sorted(rows, key=lambda row: row[0]))
    )
)
_MONTHLY = st.frozensets(
    st.one_of(
        st.builds(MonthDay, st.sampled_from((-1, *range(1, 32)))),
        st.builds(MonthDay, st.sampled_from((-1, 1, 2, 3, 4, 5)), st.integers(0, 6)),
    ),
    max_size=3,
).map(tuple)
_BUSY = st.builds(
    Cadence,
    st.sampled_from(ZONES),
    _SLOT_HOURS,
    st.frozensets(st.integers(0, 6)),
    _MONTHLY,
)


@given(_BUSY, MOMENTS, st.integers(1, 29))
def test_any_way_of_cutting_a_span_gives_each_slot_once(
    busy: Cadence, after: datetime, cut: int
) -> None:
    until, middle = after + timedelta(30), after + timedelta(cut)
    whole = slots_between(busy, after, until)
    names = [(slot.local_date, slot.name) for slot in whole]
    assert len(set(names)) == len(names)
    parts = slots_between(busy, after, middle) + slots_between(busy, middle, until)
    assert parts == whole


@given(_BUSY, MOMENTS)
def test_the_next_slots_are_the_earliest_of_all_that_lie_ahead(
    busy: Cadence, now: datetime
) -> None:
    around = slots_between(busy, now - timedelta(60), now + timedelta(60))
    ahead = sorted((s for s in around if s.send_at > now), key=lambda s: s.send_at)
    count = min(3, len(ahead))
    assert [s.send_at for s in next_slots(busy, now, count)] == [s.send_at for s in ahead[:count]]
    cut_offs = [s.cut_off_at for s in around]
    behind = [at for at in cut_offs if at <= now]
    if behind and not busy.by_hand_only:
        assert previous_cut_off(busy, now) == max(behind)
    if any(at > now for at in cut_offs):
        assert next_cut_off(busy, now) == min(at for at in cut_offs if at > now)
