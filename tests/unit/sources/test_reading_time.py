"""How long a text takes to read, by its language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.reading_time import (
    count_words,
    reading_minutes,
    story_minutes,
    words_per_minute,
)


@pytest.mark.parametrize(
    ("words", "minutes"), [(0, 1), (1, 1), (238, 1), (356, 1), (358, 2), (1190, 5)]
)
def test_reading_takes_at_least_a_minute(words: int, minutes: int) -> None:
    assert reading_minutes(words) == minutes


@pytest.mark.parametrize(
    ("text", "words"),
    [("", 0), ("one two", 2), ("Béla naïve", 2), ("東京は晴れ", 3), ("in 東京", 2)],
)
def test_words_are_counted_in_wide_scripts_too(text: str, words: int) -> None:
    assert count_words(text) == words


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (None, 238),
        ("en", 238),
        ("en-GB", 238),
        ("de_AT", 187),
        ("AR", 144),
        ("es", 228),
        ("xx", 238),
    ],
)
def test_a_language_whose_words_say_more_is_read_at_fewer_a_minute(
    language: str | None, words: int
) -> None:
    assert words_per_minute(language) == words


def test_an_arabic_text_of_as_many_words_takes_longer() -> None:
    assert (reading_minutes(1000, "en"), reading_minutes(1000, "ar")) == (4, 7)


def test_a_story_of_which_only_the_beginning_is_known_has_no_time() -> None:
    assert story_minutes("word " * 99) == 0
    assert story_minutes("word " * 100) == 1
    assert story_minutes("word " * 1000, "de") == 5


@given(st.text(max_size=300), st.text(max_size=12))
def test_any_text_and_tag_have_a_time(text: str, language: str) -> None:
    assert reading_minutes(count_words(text), language) >= 1
