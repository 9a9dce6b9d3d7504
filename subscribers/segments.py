"""Pure. Segments: who is meant, in a small readable expression: `topic:sport and tag:member`.

docs/reference/segments.md describes every field. An expression is read against a vocabulary, so
that a name nobody ever gave is told at once and not taken for an empty audience.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from digest.config.model import LANGUAGE_TAG
from digest.config.values import did_you_mean
from digest.errors import AddressError, UsageError
from subscribers.address import read_address
from subscribers.model import Subscription, SubscriptionState
from subscribers.segment_fault import SegmentError
from subscribers.segment_words import Joined, Node, Term, Word
from subscribers.tags import read_tag

LONGEST: Final = 2_000
"""Characters of an expression, spelt out."""
_MOST_DAYS: Final = 36_500
_YEARS: Final = range(1900, 3000)


class Field(StrEnum):
    """What can be asked of a reader."""

    NEWSLETTER = "newsletter"
    TOPIC = "topic"
    LANGUAGE = "language"
    ZONE = "zone"
    JOINED = "joined"
    ACTIVE = "active"
    TAG = "tag"
    STATE = "state"
    FORMAT = "format"
    DOMAIN = "domain"
    ADDRESS = "address"


class Compared(StrEnum):
    """How a moment is compared with a day."""

    BEFORE = "<"
    UNTIL = "<="
    AFTER = ">"
    SINCE = ">="
    ON = "="


@dataclass(frozen=True, slots=True)
class Has:
    """One of these values. `topic` and `state` may name their newsletter: `daily/sport`."""

    field: Field
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Ago:
    """The day so many days before today."""

    days: int


@dataclass(frozen=True, slots=True)
class When:
    """A moment before, on or after a day of the site's zone."""

    field: Field
    compared: Compared
    day: date | Ago


@dataclass(frozen=True, slots=True)
class Not:
    """Everybody else."""

    of: Rule


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold: `and`."""

    of: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds: `or`."""

    of: tuple[Rule, ...]


Rule = Has | When | Not | Every | Some


@dataclass(frozen=True, slots=True)
class Segment:
    """An expression that was read; segments that mean the same words are equal."""

    rule: Rule

    @property
    def text(self) -> str:
        """Give the expression as we write it: it reads back to the same."""
        return _written(self.rule)

    @property
    def public_text(self) -> str:
        """Give it for a log or the audit: an address in it is left out."""
        return _written(_without_addresses(self.rule))


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a newsletter goes to among its subscribers, and whose days count."""

    segment: Segment
    zone: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The names an expression may use. `tags` None: any, as where no database can be asked."""

    topics: Mapping[str, Collection[str]]
    """The keys of the topics of every newsletter, by its slug."""
    tags: Collection[str] | None = None


def parse(text: str, *, vocabulary: Vocabulary) -> Segment:
    """Read an expression. Raises SegmentError, which points at the place."""
    if not text.strip():
        raise SegmentError(text, 0, "it is empty", hint="Write it as: topic:sport")
    if len(text) > LONGEST:
        cause = f"it has {len(text):,} characters, {LONGEST:,} at most are read"
        raise SegmentError(text, LONGEST, cause, hint=_SHORTER)
    from subscribers.segment_grammar import read_tree  # noqa: PLC0415 - lark costs a start 60 ms

    segment = Segment(_Reading(text, vocabulary).rule(read_tree(text)))
    if (spelt := len(segment.text)) > LONGEST:
        cause = f"spelt out it has {spelt:,} characters, {LONGEST:,} at most are read"
        raise SegmentError(text, 0, cause, hint=_SHORTER)
    return segment


def day_starts(day: date | Ago, *, now: datetime, zone: str) -> tuple[datetime, datetime]:
    """Give the first moment of a day and of the day after, in UTC; the second is not of the day."""
    local = ZoneInfo(zone)
    if isinstance(day, Ago):
        day = now.astimezone(local).date() - timedelta(days=day.days)
    first, after = (
        datetime.combine(each, time(), local).astimezone(UTC) for each in (day, day + _DAY)
    )
    return first, after


def state_at(standing: Subscription, now: datetime) -> SubscriptionState:
    """Give where a reader stands at a moment: a pause that is over is none."""
    if standing.state not in _GETS_IT:
        return standing.state
    until = standing.paused_until
    paused = standing.state is SubscriptionState.PAUSED if until is None else until > now
    return SubscriptionState.PAUSED if paused else SubscriptionState.CONFIRMED


