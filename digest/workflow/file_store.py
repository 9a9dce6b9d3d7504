"""Door to the database as a whole: its snapshot, its space on the disk, what is in it at all."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import Database
from digest.errors import DatabaseError

_LEAST_SPARE = 1000
"""Pages: so little is not worth the trouble."""
_SPARE_SHARE = 20
"""One page in so many may be free: the next edition fills them again."""
_STEP_SECONDS = 0.02
_REVISIONS = "alembic_version"


def spare_pages(connection: Connection) -> int:
    """Give how many free pages of a SQLite file are too many; 0 where it is as long as it may be.

    A file that was not made by us may be unable to become shorter: then there are none.
    """
    if _pragma(connection, "auto_vacuum") != 2:  # noqa: PLR2004 - INCREMENTAL
        return 0
    free, pages = _pragma(connection, "freelist_count"), _pragma(connection, "page_count")
    spare = free - pages // _SPARE_SHARE
    return spare if spare >= _LEAST_SPARE else 0


def give_back(connection: Connection, pages: int) -> int:
    """Cut off up to so many free pages of a SQLite file, as many as a moment takes; give how many.

    The file itself becomes shorter when its log is written into it.
    """
    ends = time.perf_counter() + _STEP_SECONDS
    driver: Any = connection.connection.driver_connection
    for done in range(pages):
        if time.perf_counter() >= ends:
            return done
        # One at a time: the driver takes one step of this statement, whatever number it is given.
        driver.execute("PRAGMA incremental_vacuum(1)")
    return pages


def _pragma(connection: Connection, name: str) -> int:
    return int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())


def revision_of(connection: Connection) -> str:
    """Give the schema's revision; "" for a database without ours."""
    if not sa.inspect(connection).has_table(_REVISIONS):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


def is_empty(connection: Connection) -> bool:
    """Tell whether a database has no table at all."""
    return not sa.inspect(connection).get_table_names()


def server_version(connection: Connection) -> int:
    """Give the major version of a PostgreSQL server."""
    found = connection.exec_driver_sql("SHOW server_version_num").scalar_one()
    return int(found) // 10_000


def snapshot(database: Database, target: Path) -> None:
    """Write a SQLite database as it is now into a new file, readable by its owner only.

    Readers and writers go on meanwhile; the copy has no free pages. Raises DatabaseError when the
    copy is not sound, OSError when the disk is full.
    """
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("VACUUM INTO ?", (str(target),))  # never inside a transaction
    except sqlite3.Error as error:
        raise DatabaseError(f"database: {database.path}: cannot be copied: {error}") from error
    _require_sound(target)


def _require_sound(path: Path) -> None:
    address = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as file:
        (said,) = file.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        raise DatabaseError(
            f"database: {path}: its copy is damaged: {said}",
            hint="The database itself may be. Keep the last good backup, and look at its disk.",
        )
