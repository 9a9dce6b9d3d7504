"""Pure. A letter, its parts, and the composition made of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Site:
    """The publisher, as every letter and page shows it; addresses absolute, no trailing slash."""

    name: str
    url: str
    public_url: str
    language: str
    zone: str
    postal_address: str
    accent: str = "#0B4F8A"
    accent_dark: str = "#8EC1F5"
    reply_to: str = ""


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture as the letter shows it: fetched, resized, served by us."""

    url: str
    width: int
    height: int
    alt: str = ""
    credit: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A line and where it leads; `url` is None for words alone."""

    words: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One story in a letter. `url` is None for a headline without a page behind it."""

    headline: str
    url: str | None = None
    standfirst: str = ""
    shot: Shot | None = None
    label: str = ""
    """What stands in small type below a lead: its section."""
    day: str = ""
    """The weekday beside a story of the weekly, as "Thu"."""
    recording_url: str | None = None
    recording_label: str = ""
    """As "Listen · 12 min" or "Watch · 3 min"."""
    related: tuple[Link, ...] = ()
    """Up to three older stories of the same matter."""
    language: str | None = None
    """The story's language when it is not the letter's."""
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class LetterSection:
    """A titled group of stories; `topic` is the section's key, which a reader may switch off."""

    topic: str | None
    title: str
    pieces: tuple[Piece, ...]
    minutes: int = 0
    """Its whole minutes of the letter's reading time."""


@dataclass(frozen=True, slots=True)
class Letter:
    """All that a template may say, decided beforehand: templates only lay it out."""

    site: Site
    newsletter: str
    """The newsletter's name, as "The Morning Post"."""
    slug: str
    template: str
    number: int
    local_date: date
    date_line: str
    """The edition's date in words, as "Friday 9 January 2026"."""
    week_title: str
    """As "The week of 3-9 January" with an en dash; empty in a daily."""
    headlines: tuple[str, ...]
    """Today in headlines: three to five lines, or none."""
    lead: Piece | None
    top: tuple[Piece, ...]
    sections: tuple[LetterSection, ...]
    brief: tuple[Piece, ...]
    note: str
    """The editor's own words on top; may be empty."""
    sponsor: Link | None
    """A booked line, marked as such: no story, and never counted as one."""
    most_read: tuple[Link, ...]
    minutes: int
    next_line: str
    """When the next one comes, as "The next comes on Monday at 07:00."; may be empty."""
    subject: str
    preheader: str
    read_online_url: str
    privacy_url: str

    @property
    def story_count(self) -> int:
        """How many stories the whole letter has."""
        grouped = sum(len(section.pieces) for section in self.sections)
        return self.common_count + grouped

    @property
    def common_count(self) -> int:
        """How many stories every reader has, whatever their topics."""
        return bool(self.lead) + len(self.top) + len(self.brief)

    @property
    def common_minutes(self) -> int:
        """The reading time of what every reader has: with the sections' it gives `minutes`."""
        return self.minutes - sum(section.minutes for section in self.sections)


@dataclass(frozen=True, slots=True)
class Composition:
    """An edition composed in one language: the bytes that are approved, archived and sent.

    `html` and `text` hold slot sentinels that begin with `nonce`; `content_hash` (hex SHA-256)
    covers subject, preheader, html and text. Composing the same edition again gives the same hash.
    """

    edition_id: int
    language: str
    revision: int
    subject: str
    preheader: str
    html: str
    text: str
    nonce: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A mail that is no edition (a notice): rendered whole for its one reader."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True)
class ReaderValues:
    """What differs by reader: the values spliced into the slots and the headers.

    `topics` None means everything. `sent_at` (aware) becomes the Date header.
    """

    address: str
    message_id: str
    since: str
    """When they asked, in words: "3 November 2025"."""
    unsubscribe_url: str
    unsubscribe_mailto: str
    sent_at: datetime
    topics: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ListHeaders:
    """The headers that all copies of an edition share."""

    sender: str
    """From: one mailbox, as "Harbour Post <news@letters.harbourpost.example>"."""
    reply_to: str
    list_id: str
    """The host part of `<daily.letters.harbourpost.example>`, without the angles."""
    list_name: str
    feedback_id: str = ""
