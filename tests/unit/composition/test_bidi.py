"""Directions that meet in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.bidi import direction_of, isolated, script_tag

HARBOUR = "الميناء"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("Quay", "ltr"),
        ("12 شارع الرصيف", "rtl"),
        ("«הגשר»", "rtl"),
        ("12:30", None),
        ("", None),
        ("港", "ltr"),
    ],
)
def test_words_run_as_their_first_letter_does(words: str, expected: str | None) -> None:
    assert direction_of(words) == expected


@pytest.mark.parametrize(
    ("words", "within", "expected"),
    [
        ("Quay", "ltr", "Quay"),
        ("Quay", "rtl", "\u2068Quay\u2069"),
        ("الميناء", "ltr", f"\u2068{HARBOUR}\u2069"),
        ("الميناء", "rtl", "الميناء"),
        ("12:30", "rtl", "12:30"),
        ("Quay\u202e yauQ", "ltr", "Quay yauQ"),
        (f"{HARBOUR}\u2069\u202a!", "ltr", f"\u2068{HARBOUR}!\u2069"),
    ],
)
def test_only_what_runs_against_its_line_is_held_apart(
    words: str, within: str, expected: str
) -> None:
    assert isolated(words, within=within) == expected


@pytest.mark.parametrize(
    ("words", "language", "expected"),
    [
        ("The wall", "en", None),
        ("The wall", "ar", "und-Latn"),
        ("港の新しい壁", "ar", "und-Latn"),
        ("الميناء", "fr", "und-Arab"),
        ("ܥܡܐ", "en", "und-Syrc"),
        ("ߒߞߏ", "en", "und-Arab"),
        ("Hotel الميناء", "ar", None),
        ("!?", "ar", None),
    ],
)
def test_words_in_another_script_than_their_language_have_a_tag_of_their_own(
    words: str, language: str, expected: str | None
) -> None:
    assert script_tag(words, language) == expected


@given(st.text(), st.sampled_from(("ltr", "rtl")))
def test_whatever_is_isolated_reaches_nobody_else(words: str, within: str) -> None:
    held = isolated(words, within=within)
    assert held.count("\u2068") == held.count("\u2069") == (held[:1] == "\u2068")
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067") & set(held)
