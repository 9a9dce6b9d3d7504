"""Door to the ledger: planned rows, leased batches, retries and attempts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.language import primary
from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.delivery.model import Batch, DeliveryState, Retry, Settled, Tally
from digest.editions.model import EditionState
from digest.editions.store import edition
from subscribers.segment_store import condition_of
from subscribers.segments import Audience
from subscribers.store import audience as audience_of
from subscribers.store import audience_reach, subscriber

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
    sa.Column("losses", sa.Integer, nullable=False, server_default="0"),
    sa.Column("lost_at", BigId),
    sa.Column("done_at", UtcDateTime),
)
"""The readers from `first_id` to `last_id`, both included, so that a batch is read by range."""

sa.Index(
    None,
    delivery_batch.c.due_at,
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
    sa.Column("intent_at", UtcDateTime),
)
"""`intent_at` is set before the bytes of a retry leave, and goes with the row when answered."""

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


def edition_state(connection: Connection, edition_id: int) -> EditionState:
    """Give an edition's state as it is now."""
    return EditionState(connection.execute(_state(), {"of_edition": edition_id}).scalar_one())


@cache
def _state() -> sa.Select[Any]:
    return sa.select(edition.c.state).where(edition.c.id == sa.bindparam("of_edition"))


def plan_chunk(
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
    due_at: datetime,
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
    among = condition_of(connection, audience, newsletter_id=newsletter_id, now=now)
    people = audience_of(newsletter_id, now=now, among=among, after=after, upto=upto)
    if only is not None:
        people = people.where(subscriber.c.address_key.in_(list(only)))
    chunk = people.order_by(None).subquery()
    place = sa.func.row_number().over(order_by=chunk.c.subscriber_id) + (batch.filled - 1)
    rows = sa.select(
        sa.literal(edition_id),
        chunk.c.subscriber_id,
        sa.literal(batch.n) + place // batch_size,
        sa.literal(DeliveryState.PLANNED.value),
        _language_for(chunk.c.language, languages),
        chunk.c.topic_mask,
    ).where(sa.true())  # without a WHERE, SQLite takes ON CONFLICT for a join's ON
    planned = insert(connection, delivery).from_select(
        ["edition_id", "subscriber_id", "batch_n", "state", "language", "topic_mask"], rows
    )
    connection.execute(planned.on_conflict_do_nothing())
    _write_batches(connection, edition_id, after=after, due_at=due_at)
    return upto


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
    connection: Connection, edition_id: int, *, after: int, due_at: datetime
) -> None:
    mine = (delivery.c.edition_id == edition_id) & (delivery.c.subscriber_id > after)
    batches = (
        sa.select(
            sa.literal(edition_id),
            delivery.c.batch_n,
            sa.func.min(delivery.c.subscriber_id),
            sa.func.max(delivery.c.subscriber_id),
            sa.literal(due_at, UtcDateTime),
        )
        .where(mine)
        .group_by(delivery.c.batch_n)
    )
    columns = ["edition_id", "n", "first_id", "last_id", "due_at"]
    written = insert(connection, delivery_batch).from_select(columns, batches)
    # The last batch of the chunk before may have had room: nobody has it before the last chunk.
    longer = {"last_id": written.excluded.last_id}
    connection.execute(
        written.on_conflict_do_update(index_elements=["edition_id", "n"], set_=longer)
    )


def analyze(connection: Connection) -> None:
    """Tell PostgreSQL's planner that the ledger has grown: a send is three times faster after."""
    if connection.dialect.name == "postgresql":
        for table in (delivery, delivery_batch):
            connection.exec_driver_sql(f"ANALYZE {table.name}")


def tally(connection: Connection, edition_id: int) -> Tally:
    """Count an edition's rows by state."""
    rows = connection.execute(
        sa.select(delivery.c.state, sa.func.count())
        .where(delivery.c.edition_id == edition_id)
        .group_by(delivery.c.state)
    )
    return Tally(**{str(state): count for state, count in rows})


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


