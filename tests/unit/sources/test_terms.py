from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.terms import primary_language, terms_of


@pytest.mark.parametrize(
    ("text", "language", "terms"),
    [
        ("The U.S. Mayor’s Plans", "en", {"us", "mayor", "plan"}),
        ("US mayor's plan", None, {"us", "mayor", "plan"}),
        ("£1.5 Billion, 33 %, 1,500 homes", "en", {"1.5", "billion", "33", "1500", "home"}),
        ("1.500 Häuser für 3,5 Millionen", "de", {"1500", "haus", "3.5", "million"}),
        ("Rovers beat Millbrook 3-1", "en", {"rover", "beat", "millbrook", "3", "1"}),
        ("Don't: it isn't Béla’s café", "en", {"bela", "cafe"}),
        ("har\u00adbour", "en", {"harbour"}),
        ("\uff28arbour \ufb01re", "en", {"harbour", "fire"}),
        ("", "en", set()),
        ("and of the", "en", set()),
    ],
)
def test_the_words_that_carry_a_text_are_kept_in_one_spelling(
    text: str, language: str | None, terms: set[str]
) -> None:
    assert terms_of(text, language=language) == terms


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("approves", "approving", "en"),
        ("approve", "approved", "en"),
        ("ferry", "ferries", "en"),
        ("plan", "planned", "en"),
        ("voted", "votes", "en"),
        ("school", "schools", "en"),
        ("puertos", "puerto", "es"),
        ("ciudades", "ciudad", "es"),
        ("écoles", "ecole", "fr"),
        ("fermée", "fermer", "fr"),
        ("bateaux", "bateau", "fr"),
        ("Fähren", "Fähre", "de"),
        ("Häuser", "Haus", "de"),
        ("الميناء", "ميناء", "ar"),
        ("أَسْعار", "اسعار", "ar"),
    ],
)
def test_forms_of_a_word_have_one_root(one: str, other: str, language: str) -> None:
    assert terms_of(one, language=language) == terms_of(other, language=language) != set()


@pytest.mark.parametrize("word", ["across", "crisis", "bus", "gas", "King", "need", "sing"])
def test_what_only_looks_like_an_ending_stays(word: str) -> None:
    assert terms_of(word, language="en") == {word.casefold()}


def test_stopwords_are_those_of_the_language() -> None:
    line = "die Fähre"
    assert terms_of(line, language="de-AT") == {"fahr"}
    assert terms_of(line, language="nl") == {"die", "fahre"}


def test_a_language_that_is_not_told_is_guessed_by_its_stopwords() -> None:
    assert terms_of("Der Rat der Stadt und die Fähren", language=None) == {"rat", "stadt", "fahr"}
    assert terms_of("Le port et les bateaux", language="") == {"port", "bateau"}
    assert terms_of("harbour walls", language=None) == {"harbour", "wall"}
    assert terms_of("AI chiefs of Europe", language=None) == {"ai", "chief", "europ"}


def test_where_no_spaces_are_written_neighbouring_letters_are_terms() -> None:
    assert terms_of("港の壁 AI工厂", language=None) == {"港の", "の壁", "ai", "工厂"}
    assert terms_of("された", language="ja") == set()
    assert terms_of("壁", language="ja") == {"壁"}
    thai = terms_of("สภาอนุมัติ", language="th")
    assert {len(term) for term in thai} == {3}


def test_vowel_signs_are_part_of_the_word() -> None:
    assert terms_of("हार्बर दीवार", language="hi") == {"हार्बर", "दीवार"}


def test_hangul_is_kept_whole() -> None:
    assert terms_of("항구 방벽", language="ko") == {"항구", "방벽"}


def test_a_word_is_cut_and_their_number_is_bounded() -> None:
    assert terms_of("x" * 5000, language="en") == {"x" * 64}
    many = " ".join(f"word{n}" for n in range(5000))
    assert len(terms_of(many, language="en")) == 200
    assert terms_of(many + " end", language="en") == terms_of(many, language="en")


@given(st.text(max_size=300), st.sampled_from([None, "", "en", "es", "fr", "de", "ar", "th", "x"]))
def test_any_text_is_survived(text: str, language: str | None) -> None:
    terms = terms_of(text, language=language)
    assert all(0 < len(term) <= 64 and not set(term) & set("\0 \n") for term in terms)
    # A database takes each of them: no half letters.
    assert all(term.encode() for term in terms)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=100))
def test_case_makes_no_difference_to_what_is_there(text: str) -> None:
    assert terms_of(text, language="nl") == terms_of(text.casefold(), language="nl")


def test_of_a_tag_the_language_comes_first() -> None:
    assert [primary_language(tag) for tag in ("pt-BR", "pt_BR", " EN ", "", None)] == [
        "pt",
        "pt",
        "en",
        "",
        "",
    ]
