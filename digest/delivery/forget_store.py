"""Door to what the ledger holds of a reader: what they were sent, and the words of servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import rows_changed
from digest.delivery.count_store import delivery_count
from digest.delivery.model import DeliveryState
from digest.delivery.store import attempt, delivery, delivery_batch, delivery_retry, lock_edition
from digest.editions.store import FINISHED, edition, newsletter
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


# The rows of editions that ended long ago: their counts stay


def past_editions(connection: Connection, *, before: datetime) -> list[int]:
    """Find the editions that ended before a moment and still have rows, the oldest first."""
    rows = sa.exists().where(delivery.c.edition_id == edition.c.id)
    batches = sa.exists().where(delivery_batch.c.edition_id == edition.c.id)
    query = sa.select(edition.c.id).where(_ended_before(before), rows | batches)
    return list(connection.scalars(query.order_by(edition.c.id)))


def _ended_before(before: datetime) -> sa.ColumnElement[bool]:
    ended = sa.func.coalesce(edition.c.finished_at, edition.c.send_at)
    return edition.c.state.in_([state.value for state in FINISHED]) & (ended < before)


def is_counted(connection: Connection, edition_id: int) -> bool:
    """Tell whether an edition's counts say by themselves what its rows say.

    So does one whose batches are gone: its counts were held against its rows before they went.
    """
    batch = sa.exists().where(delivery_batch.c.edition_id == edition_id)
    if not connection.scalar(sa.select(batch)):
        return True
    mine = sa.select(delivery.c.state, sa.func.count()).where(delivery.c.edition_id == edition_id)
    rows = {row[0]: row[1] for row in connection.execute(mine.group_by(delivery.c.state))}
    total = sa.func.sum(delivery_count.c.n)
    sums = sa.select(delivery_count.c.state, total).where(delivery_count.c.edition_id == edition_id)
    counts = connection.execute(sums.group_by(delivery_count.c.state))
    return rows == {state: int(n) for state, n in counts if n}


def drop_rows(connection: Connection, edition_id: int, *, before: datetime, most: int) -> int:
    """Drop up to so many of an ended edition's copies, and what belongs to them; give how many.

    The batches go first: an edition without them was counted, and is nobody's to send again. One
    that is being sent once more since it was looked at is left alone.
    """
    if lock_edition(connection, edition_id) not in FINISHED:
        return 0
    if not connection.scalar(
        sa.select(edition.c.id).where(edition.c.id == edition_id, _ended_before(before))
    ):
        return 0
    connection.execute(sa.delete(delivery_batch).where(delivery_batch.c.edition_id == edition_id))
    readers = sa.select(delivery.c.subscriber_id).where(delivery.c.edition_id == edition_id)
    last = connection.scalar(readers.order_by(delivery.c.subscriber_id).offset(most - 1).limit(1))
    gone = 0
    for table in (attempt, delivery_retry, delivery):  # the last of them counts
        mine = table.c.edition_id == edition_id
        if last is not None:
            mine &= table.c.subscriber_id <= last
        gone = rows_changed(connection.execute(sa.delete(table).where(mine)))
    return gone
