"""Editions from before their life was written down go on, and the way back keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command

from digest import migrations
from digest.db import Database
from tests.integration.migrating import migrating

_ROWS = """
INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)
VALUES (1, 'daily', 'Daily', 'UTC', NOON, NOON, 'file');

INSERT INTO edition (id, newsletter_id, local_date, slot_name, number, state, window_after,
  cut_off_at, send_at, prepared_at, told_at)
VALUES (1, 1, '2026-01-08', 'main', 1, 'sent', NOON, NOON, NOON, NOON, NOON),
  (2, 1, '2026-01-09', 'main', 2, 'in review', NOON, NOON, ONE, NOON, ONE),
  (3, 1, '2026-01-10', 'main', 3, 'draft', NOON, NOON, ONE, NOON, NULL);

INSERT INTO approval (edition_id, n, revision, set_hash, approved_by, approved_at)
VALUES (1, 1, 1, 'abc', 'ann', NOON)
"""
_KEPT = (
    "SELECT id, number, state, send_at, told_at, revision, sending_at FROM edition ORDER BY 1",
    "SELECT edition_id, n, revision, set_hash, approved_by, approved_at FROM approval",
)


@pytest.fixture
def fifth_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of schema 0005: one edition sent, one in review, one not composed yet."""
    database = Database(empty_database_url)
    zone = "'" if database.is_sqlite else "+00'"
    rows = _ROWS.replace("NOON", f"'2026-01-09 12:00:00.000000{zone}")
    rows = rows.replace("ONE", f"'2026-01-09 13:00:00.000000{zone}")
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), "0005")
        for statement in rows.split(";"):
            connection.exec_driver_sql(statement)
    yield database
    database.close()


def _read(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def test_who_was_told_stays_told_and_nothing_else_is_different(fifth_schema: Database) -> None:
    before = [_read(fifth_schema, query) for query in _KEPT]
    assert fifth_schema.migrate()[0] == "0006"
    assert [_read(fifth_schema, query) for query in _KEPT] == before
    new = "SELECT id, told_as, go_at, corrects FROM edition ORDER BY id"
    assert _read(fifth_schema, new) == [
        (1, "draft", None, None),
        (2, "draft", None, None),
        (3, "", None, None),
    ]
    assert _read(fifth_schema, "SELECT override FROM approval") == [("",)]
    assert _read(fifth_schema, "SELECT * FROM correction") == []


def test_the_way_back_keeps_editions_and_approvals(fifth_schema: Database) -> None:
    before = [_read(fifth_schema, query) for query in _KEPT]
    fifth_schema.migrate()
    with migrating(fifth_schema) as connection:
        command.downgrade(migrations.config_for(connection), "0005")
    assert [_read(fifth_schema, query) for query in _KEPT] == before
    assert fifth_schema.migrate()[0] == "0006"
    assert [_read(fifth_schema, query) for query in _KEPT] == before
