"""The tables of alarms come to a database with data, say what the code says, and go again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from digest import migrations
from digest.db import Database, metadata
from digest.workflow.alarm_store import begin_spell, end_spell, open_spells
from digest.workflow.alarms import Alarm, AlarmKind
from tests.integration.migrating import migrating
from tests.unit.delivery.delivery_builders import NOON

BEFORE = "0008"
OURS = {"alarm", "queue_mark"}
_BEAT = """
INSERT INTO heartbeat (process, host, pid, version, started_at, beat_at)
VALUES ('scheduler', 'h', 7, '1', '2026-01-09 12:00:00.000000', '2026-01-09 13:00:00.000000')
"""
_ALARM = Alarm(AlarmKind.QUEUE, "queue", "what", "detail", "remedy")


@pytest.fixture
def eighth_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of the schema before, with a process that beats."""
    database = Database(empty_database_url)
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), BEFORE)
        connection.exec_driver_sql(_BEAT)
    yield database
    database.close()


def _tables(database: Database) -> set[str]:
    with database.read() as connection:
        return set(sa.inspect(connection).get_table_names())


def _beats(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.scalars(sa.text("SELECT process FROM heartbeat")))


def test_the_tables_come_and_what_was_there_stays(eighth_schema: Database) -> None:
    assert not OURS & _tables(eighth_schema)
    assert "0009" in eighth_schema.migrate()
    assert _tables(eighth_schema) >= OURS
    assert _beats(eighth_schema) == ["scheduler"]


def test_the_tables_are_those_of_the_code(eighth_schema: Database) -> None:
    eighth_schema.migrate()
    migrations.load_tables()
    with eighth_schema.read() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    assert [each for each in found if any(name in repr(each) for name in OURS)] == []


def test_a_spell_of_trouble_is_open_once_and_may_come_again(eighth_schema: Database) -> None:
    eighth_schema.migrate()
    with eighth_schema.write() as connection:
        first = begin_spell(connection, _ALARM, at=NOON)
        assert first is not None
        assert begin_spell(connection, _ALARM, at=NOON) is None
        assert end_spell(connection, first, at=NOON)
        assert not end_spell(connection, first, at=NOON)
        again = begin_spell(connection, _ALARM, at=NOON)
        assert open_spells(connection) == [again]


def test_the_way_back_takes_them_along(eighth_schema: Database) -> None:
    eighth_schema.migrate()
    with migrating(eighth_schema) as connection:
        command.downgrade(migrations.config_for(connection), BEFORE)
    assert not OURS & _tables(eighth_schema)
    assert _beats(eighth_schema) == ["scheduler"]
    assert "0009" in eighth_schema.migrate()
