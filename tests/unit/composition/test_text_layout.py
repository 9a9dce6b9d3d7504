"""The lines of the plain text twin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.layout import hang, ruled, spread, tidy
from digest.composition.slots import Slots, nonce_for

FSI, PDI = "\u2068", "\u2069"


def test_a_sections_title_is_followed_by_a_rule() -> None:
    assert ruled("Top stories") == "TOP STORIES " + "-" * 60
    assert len(ruled("東京")) == 70  # two wide signs take four columns
    assert ruled("x" * 71) == "X" * 71


def test_two_sides_share_a_line_or_take_two() -> None:
    assert spread("left", "right") == "left" + " " * 63 + "right"
    assert spread("l" * 40, "r" * 40) == "l" * 40 + "\n" + "r" * 40


def test_a_list_hangs_from_its_marks() -> None:
    text = "word " * 20
    assert hang(text, "*  ") == "*  " + "word " * 13 + "word\n   word word word word word word"


def test_lines_are_tidied() -> None:
    assert tidy("\n\na \n\n\n\n\nb\t") == "a\n\n\nb\n"


def test_words_that_run_the_other_way_are_isolated_and_no_others() -> None:
    assert hang("חדשות מהנמל", rtl=False) == f"{FSI}חדשות מהנמל{PDI}"
    assert hang("Harbour Post", rtl=True) == f"{FSI}Harbour Post{PDI}"
    assert hang("Harbour Post", rtl=False) == "Harbour Post"
    assert hang("حركة السفن", rtl=True) == "حركة السفن"
    assert hang("07:00", rtl=True) == "07:00"
    assert hang("— … —", rtl=True) == "— … —"
    assert hang("Harbour Post") == "Harbour Post"


def test_what_stands_around_isolated_words_stays_outside() -> None:
    assert hang("חדשות", "*  ", rtl=False, after=" (Thu)") == f"*  {FSI}חדשות{PDI} (Thu)"
    assert hang("Ferry", rtl=True, before="أيضًا: ") == f"أيضًا: {FSI}Ferry{PDI}"


def test_an_isolate_ends_with_its_line_and_begins_again_on_the_next() -> None:
    lines = hang("word " * 20 + "end", "   ", rtl=True).split("\n")
    assert lines == [
        f"   {FSI}" + "word " * 13 + f"word{PDI}",
        f"   {FSI}" + "word " * 6 + f"end{PDI}",
    ]


def test_a_slot_takes_the_room_of_a_value_and_not_of_its_mark() -> None:
    slots = Slots(nonce_for(b"secret", edition_id=1, revision=1, language="en"))
    since, address = slots.value("since"), slots.value("address")
    assert hang(f"You asked for it on {since}, and we are glad of it.") == (
        f"You asked for it on {since}, and we are glad of it."
    )
    assert hang(f"{'word ' * 7}at {address} on {since}.") == (
        f"{'word ' * 7}at\n{address} on {since}."
    )
    assert hang(f"Two in one word: {address}{since}") == f"Two in one word:\n{address}{since}"


def test_controls_in_a_text_with_slots_are_no_slots() -> None:
    slots = Slots(nonce_for(b"secret", edition_id=1, revision=1, language="en"))
    mark = slots.value("address")
    assert hang(f"a\x00b\x05 {mark}") == f"ab {mark}"


@given(
    st.text(st.sampled_from("ab אب\u2068\u2069. 東"), max_size=200),
    st.sampled_from((True, False)),
)
def test_every_line_closes_what_it_opens(text: str, rtl: bool) -> None:  # noqa: FBT001 - a case of the property, given by hypothesis
    words = text.replace(FSI, "").replace(PDI, "")
    for line in hang(words, rtl=rtl).split("\n"):
        assert line.count(FSI) == line.count(PDI) <= 1
    assert "".join(hang(words, rtl=rtl).replace(FSI, "").replace(PDI, "").split()) == "".join(
        words.split()
    )


def test_words_that_look_like_slots_are_not_lost_however_many() -> None:
    slots = Slots(nonce_for(b"secret", edition_id=1, revision=1, language="en"))
    words = [slots.value("unsubscribe") for _ in range(40)]
    assert hang(" ".join(words)).split() == words


@pytest.mark.parametrize("columns", [1, 53, 71, 72, 73, 500])
def test_beside_a_mark_that_leaves_no_room_words_stay_whole(columns: int) -> None:
    assert hang("x" * 99, "m" * columns) == "m" * columns + (
        "x" * 99 if columns > 52 else "x" * 71 + "\n " + "x" * 28
    )
