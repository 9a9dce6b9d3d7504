"""`digest status` reads who holds what from the ledger itself, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery import store
from digest.delivery.plan import plan
from digest.workflow.lease_store import Holding, holdings
from tests.unit.delivery.delivery_builders import NOON, an_edition, some_readers


def test_batches_and_retries_are_added_up_by_edition_and_owner(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 11))
    plan(database, edition, languages=["en"], only=None, batch_size=2, clock=fixed(NOON))
    over = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
    later = over + timedelta(hours=1)
    batch, retry = store.delivery_batch, store.delivery_retry
    leased = [(1, "aaaa", over, None), (2, "aaaa", later, None), (3, "bbbb", over, None)]
    with database.write() as connection:
        for n, owner, until, done_at in (*leased, (4, "cccc", later, NOON)):
            mine = {"owner": owner, "lease_until": until, "done_at": done_at}
            connection.execute(sa.update(batch).where(batch.c.n == n).values(mine))
        row = {"edition_id": edition.id, "next_at": NOON, "tries": 1, "first_at": NOON}
        held = {"subscriber_id": 1, "owner": "bbbb", "lease_until": over}
        free = {"subscriber_id": 2, "owner": None, "lease_until": None}
        connection.execute(sa.insert(retry), [row | held, row | free])
    with database.read() as connection:
        assert holdings(connection) == [
            Holding(edition.id, "aaaa", 2, 0, later, is_over=False),
            Holding(edition.id, "bbbb", 1, 1, over, is_over=True),
        ]
