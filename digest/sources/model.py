"""Pure. What a source is, what it gives, and what an article is once we know it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum


class SourceKind(StrEnum):
    """How stories reach us."""

    FEED = "feed"
    PAGE = "page"
    WORDPRESS = "wordpress"
    GHOST = "ghost"
    MARKDOWN = "markdown"
    SQL = "sql"
    PUSHED = "pushed"


class Origin(StrEnum):
    """Who named a source: the settings file, or a person at the desk or the command line."""

    FILE = "file"
    DESK = "desk"


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
    """A URL; a path to a file or (pages, markdown) a folder; for SQL the database's address."""
    every: timedelta = timedelta(minutes=10)
    allow: tuple[str, ...] = ()
    """Networks (CIDR) that may be dialled for this source although they are not public."""
    zone: str = "UTC"
    """The IANA zone of dates that name none."""
    language: str | None = None
    """The language of stories that name none."""
    priority: int = 0
    """Added to its stories' own: the higher goes first."""
    visit: bool = True
    """Whether its stories' pages are looked at: for picture and date, and whether they are gone."""
    key: str = field(default="", repr=False)
    """Ghost's Content API key."""
    query: str = ""
    """The SELECT of a SQL source."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """For SQL: our name of a story's part to the query's name of its column."""
    origin: Origin = Origin.FILE


@dataclass(frozen=True, slots=True)
class SourceState:
    """What the last polls of a source told."""

    id: int
    name: str
    kind: SourceKind
    address: str
    """As people may see it: of a SQL source without user and password."""
    etag: str | None
    last_modified: str | None
    first_ok_at: datetime | None
    last_ok_at: datetime | None
    last_tried_at: datetime | None
    failures: int
    error: str | None
    next_poll_at: datetime | None = None
    """Not before: `every` with some jitter, longer after failures, or what Retry-After says."""
    body_hash: str | None = None
    """Hex SHA-256 of the last answer read: the same answer again needs no parsing."""
    warning: str | None = None
    """What the last good poll warned of."""
    moved_to: str | None = None
    """Where a permanent redirect led: the address to write into the settings."""
    not_before: datetime | None = None
    """When the site asked to be asked again (Retry-After), a day off at the most."""
    failing_since: datetime | None = None
    """When the present row of failures began; None when it is well."""
    status: int | None = None
    """What HTTP said at the last failure; None when it is well, or failed otherwise."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as the source names it; fetched and resized before it is ever mailed."""

    url: str
    alt: str = ""
    credit: str = ""


class RecordingKind(StrEnum):
    """What somebody who follows the link will do."""

    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class Recording:
    """Something to hear or watch, as a link: never a player in a mail."""

    url: str
    seconds: int | None = None
    kind: RecordingKind = RecordingKind.AUDIO


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
    recording: Recording | None = None
    published_at: datetime | None = None
    published_from: DateOrigin | None = None
    updated_at: datetime | None = None
    seen_on: date | None = None
    language: str | None = None
    priority: int = 0
    """Higher goes first, whatever the date: sticky, featured, or `priority` as written."""
    reads: int | None = None
    """How often it was read, where the source counts."""


@dataclass(frozen=True, slots=True)
class Gone:
    """A story that its source says it has taken back, by guid or address."""

    guid: str | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What reading a source, or one page of it, gave; nothing is kept yet."""

    stories: tuple[FoundStory, ...] = ()
    warnings: tuple[str, ...] = ()
    title: str = ""
    language: str | None = None
    complete: bool = False
    """The source showed everything it has: a story of ours that is not among them is gone."""
    gone: tuple[Gone, ...] = ()
    """Stories it says were deleted (RFC 6721)."""
    next_address: str | None = None
    """Where the reading goes on (RFC 5005, pages of an API)."""


@dataclass(frozen=True, slots=True)
class Article:
    """A story we know: one row, whatever guid, address or headline it comes back under."""

    id: int
    source: str
    story: FoundStory
    first_seen_at: datetime
    revision: int = 1
    withdrawn_at: datetime | None = None
    withdrawn_why: str = ""
    """The fact behind it, as "its page answers 410"."""
    visited_at: datetime | None = None
    """When its page was last looked at."""
    backlog: bool = False
    """Came with its feed's first import: chosen by `published_at` only, so nothing floods."""

    @property
    def headline_only(self) -> bool:
        """Whether there is nothing behind the headline: no link, no text and no recording."""
        return not (self.story.url or self.story.body_text or self.story.recording)

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
    withdrawn: int = 0
    unchanged: bool = False
    problem: str = ""
    warnings: tuple[str, ...] = field(default=())
    moved_to: str | None = None
    """Where the site says the source has moved for good."""
    not_before: datetime | None = None
    """When the site asks to be asked again (Retry-After)."""
