"""A database of every earlier version comes to the newest, and keeps the rows of every table.

The rows are made from the schema as it was then, so that a later version's tables are in it by
themselves; what a migration changes on purpose is named here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory

from digest import migrations
from digest.db import Database
from tests.integration.migrating import migrating

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
REVISIONS = [
    script.revision
    for script in ScriptDirectory.from_config(migrations.config_for(None)).walk_revisions()  # type: ignore[arg-type]
][::-1]

_NOT_OURS = ("alembic_version", "procrastinate_")
_ROWS = 2
_VALUES: Mapping[str, Sequence[object]] = {
    "edition.state": ("sent", "sending"),
    "delivery.state": ("accepted", "deferred"),
    "subscription.state": ("confirmed", "unsubscribed"),
    "article.authors": (["Ann"], []),
    "article.categories": (["Local"], []),
    "slot.name": ("main", "extra-2"),
    "edition.slot_name": ("main", "extra-2"),
}
"""What is not made up from its type: a migration asks for it."""

_ANEW: Mapping[str, str] = {}
"""Columns that a migration writes anew on purpose, as `table.column`, each with the reason."""


def test_every_version_there_was_is_tried() -> None:
    assert REVISIONS[:5] == ["0001", "0002", "0003", "0004", "0005"]


@pytest.fixture
def earlier(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    yield database
    database.close()


def _tables(connection: sa.Connection) -> dict[str, sa.Table]:
    """Read the schema as it is, parents first."""
    found = sa.MetaData()
    found.reflect(connection)
    ours = (each for each in found.sorted_tables if not each.name.startswith(_NOT_OURS))
    return {table.name: table for table in ours}


def _fill(connection: sa.Connection, tables: Mapping[str, sa.Table]) -> None:
    for table in tables.values():
        rows = [{c.name: _value(c, n) for c in table.columns} for n in range(1, _ROWS + 1)]
        connection.execute(sa.insert(table), rows)


def _value(column: sa.Column[Any], n: int) -> object:
    """Make a value of a column's type, another in each row; a foreign key leads to the same row."""
    for key in column.foreign_keys:
        return _value(key.column, n)
    named = _VALUES.get(f"{column.table.name}.{column.name}")
    if named is not None:
        return named[n - 1]
    if isinstance(column.type, sa.DateTime):
        at = NOON + timedelta(hours=n)
        return at if column.type.timezone else at.replace(tzinfo=None)
    if isinstance(column.type, sa.String):
        return f"{column.name} {n}"[-(column.type.length or 99) :]
    return next(make(n) for kind, make in _MAKERS.items() if isinstance(column.type, kind))


_MAKERS: Mapping[type[sa.types.TypeEngine[Any]], Callable[[int], object]] = {
    sa.Boolean: lambda n: n == 1,
    sa.Integer: lambda n: n,
    sa.Numeric: lambda n: n / 2,
    sa.Float: lambda n: n / 2,
    sa.Date: lambda n: date(2026, 1, 8 + n),
    sa.JSON: lambda n: {"n": n},
    sa.LargeBinary: lambda n: bytes([n]),
}


def _rows(connection: sa.Connection, table: sa.Table) -> list[dict[str, object]]:
    found = connection.execute(sa.select(table)).mappings()
    return sorted(({name: _plain(row[name]) for name in row} for row in found), key=_key(table))


def _key(table: sa.Table) -> Any:
    names = [column.name for column in table.primary_key] or [c.name for c in table.columns]
    return lambda row: json.dumps([row[name] for name in names], default=str)


def _plain(value: object) -> object:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return bytes(value) if isinstance(value, memoryview) else value


@pytest.mark.parametrize("revision", REVISIONS)
def test_rows_of_every_table_come_through_to_the_newest_version(
    revision: str, earlier: Database
) -> None:
    with migrating(earlier) as connection:
        command.upgrade(migrations.config_for(connection), revision)
    with migrating(earlier) as connection:
        tables = _tables(connection)
        _fill(connection, tables)
        before = {name: _rows(connection, table) for name, table in tables.items()}
    assert before, "there is nothing to keep"
    assert all(len(rows) == _ROWS for rows in before.values())

    assert earlier.migrate() == REVISIONS[REVISIONS.index(revision) + 1 :]

    with earlier.read() as connection:
        now = _tables(connection)
        after = {name: _rows(connection, now[name]) for name in before if name in now}
    assert set(before) - set(after) == set()
    for name, rows in before.items():
        kept = [column for column in rows[0] if column in after[name][0]]
        kept = [column for column in kept if f"{name}.{column}" not in _ANEW]
        assert [{c: row[c] for c in kept} for row in after[name][: len(rows)]] == [
            {c: row[c] for c in kept} for row in rows
        ], name
    assert earlier.migrate() == []
