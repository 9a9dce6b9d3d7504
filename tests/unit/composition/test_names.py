"""Names within our sentences: each held apart by itself, joined as the language does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.catalogs import load_languages
from digest.composition.language import ENGLISH, Language
from digest.composition.names import apart, joined

LANGUAGES = load_languages()
ARABIC, SPANISH = LANGUAGES.of("ar"), LANGUAGES.of("es")
CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ((), ""),
        (("A",), "A"),
        (("A", "B"), "A and B"),
        (("A", "B", "C"), "A, B and C"),
        (("100 %", "%(last)s"), "100 % and %(last)s"),
        (("The Week", "بريد"), "The Week and \u2068بريد\u2069"),
    ],
)
def test_names_are_joined_as_people_join_them(names: tuple[str, ...], words: str) -> None:
    assert joined(names, ENGLISH) == words


def test_joined_names_stand_in_the_order_of_the_sentence() -> None:
    row = joined(["Weekly Look", "بريد الصباح", "Morning Letter"], ARABIC)
    assert row == "\u2068Weekly Look\u2069 وبريد الصباح و\u2068Morning Letter\u2069"
    assert apart(row, ARABIC) == row
    assert apart("ملحق Culture", ARABIC) == "\u2068ملحق Culture\u2069"


@pytest.mark.parametrize(
    ("last", "words"),
    [
        ("Internacional", "Cultura e Internacional"),
        ("Índices", "Cultura e Índices"),
        ("Historia", "Cultura e Historia"),
        ("«Islas»", "Cultura e «Islas»"),
        ("IA", "Cultura e IA"),
        ("Hielo", "Cultura y Hielo"),
        ("Yates", "Cultura y Yates"),
        ("Deportes", "Cultura y Deportes"),
        ("Hoy", "Cultura y Hoy"),
    ],
)
def test_spanish_says_e_before_the_sound_i(last: str, words: str) -> None:
    assert joined(["Cultura", last], SPANISH) == words


def test_no_other_language_says_e() -> None:
    assert joined(["Y", "Inland"], ENGLISH) == "Y and Inland"
    assert joined(["a", "Internacional"], Language("pt", SPANISH.messages)) == "a y Internacional"


@given(st.text())
def test_no_name_closes_more_than_it_opens(name: str) -> None:
    for language in (ENGLISH, ARABIC):
        held = apart(name, language)
        inner = held.removeprefix("\u2068").removesuffix("\u2069")
        assert not set(inner) & CONTROLS
        assert held.count("\u2068") == held.count("\u2069")
        assert joined([name], language) == apart(held, language) == held
