"""Pure. What the desk may change of the settings: what digest.toml and the variables leave out.

What somebody wrote there stands; the desk keeps values beside it, a table at a time, and both
together are read by the same code as the file alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ValidationError

from digest.config.crossing import cross_errors
from digest.config.model import Settings

Place = tuple[str, ...]
"""Where a setting stands, as ("newsletters", "daily", "stories", "min")."""
Values = Mapping[str, Any]
"""What is kept of one table: by the dotted name below it, as `stories.min`, written as in TOML."""
Faults = Mapping[Place, str]


class Kind(StrEnum):
    """How a setting is asked for."""

    LINE = "line"
    NUMBER = "number"
    LIST = "list"
    DAYS = "days"
    SLOTS = "slots"
    YES = "yes"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Field:
    """One setting that the desk may change where the file leaves it out."""

    name: str
    title: str
    group: str
    kind: Kind = Kind.LINE
    said: str = ""
    """How it is written, and what it does."""
    default: bool = False
    """Of a yes or no: what it is when nobody says it."""
    usual: str = ""
    """Of a choice: the one that is in force when nobody makes it."""


_CADENCE, _STORIES, _RELEASE, _READERS, _LIMITS = (
    *("When it comes", "Stories", "Release", "Readers"),
    "Limits",
)
NEWSLETTER_FIELDS: tuple[Field, ...] = (
    Field("name", "Name", "Name", said="As readers see it."),
    Field("template", "Template", "Name", Kind.CHOICE, usual="daily"),
    Field("language", "Language", "Name", said="A tag, as en or de; left empty: the site's."),
    Field("languages", "Also made in", "Name", Kind.LIST, "Tags, as de, fr."),
    Field("days", "Days", _CADENCE, Kind.DAYS, "No day at all: it is made by hand only."),
    Field(
        *("monthly", "Days of the month", _CADENCE, Kind.LIST),
        "As 1, 15, last, first mon or last fri.",
    ),
    Field("cut_off", "Cut-off", _CADENCE, said="When the draft is made: 06:30, or 30m before."),
    Field("send_at", "Sent at", _CADENCE, said="An hour of the newsletter's own zone: 07:00."),
    Field(
        *("slots", "Several a day", _CADENCE, Kind.SLOTS),
        "In place of the two hours: a line each, as: noon 11:30 12:00",
    ),
    Field("timezone", "Time zone", _CADENCE, said="As Europe/London; left empty: the site's."),
    Field(
        *("not_on", "Not on", _CADENCE, Kind.LIST),
        "Holidays: 2026-12-25, 2026-12-28..2027-01-01. Stories wait for the next edition.",
    ),
    Field("stories.min", "At least", _STORIES, Kind.NUMBER, "Fewer new ones: no edition."),
    Field("stories.top", "Top stories", _STORIES, Kind.NUMBER),
    Field("stories.max", "At most", _STORIES, Kind.NUMBER),
    Field("stories.per_section", "In each section", _STORIES, Kind.NUMBER),
    Field("stories.max_age", "Not older than", _STORIES, said="As 48h or 8d."),
    Field("sections", "Sections", _STORIES, Kind.LIST, "Their names, in this order."),
    Field("sponsor_slot", "Sponsor", _STORIES, said="As after top, after lead or end."),
    Field(
        *("brief_if_sent_in", "Only in brief, if sent in", _STORIES, Kind.LIST),
        "Newsletters: what those carried gets one line in In brief.",
    ),
    Field("release", "Release", _RELEASE, said="approve, auto, or auto-after 20m."),
    Field("expires_after", "Given up after", _RELEASE, said="As 12h; else at the next cut-off."),
    Field("spread", "Leaves over", _RELEASE, said="As 30m, so that no provider is hit at once."),
    Field("urgent", "Goes before the others", _RELEASE, Kind.YES),
    Field("audience", "Only to", _READERS, said="A segment, as topic:sport; left empty: all."),
    Field("offered", "Offered on the form", _READERS, Kind.YES, default=True),
    Field("hours", "Hours readers may choose", _READERS, Kind.LIST, "As 07:00, 18:00."),
    Field("weekly_twin", "Less often is", _READERS, Kind.CHOICE),
    Field("limits.per_day", "By hand, a day", _LIMITS, Kind.NUMBER, "Editions made by hand."),
    Field("limits.quiet", "None by hand between", _LIMITS, said="As 22:00-06:30."),
)
SITE_FIELDS: tuple[Field, ...] = (
    Field("language", "Language", "Site", said="A tag, as en or de."),
    Field("brand.accent", "Accent colour", "Site", said="As #0B4F8A."),
    Field("brand.accent_dark", "Accent in dark mode", "Site", said="Left empty: made of it."),
    Field("brand.typeface", "Headlines in", "Site", Kind.CHOICE, usual="serif"),
)


def fields_of(table: Place) -> tuple[Field, ...]:
    """Give what the desk may change of a table; nothing for one it may not touch."""
    if table == ("site",):
        return SITE_FIELDS
    return NEWSLETTER_FIELDS if table[:1] == ("newsletters",) and len(table) == 2 else ()  # noqa: PLR2004 - and its name


def given_in(settings: Settings) -> frozenset[Place]:
    """Give the places that were written, of settings loaded without resolving them."""
    return frozenset(_written(settings, ()))


def _written(value: object, place: Place) -> Iterator[Place]:
    if isinstance(value, BaseModel):
        fields = type(value).model_fields
        for name in value.model_fields_set:
            yield from _written(getattr(value, name), (*place, fields[name].alias or name))
    elif isinstance(value, Mapping):  # an empty table settles nothing
        for name, item in value.items():
            yield from _written(item, (*place, str(name)))
    else:
        yield place


def written_at(given: frozenset[Place], place: Place) -> Place | None:
    """Give the place by which the file settles a setting: its own, or one in or around it."""
    for each in given:
        shorter = min(len(each), len(place))
        if each[:shorter] == place[:shorter]:
            return each
    return None


def with_kept(base: Settings, given: frozenset[Place], kept: Mapping[Place, Values]) -> Settings:
    """Give the settings of the file with what the desk keeps beside them.

    `base` has its files of secrets read. Raises KeptError, which names each fault by its place.
    """
    raw = base.model_dump(by_alias=True)
    for table, values in kept.items():
        if values:  # emptied: nothing is kept of it any more
            _lay(raw, table, _only(given, table, values))
    faults = dict(cross_errors(raw))
    try:
        settings = Settings.model_validate(raw)
    except ValidationError as error:
        for item in error.errors():
            place = tuple(str(part) for part in item["loc"] if part != "[key]")
            faults.setdefault(place, _sentence(item["type"], item["msg"]))
        raise KeptError(faults) from error
    if faults:
        raise KeptError(faults)
    return settings if base.file is None else settings.read_from(base.file)


class KeptError(ValueError):
    """What the desk keeps does not go with the file; `faults` has a sentence for each place."""

    def __init__(self, faults: Faults) -> None:
        """Keep the faults apart, so that a form can show each at its own field."""
        super().__init__("; ".join(f"{'.'.join(at)}: {said}" for at, said in faults.items()))
        self.faults = dict(faults)


def _only(given: frozenset[Place], table: Place, values: Values) -> dict[str, Any]:
    """Leave out what the file says by now, and what no desk may change."""
    known = {field.name for field in fields_of(table)}
    return {
        name: value
        for name, value in values.items()
        if name in known and written_at(given, (*table, *name.split("."))) is None
    }


def _lay(raw: dict[str, Any], table: Place, values: Values) -> None:
    """Put the kept values into the raw tables; what was only a default gives way."""
    under = raw
    for part in table:
        under = under.setdefault(part, {})
    for name, value in values.items():
        *path, last = name.split(".")
        within = under
        for part in path:
            if within.get(part) is None:
                within[part] = {}
            within = within[part]
        within[last] = value


def _sentence(kind: str, message: str) -> str:
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch":
        return "is not written as it must be: lower-case letters, digits and dashes"
    return message.removeprefix("Value error, ").removeprefix("Input ")


# What people type


def read_values(
    fields: Sequence[Field], typed: Mapping[str, Sequence[str]], locked: frozenset[str]
) -> dict[str, Any]:
    """Read a form into values as TOML would hold them; what is empty is left out.

    Nothing is judged here: the settings' own code does that. `locked` are the names that the file
    settles.
    """
    found: dict[str, Any] = {}
    for field in fields:
        if field.name in locked:
            continue
        value = _value(field, typed.get(field.name, ()))
        if value is not None:
            found[field.name] = value
    return found


def _value(field: Field, typed: Sequence[str]) -> Any:
    text = "\n".join(typed).strip()
    if field.kind is Kind.YES:
        return None if bool(text) is field.default else bool(text)
    if not text or (field.kind is Kind.CHOICE and text == field.usual):
        return None
    if field.kind is Kind.NUMBER:
        return int(text) if text.isascii() and text.isdigit() else text
    if field.kind is Kind.SLOTS:
        return dict(_slot(line) for line in text.splitlines() if line.strip())
    if field.kind in {Kind.LIST, Kind.DAYS}:
        return [part.strip() for part in text.replace("\n", ",").split(",") if part.strip()]
    return text


def _slot(line: str) -> tuple[str, dict[str, str]]:
    name, _, hours = line.strip().partition(" ")
    cut_off, _, send_at = hours.strip().partition(" ")
    return name, {"cut_off": cut_off, "send_at": send_at.strip()}


def typed_text(field: Field, value: Any) -> str:
    """Write a value of the settings, as their JSON form has it, as people would type it."""
    if value is None:
        return ""
    if field.kind is Kind.YES:
        return "yes" if value else ""
    if field.kind is Kind.SLOTS:
        lines = (f"{name} {slot['cut_off']} {slot['send_at']}" for name, slot in value.items())
        return "\n".join(lines)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def value_at(table: Mapping[str, Any], name: str) -> Any:
    """Find a dotted name in a table of settings; None where there is none."""
    value: Any = table
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
