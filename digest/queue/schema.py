"""Door to Procrastinate's own tables: made, brought up to date and dropped, on PostgreSQL only.

The package brings them as files of SQL: one for a new database, and one for each change since.
Which change a database has seen last stands in a comment on its table of jobs, where a dump keeps
it; so a newer package brings its tables up to date, and an older one is refused.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from digest.db import Connection
from digest.errors import DatabaseError

_PREFIX = "digest: Procrastinate schema "
_CHANGE = re.compile(r"\d\d\.\d\d\.\d\d_\d\d")
_FOUND = """
SELECT to_regclass('procrastinate_jobs') IS NOT NULL,
       obj_description(to_regclass('procrastinate_jobs'), 'pg_class')"""
_DROP = """
DROP TABLE IF EXISTS procrastinate_events, procrastinate_periodic_defers, procrastinate_jobs,
  procrastinate_workers CASCADE;
DO $$
DECLARE made record;
BEGIN
    FOR made IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE proname LIKE 'procrastinate\\_%' AND pronamespace = current_schema()::regnamespace
    LOOP EXECUTE 'DROP FUNCTION ' || made.name || ' CASCADE'; END LOOP;
    FOR made IN SELECT oid::regtype AS name FROM pg_type
        WHERE typname LIKE 'procrastinate\\_%' AND typnamespace = current_schema()::regnamespace
    LOOP EXECUTE 'DROP TYPE ' || made.name || ' CASCADE'; END LOOP;
END $$"""


@cache
def newest() -> str:
    """Give the last change of the installed package, as `03.04.00_50`; it is not imported."""
    return max(_changes())


def is_behind(connection: Connection) -> bool:
    """Tell whether the tables are absent or older than the package's.

    Raises DatabaseError when they are newer, or another program's.
    """
    if connection.dialect.name == "sqlite":
        return False
    has = recorded(connection)
    if has is not None and has > newest():
        raise DatabaseError(
            f"database: its queue: Procrastinate schema {has}: newer than the package's {newest()}",
            hint="Install the version of procrastinate that the other machines have.",
        )
    return has != newest()


def recorded(connection: Connection) -> str | None:
    """Give the last change that a database has seen; None where there is no queue.

    Raises DatabaseError when the tables are there and nothing says that we made them.
    """
    exists, comment = connection.exec_driver_sql(_FOUND).one()
    if not exists:
        return None
    if not str(comment or "").startswith(_PREFIX):
        raise DatabaseError(
            "database: procrastinate_jobs: the queue of another program is in it",
            hint="Give this one a database, or a schema, of its own.",
        )
    return str(comment).removeprefix(_PREFIX)


def keep(connection: Connection) -> None:
    """Make the tables, or bring them up to date; the caller holds the lock of the migrations.

    Raises DatabaseError as `is_behind` does.
    """
    if not is_behind(connection):
        return
    has, changes = recorded(connection), _changes()
    if has is None:
        _run(connection, _files() / "schema.sql")
    else:
        for name in sorted(changes):
            if name > has:
                _run(connection, *changes[name])
    connection.exec_driver_sql(f"COMMENT ON TABLE procrastinate_jobs IS '{_PREFIX}{newest()}'")


def drop(connection: Connection) -> None:
    """Let go of the queue: nothing that it holds is needed."""
    if connection.dialect.name != "sqlite":
        _execute(connection, _DROP)


def _files() -> Path:
    # By its place, as importing the package takes a fifth of a second of every command.
    spec = find_spec("procrastinate")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseError(
            "database: its queue: the package procrastinate is not installed",
            hint="Install the product again: it is one of its dependencies.",
        )
    return Path(next(iter(spec.submodule_search_locations))) / "sql"


def _changes() -> dict[str, list[Path]]:
    """Give the package's files by the change they make, in order."""
    found: dict[str, list[Path]] = {}
    for file in sorted((_files() / "migrations").glob("*.sql")):
        if name := _CHANGE.match(file.name):
            found.setdefault(name[0], []).append(file)
    return found


def _run(connection: Connection, *files: Path) -> None:
    for file in files:
        _execute(connection, file.read_text("utf-8"))


def _execute(connection: Connection, statements: str) -> None:
    # Past SQLAlchemy, which always names parameters: only without them may there be several.
    driver = connection.connection.driver_connection
    assert driver is not None  # noqa: S101 - a connection in a transaction has one
    driver.execute(statements)
