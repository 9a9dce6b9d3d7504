"""Dates in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.dates import (
    date_words,
    day_words,
    direction,
    hour_words,
    local_date,
    long_date_words,
    month_words,
    number_words,
    short_date_words,
    span_words,
    weekday_words,
)
from digest.composition.text import clean

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
    assert span_words(date(2026, 1, 3), DAY, "en-US") == "Jan 3\u2009–\u20099"


@pytest.mark.parametrize(
    ("language", "within", "across"),
    [
        ("es", "3 al 9 de enero", "29 de diciembre al 4 de enero"),
        ("fr", "3 au 9 janvier", "29 décembre au 4 janvier"),
        ("de", "3. bis 9. Januar", "29. Dezember bis 4. Januar"),
        ("ar", "3 إلى 9 يناير", "29 ديسمبر إلى 4 يناير"),
    ],
)
def test_a_span_reads_as_a_part_of_a_sentence(language: str, within: str, across: str) -> None:
    assert span_words(date(2026, 1, 3), DAY, language) == within
    assert span_words(date(2025, 12, 29), date(2026, 1, 4), language) == across


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Saturday 17 January", "October 2021", "07:00", "17:30", "1,204")),
        (
            "en-US",
            (
                "Saturday, January 17",
                "October 2021",
                "7:00\u202fAM",
                "5:30\u202fPM",
                "1,204",
            ),
        ),
        ("es", ("sábado 17 de enero", "octubre de 2021", "7:00", "17:30", "1.204")),
        (
            "fr",
            (
                "samedi 17 janvier",
                "octobre 2021",
                "7\u00a0h",
                "17\u00a0h\u00a030",
                "1\u202f204",
            ),
        ),
        (
            "de",
            (
                "Samstag, 17. Januar",
                "Oktober 2021",
                "7:00\u00a0Uhr",
                "17:30\u00a0Uhr",
                "1.204",
            ),
        ),
        ("ar", ("السبت 17 يناير", "أكتوبر 2021", "7:00\u00a0ص", "5:30\u00a0م", "1,204")),
    ],
)
def test_days_months_hours_and_numbers_are_written_as_the_language_writes_them(
    language: str, words: tuple[str, ...]
) -> None:
    evening = datetime(2026, 7, 1, 17, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert words == (
        day_words(date(2026, 1, 17), language),
        month_words(date(2021, 10, 3), language),
        hour_words(time(7), language),
        hour_words(evening, language),
        number_words(1204, language),
    )


def test_the_first_of_a_month_is_an_ordinal_in_french() -> None:
    first = date(2026, 1, 1)
    assert date_words(first, "fr") == "jeudi 1er janvier 2026"
    assert short_date_words(first, "fr") == "1er janvier"
    assert span_words(first, date(2026, 1, 7), "fr") == "1er au 7 janvier"
    assert short_date_words(date(2026, 1, 21), "fr") == "21 janvier"


@given(
    st.dates(date(1990, 1, 1), date(2100, 1, 1)),
    st.times(),
    st.sampled_from(("en", "en-US", "es", "fr", "de", "ar", "fa", "ja", "th", "he", "sr-Latn")),
)
def test_no_date_holds_what_a_mail_may_not(day: date, at: time, language: str) -> None:
    words = (
        date_words(day, language),
        short_date_words(day, language),
        month_words(day, language),
        day_words(day, language),
        weekday_words(day, language, short=True),
        hour_words(at, language),
        span_words(day, day + timedelta(days=6), language),
    )
    for each in words:
        assert each == clean(each) != ""


def test_short_dates_and_weekdays() -> None:
    assert short_date_words(DAY, "en") == "9 January"
    assert short_date_words(DAY, "en-US") == "January 9"
    assert weekday_words(DAY, "en") == "Friday"
    assert weekday_words(DAY, "en", short=True) == "Fri"


def test_a_date_with_its_year_and_no_weekday() -> None:
    written = [long_date_words(DAY, tag) for tag in ("en", "en-US", "es", "fr", "de", "ar")]
    assert written == [
        "9 January 2026",
        "January 9, 2026",
        "9 de enero de 2026",
        "9 janvier 2026",
        "9. Januar 2026",
        "9 يناير 2026",
    ]
    assert long_date_words(date(2026, 1, 1), "fr") == "1er janvier 2026"


def test_a_moment_has_the_date_of_its_zone() -> None:
    assert local_date(datetime(2026, 1, 9, 23, tzinfo=UTC), "Asia/Tokyo") == date(2026, 1, 10)


def test_writing_direction() -> None:
    assert [direction(language) for language in ("en", "ar", "he", "xx")] == [
        "ltr",
        "rtl",
        "rtl",
        "ltr",
    ]
