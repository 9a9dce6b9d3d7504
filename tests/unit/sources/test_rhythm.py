"""How often a site publishes, and what suits it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.sources.rhythm import Issue, Rhythm, rhythm_of

NOW = datetime(2026, 1, 9, 12, tzinfo=UTC)  # a Friday
WORKDAYS = ("mon", "tue", "wed", "thu", "fri")


def _every(hours: float, count: int) -> list[datetime]:
    return [NOW - timedelta(hours=hours * n) for n in range(count)]


@pytest.mark.parametrize(
    ("published", "daily", "weekly", "words"),
    [
        (_every(2, 20), Issue(WORKDAYS, 3, "48h"), 5, "it publishes about 13 a day"),
        (_every(6, 16), Issue(WORKDAYS, 2, "48h"), 5, "it publishes about 4 a day"),
        (_every(16, 8), Issue(WORKDAYS, 1, "72h"), 5, "it publishes about 2 a day"),
        (_every(48, 4), Issue(("mon", "wed", "fri"), 1, "4d"), 2, "it publishes about 5 a week"),
    ],
)
def test_a_daily_and_a_weekly_follow_how_much_comes(
    published: list[datetime], daily: Issue, weekly: int, words: str
) -> None:
    found = rhythm_of(published, now=NOW, zone="Europe/London")

    assert (found.daily, found.weekly.least, found.words) == (daily, weekly, words)
    assert found.weekly.days == ("sat",)


def test_a_site_that_goes_on_at_weekends_has_its_daily_then_too() -> None:
    found = rhythm_of(_every(6, 48), now=NOW, zone="Europe/London")

    assert found.daily.days == (*WORKDAYS, "sat", "sun")


def test_what_is_old_ahead_or_too_little_tells_nothing() -> None:
    old = [NOW - timedelta(days=90 + n) for n in range(20)]
    ahead = [NOW + timedelta(days=3)]

    assert rhythm_of([*old, *ahead, NOW], now=NOW, zone="Europe/London") == Rhythm()
    assert "too few dates" in Rhythm().words
