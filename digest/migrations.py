"""Door to Alembic: bring a database to the newest schema, once, under a lock."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from digest.errors import DatabaseError
from digest.queue import schema as queue
from digest.resources import data_folder

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection

    from digest.db import Database

_LOCK = 0x64_69_67_65_73_74  # "digest"; any constant serves, as long as all processes share it

_VERSION = sa.table("alembic_version", sa.column("version_num"))
"""Where Alembic keeps the revision of a database."""

_COPIES = 3
"""So many of the copies that are made before migrations are kept."""
_SPARE_BYTES = 16 << 20

STORES = (
    "digest.sources.store",
    "digest.sources.article_store",
    "digest.editions.store",
    "digest.editions.archive_store",
    "digest.editions.candidate_store",
    "digest.editions.category_store",
    "digest.editions.choice_store",
    "digest.editions.correction_store",
    "digest.composition.store",
    "digest.delivery.store",
    "digest.delivery.bucket_store",
    "digest.delivery.count_store",
    "digest.delivery.domain_store",
    "digest.workflow.store",
    "digest.workflow.alarm_store",
    "digest.workflow.home_store",
    "digest.workflow.kept_store",
    "digest.workflow.made_store",
    "digest.workflow.upload_store",
    "digest.outbox.store",
    "digest.outbox.hook_store",
    "digest.people.store",
    "digest.people.user_store",
    "digest.people.presence_store",
    "subscribers.store",
    "subscribers.change_store",
    "subscribers.import_store",
    "subscribers.limit_store",
    "subscribers.replay_store",
)
"""The modules that declare tables; the migration environment imports them by name, so that the
ground floor needs to know no room."""


def _room(folder: Path) -> int:
    return shutil.disk_usage(folder).free


def migrate(database: Database, *, room: Callable[[Path], int] = _room) -> list[str]:
    """Apply what is missing; give the revisions applied, oldest first. See `Database.migrate`.

    `room` gives the free bytes of a folder: a SQLite file is copied before it changes.
    """
    head = newest()
    with database.read() as connection:
        current = _current(connection)
        if current == head and not queue.is_behind(connection):
            return []
    from alembic.script import ScriptDirectory  # noqa: PLC0415 - see `newest`

    scripts = ScriptDirectory.from_config(_config())
    _refuse_newer(scripts, current)
    if current is not None and database.path is not None:
        _keep_copy(database, database.path, current, room=room)
    return _upgrade(database, scripts, head)


def _upgrade(database: Database, scripts: ScriptDirectory, head: str) -> list[str]:
    with database.engine.connect() as connection:
        if database.is_sqlite:
            # A batch migration rebuilds tables; with foreign keys on, that deletes the children,
            # and the PRAGMA does nothing inside a transaction: so it is set before BEGIN.
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            applied = _upgrade_locked(connection, scripts, head, is_sqlite=database.is_sqlite)
        finally:
            connection.rollback()
            if database.is_sqlite:
                connection.detach()  # foreign keys are off on this one: never back to the pool
    return applied


def _upgrade_locked(
    connection: Connection, scripts: ScriptDirectory, head: str, *, is_sqlite: bool
) -> list[str]:
    writer = connection.execution_options(digest_writer=True)
    with writer.begin():
        if not is_sqlite:
            writer.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        current = _current(writer)  # somebody else may have migrated while we waited for the lock
        if current == head:
            queue.keep(writer)  # its package was made newer, without a revision of ours
            return []
        steps = [step.revision for step in scripts.iterate_revisions(head, current or "base")]
        from alembic import command  # noqa: PLC0415 - see `newest`

        command.upgrade(config_for(writer), "head")
        if is_sqlite and (broken := writer.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
            raise DatabaseError(f"migration: {len(broken)} rows point nowhere; nothing was changed")
    return steps[::-1]


def pending(database: Database) -> bool:
    """Tell whether the schema is not the newest; for checks that must not change anything.

    Raises DatabaseError when the database does not answer.
    """
    try:
        with database.read() as connection:
            return _current(connection) != newest()
    except sa.exc.SQLAlchemyError as error:
        raise DatabaseError(f"database: does not answer: {type(error).__name__}") from error


def load_tables() -> None:
    """Import every room's tables, so that the metadata is whole."""
    for name in STORES:
        importlib.import_module(name)


def config_for(connection: Connection) -> Config:
    """Give an Alembic configuration bound to an open connection, for tests and `alembic check`."""
    config = _config()
    config.attributes["connection"] = connection
    return config


def newest() -> str:
    """Give the newest revision there is, by the names of the files.

    Without Alembic: it is 7 MB that each process of a site would keep, and a quarter of a second at
    each start, to find out nearly always that there is nothing to do.
    """
    versions = data_folder("alembic") / "versions"
    return max(path.name.partition("_")[0] for path in versions.glob("[0-9]*.py"))


def _config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - see `newest`

    config = Config()
    config.set_main_option("script_location", str(data_folder("alembic")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.scalar(sa.select(_VERSION.c.version_num))
    return found


def _refuse_newer(scripts: ScriptDirectory, current: str | None) -> None:
    from alembic.util.exc import CommandError  # noqa: PLC0415 - see `newest`

    if current is None:
        return
    try:
        scripts.get_revision(current)
    except CommandError as error:
        raise DatabaseError(
            f"database: schema {current}: newer than this program",
            hint="Install the version that made it, or restore the copy kept before the upgrade.",
        ) from error


def _keep_copy(
    database: Database, path: Path, current: str, *, room: Callable[[Path], int]
) -> None:
    """Copy a SQLite file beside itself, private and on the disk; keep the last few such copies.

    Raises DatabaseError when there is no room for it: then nothing is changed.
    """
    needed = sum(each.stat().st_size for each in (path, _log_of(path)) if each.exists())
    free = room(path.parent)
    if free < needed + _SPARE_BYTES:
        raise DatabaseError(
            f"database: {path}: {_megabytes(needed + _SPARE_BYTES)} are needed to keep a copy"
            f" before its tables change, and {_megabytes(free)} are free; nothing was changed",
            hint=f"Make room on that disk, or move older copies away: {path.name}.before-*",
        )
    # In a folder of its own until it is whole: nobody else can look into that.
    with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
        copy = Path(folder) / "copy"
        database.copy_to(copy)
        if not copy.exists():
            return  # it went away while we looked: there is nothing to lose
        copy.chmod(0o600)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        copy.replace(_copy_name(path, current))
    # By their own moments: a revision's name says nothing about when it was left.
    kept = sorted(path.parent.glob(f"{path.name}.before-*"), key=lambda each: each.stat().st_mtime)
    for each in kept[:-_COPIES]:
        each.unlink(missing_ok=True)  # another process may be doing the same


def _log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.0f} MB"


def _copy_name(path: Path, current: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return path.with_name(f"{path.name}.before-{current}-{stamp}")
