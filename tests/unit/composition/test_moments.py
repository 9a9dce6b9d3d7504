"""Moments in words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.composition.language import ENGLISH, Language
from digest.composition.moments import moment_words, place


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
    assert place(zone, ENGLISH) == words


def test_an_unknown_language_says_cities_as_we_do() -> None:
    assert place("Europe/London", Language("xx-no-such")) == "London time"


def test_a_place_that_runs_against_its_sentence_is_held_apart() -> None:
    arabic = Language(
        "ar",
        {
            "%(city)s time": ("بتوقيت %(city)s",),
            "%(day)s at %(hour)s, %(place)s": ("%(day)s عند الساعة %(hour)s، %(place)s",),
        },
    )
    at = datetime(2026, 1, 12, 7, tzinfo=UTC)
    assert moment_words(at, "UTC", arabic).endswith("، \u2068UTC\u2069")
    assert place("Europe/London", arabic) == "بتوقيت لندن"
