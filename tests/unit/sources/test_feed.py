from __future__ import annotations

from datetime import UTC, datetime

import pytest

from digest.errors import SourceError
from digest.sources.feed import MAX_BYTES, MAX_STORIES, read_feed
from digest.sources.model import DateOrigin, FoundStory, Picture, Reading, Recording
from tests.unit.sources.source_builders import ADDRESS, atom, read, read_one, rss


def test_a_feed_without_stories_is_a_feed() -> None:
    assert read(rss()) == Reading(title="Gazette")


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
    assert feed == Reading(
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


@pytest.mark.parametrize(
    ("content", "standfirst", "body"),
    [
        ("&lt;p>One.&lt;/p>&lt;p>Two.&lt;/p>", "", "One.\n\nTwo."),
        ("&lt;p>One.&lt;/p>", "One.", "One."),
        ("word " * 200, "", ("word " * 200).strip()),
    ],
)
def test_content_without_a_description_is_a_body_and_its_only_paragraph_a_standfirst(
    content: str, standfirst: str, body: str
) -> None:
    story = read_one(f"<content:encoded>{content}</content:encoded>")
    assert (story.standfirst, story.body_text) == (standfirst, body)


def test_a_whole_story_in_the_description_is_the_body() -> None:
    story = read_one("<description>&lt;p>One.&lt;/p>&lt;p>Two.&lt;/p></description>")
    assert (story.standfirst, story.body_text) == ("", "One.\n\nTwo.")


def test_plain_text_content_keeps_its_paragraphs_and_its_signs() -> None:
    (story,) = read(
        atom('<title>T</title><content type="text">1 &lt; 2\n\nTwo\nlines</content>')
    ).stories
    assert (story.body_html, story.body_text) == (
        "<p>1 &lt; 2</p><p>Two lines</p>",
        "1 < 2\n\nTwo lines",
    )


def test_a_text_that_was_escaped_twice_is_read_as_it_was_meant() -> None:
    story = read_one(
        "<description>&amp;lt;p&amp;gt;One.&amp;lt;/p&amp;gt;&amp;lt;p>Two.&amp;lt;/p></description>"
    )
    assert story.body_html == "<p>One.</p><p>Two.</p>"


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
        ("<dcterms:created>2026-01-09T06:15:00Z</dcterms:created>", "06:15", None),
        ("<pubDate>2026</pubDate>", None, None),
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


def test_a_date_that_cannot_be_read_is_a_warning_with_its_beginning() -> None:
    written = "soon " * 20
    feed = read(
        rss(
            f"<title>T</title><pubDate>{written}</pubDate>",
            "<title>T</title><dc:date>1970-01-01T00:00:00Z</dc:date>",
        )
    )
    assert feed.warnings == (
        f"story 1 has a date that cannot be read (published: {written[:40]})",
        "story 2 has a date that cannot be read (updated: 1970-01-01T00:00:00Z)",
    )


def test_zone_and_language_of_the_source_are_those_of_what_names_none() -> None:
    content = rss("<title>T</title><pubDate>Thu, 09 Jul 2026 06:15:00</pubDate>")
    reading = read_feed(content, address=ADDRESS, zone="Europe/Berlin", language="de")
    assert (reading.language, reading.stories[0].language) == (None, "de")
    assert reading.stories[0].published_at == datetime(2026, 7, 9, 4, 15, tzinfo=UTC)


def test_a_story_without_a_date_has_that_of_its_address_and_says_so() -> None:
    content = rss("<title>T</title><link>/2026/07/09/ferry</link>")
    (story,) = read_feed(content, address=ADDRESS, zone="Europe/Berlin").stories
    assert (story.published_at, story.published_from) == (
        datetime(2026, 7, 8, 22, 0, tzinfo=UTC),
        DateOrigin.URL,
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


def test_categories_are_taken_from_every_element_and_branches_are_parted() -> None:
    story = read_one(
        "<category>News &gt; Local</category><dc:subject>Harbour</dc:subject>"
        '<itunes:category text="Arts"><itunes:category text="Books"/></itunes:category>'
        "<category domain='x'>Local</category>"
    )
    assert story.categories == ("News > Local", "News", "Local", "Harbour", "Arts", "Books")


def test_a_story_is_linked_by_its_page_whatever_kind_of_page_it_is() -> None:
    entry = (
        "<title>T</title><link rel='self' href='/self'/><link rel='enclosure' href='/a.zip'/>"
        "<link rel='alternate' type='application/pdf' href='/page'/>"
    )
    assert read(atom(entry)).stories[0].url == "https://gazette.example/page"


def test_what_stands_in_a_texts_place_is_no_text() -> None:
    entry = '<title>T</title><content type="image/png">iVBORw0KGgo=</content>'
    assert read(atom(entry)).stories[0].body_text == ""


def test_a_language_is_the_storys_own_before_the_feeds() -> None:
    feed = read(rss("<title>T</title><dc:language>fr</dc:language>", "<title>T</title>"))
    assert [story.language for story in feed.stories] == ["fr", None]


def test_words_that_a_program_wrote_before_and_after_the_feed_are_cut_off() -> None:
    content = b"<br />\n<b>Warning</b>: x()\n<?xml version='1.0'?>" + rss("<title>T</title>")
    feed = read(content + b"<script>x()")
    assert [story.headline for story in feed.stories] == ["T"]
    assert feed.warnings == ("not well-formed: line 2: junk after document element; mended",)


def test_prefixes_nobody_declared_are_understood() -> None:
    content = rss("<title>T</title><content:encoded>Text.</content:encoded>")
    content = content.replace(b'xmlns:content="http://purl.org/rss/1.0/modules/content/"', b"")
    assert read(content).stories[0].body_text == "Text."


def test_a_feed_cut_off_in_a_story_keeps_those_before_it() -> None:
    content = rss("<title>One</title>", "<title>Two</title><description>Half a te")
    feed = read(content[: content.index(b"Half a te") + 9])
    assert [story.headline for story in feed.stories] == ["One"]


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


def test_a_feed_that_is_not_well_formed_is_mended() -> None:
    feed = read(rss("<title>Fish & chips&nbsp;here</title>").replace(b"</channel></rss>", b""))
    assert [story.headline for story in feed.stories] == ["Fish & chips here"]
    assert feed.warnings == ("not well-formed: line 1: not well-formed (invalid token); mended",)


def test_a_feed_that_cannot_be_mended_is_read_as_far_as_possible() -> None:
    broken = "<title>Fish <br> chips</title><media:content url=/a.jpg medium=image />"
    feed = read(rss(broken, "<title>Whole</title>"))
    assert [story.headline for story in feed.stories] == ["Fish chips", "Whole"]
    assert feed.warnings == ("not well-formed: line 1: mismatched tag; read as far as possible",)


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
