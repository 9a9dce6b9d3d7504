from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.health import TURNED_OVER, Health, HealthWord, health_of
from digest.sources.model import Origin, SourceKind, SourceSpec, SourceState

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
DAY = timedelta(days=1)
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
WELL = replace(
    NEW, first_ok_at=NOON, last_ok_at=NOON, last_tried_at=NOON, next_poll_at=NOON + 10 * MINUTE
)
CORRECT = "Correct its address, or remove it in digest.toml ([sources.site])."


def _failed(
    failures: int, *, since: datetime = NOON, tried: datetime = NOON, ok: datetime | None = None
) -> SourceState:
    return replace(
        NEW,
        last_tried_at=tried,
        last_ok_at=ok,
        failures=failures,
        failing_since=since,
        error="fetch: it is away",
        next_poll_at=tried + 6 * HOUR,
    )


def _word(state: SourceState, *, at: datetime = NOON, spec: SourceSpec = SPEC) -> HealthWord:
    return health_of(spec, state, now=at).word


def test_a_source_never_asked_is_new() -> None:
    health = health_of(SPEC, NEW, now=NOON)
    assert health == Health(
        HealthWord.NEW, "it has not been asked yet", "Ask it now with: digest collect site"
    )
    assert not health.is_trouble


@pytest.mark.parametrize(
    ("after", "sentence"),
    [
        (timedelta(), "it was last read 0 seconds ago"),
        (SECOND, "it was last read 1 second ago"),
        (119 * SECOND, "it was last read 119 seconds ago"),
        (2 * MINUTE, "it was last read 2 minutes ago"),
        (-HOUR, "it was last read 0 seconds ago"),  # the machine's clock was set back
    ],
)
def test_a_source_that_was_read_is_well(after: timedelta, sentence: str) -> None:
    health = health_of(SPEC, WELL, now=NOON + after)
    assert health == Health(HealthWord.WELL, sentence)
    assert not health.is_trouble


def test_pushed_stories_are_always_well() -> None:
    pushed = SourceSpec("desk", SourceKind.PUSHED, "")
    assert health_of(pushed, NEW, now=NOON) == Health(
        HealthWord.WELL, "its stories are pushed to us"
    )


def test_a_source_that_nobody_asks_for_thrice_its_interval_is_overdue() -> None:
    border = NOON + 35 * MINUTE  # three intervals, and some slack
    assert _word(WELL, at=border - SECOND) is HealthWord.WELL
    assert health_of(SPEC, WELL, now=border) == Health(
        HealthWord.OVERDUE,
        "it was last asked 35 minutes ago, and is to be asked every 10 minutes",
        "The collector does not run: start it with: digest serve",
    )
    assert _word(replace(WELL, next_poll_at=None), at=border) is HealthWord.OVERDUE
    assert _word(replace(WELL, next_poll_at=None), at=border - SECOND) is HealthWord.WELL


def test_a_failing_source_is_asked_more_seldom_on_purpose_and_not_overdue_for_that() -> None:
    state = _failed(3, ok=NOON - HOUR)  # the next try is in six hours
    border = NOON + 6 * HOUR + 25 * MINUTE
    assert _word(state, at=border - SECOND) is HealthWord.FAILING
    assert _word(state, at=border) is HealthWord.OVERDUE


def test_a_source_that_fails_says_how_often_and_since_when() -> None:
    remedy = "It is asked again by itself; try it now with: digest sources check site"
    assert health_of(SPEC, _failed(3, ok=NOON - 26 * HOUR), now=NOON) == Health(
        HealthWord.FAILING, "it failed 3 times in a row; it was last read 26 hours ago", remedy
    )
    never = health_of(SPEC, _failed(1), now=NOON)
    assert never == Health(HealthWord.FAILING, "it failed 1 time; it was never read", remedy)
    assert never.is_trouble


def test_a_source_that_failed_for_three_days_is_dead() -> None:
    border, ok = NOON - 72 * HOUR, NOON - 30 * DAY  # when it was switched off, nothing failed
    assert _word(_failed(9, since=border + SECOND, ok=ok)) is HealthWord.FAILING
    assert health_of(SPEC, _failed(9, since=border, ok=ok), now=NOON) == Health(
        HealthWord.DEAD, "it could not be read for 3 days, in 9 tries", CORRECT
    )


