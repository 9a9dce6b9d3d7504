from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.identity import folded_headline
from digest.sources.typography import MAX_CHARACTERS, NARROW, NO_BREAK, typeset

N, B = NARROW, NO_BREAK


@pytest.mark.parametrize(
    ("language", "written", "right"),
    [
        ("en", '"Ferry back," he said', "“Ferry back,” he said"),
        ("en-GB", "It's the readers' choice", "It’s the readers’ choice"),
        ("en", "'The readers' choice' wins", "‘The readers’ choice’ wins"),
        ("en", "\"He said 'go' now\"", "“He said ‘go’ now”"),
        ("en", '"Top 10" list', "“Top 10” list"),
        ("en", "The '90s, rock 'n' roll and get 'em", "The ’90s, rock ’n’ roll and get ’em"),
        ("en", "U.S. 'fights' U.K.", "U.S. ‘fights’ U.K."),
        ("es", '¿"Hola"? - dijo', "¿“Hola”? – dijo"),
        ("de", '"Hallo", sagt sie - und geht', "„Hallo“, sagt sie – und geht"),
        ("de", "'Hallo' und geht's", "\u201aHallo‘ und geht’s"),
        ("de-CH", '"Grüezi"', "«Grüezi»"),
        ("de", "11 % mehr", f"11{B}% mehr"),
        ("fr", '"Bonjour", dit-il !', f"«{N}Bonjour{N}», dit-il{N}!"),
        ("fr", "« Quoi ? » : l'été", f"«{N}Quoi{N}?{N}»{B}: l’été"),
        ("fr-CA", "11 % et 5 €", f"11{N}% et 5{N}€"),
        (None, 'It\'s "so"  -  wait...', 'It’s "so" – wait…'),
        ("ar", '"مرحبا"   ...', '"مرحبا" ...'),
    ],
)
def test_each_language_has_its_own_signs(language: str | None, written: str, right: str) -> None:
    assert typeset(written, language=language) == right


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("one -- two--three - four", "one – two—three – four"),
        ("wait...what", "wait…what"),
        ("Hello , world !", "Hello, world!"),
        ("2019-2024, 2019-20 and 1998-2001", "2019–2024, 2019–20 and 1998–2001"),
        ("10-15 % in 5-10 years, 20-30 km", "10–15 % in 5–10 years, 20–30 km"),
        ("  a  b\t\n c ", "a b c"),
    ],
)
def test_dashes_ranges_dots_and_spaces(written: str, right: str) -> None:
    assert typeset(written, language="en") == right


@pytest.mark.parametrize(
    "written",
    [
        "5'10\" tall",
        'A 27" and a 32" screen',
        'A 27" screen',
        "6' under",
        '“Half" done',
        "'Tis odd' and' so",
        "doin' it",
        "a ' b",
        "9-11, 7-0, F-16, 747-400, 555-1234",
        "2026-01-09 and 2011-12 and 2024-2019",
        "5 - 3",
        "-- x",
        'run `it\'s -- "this"` --force and -x',
        'https://e.example/a--b\'c"d"e... is it',
        "www.e.example/it's",
        "o'neil.x@e.example",
        "....",
        ".NET , or .5",
        '"..."',
        "Plain words",
        "",
    ],
)
def test_what_may_be_meant_is_left_alone(written: str) -> None:
    allowed = {"'Tis odd' and' so": "’Tis odd' and' so", ".NET , or .5": ".NET, or .5"}
    assert typeset(written, language="en") == allowed.get(written, written)


def test_two_ends_that_do_not_look_the_same_are_left_to_their_writer() -> None:
    assert typeset("'Hallo' Hans' Haus", language="de") == "'Hallo' Hans' Haus"


def test_the_words_folded_stay_what_they_were_even_when_a_space_would_join_them() -> None:
    assert typeset("x.a . said", language="en") == "x.a . said"


def test_a_text_too_long_for_a_headline_is_left_alone() -> None:
    text = "it's " * MAX_CHARACTERS
    assert typeset(text, language="en") == text


@pytest.mark.parametrize("signs", ["'", '"', "`", "a@", "'a' ", "-- ", "... ", "a.b@c", "«", " !"])
def test_signs_in_any_number_cost_little(signs: str) -> None:
    text = (signs * MAX_CHARACTERS)[: MAX_CHARACTERS - 1]
    began = time.process_time()
    for language in ("en", "fr", "de"):
        typeset(text, language=language)
    assert time.process_time() - began < 1


LANGUAGES = st.sampled_from(["en", "en-US", "de", "de-CH", "fr", "es", "ar", "ja", "x", "", None])
SIGNED = st.lists(
    st.sampled_from(
        [
            *"'\"-.,;:!?«»“”„‘’ \u00a0\u202f…–—%€$`()19aszAé",
            *("...", "--", " - ", "'n'", "'90s", "2019-20", "5-10 years", "https://e.e/'", "a@b.c"),
            "\ufb01",
        ]
    ),
    max_size=30,
).map("".join)


@given(SIGNED | st.text(max_size=60), LANGUAGES)
def test_twice_is_once_and_no_letter_digit_or_identity_changes(
    text: str, language: str | None
) -> None:
    done = typeset(text, language=language)
    assert typeset(done, language=language) == done
    assert folded_headline(done) == folded_headline(text)
    assert [c for c in done if c.isalnum()] == [c for c in text if c.isalnum()]
