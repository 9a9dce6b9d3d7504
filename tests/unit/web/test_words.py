from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time

import pytest

from digest.editions.model import (
    Cadence,
    MonthDay,
    NewsletterSpec,
    Release,
    ReleaseMode,
    SlotHours,
    StoryPolicy,
)
from digest.web.words import days_in_words, first_letter, offer, place, weeks_in_words

DAILY = Cadence("America/Tortola", (SlotHours(time(7), time(6, 30)),), frozenset(range(5)))


def _offer(cadence: Cadence) -> str:
    release = Release(ReleaseMode.APPROVE)
    return offer(NewsletterSpec("x", "X", "daily", cadence, StoryPolicy(most=12), release))


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ((), ""),
        ((5,), "every Saturday"),
        ((0, 1), "Monday and Tuesday"),
        ((0, 1, 2, 3, 4), "Monday to Friday"),
        ((0, 2, 4), "Monday, Wednesday and Friday"),
        (range(7), "every day"),
    ],
)
def test_weekdays_are_said_as_people_say_them(days: tuple[int, ...], words: str) -> None:
    assert days_in_words(frozenset(days)) == words


def test_an_offer_says_how_much_and_when() -> None:
    assert _offer(DAILY) == "Up to 12 stories, Monday to Friday at 07:00."
    twice = (SlotHours(time(7), time(6)), SlotHours(time(17), time(16), "evening"))
    months = (MonthDay(-1), MonthDay(2, 0), MonthDay(22))
    assert _offer(replace(DAILY, slots=twice, days=frozenset(), monthly=months)) == (
        "Up to 12 stories, the last day, the second Monday and the 22nd of the month"
        " at 07:00 and 17:00."
    )
    assert _offer(replace(DAILY, days=frozenset({5}), monthly=(MonthDay(1),))) == (
        "Up to 12 stories, every Saturday and the 1st of the month at 07:00."
    )
    now_and_then = replace(DAILY, days=frozenset())
    assert _offer(now_and_then) == "Now and then, when there is news that cannot wait."


@pytest.mark.parametrize(
    ("now", "first"),
    [
        ("2026-01-09 10:29", "Friday 9 January at 07:00"),
        ("2026-01-09 10:30", "Monday 12 January at 07:00"),  # that letter is made up: 06:30 there
        ("2026-01-10 12:00", "Monday 12 January at 07:00"),
    ],
)
def test_the_first_letter_is_the_next_not_yet_made_up(now: str, first: str) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert first_letter(DAILY, at) == (first, "Tortola time")


def test_a_newsletter_without_days_promises_none() -> None:
    never = replace(DAILY, days=frozenset())
    assert first_letter(never, datetime(2026, 1, 9, tzinfo=UTC)) is None


@pytest.mark.parametrize(
    ("zone", "words"),
    [
        ("Europe/London", "London time"),
        ("America/New_York", "New York time"),
        ("UTC", "UTC"),
        ("Etc/GMT", "GMT"),
    ],
)
def test_the_clock_has_a_place(zone: str, words: str) -> None:
    assert place(zone) == words


@pytest.mark.parametrize(("weeks", "words"), [(1, "One week"), (2, "2 weeks"), (4, "4 weeks")])
def test_a_pause_is_said_in_weeks(weeks: int, words: str) -> None:
    assert weeks_in_words(weeks) == words
