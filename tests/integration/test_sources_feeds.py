"""The sample feeds under tests/data/feeds, one of each family, written for these tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from digest.sources.feed import read_feed
from digest.sources.finishing import finish
from digest.sources.json_feed import is_json_feed, read_json_feed
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Gone,
    Picture,
    Reading,
    Recording,
    RecordingKind,
)

FEEDS = Path(__file__).resolve().parents[1] / "data" / "feeds"


def _read(name: str, content_type: str = "text/xml", zone: str = "UTC") -> Reading:
    """Read a sample as a poll does: its stories are finished."""
    content = (FEEDS / name).read_bytes()
    reader = read_json_feed if is_json_feed(content) else read_feed
    reading = reader(
        content,
        address="https://gazette.example/feeds/all.xml",
        content_type=content_type,
        zone=zone,
    )
    stories = tuple(finish(story, language=None) for story in reading.stories)
    return replace(reading, stories=stories)


def test_rss_2() -> None:
    assert _read("rss20.xml") == Reading(
        title="Quayside Gazette & Mail",
        language="en-GB",
        stories=(
            FoundStory(
                headline="Ferry back in service, says the harbour’s master",
                url="https://gazette.example/town/ferry-back?utm_source=rss",
                guid="gazette-101",
                standfirst="After nine weeks in dry dock the ferry sails again.",
                body_html='<p>The first boat left at <b>six</b>. <a href="https://gazette.example/'
                'timetable" rel="noopener noreferrer">Timetable</a></p>'
                '<img src="https://gazette.example/img/inline.jpg" alt="Inline">',
                body_text="The first boat left at six. Timetable",
                authors=("Ann Teller",),
                categories=("Local", "Council"),
                picture=Picture(
                    "https://gazette.example/img/large.jpg", "The ferry at its berth", "R. Pixel"
                ),
                published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="en-GB",
            ),
            FoundStory(
                headline="Council podcast: the bridge",
                url="https://gazette.example/listen/7",
                guid="https://gazette.example/listen/7",
                standfirst="Half an hour about one bridge.",
                recording=Recording("https://cdn.example/7.mp3", 1865),
                published_at=datetime(2026, 1, 8, 12, 0, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="en-GB",
            ),
            FoundStory(
                headline="A story that came without any headline but with a whole sentence…",
                standfirst="A story that came without any headline but with a whole sentence of"
                " fourteen words in it.",
                language="en-GB",
            ),
        ),
        warnings=("story 4 has no headline and no text; left out",),
    )


def test_atom() -> None:
    assert _read("atom.xml") == Reading(
        title="Das Blatt",
        language="de",
        stories=(
            FoundStory(
                headline="5 < 6, und AT&T zahlt",
                url="https://blatt.example/nachrichten/2026/zahlen",
                guid="tag:blatt.example,2026:1",
                standfirst="Kurz gesagt.",
                body_html="<p>Erster Absatz.</p><p>Zweiter <a"
                ' href="https://blatt.example/nachrichten/mehr" rel="noopener noreferrer">'
                "Absatz</a>.</p>",
                body_text="Erster Absatz.\n\nZweiter Absatz.",
                authors=("Jo Müller",),
                categories=("Wirtschaft",),
                picture=Picture("https://blatt.example/bild.png"),
                published_at=datetime(2026, 1, 9, 6, 30, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                updated_at=datetime(2026, 1, 9, 8, 0, tzinfo=UTC),
                language="de",
            ),
        ),
    )


def test_rss_1_in_latin_1() -> None:
    at = datetime(2026, 1, 8, 10, 0, tzinfo=UTC)
    assert _read("rss10.xml") == Reading(
        title="Vieux Port",
        stories=(
            FoundStory(
                headline="L’été au port",
                url="https://vieux.example/1",
                guid="https://vieux.example/1",
                published_at=at,
                published_from=DateOrigin.FEED,
                updated_at=at,
            ),
        ),
    )


def test_rss_0_91_with_bare_ampersands() -> None:
    assert _read("rss091.xml", content_type="") == Reading(
        title="Old Pier",
        stories=(
            FoundStory(headline="Tides & times", url="https://pier.example/tides?day=1&place=2"),
        ),
        warnings=("not well-formed: line 8: not well-formed (invalid token); mended",),
    )


def test_a_podcast() -> None:
    assert _read("podcast.xml") == Reading(
        title="The Quay Hour",
        language="en-gb",
        next_address="https://pod.example/feed?page=2",
        stories=(
            FoundStory(
                headline="Episode 12: who pays for the bridge?",
                guid="quay-12",
                body_html="<p>The council wants a bridge. Nobody wants the bill.</p>",
                body_text="The council wants a bridge. Nobody wants the bill.",
                authors=("Ann Teller",),
                categories=("bridge", "council"),
                picture=Picture("https://gazette.example/e12.jpg"),
                recording=Recording("https://cdn.pod.example/e12.mp3?src=feed", 1865),
                published_at=datetime(2026, 1, 8, 23, 0, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="en-gb",
            ),
            FoundStory(
                headline="A walk along the pier",
                url="https://pod.example/11",
                guid="https://pod.example/11",
                body_html="<p>Twelve minutes of film.</p><p>And the sea.</p>",
                body_text="Twelve minutes of film.\n\nAnd the sea.",
                recording=Recording("https://gazette.example/e11.m4v", 754, RecordingKind.VIDEO),
                published_at=datetime(2026, 1, 1, 9, 0, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="en-gb",
            ),
        ),
    )


def test_a_blog_with_everything_that_browsers_forgive() -> None:
    said = (
        "Après neuf semaines de travaux, le bac a repris la mer lundi matin, devant deux cents"
        " personnes."
    )
    assert _read("blog.xml", content_type="text/html; charset=utf-8") == Reading(
        title="Le Vieux Port",
        language="fr-FR",
        stories=(
            FoundStory(
                headline="Le bac repart\u00a0: «\u202fenfin\u202f!\u202f» – les horaires d’été",
                url="https://port.example/2026/01/le-bac/?p=1&utm_source=rss",
                guid="https://port.example/?p=1",
                body_html=f'<p>{said} <img src="https://s.example/images/core/emoji/72x72/26f4.png"'
                ' alt="⛴"></p>\n<figure><img src="https://gazette.example/images/bac.jpg"'
                ' width="1024" height="683" alt="Le bac au départ"></figure>\n'
                "<p>Les horaires d'été suivront.</p>",
                body_text=f"{said}\n\nLes horaires d'été suivront.",
                authors=("Zoé Marin",),
                categories=("Ville & port",),
                picture=Picture("https://gazette.example/images/bac.jpg", "Le bac au départ"),
                published_at=datetime(2026, 1, 5, 7, 0, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="fr-FR",
            ),
        ),
        warnings=("not well-formed: line 4: junk after document element; mended",),
    )


def test_atom_0_3_with_local_dates() -> None:
    assert _read("atom03.xml", zone="Europe/Berlin") == Reading(
        title="Hafenblatt",
        language="de",
        stories=(
            FoundStory(
                headline="„Fähre“ fährt",
                url="https://blatt.example/faehre",
                guid="tag:blatt.example,2026:7",
                standfirst="",
                body_html="<p>Ab Montag fährt sie.</p>",
                body_text="Ab Montag fährt sie.",
                published_at=datetime(2026, 7, 9, 5, 30, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                updated_at=datetime(2026, 7, 9, 7, 0, tzinfo=UTC),
                language="de",
            ),
        ),
    )


def test_a_feed_that_takes_a_story_back_and_shows_all_it_has() -> None:
    at = datetime(2026, 1, 9, 8, 0, tzinfo=UTC)
    assert _read("taken_back.xml") == Reading(
        title="Notices",
        complete=True,
        gone=(Gone("urn:notices:1"),),
        stories=(
            FoundStory(
                headline="Pier closed on Monday",
                url="https://notices.example/2",
                guid="urn:notices:2",
                published_at=at,
                published_from=DateOrigin.FEED,
                updated_at=at,
            ),
        ),
    )


def test_json_feed() -> None:
    assert _read("feed.json", content_type="application/feed+json") == Reading(
        title="Salt & Wind",
        language="en",
        stories=(
            FoundStory(
                headline="The ferry “Anna” – back at last",
                url="https://salt.example/ferry",
                guid="https://salt.example/ferry",
                standfirst="Nine weeks late, and it’s raining.",
                body_html="<p>Nobody minds.</p>",
                body_text="Nobody minds.",
                authors=("Jo Wind",),
                categories=("Boats",),
                picture=Picture("https://salt.example/anna.jpg"),
                published_at=datetime(2026, 1, 9, 11, 15, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                language="en",
            ),
            FoundStory(
                headline="No headline, but something to hear.",
                guid="2",
                recording=Recording("https://salt.example/2.mp3", 95),
                language="en",
            ),
        ),
    )
