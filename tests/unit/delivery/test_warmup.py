from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.warmup import NO_LIMIT_ABOVE, DayShare, allowance

FIRST = date(2026, 11, 22)


def test_the_allowance_grows_day_by_day_from_the_first() -> None:
    days = [FIRST + timedelta(days=n) for n in range(5)]
    assert [allowance(FIRST, day, 200, 1.5) for day in days] == [200, 300, 450, 675, 1012]
    assert [allowance(FIRST, day, 50, 2) for day in days] == [50, 100, 200, 400, 800]


def test_before_the_first_day_as_many_leave_as_on_it() -> None:
    assert allowance(FIRST, FIRST - timedelta(days=400), 200, 1.5) == 200


def test_what_grows_beyond_anything_sensible_is_no_limit() -> None:
    assert allowance(FIRST, FIRST + timedelta(days=26), 200, 1.5) == 7_575_350
    assert allowance(FIRST, FIRST + timedelta(days=27), 200, 1.5) is None
    assert allowance(FIRST, date.max, 1, 10) is None


@given(st.integers(1, 10_000_000), st.floats(1.001, 10), st.integers(0, 20_000))
def test_a_later_day_never_allows_less(first_day: int, growth: float, days: int) -> None:
    today = allowance(FIRST, FIRST + timedelta(days=days), first_day, growth)
    tomorrow = allowance(FIRST, FIRST + timedelta(days=days + 1), first_day, growth)
    assert today is None or first_day <= today <= NO_LIMIT_ABOVE
    assert tomorrow is None or (today is not None and today <= tomorrow)


def test_a_share_of_the_day_doubles_while_it_is_used_and_asks_for_no_more_than_it_used() -> None:
    share, asked = DayShare(), []
    for now in range(6):
        assert share.refuse(now)
        want = share.want(now)
        asked.append(want)
        share.lend(want, want, now)
        for _ in range(want if now < 3 else 5):
            share.take(now)
        if now >= 3:
            share.left = 0
    assert asked == [40, 160, 640, 2560, 5120, 10240]


def test_a_day_that_is_used_up_is_asked_for_again_only_now_and_then() -> None:
    share = DayShare()
    share.begin("day:a:1", 5)
    assert share.refuse(0.0)
    share.lend(0, share.want(0.0), 0.0)
    assert share.is_used_up
    assert share.refuse(1.0)
    assert (share.want(1.0), share.used_up_for(1.0)) == (0, 29.0)
    assert share.refuse(30.0)
    assert (share.want(30.0) > 0, share.used_up_for(30.0)) == (True, 0.0)
    share.begin("day:a:2", 8)
    assert not share.is_used_up
    assert share.want(30.0) > 0


def test_what_nobody_wants_comes_back_and_what_left_unasked_is_counted_afterwards() -> None:
    share = DayShare()
    share.begin("day:a:1", 100)
    share.take(0.0)
    share.take(0.0)
    assert share.settle(0.0) == (0, 2)
    share.lend(30, 30, 0.0)
    assert share.settle(0.5) == (0, 0)
    assert share.is_idle(5.0)
    assert share.settle(5.0) == (30, 0)
    assert share.left == 0


def test_a_sender_that_leaves_gives_its_part_of_the_day_back() -> None:
    share = DayShare()
    share.begin("day:a:1", 100)
    share.lend(30, 30, 0.0)
    share.take(0.0)
    share.leave()
    assert share.settle(0.0) == (29, 0)
