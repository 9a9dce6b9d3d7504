"""Restore an installation from a backup, so that nobody gets a second copy and who left stays out.

The settings are written last: before that there is nothing in the folder that could be started.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest.clock import Clock
from digest.db import Connection, Database
from digest.editions import store as editions
from digest.editions.address import slot_address
from digest.editions.cadence import slots_between
from digest.editions.model import Cadence, Slot, SlotState
from digest.errors import DatabaseError, DigestError
from digest.log import event
from digest.people import user_store
from digest.workflow import file_store, pg_programs, restore_store
from digest.workflow.backup_file import SETTINGS, UNSUBSCRIBES, Manifest, read_manifest, unpack
from digest.workflow.home import freeze
from digest.workflow.replay import replay_departures
from digest.workflow.restore_settings import Layout, moved
from digest.workflow.restore_store import Perhaps
from digest.workflow.store import last_taken
from subscribers.departures import Departures
from subscribers.keys import live_ring, suppression_secret
from subscribers.replay import Replayed
from subscribers.tokens import Keys

_LOG = logging.getLogger(__name__)
_UNFINISHED = f"{SETTINGS}.restoring"
_DUMP = ".database.pgdump"
_NOT_OURS = frozenset({"lost+found"})


@dataclass(frozen=True, slots=True)
class Source:
    """What is restored from; `unsubscribes` is a file of departures that goes on after the backup.

    None: the one the backup names, if it is still there.
    """

    file: Path
    server: str = ""
    """The address of the empty database that a PostgreSQL backup goes into."""
    unsubscribes: Path | None = None


@dataclass(frozen=True, slots=True)
class Restored:
    """A restored installation, frozen; `undecided` may have been sent since the backup."""

    manifest: Manifest
    config: Path
    undecided: tuple[Perhaps, ...]
    replayed: Replayed
    departures_from: Path | None
    """The file that says who left after the backup; None: nobody knows."""
    stopped_notices: int


def restore(
    source: Source,
    into: Path,
    *,
    clock: Clock,
    cadences: Callable[[Path], Mapping[str, Cadence]],
) -> Restored:
    """Restore a backup into an empty folder, frozen; what may have been sent since is marked.

    `cadences` reads from the settings when each newsletter comes. Whatever goes wrong, the folder
    is as empty as before. Raises DigestError when the backup is damaged, when the folder or the
    database is not empty, or when there is no room.
    """
    manifest = read_manifest(source.file)
    unpack(source.file, manifest, lambda _name: None)
    _check_target(source, manifest, into)
    try:
        into.mkdir(parents=True, exist_ok=True)
        return _Restoring(source, manifest, into, clock().astimezone(UTC)).run(cadences)
    except OSError as error:
        _clear(into)
        raise DigestError(f"restore: {error.filename or into}: {error.strerror}") from error
    except BaseException:
        _clear(into)
        raise


def _check_target(source: Source, manifest: Manifest, into: Path) -> None:
    if into.exists() and (not into.is_dir() or _content(into)):
        raise DigestError(
            f"restore: {into}: it is not an empty folder",
            hint="Name a new one: what is there now is not touched.",
        )
    on_server = manifest.database == "postgresql"
    if on_server != bool(source.server):
        raise DigestError(
            f"restore: {source.file}: its database is one of {manifest.database}",
            hint="Make an empty PostgreSQL database and name it: --database postgresql://…"
            if on_server
            else "Leave --database out: it becomes a file in the folder.",
        )
    if on_server:
        database = Database(source.server)
        try:
            with database.read() as connection:
                if not file_store.is_empty(connection):
                    raise DatabaseError(
                        f"restore: {database.url.render_as_string()}: it is not empty",
                        hint="Make a new one with createdb: what is there now is not touched.",
                    )
        finally:
            database.close()


def _content(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name not in _NOT_OURS]


def _clear(folder: Path) -> None:
    """Take away what we put into a folder that was empty."""
    for path in _content(folder) if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _Restoring:
    """One restoring: its parts into a folder, its database, and the marks in it."""

    source: Source
    manifest: Manifest
    into: Path
    now: datetime

    def run(self, cadences: Callable[[Path], Mapping[str, Cadence]]) -> Restored:
        layout = self._unpack()
        departures, since = self._departures(layout)
        database = self._database(layout)
        try:
            database.migrate()
            replayed = self._replay(database, departures, layout)
            stopped = self._mark(database, cadences(self.into / _UNFINISHED))
            with database.read() as connection:
                undecided = tuple(restore_store.undecided(connection))
        finally:
            database.close()
        config = (self.into / _UNFINISHED).replace(self.into / SETTINGS)
        event(_LOG, "restored", snapshot_at=self.manifest.snapshot_at, undecided=len(undecided))
        return Restored(self.manifest, config, undecided, replayed, since, stopped)

    def _unpack(self) -> Layout:
        """Write the parts where the settings look for them; the settings first, to know that."""
        names = [part.name for part in self.manifest.parts]
        written = self.into / _UNFINISHED
        unpack(self.source.file, self.manifest, lambda name: written if name == SETTINGS else None)
        text, layout = moved(written.read_text("utf-8-sig"), server=self.source.server, parts=names)
        written.write_text(text, "utf-8")
        unpack(self.source.file, self.manifest, lambda name: self._place(name, layout))
        return layout

    def _place(self, name: str, layout: Layout) -> Path | None:
        if name == SETTINGS:
            return None
        if name == self.manifest.database_part:
            return self.into / (layout.database or _DUMP)
        if name == UNSUBSCRIBES:
            return self.into / layout.unsubscribes
        if name in layout.brand:
            return self.into / layout.brand[name]
        folder, _, rest = name.partition("/")
        below = {"keys": layout.keys, "templates": layout.templates}.get(folder)
        return None if below is None else self.into / below / rest

    def _departures(self, layout: Layout) -> tuple[Departures, Path | None]:
        """Put what was said after the backup behind what the backup has."""
        file = self.into / layout.unsubscribes
        later = self.source.unsubscribes
        if later is None:
            named = Path(self.manifest.unsubscribes)
            later = named if named.is_file() else None
        if later is not None:
            _add_missing(file, later)
        return Departures(file), later

    def _database(self, layout: Layout) -> Database:
        if not self.source.server:
            return Database(f"sqlite:///{self.into / layout.database}")
        database = Database(self.source.server)
        dump = self.into / _DUMP
        pg_programs.load(database, dump)
        dump.unlink()
        return database

    def _replay(self, database: Database, departures: Departures, layout: Layout) -> Replayed:
        """Bring in who has left, all of it again: the mark in the database is of another file."""
        folder = self.into / layout.keys
        keys = Keys(live_ring(folder), suppression_secret(folder))
        return replay_departures(database, departures, keys=keys, now=self.now, whole=True)

    def _mark(self, database: Database, cadences: Mapping[str, Cadence]) -> int:
        taken = f"{self.manifest.snapshot_at:%Y-%m-%d %H:%M} UTC"
        why = f"the backup is of {taken}, so this may have been sent since."
        with database.write() as connection:
            restore_store.forget_processes(connection)
            user_store.end_everything(connection, at=self.now)
            restore_store.stop_editions(connection, now=self.now, why=why)
            stopped = restore_store.stop_notices(connection, now=self.now)
            known = restore_store.newsletter_ids(connection)
            for slug, cadence in cadences.items():
                if slug in known:
                    self._miss(connection, slug, cadence, known[slug], why)
            freeze(connection, f"it was restored from a backup of {taken}", self.now)
        return stopped

    def _miss(
        self,
        connection: Connection,
        slug: str,
        cadence: Cadence,
        known: tuple[int, datetime],
        why: str,
    ) -> None:
        """Take the slots whose editions the backup does not know: nobody makes them by itself."""
        number, first = known
        last = last_taken(connection, number, now=self.now) or first
        for each in _past_slots(cadence, last, self.now):
            if editions.take_slot(connection, number, each, SlotState.MISSED):
                reason = restore_store.why_missed(slot_address(slug, each), why)
                editions.set_slot(connection, number, each, SlotState.MISSED, reason)


def _past_slots(cadence: Cadence, after: datetime, now: datetime) -> Sequence[Slot]:
    slots = slots_between(cadence, after, now)
    return [slot for slot in slots if not slot.holiday and slot.send_at <= now]


def _add_missing(file: Path, later: Path) -> None:
    """Make a file of departures go on as a later one does, which may be of another machine."""
    ours = file.read_bytes() if file.exists() else b""
    theirs = later.read_bytes()
    if theirs.startswith(ours):
        added = theirs[len(ours) :]
    else:
        known = set(ours.splitlines())
        lines = [line for line in theirs.splitlines(keepends=True) if line.rstrip() not in known]
        added = (b"" if ours.endswith(b"\n") else b"\n") + b"".join(lines)
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.touch(mode=0o600)
    with file.open("ab") as out:
        out.write(added)
