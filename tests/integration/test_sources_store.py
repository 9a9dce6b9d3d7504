from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.db import Database
from digest.sources import article_store, store
from digest.sources.model import (
    Article,
    DateOrigin,
    FoundStory,
    Picture,
    Recording,
    SourceKind,
    SourceSpec,
    SourceState,
)

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
FEED = SourceSpec("site", SourceKind.FEED, "https://e.example/feed")
PAGES = SourceSpec("pages", SourceKind.PAGE, "pages")

WHOLE = FoundStory(
    headline="Ferry sails again",
    url="https://e.example/ferry",
    guid="g1",
    standfirst="Nine weeks are over.",
    body_html="<p>It sails.</p>",
    body_text="It sails.",
    authors=("Ann Teller",),
    categories=("Local", "Harbour"),
    picture=Picture("https://e.example/a.jpg", "A ferry", "R. Pixel"),
    recording=Recording("https://e.example/a.mp3", 12),
    published_at=NOON - timedelta(hours=2),
    published_from=DateOrigin.FEED,
    updated_at=NOON - timedelta(hours=1),
    seen_on=NOON.date(),
    language="en",
)


def _story(headline: str = "Ferry sails again", **fields: Any) -> FoundStory:
    return FoundStory(headline=headline, **fields)


def _sources(database: Database, *specs: SourceSpec) -> dict[str, SourceState]:
    with database.write() as connection:
        store.sync_sources(connection, specs or (FEED, PAGES), now=NOON)
        return {state.name: state for state in store.source_states(connection)}


def _save(
    database: Database,
    *stories: FoundStory,
    source: str = "site",
    now: datetime = NOON,
    backlog: bool = False,
) -> tuple[int, int]:
    state = _sources(database)[source]
    with database.write() as connection:
        saved = article_store.save_stories(
            connection, state.id, source, stories, now=now, backlog=backlog
        )
    return saved.new, saved.updated


def _articles(database: Database) -> list[Article]:
    with database.read() as connection:
        return article_store.articles_seen(
            connection, after=NOON - timedelta(days=9), until=NOON + timedelta(days=9)
        )


def _revisions(database: Database) -> list[tuple[Any, ...]]:
    table = article_store.article_revision.c
    columns = (table.n, table.headline, table.standfirst, table.url, table.body_text, table.seen_at)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(table.n))]


def test_a_source_of_the_settings_is_known_and_changes_with_them(database: Database) -> None:
    first = _sources(database, FEED)["site"]
    assert first == SourceState(
        id=first.id,
        name="site",
        kind=SourceKind.FEED,
        address="https://e.example/feed",
        etag=None,
        last_modified=None,
        first_ok_at=None,
        last_ok_at=None,
        last_tried_at=None,
        failures=0,
        error=None,
    )
    with database.write() as connection:
        store.record_poll_failed(connection, first.id, now=NOON, error="it is\x00\nbroken")
        store.record_poll_failed(connection, first.id, now=LATER, error="still broken")
    failed = _sources(database, FEED)["site"]
    assert failed == replace(
        first, last_tried_at=LATER, failures=2, error="still broken", failing_since=NOON
    )
    with database.write() as connection:
        store.record_poll_ok(connection, first.id, now=NOON, etag="e", last_modified="m")
        store.record_poll_ok(connection, first.id, now=LATER, etag="f", last_modified=None)
    read = _sources(database, FEED)["site"]
    assert read == replace(first, etag="f", first_ok_at=NOON, last_ok_at=LATER, last_tried_at=LATER)
    moved = replace(FEED, address="https://e.example/new\x00feed")
    assert _sources(database, moved)["site"] == replace(first, address="https://e.example/newfeed")
    assert set(_sources(database, PAGES)) == {"pages", "site"}


