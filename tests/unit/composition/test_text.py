"""Cleaning, cutting, wrapping and counting words."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.text import (
    clean,
    clusters,
    cut_at_sentence,
    shorten,
    strip_refused,
    width,
    wrap,
    wrap72,
)

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
FLAGS = "\U0001f1ec\U0001f1e7\U0001f1eb\U0001f1f7"


@pytest.mark.parametrize(
    ("dirty", "expected"),
    [
        ("a\r\nb", "a b"),
        ("a\u2028b\u2029c\x85d\x0be", "a b c d e"),
        ("a\x00b\x07c\x9bd", "abcd"),
        ("a\ud800b\ufffec\uffffd", "abcd"),
        ("  two   spaces  ", "two spaces"),
        ("kept\u00a0\u00adtight", "kept\u00a0\u00adtight"),
        ("a \ud800 b", "a b"),
        ("", ""),
        ("plain words", "plain words"),
    ],
)
def test_clean_removes_what_no_mail_may_hold_and_folds_lines(dirty: str, expected: str) -> None:
    assert clean(dirty) == expected


@given(st.text())
def test_clean_gives_one_line_that_can_be_encoded_and_is_clean(text: str) -> None:
    cleaned = clean(text)
    assert "\n" not in cleaned
    assert cleaned.encode().decode() == cleaned
    assert clean(cleaned) == cleaned


def test_strip_refused_keeps_lines_and_tabs() -> None:
    assert strip_refused("a\n\tb\x00\r\n") == "a\n\tb\r\n"


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("Rowers win by a length", 22, "Rowers win by a length"),
        ("Rowers win by a length", 21, "Rowers win by a…"),
        ("Rowers win, by a length", 12, "Rowers win…"),
        ("Incomprehensibilities", 8, "Incompr…"),
        ("a", 0, "…"),
        (FAMILY * 3, 7, FAMILY + "…"),
        (FLAGS * 2, 4, FLAGS[:2] + "…"),
        ("e\u0301" * 5, 4, "e\u0301…"),
        ("東京は今日も晴れです。明日は雨", 12, "東京は今日も晴れです。…"),
    ],
)
def test_shorten_cuts_at_a_word_and_never_within_a_sign(
    text: str, limit: int, expected: str
) -> None:
    assert shorten(text, limit) == expected


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_shorten_never_passes_its_limit(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("One. Two.", 20, "One. Two."),
        (
            "The wall begins in April. The market moves for a season.",
            40,
            "The wall begins in April.",
        ),
        ("No. The market moves for one whole season and more", 30, "No. The market moves for one…"),
        ("She said “yes.” Then she left the house at noon.", 20, "She said “yes.”"),
        ("今日は晴れです。明日は雨でしょう", 12, "今日は晴れです。"),
        ("It cost 3.50 in all and nobody paid a penny of it", 20, "It cost 3.50 in all…"),
    ],
)
def test_cut_at_sentence_prefers_whole_sentences(text: str, limit: int, expected: str) -> None:
    assert cut_at_sentence(text, limit) == expected


def test_wrap72_wraps_prose_at_72_columns() -> None:
    text = "The ferry sails again from Monday, with one boat fewer at noon. " * 4
    lines = wrap72(text).split("\n")
    assert " ".join(lines) == text.strip()
    assert max(map(len, lines)) <= 72
    assert all(len(line) + len(after.split()[0]) >= 72 for line, after in itertools.pairwise(lines))


def test_wrap72_never_breaks_an_address() -> None:
    address = "https://harbourpost.example/" + "a-very-long-path/" * 8
    assert wrap72(f"Look at {address} today").split("\n") == ["Look at", address, "today"]


def test_wrap72_keeps_the_lines_that_are_there() -> None:
    assert wrap72("one\n\ntwo") == "one\n\ntwo"


def test_wide_signs_take_two_columns_and_break_anywhere_but_before_a_closing_mark() -> None:
    assert wrap("東京は晴れです。", columns=14) == ["東京は晴れで", "す。"]
    assert wrap("「東京」です", columns=4) == ["「東", "京」", "です"]
    assert width("東京a\u0301") == 5


def test_a_no_break_space_holds_words_together() -> None:
    assert wrap("12\u00a0May 2026", columns=8) == ["12\u00a0May", "2026"]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=300))
def test_wrap_loses_no_sign(text: str) -> None:
    assert "".join(wrap(text, columns=20)).replace(" ", "") == text.replace(" ", "")


@given(st.text())
def test_clusters_join_to_the_text(text: str) -> None:
    assert "".join(clusters(text)) == text


def test_clusters_are_what_a_reader_sees() -> None:
    assert list(clusters(FAMILY + "e\u0301" + FLAGS)) == [FAMILY, "e\u0301", FLAGS[:2], FLAGS[2:]]
    assert list(clusters("\U0001f44b\U0001f3fda")) == ["\U0001f44b\U0001f3fd", "a"]
