"""Door to the table of the one home: where this database lives, and why nothing leaves from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert, metadata

home = sa.Table(
    "home",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("environment", sa.String(16), nullable=False),
    sa.Column("public_url", sa.Text, nullable=False),
    sa.Column("place", sa.JSON, nullable=False),
    sa.Column("keys", sa.String(64), nullable=False),
    sa.Column("confirmed_at", UtcDateTime),
    sa.Column("confirmed_by", sa.Text, nullable=False, server_default=""),
    sa.Column("frozen_at", UtcDateTime),
    sa.Column("frozen_reason", sa.Text, nullable=False, server_default=""),
    sa.Column("settings_refused", sa.Text, nullable=False, server_default=""),
)
"""One row. `frozen_reason` is what somebody or some program wrote there to keep mail from leaving;
`settings_refused` is what is wrong with the settings file while `digest serve` goes on with the
former one."""

_THE_ROW = 1
_MINE = home.c.id == _THE_ROW


@dataclass(frozen=True, slots=True)
class Home:
    """This installation, as the settings and the machine have it."""

    environment: str
    public_url: str
    former_urls: tuple[str, ...]
    place: Mapping[str, str]
    """Where the database is: see `digest.workflow.home.place_of`."""
    keys: str
    """A name for the keys that sign our links, from which nobody learns them."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The home as it was confirmed (times aware UTC)."""

    environment: str
    public_url: str
    place: Mapping[str, str]
    keys: str
    confirmed_at: datetime | None
    confirmed_by: str
    frozen_at: datetime | None
    frozen_reason: str
    settings_refused: str


def load(connection: Connection) -> Kept | None:
    """Give the home that was confirmed; None before the first."""
    row = connection.execute(sa.select(home).where(_MINE)).first()
    return None if row is None else Kept(*row[1:])


def begin(connection: Connection, first: Home, *, now: datetime, by: str) -> bool:
    """Write the first home; False when another process was first."""
    values = {"id": _THE_ROW, **_values(first, now, by)}
    row = insert(connection, home).values(values).on_conflict_do_nothing().returning(home.c.id)
    return connection.execute(row).first() is not None


def move(connection: Connection, new: Home, *, now: datetime, by: str) -> None:
    """Write the home that a person confirmed; whatever kept mail from leaving is lifted."""
    values = {**_values(new, now, by), "frozen_at": None, "frozen_reason": ""}
    write = insert(connection, home).values({"id": _THE_ROW, **values})
    connection.execute(write.on_conflict_do_update(index_elements=[home.c.id], set_=values))


def _values(new: Home, now: datetime, by: str) -> dict[str, Any]:
    return {**_facts(new), "confirmed_at": now, "confirmed_by": by}


def _facts(new: Home) -> dict[str, Any]:
    return {
        "environment": new.environment,
        "public_url": new.public_url,
        "place": dict(new.place),
        "keys": new.keys,
    }


def follow(connection: Connection, now: Home) -> None:
    """Write what changed of the same home; who confirmed it, and when, stays."""
    connection.execute(sa.update(home).where(_MINE).values(_facts(now)))


def freeze(connection: Connection, reason: str, *, now: datetime) -> None:
    """Write why nothing may leave; a database that has no home yet gets one nobody lives in."""
    frozen = {"frozen_at": now, "frozen_reason": reason}
    nobody = {"id": _THE_ROW, "environment": "", "public_url": "", "place": {}, "keys": ""}
    write = insert(connection, home).values({**nobody, **frozen})
    connection.execute(write.on_conflict_do_update(index_elements=[home.c.id], set_=frozen))


def note_settings(connection: Connection, problem: str) -> None:
    """Write what is wrong with the settings file, or that nothing is; no news writes nothing."""
    other = _MINE & (home.c.settings_refused != problem)
    connection.execute(sa.update(home).where(other).values(settings_refused=problem))


def cluster_of(connection: Connection) -> str:
    """Name the database of a PostgreSQL server so that no copy of it has the same name.

    A dump that is read in elsewhere gets another number, and another server has another name; a
    standby that takes over keeps both. The server's name is left out where we may not ask for it.
    """
    number = connection.exec_driver_sql(
        "SELECT oid FROM pg_database WHERE datname = current_database()"
    ).scalar_one()
    may_ask = connection.exec_driver_sql(
        "SELECT has_function_privilege('pg_control_system()', 'execute')"
    ).scalar_one()
    name = ""
    if may_ask:
        name = connection.exec_driver_sql(
            "SELECT system_identifier FROM pg_control_system()"
        ).scalar_one()
    return f"{name}:{number}"