def parts_of(value: str) -> tuple[str | None, str]:
    """Give the newsletter, if it is named, and the rest of `daily/sport`."""
    newsletter, slash, rest = value.partition("/")
    return (newsletter, rest) if slash else (None, value)


_DAY = timedelta(days=1)
_GETS_IT = frozenset({SubscriptionState.CONFIRMED, SubscriptionState.PAUSED})
_SHORTER = "A tag says the same in one word: digest subscribers tag TAG --segment …"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_AGO = re.compile(r"(?:today-)?(\d{1,5})([dw])")
_DATES = "A day is 2026-01-31, today, or one of the past: 90d is the day 90 days ago."
_FORMATS = ("html", "text")


class _Reading:
    """Turns the words of one expression into rules, or says which word is wrong."""

    def __init__(self, text: str, vocabulary: Vocabulary) -> None:
        self.text = text
        self.vocabulary = vocabulary

    def rule(self, node: Node) -> Rule:
        return self._term(node) if isinstance(node, Term) else self._joined(node)

    def _joined(self, node: Joined) -> Rule:
        rules = [self.rule(part) for part in node.parts]
        if node.word == "not":
            return Not(rules[0])
        if node.word == "":
            return rules[0]
        kind = Every if node.word == "and" else Some
        flat = (inner.of if isinstance(inner, kind) else (inner,) for inner in rules)
        return kind(tuple(rule for group in flat for rule in group))

    def _term(self, term: Term) -> Rule:
        name = term.name.text.lower()
        if name not in set(Field):
            near = did_you_mean(name, [each.value for each in Field])
            hint = f"There are: {', '.join(Field)}."
            raise self._wrong(term.name, f"no such field{near}", hint)
        field = Field(name)
        if field in {Field.JOINED, Field.ACTIVE}:
            return self._when(field, term)
        if term.operator.text != ":":
            hint = f"Write it as {field}:{_EXAMPLES[field]}."
            raise self._wrong(term.operator, f"{field} is followed by a colon", hint)
        values = [_READERS[field](self, word) for word in term.values]
        return Has(field, tuple(dict.fromkeys(values)))

    def _when(self, field: Field, term: Term) -> Rule:
        if term.operator.text == ":":
            hint = f"Write it as {field}>90d or {field}<2026-01-01."
            raise self._wrong(term.operator, f"{field} is compared by < <= > >= or =", hint)
        if len(term.values) > 1:
            raise self._wrong(term.values[1], f"{field} is compared with one day", _DATES)
        return When(field, Compared(term.operator.text), self._day(term.values[0]))

    def _day(self, word: Word) -> date | Ago:
        told = word.text.lower()
        if told == "today":
            return Ago(0)
        if ago := _AGO.fullmatch(told):
            days = int(ago[1]) * (7 if ago[2] == "w" else 1)
            if days <= _MOST_DAYS:
                return Ago(days)
        elif _DATE.fullmatch(told) and int(told[:4]) in _YEARS:
            try:
                return date.fromisoformat(told)
            except ValueError as error:
                raise self._wrong(word, "there is no such day", _DATES) from error
        raise self._wrong(word, "not a day", _DATES)

    def newsletter(self, word: Word) -> str:
        return self._one_of(word, word.text.lower(), self.vocabulary.topics, "newsletter")

    def topic(self, word: Word) -> str:
        slug, key = parts_of(word.text.lower())
        if slug is not None:
            self._one_of(word, slug, self.vocabulary.topics, "newsletter")
            self._one_of(word, key, self.vocabulary.topics[slug], f"topic of {slug}")
            return f"{slug}/{key}"
        known = dict.fromkeys(key for keys in self.vocabulary.topics.values() for key in keys)
        return self._one_of(word, key, known, "topic")

    def state(self, word: Word) -> str:
        slug, state = parts_of(word.text.lower())
        if slug is not None:
            self._one_of(word, slug, self.vocabulary.topics, "newsletter")
        self._one_of(word, state, [each.value for each in SubscriptionState], "state")
        return state if slug is None else f"{slug}/{state}"

    def format(self, word: Word) -> str:
        return self._one_of(word, word.text.lower(), _FORMATS, "format")

    def language(self, word: Word) -> str:
        tag = word.text.replace("_", "-").lower()
        if not LANGUAGE_TAG.fullmatch(tag):
            raise self._wrong(word, "not a language", "Write it as de or pt-BR.")
        return tag

    def zone(self, word: Word) -> str:
        zones = _zones()
        if found := zones.get(word.text.lower()):
            return found
        near = did_you_mean(word.text, zones.values())
        raise self._wrong(word, f"no such time zone{near}", "As in Europe/London or Europe/*.")

    def tag(self, word: Word) -> str:
        try:
            tag = read_tag(word.text)
        except UsageError as error:
            raise self._wrong(word, str(error).rpartition(": ")[2], error.hint) from error
        known = self.vocabulary.tags
        return tag if known is None else self._one_of(word, tag, known, "tag")

    def domain(self, word: Word) -> str:
        return self._key(word, f"name@{word.text.removeprefix('@')}").rpartition("@")[2]

    def address(self, word: Word) -> str:
        return self._key(word, word.text)

    def _key(self, word: Word, address: str) -> str:
        try:
            return read_address(address).key
        except AddressError as error:
            cause = str(error).rpartition(": ")[2]
            raise self._wrong(word, cause, "Write it as domain:gmail.com.") from error

    def _one_of(self, word: Word, name: str, known: Collection[str], what: str) -> str:
        if name in known:
            return name
        some = sorted(known)[:_SOME]
        more = " …" if len(known) > _SOME else ""
        hint = f"There are: {', '.join(some) or 'none'}{more}"
        raise self._wrong(word, f"no such {what}{did_you_mean(name, known)}", hint)

    def _wrong(self, word: Word, cause: str, hint: str) -> SegmentError:
        shown = word.text if len(word.text) <= _SHOWN else f"{word.text[:_SHOWN]}…"
        return SegmentError(self.text, word.at, f"{_quoted_for_people(shown)}: {cause}", hint=hint)


