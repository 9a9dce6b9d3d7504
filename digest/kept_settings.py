"""Door to the settings in force: digest.toml, the variables, and what the desk keeps beside them.

The file stands wherever it says something. What the desk keeps is tried by the same code before it
is written, and tried again each time the settings are read: what does not go with the file any
more is left out and told, so that a changed file never keeps a site from starting.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from digest.cadence_check import cadence_faults
from digest.config import Settings, load
from digest.config.kept import (
    KeptError,
    Place,
    Values,
    fields_of,
    given_in,
    with_kept,
    written_at,
)
from digest.config.lines import line_of, lines_of
from digest.config.reading import PREFIX
from digest.db import Database
from digest.errors import ConflictError
from digest.people.store import append_audit
from digest.site_values import audience_of
from digest.workflow import kept_store
from digest.workflow.kept_store import KeptTable
from subscribers.segment_fault import SegmentError

Kept = Mapping[Place, KeptTable]


@dataclass(frozen=True, slots=True)
class Written:
    """What digest.toml and the variables say, and where; None for settings that no file made."""

    base: Settings
    given: frozenset[Place]
    path: Path | None = None
    lines: Mapping[Place, int] = field(default_factory=dict)

    def locked_at(self, place: Place) -> Place | None:
        """Give the place by which the file or a variable settles a setting; None: it is free."""
        return written_at(self.given, place)

    def where(self, place: Place) -> str:
        """Say where a setting is made that is not the desk's: the variable, or file and line."""
        variable = PREFIX + "__".join(place).upper()
        if any(name.upper() == variable for name in os.environ):
            return variable
        if self.path is None:
            return "what this site was started with"
        line = line_of(dict(self.lines), place)
        return f"{self.path.name}, line {line}" if line else self.path.name


def read_written(running: Settings) -> Written:
    """Read what is written now; where no file made the settings, they are all there is.

    Raises SettingsError.
    """
    path = running.file
    if path is None:
        return Written(running, given_in(running))
    lines = lines_of(path.read_text("utf-8-sig"))
    return Written(load(path), given_in(load(path, resolve=False)), path, lines)


def in_force(written: Written, kept: Kept) -> tuple[Settings, tuple[str, ...]]:
    """Give the settings in force, and a sentence for each table of the desk's that is left out."""
    tables = {place: each.values for place, each in kept.items()}
    try:
        return _together(written, tables), ()
    except KeptError:
        return _without_faulty(written, tables)


def _together(written: Written, tables: Mapping[Place, Values]) -> Settings:
    """Give the settings with these tables, whose audiences can be read. Raises KeptError."""
    settings = with_kept(written.base, written.given, tables)
    faults = {
        place: said
        for table in tables
        if table[0] == "newsletters"
        for place, said in _audience_faults(settings, table[-1])
    }
    if faults:
        raise KeptError(faults)
    return settings


def _audience_faults(settings: Settings, slug: str) -> Iterator[tuple[Place, str]]:
    """Say where an audience cannot be read: a topic may have left the file since."""
    if slug not in settings.newsletters:
        return
    try:
        audience_of(slug, settings)
    except SegmentError as error:
        yield ("newsletters", slug, "audience"), "\n".join((error.cause, *error.pointer))


def _without_faulty(
    written: Written, tables: Mapping[Place, Values]
) -> tuple[Settings, tuple[str, ...]]:
    """Take the tables one by one, so that one that does not go costs the others nothing."""
    good: dict[Place, Values] = {}
    settings, told = written.base, []
    for place, values in tables.items():
        try:
            settings = _together(written, {**good, place: values})
        except KeptError as error:
            told.append(f"what the desk changed in {'.'.join(place)} is left out: {error}")
        else:
            good[place] = values
    return settings, tuple(told)


