"""Pure. Newsletters, slots, candidates, selections and editions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.sources.model import Article, FoundStory, Picture

MAIN_SLOT = "main"
"""The name of a day's regular slot where it has only one; others, and extras made by hand, have
names of their own."""


@dataclass(frozen=True, slots=True)
class DayRange:
    """Local dates, both ends included."""

    first: date
    last: date

    def __contains__(self, day: object) -> bool:
        """Tell whether the date lies within."""
        return isinstance(day, date) and self.first <= day <= self.last


@dataclass(frozen=True, slots=True)
class MonthDay:
    """One day of every month: its number, or its n-th weekday (0 is Monday); -1 is the last.

    The 31st of a shorter month is its last day; a fifth weekday that is not there is left out.
    """

    n: int
    weekday: int | None = None


@dataclass(frozen=True, slots=True)
class SlotHours:
    """The local hours of one slot of a day."""

    send_at: time
    cut_off: time | timedelta
    """An hour of the same day, or how long before `send_at`: then it may fall on the day before."""
    name: str = MAIN_SLOT


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a newsletter comes: on weekdays (0 is Monday) and days of the month, in `zone` (IANA).

    No day at all means that it is made by hand only. `slots` are in the order of their hours.
    """

    zone: str
    slots: tuple[SlotHours, ...]
    days: frozenset[int] = frozenset()
    monthly: tuple[MonthDay, ...] = ()
    not_on: tuple[DayRange, ...] = ()

    @property
    def by_hand_only(self) -> bool:
        """Whether it never comes by itself."""
        return not (self.days or self.monthly)


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


class CatchUp(StrEnum):
    """Which of several slots that nobody was there for are still made."""

    LATEST = "latest"
    ALL = "all"


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
    brief_if_sent_in: tuple[str, ...] = ()
    """Slugs of newsletters: what one of those carried gets one line in In brief here."""
    language: str = ""
    """The tag of its own language; empty: the site's."""
    languages: tuple[str, ...] = ()
    """Further languages its readers may have it in."""
    weekly_twin: str | None = None
    """The slug of the newsletter that "less often" leads to."""
    audience: str = ""
    """Who of its subscribers it goes to, as a segment; empty: all of them."""
    offered: bool = True
    """Whether forms and preferences offer it to anybody."""
    hours: tuple[time, ...] = ()
    """The hours at which readers may ask to have it, in their own zone."""
    spread: timedelta = timedelta(0)
    """How long its letters take to leave, evenly."""
    urgent: bool = False
    """It goes before all others."""
    expires_after: timedelta | None = None
    """When, from its hour on, what is not delivered is given up; None: at the next cut-off."""
    sponsor_after: str = "top"
    """Where a booked sponsor stands: after `lead`, `top`, a section's key, or at the `end`."""
    limits: HandLimits | None = None
    """What editions made by hand keep to."""
    catch_up: CatchUp = CatchUp.LATEST
    """What is made after an absence: the latest slot, or all of them."""
    catch_up_within: timedelta | None = None
    """How long after its hour a slot is still made; None: see `workflow.catch_up`."""


@dataclass(frozen=True, slots=True)
class HandLimits:
    """How many editions made by hand may go on a day, and between which hours none may.

    Both in the newsletter's zone; `quiet` may go over midnight.
    """

    per_day: int | None = None
    quiet: tuple[time, time] | None = None


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
    by_hand: bool = False
    """An extra that a person asked for, beside what the cadence says."""


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
    """Folded under another story of the edition, and used with it."""
    DROPPED = "dropped"
    """Taken out by a person, from this edition or from the newsletter for good."""
    UNSHOWABLE = "cannot be shown"
    """Its part of the letter failed: the edition went on without it."""
    NOT_ASKED_FOR = "not asked for"
    """The edition was made by hand for named stories only."""


class Place(StrEnum):
    """Where a chosen story stands."""

    LEAD = "lead"
    TOP = "top"
    SECTION = "section"
    BRIEF = "brief"


class Act(StrEnum):
    """What a person at the desk may choose for an edition to come."""

    PIN = "pin"
    UNPIN = "unpin"
    """Take a pin back and keep what else was chosen for the story."""
    DROP = "drop"
    DROP_ALWAYS = "drop always"
    MOVE = "move"
    LEAD = "lead"
    SECTION = "section"
    HEADLINE = "headline"
    STANDFIRST = "standfirst"
    PICTURE = "picture"
    RESET = "reset"
    """Give a story back to the rules: whatever was chosen for it before is as if it were not."""
    SUBJECT = "subject"
    PREHEADER = "preheader"
    NOTE = "note"
    SPONSOR = "sponsor"
    UNDO = "undo"
    REDO = "redo"