def test_an_article_gives_back_all_that_its_story_said(database: Database) -> None:
    assert _save(database, WHOLE, _story("Bare"), backlog=True) == (2, 0)
    whole, bare = _articles(database)
    assert whole == Article(
        id=whole.id, source="site", story=WHOLE, first_seen_at=NOON, backlog=True
    )
    assert bare.story == _story("Bare")
    with database.read() as connection:
        assert article_store.articles_by_id(connection, [bare.id, 0, whole.id, bare.id]) == [
            bare,
            whole,
        ]
        assert article_store.articles_by_id(connection, []) == []
        assert article_store.count_articles(connection) == 2


def test_the_same_stories_again_change_nothing(database: Database) -> None:
    _save(database, WHOLE, WHOLE)
    before = _articles(database)
    assert len(before) == 1
    assert _save(database, WHOLE, now=LATER) == (0, 0)
    assert _articles(database) == before
    assert _revisions(database) == []


def test_a_changed_text_keeps_the_old_one_and_the_day_it_was_first_seen(
    database: Database,
) -> None:
    _save(database, WHOLE)
    changed = replace(WHOLE, headline="Ferry sails twice", body_text="It sails twice.")
    assert _save(database, changed, now=LATER) == (0, 1)
    (article,) = _articles(database)
    assert (article.story, article.revision, article.first_seen_at) == (changed, 2, NOON)
    assert _revisions(database) == [
        (
            1,
            "Ferry sails again",
            "Nine weeks are over.",
            "https://e.example/ferry",
            "It sails.",
            LATER,
        )
    ]
    assert _save(database, WHOLE, now=LATER) == (0, 1)
    assert [row[0] for row in _revisions(database)] == [1, 2]


def test_what_readers_do_not_see_changes_without_a_revision(database: Database) -> None:
    _save(database, WHOLE)
    relabelled = replace(WHOLE, categories=("Town",), updated_at=NOON)
    assert _save(database, relabelled, now=LATER) == (0, 0)
    (article,) = _articles(database)
    assert (article.story, article.revision) == (relabelled, 1)


def test_a_story_is_found_by_each_of_its_names_and_by_those_it_had_before(
    database: Database,
) -> None:
    _save(database, WHOLE)
    for again in (
        replace(WHOLE, url="https://e.example/moved", headline="Another headline"),
        replace(WHOLE, guid="g2", url="http://E.example/ferry/?utm_source=x", headline="A third"),
        replace(WHOLE, guid="g2", url="https://e.example/else", headline="A fourth"),
        replace(WHOLE, guid="g1", url="https://e.example/x", headline="A fifth"),
        _story("A THIRD"),
    ):
        new, _ = _save(database, again, now=LATER)
        assert new == 0
    assert len(_articles(database)) == 1


def test_a_site_that_moved_with_all_its_names_repeats_nothing(database: Database) -> None:
    _save(database, WHOLE)
    moved = replace(WHOLE, guid="new-1", url="https://new.example/2026/ferry")
    assert _save(database, moved, now=LATER) == (0, 1)
    (article,) = _articles(database)
    assert article.story == moved


def test_two_stories_of_one_headline_stay_two_and_a_river_means_the_later(
    database: Database,
) -> None:
    monday = _story("Weather", guid="w1", url="https://e.example/w1", body_text="Rain.")
    tuesday = _story("Weather", guid="w2", url="https://e.example/w2", body_text="Sun.")
    assert _save(database, monday) == (1, 0)
    assert _save(database, tuesday, now=LATER) == (1, 0)
    assert _save(database, monday, tuesday, _story("Weather"), now=LATER) == (0, 0)
    third = _story("Weather", body_text="Fog.")
    assert _save(database, third, now=LATER) == (0, 1)
    assert [article.story.body_text for article in _articles(database)] == ["Rain.", "Fog."]


def test_a_headline_of_a_river_is_filled_by_its_story_and_empties_none(
    database: Database,
) -> None:
    _save(database, _story("Ferry sails again!"))
    assert _save(database, WHOLE, now=LATER) == (0, 1)
    assert _save(database, _story("FERRY sails again"), now=LATER) == (0, 0)
    (article,) = _articles(database)
    assert (article.story, article.first_seen_at) == (WHOLE, NOON)


