"""The words of an edition on its way."""

from __future__ import annotations

import pytest

from digest.cli.watching import left_words, rate_words


@pytest.mark.parametrize(
    ("per_second", "words"),
    [
        (1204.4, "1,204 a second"),
        (100, "100 a second"),
        (7.23, "7.2 a second"),
        (0.5, "0.5 a second"),
        (0.2, "12 a minute"),
    ],
)
def test_a_rate_is_said_in_the_unit_that_suits_it(per_second: float, words: str) -> None:
    assert rate_words(per_second) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.01, "1 s"),
        (40.4, "40 s"),
        (59.6, "1 min 0 s"),
        (382, "6 min 22 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_the_time_left_is_said_as_a_person_would(seconds: float, words: str) -> None:
    assert left_words(seconds) == words
