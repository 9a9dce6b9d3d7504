from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.backoff import GIVE_UP_AFTER, next_probe, next_try
from tests.unit.delivery.delivery_builders import NOON


def _waits(key: str) -> list[timedelta]:
    """Give every wait of a copy that is always put off."""
    waits: list[timedelta] = []
    now = NOON
    while (at := next_try(len(waits) + 1, NOON, now, key)) is not None:
        waits.append(at - now)
        now = at
    return waits


def test_the_first_waits_are_a_minute_five_fifteen_and_an_hour() -> None:
    assert _waits("1:1")[:4] == [timedelta(minutes=n) for n in (1, 5, 15, 60)]


@given(st.text())
def test_later_waits_are_hourly_spread_and_end_within_a_day(key: str) -> None:
    waits = _waits(key)
    assert all(timedelta(minutes=60) <= wait < timedelta(minutes=70) for wait in waits[4:])
    assert GIVE_UP_AFTER - timedelta(minutes=70) < sum(waits, timedelta()) <= GIVE_UP_AFTER


def test_the_same_key_waits_the_same_and_a_thousand_do_not_come_back_together() -> None:
    later = [next_try(6, NOON, NOON, f"1:{n}") for n in range(1000)]
    assert later == [next_try(6, NOON, NOON, f"1:{n}") for n in range(1000)]
    assert len(set(later)) > 900


def test_a_longer_patience_can_be_asked_for() -> None:
    late = NOON + timedelta(hours=30)
    assert next_try(30, NOON, late, "n") is None
    again = next_try(30, NOON, late, "n", give_up_after=timedelta(days=2))
    assert again is not None
    assert again > late


def test_a_server_that_is_away_is_looked_for_at_least_every_five_minutes() -> None:
    seconds = [(next_probe(n, NOON) - NOON).total_seconds() for n in (0, 1, 2, 3, 4, 5, 500)]
    assert seconds == [10, 10, 30, 60, 300, 300, 300]


@given(st.integers(0, 10_000), st.datetimes(max_value=datetime(9000, 1, 1)))  # noqa: DTZ001 - any
def test_the_next_try_is_never_in_the_past(tries: int, naive: datetime) -> None:
    now = naive.replace(tzinfo=NOON.tzinfo)
    at = next_try(tries, now, now, "k")
    assert at is not None
    assert at > now
