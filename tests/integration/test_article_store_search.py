from __future__ import annotations

import pytest

from digest.db import Database
from digest.sources import article_store
from tests.integration.article_shelf import HOUR, NOON, save
from tests.unit.sources.source_builders import a_story


def _found(
    database: Database, words: str, *, limit: int = 10, same_hosts: tuple[str, ...] = ()
) -> list[str]:
    with database.read() as connection:
        found = article_store.search_articles(connection, words, limit=limit, same_hosts=same_hosts)
    return [article.story.headline for article in found]


@pytest.mark.parametrize(
    ("headline", "words"),
    [
        ("Éclair prices rise", "ECLAIR"),
        ("Eclair prices rise", "éclair RISE"),
        ("ВЕЧЕР в Йошкар-Оле", "вечер оле"),
        ("Άνεμος φυσά", "ΑΝΕΜΟΣ"),
        ("Łódź reçoit Åse", "lodz RECOIT ase"),
        ("Die Straße", "STRASSE"),
        ("The site’s ‘tragic’ end", "site's 'tragic'"),
        ("东京的樱花", "樱花"),
        ("서울의 봄", "서울"),
        ("مُدَرِّس جديد", "مدرس"),
    ],
)
def test_words_are_found_whatever_their_case_and_accents(
    database: Database, headline: str, words: str
) -> None:
    save(database, a_story("Something else 1"), a_story(headline), a_story("Something else 2"))
    assert _found(database, words) == [headline]


def test_every_word_must_be_there_as_it_stands(database: Database) -> None:
    for n, headline in enumerate(("Rates up 100%", "Rates up 100 times", "A_B rates", "AxB rates")):
        save(database, a_story(headline), now=NOON + n * HOUR)
    assert _found(database, "100% RATES") == ["Rates up 100%"]
    assert _found(database, "a_b") == ["A_B rates"]
    assert _found(database, "rates", limit=2) == ["AxB rates", "A_B rates"]
    assert _found(database, "rates rates up") == ["Rates up 100 times", "Rates up 100%"]
    for nothing in ("\\ '\x00", " \x00 ", "", "%", "rates\ud800x", "x" * 100_000):
        assert _found(database, nothing) == (["Rates up 100%"] if nothing == "%" else [])
    assert _found(database, "rates", limit=0) == []


@pytest.mark.parametrize(
    "words",
    [
        "https://www.e.example/ferry/",
        "e.example/ferry",
        "HTTP://E.EXAMPLE/ferry?utm_source=x",
        "https://old.example/ferry",
    ],
)
def test_a_storys_address_finds_that_story_alone(database: Database, words: str) -> None:
    save(database, a_story("Ferry", url="https://e.example/ferry"))
    save(database, a_story("A guide to e.example/ferry and its boats"), now=NOON + HOUR)
    assert _found(database, words, same_hosts=("e.example", "old.example")) == ["Ferry"]


def test_an_address_nobody_has_is_looked_for_as_words(database: Database) -> None:
    save(database, a_story("The U.K./U.S. pact"), a_story("Rated 9.5/10 by readers"))
    assert _found(database, "9.5/10") == ["Rated 9.5/10 by readers"]
    assert _found(database, "https://e.example/nowhere") == []


def test_a_story_is_found_by_its_address_however_it_is_spelled(database: Database) -> None:
    (number,) = save(database, a_story("Ferry", url="https://e.example/ferry")).ids
    with database.read() as connection:
        find = article_store.find_by_url
        hosts = ("e.example", "old.example")
        by_name = find(connection, "http://www.old.example/ferry/amp", same_hosts=hosts)
        assert by_name is not None
        assert (by_name.id, by_name.source) == (number, "site")
        for unknown in ("http://old.example/ferry", "https://e.example/", "ferry", ""):
            assert find(connection, unknown) is None
