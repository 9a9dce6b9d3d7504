from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.duplicates import find_duplicates, headline_words
from tests.unit.editions.editions_builders import headline_only


def _repeats(*headlines: str) -> dict[int, int]:
    return find_duplicates([headline_only(n, line) for n, line in enumerate(headlines, 1)])


def test_the_later_story_repeats_the_earlier_one() -> None:
    assert _repeats(
        "Council approves new harbour wall after long debate",
        "Ferry fares to rise in spring",
        "Harbour wall approved by the council",
    ) == {3: 1}


def test_a_third_telling_repeats_the_first() -> None:
    line = "Harbour wall approved by council"
    assert _repeats(line, line, line) == {2: 1, 3: 1}


def test_spellings_of_initials_possessives_and_quotes_are_one() -> None:
    assert headline_words("The U.S. Mayor\u2019s Plans") == headline_words("US mayor's plan")
    assert headline_words("The U.S. Mayor\u2019s Plans") == {"us", "mayor", "plan"}


def test_amounts_stay_whole() -> None:
    assert headline_words("\u00a31.5 Billion, 33 %") == {"1.5", "billion", "33"}


def test_half_of_the_shorter_headline_is_enough_and_less_is_not() -> None:
    assert _repeats("one1 two2 three3 four4 five5 six6", "one1 two2 three3 aa bb cc") == {2: 1}
    assert _repeats("one1 two2 three3 four4 five5 six6 x", "one1 two2 three3 aa bb cc dd") == {}


def test_two_shared_words_are_chance() -> None:
    assert _repeats("Storm warning", "Storm warning") == {}


@given(st.lists(st.text(max_size=60), max_size=12))
def test_any_headline_is_survived_and_only_earlier_ones_are_named(headlines: list[str]) -> None:
    repeats = _repeats(*headlines)
    assert all(earlier < later for later, earlier in repeats.items())


def _captured_headlines(capture: Path) -> list[str]:
    lines = [line.strip() for line in capture.read_text("utf-8").splitlines()]
    river = lines[lines.index("Close") + 1 :]
    return [line for line in river if line and line != "\u00d7"]


@pytest.mark.parametrize(
    ("capture", "same_story"),
    [
        (0, {"Apple": 1, "Seizure of Russian": 1, "King Charles and Prince William": 1}),
        (1, {"Andrew": 3}),
    ],
)
def test_real_headlines_are_flagged_exactly_where_they_tell_one_story(
    seeds: Path, capture: int, same_story: dict[str, int]
) -> None:
    headlines = _captured_headlines(sorted(seeds.glob("*.txt"))[capture])
    assert len(headlines) == 50
    flagged = [pair for pair in combinations(headlines, 2) if _repeats(*pair)]
    assert {
        words: sum(words in one and words in two for one, two in flagged) for words in same_story
    } == same_story
    assert len(flagged) == sum(same_story.values())
