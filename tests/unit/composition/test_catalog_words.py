"""Every word of ours in a mail is in every catalog that comes with us, and well-formed there."""

from __future__ import annotations

import gettext
import re
from collections import Counter

import pytest
from babel.messages.catalog import Message

from tests.catalog_words import (
    POT,
    Words,
    catalogs,
    extracted,
    in_code,
    in_template,
    read,
    updated,
    written,
)

GAP = re.compile(r"%\(\w+\)s")
WORDS = extracted()
LANGUAGES = sorted(catalogs())
FORMS = {"ar": 6, "de": 2, "es": 2, "fr": 2}


def ids(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def strings(message: Message) -> tuple[str, ...]:
    words = message.string or ""
    return (words,) if isinstance(words, str) else tuple(words)


def test_these_languages_come_with_us() -> None:
    assert LANGUAGES == ["ar", "de", "es", "fr"]


def test_the_template_has_the_words_of_code_and_templates() -> None:
    assert {ids(message) for message in read(POT)} == {ids(message) for message in WORDS}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalog_translates_every_message_and_no_other(language: str) -> None:
    catalog = read(catalogs()[language])
    assert {ids(message) for message in catalog} == {ids(message) for message in WORDS}
    empty = [ids(message) for message in catalog if message.id and not all(strings(message))]
    assert empty == []
    assert [ids(message) for message in catalog if message.fuzzy] == []
    assert list(catalog.obsolete) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_gaps_and_the_space_around_its_words(language: str) -> None:
    for message in read(catalogs()[language]):
        for words in strings(message) if message.id else ():
            assert Counter(GAP.findall(words)) == Counter(GAP.findall(ids(message)[0])), words
            assert words == words.strip(), words
            assert not re.search(r"[<>&{}]|%(?!\(\w+\)s)", words), words


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_plural_form_is_there_and_says_its_number(language: str) -> None:
    catalog = read(catalogs()[language])
    assert catalog.num_plurals == FORMS[language]
    which = gettext.c2py(catalog.plural_expr)
    # Arabic has words of its own for none, one and two, which hold the number.
    spoken = {which(n) for n in (0, 1, 2)} if language == "ar" else set()
    for message in catalog:
        if len(ids(message)) > 1:
            forms = strings(message)
            assert len(forms) == catalog.num_plurals, forms
            assert all("#" in form for at, form in enumerate(forms) if at not in spoken), forms
            assert all(form.count("#") <= 1 for form in forms), forms


@pytest.mark.parametrize("language", LANGUAGES)
def test_bringing_a_catalog_up_to_date_changes_nothing(language: str) -> None:
    path = catalogs()[language]
    again = updated(path, WORDS)
    assert {ids(message): strings(message) for message in again} == {
        ids(message): strings(message) for message in read(path)
    }
    assert b"fuzzy" not in written(again)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('speech.say("Read %(name)s", name=x)', ["Read %(name)s"]),
        ('say("One " "line")', ["One line"]),
        ('language.count("# a", "# b", 3)', [("# a", "# b")]),
        ('plural("# c", "# d")', [("# c", "# d")]),
        ('text.count("x"); data.count(b"y", b"z"); say(name)', []),
    ],
)
def test_words_are_found_in_code(source: str, expected: list[Words]) -> None:
    assert list(in_code(source)) == expected


def test_words_are_found_in_templates() -> None:
    source = b"""{{ _("Read %(name)s", name=x) }}{% set y = ngettext("# a", "# b", n) %}
    {{ slots.stories(plural("# c", "# d"))|upper }}{{ words.count("x") }}"""
    assert list(in_template(source)) == ["Read %(name)s", ("# a", "# b"), ("# c", "# d")]
