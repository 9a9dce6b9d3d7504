"""Every kind of source, polled as it stands: feeds page by page, APIs, folders, databases."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.sources import article_store, store
from digest.sources.collect import collect, read_source
from digest.sources.fetch import Fetcher
from digest.sources.model import Article, Polled, SourceKind, SourceSpec, SourceState
from digest.sources.read import _files
from tests.integration.sources_newsroom import HERE, Answer, Site, answer, running_site

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
FETCHER = Fetcher(user_agent="digest-test", timeout=5, deadline=5)
KEY = "5a3b1c9d7e5f2a4b6c8d0e1f2a"


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


def _poll(database: Database, *specs: SourceSpec, hours: float = 0) -> Polled:
    clock = fixed(NOON + timedelta(hours=hours))
    (told,) = collect(database, specs, fetcher=FETCHER, clock=clock, force=True, chance=lambda: 0.5)
    return told


def _articles(database: Database) -> list[Article]:
    with database.read() as connection:
        return article_store.articles_seen(
            connection, after=NOON - timedelta(days=9), until=NOON + timedelta(days=9)
        )


def _standing(database: Database) -> list[str]:
    return sorted(
        article.story.headline for article in _articles(database) if article.withdrawn_at is None
    )


def _state(database: Database) -> SourceState:
    with database.read() as connection:
        (state,) = store.source_states(connection)
    return state


def _asked(site: Site) -> list[str]:
    paths = [path for path, _ in site.asked]
    site.asked.clear()
    return paths


# Feeds


def _atom(*names: str, head: str = "") -> bytes:
    entries = "".join(f"<entry><id>urn:{n}</id><title>Story {n}</title></entry>" for n in names)
    return (
        f'<feed xmlns="http://www.w3.org/2005/Atom"><title>T</title>{head}{entries}</feed>'.encode()
    )


def _next(path: str) -> str:
    return f'<link rel="next" href="{path}"/>'


def _spec(site: Site, kind: SourceKind = SourceKind.FEED, path: str = "/feed") -> SourceSpec:
    return SourceSpec("site", kind, site.url(path), allow=HERE)


def test_the_first_import_of_a_feed_follows_its_pages_and_later_polls_do_not(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_atom("1", head=_next("/2")))
    site.pages["/2"] = answer(_atom("2", head=_next("/3")))
    site.pages["/3"] = answer(_atom("3"))
    assert _poll(database, _spec(site)) == Polled("site", found=3, new=3)
    assert _asked(site) == ["/feed", "/2", "/3"]
    site.pages["/feed"] = answer(_atom("0", "1", head=_next("/2")))
    assert _poll(database, _spec(site), hours=1) == Polled("site", found=2, new=1)
    assert _asked(site) == ["/feed"]


@pytest.mark.parametrize(
    "head", [_next("/feed"), _next("http://other.example/2"), _next(""), _next("http://[::1/2")]
)
def test_pages_that_lead_in_circles_or_elsewhere_are_not_followed(
    sqlite_database: Database, site: Site, head: str
) -> None:
    site.pages["/feed"] = answer(_atom("1", head=head))
    assert _poll(sqlite_database, _spec(site)).new == 1
    assert _asked(site) == ["/feed"]


def test_pages_without_end_are_followed_so_far_and_no_further(
    sqlite_database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_atom("0", head=_next("/1")))
    for n in range(1, 9):
        site.pages[f"/{n}"] = answer(_atom(str(n), head=_next(f"/{n + 1}")))
    assert _poll(sqlite_database, _spec(site)).new == 5


def test_a_page_that_fails_keeps_what_came_before_and_is_asked_for_again(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_atom("1", head=_next("/2")), ETag='"1"')
    told = _poll(database, _spec(site))
    assert (told.new, len(told.warnings)) == (1, 1)
    assert told.warnings[0].startswith("its further pages were not read: fetch: ")
    state = _state(database)
    assert (state.etag, state.body_hash, state.warning) == (None, None, told.warnings[0])


def test_a_page_that_asks_for_a_pause_gets_it(sqlite_database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_atom("1", head=_next("/2")))
    site.pages["/2"] = answer(status=429, Retry_After="7200")
    told = _poll(sqlite_database, _spec(site))
    assert told.not_before is not None
    assert told.not_before > NOON + timedelta(hours=1)


def test_a_check_reads_the_first_page_only(site: Site) -> None:
    site.pages["/feed"] = answer(_atom("1", head=_next("/2")))
    assert read_source(_spec(site), fetcher=FETCHER) == Polled("site", found=1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_json_feed_is_told_by_what_it_holds_and_not_by_its_content_type(
    sqlite_database: Database, site: Site, encoding: str
) -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "T",
        "items": [{"id": "1", "title": "Crane sold", "content_text": "It went for a song."}],
    }
    body = f"\n {json.dumps(feed)}".encode(encoding)
    site.pages["/feed"] = answer(body, content_type="text/xml")
    assert _poll(sqlite_database, _spec(site)) == Polled("site", found=1, new=1)
    assert _standing(sqlite_database) == ["Crane sold"]


# Taken back by the source

_COMPLETE = '<complete xmlns="http://purl.org/syndication/history/1.0"/>'


def test_a_story_missing_from_a_feed_that_shows_everything_is_withdrawn(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_atom("1", "2", "3", head=_COMPLETE))
    assert _poll(database, _spec(site)).new == 3
    site.pages["/feed"] = answer(_atom("1", "3", head=_COMPLETE))
    assert _poll(database, _spec(site), hours=1) == Polled("site", found=2, withdrawn=1)
    assert _standing(database) == ["Story 1", "Story 3"]
    [gone] = [article for article in _articles(database) if article.withdrawn_at]
    assert gone.withdrawn_at == NOON + timedelta(hours=1)
    assert gone.withdrawn_why == "it is no longer in its source"
    site.pages["/feed"] = answer(_atom("1", "2", "3", head=_COMPLETE))
    _poll(database, _spec(site), hours=2)
    assert _standing(database) == ["Story 1", "Story 2", "Story 3"]


def test_a_story_missing_from_any_other_feed_stays(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_atom("1", "2"))
    _poll(database, _spec(site))
    site.pages["/feed"] = answer(_atom("2"))
    assert _poll(database, _spec(site)).withdrawn == 0
    assert _standing(database) == ["Story 1", "Story 2"]


def _missing(count: int, of: int) -> tuple[str, ...]:
    return (f"{count} of {of} stories are missing all at once; none was withdrawn",)


@pytest.mark.parametrize(
    ("left", "withdrawn", "warnings"),
    [
        ("1234567", 1, ()),
        ("1234", 4, ()),
        ("123", 0, _missing(5, 8)),
        ("1", 0, _missing(7, 8)),
        ("", 0, _missing(8, 8)),
        ("x", 0, _missing(8, 8)),
    ],
)
def test_when_most_stories_are_missing_at_once_none_is_withdrawn(
    database: Database,
    site: Site,
    left: str,
    withdrawn: int,
    warnings: tuple[str, ...],
) -> None:
    site.pages["/feed"] = answer(_atom(*"12345678", head=_COMPLETE))
    _poll(database, _spec(site))
    site.pages["/feed"] = answer(_atom(*left, head=_COMPLETE))
    told = _poll(database, _spec(site), hours=1)
    assert (told.withdrawn, told.warnings[:1]) == (withdrawn, warnings)
    assert len([a for a in _articles(database) if a.withdrawn_at]) == withdrawn


def test_of_a_few_stories_each_may_be_taken_back_but_not_all_at_once(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(_atom("1", "2", "3", head=_COMPLETE))
    _poll(database, _spec(site))
    site.pages["/feed"] = answer(_atom("1", head=_COMPLETE))
    assert _poll(database, _spec(site)).withdrawn == 2
    site.pages["/feed"] = answer(_atom(head=_COMPLETE))
    assert _poll(database, _spec(site)).warnings == _missing(1, 1)


def test_a_story_its_feed_calls_deleted_is_withdrawn(database: Database, site: Site) -> None:
    site.pages["/feed"] = answer(_atom("1", "2"))
    _poll(database, _spec(site))
    tombstone = (
        '<deleted-entry xmlns="http://purl.org/atompub/tombstones/1.0" ref="urn:1"'
        ' when="2026-01-09T12:00:00Z"/>'
    )
    site.pages["/feed"] = answer(_atom("2", head=tombstone))
    assert _poll(database, _spec(site), hours=1) == Polled("site", found=1, withdrawn=1)
    assert _standing(database) == ["Story 2"]
    [gone] = [article for article in _articles(database) if article.withdrawn_at]
    assert gone.withdrawn_why == "its source says that it was deleted"


# Moved


def test_a_feed_that_moved_for_good_is_read_where_it_is_and_told(
    database: Database, site: Site
) -> None:
    site.pages["/feed"] = answer(status=301, Location="/new")
    site.pages["/new"] = answer(_atom("1"))
    moved_to = site.url("/new")
    assert _poll(database, _spec(site)) == Polled("site", found=1, new=1, moved_to=moved_to)
    assert _poll(database, _spec(site)) == Polled("site", unchanged=True, moved_to=moved_to)
    assert _state(database).moved_to == moved_to
    site.pages["/feed"] = answer(_atom("1"))
    assert _poll(database, _spec(site)).moved_to is None
    assert _state(database).moved_to is None


# Folders


def _markdown(database: Database, folder: Path, *, hours: float = 0) -> Polled:
    return _poll(database, SourceSpec("site", SourceKind.MARKDOWN, str(folder)), hours=hours)


def _write(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_folder_of_markdown_is_read_with_all_that_is_in_it(
    database: Database, tmp_path: Path
) -> None:
    _write(tmp_path, "ferry.md", "# Ferry sails again\n\nIt left at eight.")
    _write(tmp_path, "2026/crane.MARKDOWN", "# Crane sold\n\nFor a song.")
    _write(tmp_path, ".draft.md", "# Hidden")
    _write(tmp_path, ".git/old.md", "# Older")
    _write(tmp_path, "notes.txt", "nothing")
    assert _markdown(database, tmp_path) == Polled("site", found=2, new=2)
    assert _markdown(database, tmp_path) == Polled("site", unchanged=True)
    assert {article.backlog for article in _articles(database)} == {True}
    _write(tmp_path, "ferry.md", "# Ferry sails again\n\nIt left at nine.")
    assert _markdown(database, tmp_path) == Polled("site", found=2, updated=1)


def test_a_file_that_is_deleted_withdraws_its_story_and_one_that_is_back_restores_it(
    database: Database, tmp_path: Path
) -> None:
    _write(tmp_path, "ferry.md", "# Ferry sails again")
    _write(tmp_path, "crane.md", "# Crane sold")
    _markdown(database, tmp_path)
    (tmp_path / "crane.md").unlink()
    assert _markdown(database, tmp_path) == Polled("site", found=1, withdrawn=1)
    assert _standing(database) == ["Ferry sails again"]
    _write(tmp_path, "crane.md", "# Crane sold")
    _markdown(database, tmp_path)
    assert _standing(database) == ["Crane sold", "Ferry sails again"]


def test_a_file_that_cannot_be_read_is_a_warning_and_takes_no_story_back(
    database: Database, tmp_path: Path
) -> None:
    _write(tmp_path, "ferry.md", "# Ferry sails again")
    _write(tmp_path, "crane.md", "# Crane sold")
    _markdown(database, tmp_path)
    _write(tmp_path, "crane.md", "---\ntitle: [\n---\n")
    told = _markdown(database, tmp_path)
    assert (told.found, told.withdrawn, len(told.warnings)) == (1, 0, 1)
    assert "crane.md" in told.warnings[0]
    assert _standing(database) == ["Crane sold", "Ferry sails again"]


def test_a_folder_that_is_not_there_or_empty_is_told_and_takes_no_story_back(
    database: Database, tmp_path: Path
) -> None:
    folder = tmp_path / "stories"
    assert "no such file" in _markdown(database, folder).problem
    folder.mkdir()
    assert _markdown(database, folder).problem == (
        f"folder: {folder}: no file in it to read."
        " Put stories there, each in a file that ends in .md."
    )
    _write(folder, "ferry.md", "# Ferry sails again")
    assert _markdown(database, folder).new == 1
    (folder / "ferry.md").unlink()
    assert _markdown(database, folder).warnings == _missing(1, 1)
    folder.rmdir()
    assert _markdown(database, folder).problem
    assert _standing(database) == ["Ferry sails again"]


def test_links_in_a_folder_that_go_in_circles_are_not_followed(
    sqlite_database: Database, tmp_path: Path
) -> None:
    _write(tmp_path, "ferry.md", "# Ferry sails again")
    (tmp_path / "again").symlink_to(tmp_path)
    assert _markdown(sqlite_database, tmp_path).found == 1


def test_a_folder_below_that_cannot_be_listed_is_a_warning(tmp_path: Path) -> None:
    absent = tmp_path / "absent"
    paths, warnings = _files(absent, {".md"}, below=True)
    assert (paths, warnings) == ([], [f"folder: {absent}: no such file or directory"])


def test_of_a_folder_with_too_many_files_the_first_are_read(tmp_path: Path) -> None:
    for name in ("c.md", "a.md", "b.md"):
        _write(tmp_path, name, "# Story")
    paths, warnings = _files(tmp_path, {".md"}, below=True, most=2)
    assert [path.name for path in paths] == ["a.md", "b.md"]
    assert warnings == ["more than 2 files; not all were read"]


def test_many_files_that_cannot_be_read_are_told_in_a_few_lines(
    sqlite_database: Database, tmp_path: Path
) -> None:
    _write(tmp_path, "a.md", "# Ferry sails again")
    for n in range(30):
        (tmp_path / f"b{n:02}.md").symlink_to(tmp_path / "nowhere")
    told = _markdown(sqlite_database, tmp_path)
    assert (told.found, len(told.warnings), told.warnings[20]) == (1, 21, "and 10 more warnings")


def test_a_path_no_system_takes_is_told(sqlite_database: Database) -> None:
    assert "name too long" in _markdown(sqlite_database, Path("x" * 5_000)).problem


def test_a_single_markdown_file_is_a_source_too(sqlite_database: Database, tmp_path: Path) -> None:
    _write(tmp_path, "ferry.md", "# Ferry sails again")
    path = tmp_path / "ferry.md"
    assert _markdown(sqlite_database, path) == Polled("site", found=1, new=1)
    assert _markdown(sqlite_database, path) == Polled("site", unchanged=True)


_HTML = (
    "<!doctype html><html lang=en><head><title>Pier open</title>"
    '<meta property="og:title" content="Pier open"></head><body><article><h1>Pier open</h1>'
    f"<p>{'The pier opened at noon and forty people walked to its end. ' * 6}</p>"
    "</article></body></html>"
)
_TEXT = "Gazette\nFriday, Jan 09, 2026\nCrane sold\nShort.\nLong.\nGazette\n0:00\n×\n"


def test_a_folder_of_pages_holds_html_and_captured_text(database: Database, tmp_path: Path) -> None:
    _write(tmp_path, "a.html", _HTML)
    _write(tmp_path, "b.htm", _HTML.replace("Pier", "Mill"))
    _write(tmp_path, "c.txt", _TEXT)
    _write(tmp_path, "below/d.html", _HTML)
    spec = SourceSpec("site", SourceKind.PAGE, str(tmp_path))
    assert _poll(database, spec) == Polled("site", found=3, new=3)
    assert _standing(database) == ["Crane sold", "Mill open", "Pier open"]
    (tmp_path / "a.html").unlink()
    assert _poll(database, spec).withdrawn == 0


@pytest.mark.parametrize("content_type", ["text/html", "text/plain", "application/octet-stream"])
def test_a_page_in_html_is_told_by_what_it_holds(
    sqlite_database: Database, site: Site, content_type: str
) -> None:
    site.pages["/page"] = answer(_HTML.encode(), content_type=content_type)
    spec = _spec(site, SourceKind.PAGE, "/page")
    assert _poll(sqlite_database, spec) == Polled("site", found=1, new=1)
    assert _poll(sqlite_database, spec) == Polled("site", unchanged=True)
    assert _standing(sqlite_database) == ["Pier open"]
    assert {article.backlog for article in _articles(sqlite_database)} == {False}


# APIs


def _api(pages: Mapping[str, Sequence[dict[str, Any]]], wrap: Any = list) -> Answer:
    """Answer by what the query asks for; the key is the value of `orderby` or `page`."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        key = asked.get("orderby") or asked.get("page", "1")
        found = pages.get(key, ())
        answer(json.dumps(wrap(found)).encode(), content_type="application/json")(handler)

    return send


