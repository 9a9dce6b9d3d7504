from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.delivery.ratelimit import RateLimit


def _departures(limit: RateLimit, lateness: list[float]) -> list[float]:
    """Give when each message leaves if every sleep lasts a little too long."""
    now, left = 100.0, []
    for late in lateness:
        wait = limit.wait(now)
        now += wait + (late if wait else 0.0)
        limit.take(now)
        left.append(now)
    return left


def test_without_a_limit_nothing_waits() -> None:
    limit = RateLimit(None)
    assert _departures(limit, [0.0] * 5) == [100.0] * 5


def test_messages_are_spaced_evenly() -> None:
    assert _departures(RateLimit(4), [0.0] * 4) == [100.0, 100.0, 100.25, 100.5]


@given(st.floats(0.1, 1000), st.lists(st.floats(0, 0.5), min_size=2, max_size=60))
def test_the_rate_is_for_the_whole_process_however_late_the_sleeps_end(
    per_second: float, lateness: list[float]
) -> None:
    left = _departures(RateLimit(per_second), lateness)
    for first in range(len(left)):
        for last in range(first, len(left)):
            allowed = (left[last] - left[first]) * per_second + 2
            assert last - first + 1 <= allowed + 1e-6
