from __future__ import annotations

import contextlib
import re
import time
import unicodedata
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.feed import MAX_BYTES, MAX_STORIES, Feed, read_feed
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording
from tests.unit.sources.source_builders import ADDRESS, atom, read, read_one, rss

TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")


def test_a_feed_without_stories_is_a_feed() -> None:
    assert read(rss()) == Feed(title="Gazette")


def test_a_story_takes_every_field_it_is_given() -> None:
    item = (
        "<title>Ferry &amp;amp; <![CDATA[<b>tide</b>]]></title><link>/ferry</link>"
        '<guid isPermaLink="false"> g-1 </guid><dc:creator>Ann Teller</dc:creator>'
        "<category>Local</category><pubDate>Fri, 09 Jan 2026 06:15:00 +0100</pubDate>"
        "<description>Short.</description>"
        "<content:encoded>&lt;p&gt;Long &lt;i&gt;one&lt;/i&gt;.&lt;/p&gt;</content:encoded>"
        '<media:thumbnail url="/s.jpg"/>'
        '<enclosure url="/a.mp3" type="audio/mpeg" length="1"/>'
        "<itunes:duration>1:02:03</itunes:duration>"
    )
    feed = read(rss(item, channel="<language>en_gb</language>"))
    assert feed == Feed(
        title="Gazette",
        language="en-gb",
        stories=(
            FoundStory(
                headline="Ferry & tide",
                url="https://gazette.example/ferry",
                guid="g-1",
                standfirst="Short.",
                body_html="<p>Long <i>one</i>.</p>",
                body_text="Long one.",
                authors=("Ann Teller",),
                categories=("Local",),
                picture=Picture("https://gazette.example/s.jpg"),
                recording=Recording("https://gazette.example/a.mp3", 3723),
                published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="en-gb",
            ),
        ),
    )


def test_a_standfirst_is_not_said_twice() -> None:
    story = read_one(
        "<description>Same words.</description>"
        "<content:encoded>&lt;p>Same words.&lt;/p>&lt;p>Others.&lt;/p></content:encoded>"
    )
    assert (story.standfirst, story.body_html, story.body_text) == (
        "Same words.",
        "<p>Others.</p>",
        "Others.",
    )


@pytest.mark.parametrize(
    ("content", "standfirst", "body"),
    [
        ("&lt;p>One.&lt;/p>&lt;p>Two.&lt;/p>", "", "One.\n\nTwo."),
        ("&lt;p>One.&lt;/p>", "One.", ""),
        ("word " * 200, "", ("word " * 200).strip()),
    ],
)
def test_content_without_a_description_is_not_said_twice(
    content: str, standfirst: str, body: str
) -> None:
    story = read_one(f"<content:encoded>{content}</content:encoded>")
    assert (story.standfirst, story.body_text) == (standfirst, body)


def test_a_standfirst_that_is_the_headline_is_none() -> None:
    assert read_one("<description>T</description>").standfirst == ""


def test_a_whole_story_in_the_description_is_the_body() -> None:
    story = read_one("<description>&lt;p>One.&lt;/p>&lt;p>Two.&lt;/p></description>")
    assert (story.standfirst, story.body_text) == ("", "One.\n\nTwo.")


@pytest.mark.parametrize(
    ("summary", "standfirst"),
    [
        ("Begun [&amp;hellip;]", "Begun…"),
        ("Begun [...]", "Begun…"),
        ("Said. The post T appeared first on Gazette.", "Said."),
    ],
)
def test_marks_of_the_publishers_program_are_not_part_of_a_standfirst(
    summary: str, standfirst: str
) -> None:
    assert read_one(f"<description>{summary}</description>").standfirst == standfirst


def test_plain_text_content_keeps_its_paragraphs_and_its_signs() -> None:
    (story,) = read(
        atom('<title>T</title><content type="text">1 &lt; 2\n\nTwo\nlines</content>')
    ).stories
    assert (story.body_html, story.body_text) == (
        "<p>1 &lt; 2</p><p>Two lines</p>",
        "1 < 2\n\nTwo lines",
    )