def settings_with_desk(settings: Settings, database: Database) -> tuple[Settings, tuple[str, ...]]:
    """Give the settings in force of an installation that was opened with a file's."""
    with database.read() as connection:
        kept = kept_store.kept_tables(connection)
    if not any(each.values for each in kept.values()):
        return settings, ()
    return in_force(read_written(settings), kept)


@dataclass(frozen=True, slots=True)
class Change:
    """A table of the settings as somebody wants it on the desk; `version` is the one they saw."""

    place: Place
    values: Values
    version: int
    by: str


def try_change(
    written: Written,
    kept: Kept,
    change: Change,
    *,
    now: datetime,
    is_letter: Callable[[str], bool],
) -> Settings:
    """Give the settings as they would be. Raises KeptError, with a sentence at each fault.

    `is_letter` tells whether there is a template of a name. `now` is aware UTC.
    """
    tables = {place: each.values for place, each in kept.items() if place != change.place}
    good = _sound(written, tables)
    settings = with_kept(written.base, written.given, {**good, change.place: change.values})
    faults = dict(_faults(settings, change.place, now, is_letter))
    if faults:
        raise KeptError(faults)
    return settings


def _sound(written: Written, tables: Mapping[Place, Values]) -> dict[Place, Values]:
    """Leave out the other tables that do not go by now: they are not this person's fault."""
    good: dict[Place, Values] = {}
    for place, values in tables.items():
        try:
            with_kept(written.base, written.given, {**good, place: values})
        except KeptError:
            continue
        good[place] = values
    return good


def _faults(
    settings: Settings, place: Place, now: datetime, is_letter: Callable[[str], bool]
) -> Iterator[tuple[Place, str]]:
    slug = place[-1]
    if place[0] != "newsletters" or slug not in settings.newsletters:
        return
    template = settings.newsletters[slug].template
    if not is_letter(template):
        yield (*place, "template"), f"there is no letter of that name: {template!r}"
    yield from _audience_faults(settings, slug)
    yield from (each for each in cadence_faults(settings, now) if each[0][:2] == place)


def save_change(
    database: Database,
    written: Written,
    change: Change,
    *,
    now: datetime,
    is_letter: Callable[[str], bool],
) -> Settings:
    """Keep a change beside the file; give the settings as they are from now on. It is audited.

    Raises KeptError for what cannot be, ConflictError when somebody else changed the table since.
    """
    with database.read() as connection:
        kept = kept_store.kept_tables(connection)
    before = kept.get(change.place)
    if (before.version if before else 0) != change.version:
        raise _overtaken(before)
    settings = try_change(written, kept, change, now=now, is_letter=is_letter)
    if dict(before.values if before else {}) == dict(change.values):
        return settings  # nothing new: what runs need not begin anew
    with database.write() as connection:
        done = kept_store.keep(
            connection, change.place, change.values, version=change.version, by=change.by, at=now
        )
        if done:
            append_audit(
                connection,
                at=now,
                actor=change.by,
                verb="settings.change",
                subject=".".join(change.place),
                detail=differences(before.values if before else {}, change.values),
            )
    if not done:
        raise _overtaken(before)
    return settings


def differences(before: Values, after: Values) -> dict[str, list[Any]]:
    """Give what changed, as [before, after] by name; None where the default is in force."""
    return {
        name: [before.get(name), after.get(name)]
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


def _overtaken(before: KeptTable | None) -> ConflictError:
    who = before.changed_by if before else "somebody else"
    return ConflictError(
        f"settings: {who} has changed this since you opened it: nothing was saved",
        hint="What is in force now stands beside what you typed.",
    )


def letter_field(place: Place, name: str) -> Place:
    """Give the place of a field below its table."""
    return (*place, *name.split("."))


def locked_names(written: Written, place: Place) -> frozenset[str]:
    """Give the names of a table's fields that the file or a variable settles."""
    return frozenset(
        each.name
        for each in fields_of(place)
        if written.locked_at(letter_field(place, each.name)) is not None
    )
