"""A language: its words, its plural forms, which of those offered serves a reader."""

from __future__ import annotations

import pytest

from digest.composition.language import ENGLISH, Language, Plural, nearest, primary

POLISH = Language(
    "pl",
    {"# story": ("# artykuł", "# artykuły", "# artykułów"), "Read %(name)s": ("Czytaj %(name)s",)},
    "n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2",
)


def test_words_are_said_as_the_catalog_has_them_else_in_english() -> None:
    assert POLISH.say("Read %(name)s", name="100 %") == "Czytaj 100 %"
    assert POLISH.say("Unknown %(name)s", name="x") == "Unknown x"
    assert POLISH.say("50% off") == "50% off"


@pytest.mark.parametrize(
    ("number", "expected"),
    [(0, "0 artykułów"), (1, "1 artykuł"), (3, "3 artykuły"), (12, "12 artykułów")],
)
def test_a_number_takes_the_form_of_its_class(number: int, expected: str) -> None:
    assert POLISH.count("# story", "# stories", number) == expected


def test_thousands_are_set_apart() -> None:
    assert Language("de").count("# story", "# stories", 1204) == "1.204 stories"
    assert ENGLISH.count("# story", "# stories", 1204) == "1,204 stories"


def test_what_the_catalog_lacks_is_counted_in_english() -> None:
    words = POLISH.plural("# min", "# mins")
    assert words == Plural(("# min", "# mins"))
    assert [words.words(number) for number in (0, 1, 2)] == ["0 mins", "1 min", "2 mins"]


def test_a_rule_that_asks_for_more_forms_than_there_are_gets_the_last() -> None:
    assert Plural(("one", "many"), "n > 5 ? 2 : n != 1").words(9) == "many"


def test_direction() -> None:
    assert [Language(tag).direction for tag in ("en", "ar", "fa-IR", "und-Hebr")] == [
        "ltr",
        "rtl",
        "rtl",
        "rtl",
    ]


@pytest.mark.parametrize(
    ("tag", "offered", "expected"),
    [
        ("de", ("en", "de"), "de"),
        ("de-AT", ("en", "de"), "de"),
        ("pt-br", ("pt-PT", "pt-BR"), "pt-BR"),
        ("pt-BR", ("pt", "pt_BR"), "pt_BR"),
        ("pt", ("pt-BR", "pt-PT"), "pt-BR"),
        ("de_AT", ("de-AT",), "de-AT"),
        ("nl", ("en", "de"), None),
        ("", ("en",), None),
        (None, ("en",), None),
    ],
)
def test_a_reader_is_served_in_the_same_language_whatever_its_region(
    tag: str | None, offered: tuple[str, ...], expected: str | None
) -> None:
    assert nearest(tag, offered) == expected


def test_the_primary_language_of_a_tag() -> None:
    assert [primary(tag) for tag in ("de-AT", "PT_br", "ar", "")] == ["de", "pt", "ar", ""]
