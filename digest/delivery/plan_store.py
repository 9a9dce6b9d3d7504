"""Door to the ledger: its rows and batches as they are planned."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.language import primary
from digest.db import UtcDateTime, insert, rows_changed
from digest.delivery.count_store import add_counts
from digest.delivery.hours import due_in_spread
from digest.delivery.model import DeliveryState
from digest.delivery.store import delivery, delivery_batch
from subscribers.segment_store import condition_of
from subscribers.segments import Audience
from subscribers.store import audience as audience_of
from subscribers.store import audience_reach, subscriber


def plan_chunk(
    connection: Connection,
    edition_id: int,
    newsletter_id: int,
    *,
    languages: Sequence[str],
    only: Collection[str] | None,
    audience: Audience | None = None,
    received: int | None = None,
    batch_size: int,
    after: int = 0,
    count: int,
    leaving: Leaving,
    now: datetime,
) -> int | None:
    """Write the next rows and their batches, going on after the last row there is, or `after`.

    Looks at about `count` readers, however few of them it then writes: work that is bounded is a
    lock that is soon given back. Everything happens inside the database; the caller holds the
    edition's lock. `languages` are the edition's, its own first. Gives the reader looked at last;
    None when nobody is left.
    """
    batch = _last_batch(connection, edition_id)
    after = max(after, batch.last_id)
    upto = None
    if only is None:
        upto = audience_reach(connection, newsletter_id, after=after, count=count)
    people = people_of(
        connection,
        newsletter_id,
        only=only,
        audience=audience,
        received=received,
        now=now,
        after=after,
        upto=upto,
    )
    place = sa.func.row_number().over(order_by=people.c.subscriber_id) + (batch.filled - 1)
    batch_n = sa.literal(batch.n) + place // batch_size
    rows = rows_of(edition_id, people, batch_n, languages)
    if written := rows_changed(write_rows(connection, rows)):
        add_counts(connection, {(edition_id, 0, DeliveryState.PLANNED.value): written}, at=now)
        _write_batches(connection, edition_id, after=after, leaving=leaving)
    return upto


def people_of(
    connection: Connection,
    newsletter_id: int,
    *,
    only: Collection[str] | None,
    audience: Audience | None,
    received: int | None = None,
    now: datetime,
    after: int | None = None,
    upto: int | None = None,
) -> sa.Subquery:
    """Select who is to be mailed, with zone and hour: see `subscribers.store.audience`.

    `only` holds address keys; `received` is an edition: those who have it, or may have it.
    """
    among = condition_of(connection, audience, newsletter_id=newsletter_id, now=now)
    people = audience_of(newsletter_id, now=now, among=among, after=after, upto=upto)
    if only is not None:
        people = people.where(subscriber.c.address_key.in_(list(only)))
    if received is not None:
        people = people.where(subscriber.c.id.in_(_who_received(received)))
    return people.add_columns(subscriber.c.zone, subscriber.c.hour).order_by(None).subquery()


def count_received(
    connection: Connection,
    newsletter_id: int,
    edition_id: int,
    *,
    only: Collection[str] | None,
    now: datetime,
) -> int:
    """Count who has an edition, or may have it, and may still be mailed."""
    people = people_of(
        connection, newsletter_id, only=only, audience=None, received=edition_id, now=now
    )
    count = sa.select(sa.func.count()).select_from(people)
    return connection.execute(count).scalar_one()


def _who_received(edition_id: int) -> sa.Select[tuple[int]]:
    """Select who has an edition, or may have it: of who is uncertain nearly all do."""
    has = (DeliveryState.ACCEPTED.value, DeliveryState.UNCERTAIN.value)
    mine = (delivery.c.edition_id == edition_id) & delivery.c.state.in_(has)
    return sa.select(delivery.c.subscriber_id).where(mine)


def rows_of(
    edition_id: int,
    people: sa.Subquery,
    batch_n: sa.ColumnElement[int],
    languages: Sequence[str],
) -> sa.Select[Any]:
    """Select what is written of each reader; `batch_n` says how the batches are cut."""
    return sa.select(
        sa.literal(edition_id),
        people.c.subscriber_id,
        batch_n,
        sa.literal(DeliveryState.PLANNED.value),
        _language_for(people.c.language, languages),
        people.c.topic_mask,
    ).where(sa.true())  # without a WHERE, SQLite takes ON CONFLICT for a join's ON


def write_rows(connection: Connection, rows: sa.Select[Any]) -> sa.CursorResult[Any]:
    """Write the rows of `rows_of` that are not there."""
    planned = insert(connection, delivery).from_select(
        ["edition_id", "subscriber_id", "batch_n", "state", "language", "topic_mask"], rows
    )
    return connection.execute(
        planned.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}
    )


@dataclass(frozen=True, slots=True)
class Leaving:
    """When the batches of an edition are due, and before which others they go.

    They are spread evenly over `spread` from `at` (UTC) on; the higher `priority` goes first.
    """

    at: datetime
    spread: timedelta = timedelta(0)
    priority: int = 0


@dataclass(frozen=True, slots=True)
class _LastBatch:
    """The batch that planning goes on with, and how many readers it has."""

    n: int = 1
    last_id: int = 0
    filled: int = 0


def _last_batch(connection: Connection, edition_id: int) -> _LastBatch:
    row = connection.execute(
        sa.select(delivery_batch.c.n, delivery_batch.c.first_id, delivery_batch.c.last_id)
        .where(delivery_batch.c.edition_id == edition_id)
        .order_by(delivery_batch.c.n.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return _LastBatch()
    mine = (delivery.c.edition_id == edition_id) & delivery.c.subscriber_id.between(
        row.first_id, row.last_id
    )
    count = sa.select(sa.func.count()).select_from(delivery).where(mine)
    return _LastBatch(row.n, row.last_id, connection.execute(count).scalar_one())


def has_readers(connection: Connection, edition_id: int) -> bool:
    """Tell whether anybody is planned for an edition."""
    batch = sa.exists().where(delivery_batch.c.edition_id == edition_id)
    return bool(connection.scalar(sa.select(batch)))


def _language_for(
    reader: sa.ColumnElement[str | None], languages: Sequence[str]
) -> sa.ColumnElement[str]:
    """Choose as `nearest` does: the same tag, else the first of the same language, else our own."""
    own, *others = languages
    if not others:
        return sa.literal(own)
    tag = sa.func.lower(sa.func.replace(sa.func.coalesce(reader, ""), "_", "-"))
    same = [(tag == each.lower(), sa.literal(each)) for each in languages]
    akin = [
        ((tag == each) | tag.startswith(f"{each}-", autoescape=True), sa.literal(first))
        for each, first in _first_of_each(languages).items()
    ]
    return sa.case(*same, *akin, else_=sa.literal(own))


def _first_of_each(languages: Sequence[str]) -> dict[str, str]:
    return {primary(each): each for each in reversed(languages)}


def _write_batches(
    connection: Connection, edition_id: int, *, after: int, leaving: Leaving
) -> None:
    mine = (delivery.c.edition_id == edition_id) & (delivery.c.subscriber_id > after)
    batches = (
        sa.select(
            sa.literal(edition_id),
            delivery.c.batch_n,
            sa.func.min(delivery.c.subscriber_id),
            sa.func.max(delivery.c.subscriber_id),
            sa.literal(leaving.at, UtcDateTime),
            sa.literal(leaving.priority),
        )
        .where(mine)
        .group_by(delivery.c.batch_n)
    )
    columns = ["edition_id", "n", "first_id", "last_id", "due_at", "priority"]
    written = insert(connection, delivery_batch).from_select(columns, batches)
    # The last batch of the chunk before may have had room: nobody has it before the last chunk.
    longer = {"last_id": written.excluded.last_id}
    connection.execute(
        written.on_conflict_do_update(index_elements=["edition_id", "n"], set_=longer)
    )
    if leaving.spread:
        _spread(connection, edition_id, after=after, leaving=leaving)


def _spread(connection: Connection, edition_id: int, *, after: int, leaving: Leaving) -> None:
    mine = (delivery_batch.c.edition_id == edition_id) & (delivery_batch.c.last_id > after)
    numbers = list(connection.scalars(sa.select(delivery_batch.c.n).where(mine)))
    if numbers:
        begins, span = leaving.at, leaving.spread
        due = [{"batch": n, "due": due_in_spread(n - 1, begins, span)} for n in numbers]
        same = delivery_batch.c.n == sa.bindparam("batch")
        update = sa.update(delivery_batch).where(delivery_batch.c.edition_id == edition_id, same)
        connection.execute(update.values(due_at=sa.bindparam("due", type_=UtcDateTime)), due)


def analyze(connection: Connection) -> None:
    """Tell PostgreSQL's planner that the ledger has grown: a send is three times faster after."""
    if connection.dialect.name == "postgresql":
        for table in (delivery, delivery_batch):
            connection.exec_driver_sql(f"ANALYZE {table.name}")
