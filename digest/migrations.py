"""Door to Alembic: bring a database to the newest schema, once, under a lock."""

from __future__ import annotations

import importlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError

from digest.errors import DatabaseError
from digest.resources import data_folder

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from digest.db import Database

_LOCK = 0x64_69_67_65_73_74  # "digest"; any constant serves, as long as all processes share it

STORES = (
    "digest.sources.store",
    "digest.sources.article_store",
    "digest.editions.store",
    "digest.editions.candidate_store",
    "digest.editions.choice_store",
    "digest.composition.store",
    "digest.delivery.store",
    "digest.delivery.bucket_store",
    "digest.delivery.count_store",
    "digest.delivery.domain_store",
    "digest.workflow.store",
    "digest.outbox.store",
    "digest.people.store",
    "subscribers.store",
    "subscribers.change_store",
    "subscribers.import_store",
    "subscribers.limit_store",
    "subscribers.replay_store",
)
"""The modules that declare tables; the migration environment imports them by name, so that the
ground floor needs to know no room."""


def migrate(database: Database) -> list[str]:
    """Apply what is missing; give the revisions applied, oldest first. See `Database.migrate`."""
    scripts = ScriptDirectory.from_config(_config())
    head = scripts.get_current_head()
    with database.read() as connection:
        current = _current(connection)
    if current == head:
        return []
    _refuse_newer(scripts, current)
    if current is not None and database.path is not None:
        database.copy_to(_copy_name(database.path, current))
    return _upgrade(database, scripts, head)


def _upgrade(database: Database, scripts: ScriptDirectory, head: str | None) -> list[str]:
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
    connection: Connection, scripts: ScriptDirectory, head: str | None, *, is_sqlite: bool
) -> list[str]:
    writer = connection.execution_options(digest_writer=True)
    with writer.begin():
        if not is_sqlite:
            writer.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        current = _current(writer)  # somebody else may have migrated while we waited for the lock
        if current == head:
            return []
        steps = [step.revision for step in scripts.iterate_revisions(head, current or "base")]
        config = _config()
        config.attributes["connection"] = writer
        command.upgrade(config, "head")
        if is_sqlite and (broken := writer.exec_driver_sql("PRAGMA foreign_key_check").fetchall()):
            raise DatabaseError(f"migration: {len(broken)} rows point nowhere; nothing was changed")
    return steps[::-1]


def pending(database: Database) -> bool:
    """Tell whether the schema is not the newest; for checks that must not change anything.

    Raises DatabaseError when the database does not answer.
    """
    head = ScriptDirectory.from_config(_config()).get_current_head()
    try:
        with database.read() as connection:
            return _current(connection) != head
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


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(data_folder("alembic")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(scripts: ScriptDirectory, current: str | None) -> None:
    if current is None:
        return
    try:
        scripts.get_revision(current)
    except CommandError as error:
        raise DatabaseError(
            f"database: schema {current}: newer than this program",
            hint="Install the version that made it, or restore the copy kept before the upgrade.",
        ) from error


def _copy_name(path: Path, current: str) -> Path:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    return path.with_name(f"{path.name}.before-{current}-{stamp}")
