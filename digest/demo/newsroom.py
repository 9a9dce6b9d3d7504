"""Door to stories.toml: the Harbour Post, a made-up paper, as it stood at any moment."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

from digest.clock import to_utc

SITE_NAME = "Harbour Post"
ZONE = ZoneInfo("Europe/London")
MORNING = datetime(2026, 1, 9, 6, 30, tzinfo=ZONE)
"""When the demo opens: a Friday, half past six, as the editor sits down."""

SECTIONS = {
    "town": "Town",
    "sea": "Sea",
    "business": "Business",
    "culture": "Culture",
    "sport": "Sport",
}
"""Section keys and titles, in the paper's order."""

PICTURE_SIZE = (1600, 900)
"""Width and height in pixels of every picture of the paper."""

_XMLNS = {
    "xmlns:atom": "http://www.w3.org/2005/Atom",
    "xmlns:content": "http://purl.org/rss/1.0/modules/content/",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
    "xmlns:itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "xmlns:media": "http://search.yahoo.com/mrss/",
}


@dataclass(frozen=True, slots=True)
class DemoPicture:
    """The picture of a story: a name that `pictures.draw` knows, what it shows, and whose it is."""

    name: str
    alt: str
    credit: str


@dataclass(frozen=True, slots=True)
class DemoStory:
    """One story in the version that stood at the moment asked for; times aware UTC."""

    slug: str
    section: str
    categories: tuple[str, ...]
    headline: str
    standfirst: str
    paragraphs: tuple[str, ...]
    author: str
    published_at: datetime
    appears_at: datetime
    """When the feed first shows it: later than published for a late one, sooner for a future."""
    updated_at: datetime | None = None
    correction: str = ""
    picture: DemoPicture | None = None
    audio: timedelta | None = None
    """How long its recording lasts."""

    @property
    def guid(self) -> str:
        """The name by which the feed knows it, whatever happens to its headline."""
        return f"tag:harbourpost.example,2026:{self.slug}"

    @property
    def path(self) -> str:
        """Where its page stands on the paper's site."""
        return f"/newsroom/{self.section}/{self.slug}"

    @property
    def audio_path(self) -> str:
        """Where its recording stands, if it has one."""
        return f"/newsroom/audio/{self.slug}.wav"

    @property
    def picture_path(self) -> str:
        """Where its picture stands, if it has one."""
        return f"/newsroom/pictures/{self.picture.name}.jpg" if self.picture else ""

    @property
    def body_html(self) -> str:
        """Its text as HTML paragraphs, the correction last and in italics."""
        lines = [f"<p>{escape(text, quote=False)}</p>" for text in self.paragraphs]
        if self.correction:
            lines.append(f"<p><em>{escape(self.correction, quote=False)}</em></p>")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Entry:
    """A story as first published, with what the newsroom made of it later."""

    story: DemoStory
    later: DemoStory | None = None

    def at(self, moment: datetime) -> DemoStory | None:
        if self.later and self.later.updated_at and self.later.updated_at <= moment:
            return self.later
        return self.story if self.story.appears_at <= moment else None


def stories_at(at: datetime) -> tuple[DemoStory, ...]:
    """Give the paper as it stood at that moment (aware), newest first by date of publication."""
    moment = to_utc(at)
    standing = (entry.at(moment) for entry in _entries())
    shown = [story for story in standing if story]
    return tuple(sorted(shown, key=lambda story: (story.published_at, story.slug), reverse=True))


