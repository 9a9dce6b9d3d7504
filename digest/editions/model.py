"""Pure. Newsletters, slots, candidates, selections and editions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.sources.model import Article

MAIN_SLOT = "main"
"""The name of the one regular slot a day; extras made by hand have names of their own."""


@dataclass(frozen=True, slots=True)
class DayRange:
    """Local dates, both ends included."""

    first: date
    last: date

    def __contains__(self, day: object) -> bool:
        """Tell whether the date lies within."""
        return isinstance(day, date) and self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a newsletter comes: weekdays (0 is Monday), local hours in `zone` (IANA name)."""

    days: frozenset[int]
    cut_off: time
    send_at: time
    zone: str
    not_on: tuple[DayRange, ...] = ()


@dataclass(frozen=True, slots=True)
class StoryPolicy:
    """How many stories an edition has and how old they may be."""

    least: int = 3
    top: int = 3
    most: int = 12
    per_section: int = 3
    max_age: timedelta = timedelta(hours=48)


class ReleaseMode(StrEnum):
    """Who lets an edition go."""

    AUTO = "auto"
    APPROVE = "approve"
    AUTO_AFTER = "auto-after"


@dataclass(frozen=True, slots=True)
class Release:
    """`auto`, `approve`, or `auto-after` a time counted from when the editors were told."""

    mode: ReleaseMode
    after: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Section:
    """One of the site's sections: feed categories and URL paths that belong to it."""

    key: str
    title: str
    categories: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewsletterSpec:
    """One `[newsletters.SLUG]` of the settings."""

    slug: str
    name: str
    template: str
    cadence: Cadence
    stories: StoryPolicy
    release: Release
    sections: tuple[Section, ...] = ()


@dataclass(frozen=True, slots=True)
class Newsletter:
    """A newsletter as the database knows it: its settings, its epoch and its next wake-up."""

    id: int
    spec: NewsletterSpec
    epoch_at: datetime
    """Nothing from before this moment is ever mailed: a new newsletter does not flood."""
    next_run_at: datetime | None = None
    created_at: datetime | None = None

    @property
    def first_slot_after(self) -> datetime:
        """The moment whose next slot is this newsletter's first: earlier ones were never due."""
        return self.created_at or self.epoch_at

    @property
    def slug(self) -> str:
        """The name in commands and addresses."""
        return self.spec.slug


class SlotState(StrEnum):
    """What became of a slot."""

    DUE = "due"
    PREPARED = "prepared"
    SKIPPED = "skipped"
    HOLIDAY = "holiday"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Slot:
    """One date a newsletter is made for; `cut_off_at` and `send_at` are aware UTC."""

    local_date: date
    cut_off_at: datetime
    send_at: datetime
    name: str = MAIN_SLOT
    holiday: bool = False


@dataclass(frozen=True, slots=True)
class SlotRow:
    """A slot that somebody took, what became of it, and why."""

    slot: Slot
    state: SlotState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """(after, until], aware UTC: the words in the masthead and the label "late", never a bound."""

    after: datetime
    until: datetime


class Verdict(StrEnum):
    """Why a story is in or out."""

    SELECTED = "selected"
    OVER_LIMIT = "over the limit"
    TOO_OLD = "too old"
    ALREADY_USED = "already sent"
    NOT_YET_PUBLISHED = "not yet published"
    AFTER_CUT_OFF = "after the cut-off"
    BEFORE_EPOCH = "before the newsletter began"
    UNDATED_BACKLOG = "no date, and from the first import"
    WITHDRAWN = "withdrawn"
    DUPLICATE = "duplicate"