@dataclass(frozen=True, slots=True)
class NewChoice:
    """A choice before it is written. What `text`, `url`, `alt` and `place` mean, its act says.

    PIN, UNPIN, DROP, DROP_ALWAYS, LEAD, RESET: the story alone. MOVE: `place` is `first`, `last` or
    `before 17` (an article's id). SECTION: `place` is a section's key, `top` or `brief`.
    HEADLINE, STANDFIRST, SUBJECT, PREHEADER, NOTE: `text` in `language` ("" is the newsletter's
    own); an empty text takes the rewording back. PICTURE: `url` and `alt`; no url means no
    picture. SPONSOR: `text` is the sponsor's line, `url` where it leads; an empty text takes it
    out.
    """

    act: Act
    article_id: int | None = None
    language: str = ""
    text: str = ""
    url: str = ""
    alt: str = ""
    place: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """A row of a slot's append-only log; `seq` counts from 1, `made_at` is aware UTC."""

    seq: int
    what: NewChoice
    actor: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class Wording:
    """A person's words in place of the source's, in one language ("": the newsletter's own)."""

    language: str = ""
    headline: str = ""
    standfirst: str = ""


@dataclass(frozen=True, slots=True)
class Sponsor:
    """A booked line; the letter marks it as such. It is no story and never counted as one."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Orders:
    """What a slot's log of choices comes to, undone ones left out; keys are article ids."""

    pinned: frozenset[int] = frozenset()
    dropped: Mapping[int, str] = field(default_factory=dict)
    """To the words for it: "by ann@post.example"."""
    dropped_always: Mapping[int, str] = field(default_factory=dict)
    """The same, from any slot of this newsletter."""
    moves: tuple[tuple[int, str], ...] = ()
    """(article, place) in the order they were made; see NewChoice for places."""
    lead: int | None = None
    sections: Mapping[int, str] = field(default_factory=dict)
    wording: Mapping[int, tuple[Wording, ...]] = field(default_factory=dict)
    pictures: Mapping[int, Picture] = field(default_factory=dict)
    note: Mapping[str, str] = field(default_factory=dict)
    sponsor: Sponsor | None = None
    subject: Mapping[str, str] = field(default_factory=dict)
    """A person's words in place of the subject we write, by language; the preheader likewise."""
    preheader: Mapping[str, str] = field(default_factory=dict)


NO_ORDERS = Orders()


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
    pinned: bool = False
    wording: tuple[Wording, ...] = ()
    picture: Picture | None = None
    """Chosen by a person in place of the story's own; one with an empty url means none at all."""
    related: tuple[Article, ...] = ()
    """Up to three stories of the archive that a reader of this one wants; none rather than weak."""

    def story_in(self, language: str = "") -> FoundStory:
        """Give the story as a letter in this language tells it: a person's words go first."""
        story = self.article.story
        for said in sorted(self.wording, key=lambda said: bool(said.language)):
            if said.language in {"", language}:
                story = replace(
                    story,
                    headline=said.headline or story.headline,
                    standfirst=said.standfirst or story.standfirst,
                )
        if self.picture is not None:
            story = replace(story, picture=self.picture if self.picture.url else None)
        return story


@dataclass(frozen=True, slots=True)
class Selection:
    """Every candidate of an edition, the chosen first, in the order they are read."""

    candidates: tuple[Candidate, ...] = ()
    note: Mapping[str, str] = field(default_factory=dict, hash=False)
    """The editor's note by language ("": the newsletter's own)."""
    sponsor: Sponsor | None = None
    most_read: tuple[Article, ...] = ()
    """The most read of the window, where sources count; at most five."""
    subject: Mapping[str, str] = field(default_factory=dict, hash=False)
    """A person's words in place of the subject we write, by language ("": the newsletter's own)."""
    preheader: Mapping[str, str] = field(default_factory=dict, hash=False)

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
    """When the first editor was told of the draft, that is when the mail server took the notice:
    `auto-after` counts from here. None: the mail has not left yet."""
    expires_at: datetime | None = None
    revision: int = 1
    version: int = field(default=1, compare=False)
    """Counts every change of state: what was read at one version is written only at the same."""
    reason: str = ""
    asked_for: frozenset[int] | None = None
    """The articles it was made for by name; None: it was made from all there were."""
    sending_at: datetime | None = None
    """When it first began to be sent: from then on some readers may have it."""
    go_at: datetime | None = None
    """When a person let it leave without waiting for its hour."""
    corrects: int | None = None
    """The id of the edition whose correction it mails; such a one is in no list of editions."""
    told_as: str = ""
    """The name under which the editors were mailed the draft; "" is not yet."""

    @property
    def address(self) -> str:
        """`daily/2026-01-09`: how commands and links name it."""
        extra = "" if self.slot_name == MAIN_SLOT else f"/{self.slot_name}"
        return f"{self.slug}/{self.local_date.isoformat()}{extra}"

    @property
    def leaves_at(self) -> datetime:
        """When it leaves once it is approved: at its hour, or when a person said."""
        return self.send_at if self.go_at is None else min(self.go_at, self.send_at)


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
