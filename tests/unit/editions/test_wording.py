from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.editions.wording import (
    age_in_words,
    count_of,
    day_in_words,
    moment_in_words,
    one_line,
)
from tests.unit.editions.editions_builders import utc


def test_a_moment_is_said_in_the_newsletters_zone() -> None:
    late = utc("2026-01-09 23:30")
    assert day_in_words(late, "Europe/London") == "9 Jan 2026"
    assert moment_in_words(late, "Europe/Berlin") == "10 Jan 2026 at 00:30"


def test_a_date_before_all_zones_is_said_as_it_is() -> None:
    assert day_in_words(datetime(1, 1, 1, tzinfo=UTC), "America/New_York") == "1 Jan 1"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(hours=48), "48 hours"),
        (timedelta(hours=1), "1 hour"),
        (timedelta(days=3), "72 hours"),
        (timedelta(days=8), "8 days"),
        (timedelta(hours=97), "97 hours"),
        (timedelta(minutes=90), "90 minutes"),
        (timedelta(0), "0 minutes"),
    ],
)
def test_an_age_is_said_in_its_own_unit(age: timedelta, words: str) -> None:
    assert age_in_words(age) == words


def test_one_of_a_thing_is_singular() -> None:
    assert [count_of(n, "story", "stories") for n in (0, 1, 2)] == [
        "0 stories",
        "1 story",
        "2 stories",
    ]


def test_a_sentence_loses_line_breaks_nul_and_half_letters() -> None:
    assert one_line(" held:\r\n\0by \ud800 me\t") == "held: by ? me"