class Place(StrEnum):
    """Where a chosen story stands."""

    LEAD = "lead"
    TOP = "top"
    SECTION = "section"
    BRIEF = "brief"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One article weighed for one edition; `reason` is the sentence people read."""

    article: Article
    verdict: Verdict
    reason: str
    section: str | None = None
    """The key of its section, or None: "Unsorted"."""
    place: Place | None = None
    position: int | None = None
    late: bool = False
    duplicate_of: int | None = None
    """The article id of the story it repeats; a warning unless the verdict says DUPLICATE."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Every candidate of an edition, the chosen first, in the order they are read."""

    candidates: tuple[Candidate, ...] = ()

    @property
    def chosen(self) -> tuple[Candidate, ...]:
        """The stories that are in, by position."""
        chosen = (c for c in self.candidates if c.verdict is Verdict.SELECTED)
        return tuple(sorted(chosen, key=lambda c: c.position or 0))

    @property
    def left_out(self) -> tuple[Candidate, ...]:
        """The stories that are not, each with its reason."""
        return tuple(c for c in self.candidates if c.verdict is not Verdict.SELECTED)


class EditionState(StrEnum):
    """The life of an edition."""

    DRAFT = "draft"
    IN_REVIEW = "in review"
    APPROVED = "approved"
    SENDING = "sending"
    SENT = "sent"
    HELD = "held"
    STOPPED = "stopped"
    SKIPPED = "skipped"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Edition:
    """One issue of a newsletter for one slot; times aware UTC, `local_date` in its zone."""

    id: int
    newsletter_id: int
    slug: str
    local_date: date
    slot_name: str
    number: int
    state: EditionState
    window: Window
    send_at: datetime
    prepared_at: datetime
    told_at: datetime | None = None
    """When the editors were told of the draft: `auto-after` counts from here."""
    expires_at: datetime | None = None
    revision: int = 1
    reason: str = ""

    @property
    def address(self) -> str:
        """`daily/2026-01-09`: how commands and links name it."""
        extra = "" if self.slot_name == MAIN_SLOT else f"/{self.slot_name}"
        return f"{self.slug}/{self.local_date.isoformat()}{extra}"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What `prepare` did: a draft with its selection, or a recorded skip with its reason."""

    edition: Edition | None
    selection: Selection = field(default_factory=Selection)
    reason: str = ""
    already: bool = False
    """The slot had been taken before; nothing was changed."""


@dataclass(frozen=True, slots=True)
class EditionAddress:
    """What a person typed for an edition: `daily`, `daily/1204` or `daily/2026-01-09`."""

    slug: str
    number: int | None = None
    local_date: date | None = None
    slot_name: str | None = None

    def __str__(self) -> str:
        """Give it as typed."""
        parts = (self.slug, self.number, self.local_date, self.slot_name)
        return "/".join(str(part) for part in parts if part is not None)


@dataclass(frozen=True, slots=True)
class Weighing:
    """One article as one edition weighed it."""

    edition: Edition
    candidate: Candidate


@dataclass(frozen=True, slots=True)
class StoryFate:
    """What one newsletter did with a story, and what it would do with it at its next cut-off."""

    newsletter: Newsletter
    weighings: tuple[Weighing, ...]
    """Newest edition first; none when no edition has looked at it yet."""
    forecast: Candidate
    """By what is known now; a story that comes later can still push it over the limit."""
    cut_off_at: datetime
    """The cut-off of the forecast: the next one, or now for a newsletter made by hand only."""


@dataclass(frozen=True, slots=True)
class StoryExplanation:
    """Where a story is, was or will be, newsletter by newsletter."""

    article: Article
    fates: tuple[StoryFate, ...]


@dataclass(frozen=True, slots=True)
class EditionExplanation:
    """Why an edition is as it is, or why its slot has none."""

    newsletter: Newsletter
    edition: Edition | None
    slot: SlotRow | None
    selection: Selection = field(default_factory=Selection)
    reason: str = ""
    """The edition's own reason (held, skipped, expired), else the slot's."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to `explain`: an edition, or the stories whose headlines hold the words."""

    query: str
    edition: EditionExplanation | None = None
    stories: tuple[StoryExplanation, ...] = ()