def _post(n: int, title: str) -> dict[str, Any]:
    return {
        "id": n,
        "type": "post",
        "status": "publish",
        "link": f"https://town.example/{n}",
        "guid": {"rendered": f"https://town.example/?p={n}"},
        "date_gmt": "2026-01-09T08:00:00",
        "modified_gmt": "2026-01-09T08:00:00",
        "title": {"rendered": title},
        "excerpt": {"rendered": "<p>Short.</p>"},
        "content": {"rendered": "<p>Long enough.</p>"},
    }


def _serve_api(site: Site, path: str, sent: Answer) -> None:
    """Answer every query of this path alike: the pages of a site are kept by path and query."""

    class ByPath(dict[str, Answer]):
        def get(self, key: str, default: Any = None) -> Any:
            return sent if key.partition("?")[0] == path else super().get(key, default)

    site.pages = ByPath(site.pages)


def test_a_wordpress_site_is_read_through_its_api(database: Database, site: Site) -> None:
    pages: dict[str, Sequence[dict[str, Any]]] = {"date": [_post(1, "Ferry"), _post(2, "Crane")]}
    _serve_api(site, "/wp-json/wp/v2/posts", _api(pages))
    spec = _spec(site, SourceKind.WORDPRESS, "")
    assert _poll(database, spec) == Polled("site", found=2, new=2)
    assert len(_asked(site)) == 1
    # Later polls ask for what was published since, and for what was changed since.
    pages["date"], pages["modified"] = [_post(3, "Mill")], [_post(1, "Ferry sails")]
    assert _poll(database, spec, hours=1) == Polled("site", found=2, new=1, updated=1)
    assert len(_asked(site)) == 2
    assert _poll(database, spec, hours=2) == Polled("site", unchanged=True)
    pages["modified"] = [_post(2, "Crane sold")]
    assert _poll(database, spec, hours=3).updated == 1