def test_a_text_title_of_atom_is_taken_as_it_stands_and_an_html_title_is_read() -> None:
    feed = read(
        atom(
            "<title>AT&amp;amp;T 5 &lt; 6</title>",
            '<title type="html">AT&amp;amp;T &lt;b>x&lt;/b></title>',
        )
    )
    assert [story.headline for story in feed.stories] == ["AT&amp;T 5 < 6", "AT&T x"]


def test_a_story_without_a_headline_is_called_by_its_first_words_or_left_out() -> None:
    words = " ".join(f"w{n}" for n in range(20))
    feed = read(rss(f"<description>{words}</description>", "<link>https://e.example/x</link>"))
    assert [story.headline for story in feed.stories] == ["w0 w1 w2 w3 w4 w5 w6 w7 w8 w9 w10 w11…"]
    assert feed.warnings == ("story 2 has no headline and no text; left out",)


def test_an_endless_headline_is_cut_at_a_word() -> None:
    (story,) = read(rss(f"<title>{'word ' * 200}</title>")).stories
    assert story.headline.endswith("word…")
    assert len(story.headline) <= 500


@pytest.mark.parametrize(
    ("dates", "published_at", "updated_at"),
    [
        ("<pubDate>Fri, 09 Jan 2026 06:15:00 GMT</pubDate>", "06:15", None),
        ("<dc:date>2026-01-09T07:15:00+01:00</dc:date>", "06:15", "06:15"),
        ("<pubDate>0001-01-01T00:00:00Z</pubDate>", None, None),
        ("<pubDate>soon</pubDate>", None, None),
    ],
)
def test_dates_are_in_utc_and_a_date_that_is_none_is_absent(
    dates: str, published_at: str | None, updated_at: str | None
) -> None:
    story = read_one(dates)
    assert [at and f"{at:%H:%M}" for at in (story.published_at, story.updated_at)] == [
        published_at,
        updated_at,
    ]
    assert story.published_from is (DateOrigin.FEED if published_at else None)


def test_a_date_that_cannot_be_read_is_a_warning() -> None:
    assert read(rss("<title>T</title><pubDate>soon</pubDate>")).warnings == (
        "story 1 has a date that cannot be read (published)",
    )


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "data:text/html,x", "https://a:b@e.example/", "mailto:a@b.c"]
)
def test_only_web_addresses_are_links(link: str) -> None:
    assert read_one(f"<link>{link}</link>").url is None


def test_the_address_before_a_tracker_is_the_storys() -> None:
    content = rss("<title>T</title><link>https://t.example/1</link><f:origLink>/1</f:origLink>")
    marked = content.replace(b"<rss", b'<rss xmlns:f="http://rssnamespace.org/feedburner/ext/1.0"')
    assert read(marked).stories[0].url == "https://gazette.example/1"


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ('<media:content url="/a.mp4" medium="video"/><media:content url="/a.jpg"/>', "a.jpg"),
        (
            '<media:content url="/s.png"/><media:content url="/l" medium="image" width="9"/>',
            "l",
        ),
        ('<enclosure url="/e.JPG?w=3"/>', "e.JPG?w=3"),
        (
            '<enclosure url="javascript:x.jpg"/><description>&lt;img src="/d.png"></description>',
            "d.png",
        ),
        ('<content:encoded>&lt;p>x&lt;/p>&lt;img src="/c.png"></content:encoded>', "c.png"),
    ],
)
def test_a_picture_is_found_where_feeds_put_it(item: str, url: str) -> None:
    assert read_one(item).picture == Picture(f"https://gazette.example/{url}")


@pytest.mark.parametrize(
    "described",
    [
        "<media:description>A boat</media:description>",
        '<media:description type="plain">A boat</media:description>',
        "<media:description type='text/plain' xml:lang=\"en\">A boat</media:description>",
        '<media:description type="plain"/><media:title type="plain">A boat</media:title>',
    ],
)
def test_a_pictures_description_is_its_words_whatever_attributes_it_has(described: str) -> None:
    media = f'<media:content url="/a.jpg" medium="image">{described}</media:content>'
    story = read_one(f"<description>What happened.</description>{media}")
    assert story.picture == Picture("https://gazette.example/a.jpg", "A boat")
    assert story.standfirst == "What happened."


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("754", 754),
        ("12:34", 754),
        ("1:00:00", 3600),
        ("0", None),
        ("1e9", None),
        ("9999999", None),
    ],
)
def test_the_length_of_a_recording_is_read_in_its_three_forms(
    duration: str, seconds: int | None
) -> None:
    story = read_one(f'<enclosure url="/a.ogg"/><itunes:duration>{duration}</itunes:duration>')
    assert story.recording == Recording("https://gazette.example/a.ogg", seconds)


