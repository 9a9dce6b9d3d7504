"""Door to the ledger's leases, as they are looked at: who has copies of which edition in hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.delivery.lease_store import database_now
from digest.delivery.store import delivery_batch, delivery_retry


@dataclass(frozen=True, slots=True)
class Holding:
    """What one sender holds of one edition: batches, and copies that are tried again.

    `until` (UTC, by the database's clock) is when the last of its leases runs out; once it
    `is_over`, any other sender takes them over.
    """

    edition_id: int
    owner: str
    batches: int
    retries: int
    until: datetime
    is_over: bool


def holdings(connection: Connection) -> list[Holding]:
    """Give who holds what, by edition and owner."""
    now = database_now(connection)
    return [
        Holding(row.edition_id, row.owner, row.batches, row.retries, row.until, row.until < now)
        for row in connection.execute(_by_owner())
    ]


def _by_owner() -> sa.Select[tuple[int, str, int, int, datetime]]:
    batch, retry = delivery_batch.c, delivery_retry.c
    one, none = sa.literal(1).label("batches"), sa.literal(0)
    batches = sa.select(
        batch.edition_id, batch.owner, batch.lease_until, one, none.label("retries")
    ).where(batch.done_at.is_(None), batch.owner.is_not(None), batch.lease_until.is_not(None))
    retries = sa.select(
        retry.edition_id, retry.owner, retry.lease_until, none, sa.literal(1)
    ).where(retry.owner.is_not(None), retry.lease_until.is_not(None))
    held = sa.union_all(batches, retries).subquery()
    sums = [sa.func.sum(held.c[name]).label(name) for name in ("batches", "retries")]
    until = sa.func.max(held.c.lease_until).label("until")
    query = sa.select(held.c.edition_id, held.c.owner, *sums, until)
    return query.group_by(held.c.edition_id, held.c.owner).order_by(held.c.edition_id, held.c.owner)
