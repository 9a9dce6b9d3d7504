"""Door to the ledger: its rows and batches as they are planned by the readers' own hours."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from digest.composition.store import approval
from digest.db import insert
from digest.delivery.count_store import add_counts
from digest.delivery.hours import due_in_spread
from digest.delivery.model import DeliveryState
from digest.delivery.plan_store import people_of, rows_of, write_rows
from digest.delivery.reader_hours import Hour, Timetable, Wish
from digest.delivery.store import delivery, delivery_batch
from digest.editions.store import edition
from subscribers.segments import Audience
from subscribers.store import audience_reach, subscriber

_HOURS = 4096
"""More than there can be moments at which an edition is due: about two days of minutes."""


@dataclass(slots=True)
class Filling:
    """How full the batches of each hour are: kept by a planner from one chunk to the next.

    The j-th batch of the hour of number h has the number 1 + h + 4096 j, so none has to be looked
    up before it is written; `row` is the j of the batches that the first reader of `counts` begins.
    A batch is filled among `block` readers: it is read by the range of their ids, in which others'
    rows lie too. The shorter the range the less is read, and the longer the fuller the batches.
    """

    block: int = 20_000
    last_id: int = -1
    row: int = 0
    counts: Counter[int] = field(default_factory=Counter)
    in_block: int = 0

    def go_on(self, connection: Connection, edition_id: int) -> None:
        """Begin new batches if others have written since, or a planner before us."""
        last_id = _last_reader(connection, edition_id)
        if last_id == self.last_id:
            return
        n = sa.select(sa.func.max(delivery_batch.c.n))
        most = connection.scalar(n.where(delivery_batch.c.edition_id == edition_id)) or 0
        self.last_id, self.row, self.in_block = last_id, -(-most // _HOURS), 0
        self.counts.clear()

    def add(self, numbers: Mapping[int, int], last_id: int, *, batch_size: int) -> None:
        """Count the readers that were written, by their batch's number; end a block that is full.

        Every batch of a full block is left as it is: whoever comes next begins one.
        """
        for n, readers in numbers.items():
            self.counts[(n - 1) % _HOURS] += readers
        self.in_block += sum(numbers.values())
        self.last_id = last_id
        if self.in_block >= self.block:
            self.in_block = 0
            for hour, filled in self.counts.items():
                self.counts[hour] = -(-filled // batch_size) * batch_size


def _last_reader(connection: Connection, edition_id: int) -> int:
    last = sa.select(sa.func.max(delivery.c.subscriber_id))
    return connection.scalar(last.where(delivery.c.edition_id == edition_id)) or 0


def approved_at(connection: Connection, edition_id: int) -> datetime | None:
    """Give when the standing approval of an edition was given."""
    standing = (approval.c.edition_id == edition_id) & approval.c.revoked_at.is_(None)
    at: datetime | None = connection.scalar(
        sa.select(sa.func.max(approval.c.approved_at)).where(standing)
    )
    return at


def wishes(
    connection: Connection,
    newsletter_id: int,
    *,
    only: Collection[str] | None,
    audience: Audience | None,
    now: datetime,
) -> Counter[Wish]:
    """Count the readers of a newsletter by their zone and hour."""
    people = people_of(connection, newsletter_id, only=only, audience=audience, now=now)
    wish = (people.c.zone, people.c.hour)
    query = sa.select(*wish, sa.func.count()).group_by(*wish)
    return Counter({(zone, hour): count for zone, hour, count in connection.execute(query)})


def plan_chunk_by_hour(
    connection: Connection,
    edition_id: int,
    newsletter_id: int,
    *,
    languages: Sequence[str],
    only: Collection[str] | None,
    audience: Audience | None = None,
    batch_size: int,
    after: int = 0,
    count: int,
    table: Timetable,
    priority: int = 0,
    filling: Filling,
    now: datetime,
) -> int | None:
    """Write the next rows as `plan_chunk` does, each batch for readers of one hour of the table.

    `filling` is the planner's own, and the same for all of its chunks.
    """
    filling.go_on(connection, edition_id)
    after = max(after, filling.last_id)
    upto = None
    if only is None:
        upto = audience_reach(connection, newsletter_id, after=after, count=count)
    people = people_of(
        connection, newsletter_id, only=only, audience=audience, now=now, after=after, upto=upto
    )
    theirs = _hours_of_readers(connection.dialect.name, table, filling)
    same = (theirs.c.zone == sa.func.coalesce(people.c.zone, "")) & (
        theirs.c.minutes == sa.func.coalesce(people.c.hour, -1)
    )
    hour = sa.func.coalesce(theirs.c.hour, table.usual)
    filled = sa.func.coalesce(theirs.c.filled, filling.counts[table.usual])
    place = sa.func.row_number().over(partition_by=hour, order_by=people.c.subscriber_id)
    row = filling.row + (place + filled - 1) // batch_size
    rows = rows_of(edition_id, people, 1 + hour + _HOURS * row, languages)
    rows = rows.select_from(people.outerjoin(theirs, same))
    write_rows(connection, rows)
    numbers = _write_batches_by_hour(
        connection, edition_id, after=after, table=table, priority=priority
    )
    # SQLite does not say how many rows a statement wrote that begins with WITH.
    if written := sum(numbers.values()):
        add_counts(connection, {(edition_id, 0, DeliveryState.PLANNED.value): written}, at=now)
        filling.add(numbers, _last_reader(connection, edition_id), batch_size=batch_size)
    return upto


def _hours_of_readers(dialect: str, table: Timetable, filling: Filling) -> sa.CTE:
    """Give zone, minutes, the number of the hour, and how many it has, of each wish.

    Materialised: else SQLite reads the list through for every reader.
    """
    given = [
        (zone or "", -1 if minutes is None else minutes, hour, filling.counts[hour])
        for (zone, minutes), hour in table.readers.items()
    ]
    names = ("zone", "minutes", "hour", "filled")
    if dialect == "sqlite":
        each = sa.func.json_each(sa.literal(json.dumps(given))).table_valued("value")
        parts = [
            sa.func.json_extract(each.c.value, f"$[{n}]").label(name)
            for n, name in enumerate(names)
        ]
        return sa.select(*parts).cte("theirs").prefix_with("MATERIALIZED")
    kinds = (sa.Text, sa.Integer, sa.Integer, sa.Integer)
    columns = list(zip(*given, strict=True)) or [()] * len(names)
    arrays: list[sa.Cast[Any]] = [
        sa.cast(list(column), postgresql.ARRAY(kind))
        for column, kind in zip(columns, kinds, strict=True)
    ]
    each = sa.func.unnest(*arrays).table_valued(*names).render_derived()
    return sa.select(each).cte("theirs")


def _write_batches_by_hour(
    connection: Connection, edition_id: int, *, after: int, table: Timetable, priority: int
) -> dict[int, int]:
    """Write the batches of the rows after a reader; give how many readers each got."""
    mine = (delivery.c.edition_id == edition_id) & (delivery.c.subscriber_id > after)
    first, last = sa.func.min(delivery.c.subscriber_id), sa.func.max(delivery.c.subscriber_id)
    found = connection.execute(
        sa.select(delivery.c.batch_n, first, last, sa.func.count())
        .where(mine)
        .group_by(delivery.c.batch_n)
    ).all()
    batches = [
        {
            "edition_id": edition_id,
            "n": n,
            "first_id": first_id,
            "last_id": last_id,
            "due_at": _leaves_at(n, table.hours),
            "priority": priority,
        }
        for n, first_id, last_id, _ in found
    ]
    written = insert(connection, delivery_batch)
    longer = {"last_id": written.excluded.last_id}
    if batches:
        longer_than_before = written.on_conflict_do_update(
            index_elements=["edition_id", "n"], set_=longer
        )
        connection.execute(longer_than_before, batches)
    return {n: readers for n, _, _, readers in found}


def _leaves_at(n: int, hours: Sequence[Hour]) -> datetime:
    row, number = divmod(n - 1, _HOURS)
    return due_in_spread(row, hours[number].at, hours[number].span)


def leave_room(connection: Connection, edition_id: int, *, room: timedelta) -> None:
    """Let an edition expire so long after its last hour that a copy can be tried again."""
    last = sa.select(sa.func.max(delivery_batch.c.due_at))
    due_at = connection.scalar(last.where(delivery_batch.c.edition_id == edition_id))
    if due_at is not None:
        sooner = edition.c.expires_at < due_at + room
        update = sa.update(edition).where(edition.c.id == edition_id, sooner)
        connection.execute(update.values(expires_at=due_at + room))


def next_hour(connection: Connection, edition_id: int) -> tuple[datetime, list[str | None]] | None:
    """Give when the next batch is due that nobody has in hand, and its readers' zones.

    Those of the most readers come first; None among them is who said none.
    """
    batch = delivery_batch.c
    first = connection.execute(
        sa.select(batch.n, batch.first_id, batch.last_id, batch.due_at)
        .where(batch.edition_id == edition_id, batch.done_at.is_(None), batch.owner.is_(None))
        .order_by(batch.due_at, batch.n)
        .limit(1)
    ).one_or_none()
    if first is None:
        return None
    mine = (delivery.c.edition_id == edition_id) & (delivery.c.batch_n == first.n)
    mine &= delivery.c.subscriber_id.between(first.first_id, first.last_id)
    count = sa.func.count()
    query = (
        sa.select(subscriber.c.zone)
        .join(delivery, delivery.c.subscriber_id == subscriber.c.id)
        .where(mine, delivery.c.state == DeliveryState.PLANNED.value)
        .group_by(subscriber.c.zone)
        .order_by(count.desc(), subscriber.c.zone)
    )
    return first.due_at, list(connection.scalars(query))
