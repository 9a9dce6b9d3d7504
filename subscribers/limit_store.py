"""Door to the counters behind every limit: right with several processes, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert, metadata

limit_window = sa.Table(
    "limit_window",
    metadata,
    sa.Column("key", sa.String(160), primary_key=True),
    sa.Column("began_at", UtcDateTime, nullable=False, index=True),
    sa.Column("count", sa.Integer, nullable=False),
)
"""A window begins with the first event in it, so that with one event allowed no two ever come
closer together than its length."""


_AHEAD = timedelta(days=1)
"""What lies further ahead was written by a wrong clock, and shuts nobody out."""


def take(
    connection: Connection, key: str, *, most: int, within: timedelta, now: datetime
) -> timedelta | None:
    """Count one event under a key; None when it is allowed, else how long to wait.

    An event that is refused is not counted, and the row is locked until the transaction ends: two
    processes never both take the last place.
    """
    fresh = sa.or_(
        limit_window.c.began_at <= sa.literal(now - within, UtcDateTime),
        limit_window.c.began_at > sa.literal(now + _AHEAD, UtcDateTime),
    )
    began_at = sa.case((fresh, sa.literal(now, UtcDateTime)), else_=limit_window.c.began_at)
    begun = insert(connection, limit_window).values(key=key, began_at=now, count=1)
    counted = begun.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "began_at": began_at,
            "count": sa.case((fresh, 1), else_=limit_window.c.count + 1),
        },
        where=sa.or_(fresh, limit_window.c.count < most),
    ).returning(limit_window.c.count)
    if connection.execute(counted).one_or_none() is not None:
        return None
    row = sa.select(limit_window.c.began_at).where(limit_window.c.key == key)
    began: datetime = connection.execute(row).scalar_one()
    return began + within - now


def is_known(connection: Connection, key: str) -> bool:
    """Tell whether anything was ever counted under a key."""
    mine = sa.select(limit_window.c.key).where(limit_window.c.key == key)
    return connection.scalar(mine) is not None


def next_turn(
    connection: Connection, key: str, *, apart: timedelta, now: datetime
) -> tuple[datetime, bool]:
    """Take the next moment at which an event may happen; no two are closer than `apart`.

    Gives the moment, and whether it was taken just now: a moment still to come that somebody has
    taken before serves everybody who asks until then.
    """
    put = insert(connection, limit_window).values(key=key, began_at=now, count=1)
    fresh = put.on_conflict_do_nothing().returning(limit_window.c.key)
    if connection.execute(fresh).one_or_none() is not None:
        return now, True
    query = sa.select(limit_window.c.began_at).where(limit_window.c.key == key).with_for_update()
    last = connection.execute(query).scalar_one()
    if now < last <= now + _AHEAD:
        return last, False
    turn = max(now, last + apart) if last <= now else now
    taken = sa.update(limit_window).where(limit_window.c.key == key)
    connection.execute(taken.values(began_at=turn))
    return turn, True
