"""Pure. A table of the settings as a form: what the file settles, what is kept, what is typed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from digest.config.kept import (
    Faults,
    Field,
    Kind,
    Place,
    fields_of,
    typed_text,
    value_at,
)
from digest.config.values import WEEKDAYS
from digest.kept_settings import Written
from digest.workflow.kept_store import KeptTable

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class Shown:
    """One setting on the form."""

    field: Field
    text: str
    """As it stands in the field: what was typed, or is kept."""
    usual: str
    """What is in force where the field is left empty."""
    locked: str = ""
    """Where the file or a variable settles it; nothing where the desk may change it."""
    fault: str = ""
    pointer: str = ""
    """Below a fault: the place in what was typed, and the mark under it."""
    is_kept: bool = False
    options: tuple[tuple[str, str], ...] = ()
    """Of a choice: value and words."""

    @property
    def id(self) -> str:
        """Name its field on the page."""
        return f"set-{self.field.name.replace('.', '-').replace('_', '-')}"

    @property
    def days(self) -> list[tuple[str, str, bool]]:
        """Give the weekdays: key, name, and whether the newsletter comes on it."""
        chosen = {part.strip() for part in self.text.replace("\n", ",").split(",")}
        return [(key, name, key in chosen) for key, name in zip(WEEKDAYS, _DAYS, strict=True)]

    @property
    def is_long(self) -> bool:
        """Whether it needs several lines."""
        return self.field.kind is Kind.SLOTS or self.field.name == "not_on"


@dataclass(frozen=True, slots=True)
class SetForm:
    """A whole table as a form, and what is wrong with it as a whole."""

    shown: tuple[Shown, ...]
    faults: tuple[str, ...] = ()
    version: int = 0

    @property
    def groups(self) -> list[tuple[str, list[Shown]]]:
        """Give the settings by their group, in order."""
        found: dict[str, list[Shown]] = {}
        for each in self.shown:
            found.setdefault(each.field.group, []).append(each)
        return list(found.items())

    @property
    def is_free(self) -> bool:
        """Whether there is anything that the desk may change."""
        return any(not each.locked for each in self.shown)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the settings: what is written of it, what the desk keeps, and what is in force."""

    place: Place
    written: Written
    kept: KeptTable | None
    values: Mapping[str, Any]
    """What is in force, as JSON has it."""


def form_of(
    table: Table,
    *,
    options: Mapping[str, Sequence[tuple[str, str]]],
    typed: Mapping[str, Sequence[str]] | None = None,
    faults: Faults | None = None,
    version: int | None = None,
) -> SetForm:
    """Make the form; with `typed` it shows that, each fault at its own field."""
    faults = faults or {}
    shown = tuple(
        _shown(field, table, options.get(field.name, ()), typed, faults)
        for field in fields_of(table.place)
    )
    told = {place for each in shown for place in _at(faults, (*table.place, each.field.name))}
    rest = (
        said if place == table.place else f"{_name(place, table.place)}: {said}"
        for place, said in faults.items()
        if place not in told
    )
    seen = version if version is not None else table.kept.version if table.kept else 0
    return SetForm(shown, tuple(rest), seen)


def _shown(
    field: Field,
    table: Table,
    options: Sequence[tuple[str, str]],
    typed: Mapping[str, Sequence[str]] | None,
    faults: Faults,
) -> Shown:
    place = (*table.place, *field.name.split("."))
    locked = table.written.locked_at(place)
    value = value_at(table.values, field.name)
    kept = table.kept.values if table.kept else {}
    text = typed_text(field, value)
    if locked is None and typed is not None:
        text = "\n".join(typed.get(field.name, ()))
    elif locked is None and field.kind not in {Kind.DAYS, Kind.YES, Kind.CHOICE}:
        text = typed_text(field, kept.get(field.name))
    said = [faults[each] for each in _at(faults, (*table.place, field.name))]
    heads = [each.partition("\n")[0] for each in said]
    return Shown(
        field,
        text,
        usual="" if field.name in kept else typed_text(field, value),
        locked=table.written.where(locked) if locked is not None else "",
        fault=" ".join(f"{each[:1].upper()}{each[1:]}." for each in heads),
        pointer="\n".join(each.partition("\n")[2] for each in said).strip("\n"),
        is_kept=field.name in kept,
        options=tuple(options),
    )


def _at(faults: Faults, place: Place) -> list[Place]:
    """Give the places of faults that lie at or below a setting, whose name may be dotted."""
    whole = (*place[:-1], *place[-1].split("."))
    return [each for each in faults if each[: len(whole)] == whole]


def _name(place: Place, table: Place) -> str:
    """Name a place on its own page: what stands in another table keeps its whole name."""
    own = place[len(table) :] if place[: len(table)] == table else place
    return ".".join(own)
