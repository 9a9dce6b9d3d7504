from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.sources import article_store, store
from digest.sources.collect import collect, read_source
from digest.sources.fetch import Fetched, Fetcher
from digest.sources.model import Article, Polled, SourceKind, SourceSpec, SourceState
from tests.integration.sources_newsroom import HERE, Site, answer, dated, running_site

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
FETCHER = Fetcher(user_agent="digest-test", timeout=5, deadline=5)
TURNED_OVER = "turned over completely between two polls; stories may have been missed"


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def _feed(*names: str) -> bytes:
    items = "".join(f"<item><title>Story {n}</title><guid>g{n}</guid></item>" for n in names)
    return f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode()


def _page(headline: str, *river: str) -> str:
    lines = ("Gazette", "Friday, Jan 09, 2026", headline, "Short.", "Long.", "Gazette", "0:00")
    return "\n".join((*lines, *river, "×"))


def _spec(site: Site, path: str = "/feed", name: str = "site") -> SourceSpec:
    return SourceSpec(name, SourceKind.FEED, site.url(path), allow=HERE)


def _collect(
    database: Database, *specs: SourceSpec, minutes: float = 0, force: bool = True
) -> list[Polled]:
    clock = fixed(NOON + timedelta(minutes=minutes))
    return collect(database, specs, fetcher=FETCHER, clock=clock, force=force)


def _states(database: Database) -> dict[str, SourceState]:
    with database.read() as connection:
        return {state.name: state for state in store.source_states(connection)}


def _articles(database: Database) -> list[Article]:
    with database.read() as connection:
        return article_store.articles_seen(
            connection, after=NOON - timedelta(days=1), until=NOON + timedelta(days=1)
        )


def test_a_feeds_first_import_is_backlog_and_later_stories_are_new(
    database: Database, site: Site
) -> None:
    spec = _spec(site)
    site.pages["/feed"] = answer(_feed("1", "2"))
    assert _collect(database, spec) == [Polled("site", found=2, new=2)]
    site.pages["/feed"] = answer(_feed("2", "3").replace(b"Story 2", b"Story two"))
    assert _collect(database, spec, minutes=10) == [Polled("site", found=2, new=1, updated=1)]
    assert [
        (article.story.headline, article.backlog, article.first_seen_at)
        for article in _articles(database)
    ] == [
        ("Story 1", True, NOON),
        ("Story two", True, NOON),
        ("Story 3", False, NOON + timedelta(minutes=10)),
    ]


