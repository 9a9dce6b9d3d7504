from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.db import Database
from digest.sources import article_store
from digest.sources.article_store import DELETED, MISSING, PAGE_ANSWERS, Saved
from digest.sources.model import Article, DateOrigin, FoundStory, Gone, Picture
from tests.integration.article_shelf import DAY, HOUR, NOON, articles, rows, save, source_id
from tests.unit.sources.source_builders import a_story

ONE = a_story("One", guid="g1", url="https://e.example/1", standfirst="First.")
TWO = a_story("Two", guid="g2", url="https://e.example/2", standfirst="Second.")
THREE = a_story("Three", guid="g3", url="https://e.example/3", standfirst="Third.")


def _states(database: Database) -> list[tuple[str, Any, str]]:
    return [(one.story.headline, one.withdrawn_at, one.withdrawn_why) for one in articles(database)]


def _withdraw_missing(database: Database, saved: Saved) -> int:
    with database.write() as connection:
        return article_store.withdraw_missing(
            connection, source_id(connection), kept=saved.ids, now=NOON + HOUR, why=MISSING
        )


def _withdraw_gone(database: Database, *gone: Gone, same_hosts: tuple[str, ...] = ()) -> int:
    with database.write() as connection:
        return article_store.withdraw_gone(
            connection,
            source_id(connection),
            "site",
            gone,
            now=NOON + HOUR,
            why=DELETED,
            same_hosts=same_hosts,
        )


def test_what_is_missing_is_withdrawn_once_and_restored_when_it_is_shown_again(
    database: Database,
) -> None:
    save(database, ONE, TWO, THREE)
    elsewhere = a_story("Elsewhere", url="https://f.example/1")
    save(database, elsewhere, source="other")
    left = save(database, TWO)
    assert _withdraw_missing(database, left) == 2
    assert _withdraw_missing(database, left) == 0
    withdrawn = (NOON + HOUR, MISSING)
    assert _states(database) == [
        ("One", *withdrawn),
        ("Two", None, ""),
        ("Three", *withdrawn),
        ("Elsewhere", None, ""),
    ]
    assert save(database, replace(ONE, standfirst="Again."), now=NOON + DAY).updated == 1
    assert save(database, a_story("THREE"), now=NOON + DAY) == Saved(
        ids=(articles(database)[2].id,)
    )
    assert {state[1:] for state in _states(database)} == {(None, "")}


def test_a_source_that_shows_nothing_more_takes_all_back(database: Database) -> None:
    save(database, ONE, TWO)
    assert _withdraw_missing(database, Saved()) == 2


def test_what_a_source_deletes_is_found_by_guid_or_address_and_is_its_own(
    database: Database,
) -> None:
    save(database, ONE, TWO, THREE)
    save(database, a_story("Not theirs", guid="g9", url="https://f.example/9"), source="other")
    gone = (
        Gone(guid="g1"),
        Gone(url="http://new.example/2?utm_source=x"),
        Gone(guid="g2"),
        Gone(guid="g9", url="https://f.example/9"),
        Gone(),
        Gone("\ud800", "\x00"),
    )
    assert _withdraw_gone(database, *gone, same_hosts=("new.example", "e.example")) == 2
    assert _withdraw_gone(database, *gone) == 0
    whys = [state[2] for state in _states(database)]
    assert whys == [DELETED, DELETED, "", ""]
    save(database, TWO)
    assert [state[2] for state in _states(database)] == [DELETED, "", "", ""]


def test_only_its_own_source_gives_back_what_it_took(database: Database) -> None:
    save(database, ONE)
    _withdraw_missing(database, Saved())
    save(database, ONE, source="other")
    assert _states(database)[0][2] == MISSING


@pytest.mark.parametrize("why", [f"{PAGE_ANSWERS}410", "withdrawn by desk@e.example"])
def test_what_was_withdrawn_for_its_page_or_by_a_person_no_feed_restores(
    database: Database, why: str
) -> None:
    (number,) = save(database, ONE).ids
    with database.write() as connection:
        assert article_store.withdraw(connection, number, now=NOON, why=why)
        assert not article_store.withdraw(connection, number, now=NOON + DAY, why="again")
        assert not article_store.withdraw(connection, number + 1, now=NOON, why=why)
    changed = replace(ONE, standfirst="Other words.")
    assert save(database, changed).updated == 1
    assert _states(database) == [("One", NOON, why)]
    assert _withdraw_missing(database, Saved()) == 0
    with database.write() as connection:
        assert article_store.restore(connection, number)
        assert not article_store.restore(connection, number)
    assert _states(database) == [("One", None, "")]
    assert articles(database)[0].story == changed