def test_a_ghost_site_is_read_page_by_page_and_its_key_is_never_told(
    database: Database, site: Site
) -> None:
    def posts(page: Sequence[dict[str, Any]]) -> dict[str, Any]:
        following = 2 if page and page[0]["id"] == "1" else None
        return {"posts": list(page), "meta": {"pagination": {"next": following}}}

    def post(n: int, title: str) -> dict[str, Any]:
        published = "2026-01-09T08:00:00.000+00:00"
        link = f"https://town.example/{n}/"
        return {"id": str(n), "title": title, "url": link, "published_at": published}

    pages = {"1": [post(1, "Ferry")], "2": [post(2, "Crane")]}
    _serve_api(site, "/ghost/api/content/posts/", _api(pages, posts))
    spec = replace(_spec(site, SourceKind.GHOST, ""), key=KEY)
    assert _poll(database, spec) == Polled("site", found=2, new=2)
    assert all(KEY in path for path in _asked(site))
    _serve_api(site, "/ghost/api/content/posts/", answer(status=500))
    (told,) = collect(
        database, [spec], fetcher=FETCHER, clock=fixed(NOON + timedelta(hours=1)), force=True
    )
    assert "answers 500" in told.problem
    assert KEY not in told.problem
    assert KEY not in (_state(database).error or "")
    assert KEY not in read_source(spec, fetcher=FETCHER).problem


