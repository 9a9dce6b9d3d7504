"""A ledger from before the delivery engine is counted and goes on, and the way back keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from tests.integration.migrating import migrating

_ROWS = """
INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)
VALUES (1, 'daily', 'Daily', 'UTC', NOON, NOON, 'file');

INSERT INTO edition (id, newsletter_id, local_date, slot_name, number, state, window_after,
  cut_off_at, send_at, prepared_at)
VALUES (1, 1, '2026-01-08', 'main', 1, 'sent', NOON, NOON, NOON, NOON),
  (2, 1, '2026-01-09', 'main', 2, 'sending', NOON, NOON, ONE, NOON),
  (3, 1, '2026-01-10', 'main', 3, 'in_review', NOON, NOON, ONE, NOON);

INSERT INTO subscriber (id, public_id, address, address_key, address_hmac, created_at)
VALUES (1, 'aa', 'ann@reader.example', 'ann@reader.example', 'a1', NOON),
  (2, 'bb', 'bob@reader.example', 'bob@reader.example', 'b2', NOON),
  (3, 'cc', NULL, 'erased:cc', NULL, NOON);

INSERT INTO delivery_batch (edition_id, n, first_id, last_id, due_at, priority, owner, fence,
  lease_until, intent_upto, losses, lost_at, done_at)
VALUES (1, 1, 1, 3, NOON, 0, NULL, 1, NULL, 3, 0, NULL, ONE),
  (2, 1, 1, 2, ONE, 5, 'worker 7', 4, ONE, 1, 2, 1, NULL),
  (2, 2, 3, 3, ONE, 5, NULL, 0, NULL, 0, 0, NULL, NULL);

INSERT INTO delivery (edition_id, subscriber_id, batch_n, state, code, language, done_at)
VALUES (1, 1, 1, 'sent', 250, 'en', NOON), (1, 2, 1, 'sent', 250, 'en', ONE),
  (1, 3, 1, 'bounced', 550, 'en', ONE), (2, 1, 1, 'sent', 250, 'en', ONE),
  (2, 2, 1, 'deferred', 421, 'en', NULL), (2, 3, 2, 'pending', 0, 'en', NULL);

INSERT INTO delivery_retry (edition_id, subscriber_id, next_at, tries, first_at, intent_at)
VALUES (2, 2, ONE, 2, NOON, NULL);

INSERT INTO heartbeat (process, host, pid, version, started_at, beat_at)
VALUES ('worker', 'h', 7, '1', NOON, ONE)
"""
_KEPT = {
    "edition": "id, state, send_at, expires_at",
    "delivery": "edition_id, subscriber_id, batch_n, state, code, language, reason, done_at",
    "delivery_batch": "edition_id, n, first_id, last_id, due_at, priority, owner, fence,"
    " lease_until, intent_upto, done_at",
    "delivery_retry": "edition_id, subscriber_id, next_at, tries, first_at",
    "heartbeat": "process, host, pid, version, started_at, beat_at",
    "subscriber": "id, public_id, address, address_key, address_hmac, created_at",
}
"""What both schemas have."""

_HASHES = "ix_subscriber_address_hmac"


@pytest.fixture
def fourth_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of schema 0004: one edition sent, one half-way, one not planned yet."""
    database = Database(empty_database_url)
    zone = "'" if database.is_sqlite else "+00'"
    rows = _ROWS.replace("NOON", f"'2026-01-09 12:00:00.000000{zone}")
    rows = rows.replace("ONE", f"'2026-01-09 13:00:00.000000{zone}")
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), "0004")
        for statement in rows.split(";"):
            connection.exec_driver_sql(statement)
    yield database
    database.close()


def _read(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query)]


def _kept(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Read what both schemas have."""
    return {
        table: _read(database, f"SELECT {columns} FROM {table} ORDER BY 1, 2")  # noqa: S608 - names of ours only
        for table, columns in _KEPT.items()
    }


def _indexes(database: Database, table: str) -> set[str]:
    with database.read() as connection:
        return {str(each["name"]) for each in sa.inspect(connection).get_indexes(table)}


def _go_back(database: Database) -> None:
    with migrating(database) as connection:
        command.downgrade(migrations.config_for(connection), "0004")


def test_what_was_planned_began_at_its_time_and_nothing_else_is_different(
    fourth_schema: Database,
) -> None:
    before = _kept(fourth_schema)
    assert fourth_schema.migrate()[0] == "0005"
    assert _kept(fourth_schema) == before
    began = "SELECT id, sending_at = send_at FROM edition ORDER BY id"
    assert _read(fourth_schema, began) == [(1, True), (2, True), (3, None)]


def test_the_ledger_is_counted_by_edition_and_state(fourth_schema: Database) -> None:
    fourth_schema.migrate()
    counted = (
        "SELECT c.edition_id, c.domain_id, c.state, c.hour = e.send_at, c.n"
        " FROM delivery_count c JOIN edition e ON e.id = c.edition_id ORDER BY 1, 3"
    )
    assert _read(fourth_schema, counted) == [
        (1, 0, "bounced", True, 1),
        (1, 0, "sent", True, 2),
        (2, 0, "deferred", True, 1),
        (2, 0, "pending", True, 1),
        (2, 0, "sent", True, 1),
    ]
    assert _read(fourth_schema, "SELECT * FROM domain") == []
    assert _read(fourth_schema, "SELECT * FROM rate_bucket") == []


def test_a_retry_is_nobodys_until_it_is_leased(fourth_schema: Database) -> None:
    fourth_schema.migrate()
    leased = "SELECT subscriber_id, domain_id, owner, fence, lease_until FROM delivery_retry"
    assert _read(fourth_schema, leased) == [(2, 0, None, 0, None)]


def test_the_hash_of_an_address_has_no_index_any_more(fourth_schema: Database) -> None:
    before = _indexes(fourth_schema, "subscriber")
    assert _HASHES in before
    fourth_schema.migrate()
    assert _indexes(fourth_schema, "subscriber") == before - {_HASHES}


def test_the_way_back_keeps_the_ledger_and_forgets_what_was_counted(
    fourth_schema: Database,
) -> None:
    before, indexes = _kept(fourth_schema), _indexes(fourth_schema, "delivery_batch")
    fourth_schema.migrate()
    with fourth_schema.write() as connection:
        connection.exec_driver_sql("UPDATE delivery_retry SET owner = 'worker 7', fence = 3")
    _go_back(fourth_schema)
    assert _kept(fourth_schema) == before
    lost = "SELECT edition_id, n, losses, lost_at FROM delivery_batch ORDER BY 1, 2"
    assert _read(fourth_schema, lost) == [(1, 1, 0, None), (2, 1, 0, None), (2, 2, 0, None)]
    assert _read(fourth_schema, "SELECT intent_at FROM delivery_retry") == [(None,)]
    assert _HASHES in _indexes(fourth_schema, "subscriber")
    assert _indexes(fourth_schema, "delivery_batch") == indexes
    with fourth_schema.read() as connection:
        tables = set(sa.inspect(connection).get_table_names())
    assert not tables & {"domain", "delivery_count", "rate_bucket"}
    assert fourth_schema.migrate()[0] == "0005"
    assert _kept(fourth_schema) == before