def test_a_poorer_copy_takes_nothing_away(database: Database) -> None:
    _save(database, WHOLE)
    assert _save(database, _story(guid="g1", standfirst="New words."), now=LATER) == (0, 1)
    (article,) = _articles(database)
    assert article.story == replace(WHOLE, standfirst="New words.")


def test_a_date_is_filled_in_and_only_a_surer_one_replaces_it(database: Database) -> None:
    bare = replace(WHOLE, published_at=None, published_from=None)
    at = [NOON - timedelta(hours=n) for n in range(4)]
    seen = []
    for found in (
        bare,
        replace(WHOLE, published_at=at[1], published_from=DateOrigin.META),
        replace(WHOLE, published_at=at[2], published_from=DateOrigin.FEED),
        replace(WHOLE, published_at=at[3], published_from=DateOrigin.URL),
        replace(WHOLE, published_at=at[0], published_from=DateOrigin.FEED),
        bare,
    ):
        _save(database, found)
        (article,) = _articles(database)
        seen.append(article.story.published_at)
    assert seen == [None, at[1], at[2], at[2], at[2], at[2]]


def test_another_sources_copy_is_the_same_article_and_does_not_rewrite_it(
    database: Database,
) -> None:
    _save(database, WHOLE)
    copied = _story("Ferry, copied", url=WHOLE.url, body_text="Copied.", guid="p1")
    assert _save(database, copied, source="pages", now=LATER) == (0, 0)
    assert _save(database, _story("Ferry, copied"), source="pages", now=LATER) == (0, 0)
    (article,) = _articles(database)
    assert (article.source, article.story) == ("site", WHOLE)


def test_a_link_shared_by_several_stories_of_a_poll_names_none(database: Database) -> None:
    show = "https://e.example/show"
    episodes = [_story(f"Part {n}", guid=f"p{n}", url=show) for n in range(3)]
    assert _save(database, *episodes) == (3, 0)
    assert _save(database, *episodes[1:], _story("Part 3", guid="p3", url=show)) == (1, 0)


def test_articles_are_seen_after_one_moment_and_until_another(database: Database) -> None:
    for n in range(4):
        _save(database, _story(f"Story {n}"), now=NOON + timedelta(hours=n))
    with database.read() as connection:
        found = article_store.articles_seen(connection, after=NOON, until=NOON + timedelta(hours=2))
    assert [article.story.headline for article in found] == ["Story 1", "Story 2"]


def test_articles_are_searched_by_every_word_as_it_stands(database: Database) -> None:
    for n, headline in enumerate(("Rates up 100%", "Rates up 100 times", "A_B rates", "AxB rates")):
        _save(database, _story(headline), now=NOON + timedelta(hours=n))
    with database.read() as connection:

        def found(words: str, limit: int = 10) -> list[str]:
            hits = article_store.search_articles(connection, words, limit=limit)
            return [article.story.headline for article in hits]

        assert found("100% RATES") == ["Rates up 100%"]
        assert found("a_b") == ["A_B rates"]
        assert found("rates", limit=2) == ["AxB rates", "A_B rates"]
        assert found("\\ '\x00") == []
        assert found(" \x00 ") == []


def test_many_who_save_at_once_make_each_story_once(database: Database) -> None:
    state = _sources(database)["site"]
    stories = [_story(f"Story {n}", guid=f"g{n}", url=f"https://e.example/{n}") for n in range(8)]
    told: list[tuple[int, int]] = []
    start = threading.Barrier(4)

    def save(mine: Sequence[FoundStory]) -> None:
        start.wait()
        with database.write() as connection:
            saved = article_store.save_stories(
                connection, state.id, "site", mine, now=NOON, backlog=False
            )
        told.append((saved.new, saved.updated))

    turned = [stories[n:] + stories[:n] for n in range(4)]
    threads = [threading.Thread(target=save, args=(mine,)) for mine in turned]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [(0, 0), (0, 0), (0, 0), (8, 0)]
    assert len(_articles(database)) == 8
