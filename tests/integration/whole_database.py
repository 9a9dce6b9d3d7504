"""A search through everything a database holds: each column of each table, and the file's bytes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from digest.db import Database, metadata


def columns_holding(database: Database, *needles: str) -> list[str]:
    """Name the columns (`table.column`) in which one of these stands, in any case of letters.

    The tables are the database's own, not those we know of; numbers and JSON are read as text.
    """
    with database.read() as connection:
        known = sa.MetaData()
        known.reflect(connection)
        assert set(known.tables) >= set(metadata.tables)
        return sorted(
            f"{table.name}.{column.name}"
            for table in known.tables.values()
            for column in table.columns
            if connection.execute(_rows_with(column, needles)).first() is not None
        )


def file_holds(database: Database, *needles: str) -> list[str]:
    """Give which of these stand in the bytes of a SQLite database: file, log and all."""
    assert database.path is not None
    files = database.path.parent.glob(f"{database.path.name}*")
    held = b"\n".join(path.read_bytes() for path in files).lower()
    return [each for each in needles if each.lower().encode() in held]


def _rows_with(column: sa.Column[object], needles: Sequence[str]) -> sa.Select[int]:
    text = sa.func.lower(sa.cast(column, sa.Text))
    held = (text.contains(each.lower(), autoescape=True) for each in needles)
    return sa.select(sa.literal(1)).select_from(column.table).where(sa.or_(*held)).limit(1)
