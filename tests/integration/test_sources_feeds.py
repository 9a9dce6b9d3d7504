"""The sample feeds under tests/data/feeds, one of each family, written for these tests."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from digest.sources.feed import Feed, read_feed
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording

FEEDS = Path(__file__).resolve().parents[1] / "data" / "feeds"


def _read(name: str, content_type: str = "text/xml") -> Feed:
    return read_feed(
        (FEEDS / name).read_bytes(),
        address="https://gazette.example/feeds/all.xml",
        content_type=content_type,
    )


def test_rss_2() -> None:
    assert _read("rss20.xml") == Feed(
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
    assert _read("atom.xml") == Feed(
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
    assert _read("rss10.xml") == Feed(
        title="Vieux Port",
        stories=(
            FoundStory(
                headline="L'été au port",
                url="https://vieux.example/1",
                guid="https://vieux.example/1",
                published_at=at,
                published_from=DateOrigin.FEED,
                updated_at=at,
            ),
        ),
    )


def test_rss_0_91_with_bare_ampersands() -> None:
    assert _read("rss091.xml", content_type="") == Feed(
        title="Old Pier",
        stories=(
            FoundStory(headline="Tides & times", url="https://pier.example/tides?day=1&place=2"),
        ),
        warnings=(
            "not well-formed: line 8: not well-formed (invalid token); read as far as possible",
        ),
    )
