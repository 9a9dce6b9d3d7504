"""A letter composed before languages is the newsletter's own, and the way back keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command

from digest import migrations
from digest.composition import store
from digest.db import Database
from tests.integration.migrating import migrating

_ROWS = """
INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)
VALUES (1, 'daily', 'Daily', 'UTC', AT, AT, 'file');

INSERT INTO edition (id, newsletter_id, local_date, slot_name, number, state, window_after,
  cut_off_at, send_at, prepared_at, reason)
VALUES (1, 1, '2026-01-09', 'main', 1, 'sent', AT, AT, AT, AT, 'as usual');

INSERT INTO composition (edition_id, language, revision, content_hash, subject, preheader, html,
  text, nonce, composed_at)
VALUES (1, 'en', 1, 'h', 'Ferry', 'And more', '<p>It sails.</p>', 'It sails.', 'Zq00x', AT)
"""


@pytest.fixture
def second_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of schema 0002 with one composed edition."""
    database = Database(empty_database_url)
    moment = "'2026-01-09 12:00:00.000000" + ("'" if database.is_sqlite else "+00'")
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), "0002")
        for statement in _ROWS.replace("AT", moment).split(";"):
            connection.exec_driver_sql(statement)
    yield database
    database.close()


def _compositions(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM composition ORDER BY language")
        return [dict(row) for row in rows.mappings()]


def test_what_was_composed_is_in_the_newsletters_own_language(second_schema: Database) -> None:
    before = _compositions(second_schema)
    assert second_schema.migrate()[0] == "0003"
    assert _compositions(second_schema) == [{**before[0], "place": 0}]
    with second_schema.read() as connection:
        made = store.load_composition(connection, 1)
    assert made is not None
    assert (made.language, made.html) == ("en", "<p>It sails.</p>")


def test_the_way_back_keeps_the_own_language_alone(second_schema: Database) -> None:
    before = _compositions(second_schema)
    second_schema.migrate()
    with migrating(second_schema) as connection:
        connection.exec_driver_sql(
            "INSERT INTO composition SELECT edition_id, 'de', revision, content_hash, subject,"
            " preheader, html, text, nonce, composed_at, 1 FROM composition"
        )
    with migrating(second_schema) as connection:
        command.downgrade(migrations.config_for(connection), "0002")
    assert _compositions(second_schema) == before
    assert second_schema.migrate()[0] == "0003"
    with second_schema.write() as connection:
        command.check(migrations.config_for(connection))
