"""The totals come to a database with counts, and are their sums."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from digest.delivery.count_store import tallies
from digest.delivery.model import Tally
from tests.integration.migrating import migrating

BEFORE = "0009"
_COUNTS = """
INSERT INTO delivery_count (edition_id, domain_id, state, hour, n) VALUES
  (1, 0, 'planned', '2026-01-09 07:00:00.000000', 5),
  (1, 0, 'planned', '2026-01-09 08:00:00.000000', -5),
  (1, 3, 'accepted', '2026-01-09 07:00:00.000000', 3),
  (1, 4, 'accepted', '2026-01-09 08:00:00.000000', 1),
  (1, 4, 'failed', '2026-01-09 08:00:00.000000', 1),
  (2, 0, 'planned', '2026-01-10 07:00:00.000000', 2)
"""


@pytest.fixture
def ninth_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of the schema before, with counts of two editions."""
    database = Database(empty_database_url)
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), BEFORE)
        connection.exec_driver_sql(_COUNTS)
    yield database
    database.close()


def test_the_totals_are_the_sums_of_what_was_counted(ninth_schema: Database) -> None:
    assert ninth_schema.migrate()[0] == "0010"
    with ninth_schema.read() as connection:
        found = tallies(connection, [1, 2, 3])
    assert found == {1: Tally(accepted=4, failed=1), 2: Tally(planned=2)}


def test_the_way_back_leaves_the_counts(ninth_schema: Database) -> None:
    ninth_schema.migrate()
    with migrating(ninth_schema) as connection:
        command.downgrade(migrations.config_for(connection), BEFORE)
        left = connection.scalar(sa.text("SELECT count(*) FROM delivery_count"))
        tables = set(sa.inspect(connection).get_table_names())
    assert (left, "delivery_total" in tables) == (6, False)
