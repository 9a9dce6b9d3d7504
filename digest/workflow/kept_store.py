"""Door to the table of what the desk keeps beside the settings file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert, metadata, rows_changed

desk_setting = sa.Table(
    "desk_setting",
    metadata,
    sa.Column("place", sa.String(80), primary_key=True),
    sa.Column("given", sa.JSON, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("changed_by", sa.String(120), nullable=False),
)
"""A row for each table of the settings that somebody changed on the desk, as `newsletters.daily`;
`given` holds the values by their dotted names below it. Rows are emptied, never deleted: `version`
only grows, so that what runs sees each change."""


@dataclass(frozen=True, slots=True)
class KeptTable:
    """One table's values as the desk keeps them; `changed_at` is aware UTC."""

    place: tuple[str, ...]
    values: Mapping[str, Any]
    version: int
    changed_at: datetime
    changed_by: str


def kept_tables(connection: Connection) -> dict[tuple[str, ...], KeptTable]:
    """Give all that is kept, by its place."""
    rows = connection.execute(sa.select(desk_setting).order_by(desk_setting.c.place))
    return {each.place: each for each in map(_table, rows)}


def kept_table(connection: Connection, place: tuple[str, ...]) -> KeptTable | None:
    """Give what is kept of one table; None where nobody changed it yet."""
    query = sa.select(desk_setting).where(desk_setting.c.place == ".".join(place))
    row = connection.execute(query).one_or_none()
    return None if row is None else _table(row)


def keep(
    connection: Connection,
    place: tuple[str, ...],
    values: Mapping[str, Any],
    *,
    version: int,
    by: str,
    at: datetime,
) -> bool:
    """Put values in the place of those of a version (0: of none); False when that is not the last.

    The row decides between two who saw the same version.
    """
    row = {"given": dict(values), "changed_at": at, "changed_by": by}
    if version == 0:
        new = {"place": ".".join(place), "version": 1, **row}
        write = insert(connection, desk_setting).values(new).on_conflict_do_nothing()
        return connection.execute(write.returning(desk_setting.c.place)).first() is not None
    mine = sa.update(desk_setting).where(
        desk_setting.c.place == ".".join(place), desk_setting.c.version == version
    )
    done = connection.execute(mine.values(version=version + 1, **row))
    return rows_changed(done) == 1


def kept_stamp(connection: Connection) -> int:
    """Give a number that grows with each change: what runs asks for it all along."""
    query = sa.select(sa.func.coalesce(sa.func.sum(desk_setting.c.version), 0))
    stamp: int = connection.execute(query).scalar_one()
    return int(stamp)


def _table(row: sa.Row[Any]) -> KeptTable:
    place = tuple(row.place.split("."))
    return KeptTable(place, row.given, row.version, row.changed_at, row.changed_by)
