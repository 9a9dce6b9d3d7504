"""Webhooks, what left the archive, and what an edition was made with: there and back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from tests.integration.migrating import migrating

BEFORE = "0012"
TABLES = {"webhook_endpoint", "webhook_call", "unpublished", "made_with"}


@pytest.fixture
def schema_before(empty_database_url: str) -> Iterator[Database]:
    database = Database(empty_database_url)
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), BEFORE)
    yield database
    database.close()


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(sa.inspect(connection).get_table_names())


def test_the_tables_come_and_go(schema_before: Database) -> None:
    assert _tables(schema_before) & TABLES == set()
    assert "0013" in schema_before.migrate()
    assert _tables(schema_before) >= TABLES
    with migrating(schema_before) as connection:
        command.downgrade(migrations.config_for(connection), BEFORE)
    assert _tables(schema_before) & TABLES == set()
