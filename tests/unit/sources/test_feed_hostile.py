from __future__ import annotations

import contextlib
import re
import time
import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.feed import read_feed
from digest.sources.finishing import finish
from digest.sources.model import FoundStory
from tests.unit.sources.source_builders import read, rss

TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")
GONE = "http://purl.org/atompub/tombstones/1.0"


def _bomb() -> bytes:
    lines = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE r [<!ENTITY a0 "ha">{lines}]>'.encode() + rss("<title>&a9;</title>")


ATTACKS = {
    "entities within entities": _bomb(),
    "an external entity": b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    + rss("<title>&x;</title>"),
    "the same in another encoding": (
        '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE r [<!ENTITY x "y">]><rss/>'
    ).encode("utf-16"),
    "attributes": rss("<a " + " ".join(f"a{n}='1'" for n in range(200_000)) + "/>"),
    "attributes, broken": rss("&nbsp;<a " + " ".join(f"a{n}='1'" for n in range(200_000)) + ">"),
    "nested tags": rss("<a>" * 200_000 + "</a>" * 200_000),
    "nested tags, broken": rss("&nbsp;" + "<a>" * 200_000),
    "nested tags in a body": rss(
        "<title>T</title><description><![CDATA[" + "<div>" * 200_000 + "]]></description>"
    ),
    "open signs": rss("<" * 2_000_000),
    "ampersands": rss("&" * 2_000_000),
    "blank lines first": b" \n" * 1_000_000 + rss("<title>T</title>"),
    "an endless name": rss("<author>" + "a" * 2_000_000 + "</author>"),
    "an endless name, broken": rss("&nbsp;<author>" + "a" * 2_000_000 + "</author>"),
    "many keywords": rss("".join(f"<category>k{n}</category>" for n in range(50_000))),
    "bodies of signs": rss(
        *["<title>T</title><description><![CDATA[" + "&" * 250_000 + "]]></description>"] * 15
    ),
    "an open section": rss("&nbsp;" + "<![CDATA[" * 200_000),
    "many stories": rss(*["<title>T</title>"] * 30_000),
    "stories and nothing else": rss(*["<title>T</title>"] * 12_000),
    "namespaces": rss("".join(f"<p{n}:a xmlns:p{n}='u{n}'/>" for n in range(30_000))),
    "prefixes": rss("".join(f"<p{n}:a/>" for n in range(30_000))),
    "enclosures": rss("<enclosure url='a.jpg'/>" * 80_000),
    "enclosures, broken": rss("<b>&x" + "<enclosure url='a.jpg'>" * 40_000),
    "media": rss("<media:content url='a.jpg'/>" * 80_000),
    "media in groups": rss("<media:group><media:content url='a'/></media:group>" * 20_000),
    "texts": rss("<content:encoded>x</content:encoded>" * 40_000),
    "deleted stories": rss(
        f"<title>T</title></item><d:deleted-entry xmlns:d='{GONE}' ref='x'/>" * 9
    ),
    "endless headlines": rss(*["<title>" + "T" * 10_000 + "</title>"] * 400),
    "an endless guid": rss("<title>T</title><guid>" + "x" * 4_000_000 + "</guid>"),
    "an endless address": rss("<title>T</title><media:content url='" + "x" * 4_000_000 + "'/>"),
    "entities of HTML": rss("<title>T</title><description>" + "&nbsp;" * 90_000 + "</description>"),
    "dates": rss(*["<title>T</title><pubDate>" + "9 " * 5_000 + "</pubDate>"] * 300),
    "footers": rss(
        *["<title>T</title><description>" + "The post " * 9_000 + "</description>"] * 20
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_feed_built_to_hurt_is_over_soon(name: str) -> None:
    began = time.process_time()
    try:
        stories = [finish(story, language="en") for story in read(ATTACKS[name]).stories]
    except SourceError:
        stories = []
    assert {story.headline.strip("T…") for story in stories} <= {""}
    assert time.process_time() - began < 2


FRAGMENTS = st.sampled_from(
    [
        "<item>", "</item>", "<title>", "</title>", "<title", "<![CDATA[", "]]>", "<!--", "-->",
        "&lt;", "&amp;", "&", "<", ">", "<description>", "</description>", "<link>", "</link>",
        "<guid>", "</guid>", "<pubDate>", "</pubDate>", "<media:content url='", "'/>", "\x00",
        "<author>", "</author>", "<content:encoded>", "</content:encoded>", "\u202e", "99999999",
        "<enclosure url='x' type='audio/", "<category>", "</category>", "http://[", "é", "Ω ",
        "-1-1-1T99:99:99Z", "<html>", "<base href='x'>", "<!ENTITY", "&#xD800;", "&#0;",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(FRAGMENTS | st.text(max_size=5), max_size=25).map("".join))
def test_any_feed_ends_in_stories_or_in_one_kind_of_error(inside: str) -> None:
    try:
        feed = read(rss(inside.encode("utf-8", "replace").decode()))
    except SourceError:
        return
    for found in feed.stories:
        _can_be_used(found)
        _can_be_used(finish(found, language="en"))


def _can_be_used(story: FoundStory) -> None:
    assert story.headline
    for line in (story.headline, story.standfirst, *story.authors, *story.categories):
        assert not TAG.search(line)
        assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    for link in (story.url, story.picture.url if story.picture else None):
        assert link is None or re.match("https?://[^/]", link)
    for at in (story.published_at, story.updated_at):
        assert at is None or at.utcoffset() == timedelta(0)
    assert (story.published_at is None) == (story.published_from is None)


SEED = rss(
    "<title>Ferry &amp;amp; <b>tide</b></title><link>/2026/01/09/ferry</link><guid>g-1</guid>"
    "<dc:creator>Ann</dc:creator><category>Local</category><category>News &gt; Town</category>"
    "<pubDate>Fri, 09 Jan 2026 06:15:00 +0100</pubDate><dc:date>2026-01-09</dc:date>"
    "<description>Short [&amp;hellip;]</description><content:encoded><![CDATA[<p>Short it is."
    '</p><img src="/a.jpg" width="640">]]></content:encoded><media:group><media:content'
    ' url="/m.jpg" width="900"><media:description>x</media:description></media:content>'
    '</media:group><enclosure url="/a.mp3" type="audio/mpeg" length="1"/>'
    "<itunes:duration>1:02</itunes:duration>",
    "<title>T</title>",
    channel="<language>en</language>",
).decode()


@given(
    st.lists(
        st.tuples(st.integers(0, len(SEED)), st.integers(0, 12), FRAGMENTS | st.text(max_size=3)),
        max_size=4,
    )
)
def test_a_feed_damaged_anywhere_still_gives_stories_that_can_be_used(
    damages: list[tuple[int, int, str]],
) -> None:
    text = SEED
    for place, length, put in damages:
        text = text[:place] + put + text[place + length :]
    try:
        stories = read(text.encode("utf-8", "replace")).stories
    except SourceError:
        return
    for story in stories:
        _can_be_used(story)
        _can_be_used(finish(story, language="en"))


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_any_bytes_end_in_a_feed_or_in_one_kind_of_error(
    content: bytes, address: str, content_type: str
) -> None:
    with contextlib.suppress(SourceError):
        read_feed(content, address=address, content_type=content_type)
