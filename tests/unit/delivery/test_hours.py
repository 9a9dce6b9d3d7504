from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.hours import Window, closes_at, due_in_spread, next_midnight, next_open

DAY = (time(6), time(22))
NIGHT = (time(22), time(6))
NEW_YORK = "America/New_York"


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _seen(moment: str, window: Window, zone: str) -> tuple[datetime | None, datetime | None]:
    return next_open(_utc(moment), window, zone), closes_at(_utc(moment), window, zone)


@pytest.mark.parametrize(
    ("moment", "opens", "closes"),
    [
        ("2026-01-09 05:59:59", "2026-01-09 06:00", None),
        ("2026-01-09 06:00", None, "2026-01-09 22:00"),
        ("2026-01-09 21:59:59", None, "2026-01-09 22:00"),
        ("2026-01-09 22:00", "2026-01-10 06:00", None),
    ],
)
def test_the_window_is_open_from_its_first_hour_until_right_before_the_second(
    moment: str, opens: str | None, closes: str | None
) -> None:
    expected = (opens and _utc(opens), closes and _utc(closes))
    assert _seen(moment, DAY, "UTC") == expected


@pytest.mark.parametrize(
    ("moment", "opens", "closes"),
    [
        ("2026-01-09 12:00", "2026-01-09 22:00", None),
        ("2026-01-09 23:00", None, "2026-01-10 06:00"),
        ("2026-01-10 05:00", None, "2026-01-10 06:00"),
        ("2026-01-10 06:00", "2026-01-10 22:00", None),
    ],
)
def test_a_window_may_cross_midnight(moment: str, opens: str | None, closes: str | None) -> None:
    expected = (opens and _utc(opens), closes and _utc(closes))
    assert _seen(moment, NIGHT, "UTC") == expected


def test_the_hours_are_those_of_the_zone_on_that_day() -> None:
    # Spring in New York: 8 March 2026, 02:00 EST becomes 03:00 EDT.
    assert next_open(_utc("2026-03-08 04:00"), DAY, NEW_YORK) == _utc("2026-03-08 10:00")
    assert next_open(_utc("2026-03-07 04:00"), DAY, NEW_YORK) == _utc("2026-03-07 11:00")
    assert closes_at(_utc("2026-03-08 04:00"), NIGHT, NEW_YORK) == _utc("2026-03-08 10:00")


def test_an_hour_that_the_clock_leaves_out_is_the_first_minute_after_the_gap() -> None:
    window = (time(2, 30), time(3, 15))
    assert next_open(_utc("2026-03-08 05:00"), window, NEW_YORK) == _utc("2026-03-08 07:00")
    assert closes_at(_utc("2026-03-08 07:00"), window, NEW_YORK) == _utc("2026-03-08 07:15")


def test_a_window_that_lies_in_the_gap_is_left_out_on_that_day() -> None:
    window = (time(2, 10), time(2, 50))
    assert next_open(_utc("2026-03-08 05:00"), window, NEW_YORK) == _utc("2026-03-09 06:10")
    assert closes_at(_utc("2026-03-08 07:00"), window, NEW_YORK) is None


def test_an_hour_that_the_clock_shows_twice_counts_the_first_time() -> None:
    # Autumn in New York: 1 November 2026, 02:00 EDT becomes 01:00 EST.
    window = (time(1), time(1, 30))
    assert closes_at(_utc("2026-11-01 05:00"), window, NEW_YORK) == _utc("2026-11-01 05:30")
    assert next_open(_utc("2026-11-01 06:10"), window, NEW_YORK) == _utc("2026-11-02 06:00")


@given(
    st.datetimes(datetime(2025, 12, 1), datetime(2027, 2, 1)),  # noqa: DTZ001 - UTC below
    st.tuples(st.times(), st.times()).filter(lambda pair: pair[0] != pair[1]),
    st.sampled_from([NEW_YORK, "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
)
def test_it_is_either_open_until_a_moment_or_closed_until_one(
    naive: datetime, hours: tuple[time, time], zone: str
) -> None:
    now = naive.replace(tzinfo=UTC)
    window = tuple(hour.replace(second=0, microsecond=0) for hour in hours)
    if window[0] == window[1]:
        return
    opens, closes = next_open(now, (window[0], window[1]), zone), None
    closes = closes_at(now, (window[0], window[1]), zone)
    assert (opens is None) is (closes is not None)
    turns = opens or closes
    assert turns is not None
    assert now < turns <= now + timedelta(days=2)
    if opens is not None:
        assert next_open(opens, (window[0], window[1]), zone) is None


def test_the_next_local_date_begins_at_its_midnight_or_right_after_the_gap() -> None:
    assert next_midnight(_utc("2026-03-08 12:00"), NEW_YORK) == _utc("2026-03-09 04:00")
    assert next_midnight(_utc("2026-11-01 12:00"), NEW_YORK) == _utc("2026-11-02 05:00")
    # Beirut goes from midnight to one: there is no 00:00 on 29 March 2026.
    beirut = next_midnight(_utc("2026-03-28 12:00"), "Asia/Beirut")
    assert beirut.astimezone(ZoneInfo("Asia/Beirut")).isoformat() == "2026-03-29T01:00:00+03:00"


def test_the_first_batch_leaves_at_once_and_all_within_the_span() -> None:
    at, span = _utc("2026-01-09 07:00"), timedelta(minutes=40)
    due = [due_in_spread(n, at, span) for n in range(1000)]
    assert due[0] == at
    assert all(at <= each < at + span for each in due)
    assert [due_in_spread(n, at, timedelta(0)) for n in range(3)] == [at] * 3


@pytest.mark.parametrize("batches", [2, 3, 10, 97, 1000])
def test_however_many_batches_there_are_they_are_spread_evenly(batches: int) -> None:
    at, span = _utc("2026-01-09 07:00"), timedelta(hours=1)
    due = sorted(due_in_spread(n, at, span) for n in range(batches))
    gaps = [after - one for one, after in zip(due, [*due[1:], at + span], strict=True)]
    assert max(gaps) <= 2.7 * span / batches
