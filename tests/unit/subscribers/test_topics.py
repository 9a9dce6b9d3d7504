from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.topics import EVERYTHING, Topics

BRIEF = Topics({"town": 0, "gone": 1, "sea": 2, "sport": 62}, ("sea", "town", "sport"))
WEEK = Topics({"pictures": 0, "sport": 1, "town": 2}, ("town", "sport", "pictures"))

_KEYS = st.sets(st.sampled_from(["town", "sea", "sport", "gone", "unheard of"]))


@pytest.mark.parametrize(
    ("keys", "mask"),
    [
        (["town"], 0b1),
        (["town", "sea"], 0b101),
        (["sport", "town", "unheard of"], 1 << 62 | 1),
        (["sea", "sport", "town"], EVERYTHING),
        (["sea", "sport", "town", "gone"], EVERYTHING),
    ],
)
def test_topics_are_the_bits_of_a_mask_and_all_of_them_are_everything(
    keys: list[str], mask: int
) -> None:
    assert BRIEF.mask(keys) == mask


@given(_KEYS)
def test_what_was_chosen_is_shown_as_chosen(keys: set[str]) -> None:
    known = BRIEF.known(keys)
    assert set(known) == keys & set(BRIEF.offered)
    if known:
        assert BRIEF.chosen(BRIEF.mask(keys)) == known


@given(_KEYS)
def test_a_mask_fits_the_column_it_is_kept_in(keys: set[str]) -> None:
    assert 0 <= BRIEF.mask(keys, before=2**63 - 1) < 2**63


def test_a_wish_for_a_topic_that_is_not_offered_now_outlives_a_change() -> None:
    assert BRIEF.mask(["town"], before=0b110) == 0b11
    assert BRIEF.mask(["town"], before=0b100) == 0b1
    assert BRIEF.chosen(0b10) == ()


@pytest.mark.parametrize(
    ("mask", "carried"),
    [
        (EVERYTHING, EVERYTHING),
        (0b1, 0b100),
        (1 << 62 | 1, 0b110),
        (0b101, 0b100),
        (0b100, EVERYTHING),
    ],
)
def test_topics_go_along_by_their_keys(mask: int, carried: int) -> None:
    assert BRIEF.carry(mask, WEEK) == carried


def test_a_section_the_database_does_not_know_yet_is_no_topic() -> None:
    topics = Topics({"town": 0}, ("town", "new"))
    assert topics.known(["town", "new"]) == ("town",)
    assert topics.chosen(0b1) == ("town",)


@pytest.mark.parametrize("keys", [(), ("unheard of",), ("gone",)])
def test_none_of_the_offered_topics_is_everything(keys: tuple[str, ...]) -> None:
    assert BRIEF.mask(keys, before=0b110) == EVERYTHING


@pytest.mark.parametrize(
    ("mask", "ticked"), [(EVERYTHING, ()), (0b101, ("sea", "town")), (0b10, ())]
)
def test_where_none_ticked_means_everything_everything_is_shown_as_none(
    mask: int, ticked: tuple[str, ...]
) -> None:
    assert BRIEF.ticked(mask) == ticked
