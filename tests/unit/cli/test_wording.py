from __future__ import annotations

import unicodedata
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from digest.cli.wording import (
    COLUMNS,
    aligned,
    counted,
    cut,
    listed,
    long_time,
    plain,
    short_time,
    width,
    wrapped,
)

TEXT = st.text(max_size=200)


def test_a_feed_cannot_steer_the_terminal() -> None:
    assert plain("\x1b[31mRed\x07\r\nnext\0\u202eline\u2028end") == "[31mRed  nextline end"


def test_letters_that_need_a_joiner_keep_it() -> None:
    assert plain("\u0915\u094d\u200d\u0937") == "\u0915\u094d\u200d\u0937"


@given(TEXT)
def test_plain_text_is_one_line_without_control_characters(text: str) -> None:
    shown = plain(text)
    assert len(shown.splitlines()) <= 1
    assert not [letter for letter in shown if unicodedata.category(letter) in {"Cc", "Cs"}]
    assert plain(shown) == shown


def test_wide_letters_take_two_columns_and_marks_none() -> None:
    assert [width(text) for text in ("abc", "港", "e\u0301", "")] == [3, 2, 1, 0]


def test_a_text_that_fits_is_not_cut() -> None:
    assert cut("harbour", 7) == "harbour"


def test_a_long_text_ends_with_an_ellipsis() -> None:
    assert cut("harbour bridge", 9) == "harbour…"
    assert cut("港港港港", 5) == "港港…"


@given(TEXT, st.integers(min_value=1, max_value=100))
def test_a_cut_text_is_never_wider_than_asked(text: str, columns: int) -> None:
    assert width(cut(text, columns)) <= columns


def test_a_sentence_is_broken_at_blanks_under_its_beginning() -> None:
    sentence = "one two three " * 8
    assert wrapped(sentence, first="  ok    ", then=" " * 8) == [
        "  ok    one two three one two three one two three one two three one two three",
        "        one two three one two three one two three",
    ]


def test_an_address_is_never_broken() -> None:
    address = "https://harbourpost.example/" + "a" * 90
    assert wrapped(f"see {address} there", then="  ") == ["see", f"  {address}", "  there"]
    assert wrapped(address, first="ok ", then="  ") == [f"ok {address}"]


def test_nothing_to_say_is_one_line() -> None:
    assert wrapped("", first="  warn") == ["  warn"]


@given(st.lists(st.text(alphabet="ab –", max_size=30), max_size=30).map(" ".join))
def test_wrapped_lines_hold_every_word_in_order_and_fit(text: str) -> None:
    lines = wrapped(text, first="  ", then="    ")
    assert " ".join(lines).split() == text.split()
    assert all(width(line) <= COLUMNS for line in lines)


def test_columns_are_aligned_and_numbers_flush_right() -> None:
    rows = [("NAME", "N"), ("one", 1), ("twelve", 12), ("港", None)]
    assert aligned(rows, right=(1,), indent=2) == [
        "  NAME     N",
        "  one      1",
        "  twelve  12",
        "  港",
    ]


def test_rows_may_be_of_different_lengths() -> None:
    assert aligned([("a", "b"), ("c",)]) == ["a  b", "c"]
    assert aligned([]) == []
    assert aligned([], shrink=0) == []


def test_the_column_that_may_shrink_makes_the_line_fit() -> None:
    short, long = aligned([("x", "y" * 100, 7), ("x" * 10, "z", 7)], shrink=1)
    assert short == "x           " + "y" * 64 + "…  7"
    assert long == "xxxxxxxxxx  z" + " " * 66 + "7"
    assert width(short) == COLUMNS


def test_a_column_is_never_shrunk_to_nothing() -> None:
    (line,) = aligned([("x" * 90, "y" * 20)], shrink=1)
    assert line == "x" * 90 + "  yyyyyyy…"


def test_one_is_singular() -> None:
    assert [counted(n, "story", "stories") for n in (0, 1, 1204)] == [
        "0 stories",
        "1 story",
        "1,204 stories",
    ]


def test_names_are_listed_as_people_do() -> None:
    assert [listed(names) for names in (["A"], ["A", "B"], ["A", "B", "C"])] == [
        "A",
        "A and B",
        "A, B and C",
    ]


def test_times_are_local() -> None:
    at = datetime(2026, 7, 9, 23, 30, tzinfo=UTC)
    assert short_time(at, "Europe/London") == "Fri 10 Jul 00:30"
    assert long_time(at, "Europe/London") == "Fri 10 Jul 2026 00:30"
    assert long_time(None, "Europe/London") == "never"
