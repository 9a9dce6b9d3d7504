"""Back up an installation into one file, while it runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from digest import __version__
from digest.clock import Clock
from digest.config import Settings, load
from digest.db import Database
from digest.errors import DatabaseError, DigestError, NotFoundError
from digest.workflow import file_store, pg_programs
from digest.workflow.backup_file import (
    DATABASES,
    SETTINGS,
    UNSUBSCRIBES,
    Manifest,
    newest_first,
    write_backup,
)
from subscribers.keys import missing_keys

_STEM, _ENDING = "digest-backup-", ".tar.gz"


@dataclass(frozen=True, slots=True)
class BackedUp:
    """A backup that was written and read again; `dropped` are the older ones that went."""

    path: Path
    size: int
    manifest: Manifest
    dropped: tuple[Path, ...] = ()


def backup(
    database: Database,
    settings: Settings,
    config: Path,
    target: Path,
    *,
    clock: Clock,
    keep: int | None = None,
) -> BackedUp:
    """Write database, keys, settings, own templates and the file of departures into one file.

    `target` is that file, replaced if it is there, or a folder: then the file is named by its
    moment, and with `keep` only so many of these are left in it. The database is taken first and
    the departures last: whoever leaves meanwhile is in the file of departures at least.
    Raises DatabaseError, NotFoundError for keys that are missing, DigestError for a full disk.
    """
    snapshot_at = clock().astimezone(UTC)
    path = target
    if target.is_dir():
        path = target / f"{_STEM}{snapshot_at:%Y%m%dT%H%M%SZ}{_ENDING}"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".digest-backup-", dir=path.parent) as folder:
            manifest = _manifest(database, settings, config, snapshot_at)
            parts = dict(_parts(database, settings, config, Path(folder)))
            manifest = write_backup(path, manifest, parts)
        dropped = _rotate(path, keep) if keep is not None else ()
        return BackedUp(path, path.stat().st_size, manifest, dropped)
    except OSError as error:
        raise DigestError(
            f"backup: {error.filename or path}: {error.strerror}",
            hint="Nothing was changed. Is there room, and may this user write there and read that?",
        ) from error


def _manifest(
    database: Database, settings: Settings, config: Path, snapshot_at: datetime
) -> Manifest:
    if database.path is not None and not database.path.exists():
        raise DatabaseError(f"database: {database.path}: there is none yet, so nothing to back up")
    with database.read() as connection:
        revision = file_store.revision_of(connection)
    if not revision:
        raise DatabaseError("database: there is nothing of ours in it, so nothing to back up")
    if missing := missing_keys(settings.storage.keys):
        raise NotFoundError(
            f"keys: {settings.storage.keys}: missing: {', '.join(missing)}",
            hint="Without them every link we mailed is dead: find them before you need a backup.",
        )
    return Manifest(
        version=__version__,
        revision=revision,
        database="sqlite" if database.is_sqlite else "postgresql",
        snapshot_at=snapshot_at,
        unsubscribes=str(settings.storage.unsubscribes.absolute()),
        not_inside=tuple(_files_named(config)),
    )


def _parts(
    database: Database, settings: Settings, config: Path, folder: Path
) -> Iterator[tuple[str, Path]]:
    """Copy what changes into a folder of ours; give each part's name and where it lies, in order.

    The generator is read to its end before anything is written: the departures are copied last.
    """
    if database.is_sqlite:
        copy = folder / DATABASES["sqlite"]
        file_store.snapshot(database, copy)
    else:
        copy = folder / DATABASES["postgresql"]
        pg_programs.dump(database, copy)
    yield copy.name, copy
    yield SETTINGS, _copied(config, folder / SETTINGS)
    keys = settings.storage.keys
    for path in _files_below(keys):
        yield f"keys/{path.relative_to(keys).as_posix()}", path
    if (own := settings.site.templates) is not None:
        for path in _files_below(own):
            yield f"templates/{path.relative_to(own).as_posix()}", path
    brand = settings.site.brand
    for name, picture in (("logo", brand.logo), ("logo_dark", brand.logo_dark)):
        if picture is not None and picture.is_file():
            yield f"brand/{name}{picture.suffix}", picture
    left = settings.storage.unsubscribes
    if left.exists():
        yield UNSUBSCRIBES, _copied(left, folder / UNSUBSCRIBES)


def _copied(path: Path, copy: Path) -> Path:
    shutil.copyfile(path, copy)
    return copy


def _files_below(folder: Path) -> list[Path]:
    """List the files of a folder that are no drafts of somebody's."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.name.startswith("."))


def _files_named(config: Path) -> Iterator[str]:
    """Give the settings that name files of secrets, as they were written: `load` empties them."""
    raw = load(config, resolve=False).model_dump(mode="json", by_alias=True)
    yield from _secret_files(raw, ())


def _secret_files(table: Mapping[str, Any], place: tuple[str, ...]) -> Iterator[str]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _secret_files(value, (*place, name))
        elif name.endswith("_file") and value:
            yield f"{'.'.join((*place, name))}: {value}"


def _rotate(path: Path, keep: int) -> tuple[Path, ...]:
    """Drop all but the newest of the backups beside this one that are named as it is."""
    named = [each for each in path.parent.glob(f"{_STEM}*{_ENDING}") if each.is_file()]
    old = newest_first(named)[max(1, keep) :]
    for each in old:
        each.unlink()
    return tuple(old)
