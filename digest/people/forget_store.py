"""Door to the remembered answers that have been kept for long enough."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from digest.db import Connection, UtcDateTime, rows_changed
from digest.people.store import idempotency

Key = tuple[int, str]
"""What an answer stands under: the token's number, and the key its owner chose."""


def old_answers(connection: Connection, *, before: datetime, most: int) -> list[Key]:
    """Find the answers from before a moment, the oldest first."""
    query = sa.select(idempotency.c.token_id, idempotency.c.key).where(_old(before))
    rows = connection.execute(query.order_by(idempotency.c.at).limit(most))
    return [(row.token_id, row.key) for row in rows]


def drop_answers(connection: Connection, keys: Sequence[Key], *, before: datetime) -> int:
    """Drop these, unless one was taken anew; give how many."""
    mine = sa.tuple_(idempotency.c.token_id, idempotency.c.key).in_(list(keys))
    return rows_changed(connection.execute(sa.delete(idempotency).where(mine, _old(before))))


def _old(before: datetime) -> sa.ColumnElement[bool]:
    return idempotency.c.at < sa.literal(before, UtcDateTime)