def feed_xml(at: datetime, base_url: str, limit: int | None = None) -> bytes:
    """Write the paper's RSS 2.0 feed of that moment; the same moment gives the same bytes.

    `base_url` has no trailing slash. `limit` keeps the newest so many stories.
    """
    stories = stories_at(at)[:limit]
    rss = ET.Element("rss", {"version": "2.0", **_XMLNS})
    channel = ET.SubElement(rss, "channel")
    _say(channel, "title", SITE_NAME)
    _say(channel, "link", f"{base_url}/newsroom")
    _say(channel, "description", "News from Harbour Town and the coast around it.")
    _say(channel, "language", "en-GB")
    address = f"{base_url}/newsroom/feed.xml"
    ET.SubElement(channel, "atom:link", href=address, rel="self", type="application/rss+xml")
    if stories:
        # The last change, not the moment: a feed where nothing happened must keep its ETag.
        _say(channel, "lastBuildDate", _date(max(map(_changed_at, stories))))
    for story in stories:
        _add_item(channel, story, base_url)
    written: bytes = ET.tostring(rss, encoding="utf-8", xml_declaration=True)
    return written


def _add_item(channel: ET.Element, story: DemoStory, base_url: str) -> None:
    item = ET.SubElement(channel, "item")
    _say(item, "title", story.headline)
    _say(item, "link", base_url + story.path)
    _say(item, "guid", story.guid, isPermaLink="false")
    _say(item, "pubDate", _date(story.published_at))
    if story.updated_at:
        _say(item, "atom:updated", story.updated_at.isoformat())
    _say(item, "dc:creator", story.author)
    for category in story.categories:
        _say(item, "category", category)
    _say(item, "description", story.standfirst)
    _say(item, "content:encoded", story.body_html)
    _add_media(item, story, base_url)


def _add_media(item: ET.Element, story: DemoStory, base_url: str) -> None:
    if story.audio:
        # RSS wants a length in bytes; 0 is its usual way to say that it is not known.
        url = base_url + story.audio_path
        ET.SubElement(item, "enclosure", url=url, length="0", type="audio/wav")
        minutes, seconds = divmod(int(story.audio.total_seconds()), 60)
        _say(item, "itunes:duration", f"{minutes}:{seconds:02}")
    if story.picture:
        width, height = PICTURE_SIZE
        media = ET.SubElement(item, "media:content")
        media.attrib |= {"url": base_url + story.picture_path, "medium": "image"}
        media.attrib |= {"type": "image/jpeg", "width": str(width), "height": str(height)}
        _say(media, "media:description", story.picture.alt)
        _say(media, "media:credit", story.picture.credit, role="illustrator")


def _say(parent: ET.Element, tag: str, text: str, **attributes: str) -> None:
    ET.SubElement(parent, tag, attributes).text = text


def _date(at: datetime) -> str:
    return format_datetime(at.astimezone(ZONE))


def _changed_at(story: DemoStory) -> datetime:
    return story.updated_at or story.appears_at


@cache
def _entries() -> tuple[_Entry, ...]:
    text = files("digest.demo").joinpath("stories.toml").read_text(encoding="utf-8")
    return tuple(_entry(row) for row in tomllib.loads(text)["story"])


def _entry(row: dict[str, Any]) -> _Entry:
    published_at = _local(row["published"])
    story = DemoStory(
        slug=row["slug"],
        section=row["section"],
        categories=tuple(row["categories"]),
        headline=row["headline"],
        standfirst=row["standfirst"],
        paragraphs=_paragraphs(row["body"]),
        author=row["author"],
        published_at=published_at,
        appears_at=_local(row["appears"]) if "appears" in row else published_at,
        picture=DemoPicture(row["picture"], row["alt"], row["credit"])
        if "picture" in row
        else None,
        audio=timedelta(seconds=row["audio_seconds"]) if "audio_seconds" in row else None,
    )
    return _Entry(story, _later(story, row["update"]) if "update" in row else None)


def _later(story: DemoStory, update: dict[str, Any]) -> DemoStory:
    return replace(
        story,
        headline=update.get("headline", story.headline),
        standfirst=update.get("standfirst", story.standfirst),
        paragraphs=_paragraphs(update["body"]),
        correction=update.get("correction", ""),
        updated_at=_local(update["at"]),
    )


def _local(at: datetime) -> datetime:
    return to_utc(at.replace(tzinfo=ZONE))


def _paragraphs(body: str) -> tuple[str, ...]:
    return tuple(" ".join(part.split()) for part in body.strip().split("\n\n"))
