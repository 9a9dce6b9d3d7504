"""Door to PostgreSQL's own programs: pg_dump writes a database to a file, pg_restore reads it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from digest.db import Database
from digest.errors import DatabaseError
from digest.workflow.file_store import server_version

_DEBIAN = Path("/usr/lib/postgresql")
"""Where Debian keeps the programs of each version, beside the one in the path."""
_VERSION = re.compile(r"\) (\d+)")
_LEFT_OF_OTHERS = ("PGSERVICE", "PGSERVICEFILE", "PGOPTIONS", "PGHOSTADDR")


def dump(database: Database, target: Path) -> None:
    """Write the whole database to a file in pg_dump's custom format, as one snapshot.

    Raises DatabaseError when the program is missing, older than the server, or fails.
    """
    with database.read() as connection:
        least = server_version(connection)
    program = _program("pg_dump", least)
    os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    words = ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"]
    _run([program, *words], database)
    _run([str(Path(program).with_name("pg_restore")), "--list", str(target)], database)


def load(database: Database, source: Path) -> None:
    """Read such a file into an empty database, wholly or not at all. Raises as `dump`."""
    with database.read() as connection:
        least = server_version(connection)
    program = _program("pg_restore", least)
    name = database.url.database or ""
    words = ["--no-owner", "--no-privileges", "--single-transaction", f"--dbname={name}"]
    _run([program, *words, str(source)], database)


def _program(name: str, least: int) -> str:
    """Find a program that is not older than the server: pg_dump refuses newer ones."""
    found: dict[int, str] = {}
    for path in _places(name):
        version = _version(path)
        found.setdefault(version, path)
        if version >= least:
            return path
    if not found:
        raise DatabaseError(
            f"{name}: not found on this machine, and only it can copy a PostgreSQL database",
            hint=f"Install PostgreSQL's client programs, version {least} or newer"
            f" (on Debian: apt install postgresql-client-{least}).",
        )
    raise DatabaseError(
        f"{name}: version {max(found)} is older than the server, which is {least}",
        hint=f"Install the client programs of version {least} or newer, or put theirs first in PATH"
        f" (on Debian: apt install postgresql-client-{least}).",
    )


def _places(name: str) -> Iterator[str]:
    for each in os.get_exec_path():
        if path := shutil.which(name, path=each):
            yield path
    for folder in sorted(_DEBIAN.glob("*/bin"), key=_number, reverse=True):
        if path := shutil.which(name, path=folder):
            yield path


def _number(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _version(program: str) -> int:
    try:
        said = subprocess.run(  # noqa: S603 - PostgreSQL's own program
            [program, "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return 0
    match = _VERSION.search(said)
    return int(match[1]) if match else 0


def _run(command: Sequence[str], database: Database) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - PostgreSQL's own program
            command, env=_environment(database), capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise DatabaseError(f"{command[0]}: {error.strerror}") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        name = Path(command[0]).name
        raise DatabaseError(f"{name}: {lines[0] if lines else f'it left with {done.returncode}'}")


def _environment(database: Database) -> dict[str, str]:
    """Give the connection as libpq's variables: what stands on a command line, others can read."""
    url = database.url
    values = {
        "PGHOST": url.host,
        "PGPORT": str(url.port) if url.port else None,
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
        "PGDATABASE": url.database,
    }
    for option, value in url.query.items():
        name = "PGUSER" if option == "user" else f"PG{option.upper()}"
        values[name] = value if isinstance(value, str) else ",".join(value)
    kept = {name: value for name, value in os.environ.items() if name not in _LEFT_OF_OTHERS}
    return kept | {name: value for name, value in values.items() if value}
