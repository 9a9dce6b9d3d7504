"""Writes readers and a planned edition into an empty database, for the runs that have a ledger.

Run as a process of its own, so that its memory is nobody else's:
python -m bench.send.edition --database URL --readers N
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery.plan import plan
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState

LARGE_DOMAINS, OTHER_DOMAINS = 8, 2_000
"""Seven readers of ten have their mail at one of a few providers, the others are spread."""

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "postgresql": "WITH n AS (SELECT i::bigint FROM generate_series(1, {count}) AS g(i))",
}
_RANDOM = {
    "sqlite": "lower(hex(randomblob(32)))",
    "postgresql": "encode(sha256(i::text::bytea), 'hex')",
}
_DAY = {"sqlite": "'2025-11-01 00:00:00'", "postgresql": "timestamptz '2025-11-01'"}


def fill(database: Database, count: int, now: datetime) -> None:
    """Write the readers where they lie: no row passes through Python."""
    kind = "sqlite" if database.is_sqlite else "postgresql"
    numbers, day = _NUMBERS[kind].format(count=count), _DAY[kind]
    large = f"'large' || (i % {LARGE_DOMAINS})"
    other = f"'other' || (i % {OTHER_DOMAINS})"
    domain = f"CASE WHEN i % 10 < 7 THEN {large} ELSE {other} END || '.example'"
    address = f"'reader' || i || '@' || {domain}"
    people = f"""INSERT INTO subscriber
        (id, public_id, address, address_key, address_hmac, created_at) {numbers}
        SELECT i, 'p' || i, {address}, {address}, {_RANDOM[kind]}, {day} FROM n"""  # noqa: S608 - our own words
    daily = f"""INSERT INTO subscription
        (subscriber_id, newsletter_id, state, topic_mask, confirmed_at) {numbers}
        SELECT i, 1, 'confirmed', 0, {day} FROM n"""  # noqa: S608 - our own words
    with database.write() as connection:
        connection.execute(
            sa.insert(editions.newsletter).values(
                id=1,
                slug="daily",
                name="The Harbour Post",
                zone="Europe/London",
                epoch_at=now - timedelta(days=90),
                created_at=now - timedelta(days=90),
                origin="file",
            )
        )
        for statement in (people, daily):
            connection.execute(sa.text(statement))
    if not database.is_sqlite:  # as autovacuum does; nobody does it for a SQLite file
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def approved(database: Database, now: datetime) -> Edition:
    with database.write() as connection:
        made = connection.execute(
            sa.insert(editions.edition)
            .values(
                newsletter_id=1,
                local_date=now.date(),
                slot_name="main",
                number=1,
                state=EditionState.APPROVED.value,
                window_after=now - timedelta(days=1),
                cut_off_at=now - timedelta(minutes=30),
                send_at=now - timedelta(minutes=1),
                prepared_at=now - timedelta(minutes=30),
            )
            .returning(editions.edition.c.id)
        ).scalar_one()
        return editions.edition_by_id(connection, made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", required=True)
    parser.add_argument("--readers", type=int, required=True)
    asked = parser.parse_args()
    now = datetime.now(UTC)
    database = Database(asked.database)
    database.migrate()
    fill(database, asked.readers, now)
    tally = plan(
        database, approved(database, now), languages=["en-GB"], only=None, clock=fixed(now)
    )
    assert tally.planned == asked.readers, tally
    database.close()


if __name__ == "__main__":
    main()
