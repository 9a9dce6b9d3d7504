"""Words kept beside each consent become numbered wordings, and the way back puts them there."""

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
VALUES (1, 'daily', 'Daily', 'UTC', AT, AT, 'file');

INSERT INTO subscriber (id, public_id, address, address_key, created_at)
VALUES (1, 'aa', 'maria@reader.example', 'maria@reader.example', AT);

INSERT INTO consent (id, subscriber_id, newsletter_id, kind, at, via, ip, text)
VALUES (1, 1, 1, 'asked', AT, 'form', '192.0.2.1', 'Subscribe'),
  (2, 1, 1, 'confirmed', AT, 'link', NULL, 'Yes, subscribe me'),
  (3, 1, NULL, 'asked', AT, 'form', NULL, 'Subscribe'),
  (4, 1, 1, 'added by the publisher', AT, 'command', NULL, '')
"""


@pytest.fixture
def third_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of schema 0003 with four consents in three wordings, one of them none."""
    database = Database(empty_database_url)
    moment = "'2026-01-09 12:00:00.000000" + ("'" if database.is_sqlite else "+00'")
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), "0003")
        for statement in _ROWS.replace("AT", moment).split(";"):
            connection.exec_driver_sql(statement)
    yield database
    database.close()


def _words(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


_NUMBERED = """
SELECT c.id, c.ip, c.source, w.text FROM consent c LEFT JOIN wording w ON w.id = c.wording_id
ORDER BY c.id
"""


def test_each_wording_is_kept_once_and_every_consent_still_leads_to_its_own(
    third_schema: Database,
) -> None:
    third_schema.migrate()
    assert _words(third_schema, _NUMBERED) == [
        (1, "192.0.2.1", "", "Subscribe"),
        (2, None, "", "Yes, subscribe me"),
        (3, None, "", "Subscribe"),
        (4, None, "", None),
    ]
    assert _words(third_schema, "SELECT count(*) FROM wording") == [(2,)]


def test_the_way_back_puts_the_words_beside_their_consent(third_schema: Database) -> None:
    third_schema.migrate()
    with migrating(third_schema) as connection:
        command.downgrade(migrations.config_for(connection), "0003")
    assert _words(third_schema, "SELECT id, text FROM consent ORDER BY id") == [
        (1, "Subscribe"),
        (2, "Yes, subscribe me"),
        (3, "Subscribe"),
        (4, ""),
    ]
