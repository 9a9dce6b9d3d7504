"""Pure. The notices: what facts each is made of, and the title it goes under.

Facts come from the outbox as JSON. Templates get them checked, cleaned and in words of their
language, so that a fact that is missing is told by its name and never leaves a gap in a mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

from digest.composition.language import Language
from digest.composition.links import safe_link
from digest.composition.moments import moment_words
from digest.composition.names import apart, joined
from digest.composition.text import clean
from digest.errors import CompositionError

DRAFT: Final = "draft"
"""The event of an edition that waits for its editors."""

WARNING: Final = "warning"
"""The mark of a row that tells the editors of something to look at."""

CHANGED: Final = "changed"
"""What a mail with a link tells the old address of a reader; alone of its kind it may have none."""


class FactKind(StrEnum):
    """What a fact is, as it stands in the outbox, and what a template gets of it."""

    WORDS = "words"
    """Text on its own, on one line."""
    NAME = "a name"
    """Text within a sentence of ours: set apart where it is written the other way round."""
    NAMES = "names"
    """A name, or a list of names: joined as the language joins them."""
    LINK = "a link"
    """An address that may stand in a mail."""
    COUNT = "a number"
    """A whole number, not negative."""
    ROWS = "rows"
    """Pairs of a mark and words: a tuple of `Row`."""
    FIRSTS = "first letters"
    """Lists of a name, a moment (ISO 8601 with its offset, or "") and a zone: a tuple of `First`.

    The moment is when the first letter comes; the zone (IANA) is the one it is told in.
    """


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a notice; without an optional one the template gets nothing of its kind."""

    kind: FactKind
    required: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A line of an editors' notice: `mark` as it was written, `label` as it is shown."""

    mark: str
    label: str
    words: str

    @property
    def is_warning(self) -> bool:
        """Whether somebody should look at it."""
        return self.mark == WARNING


@dataclass(frozen=True, slots=True)
class First:
    """A newsletter that was joined, and when its first letter comes; "" when nobody knows."""

    name: str
    when: str


_WORDS, _ROWS = Fact(FactKind.WORDS, required=False), Fact(FactKind.ROWS, required=False)
_COUNT = Fact(FactKind.COUNT, required=False)
_READER = {"newsletter": Fact(FactKind.NAMES), "address": Fact(FactKind.NAME)}

FACTS: Final[Mapping[str, Mapping[str, Fact]]] = MappingProxyType(
    {
        "confirm": {**_READER, "confirm_url": Fact(FactKind.LINK), "valid_days": _COUNT},
        "welcome": {
            **_READER,
            "letters": Fact(FactKind.FIRSTS, required=False),
            "latest_url": Fact(FactKind.LINK, required=False),
            "unsubscribe_url": Fact(FactKind.LINK),
            "preferences_url": Fact(FactKind.LINK, required=False),
        },
        "goodbye": {**_READER, "back_url": Fact(FactKind.LINK)},
        "address": {**_READER, "confirm_url": Fact(FactKind.LINK), "valid_days": _COUNT},
        "link": {
            "what": Fact(FactKind.WORDS),
            "address": Fact(FactKind.NAME),
            "link_url": Fact(FactKind.LINK, required=False),
            "valid_days": _COUNT,
        },
        "sign-in": {
            "address": Fact(FactKind.NAME),
            "sign_in_url": Fact(FactKind.LINK),
            "valid_minutes": Fact(FactKind.COUNT),
        },
        "editors": {
            "headline": Fact(FactKind.WORDS),
            "edition": _WORDS,
            "event": _WORDS,
            "reason": _WORDS,
            "rows": _ROWS,
            "url": Fact(FactKind.LINK, required=False),
        },
        "operators": {"what": Fact(FactKind.WORDS), "detail": _WORDS, "remedy": _WORDS},
    }
)
"""The facts of each notice by its kind. Any may also have `language`: the tag it is written in."""


def facts_for(kind: str, facts: Mapping[str, object], *, language: Language) -> dict[str, object]:
    """Check the facts of a notice and say them in its language; what it does not know is dropped.

    Raises:
        CompositionError: naming notice and fact, for one that is missing or no such thing, and for
            a kind of notice that there is not.
    """
    if kind not in FACTS:
        raise CompositionError(
            f"notice: {kind}: there is none of this kind", template=kind, hint=_OUR_MISTAKE
        )
    given: dict[str, object] = {}
    for name, fact in FACTS[kind].items():
        value = facts.get(name)
        given[name] = made = _read(kind, name, fact.kind, value, language=language)
        if fact.required and not made:
            raise _wrong(kind, name, "is missing")
    if kind == "link" and not given["link_url"] and given["what"] != CHANGED:
        raise _wrong(kind, "link_url", "is missing")
    return given


def title_of(kind: str, given: Mapping[str, object], *, language: Language) -> str:
    """Give what heads a notice, from facts that `facts_for` gave: its h1, never its subject."""
    return _TITLES[kind](given, language)


