"""Door to the ledger: its tables, and what is asked of them as a whole."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, metadata
from digest.delivery.model import DeliveryState
from digest.editions.model import EditionState
from digest.editions.store import edition

delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("batch_n", sa.Integer, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("code", sa.Integer, nullable=False, server_default="0"),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("topic_mask", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("done_at", UtcDateTime),
    sqlite_with_rowid=False,
)
"""One row a reader, written before the first byte leaves. No index names `state`: on PostgreSQL
any such index makes every update rewrite the row. There the foreign keys are dropped (0004): two
triggers a row took half the time of planning and locked the rows of all readers. The rows are
selected out of `subscriber`, from which nothing is ever deleted."""

delivery_batch = sa.Table(
    "delivery_batch",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("first_id", BigId, nullable=False),
    sa.Column("last_id", BigId, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", UtcDateTime),
    sa.Column("intent_upto", BigId, nullable=False, server_default="0"),
    sa.Column("done_at", UtcDateTime),
)
"""The readers from `first_id` to `last_id`, both included, so that a batch is read by range."""

sa.Index(
    None,
    delivery_batch.c.edition_id,
    delivery_batch.c.due_at,
    delivery_batch.c.n,
    sqlite_where=delivery_batch.c.done_at.is_(None),
    postgresql_where=delivery_batch.c.done_at.is_(None),
)
"""Only the open ones: done batches pile up for years and are never looked for by time."""

delivery_retry = sa.Table(
    "delivery_retry",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("next_at", UtcDateTime, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("domain_id", BigId, nullable=False, server_default="0"),
    sa.Column("owner", sa.Text),
    sa.Column("fence", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("lease_until", UtcDateTime),
)
"""Copies that wait: put off by a server (`tries` > 0), or by our own limits before their first try.
`owner` is set before the bytes leave, and goes with the row when answered."""

attempt = sa.Table(
    "attempt",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id"), primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("code", sa.Integer, nullable=False),
    sa.Column("reply", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Only what was not accepted at once."""


def lock_edition(connection: Connection, edition_id: int) -> EditionState | None:
    """Give an edition's state, and let nobody change it before this transaction ends."""
    query = sa.select(edition.c.state).where(edition.c.id == edition_id).with_for_update()
    state = connection.scalar(query)
    return None if state is None else EditionState(state)


def reasons(connection: Connection, edition_id: int) -> list[tuple[DeliveryState, int, str, int]]:
    """Give why copies were not accepted: state, reply code, reason and how many, most first."""
    count = sa.func.count()
    shown = (DeliveryState.FAILED, DeliveryState.SKIPPED, DeliveryState.DEFERRED)
    rows = connection.execute(
        sa.select(delivery.c.state, delivery.c.code, delivery.c.reason, count)
        .where(delivery.c.edition_id == edition_id, delivery.c.state.in_([s.value for s in shown]))
        .group_by(delivery.c.state, delivery.c.code, delivery.c.reason)
        .order_by(count.desc(), delivery.c.state, delivery.c.code, delivery.c.reason)
        .limit(20)
    )
    return [(DeliveryState(state), code, reason, number) for state, code, reason, number in rows]


_BEGUN = (EditionState.SENDING, EditionState.HELD, EditionState.STOPPED)
"""The states in which copies can be open."""


def has_rows(connection: Connection, edition_id: int) -> bool:
    """Tell whether anybody is planned for an edition."""
    batch = sa.exists().where(delivery_batch.c.edition_id == edition_id)
    return bool(connection.scalar(sa.select(batch)))


def batch_count(connection: Connection, edition_id: int) -> int:
    """Give how many batches an edition was planned in."""
    mine = delivery_batch.c.edition_id == edition_id
    return connection.execute(sa.select(sa.func.count()).where(mine)).scalar_one()


def ended_editions(connection: Connection) -> list[int]:
    """Find the editions being sent, or held in that, of which no copy is open or waits."""
    return list(connection.scalars(_ended()))


@cache
def _ended() -> sa.Select[Any]:
    batch = sa.exists().where(
        delivery_batch.c.edition_id == edition.c.id, delivery_batch.c.done_at.is_(None)
    )
    retry = sa.exists().where(delivery_retry.c.edition_id == edition.c.id)
    begun = [EditionState.SENDING.value, EditionState.HELD.value]
    query = sa.select(edition.c.id).where(
        edition.c.state.in_(begun), edition.c.sending_at.is_not(None), ~batch, ~retry
    )
    return query.order_by(edition.c.id)


def overdue_editions(connection: Connection, *, now: datetime) -> list[int]:
    """Find the editions whose time is over although copies of them are open."""
    begun = [each.value for each in _BEGUN]
    batch = sa.exists().where(
        delivery_batch.c.edition_id == edition.c.id, delivery_batch.c.done_at.is_(None)
    )
    retry = sa.exists().where(delivery_retry.c.edition_id == edition.c.id)
    query = sa.select(edition.c.id).where(
        edition.c.state.in_(begun),
        edition.c.sending_at.is_not(None),
        edition.c.expires_at <= now,
        batch | retry,
    )
    return list(connection.scalars(query.order_by(edition.c.id)))


def states_of(connection: Connection, edition_ids: Collection[int]) -> dict[int, EditionState]:
    """Give the states of editions as they are now."""
    query = sa.select(edition.c.id, edition.c.state).where(edition.c.id.in_(list(edition_ids)))
    return {each: EditionState(state) for each, state in connection.execute(query)}


def next_due(connection: Connection) -> datetime | None:
    """Give when the next copy of an edition that is being sent is due; None when none waits."""
    found = [at for query in _next_due() if (at := connection.scalar(query)) is not None]
    return min(found, default=None)


@cache
def _next_due() -> tuple[sa.Select[Any], sa.Select[Any]]:
    """Give what is asked every second by a sender that rests: building it costs more than SQL."""
    sending = edition.c.state == EditionState.SENDING.value
    batch = (
        sa.select(sa.func.min(delivery_batch.c.due_at))
        .join(edition, edition.c.id == delivery_batch.c.edition_id)
        .where(sending, delivery_batch.c.done_at.is_(None), delivery_batch.c.owner.is_(None))
    )
    retry = (
        sa.select(sa.func.min(delivery_retry.c.next_at))
        .join(edition, edition.c.id == delivery_retry.c.edition_id)
        .where(sending, delivery_retry.c.owner.is_(None))
    )
    return batch, retry
