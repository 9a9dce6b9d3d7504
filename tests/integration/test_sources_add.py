"""What an address turns out to be: sites of our own writing on this machine, and files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import FetchBlockedError, SourceError
from digest.sources.add import MOST_TRIES, Discovery, discover, suggested_name
from digest.sources.discover import SiteFacts
from digest.sources.fetch import Fetcher
from digest.sources.model import FoundStory, Reading, SourceKind
from digest.sources.parsing import Parser
from tests.integration.sources_newsroom import HERE, Site, answer, running_site
from tests.unit.sources.page_builders import an_article, ld, page

FEED = (
    b"<rss version='2.0'><channel><title>Harbour Post</title>"
    b"<item><title>Tide</title><link>https://post.example/tide</link></item>"
    b"<item><title>Crane</title><link>https://post.example/crane</link>"
    b"<pubDate>Fri, 09 Jan 2026 06:15:00 GMT</pubDate></item></channel></rss>"
)
NO_STORIES = b"<rss version='2.0'><channel><title>Harbour Post</title></channel></rss>"
ATOM = (
    b'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">'
    b"<title>Post</title><entry><id>1</id><title>Ferry</title></entry></feed>"
)
JSON_FEED = (
    b'{"version":"https://jsonfeed.org/version/1.1","title":"Post",'
    b'"items":[{"id":"1","title":"Ferry","content_text":"It sails."}]}'
)
POSTS = (
    b'[{"id":1,"date_gmt":"2026-01-09T06:15:00","link":"https://post.example/ferry",'
    b'"title":{"rendered":"Ferry"},"excerpt":{"rendered":""},"content":{"rendered":"<p>Sails</p>"}}]'
)


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as found:
        yield found


def _html(text: str) -> object:
    return answer(text.encode(), content_type="text/html; charset=utf-8")


def _put(site: Site, **pages: bytes | str) -> None:
    """Publish pages: `feed` under /feed, `_` is the front page."""
    for name, content in pages.items():
        path = "/" + name.replace("__", "/").replace("_", "")
        kind = "text/html" if isinstance(content, str) else "application/octet-stream"
        body = content.encode() if isinstance(content, str) else content
        site.pages[path] = answer(body, content_type=kind)


def _discover(address: str) -> Discovery:
    return discover(address, fetcher=Fetcher(), allow=HERE)


def _link(href: str) -> str:
    return f'<link rel="alternate" type="application/rss+xml" href="{href}">'


def _asked(site: Site) -> list[str]:
    return [path for path, _ in site.asked]


@pytest.mark.parametrize("content", [FEED, ATOM, JSON_FEED, b"\xef\xbb\xbf \n" + ATOM])
def test_a_feed_is_itself_whatever_its_content_type(site: Site, content: bytes) -> None:
    site.pages["/x"] = answer(content, content_type="text/html")
    found = _discover(site.url("/x"))
    assert (found.kind, found.address, found.facts) == (
        SourceKind.FEED,
        site.url("/x"),
        SiteFacts(),
    )
    assert found.reading.stories
    assert _asked(site) == ["/x"]


def test_the_newest_story_is_the_one_published_last(site: Site) -> None:
    _put(site, feed=FEED)
    newest = _discover(site.url("/feed")).newest
    assert newest is not None
    assert (newest.headline, newest.published_at) == (
        "Crane",
        datetime(2026, 1, 9, 6, 15, tzinfo=UTC),
    )
    assert Discovery(SourceKind.FEED, "x", Reading((FoundStory("A"), FoundStory("B")))).newest == (
        FoundStory("A")
    )
    assert Discovery(SourceKind.FEED, "x", Reading()).newest is None


def test_of_a_site_the_first_feed_it_names_that_has_stories_is_taken(site: Site) -> None:
    head = _link("/comments/feed") + _link("/empty") + _link("/gone") + _link("/all")
    site.pages["/comments/feed"] = answer(FEED)
    _put(site, _=page(head, lang="en"), empty=NO_STORIES, all=FEED)
    found = _discover(site.url("/"))
    assert (found.kind, found.address) == (SourceKind.FEED, site.url("/all"))
    assert found.facts.language == "en"
    assert len(found.reading.stories) == 2
    assert _asked(site) == ["/", "/empty", "/gone", "/all"]


def test_https_is_tried_first_and_http_where_nobody_speaks_it(site: Site) -> None:
    _put(site, _=page(_link("/feed")), feed=FEED)
    found = _discover(f"127.0.0.1:{site.port}")
    assert found.address == site.url("/feed")
    assert found.tried[0] == f"https://127.0.0.1:{site.port}"


def test_an_address_that_moved_for_good_is_written_down_where_it_went(site: Site) -> None:
    site.pages["/old"] = answer(status=301, Location="/new")
    site.pages["/now"] = answer(status=302, Location="/new")
    _put(site, new=FEED)
    assert _discover(site.url("/old")).address == site.url("/new")
    assert _discover(site.url("/now")).address == site.url("/now")


def test_the_usual_places_are_looked_at_where_no_feed_is_named(site: Site) -> None:
    site.pages["/atom.xml"] = answer(ATOM)
    _put(site, _=page(), rss="<html><p>Nothing here.</p>")
    found = _discover(site.url("/"))
    assert (found.kind, found.address) == (SourceKind.FEED, site.url("/atom.xml"))
    assert len(_asked(site)) <= MOST_TRIES + 1


def test_wordpress_without_a_feed_is_asked_itself(site: Site) -> None:
    path = "/wp-json/wp/v2/posts"

    class _Any(dict):  # type: ignore[type-arg]
        def get(self, asked: str, default: object = None) -> object:
            found = POSTS if asked.startswith(path) else None
            return (
                answer(found, content_type="application/json")
                if found
                else super().get(asked, default)
            )

    site.pages = _Any(site.pages)
    _put(site, _=page('<meta name="generator" content="WordPress 6.8">'))
    found = _discover(site.url("/"))
    assert (found.kind, found.address) == (SourceKind.WORDPRESS, site.url("/"))
    assert [story.headline for story in found.reading.stories] == ["Ferry"]


def test_an_articles_page_is_a_page_and_a_folder_of_stories_a_site(site: Site) -> None:
    _put(site, ferry=page(ld(an_article()) + _link("/feed")), feed=FEED)
    found = _discover(site.url("/ferry"))
    assert (found.kind, found.address) == (SourceKind.PAGE, site.url("/ferry"))
    assert found.facts.feeds[0].address == site.url("/feed")
    _put(site, town=page(ld({"@type": "CollectionPage", "x": 1}) + _link("/feed")))
    assert _discover(site.url("/town")).address == site.url("/feed")


def test_a_story_that_does_not_say_it_is_one_is_a_page_when_there_is_no_feed(site: Site) -> None:
    _put(site, ferry=page())
    found = _discover(site.url("/ferry"))
    assert (found.kind, found.address) == (SourceKind.PAGE, site.url("/ferry"))


def test_a_feed_without_stories_yet_is_better_than_nothing(site: Site) -> None:
    _put(site, _=page(_link("/feed")), feed=NO_STORIES)
    found = _discover(site.url("/"))
    assert (found.kind, found.address, found.newest) == (
        SourceKind.FEED,
        site.url("/feed"),
        None,
    )
    assert _asked(site) == ["/", "/feed"]


def test_a_page_captured_as_text_is_a_page(site: Site) -> None:
    site.pages["/a"] = answer(b"Ferry\n\nIt sails.\n\nAll are glad.", content_type="text/plain")
    found = _discover(site.url("/a"))
    assert found.kind is SourceKind.PAGE
    assert [story.headline for story in found.reading.stories] == ["Ferry"]


def test_where_nothing_is_found_it_says_what_was_tried(site: Site) -> None:
    _put(
        site,
        _=page(_link("/broken") + '<link rel="https://api.w.org/" href="/x">'),
        broken=b"<p>gone",
    )
    with pytest.raises(SourceError) as refused:
        _discover(site.url("/"))
    text = str(refused.value)
    assert text.startswith(f"source: {site.url('/')}: no stories were found there; tried: ")
    assert f"{site.url('/broken')} (no feed)" in text
    assert f"{site.url('/feed/')} (" in text
    assert f"{site.url('/wp-json/')} (" in text
    assert "front page" in text
    assert (
        refused.value.hint == "Look on the site for its feed (RSS or Atom), and add that address."
    )


@pytest.mark.parametrize(
    ("content", "content_type", "cause"),
    [
        (b"%PDF-1.7", "application/pdf", "application/pdf, neither a page nor a feed"),
        (b"\xff\xd8", "image/jpeg", "image/jpeg, neither a page nor a feed"),
        (b'{"a": 1}', "application/json", "application/json, neither a page nor a feed"),
        (b"[]", "", "data, neither a page nor a feed"),
        (b"", "text/html", "the page is empty"),
    ],
)
def test_what_is_neither_a_page_nor_a_feed_is_told(
    site: Site, content: bytes, content_type: str, cause: str
) -> None:
    site.pages["/x"] = answer(content, content_type=content_type)
    with pytest.raises(SourceError, match=cause):
        _discover(site.url("/x"))


def test_a_refusal_is_told_as_it_is(site: Site) -> None:
    with pytest.raises(SourceError, match="404"):
        _discover(site.url("/nowhere"))
    with pytest.raises(FetchBlockedError):
        discover(f"127.0.0.1:{site.port}", fetcher=Fetcher())


@pytest.mark.parametrize(
    "typed",
    ["", "a\0b", "x" * 5_000, "two words", "ftp://post.example", "no-such-file", "a@b.example"],
)
def test_what_is_no_address_is_refused_in_words(typed: str) -> None:
    with pytest.raises(SourceError, match="neither a web address nor a file that is there"):
        _discover(typed)


def test_a_host_that_stays_silent_is_not_asked_again_and_again(site: Site) -> None:
    def hang_up(handler: object) -> None:
        handler.connection.close()  # type: ignore[attr-defined]

    _put(site, _=page())
    for place in ("feed/", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json"):
        site.pages[f"/{place}"] = hang_up
    with pytest.raises(SourceError, match="no stories were found"):
        _discover(site.url("/"))
    assert len(_asked(site)) <= 5


def test_a_parser_of_its_own_reads_the_same(site: Site) -> None:
    _put(site, _=page(_link("/feed"), lang="en"), feed=FEED)
    with Parser() as parser:
        found = discover(site.url("/"), fetcher=Fetcher(), parser=parser, allow=HERE)
    assert found == _discover(site.url("/"))


# Files


def test_files_and_folders_are_known_by_what_is_in_them(tmp_path: Path) -> None:
    stories = tmp_path / "stories"
    stories.mkdir()
    (stories / "ferry.md").write_text("---\ntitle: Ferry\n---\nIt sails.\n", "utf-8")
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "ferry.html").write_text(page(ld(an_article())), "utf-8")
    (pages / "crane.txt").write_text("Crane sold\n\nAt last.\n\nAll are glad.\n", "utf-8")
    (tmp_path / "feed.xml").write_bytes(FEED)
    (tmp_path / "feed").write_text("Crane sold\n\nAt last.\n", "utf-8")
    expected = {
        stories: (SourceKind.MARKDOWN, 1),
        stories / "ferry.md": (SourceKind.MARKDOWN, 1),
        pages: (SourceKind.PAGE, 2),
        pages / "ferry.html": (SourceKind.PAGE, 1),
        pages / "crane.txt": (SourceKind.PAGE, 1),
        tmp_path / "feed.xml": (SourceKind.FEED, 1 + 1),
        tmp_path / "feed": (SourceKind.PAGE, 1),
    }
    for path, (kind, count) in expected.items():
        for typed in (str(path), path.as_uri()):
            found = _discover(typed)
            assert (found.kind, found.address) == (kind, str(path))
            assert len(found.reading.stories) == count
    with pytest.raises(SourceError, match="no such file"):
        _discover((tmp_path / "none.md").as_uri())


# Names


@pytest.mark.parametrize(
    ("address", "taken", "name"),
    [
        ("https://www.harbourpost.example/feed/", (), "harbourpost"),
        ("https://news.harbour-post.co.uk/", (), "harbour-post"),
        ("https://harbourpost.example./", ("harbourpost",), "harbourpost-2"),
        ("https://harbourpost.example/", ("harbourpost", "harbourpost-2"), "harbourpost-3"),
        ("http://127.0.0.1:8000/", (), "site"),
        ("http://[::1]/", ("site",), "site-2"),
        ("http://localhost/", (), "localhost"),
        ("https://xn--bcher-kva.example/", (), "xn-bcher-kva"),
        (f"https://{'a' * 60}.example/", (), "a" * 40),
        ("/srv/Our Stories", (), "our-stories"),
        ("pages/Ferry.html", (), "ferry"),
    ],
)
def test_a_name_is_suggested_that_is_not_taken(
    address: str, taken: tuple[str, ...], name: str
) -> None:
    assert suggested_name(address, taken) == name