_OUR_MISTAKE: Final = "This is a mistake in the program that wrote the notice: report it."


def _event_title(given: Mapping[str, object], language: Language) -> str:
    edition = apart(str(given["edition"]), language)
    say = _EVENTS.get(str(given["event"]))
    if not edition or say is None:
        return str(given["headline"])
    rows = given["rows"]
    if given["event"] == "missed" and isinstance(rows, tuple) and len(rows) > 1:
        return language.count("# edition was missed", "# editions were missed", len(rows))
    return say(edition, language)


def _own_page(language: Language) -> str:
    return language.say("Your preferences")


_Title = Callable[[Mapping[str, object], Language], str]

_EVENTS: Final[Mapping[str, Callable[[str, Language], str]]] = {
    "held": lambda edition, language: language.say("%(edition)s is held", edition=edition),
    "skipped": lambda edition, language: language.say("%(edition)s was skipped", edition=edition),
    "expired": lambda edition, language: language.say("%(edition)s has expired", edition=edition),
    "missed": lambda edition, language: language.say("%(edition)s was missed", edition=edition),
}
_LINKS: Final[Mapping[str, Callable[[Language], str]]] = {
    "data": lambda language: language.say("All that we keep about you"),
    "erase": lambda language: language.say("Shall we erase what we keep about you?"),
    CHANGED: lambda language: language.say("Your address was changed"),
}
_TITLES: Final[Mapping[str, _Title]] = {
    "confirm": lambda given, language: language.say("Shall we send you %(newsletter)s?", **given),
    "welcome": lambda given, language: language.say("Welcome to %(newsletter)s", **given),
    "goodbye": lambda _, language: language.say("You are unsubscribed"),
    "address": lambda _, language: language.say("Is this your new address?"),
    "link": lambda given, language: _LINKS.get(str(given["what"]), _own_page)(language),
    "sign-in": lambda _, language: language.say("Sign in to the desk"),
    "editors": _event_title,
    "operators": lambda given, language: language.say("Needs you: %(what)s", **given),
}


def _read(kind: str, name: str, wanted: FactKind, value: object, *, language: Language) -> object:
    """Read one fact; None, as JSON has it, is nothing of its kind.

    Raises CompositionError for a value that is no such thing.
    """
    try:
        return _READERS[wanted](value, language)
    except (TypeError, ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise _wrong(kind, name, f"is not {wanted}") from error


def _words(value: object, _language: Language) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise TypeError
    return clean(str(value))


def _name(value: object, language: Language) -> str:
    return str(apart(_words(value, language), language))


def _names(value: object, language: Language) -> str:
    names = value if isinstance(value, (list, tuple)) else [value]
    return str(joined([_words(each, language) for each in names], language))


def _link(value: object, language: Language) -> str:
    written = _words(value, language)
    link = safe_link(written)
    if written and link is None:
        raise ValueError
    return link or ""


def _count(value: object, _language: Language) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    if value < 0:
        raise ValueError
    return value


def _rows(value: object, language: Language) -> tuple[Row, ...]:
    rows = []
    for mark, words in _listed(value):
        written = _words(mark, language)
        rows.append(Row(written, _label(written, language), _words(words, language)))
    return tuple(rows)


def _firsts(value: object, language: Language) -> tuple[First, ...]:
    return tuple(
        First(_name(name, language), _when(_words(moment, language), str(zone), language))
        for name, moment, zone in _listed(value)
    )


_READERS: Final[Mapping[FactKind, Callable[[object, Language], object]]] = {
    FactKind.WORDS: _words,
    FactKind.NAME: _name,
    FactKind.NAMES: _names,
    FactKind.LINK: _link,
    FactKind.COUNT: _count,
    FactKind.ROWS: _rows,
    FactKind.FIRSTS: _firsts,
}


def _listed(value: object) -> list[list[object]]:
    """Read a list of lists. Raises TypeError."""
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        raise TypeError
    if not all(isinstance(each, (list, tuple)) for each in value):
        raise TypeError
    return [list(each) for each in value]


def _when(moment: str, zone: str, language: Language) -> str:
    """Say when something comes, as "Monday 12 January at 07:00, London time"."""
    if not moment:
        return ""
    at = datetime.fromisoformat(moment)
    if at.tzinfo is None:
        raise ValueError
    return str(moment_words(at, zone, language))


def _label(mark: str, language: Language) -> str:
    """Say what a row is: where a story stands, a warning; an unknown mark as it was written."""
    known = {
        "lead": language.say("Lead"),
        "top": language.say("Top story"),
        "section": language.say("Section"),
        "brief": language.say("In brief"),
        "missed": language.say("Missed"),
    }
    return known.get(mark, mark[:1].upper() + mark[1:])


def _wrong(kind: str, name: str, cause: str) -> CompositionError:
    return CompositionError(
        f"notice: {kind}: the fact {name!r} {cause}", template=kind, hint=_OUR_MISTAKE
    )
