"""Pure. What a source is, what it gives, and what an article is once we know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum


class SourceKind(StrEnum):
    """How stories reach us."""

    FEED = "feed"
    PAGE = "page"


class DateOrigin(StrEnum):
    """Where a publication date was read. A page's date line is never one: it says "today"."""

    FEED = "feed"
    JSON_LD = "json-ld"
    META = "meta"
    URL = "url"
    EDITOR = "editor"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """One `[sources.NAME]` of the settings: what to read and how often."""

    name: str
    kind: SourceKind
    address: str
    """A URL, or a path to a file (or, for pages, to a folder of captured pages)."""
    every: timedelta = timedelta(minutes=10)
    allow: tuple[str, ...] = ()
    """Networks (CIDR) that may be dialled for this source although they are not public."""


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last polls of a source told."""

    id: int
    name: str
    kind: SourceKind
    address: str
    etag: str | None
    last_modified: str | None
    first_ok_at: datetime | None
    last_ok_at: datetime | None
    last_tried_at: datetime | None
    failures: int
    error: str | None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the source names it; fetched and resized before it is ever mailed."""

    url: str
    alt: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Audio:
    """A recording to link to: never a player in a mail."""

    url: str
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class FoundStory:
    """One story as a source gave it: cleaned text, absolute links, not yet known to be new.

    `headline` is never empty and holds no markup. `body_html` is safe HTML (nh3), `body_text` its
    paragraphs separated by blank lines. `published_at` is aware UTC with `published_from` telling
    its provenance; `seen_on` is a page's own date line, which dates the visit and not the story.
    """

    headline: str
    url: str | None = None
    guid: str | None = None
    standfirst: str = ""
    body_html: str = ""
    body_text: str = ""
    authors: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    picture: Picture | None = None
    audio: Audio | None = None
    published_at: datetime | None = None
    published_from: DateOrigin | None = None
    updated_at: datetime | None = None
    seen_on: date | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """A story we know: one row, whatever guid, address or headline it comes back under."""

    id: int
    source: str
    story: FoundStory
    first_seen_at: datetime
    revision: int = 1
    withdrawn_at: datetime | None = None
    backlog: bool = False
    """Came with its feed's first import: chosen by `published_at` only, so nothing floods."""

    @property
    def headline_only(self) -> bool:
        """Whether there is nothing behind the headline: no link and no text."""
        return self.story.url is None and not self.story.body_text

    @property
    def dated_at(self) -> datetime:
        """The moment its age counts from: published, else first seen (aware UTC)."""
        return self.story.published_at or self.first_seen_at


@dataclass(frozen=True, slots=True)
class Polled:
    """What one poll of one source did; `problem` is empty when it went well."""

    source: str
    found: int = 0
    new: int = 0
    updated: int = 0
    unchanged: bool = False
    problem: str = ""
    warnings: tuple[str, ...] = field(default=())