def test_a_first_import_that_failed_leaves_the_next_one_the_first(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(status=500)
    assert _collect(database, _spec(site))[0].problem
    site.pages["/feed"] = answer(_feed("1"))
    _collect(database, _spec(site), minutes=10)
    assert [article.backlog for article in _articles(database)] == [True]


def test_a_feed_that_has_not_changed_is_not_read_again(database: Database, site: Site) -> None:
    site.pages["/feed"] = dated(_feed("1"), etag='"1"', last_modified="yesterday")
    _collect(database, _spec(site))
    assert _collect(database, _spec(site), minutes=10) == [Polled("site", unchanged=True)]
    state = _states(database)["site"]
    assert (state.etag, state.last_modified) == ('"1"', "yesterday")
    assert state.last_ok_at == NOON + timedelta(minutes=10)


def test_a_feed_that_turned_over_completely_is_a_warning(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed())
    assert _collect(database, _spec(site)) == [Polled("site")]
    for names, warnings in (("12", ()), ("34", (TURNED_OVER,)), ("45", ()), ("", ())):
        site.pages["/feed"] = answer(_feed(*names))
        assert _collect(database, _spec(site))[0].warnings == warnings


def test_only_sources_that_are_due_are_polled_unless_forced(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed("1"))
    often = replace(_spec(site), every=timedelta(minutes=10))
    seldom = replace(_spec(site, name="seldom"), every=timedelta(hours=1))

    def polled(minutes: float, *, force: bool = False) -> list[str]:
        told = _collect(database, often, seldom, minutes=minutes, force=force)
        return [one.source for one in told]

    assert polled(0) == ["site", "seldom"]
    assert polled(9) == []
    assert polled(9.9) == ["site"]
    assert polled(60) == ["site", "seldom"]
    assert polled(61, force=True) == ["site", "seldom"]
    assert polled(30) == ["site", "seldom"]  # the machine's clock was set back


def test_a_source_that_fails_is_told_in_words_and_harms_no_other(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_feed("1"))
    site.pages["/page"] = answer(b"<!doctype html>", content_type="text/html")
    gone, page = _spec(site, "/gone", "gone"), _spec(site, "/page", "page")
    odd = replace(_spec(site, name="odd"), address="nul\0.xml")
    for failures in (1, 2):
        told = _collect(database, gone, page, odd, _spec(site))
        assert [bool(one.problem) for one in told] == [True, True, True, False]
        assert told[0].problem == (
            f"fetch: {site.url('/gone')}: the site answers 404 Not Found. The feed has moved; look"
            " up its address on the site and change it in digest.toml."
        )
        state = _states(database)["gone"]
        assert (state.failures, state.error) == (failures, told[0].problem)
        assert state.first_ok_at is None
    site.pages["/gone"] = answer(_feed("7"))
    _collect(database, gone)
    state = _states(database)["gone"]
    assert (state.failures, state.error) == (0, None)


class _Broken(Fetcher):
    def get(self, *_args: object, **_kwargs: object) -> Fetched:
        raise RuntimeError("out of cheese")


def test_unforeseen_trouble_is_told_and_harms_no_other(database: Database, site: Site) -> None:
    told = collect(database, [_spec(site)], fetcher=_Broken(), clock=fixed(NOON), force=True)
    trouble = "source: site: unexpected trouble (RuntimeError: out of cheese)"
    assert told == [Polled("site", problem=trouble)]
    assert read_source(_spec(site), fetcher=_Broken()) == Polled("site", problem=trouble)
    assert _states(database)["site"].error == trouble


def test_a_feed_whose_guids_are_all_the_same_loses_no_story(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_feed("1", "2").replace(b"g1", b"g").replace(b"g2", b"g"))
    assert _collect(database, _spec(site)) == [
        Polled(
            "site",
            found=2,
            new=2,
            warnings=("several stories have the same guid; it was ignored",),
        )
    ]


def test_a_feed_may_be_a_file(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "feed.xml"
    path.write_bytes(_feed("1"))
    spec = SourceSpec("site", SourceKind.FEED, path.as_uri())
    assert _collect(database, spec) == [Polled("site", found=1, new=1)]
    assert _collect(database, spec) == [Polled("site", unchanged=True)]
    path.write_bytes(_feed("1", "2"))
    assert _collect(database, spec) == [Polled("site", found=2, new=1)]


def test_pages_may_be_a_file_a_folder_or_an_address(
    database: Database, site: Site, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text(_page("Ferry back", "Tide high", "Crane sold"))
    (tmp_path / "b.txt").write_text(_page("Crane sold", "Tide high"))
    (tmp_path / "c.txt").write_text("")
    (tmp_path / "readme.md").write_text("no page")
    site.pages["/page"] = answer(_page("Pier").encode(), content_type="text/plain; charset=utf-8")
    folder = SourceSpec("folder", SourceKind.PAGE, str(tmp_path))
    file = SourceSpec("file", SourceKind.PAGE, str(tmp_path / "a.txt"))
    web = SourceSpec("web", SourceKind.PAGE, site.url("/page"), allow=HERE)
    empty = f"page: {tmp_path / 'c.txt'}: the page is empty"
    assert _collect(database, folder, file, web) == [
        Polled("folder", found=5, new=3, updated=1, warnings=(empty,)),
        Polled("file", found=3, new=3),
        Polled("web", found=1, new=1),
    ]
    assert _collect(database, folder) == [Polled("folder", unchanged=True)]
    (tmp_path / "d.txt").write_text(_page("Lamp lit"))
    assert _collect(database, folder)[0].new == 1
    assert {article.backlog for article in _articles(database)} == {False}


def test_pages_that_are_none_are_told(database: Database, site: Site, tmp_path: Path) -> None:
    site.pages["/page"] = answer(b"<html>", content_type="text/html; charset=utf-8")
    folder = SourceSpec("folder", SourceKind.PAGE, str(tmp_path))
    web = SourceSpec("web", SourceKind.PAGE, site.url("/page"), allow=HERE)
    absent = SourceSpec("absent", SourceKind.PAGE, str(tmp_path / "absent.txt"))
    odd = SourceSpec("odd", SourceKind.PAGE, "a\0b")
    problems = [
        one.problem.partition(": ")[2] for one in _collect(database, folder, web, absent, odd)
    ]
    path_hint = "Check the path; one that does not begin with / counts from where digest starts."
    page_hint = "Name the site's feed, or save the page as text."
    folder_hint = "Put pages captured as text there, each in a file that ends in .txt."
    in_html = "a web page in HTML; only pages captured as text are read"
    assert problems == [
        f"{tmp_path}: no captured page in it. {folder_hint}",
        f"{site.url('/page')}: {in_html}. {page_hint}",
        f"{tmp_path / 'absent.txt'}: no such file or directory. {path_hint}",
        f"ab: no such name. {path_hint}",
    ]
    (tmp_path / "a.txt").write_text("")
    (told,) = _collect(database, folder)
    assert told.problem.startswith(f"folder: {tmp_path}: page: {tmp_path / 'a.txt'}: the page is")


def test_a_source_is_checked_without_keeping_anything(site: Site, tmp_path: Path) -> None:
    site.pages["/feed"] = answer(_feed("1") + b"&")
    told = read_source(_spec(site), fetcher=FETCHER)
    assert (told.found, told.new, told.problem, len(told.warnings)) == (1, 0, "", 1)
    absent = SourceSpec("absent", SourceKind.FEED, str(tmp_path / "absent.xml"))
    assert "no such file" in read_source(absent, fetcher=FETCHER).problem
    (tmp_path / "a.txt").write_text(_page("Ferry back"))
    folder = SourceSpec("folder", SourceKind.PAGE, str(tmp_path))
    assert read_source(folder, fetcher=FETCHER) == Polled("folder", found=1)
