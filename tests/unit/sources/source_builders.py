"""Small feeds, pages and stories for the tests of this room."""

from __future__ import annotations

from typing import Any

from digest.sources.feed import read_feed
from digest.sources.model import FoundStory, Reading

ADDRESS = "https://gazette.example/feed.xml"


def a_story(headline: str = "Ferry sails again", **fields: Any) -> FoundStory:
    return FoundStory(headline=headline, **fields)


def rss(*items: str, channel: str = "") -> bytes:
    inside = "".join(f"<item>{item}</item>" for item in items)
    return (
        '<?xml version="1.0"?><rss version="2.0"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"'
        ' xmlns:media="http://search.yahoo.com/mrss/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd">'
        f"<channel><title>Gazette</title>{channel}{inside}</channel></rss>"
    ).encode()


def atom(*entries: str) -> bytes:
    inside = "".join(f"<entry><id>urn:{n}</id>{entry}</entry>" for n, entry in enumerate(entries))
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>G</title>{inside}</feed>'.encode()


def read(content: bytes, content_type: str = "application/xml") -> Reading:
    return read_feed(content, address=ADDRESS, content_type=content_type)


def read_one(item: str) -> FoundStory:
    (story,) = read(rss(f"<title>T</title>{item}")).stories
    return story


def page(*lines: str) -> str:
    return "\n".join(lines) + "\n"
