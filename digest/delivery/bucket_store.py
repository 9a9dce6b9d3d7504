"""Door to the rows behind every pace and daily allowance, which several senders share."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from digest.clock import Clock
from digest.db import Connection, UtcDateTime, insert, metadata

rate_bucket = sa.Table(
    "rate_bucket",
    metadata,
    sa.Column("key", sa.String(200), primary_key=True),
    sa.Column("next_at", sa.Double, nullable=False, server_default="0"),
    sa.Column("used", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("slowed", sa.Double, nullable=False, server_default="1"),
    sa.Column("updated_at", UtcDateTime),
)
"""A few rows: one a pace (`all`, `way:…`, `group:…`), one a day of warming up (`day:…`). `next_at`
is up to when slots are given away, in unix seconds of the database's clock; `updated_at` is until
when a pace rests after a server complained; from then on it is `slowed` times what it was, and
recovers."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """One row; `rested_at`, in unix seconds of the database's clock, is when its last rest ends."""

    key: str
    next_at: float = 0.0
    used: int = 0
    slowed: float = 1.0
    rested_at: float | None = None


def seconds_now(connection: Connection, clock: Clock) -> float:
    """Read the clock that all senders share, in unix seconds.

    PostgreSQL's own, at this moment rather than at the transaction's begin; on SQLite all senders
    are on one machine, and share its clock.
    """
    if connection.dialect.name == "sqlite":
        return clock().timestamp()
    moment = sa.extract("epoch", sa.func.clock_timestamp())
    return float(connection.execute(sa.select(sa.cast(moment, sa.Double))).scalar_one())


def lock(connection: Connection, keys: Collection[str]) -> dict[str, Bucket]:
    """Give the rows of these keys, made where missing; no other sender has them until we commit.

    The rows are locked in one order, so that two senders never wait for each other. A key may have
    200 characters.
    """
    query = sa.select(rate_bucket).where(rate_bucket.c.key.in_(sorted(keys)))
    query = query.order_by(rate_bucket.c.key).with_for_update()
    found = _buckets(connection, query)
    missing = sorted(set(keys) - found.keys())
    if missing:
        rows = [{"key": key} for key in missing]
        connection.execute(insert(connection, rate_bucket).on_conflict_do_nothing(), rows)
        found = _buckets(connection, query)
    return found


def save(connection: Connection, buckets: Iterable[Bucket]) -> None:
    """Write rows that were locked before."""
    rows = [
        {
            "of_key": each.key,
            "next_at": each.next_at,
            "used": each.used,
            "slowed": each.slowed,
            "updated_at": _moment(each.rested_at),
        }
        for each in buckets
    ]
    if rows:
        change = sa.update(rate_bucket).where(rate_bucket.c.key == sa.bindparam("of_key"))
        names = ("next_at", "used", "slowed", "updated_at")
        connection.execute(change.values({name: sa.bindparam(name) for name in names}), rows)


def slowed(connection: Connection) -> list[Bucket]:
    """List the paces that a server complained about and that have not recovered yet."""
    query = sa.select(rate_bucket).where(rate_bucket.c.slowed < 1).order_by(rate_bucket.c.key)
    return list(_buckets(connection, query).values())


def used(connection: Connection, key: str) -> int:
    """Give how many of a day's messages are counted so far."""
    query = sa.select(rate_bucket.c.used).where(rate_bucket.c.key == key)
    return connection.scalar(query) or 0


def forget(connection: Connection, keys: Collection[str]) -> None:
    """Delete rows, but for those that another sender is at."""
    free = sa.select(rate_bucket.c.key).where(rate_bucket.c.key.in_(sorted(keys)))
    free = free.with_for_update(skip_locked=True)
    connection.execute(sa.delete(rate_bucket).where(rate_bucket.c.key.in_(free)))


def _buckets(connection: Connection, query: sa.Select[tuple[object, ...]]) -> dict[str, Bucket]:
    return {
        row.key: Bucket(
            row.key,
            row.next_at,
            row.used,
            row.slowed,
            row.updated_at.timestamp() if row.updated_at else None,
        )
        for row in connection.execute(query)
    }


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
