"""PostgreSQL gets the queue's tables, SQLite nothing; the way back leaves nothing of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from digest.queue import schema

_ROWS = """
INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)
VALUES (1, 'daily', 'Daily', 'UTC', '2026-01-01', '2026-01-01', 'file')"""


@contextmanager
def _writer(database: Database) -> Iterator[sa.Connection]:
    with database.engine.connect() as connection:
        writer = connection.execution_options(digest_writer=True)
        with writer.begin():
            yield writer


@pytest.fixture
def seventh_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of schema 0007 with a newsletter in it."""
    database = Database(empty_database_url)
    with _writer(database) as connection:
        command.upgrade(migrations.config_for(connection), "0007")
        connection.exec_driver_sql(_ROWS)
    yield database
    database.close()


def _queue_of(connection: sa.Connection) -> tuple[list[str], int]:
    """Give the queue's tables, and how many functions and types it has."""
    names = sa.inspect(connection).get_table_names()
    tables = sorted(name for name in names if name.startswith("procrastinate"))
    if connection.dialect.name == "sqlite":
        return tables, 0
    more = (
        "SELECT (SELECT count(*) FROM pg_proc WHERE proname LIKE 'procrastinate%%')"
        " + (SELECT count(*) FROM pg_type WHERE typname LIKE '%%procrastinate%%')"
    )
    return tables, int(connection.exec_driver_sql(more).scalar_one())


def test_the_queue_is_made_on_postgresql_alone_and_the_way_back_leaves_nothing(
    seventh_schema: Database,
) -> None:
    tables = [f"procrastinate_{name}" for name in ("events", "jobs", "periodic_defers", "workers")]
    with _writer(seventh_schema) as connection:
        assert _queue_of(connection) == ([], 0)
        command.upgrade(migrations.config_for(connection), "0008")
        made, more = _queue_of(connection)
        if seventh_schema.is_sqlite:
            assert (made, more) == ([], 0)
        else:
            assert made == tables
            assert more > len(tables)
            assert schema.recorded(connection) == schema.newest()
        command.downgrade(migrations.config_for(connection), "0007")
        assert _queue_of(connection) == ([], 0)
        slug = connection.exec_driver_sql("SELECT slug FROM newsletter").scalar_one()
        assert slug == "daily"
        command.upgrade(migrations.config_for(connection), "0008")
        assert _queue_of(connection) == (made, more)
