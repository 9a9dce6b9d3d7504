"""The feed of editions: valid XML whatever headlines hold, read back by feedparser and by us."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from typing import Any

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.sources.feed import read_feed
from digest.web.atom import Entry, Feed, write_feed

AT = datetime(2026, 1, 9, 7, 0, 0, 250_000, tzinfo=UTC)
HERE = "https://letters.harbour.example"


def an_entry(**more: Any) -> Entry:
    facts: dict[str, Any] = {
        "id": f"{HERE}/daily/2026-01-09",
        "title": "Council backs the wall",
        "url": f"{HERE}/daily/2026-01-09?a=1&language=en",
        "language": "en",
        "published_at": AT,
        "updated_at": AT,
        "summary": "Also: the ferry · two schools",
        "category": "daily",
        "category_label": "The Morning Post",
    }
    return Entry(**{**facts, **more})


def a_feed(*entries: Entry, **more: Any) -> Feed:
    facts: dict[str, Any] = {
        "id": f"{HERE}/archive/feed.atom",
        "title": "Harbour Post",
        "author": "Harbour Post",
        "author_url": "https://harbour.example",
        "language": "en",
        "updated_at": AT,
        "page_url": f"{HERE}/archive",
        "self_url": f"{HERE}/archive/feed.atom",
        "first_url": f"{HERE}/archive/feed.atom",
        "next_url": None,
        "entries": entries,
    }
    return Feed(**{**facts, **more})


def test_a_feed_reader_finds_everything_in_it() -> None:
    older = f"{HERE}/archive/feed.atom?before=2026-01-09.7"
    read = feedparser.parse(write_feed(a_feed(an_entry(), next_url=older)))
    assert (read.bozo, read.version) == (False, "atom10")
    assert (read.feed.id, read.feed.title) == (f"{HERE}/archive/feed.atom", "Harbour Post")
    assert {(link.rel, link.href) for link in read.feed.links} == {
        ("self", f"{HERE}/archive/feed.atom"),
        ("alternate", f"{HERE}/archive"),
        ("first", f"{HERE}/archive/feed.atom"),
        ("next", older),
    }
    (entry,) = read.entries
    assert (entry.id, entry.title) == (f"{HERE}/daily/2026-01-09", "Council backs the wall")
    assert (entry.published, entry.updated) == ("2026-01-09T07:00:00Z",) * 2
    assert (entry.link, entry.summary) == (
        f"{HERE}/daily/2026-01-09?a=1&language=en",
        "Also: the ferry · two schools",
    )
    assert [(tag.term, tag.label) for tag in entry.tags] == [("daily", "The Morning Post")]
    assert read.feed.author_detail == {"name": "Harbour Post", "href": "https://harbour.example"}


def test_our_own_collector_could_take_it_as_a_source() -> None:
    reading = read_feed(write_feed(a_feed(an_entry())), address=f"{HERE}/archive/feed.atom")
    (story,) = reading.stories
    assert story.headline == "Council backs the wall"
    assert story.url == f"{HERE}/daily/2026-01-09?a=1&language=en"
    assert story.published_at == AT.replace(microsecond=0)
    assert story.language == "en"
    assert reading.warnings == ()


@pytest.mark.parametrize(
    ("title", "read"),
    [
        ('Fish & <chips> ]]> "now"', 'Fish & <chips> ]]> "now"'),
        ("A\x00B\x08C\x1fD\x7fE\x9fF", "ABCDEF"),
        ("\ufffe\uffffnoncharacters", "noncharacters"),
        ("a lone \ud800 surrogate", "a lone  surrogate"),
        ("Flood 🌊 in 中文 and العربية", "Flood 🌊 in 中文 and العربية"),
        ("&amp; &#0; <!ENTITY x>", "&amp; &#0; <!ENTITY x>"),
        ("<![CDATA[ <?xml ?>", "<![CDATA[ <?xml ?>"),
    ],
)  # fmt: skip
def test_a_hostile_title_is_only_a_title(title: str, read: str) -> None:
    root = ET.fromstring(write_feed(a_feed(an_entry(title=title, category_label=title))))  # noqa: S314 - our own
    (entry,) = root.findall("{*}entry")
    assert entry.findtext("{*}title") == read
    category = entry.find("{*}category")
    assert category is not None
    assert category.get("label") == read


@given(st.text(), st.text())
def test_it_is_well_formed_whatever_is_put_in(title: str, label: str) -> None:
    content = write_feed(a_feed(an_entry(title=title, summary=label, category_label=label)))
    assert len(ET.fromstring(content).findall("{*}entry")) == 1  # noqa: S314 - our own
    content.decode("utf-8")


def test_an_edition_with_one_story_has_no_summary() -> None:
    assert b"<summary" not in write_feed(a_feed(an_entry(summary="")))