def test_a_source_asked_once_a_week_is_not_dead_after_three_days() -> None:
    weekly = replace(SPEC, every=7 * DAY)
    border = NOON - 21 * DAY
    for ok in (None, NOON - 30 * DAY):
        failing, dead = (_failed(3, since=at, ok=ok) for at in (border + SECOND, border))
        assert _word(failing, spec=weekly) is HealthWord.FAILING
        assert _word(dead, spec=weekly) is HealthWord.DEAD


def test_a_source_never_read_for_a_day_is_dead() -> None:
    border = NOON - DAY
    assert _word(_failed(9, since=border + SECOND)) is HealthWord.FAILING
    assert health_of(SPEC, _failed(10, since=border), now=NOON) == Health(
        HealthWord.DEAD, "it could never be read, in 10 tries", CORRECT
    )


def test_failures_counted_before_their_beginning_was_kept_make_no_source_dead() -> None:
    old = replace(_failed(99, ok=NOON - 30 * DAY), failing_since=None)
    assert _word(old) is HealthWord.FAILING


def test_a_source_whose_site_says_gone_is_dead_at_once() -> None:
    gone = replace(_failed(1, ok=NOON - HOUR), status=410)
    desk = replace(SPEC, origin=Origin.DESK)
    assert health_of(desk, gone, now=NOON) == Health(
        HealthWord.DEAD,
        "its site says that it is gone for good (410); asked every 24 hours",
        "Correct its address, or remove it (digest sources remove site, then add).",
    )


def test_a_pause_the_site_asked_for_is_told_as_long_as_it_lasts() -> None:
    until = NOON + 2 * HOUR
    pause = "as its site asks, it is not asked before 2026-01-09 14:00:00 UTC"
    well = replace(WELL, not_before=until, next_poll_at=until)
    assert health_of(SPEC, well, now=NOON) == Health(
        HealthWord.WELL, f"it was last read 0 seconds ago; {pause}"
    )
    assert health_of(SPEC, well, now=until).sentence == "it was last read 2 hours ago"
    failed = replace(_failed(1), not_before=until)
    assert health_of(SPEC, failed, now=NOON) == Health(
        HealthWord.FAILING,
        f"it failed 1 time; it was never read; {pause}",
        "It is asked again by itself.",
    )


def test_a_feed_that_turned_over_is_told_until_it_overlaps_again() -> None:
    state = replace(WELL, warning=f"several stories have the same guid; {TURNED_OVER}")
    assert health_of(SPEC, state, now=NOON) == Health(
        HealthWord.TURNED_OVER,
        "it turned over completely between two polls; stories may have been missed",
        "Ask it more often than every 10 minutes, or have the feed show more stories.",
    )
    assert _word(replace(WELL, warning="a date is wrong")) is HealthWord.WELL


def test_a_source_that_moved_for_good_is_told_where_to() -> None:
    state = replace(WELL, moved_to="https://new.example/feed")
    assert health_of(SPEC, state, now=NOON) == Health(
        HealthWord.MOVED,
        "its site says that it has moved for good to https://new.example/feed",
        "It is read there until you change its address in digest.toml ([sources.site]).",
    )
    assert _word(replace(state, failures=1)) is HealthWord.FAILING


@st.composite
def _states(draw: st.DrawFn) -> SourceState:
    """Make any state, also one that no poll leaves."""

    def moment(least: timedelta, most: timedelta) -> datetime | None:
        return draw(st.none() | st.timedeltas(least, most).map(NOON.__add__))

    failures = draw(st.integers(0, 1_000))
    return replace(
        NEW,
        failures=failures,
        last_tried_at=moment(-400 * DAY, DAY),
        last_ok_at=moment(-400 * DAY, timedelta()),
        next_poll_at=moment(-400 * DAY, 3 * DAY),
        error="fetch: it is away" if failures else None,
        failing_since=moment(-400 * DAY, DAY) if failures else None,
        not_before=moment(-DAY, DAY),
        status=draw(st.sampled_from([None, 404, 410])) if failures else None,
    )


@given(state=_states(), every=st.timedeltas(30 * SECOND, 365 * DAY))
def test_every_state_has_a_word_and_trouble_has_a_remedy(
    state: SourceState, every: timedelta
) -> None:
    health = health_of(replace(SPEC, every=every), state, now=NOON)
    assert health.sentence
    assert bool(health.remedy) is (health.is_trouble or health.word is HealthWord.NEW)
