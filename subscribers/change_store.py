"""Door to the feed of changes: who left, joined, paused or moved, in the order it was written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, metadata
from digest.outbox import hook_store
from digest.outbox.hooks import HookEvent

audience_change = sa.Table(
    "audience_change",
    metadata,
    sa.Column("seq", BigId, primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), nullable=False),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id")),
    sa.Column("what", sa.String(16), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sqlite_autoincrement=True,  # a number that was seen is never given again
)
"""Written in the transaction of its cause. Senders and followers read it by `seq`, overlapping:
PostgreSQL gives numbers before it commits, so a lower one can appear after a higher one."""


_TELL = sa.insert(audience_change)


class What(StrEnum):
    """What changed; the first four end what was planned."""

    LEFT = "left"
    SUPPRESSED = "suppressed"
    ERASED = "erased"
    PAUSED = "paused"
    JOINED = "joined"
    CHANGED = "changed"


_TOLD_OUT = {
    What.LEFT: HookEvent.SUBSCRIBER_LEFT,
    What.SUPPRESSED: HookEvent.SUBSCRIBER_SUPPRESSED,
    What.ERASED: HookEvent.SUBSCRIBER_ERASED,
    What.JOINED: HookEvent.SUBSCRIBER_JOINED,
}
"""What webhooks are told of."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the feed; `newsletter_id` None means all of them. `at` is aware UTC."""

    seq: int
    subscriber_id: int
    newsletter_id: int | None
    what: What
    at: datetime


def tell_change(
    connection: Connection,
    subscriber_id: int,
    newsletter_ids: Collection[int | None],
    what: What,
    *,
    at: datetime,
) -> None:
    """Write a change in the transaction that makes it."""
    rows = [
        {"subscriber_id": subscriber_id, "newsletter_id": each, "what": what.value, "at": at}
        for each in newsletter_ids
    ]
    if rows:
        connection.execute(_TELL, rows)
    if what in _TOLD_OUT:
        for each in newsletter_ids:
            tell_out(connection, _TOLD_OUT[what], subscriber_id, each, at=at)


def tell_out(
    connection: Connection,
    event: HookEvent,
    subscriber_id: int,
    newsletter_id: int | None,
    *,
    at: datetime,
) -> None:
    """Write the webhooks that tell of a reader, in the same transaction; the row names no address.

    Whoever follows the feed of changes hears of an import, too; webhooks do not tell of one.
    """
    facts: dict[str, object] = {"subscriber_id": subscriber_id, "newsletter_id": newsletter_id}
    key = f"subscriber:{subscriber_id}:{newsletter_id}:{at.isoformat()}"
    hook_store.tell(connection, event, key=key, facts=lambda: facts, at=at)


def changes_after(connection: Connection, seq: int, *, limit: int = 1000) -> list[Change]:
    """List the changes after a number, oldest first."""
    query = (
        sa.select(audience_change)
        .where(audience_change.c.seq > seq)
        .order_by(audience_change.c.seq)
        .limit(limit)
    )
    return [
        Change(row.seq, row.subscriber_id, row.newsletter_id, What(row.what), row.at)
        for row in connection.execute(query)
    ]


def last_change(connection: Connection) -> int:
    """Give the highest number there is; 0 when nothing ever changed."""
    highest = sa.select(sa.func.coalesce(sa.func.max(audience_change.c.seq), 0))
    found: int = connection.execute(highest).scalar_one()
    return found
