"""Dates in words."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from digest.composition.dates import (
    date_words,
    direction,
    local_date,
    short_date_words,
    span_words,
    weekday_words,
)

DAY = date(2026, 1, 9)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Friday 9 January 2026"),
        ("en-GB", "Friday 9 January 2026"),
        ("en_AU", "Friday 9 January 2026"),
        ("en-US", "Friday, January 9, 2026"),
        ("de", "Freitag, 9. Januar 2026"),
        ("not a language", "Friday 9 January 2026"),
        ("", "Friday 9 January 2026"),
    ],
)
def test_a_date_is_written_as_its_readers_write_it(language: str, words: str) -> None:
    assert date_words(DAY, language) == words


def test_a_span_names_each_month_once() -> None:
    assert span_words(date(2026, 1, 3), DAY, "en") == "3–9 January"
    assert span_words(date(2025, 12, 29), date(2026, 1, 4), "en") == "29 December – 4 January"
    assert span_words(date(2026, 1, 3), DAY, "fr") == "3–9 janv."


def test_short_dates_and_weekdays() -> None:
    assert short_date_words(DAY, "en") == "9 January"
    assert short_date_words(DAY, "en-US") == "Jan 9"
    assert weekday_words(DAY, "en") == "Friday"
    assert weekday_words(DAY, "en", short=True) == "Fri"


def test_a_moment_has_the_date_of_its_zone() -> None:
    assert local_date(datetime(2026, 1, 9, 23, tzinfo=UTC), "Asia/Tokyo") == date(2026, 1, 10)


def test_writing_direction() -> None:
    assert [direction(language) for language in ("en", "ar", "he", "xx")] == [
        "ltr",
        "rtl",
        "rtl",
        "ltr",
    ]
