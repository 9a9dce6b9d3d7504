"""A database from before homes gets a table with no row: the first program fills it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database


def _to(database: Database, revision: str, *, down: bool = False) -> None:
    with database.engine.connect() as connection:
        writer = connection.execution_options(digest_writer=True)
        with writer.begin():
            step = command.downgrade if down else command.upgrade
            step(migrations.config_for(writer), revision)


def _has_home(database: Database) -> bool:
    with database.read() as connection:
        return sa.inspect(connection).has_table("home")


def test_the_table_comes_empty_and_goes_again(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    _to(database, "0006")
    assert not _has_home(database)
    _to(database, "0007")
    with database.read() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM home")) == 0
    _to(database, "0006", down=True)
    assert not _has_home(database)
    database.close()
