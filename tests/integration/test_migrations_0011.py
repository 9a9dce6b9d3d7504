"""The tables of people come empty, and go again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from tests.integration.migrating import migrating

TABLES = {"user", "session", "sign_in_token"}


def test_the_way_there_and_back(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), "0011")
        counts = [
            connection.scalar(sa.select(sa.func.count()).select_from(sa.table(name)))
            for name in sorted(TABLES)
        ]
    with migrating(database) as connection:
        command.downgrade(migrations.config_for(connection), "0010")
        left = set(sa.inspect(connection).get_table_names())
    database.close()
    assert (counts, left & TABLES) == ([0, 0, 0], set())