@pytest.mark.parametrize(
    ("written", "names"),
    [
        ("ann@e.example (Ann Teller)", ("Ann Teller",)),
        ("Ann Teller &lt;ann@e.example&gt;", ("Ann Teller",)),
        ("ann@e.example", ()),
        ("Ann Teller", ("Ann Teller",)),
    ],
)
def test_an_authors_address_is_not_printed(written: str, names: tuple[str, ...]) -> None:
    assert read_one(f"<author>{written}</author>").authors == names


def test_a_feed_that_is_not_well_formed_is_read_as_far_as_possible() -> None:
    feed = read(rss("<title>Fish & chips&nbsp;here</title>").replace(b"</channel></rss>", b""))
    assert [story.headline for story in feed.stories] == ["Fish & chips here"]
    assert feed.warnings == (
        "not well-formed: line 1: not well-formed (invalid token); read as far as possible",
    )


def test_too_long_a_body_is_cut_with_a_warning() -> None:
    feed = read(rss(f"<title>T</title><content:encoded>{'word ' * 60_000}</content:encoded>"))
    assert feed.warnings == ("story 1 is longer than 256 KB; cut",)
    assert len(feed.stories[0].body_text) <= 256 * 1024


def test_too_many_stories_are_cut_with_a_warning() -> None:
    feed = read(rss(*["<title>T</title>"] * (MAX_STORIES + 1)))
    assert len(feed.stories) == MAX_STORIES
    assert feed.warnings == (
        f"only the first {MAX_STORIES} of {MAX_STORIES + 1} stories were read",
    )


@pytest.mark.parametrize(
    ("content", "cause", "hint"),
    [
        (b"", "the answer is empty", "browser"),
        (b" \n\x00", "the answer is empty", "browser"),
        (b"x" * (MAX_BYTES + 1), "larger than 5 MB", "fewer"),
        (b"<!doctype html><title>x</title>", "a web page, not a feed", "Name the feed"),
        (
            b'<html><link rel=alternate type="application/rss+xml" href="/rss?a=1&amp;b=2">',
            "a web page, not a feed",
            "The page names this feed: https://gazette.example/rss?a=1&b=2",
        ),
        (b"<html>" + b"<p>" * 101 + b"</p>" * 101 + b"</html>", "a web page, not a feed", "Name"),
        (b'{"version": "https://jsonfeed.org/version/1.1"}', "JSON, not RSS or Atom", "Atom"),
        (b"<rss version='2.0'>\n<channel>\n<title", "broken XML: line 3: ", "validator"),
        (b"just words", "neither RSS nor Atom", "browser"),
        (b"<note><to>x</to></note>", "neither RSS nor Atom", "browser"),
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><rss/>", "declares entities", "check it"),
    ],
)
def test_what_is_no_feed_is_refused_in_words(content: bytes, cause: str, hint: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(content)
    assert str(refused.value).startswith(f"feed: {ADDRESS}: {cause}")
    assert hint in refused.value.hint


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
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_feed_built_to_hurt_is_over_soon(name: str) -> None:
    began = time.monotonic()
    try:
        headlines = {story.headline for story in read(ATTACKS[name]).stories}
    except SourceError:
        headlines = set()
    assert headlines <= {"T"}
    assert time.monotonic() - began < 5


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
    for story in feed.stories:
        assert story.headline
        assert not TAG.search(story.headline)
        assert not [c for c in story.headline if unicodedata.category(c) in {"Cc", "Cs"}]


@settings(deadline=None)
@given(st.binary(max_size=200), st.text(max_size=20), st.text(max_size=20))
def test_any_bytes_end_in_a_feed_or_in_one_kind_of_error(
    content: bytes, address: str, content_type: str
) -> None:
    with contextlib.suppress(SourceError):
        read_feed(content, address=address, content_type=content_type)