def test_a_reason_that_is_no_sources_is_a_mistake(database: Database) -> None:
    with database.write() as connection:
        with pytest.raises(ValueError, match="not a source's reason"):
            article_store.withdraw_missing(connection, 1, kept=(), now=NOON, why="because")
        with pytest.raises(ValueError, match="not a source's reason"):
            article_store.withdraw_gone(connection, 1, "site", (), now=NOON, why="because")


# Visits


def _due(database: Database, *sources: str, limit: int = 9) -> list[str]:
    with database.write() as connection:
        ids = [source_id(connection, name) for name in sources or ("site",)]
        found = article_store.due_for_visit(
            connection,
            source_ids=ids,
            seen_after=NOON - HOUR,
            visited_before=NOON + 2 * HOUR,
            backlog_after=NOON - 2 * DAY,
            limit=limit,
        )
    return [article.story.headline for article in found]


def _visit(database: Database, found: Article, hours: int, page: FoundStory | None = None) -> bool:
    with database.write() as connection:
        return article_store.save_visit(connection, found.id, now=NOON + hours * HOUR, found=page)


def test_pages_are_due_newest_first_then_those_looked_at_longest_ago(database: Database) -> None:
    save(database, a_story("Old", url="https://e.example/old"), now=NOON - DAY)
    save(database, ONE, TWO)
    save(database, THREE, a_story("No link"), now=NOON + HOUR)
    save(database, a_story("Other", url="https://f.example/1"), source="other")
    assert _due(database) == ["Three", "Two", "One"]
    assert _due(database, limit=1) == ["Three"]
    assert _due(database, "site", "other") == ["Three", "Other", "Two", "One"]
    _, one, two, three = articles(database)[:4]
    assert not _visit(database, two, 1)
    assert not _visit(database, one, 0)
    assert not _visit(database, three, 2)
    assert _due(database) == ["One", "Two"]
    assert articles(database)[3] == replace(three, visited_at=NOON + 2 * HOUR)


def test_pages_of_the_withdrawn_are_due_when_it_was_for_the_page(database: Database) -> None:
    ids = save(database, ONE, TWO, THREE).ids
    whys = (f"{PAGE_ANSWERS}404", MISSING, "withdrawn by desk@e.example")
    with database.write() as connection:
        for number, why in zip(ids, whys, strict=True):
            article_store.withdraw(connection, number, now=NOON, why=why)
    assert _due(database) == ["One"]


def test_a_page_fills_what_its_source_left_out(database: Database) -> None:
    save(database, ONE)
    (before,) = articles(database)
    page = FoundStory(
        headline="One, as the page has it",
        url="https://e.example/1?page",
        guid="page",
        standfirst="The page's standfirst.",
        body_html="<p>Text.</p>",
        body_text="Text.",
        authors=("Ann Teller\x00",),
        picture=Picture("https://e.example/a.jpg"),
        published_at=NOON - HOUR,
        published_from=DateOrigin.JSON_LD,
        language="en",
        priority=5,
    )
    assert _visit(database, before, 1, page)
    filled = replace(
        ONE,
        body_html="<p>Text.</p>",
        body_text="Text.",
        authors=("Ann Teller",),
        picture=Picture("https://e.example/a.jpg"),
        published_at=NOON - HOUR,
        published_from=DateOrigin.JSON_LD,
        language="en",
    )
    after = replace(before, story=filled, visited_at=NOON + HOUR)
    assert articles(database) == [after]
    assert not _visit(database, before, 2, page)
    # The feed, which knows less, says the same as before: nothing of it is lost.
    assert save(database, ONE, now=NOON + DAY).updated == 0
    assert articles(database) == [replace(after, visited_at=NOON + 2 * HOUR)]
    assert rows(database, article_store.article_revision) == []


def test_an_article_that_is_not_there_is_not_visited(database: Database) -> None:
    with database.write() as connection:
        assert not article_store.save_visit(connection, 7, now=NOON, found=ONE)
        assert not article_store.restore(connection, 7)
