"""Door to what the ledger holds of a reader: what they were sent, and the words of servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import rows_changed
from digest.delivery.model import DeliveryState
from digest.delivery.store import attempt, delivery
from digest.editions.store import edition, newsletter
from subscribers.change_store import What, audience_change

_LONGEST_SENDING = timedelta(days=7)
Row = tuple[int, int, int]
"""The key of an attempt: edition, subscriber, number."""


@dataclass(frozen=True, slots=True)
class Received:
    """One edition as one reader was to get it; `at` is when its state became final (UTC)."""

    slug: str
    local_date: date
    slot_name: str
    number: int
    state: DeliveryState
    code: int
    reason: str
    language: str
    at: datetime | None


def received(connection: Connection, subscriber_id: int) -> list[Received]:
    """List the editions that were planned for a reader, the oldest first."""
    rows = connection.execute(
        sa.select(
            newsletter.c.slug,
            edition.c.local_date,
            edition.c.slot_name,
            edition.c.number,
            delivery.c.state,
            delivery.c.code,
            delivery.c.reason,
            delivery.c.language,
            delivery.c.done_at,
        )
        .select_from(edition)
        .join(newsletter, newsletter.c.id == edition.c.newsletter_id)
        .join(delivery, delivery.c.edition_id == edition.c.id)
        .where(delivery.c.subscriber_id == subscriber_id)
        .order_by(edition.c.send_at, edition.c.id)
    )
    return [
        Received(
            slug=row.slug,
            local_date=row.local_date,
            slot_name=row.slot_name,
            number=row.number,
            state=DeliveryState(row.state),
            code=row.code,
            reason=row.reason,
            language=row.language,
            at=row.done_at,
        )
        for row in rows
    ]


def scrub_attempts(connection: Connection, subscriber_id: int) -> None:
    """Empty the words of servers about a reader: they name whom they refuse.

    Both tables are keyed by edition first, so it goes by the editions there are.
    """
    every = sa.select(edition.c.id)
    mine = (attempt.c.subscriber_id == subscriber_id) & attempt.c.edition_id.in_(every)
    connection.execute(sa.update(attempt).where(mine, attempt.c.reply != "").values(reply=""))
    named = (delivery.c.subscriber_id == subscriber_id) & delivery.c.edition_id.in_(every)
    spoken = delivery.c.reason.contains("@")
    connection.execute(sa.update(delivery).where(named, spoken).values(reason="erased"))


def late_words(connection: Connection, *, since: datetime) -> list[int]:
    """Find who was erased since a moment, and of whom a server has spoken since.

    A message that was on its way when its reader was erased still brings its answer.
    """
    lately = (audience_change.c.what == What.ERASED) & (audience_change.c.at >= since)
    query = (
        sa.select(audience_change.c.subscriber_id)
        .distinct()
        .select_from(audience_change)
        .join(attempt, attempt.c.subscriber_id == audience_change.c.subscriber_id)
        .join(edition, edition.c.id == attempt.c.edition_id)
        .where(lately, attempt.c.reply != "", edition.c.send_at >= since - _LONGEST_SENDING)
    )
    return list(connection.scalars(query))


def old_attempts(connection: Connection, *, before: datetime, most: int) -> list[Row]:
    """Find attempts from before a moment, by edition."""
    mine = attempt.c.edition_id == edition.c.id
    editions = sa.select(edition.c.id).where(
        edition.c.prepared_at < before, sa.exists().where(mine, attempt.c.at < before)
    )
    first = connection.scalar(editions.order_by(edition.c.id).limit(1))
    if first is None:
        return []
    old = sa.select(attempt.c.edition_id, attempt.c.subscriber_id, attempt.c.n).where(
        attempt.c.edition_id == first, attempt.c.at < before
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(old.limit(most))]


def drop_attempts(connection: Connection, rows: Sequence[Row]) -> int:
    """Drop these attempts; give how many."""
    key = sa.tuple_(attempt.c.edition_id, attempt.c.subscriber_id, attempt.c.n)
    return rows_changed(connection.execute(sa.delete(attempt).where(key.in_(list(rows)))))
