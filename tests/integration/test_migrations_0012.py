"""What the desk keeps comes to a database with sources, and goes again without harm to them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from digest.editions.category_store import sorted_categories
from digest.sources.store import paused_sources, source_states
from tests.integration.migrating import migrating

BEFORE = "0011"
_SOURCE = """
INSERT INTO source (name, kind, address, origin) VALUES ('site', 'feed', '/feed', 'file')
"""


@pytest.fixture
def eleventh_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of the schema before, with a source."""
    database = Database(empty_database_url)
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), BEFORE)
        connection.exec_driver_sql(_SOURCE)
    yield database
    database.close()


def test_no_source_rests_and_no_category_is_sorted_at_first(eleventh_schema: Database) -> None:
    assert eleventh_schema.migrate()[0] == "0012"
    with eleventh_schema.read() as connection:
        assert [state.name for state in source_states(connection)] == ["site"]
        assert paused_sources(connection) == []
        assert sorted_categories(connection) == ()


def test_the_way_back_leaves_the_sources(eleventh_schema: Database) -> None:
    eleventh_schema.migrate()
    with migrating(eleventh_schema) as connection:
        command.downgrade(migrations.config_for(connection), BEFORE)
        names = connection.execute(sa.text("SELECT name FROM source")).scalars().all()
        tables = set(sa.inspect(connection).get_table_names())
    assert (names, "category_section" in tables) == (["site"], False)
