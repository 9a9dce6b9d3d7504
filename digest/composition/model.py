"""Pure. A letter, its parts, and the composition made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


class Typeface(StrEnum):
    """What headlines are set in."""

    SERIF = "serif"
    SANS = "sans"


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
    typeface: Typeface = Typeface.SERIF
    logo: Logo | None = None


@dataclass(frozen=True, slots=True)
class Logo:
    """The publisher's mark above its name, which always stands as live text; addresses absolute.

    Width and height are those shown, in pixels; `dark_url` is the variant for dark surfaces.
    """

    url: str
    width: int
    height: int
    dark_url: str = ""


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
    note: str = ""
    """What stands in small type with it, as the month of an older story."""
    language: str | None = None
    """Its language when it is not the letter's."""


@dataclass(frozen=True, slots=True)
class Note:
    """The editor's own words on top: paragraphs, the name below them, a greeting set apart."""

    paragraphs: tuple[str, ...]
    opening: str = ""
    """As "Good morning.": the first words of the first paragraph, which does not repeat them."""
    signed: str = ""


class Twin(StrEnum):
    """The sibling newsletter a reader may move to from the foot of a letter."""

    WEEKLY = "weekly"
    """This one comes more often than its twin: "less often" leads there."""
    DAILY = "daily"
    """This one is the weekly: the way back."""


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
    also: tuple[Link, ...] = ()
    """Other tellings of the same story, folded under it."""
    language: str | None = None
    """The story's language when it is not the letter's."""
    minutes: int = 0
    article_id: int | None = field(default=None, compare=False)
    """The article it tells: whom to name when it cannot be shown."""


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
    language: str
    """The tag of the letter's language (BCP 47)."""
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
    headlines: tuple[Link, ...]
    """Today in headlines: three to five lines, or none."""
    lead: Piece | None
    top: tuple[Piece, ...]
    sections: tuple[LetterSection, ...]
    brief: tuple[Piece, ...]
    note: Note | None
    """The editor's own words on top: with them there are no `headlines`."""
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
    missed: tuple[Link, ...] = ()
    """In case you missed it: stories of the window that no other letter of this reader had."""
    twin: Twin | None = None
    sponsor_after: str = "top"
    """Where the sponsor stands: after `lead`, after `top`, after a section's key, or `end`."""

    @property
    def story_count(self) -> int:
        """How many stories the whole letter has."""
        grouped = sum(len(section.pieces) for section in self.sections)
        return self.common_count + grouped

    @property
    def common_count(self) -> int:
        """How many stories every reader has, whatever their topics."""
        return bool(self.lead) + len(self.top) + len(self.brief) + len(self.missed)

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


@dataclass(slots=True, unsafe_hash=True)
class ReaderValues:
    """What differs by reader: the values spliced into the slots and the headers.

    `topics` None means everything. `sent_at` (aware) becomes the Date header. Nobody changes it; it
    is not frozen, as one is made for every message.
    """

    address: str
    message_id: str
    since: str
    """When they asked, in words: "3 November 2025"."""
    unsubscribe_url: str
    unsubscribe_mailto: str
    sent_at: datetime
    topics: frozenset[str] | None = None
    preferences_url: str = ""
    twin_url: str = ""
    text_only: bool = False
    """They asked for plain text: their copy has no HTML part."""


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
    help_url: str = ""
    """A page for everybody, where a reader who has lost the letter's own links finds help."""
    help_mailto: str = ""
    """The same by mail: a person."""
    archive_url: str = ""
    """Where past editions stand; empty when they are not for everybody."""


class CopySigner(Protocol):
    """Signs the copies of an edition; threads may share it."""

    def signatures(self, fields: bytes, body: bytes | memoryview, at: datetime) -> bytes:
        """Make the signature fields of one copy, each ended by CRLF: they go in front of it.

        `fields` are the header lines of its own, `body` what follows the beginning of all bodies.
        """
        ...


class Signer(Protocol):
    """Signs mail for its domain."""

    def copies(
        self, shared: bytes, *, differing: Sequence[str] = (), begins: bytes = b""
    ) -> CopySigner:
        """Make ready what copies share: header lines, how their bodies begin.

        `differing` names the fields each has of its own, in their order.
        """
        ...

    def sign(self, message: bytes, at: datetime) -> bytes:
        """Put the signatures in front of one whole message."""
        ...
