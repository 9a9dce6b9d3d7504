from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from digest.db import Database
from digest.errors import SourceError
from digest.sources import article_store, store
from digest.sources.model import Article, FoundStory, Origin, SourceKind, SourceSpec, SourceState
from digest.sources.push import push
from digest.sources.pushed import story_of

NOW = datetime(2026, 1, 9, 6, 0, tzinfo=UTC)
DESK = SourceSpec("wire", SourceKind.PUSHED, "", language="en", priority=10)


def a_story(headline: str = "Ferry sails", guid: str = "f-1", **more: str) -> FoundStory:
    return story_of({"headline": headline, "guid": guid, **more})


def articles(database: Database, ids: tuple[int, ...]) -> list[Article]:
    with database.read() as connection:
        return article_store.articles_by_id(connection, ids)


def state(database: Database) -> SourceState:
    with database.read() as connection:
        (found,) = store.source_states(connection)
    return found


def at(moment: datetime = NOW) -> datetime:
    return moment


def test_pushed_stories_are_articles_at_once_and_no_backlog(database: Database) -> None:
    stories = [
        a_story('Ferry "sails"', published_at="2026-01-01T06:00:00Z", standfirst="Ferry sails"),
        a_story("Council votes", "c-1", language="fr"),
    ]
    saved = push(database, DESK, stories, clock=at)
    assert (saved.new, saved.updated, len(saved.ids)) == (2, 0, 2)
    ferry, council = articles(database, tuple(saved.ids))
    assert (ferry.story.headline, ferry.story.standfirst) == ("Ferry “sails”", "")
    assert (ferry.story.language, ferry.story.priority) == ("en", 10)
    assert (ferry.source, ferry.first_seen_at, ferry.backlog) == ("wire", NOW, False)
    assert (council.story.language, council.backlog) == ("fr", False)


def test_what_the_settings_add_stays_within_what_can_be_kept(database: Database) -> None:
    story = replace(a_story(), priority=900)
    saved = push(database, replace(DESK, priority=2**40), [story], clock=at)
    (article,) = articles(database, tuple(saved.ids))
    assert article.story.priority == 1_000


def test_the_source_tells_when_it_last_heard_of_a_story(database: Database) -> None:
    hours = count()
    for _ in range(2):
        push(database, DESK, [a_story()], clock=lambda: NOW + timedelta(hours=next(hours)))
    found = state(database)
    assert (found.name, found.kind, found.failures) == ("wire", SourceKind.PUSHED, 0)
    assert (found.first_ok_at, found.last_ok_at) == (NOW, NOW + timedelta(hours=1))


def test_pushing_again_changes_nothing_and_a_new_wording_updates(database: Database) -> None:
    first = push(database, DESK, [a_story()], clock=at)
    again = push(database, DESK, [a_story()], clock=at)
    assert (again.new, again.updated, again.ids) == (0, 0, first.ids)
    changed = push(database, DESK, [a_story("Ferry stays in dock")], clock=at)
    assert (changed.new, changed.updated, changed.ids) == (0, 1, first.ids)
    (article,) = articles(database, tuple(first.ids))
    assert (article.story.headline, article.revision) == ("Ferry stays in dock", 2)


def test_a_source_of_the_desk_stays_the_desks(database: Database) -> None:
    spec = SourceSpec("wire", SourceKind.PUSHED, "", origin=Origin.DESK)
    with database.write() as connection:
        store.add_source(connection, spec)
    assert push(database, spec, [a_story()], clock=at).new == 1
    with database.read() as connection:
        assert [one.name for one in store.desk_sources(connection)] == ["wire"]


def test_a_source_that_was_removed_takes_nothing(database: Database) -> None:
    spec = SourceSpec("wire", SourceKind.PUSHED, "", origin=Origin.DESK)
    with pytest.raises(SourceError, match=r"^source: wire: not known any more$"):
        push(database, spec, [a_story()], clock=at)


def test_only_a_pushed_source_can_be_pushed_to(database: Database) -> None:
    spec = SourceSpec("site", SourceKind.FEED, "https://post.example/feed")
    with pytest.raises(SourceError, match=r"^source: site: a feed source, which nothing can be"):
        push(database, spec, [a_story()], clock=at)
