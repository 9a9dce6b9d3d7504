"""Pure. What a check is given, what it finds, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from digest.composition.model import Composition, Letter, Site
from digest.editions.model import Edition, NewsletterSpec, Selection


class Severity(StrEnum):
    """What a finding does to the edition."""

    BLOCK = "block"
    """It does not go out before this is mended."""
    WARN = "warn"
    INFO = "info"


class Family(StrEnum):
    """What a check is about: the module it stands in."""

    CONTENT = "content"
    INBOX = "inbox"
    SIZE = "size"
    LINKS = "links"
    IMAGES = "images"
    ACCESSIBILITY = "accessibility"
    CLIENTS = "clients"
    TEXT = "text"
    SENDING = "sending"


_LETTERS = dict(zip("CISLMAKTD", Family, strict=True))


def family_of(code: str) -> Family:
    """Tell the family of a code by its letter: C05 is about the content."""
    return _LETTERS[code[:1]]


class Part(StrEnum):
    """Which part of a letter a place is in."""

    EDITION = "edition"
    SUBJECT = "subject"
    PREHEADER = "preheader"
    HTML = "html"
    TEXT = "text"
    HEADERS = "headers"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a finding is, for words and for a jump on the desk."""

    part: Part = Part.EDITION
    article_id: int | None = None
    """The story it is about."""
    number: int | None = None
    """That story's number in the running order, from 1."""
    line: int | None = None
    """The line of the HTML or of the text, from 1."""
    quote: str = ""
    """A few words of what was found, to find it by."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule says it found: the rule's code and severity are added by `run`."""

    sentence: str
    """What is wrong, as one whole sentence with the figures in it."""
    fix: str
    """What to do about it, as one sentence."""
    place: Place = Place()
    severity: Severity | None = None
    """When it is not the rule's usual one."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, of one rule."""

    code: str
    severity: Severity
    sentence: str
    fix: str
    place: Place = Place()
    language: str = ""
    """The copy it is in; empty: it is in all of them, or in none of them especially."""
    ignored: str = ""
    """The reason for which the publisher lets it be; empty: it counts."""
    name: str = ""
    """Its rule's name, as "Story already sent"."""

    @property
    def family(self) -> Family:
        """Which family of checks it is of."""
        return family_of(self.code)


@dataclass(frozen=True, slots=True)
class Page:
    """One copy of the edition in one language, as the worst-off reader gets it.

    `html` and `text` are without slot marks: filled with values as long as any reader's. `message`
    is the whole message as it goes over the wire, signed if mail is signed.
    """

    composition: Composition
    letter: Letter
    html: str
    text: str
    message: bytes
    blocks: Mapping[str, int] = field(default_factory=dict)
    """Bytes of the HTML by block of the letter, in their order: masthead, lead, top, …"""
    memo: dict[str, object] = field(default_factory=dict, compare=False, repr=False)
    """What one rule worked out and others need too, as the parsed HTML: it goes with the page."""


@dataclass(frozen=True, slots=True)
class Past:
    """What the checks may know of earlier editions of the newsletter, the latest first."""

    subjects: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By language, up to 30."""
    story_counts: Sequence[int] = ()
    """Of the last four that went out."""
    readers: int | None = None
    """Whom the last one went to."""
    sender_name: str = ""
    """Whom the last one came from."""
    cut_off_at: datetime | None = None
    """The cut-off of the last one that kept its stories: this one's window begins there."""
    addresses: Sequence[str] = ()
    """Of the last 30 that went out, as `daily/2026-01-09`."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A story of this edition that its source changed after it was written, or took away."""

    article_id: int
    headline_was: str
    headline_is: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the rules are given: nothing here reads a clock, a database or the network."""

    site: Site
    newsletter: NewsletterSpec
    edition: Edition
    selection: Selection
    pages: Sequence[Page]
    """In each language, the newsletter's own first."""
    now: datetime
    past: Past = Past()
    readers: int = 0
    """Whom it would go to now."""
    changed: Sequence[Changed] = ()
    sender: str = ""
    """The From line's mailbox."""
    sender_domain: str = ""
    """The domain that mail is signed for; empty: it is not signed."""
    production: bool = True
    test_only: bool = False
    """Only the test readers of the settings are mailed."""
    sent_before: Mapping[int, str] = field(default_factory=dict)
    """Stories of this edition that another one of the newsletter has had, by article id to its
    address."""
    approved_hash: str | None = None
    set_hash: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the checks; each is a setting of `[checks]`."""

    html_warn: int = 75_000
    html_block: int = 100_000
    headline: int = 110
    standfirst: int = 240
    subject_least: int = 10
    subject_warn: int = 60
    subject_block: int = 150
    preheader_least: int = 40
    preheader_most: int = 130
    minutes: int = 12
    links: int = 100
    clients: tuple[str, ...] = ("gmail", "apple-mail", "outlook", "yahoo")


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What the settings say of the checks for one newsletter."""

    limits: Limits = Limits()
    ignores: Mapping[str, str] = field(default_factory=dict)
    """The reasons for which findings are let be, by code."""


Look = Callable[[Facts, Limits], Iterable[Found]]
"""A rule on the edition as a whole."""
LookAtPage = Callable[[Facts, Page, Limits], Iterable[Found]]
"""A rule on one copy."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One check: its stable code, and the pure function that looks."""

    code: str
    """As `C05` in docs/reference/checks: never used again for anything else."""
    name: str
    """A few words, as "Story already sent"."""
    severity: Severity
    """The usual one."""
    look: Look | None = None
    look_at_page: LookAtPage | None = None

    @property
    def family(self) -> Family:
        """Which family it is of."""
        return family_of(self.code)


@dataclass(frozen=True, slots=True)
class Report:
    """What all rules came to."""

    findings: Sequence[Finding]
    """What blocks first, then warnings, then what is only worth knowing; in a family in order."""
    passed: int
    """How many rules found nothing."""

    @property
    def blocks(self) -> Sequence[Finding]:
        """Give what stands in the way."""
        return self._of(Severity.BLOCK)

    @property
    def warnings(self) -> Sequence[Finding]:
        """Give what an editor should look at before it goes."""
        return self._of(Severity.WARN)

    @property
    def infos(self) -> Sequence[Finding]:
        """Give what is only worth knowing."""
        return self._of(Severity.INFO)

    @property
    def ignored(self) -> Sequence[Finding]:
        """Give what the settings let be, each with the reason."""
        return [each for each in self.findings if each.ignored]

    def _of(self, severity: Severity) -> Sequence[Finding]:
        return [each for each in self.findings if each.severity is severity and not each.ignored]