_SOME = 12
_SHOWN = 40
_READERS: Mapping[Field, Callable[[_Reading, Word], str]] = {
    Field.NEWSLETTER: _Reading.newsletter,
    Field.TOPIC: _Reading.topic,
    Field.LANGUAGE: _Reading.language,
    Field.ZONE: _Reading.zone,
    Field.TAG: _Reading.tag,
    Field.STATE: _Reading.state,
    Field.FORMAT: _Reading.format,
    Field.DOMAIN: _Reading.domain,
    Field.ADDRESS: _Reading.address,
}
_EXAMPLES: Mapping[Field, str] = {
    Field.NEWSLETTER: "daily",
    Field.TOPIC: "sport",
    Field.LANGUAGE: "de",
    Field.ZONE: "Europe/London",
    Field.TAG: "member",
    Field.STATE: "confirmed",
    Field.FORMAT: "text",
    Field.DOMAIN: "gmail.com",
    Field.ADDRESS: '"ann@reader.example"',
}
_WORD = re.compile(r'[^\s()"<>=:\\]+')


@cache
def _zones() -> dict[str, str]:
    """Map what may be typed to the name: each zone, and `Europe/*` for each first part."""
    names = sorted(available_timezones())
    areas = {f"{name.rpartition('/')[0]}/*" for name in names if "/" in name}
    return {name.lower(): name for name in (*names, *sorted(areas))}


def _quoted_for_people(text: str) -> str:
    return repr(text) if text.isprintable() else ascii(text)


def _written(rule: Rule) -> str:
    if isinstance(rule, Not):
        return f"not {_bracketed(rule.of, Every, Some)}"
    if isinstance(rule, Every):
        return " and ".join(_bracketed(each, Every, Some) for each in rule.of)
    if isinstance(rule, Some):
        return " or ".join(_bracketed(each, Some) for each in rule.of)
    if isinstance(rule, When):
        return f"{rule.field}{rule.compared}{_day_text(rule.day)}"
    values = [_value_text(value) for value in rule.values]
    return f"{rule.field}:{values[0] if len(values) == 1 else '(' + ' or '.join(values) + ')'}"


def _without_addresses(rule: Rule) -> Rule:
    if isinstance(rule, Has):
        return Has(rule.field, ("…",)) if rule.field is Field.ADDRESS else rule
    if isinstance(rule, Not):
        return Not(_without_addresses(rule.of))
    if isinstance(rule, When):
        return rule
    return type(rule)(tuple(map(_without_addresses, rule.of)))


def _bracketed(rule: Rule, *kinds: type[Rule]) -> str:
    text = _written(rule)
    return f"({text})" if isinstance(rule, kinds) else text


def _day_text(day: date | Ago) -> str:
    if isinstance(day, date):
        return day.isoformat()
    return f"today-{day.days}d" if day.days else "today"


def _value_text(value: str) -> str:
    if _WORD.fullmatch(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
