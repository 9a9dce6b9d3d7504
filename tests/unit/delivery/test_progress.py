"""How far, how fast, and when it is out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.model import Tally
from digest.delivery.progress import Course, Pace, Snapshot, done_of, pace_between


def _at(seconds: float, accepted: int, of: int = 100, **more: int) -> Snapshot:
    others = sum(more.values())
    return Snapshot(seconds, Tally(planned=of - accepted - others, accepted=accepted, **more))


def test_every_copy_that_was_tried_counts_as_done_whatever_came_of_it() -> None:
    tally = Tally(planned=1, accepted=2, deferred=3, failed=4, skipped=5, uncertain=6)
    assert (done_of(tally), tally.total) == (20, 21)


def test_the_pace_is_known_after_half_a_second() -> None:
    assert pace_between(_at(0, 10), _at(0.4, 30)) == Pace(30, 100)
    assert pace_between(_at(0, 10), _at(2, 30)) == Pace(30, 100, 10.0, 7.0)


def test_where_nothing_moves_the_end_is_open() -> None:
    assert pace_between(_at(0, 30), _at(10, 30)) == Pace(30, 100, 0.0, None)


def test_what_is_put_off_does_not_lengthen_the_first_pass() -> None:
    assert pace_between(_at(0, 0), _at(10, 40, deferred=50)) == Pace(90, 100, 9.0, 10 / 9)


def test_only_the_last_half_minute_counts() -> None:
    course = Course()
    for second in range(60):
        course.add(_at(second, second, of=1_000_000))
    for second in range(60, 121):
        pace = course.add(_at(second, 60 + 100 * (second - 60), of=1_000_000))
    assert pace.per_second == 100.0


def test_copies_that_a_person_opened_again_begin_it_anew() -> None:
    course = Course()
    course.add(_at(0, 90))
    assert course.add(_at(1, 95)) == Pace(95, 100, 5.0, 1.0)
    assert course.add(_at(2, 80)) == Pace(80, 100)
    assert course.add(_at(3, 82)) == Pace(82, 100, 2.0, 9.0)


@pytest.mark.parametrize(
    ("done", "total", "percent", "filled"),
    [(0, 0, 100, 50), (0, 3, 0, 0), (1, 3, 33, 16), (999, 1000, 99, 49), (1000, 1000, 100, 50)],
)
def test_a_hundred_is_said_of_all_and_of_nothing_less(
    done: int, total: int, percent: int, filled: int
) -> None:
    pace = Pace(done, total)
    assert (pace.percent, pace.filled(50)) == (percent, filled)


@given(st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**7)), min_size=1, max_size=50))
def test_whatever_is_seen_the_figures_make_sense(seen: list[tuple[float, int]]) -> None:
    course = Course()
    for at, planned in sorted(seen):
        pace = course.add(Snapshot(at, Tally(planned=planned, accepted=10**7 - planned)))
        assert 0 <= pace.percent <= 100
        assert 0 <= pace.filled(54) <= 54
        assert (pace.percent == 100) == (planned == 0)
        assert pace.per_second is None or pace.per_second >= 0
        assert pace.seconds_left is None or pace.seconds_left >= 0