def claim_batch(
    connection: Connection, *, owner: str, now: datetime, lease_until: datetime
) -> Batch | None:
    """Lease the next due batch of an edition that is being sent; None when nothing is due."""
    query = (
        sa.select(delivery_batch, edition.c.newsletter_id)
        .join(edition, edition.c.id == delivery_batch.c.edition_id)
        .where(
            delivery_batch.c.done_at.is_(None),
            delivery_batch.c.owner.is_(None),
            delivery_batch.c.due_at <= now,
            edition.c.state == EditionState.SENDING.value,
        )
        .order_by(
            delivery_batch.c.priority.desc(),
            delivery_batch.c.due_at,
            delivery_batch.c.edition_id,
            delivery_batch.c.n,
        )
        .limit(1)
        .with_for_update(of=delivery_batch, skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    values = {"owner": owner, "fence": row.fence + 1, "lease_until": lease_until, "intent_upto": 0}
    same = (delivery_batch.c.edition_id == row.edition_id) & (delivery_batch.c.n == row.n)
    connection.execute(sa.update(delivery_batch).where(same).values(values))
    readers = _planned(connection, row.edition_id, row.n, row.first_id, row.last_id)
    return Batch(
        edition_id=row.edition_id,
        n=row.n,
        newsletter_id=row.newsletter_id,
        fence=row.fence + 1,
        subscriber_ids=tuple(readers),
        languages=readers,
        losses=row.losses,
        lost_at=row.lost_at,
    )


def _planned(
    connection: Connection, edition_id: int, n: int, first_id: int, last_id: int
) -> dict[int, str]:
    """Give who is still planned of a batch, in order, each with their language."""
    query = sa.select(delivery.c.subscriber_id, delivery.c.language).where(
        delivery.c.edition_id == edition_id,
        delivery.c.subscriber_id.between(first_id, last_id),
        delivery.c.batch_n == n,
        delivery.c.state == DeliveryState.PLANNED.value,
    )
    rows = connection.execute(query.order_by(delivery.c.subscriber_id))
    return {row.subscriber_id: row.language for row in rows}


def intend(
    connection: Connection,
    batch: Batch,
    subscriber_id: int,
    *,
    losses: int,
    lease_until: datetime,
) -> bool:
    """Write that this reader's copy is about to leave; False when the lease is lost.

    It stands last in its transaction: a lost lease undoes the result written before it.
    """
    values = {"intent_upto": subscriber_id, "losses": losses, "lease_until": lease_until}
    return _update_leased(connection, batch, values)


def finish_batch(connection: Connection, batch: Batch, *, now: datetime) -> bool:
    """Write that no reader of the batch is left; False when the lease is lost."""
    return _update_leased(connection, batch, {**_RELEASED, "losses": 0, "done_at": now})


def release_batch(connection: Connection, batch: Batch) -> bool:
    """Give the rest of a batch back, due as it was; False when the lease is lost."""
    return _update_leased(connection, batch, _RELEASED)


def postpone_batch(
    connection: Connection, batch: Batch, *, due_at: datetime, losses: int, lost_at: int | None
) -> bool:
    """Give the rest of a batch back for later; False when the lease is lost."""
    values = {**_RELEASED, "due_at": due_at, "losses": losses, "lost_at": lost_at}
    return _update_leased(connection, batch, values)


_RELEASED = {"owner": None, "lease_until": None, "intent_upto": 0}


def _update_leased(connection: Connection, batch: Batch, values: Mapping[str, object]) -> bool:
    which = {"of_edition": batch.edition_id, "batch": batch.n, "ours": batch.fence}
    return rows_changed(connection.execute(_updating_leased(), {**which, **values})) == 1


@cache
def _updating_leased() -> sa.Update:
    return sa.update(delivery_batch).where(
        delivery_batch.c.edition_id == sa.bindparam("of_edition"),
        delivery_batch.c.n == sa.bindparam("batch"),
        delivery_batch.c.fence == sa.bindparam("ours"),
        delivery_batch.c.owner.is_not(None),
    )


def postpone_due(
    connection: Connection, *, until: datetime, now: datetime, edition_id: int | None = None
) -> None:
    """Put off everything that is due, of one edition or of all: the server is away."""
    batches = sa.update(delivery_batch).where(
        delivery_batch.c.done_at.is_(None),
        delivery_batch.c.owner.is_(None),
        delivery_batch.c.due_at <= now,
    )
    retries = sa.update(delivery_retry).where(
        delivery_retry.c.intent_at.is_(None), delivery_retry.c.next_at <= now
    )
    if edition_id is not None:
        batches = batches.where(delivery_batch.c.edition_id == edition_id)
        retries = retries.where(delivery_retry.c.edition_id == edition_id)
    connection.execute(batches.values(due_at=until, losses=delivery_batch.c.losses + 1))
    connection.execute(retries.values(next_at=until))


def record(
    connection: Connection, edition_id: int, subscriber_id: int, settled: Settled, *, now: datetime
) -> None:
    """Write the first result of a planned row; what was not accepted at once is an attempt.

    Only a row that is still planned changes: the fence guards it, this makes it sure.
    """
    was = (DeliveryState.PLANNED,)
    if not _write_state(connection, edition_id, subscriber_id, settled, was, now=now):
        return
    if settled.state in {DeliveryState.ACCEPTED, DeliveryState.SKIPPED}:
        return
    _add_attempt(connection, edition_id, subscriber_id, settled, now=now)
    if settled.next_at is not None:
        connection.execute(
            sa.insert(delivery_retry).values(
                edition_id=edition_id,
                subscriber_id=subscriber_id,
                next_at=settled.next_at,
                tries=1,
                first_at=now,
            )
        )


def _write_state(
    connection: Connection,
    edition_id: int,
    subscriber_id: int,
    settled: Settled,
    was: tuple[DeliveryState, ...],
    *,
    now: datetime,
) -> bool:
    values = {
        "of_edition": edition_id,
        "reader": subscriber_id,
        "state": settled.state.value,
        "code": settled.code,
        "reason": settled.reason,
        "done_at": None if settled.state is DeliveryState.DEFERRED else now,
    }
    return rows_changed(connection.execute(_writing_state(was), values)) == 1


@cache
def _writing_state(was: tuple[DeliveryState, ...]) -> sa.Update:
    """Give what is run for every message, built once: building costs five times as much."""
    return sa.update(delivery).where(
        delivery.c.edition_id == sa.bindparam("of_edition"),
        delivery.c.subscriber_id == sa.bindparam("reader"),
        delivery.c.state.in_([each.value for each in was]),
    )


def _add_attempt(
    connection: Connection, edition_id: int, subscriber_id: int, settled: Settled, *, now: datetime
) -> None:
    last = sa.select(sa.func.coalesce(sa.func.max(attempt.c.n), 0)).where(
        attempt.c.edition_id == edition_id, attempt.c.subscriber_id == subscriber_id
    )
    connection.execute(
        sa.insert(attempt).values(
            edition_id=edition_id,
            subscriber_id=subscriber_id,
            n=last.scalar_subquery() + 1,
            state=settled.state.value,
            code=settled.code,
            reply=settled.reply or settled.reason,
            at=now,
        )
    )


def claim_retry(connection: Connection, *, now: datetime) -> Retry | None:
    """Take the retry that has waited longest and write its intent; None when nothing is due."""
    query = (
        _retries()
        .where(
            delivery_retry.c.next_at <= now,
            delivery_retry.c.intent_at.is_(None),
            edition.c.state == EditionState.SENDING.value,
        )
        .order_by(
            delivery_retry.c.next_at, delivery_retry.c.edition_id, delivery_retry.c.subscriber_id
        )
        .limit(1)
        .with_for_update(of=delivery_retry, skip_locked=True)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    same = _retry_of(row.edition_id, row.subscriber_id)
    connection.execute(sa.update(delivery_retry).where(same).values(intent_at=now))
    return _retry(row, intent_at=now)


def record_retry(connection: Connection, retry: Retry, settled: Settled, *, now: datetime) -> bool:
    """Write the result of a retry; False, and nothing is written, when it is no longer ours."""
    mine = _retry_of(retry.edition_id, retry.subscriber_id) & (
        delivery_retry.c.intent_at == retry.intent_at
    )
    if settled.next_at is None:
        change: sa.Delete | sa.Update = sa.delete(delivery_retry).where(mine)
    else:
        values = {"next_at": settled.next_at, "tries": retry.tries + 1, "intent_at": None}
        change = sa.update(delivery_retry).where(mine).values(values)
    if rows_changed(connection.execute(change)) != 1:
        return False
    deferred = (DeliveryState.DEFERRED,)
    _write_state(connection, retry.edition_id, retry.subscriber_id, settled, deferred, now=now)
    if settled.state not in {DeliveryState.ACCEPTED, DeliveryState.SKIPPED}:
        _add_attempt(connection, retry.edition_id, retry.subscriber_id, settled, now=now)
    return True


def put_back_retry(connection: Connection, retry: Retry, *, next_at: datetime) -> None:
    """Leave a retry for later without counting it: the server was away."""
    mine = _retry_of(retry.edition_id, retry.subscriber_id) & (
        delivery_retry.c.intent_at == retry.intent_at
    )
    connection.execute(
        sa.update(delivery_retry).where(mine).values(intent_at=None, next_at=next_at)
    )


def _retries() -> sa.Select[Any]:
    """Select retries with what stands of them in other tables."""
    mine = (delivery.c.edition_id == delivery_retry.c.edition_id) & (
        delivery.c.subscriber_id == delivery_retry.c.subscriber_id
    )
    return (
        sa.select(delivery_retry, edition.c.newsletter_id, delivery.c.language)
        .join(edition, edition.c.id == delivery_retry.c.edition_id)
        .join(delivery, mine)
    )


def _retry(row: sa.Row[Any], *, intent_at: datetime) -> Retry:
    return Retry(
        edition_id=row.edition_id,
        subscriber_id=row.subscriber_id,
        newsletter_id=row.newsletter_id,
        tries=row.tries,
        first_at=row.first_at,
        intent_at=intent_at,
        language=row.language,
    )


def _retry_of(edition_id: int, subscriber_id: int) -> sa.ColumnElement[bool]:
    return (delivery_retry.c.edition_id == edition_id) & (
        delivery_retry.c.subscriber_id == subscriber_id
    )


def recover_batches(connection: Connection, *, uncertain: Settled | None, now: datetime) -> int:
    """Release the batches of owners that are dead; the caller holds the sender's seat.

    At most one row a batch was intended and has no result. It becomes `uncertain`, or stays
    planned when that is None: then sending it again leaves one copy. Gives how many rows.
    """
    leased = connection.execute(
        sa.select(delivery_batch)
        .where(delivery_batch.c.done_at.is_(None), delivery_batch.c.owner.is_not(None))
        .with_for_update()
    ).all()
    found = 0
    for row in leased:
        upto = min(row.intent_upto, row.last_id)
        for reader in _planned(connection, row.edition_id, row.n, row.first_id, upto):
            found += 1
            if uncertain is not None:
                record(connection, row.edition_id, reader, uncertain, now=now)
        same = (delivery_batch.c.edition_id == row.edition_id) & (delivery_batch.c.n == row.n)
        values = {**_RELEASED, "fence": row.fence + 1}
        connection.execute(sa.update(delivery_batch).where(same).values(values))
    return found


def recover_retries(connection: Connection, *, uncertain: Settled | None, now: datetime) -> int:
    """Do the same for the retries that were about to leave; gives how many."""
    rows = connection.execute(
        _retries().where(delivery_retry.c.intent_at.is_not(None)).with_for_update(of=delivery_retry)
    ).all()
    for row in rows:
        retry = _retry(row, intent_at=row.intent_at)
        if uncertain is None:
            put_back_retry(connection, retry, next_at=row.next_at)
        else:
            record_retry(connection, retry, uncertain, now=now)
    return len(rows)


def ended_editions(connection: Connection) -> list[int]:
    """Find the editions being sent that have neither an open batch nor a retry."""
    batch = sa.exists().where(
        delivery_batch.c.edition_id == edition.c.id, delivery_batch.c.done_at.is_(None)
    )
    retry = sa.exists().where(delivery_retry.c.edition_id == edition.c.id)
    query = sa.select(edition.c.id).where(
        edition.c.state == EditionState.SENDING.value, ~batch, ~retry
    )
    return list(connection.scalars(query.order_by(edition.c.id)))


def reopen(connection: Connection, edition_id: int, state: DeliveryState, *, now: datetime) -> int:
    """Make an edition's failed or uncertain rows due again, their attempts kept; gives how many."""
    mine = (delivery.c.edition_id == edition_id) & (delivery.c.state == state.value)
    moment = sa.literal(now, UtcDateTime)
    rows = sa.select(
        delivery.c.edition_id, delivery.c.subscriber_id, moment, sa.literal(0), moment
    ).where(mine)
    columns = ["edition_id", "subscriber_id", "next_at", "tries", "first_at"]
    connection.execute(sa.insert(delivery_retry).from_select(columns, rows))
    values = {"state": DeliveryState.DEFERRED.value, "reason": "to be tried again", "done_at": None}
    return rows_changed(connection.execute(sa.update(delivery).where(mine).values(values)))


def hasten(connection: Connection, edition_id: int, *, now: datetime) -> int:
    """Make an edition's deferred rows due at once; gives how many."""
    waiting = (delivery_retry.c.edition_id == edition_id) & delivery_retry.c.intent_at.is_(None)
    result = connection.execute(sa.update(delivery_retry).where(waiting).values(next_at=now))
    return rows_changed(result)
