"""Two newsletters for tests that need readers, and a look at every row there is."""

from __future__ import annotations

from datetime import UTC, datetime, time

import sqlalchemy as sa

from digest.db import Database, metadata
from digest.editions.model import (
    Cadence,
    Newsletter,
    NewsletterSpec,
    Release,
    ReleaseMode,
    SlotHours,
    StoryPolicy,
)
from digest.editions.store import sync_newsletters

DAILY, WEEKLY = 1, 2


def spec(slug: str, name: str, days: frozenset[int]) -> NewsletterSpec:
    """Describe a newsletter in Tortola, sent at 07:00."""
    cadence = Cadence("America/Tortola", (SlotHours(time(7), time(6, 30)),), days)
    return NewsletterSpec(slug, name, slug, cadence, StoryPolicy(), Release(ReleaseMode.APPROVE))


def make_newsletters(database: Database) -> list[Newsletter]:
    """Write The Daily Brief (1) and The Week (2)."""
    specs = [
        spec("daily", "The Daily Brief", frozenset(range(5))),
        spec("weekly", "The Week", frozenset({5})),
    ]
    with database.write() as connection:
        made = sync_newsletters(connection, specs, now=datetime(2026, 1, 1, tzinfo=UTC))
    assert [each.id for each in made] == [DAILY, WEEKLY]
    return made


def all_rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Read every row of every table, to compare before and after."""
    with database.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(sa.select(table).order_by(*table.primary_key))
            ]
            for table in metadata.sorted_tables
        }
