"""Looks at stories' pages: what is gone, what comes back, and what their feed lacked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.sources import article_store, store
from digest.sources.fetch import Fetcher
from digest.sources.model import (
    Article,
    DateOrigin,
    FoundStory,
    Picture,
    SourceKind,
    SourceSpec,
)
from digest.sources.parsing import Parser
from digest.sources.visit import Doubts, Visited, visit_pages
from tests.integration.sources_newsroom import HERE, Site, answer, running_site

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
PAGE = answer(
    b"<!doctype html><html lang=en><head><title>The ferry sails again</title>"
    b'<meta property="og:title" content="The ferry sails again">'
    b'<meta property="og:description" content="Nine weeks of detours are over.">'
    b'<meta property="og:image" content="https://post.example/ferry.jpg">'
    b'<meta property="article:published_time" content="2026-01-09T08:15:00+00:00">'
    b"</head><body><article><h1>The ferry sails again</h1><p>"
    + b"The ferry left the quay at eight with forty people aboard. " * 9
    + b"</p></article></body></html>",
    content_type="text/html; charset=utf-8",
)
GONE, MISSING = answer(status=410), answer(status=404)
WHOLE = FoundStory(
    headline="The ferry sails again",
    standfirst="As the feed has it.",
    body_html="<p>From the feed.</p>",
    body_text="From the feed.",
    picture=Picture("https://post.example/feed.jpg"),
    published_at=NOON - timedelta(hours=1),
    published_from=DateOrigin.FEED,
    language="en",
)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@dataclass
class Newsroom:
    """A source on the web whose stories are known, and the looks at their pages."""

    database: Database
    site: Site
    doubts: Doubts = field(default_factory=Doubts)

    def __post_init__(self) -> None:
        address = self.site.url("/feed")
        self.spec = SourceSpec("site", SourceKind.FEED, address, allow=HERE, language="en")
        with self.database.write() as connection:
            store.sync_sources(connection, [self.spec], now=NOON)
            [self.source_id] = [state.id for state in store.source_states(connection)]

    def know(
        self,
        *paths: str,
        story: FoundStory = WHOLE,
        seen: datetime = NOON - timedelta(hours=1),
        backlog: bool = False,
        host: str = "127.0.0.1",
    ) -> list[int]:
        """Know a story at each of these paths; give their ids."""
        stories = [
            replace(story, guid=path, url=self.site.url(path, host), headline=f"Story {path[1:]}")
            for path in paths
        ]
        with self.database.write() as connection:
            saved = article_store.save_stories(
                connection, self.source_id, "site", stories, now=seen, backlog=backlog
            )
        return list(saved.ids)

    def visit(
        self, minutes: float = 0, *, specs: Sequence[SourceSpec] | None = None, **more: Any
    ) -> Visited:
        return visit_pages(
            self.database,
            [self.spec] if specs is None else specs,
            fetcher=Fetcher(user_agent="digest-test", timeout=5, deadline=5),
            clock=fixed(NOON + timedelta(minutes=minutes)),
            doubts=self.doubts,
            **{"parser": None, **more},
        )

    def article(self, article_id: int) -> Article:
        with self.database.read() as connection:
            [found] = article_store.articles_by_id(connection, [article_id])
        return found

    def withdrawn(self, ids: Sequence[int]) -> list[str]:
        """Give why each is withdrawn; nothing for what stands."""
        return [self.article(one).withdrawn_why for one in ids]

    def asked(self) -> list[str]:
        """Give the paths asked for since the last look, in no order."""
        paths = sorted(path for path, _ in self.site.asked)
        self.site.asked.clear()
        return paths


@pytest.fixture
def newsroom(database: Database, site: Site) -> Newsroom:
    return Newsroom(database, site)


@pytest.fixture
def small(sqlite_database: Database, site: Site) -> Newsroom:
    """The same on one kind of database, where the kind does not matter."""
    return Newsroom(sqlite_database, site)


def _serve(site: Site, *paths: str, page: Any = PAGE) -> None:
    site.pages.update(dict.fromkeys(paths, page))


def test_a_page_that_answers_410_withdraws_its_story_at_once(newsroom: Newsroom) -> None:
    stands, gone = newsroom.know("/stands", "/gone")
    _serve(newsroom.site, "/stands")
    _serve(newsroom.site, "/gone", page=GONE)
    assert newsroom.visit() == Visited(looked=2, withdrawn=(gone,))
    article = newsroom.article(gone)
    assert (article.withdrawn_at, article.withdrawn_why) == (NOON, "its page answers 410")
    assert newsroom.withdrawn([stands]) == [""]
    assert [newsroom.article(one).visited_at for one in (stands, gone)] == [NOON, NOON]


def test_a_page_that_answers_404_withdraws_its_story_at_the_second_look(
    newsroom: Newsroom,
) -> None:
    (missing,) = newsroom.know("/missing")
    _serve(newsroom.site, "/missing", page=MISSING)
    assert newsroom.visit() == Visited(looked=1)
    assert newsroom.visit(9.9) == Visited()
    assert newsroom.visit(10) == Visited(looked=1, withdrawn=(missing,))
    assert newsroom.withdrawn([missing]) == ["its page answers 404"]
    assert newsroom.visit(20) == Visited()


def test_a_page_that_is_there_at_the_second_look_is_doubted_no_longer(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one")
    _serve(newsroom.site, "/one", page=MISSING)
    newsroom.visit()
    _serve(newsroom.site, "/one")
    assert newsroom.visit(10) == Visited(looked=1)
    _serve(newsroom.site, "/one", page=MISSING)
    assert newsroom.visit(10 + 361) == Visited(looked=1)
    assert newsroom.withdrawn([one]) == [""]


def test_a_second_look_that_tells_nothing_begins_the_doubt_anew(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one")
    _serve(newsroom.site, "/one", page=MISSING)
    newsroom.visit()
    _serve(newsroom.site, "/one", page=answer(status=503))
    assert newsroom.visit(10) == Visited(looked=1)
    _serve(newsroom.site, "/one", page=MISSING)
    assert newsroom.visit(20) == Visited()
    assert newsroom.visit(371) == Visited(looked=1)
    assert newsroom.visit(381) == Visited(looked=1, withdrawn=(one,))


def test_a_clock_that_was_set_back_leaves_no_doubt(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one")
    _serve(newsroom.site, "/one", page=MISSING)
    newsroom.visit(60)
    assert newsroom.visit(0) == Visited()
    assert newsroom.visit(70) == Visited()
    assert newsroom.withdrawn([one]) == [""]


def test_doubts_lost_by_a_restart_only_cost_another_look(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one")
    _serve(newsroom.site, "/one", page=MISSING)
    newsroom.visit()
    newsroom.doubts = Doubts()
    assert newsroom.visit(10) == Visited()
    assert newsroom.visit(361) == Visited(looked=1)
    assert newsroom.visit(371) == Visited(looked=1, withdrawn=(one,))


def test_a_page_that_is_back_restores_its_story(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one")
    _serve(newsroom.site, "/one", page=GONE)
    newsroom.visit()
    assert newsroom.visit(361) == Visited(looked=1)  # still gone: said once
    _serve(newsroom.site, "/one")
    assert newsroom.visit(722) == Visited(looked=1, restored=(one,))
    assert newsroom.withdrawn([one]) == [""]


def test_what_was_withdrawn_otherwise_is_not_restored_by_its_page(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one")
    _serve(newsroom.site, "/one")
    with newsroom.database.write() as connection:
        article_store.withdraw(connection, one, now=NOON, why="by a person")
    newsroom.visit()
    assert newsroom.withdrawn([one]) == ["by a person"]


def test_a_site_whose_pages_are_gone_all_at_once_loses_no_story(newsroom: Newsroom) -> None:
    paths = [f"/{n}" for n in range(5)]
    ids = newsroom.know(*paths)
    _serve(newsroom.site, *paths[:2])
    _serve(newsroom.site, *paths[2:], page=GONE)
    warning = "127.0.0.1: 3 of 5 pages looked at are gone all at once; no story was withdrawn"
    assert newsroom.visit() == Visited(looked=5, warnings=(warning,))
    assert newsroom.withdrawn(ids) == [""] * 5
    _serve(newsroom.site, paths[2])
    assert newsroom.visit(361) == Visited(looked=5, withdrawn=(ids[3], ids[4]))


def test_before_a_story_is_withdrawn_other_pages_of_its_site_are_looked_at(
    newsroom: Newsroom,
) -> None:
    paths = [f"/{n}" for n in range(4)]
    ids = newsroom.know(*paths)
    _serve(newsroom.site, *paths)
    newsroom.visit()
    (late,) = newsroom.know("/late", seen=NOON + timedelta(minutes=5))
    # The site has lost all of its pages, though only the new one is due.
    _serve(newsroom.site, *paths, "/late", page=GONE)
    told = newsroom.visit(10)
    assert (told.looked, told.withdrawn, len(told.warnings)) == (5, (), 1)
    assert newsroom.withdrawn([*ids, late]) == [""] * 5
    _serve(newsroom.site, *paths)
    assert newsroom.visit(371) == Visited(looked=5, withdrawn=(late,))


def test_a_site_in_trouble_raises_no_doubts_either(newsroom: Newsroom) -> None:
    paths = [f"/{n}" for n in range(4)]
    ids = newsroom.know(*paths)
    _serve(newsroom.site, *paths, page=MISSING)
    assert len(newsroom.visit().warnings) == 1
    assert newsroom.visit(10) == Visited()
    assert newsroom.withdrawn(ids) == [""] * 4


def test_one_site_in_trouble_does_not_shield_another(newsroom: Newsroom) -> None:
    paths = [f"/{n}" for n in range(4)]
    newsroom.know(*paths)
    (other,) = newsroom.know("/other", host="localhost")
    _serve(newsroom.site, *paths, "/other", page=GONE)
    told = newsroom.visit()
    assert (told.withdrawn, len(told.warnings)) == ((other,), 1)


@pytest.mark.parametrize("status", [401, 403, 429, 451, 500, 503])
def test_any_other_refusal_changes_nothing(small: Newsroom, status: int) -> None:
    (one,) = small.know("/one")
    before = small.article(one)
    _serve(small.site, "/one", page=answer(status=status))
    assert small.visit() == Visited(looked=1)
    assert small.article(one) == replace(before, visited_at=NOON)


def test_a_page_nobody_may_dial_changes_nothing(small: Newsroom) -> None:
    (one,) = small.know("/one")
    inside = replace(small.spec, allow=())
    assert small.visit(specs=[inside]) == Visited(looked=1)
    assert small.article(one).visited_at == NOON
    assert small.asked() == []


def test_a_page_that_leads_to_the_front_page_changes_nothing(small: Newsroom) -> None:
    bare = replace(WHOLE, picture=None)
    (one,) = small.know("/one", story=bare)
    before = small.article(one)
    _serve(small.site, "/one", page=answer(status=302, Location="/"))
    _serve(small.site, "/")
    assert small.visit() == Visited(looked=1)
    assert small.article(one) == replace(before, visited_at=NOON)


def test_a_page_fills_what_its_feed_lacked(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one", story=FoundStory(headline="The ferry sails again"))
    _serve(newsroom.site, "/one")
    assert newsroom.visit() == Visited(looked=1, filled=1)
    article = newsroom.article(one)
    story = article.story
    assert story.headline == "Story one"
    assert story.standfirst == "Nine weeks of detours are over."
    assert story.picture is not None
    assert story.picture.url == "https://post.example/ferry.jpg"
    assert story.published_at == datetime(2026, 1, 9, 8, 15, tzinfo=UTC)
    assert story.published_from is DateOrigin.META
    assert story.body_text.startswith("The ferry left the quay at eight")
    assert article.visited_at == NOON


def test_a_page_does_not_overrule_its_feed(newsroom: Newsroom) -> None:
    (one,) = newsroom.know("/one", story=replace(WHOLE, picture=None))
    _serve(newsroom.site, "/one")
    assert newsroom.visit() == Visited(looked=1, filled=1)
    article = newsroom.article(one)
    story, picture = article.story, article.story.picture
    assert article.revision == 1  # not a word has changed
    assert replace(story, picture=None) == replace(
        WHOLE,
        headline="Story one",
        guid="/one",
        url=newsroom.site.url("/one"),
        picture=None,
    )
    assert picture is not None
    assert picture.url == "https://post.example/ferry.jpg"


@pytest.mark.parametrize(
    "page",
    [
        answer(b"plain words", content_type="text/plain"),
        answer(b"%PDF-1.7", content_type="application/pdf"),
        answer(b"<!doctype html>", content_type="text/html"),
    ],
)
def test_a_page_that_cannot_be_read_is_there_all_the_same(small: Newsroom, page: Any) -> None:
    (one,) = small.know("/one", story=replace(WHOLE, picture=None))
    before = small.article(one)
    _serve(small.site, "/one", page=page)
    assert small.visit() == Visited(looked=1)
    assert small.article(one) == replace(before, visited_at=NOON)


def test_a_page_that_brings_its_reader_down_is_there_all_the_same(small: Newsroom) -> None:
    (one,) = small.know("/one", story=replace(WHOLE, picture=None))
    before = small.article(one)
    _serve(small.site, "/one")
    with Parser(seconds=0.001) as parser:  # nothing is read in so short a time
        assert small.visit(parser=parser) == Visited(looked=1)
    assert small.article(one) == replace(before, visited_at=NOON)


def test_only_recent_stories_are_looked_at_and_each_every_six_hours(newsroom: Newsroom) -> None:
    newsroom.know("/new")
    newsroom.know("/old", seen=NOON - timedelta(hours=72))
    _serve(newsroom.site, "/new", "/old")
    assert newsroom.visit().looked == 1
    assert newsroom.asked() == ["/new"]
    assert newsroom.visit(360).looked == 0
    assert newsroom.visit(360.1).looked == 1


def test_an_old_backlog_is_not_looked_at(newsroom: Newsroom) -> None:
    old = replace(WHOLE, published_at=NOON - timedelta(hours=48.1))
    newsroom.know("/old", story=old, backlog=True)
    newsroom.know("/young", backlog=True)
    _serve(newsroom.site, "/old", "/young")
    newsroom.visit()
    assert newsroom.asked() == ["/young"]


def test_a_round_looks_at_a_bounded_number_the_newest_first(newsroom: Newsroom) -> None:
    for n in range(4):
        newsroom.know(f"/{n}", seen=NOON - timedelta(minutes=9 - n))
        _serve(newsroom.site, f"/{n}")
    assert newsroom.visit(limit=2).looked == 2
    assert newsroom.asked() == ["/2", "/3"]
    assert newsroom.visit(1, limit=2).looked == 2
    assert newsroom.asked() == ["/0", "/1"]


def test_sources_that_are_not_visited_are_left_alone(small: Newsroom) -> None:
    small.know("/one")
    assert small.visit(specs=[replace(small.spec, visit=False)]) == Visited()
    assert small.visit(specs=[replace(small.spec, address="/var/feed.xml")]) == Visited()
    assert small.visit(specs=[]) == Visited()
    assert small.asked() == []


def test_nothing_is_fetched_inside_a_transaction(small: Newsroom) -> None:
    small.know("/one")
    written = threading.Event()

    def write_meanwhile(handler: Any) -> None:
        other = Database(small.database.url.render_as_string(hide_password=False))
        with other.write() as connection:
            store.remove_source(connection, "nobody", now=NOON)
        other.close()
        written.set()
        PAGE(handler)

    _serve(small.site, "/one", page=write_meanwhile)
    assert small.visit().looked == 1
    assert written.is_set()


def test_a_round_that_is_to_stop_looks_no_further(small: Newsroom) -> None:
    small.know("/one")
    _serve(small.site, "/one")
    assert small.visit(stop=lambda: True) == Visited()
