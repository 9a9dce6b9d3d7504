from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.model import SourceKind, SourceSpec, SourceState
from digest.sources.poll_times import (
    LONGEST_ASKED_WAIT,
    LONGEST_WAIT,
    after_failure,
    after_success,
    asked_until,
    backoff,
    heeded,
    is_due,
    is_gone,
    pause_in_words,
)

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SPEC = SourceSpec("site", SourceKind.FEED, "https://post.example/feed", every=10 * MINUTE)
NEW = SourceState(
    id=1,
    name="site",
    kind=SourceKind.FEED,
    address=SPEC.address,
    etag=None,
    last_modified=None,
    first_ok_at=None,
    last_ok_at=None,
    last_tried_at=None,
    failures=0,
    error=None,
)
READ = replace(NEW, last_tried_at=NOON, last_ok_at=NOON, next_poll_at=NOON + 9 * MINUTE)
INTERVALS = st.timedeltas(min_value=timedelta(seconds=30), max_value=timedelta(days=30))
CHANCES = st.floats(0, 1, exclude_max=True)


def test_a_source_never_tried_is_due() -> None:
    assert is_due(SPEC, NEW, now=NOON)


@pytest.mark.parametrize(("minutes", "due"), [(8.99, False), (9, True), (500, True)])
def test_a_source_is_due_when_its_next_poll_has_come(minutes: float, *, due: bool) -> None:
    assert is_due(SPEC, READ, now=NOON + minutes * MINUTE) is due


def test_a_clock_that_was_set_back_starves_no_source() -> None:
    assert is_due(SPEC, READ, now=NOON - timedelta(seconds=1))
    failed = replace(READ, failures=3, not_before=NOON + 5 * HOUR)
    assert is_due(SPEC, failed, now=NOON - HOUR)


def test_a_source_without_a_next_poll_is_due_after_its_interval() -> None:
    old = replace(READ, next_poll_at=None)
    assert not is_due(SPEC, old, now=NOON + 8.99 * MINUTE)
    assert is_due(SPEC, old, now=NOON + 9 * MINUTE)


def test_an_interval_that_was_shortened_counts_at_once() -> None:
    daily = replace(READ, next_poll_at=NOON + DAY)
    assert not is_due(SPEC, daily, now=NOON + 10.9 * MINUTE)
    assert is_due(SPEC, daily, now=NOON + 11 * MINUTE)
    assert not is_due(SPEC, replace(daily, failures=1), now=NOON + 11 * MINUTE)


@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 9.0), (0.5, 10.0), (0.75, 10.5)])
def test_polls_that_went_well_are_scattered_around_the_interval(
    chance: float, minutes: float
) -> None:
    assert after_success(SPEC, now=NOON, chance=chance) == NOON + minutes * MINUTE


def test_waits_double_with_each_failure_up_to_six_hours() -> None:
    waits = [backoff(10 * MINUTE, number) / MINUTE for number in (1, 2, 3, 4, 6, 7, 2_000_000)]
    assert waits == [10, 20, 40, 80, 320, 360, 360]
    assert backoff(2 * DAY, 1) == backoff(2 * DAY, 99) == 2 * DAY


@given(every=INTERVALS, failures=st.integers(1, 10_000), chance=CHANCES)
def test_a_failing_source_waits_no_less_than_its_interval_and_no_more_than_six_hours(
    every: timedelta, failures: int, chance: float
) -> None:
    spec = replace(SPEC, every=every)
    wait = after_failure(spec, now=NOON, failures=failures, chance=chance) - NOON
    assert every <= wait <= max(every, LONGEST_WAIT)


def test_a_wait_the_site_asks_for_is_kept_within_a_day() -> None:
    def wait(asked: timedelta, failures: int = 1) -> timedelta:
        next_at = after_failure(SPEC, now=NOON, failures=failures, chance=0.0, asked=NOON + asked)
        return next_at - NOON

    assert wait(2 * HOUR) == 2 * HOUR
    assert wait(MINUTE) == 10 * MINUTE
    assert wait(2 * HOUR, failures=7) == 6 * HOUR
    assert wait(9 * DAY) == LONGEST_ASKED_WAIT


def test_a_source_that_is_gone_is_asked_once_a_day() -> None:
    def wait(spec: SourceSpec) -> timedelta:
        return after_failure(spec, now=NOON, failures=1, chance=0.0, status=410) - NOON

    assert wait(SPEC) == DAY
    assert wait(replace(SPEC, every=3 * DAY)) == 3 * DAY


@pytest.mark.parametrize("failures", [0, 1])
def test_a_pause_the_site_asked_for_is_kept_whether_it_failed_or_not(failures: int) -> None:
    until = NOON + 3 * HOUR
    asked = replace(READ, failures=failures, not_before=until, next_poll_at=NOON + HOUR)
    assert asked_until(asked, now=NOON + 2 * HOUR) == until
    assert not is_due(SPEC, asked, now=NOON + 2 * HOUR)
    assert asked_until(asked, now=until) is None
    assert is_due(SPEC, asked, now=until)
    assert asked_until(asked, now=NOON - HOUR) is None  # the clock was set back
    assert asked_until(replace(asked, not_before=None), now=NOON) is None


def test_a_pause_is_heeded_for_a_day_at_the_most() -> None:
    assert heeded(NOON + 3 * HOUR, now=NOON) == NOON + 3 * HOUR
    assert heeded(NOON + 9 * DAY, now=NOON) == NOON + LONGEST_ASKED_WAIT
    assert heeded(NOON, now=NOON) is None
    assert heeded(None, now=NOON) is None
    until = NOON + 3 * HOUR
    assert after_success(SPEC, now=NOON, chance=0.5, asked=until) == until
    assert after_success(SPEC, now=NOON, chance=0.5, asked=NOON + MINUTE) == NOON + 10 * MINUTE


def test_a_pause_is_told_in_universal_time() -> None:
    berlin = timezone(HOUR)
    until = datetime(2026, 1, 9, 13, 5, 7, tzinfo=berlin)
    assert pause_in_words(until) == "not asked before 2026-01-09 12:05:07 UTC"


@pytest.mark.parametrize(("status", "gone"), [(410, True), (404, False), (None, False)])
def test_only_410_says_gone(status: int | None, *, gone: bool) -> None:
    assert is_gone(replace(READ, failures=1, status=status)) is gone
