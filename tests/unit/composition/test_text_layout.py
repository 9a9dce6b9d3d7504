"""The lines of the plain text twin."""

from __future__ import annotations

from digest.composition.layout import hang, ruled, spread, tidy


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