def test_an_api_that_moved_is_told_by_its_site_and_without_its_key(
    sqlite_database: Database, site: Site
) -> None:
    target = f"{site.url('', 'localhost')}/ghost/api/content/posts/?key={KEY}"
    path = "/ghost/api/content/posts/"

    def send(handler: BaseHTTPRequestHandler) -> None:
        if "localhost" in (handler.headers["Host"] or ""):
            answer(b'{"posts": []}', content_type="application/json")(handler)
        else:
            answer(status=301, Location=target)(handler)

    _serve_api(site, path, send)
    spec = replace(_spec(site, SourceKind.GHOST, ""), key=KEY)
    told = _poll(sqlite_database, spec)
    assert (told.problem, told.moved_to) == ("", site.url("", "localhost"))


# Databases


def test_a_publishers_database_is_read_and_its_password_is_never_told(
    database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "cms.db"
    with closing(sqlite3.connect(path)) as cms, cms:
        cms.execute("CREATE TABLE story (id INTEGER, title TEXT)")
        cms.execute("INSERT INTO story VALUES (1, 'Ferry sails again'), (2, 'Crane sold')")
    spec = SourceSpec(
        "site",
        SourceKind.SQL,
        f"sqlite:///{path}",
        query="SELECT id, title FROM story",
        columns={"headline": "title", "guid": "id"},
    )
    assert _poll(database, spec) == Polled("site", found=2, new=2)
    assert _poll(database, spec) == Polled("site", unchanged=True)
    with closing(sqlite3.connect(path)) as cms, cms:
        cms.execute("INSERT INTO story VALUES (3, 'Mill turns')")
    assert _poll(database, spec) == Polled("site", found=3, new=1)
    away = replace(spec, address="postgresql://reader:hunter22@127.0.0.1:1/cms")
    told = _poll(database, away)
    assert told.problem
    assert "hunter22" not in told.problem
    assert _state(database).address == "postgresql://127.0.0.1:1/cms"


def test_pushed_stories_are_not_there_to_be_read() -> None:
    spec = SourceSpec("desk", SourceKind.PUSHED, "")
    assert read_source(spec, fetcher=FETCHER).problem == (
        "source: desk: its stories are pushed to us; there is nothing to read."
        " Push a story and look at: digest sources list"
    )
