"""Cleaning, cutting, wrapping and counting words."""

from __future__ import annotations

import itertools
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.text import (
    clean,
    clusters,
    cut_at_sentence,
    reach,
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
        ("A Donaudampfschifffahrtsgesellschaft sails", 20, "A Donaudampfschifff…"),
        ("Il a dit : «\u00a0oui\u00a0»", 13, "Il a dit…"),
        ("انتهى الجدل، وبدأ العمل", 13, "انتهى الجدل…"),
        (FAMILY * 3, 5, FAMILY * 2 + "…"),
        (FLAGS * 2, 4, FLAGS[:2] + "…"),
        ("e\u0301" * 5, 4, "e\u0301" * 3 + "…"),
        ("e" + "\u0301" * 400, 4, "…"),
        ("東京は今日も晴れです。明日は雨", 23, "東京は今日も晴れです。…"),
        ("เกาะแห่งความเงียบ", 8, "เกาะแห่ง…"),
    ],
)
def test_shorten_cuts_at_a_word_and_never_within_a_sign(
    text: str, limit: int, expected: str
) -> None:
    assert shorten(text, limit) == expected


@given(st.text(), st.integers(min_value=1, max_value=80))
def test_shorten_never_passes_its_limit(text: str, limit: int) -> None:
    assert width(shorten(text, limit)) <= limit


SIGNS = (
    *(
        "a",
        "é",
        "e\u0301",
        "क्ष",
        "त्रि",
        "स्ते",
        "กำ",
        "เกาะ",
        "ແລະ",
        "مَّ",
        "\u0600\u0661",
        "각",
        "\u1112\u1161\u11ab",
    ),
    *(
        FAMILY,
        "\U0001f1ec\U0001f1e7",
        "\u2764\ufe0f",
        "1\ufe0f\u20e3",
        "\U0001f44b\U0001f3fd",
        "東",
        "が\u3099",
    ),
    *("\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f", "ক্ষ", "נִ"),
)
"""Each is one sign to its readers; after any of them comes a whole one."""


@given(st.lists(st.sampled_from(SIGNS), max_size=60), st.integers(min_value=1, max_value=40))
def test_no_cut_falls_within_what_a_reader_sees_as_one_sign(signs: list[str], limit: int) -> None:
    text = "".join(signs)
    kept = text[: reach(text, limit)]
    starts = set(itertools.accumulate(map(len, signs), initial=0))
    assert len(kept) in starts
    cut = shorten(text, limit).removesuffix("…")
    assert len(cut) in starts
    assert text.startswith(cut)


@given(st.lists(st.sampled_from(SIGNS), max_size=30))
def test_clusters_are_the_signs_that_were_joined(signs: list[str]) -> None:
    assert list(clusters("".join(signs))) == signs


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
        ("今日は晴れです。明日は雨でしょう", 24, "今日は晴れです。"),
        ("انتهى الأمر؟ لا يزال الجدل قائمًا في المجلس", 20, "انتهى الأمر؟"),
        ("Il a dit «\u00a0oui.\u00a0» Puis il est parti loin", 25, "Il a dit «\u00a0oui.\u00a0»"),
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


def test_what_is_drawn_as_one_picture_takes_two_columns() -> None:
    assert [width(sign) for sign in (FAMILY, FLAGS[:2], "\u2764\ufe0f", "1\ufe0f\u20e3")] == [2] * 4
    assert [width(sign) for sign in ("각", "\u1112\u1161\u11ab", "กำ", "مَّ")] == [2, 2, 2, 1]


def test_scripts_without_spaces_break_between_syllables_and_nowhere_else() -> None:
    lines = wrap("เกาะแห่งความเงียบ" * 4, columns=20)
    assert "".join(lines) == "เกาะแห่งความเงียบ" * 4
    assert max(map(width, lines)) <= 20
    assert not any(line[0] in "ะาั่้" or line[-1] in "เแโใไ" for line in lines)


def test_a_word_joiner_holds_wide_signs_together() -> None:
    assert wrap("東京\u2060都庁", columns=4) == ["東", "京\u2060都", "庁"]


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


@pytest.mark.parametrize(
    "sign", ["W", "é", "e\u0301", "\u202e", "漢", "\U0001f468\u200d\U0001f469"]
)
def test_a_word_that_no_line_holds_is_cut_between_signs(sign: str) -> None:
    word = sign * 169
    lines = wrap(f"before {word} after", columns=72)
    assert max(map(width, lines)) <= 72
    assert "".join(lines).replace(" ", "") == f"before{word}after"
    assert all(line.count("\u0301") == line.count("e\u0301") for line in lines)


@pytest.mark.parametrize("word", ["https://x.example/", "a@", "Zq0123456789x"])
def test_addresses_and_a_readers_marks_stay_whole(word: str) -> None:
    assert wrap(f"x {word}{'y' * 99}", columns=72) == ["x", f"{word}{'y' * 99}"]


def test_a_single_sign_wider_than_a_line_stays() -> None:
    zalgo = "z" + "\u0301" * 400
    assert wrap(zalgo + "a" * 80, columns=72)[0].startswith(zalgo)


def test_a_word_of_a_megabyte_is_cut_in_a_moment() -> None:
    began = perf_counter()
    assert len(wrap("x" * 1_000_000, columns=72)) == 13_889
    assert len(wrap("e\u0301" * 100_000, columns=72)) == 1_389
    assert perf_counter() - began < 10
