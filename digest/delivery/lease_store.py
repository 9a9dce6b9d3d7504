"""Door to the ledger: batches and retries as they are leased, answered, recovered and given up.

A sender writes to it a few times a second, for hundreds of copies at once: see `flush`. What a
dead sender left is settled by `recover`: from its journal where that is there, else by what
`intent_upto` had allowed it.
"""

from __future__ import annotations

import secrets
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import (
    UtcDateTime,
    among,
    among_given,
    at_once,
    given_ids,
    rows_at_once,
    rows_changed,
)
from digest.delivery.count_store import add_counts
from digest.delivery.model import DeliveryState, Settled
from digest.delivery.settle import UNHEARD
from digest.delivery.store import attempt, delivery, delivery_batch, delivery_retry
from digest.editions.model import EditionState
from digest.editions.store import edition

LEASE = timedelta(seconds=20)
"""How long a sender that says nothing keeps what it has taken: others look each ten seconds, so
that they go on with it within 30 s."""

_OPEN = (DeliveryState.PLANNED, DeliveryState.DEFERRED)


class Planned(NamedTuple):
    """One copy of a lease; `tries` counts those made before, the first of them at `first_at`."""

    subscriber_id: int
    language: str
    state: DeliveryState = DeliveryState.PLANNED
    domain_id: int = 0
    """Where it is counted now: 0 while nobody has looked at its address."""
    tries: int = 0
    first_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """Copies of one edition that are ours to send until `fence` moves on.

    `n` is the batch's number; 0 for copies that are tried again. `intent_upto` is the last
    reader that may be begun with: nothing beyond it can have left when our machine is lost.
    """

    edition_id: int
    newsletter_id: int
    n: int
    fence: int
    priority: int
    copies: tuple[Planned, ...]
    intent_upto: int = 0

    @property
    def is_retry(self) -> bool:
        """Whether its copies were put off before."""
        return self.n == 0

    @property
    def key(self) -> tuple[int, int, int]:
        """Tell it from every other lease there was."""
        return self.edition_id, self.n, self.fence


class Result(NamedTuple):
    """What became of one copy of a lease, by the domain its reader is at."""

    planned: Planned
    settled: Settled
    domain_id: int = 0
    counts_as_try: bool = True
    """False when nothing was said to a server: our own limits put it off."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What is to be written of one lease.

    `intent_upto` moves its intent, None leaves it; `ended` gives the lease back: done when none
    of its copies is open, else due again as it was.
    """

    lease: Lease
    results: Sequence[Result] = ()
    intent_upto: int | None = None
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Left:
    """A lease whose owner is gone: `Lease`'s key, and its readers without a result."""

    lease: Lease
    owner: str
    expired: bool
    """Its time is over by the database's clock."""


@dataclass(slots=True)
class _Books:
    """What one flush writes, gathered over all leases."""

    connection: Connection
    now: datetime
    counts: Counter[tuple[int, int, str]] = field(default_factory=Counter)
    """By edition, domain and state: see `add_counts`."""


def database_now(connection: Connection) -> datetime:
    """Give the database's own time (UTC): leases of several machines are measured by it alone."""
    if connection.dialect.name == "sqlite":
        return datetime.now(UTC)  # the database is on this machine, and has no other clock
    found: datetime = connection.exec_driver_sql("SELECT clock_timestamp()").scalar_one()
    return found.astimezone(UTC)


def claim_batches(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    most: int,
    begin: int,
    holding: Mapping[int, int],
    skip: Collection[int] = (),
) -> list[Lease]:
    """Lease up to `most` due batches of editions that are being sent, fairly between them.

    Higher priority first; then the edition of which we are `holding` the fewest, so that a long one
    does not hold up a short one. `begin` copies in all may be begun with before the next flush.
    Editions in `skip` are left alone.
    """
    sending = connection.execute(_sending(skip), {"now": now}).all()
    waiting: list[tuple[int, int, datetime, int, sa.Row[Any], int]] = []
    for edition_id, newsletter_id in sending:
        given = {"of_edition": edition_id, "now": now, "most": most}
        rows = connection.execute(_due_batches(), given).all()
        held = holding.get(edition_id, 0)
        waiting += [
            (-row.priority, held + turn, row.due_at, edition_id, row, newsletter_id)
            for turn, row in enumerate(rows)
        ]
    waiting.sort(key=lambda each: each[:4])
    until = database_now(connection) + LEASE
    leases = []
    for *_, row, newsletter_id in waiting[:most]:
        lease = _leased(connection, row, newsletter_id, begin)
        begin = max(0, begin - len(lease.copies))
        _write_lease(connection, lease, owner=owner, until=until)
        leases.append(lease)
    return leases


def _leased(connection: Connection, row: sa.Row[Any], newsletter_id: int, begin: int) -> Lease:
    copies = tuple(_planned(connection, row.edition_id, row.n, row.first_id, row.last_id))
    last = min(begin, len(copies)) - 1
    return Lease(
        edition_id=row.edition_id,
        newsletter_id=newsletter_id,
        n=row.n,
        fence=secrets.randbits(62),
        priority=row.priority,
        copies=copies,
        intent_upto=copies[last].subscriber_id if last >= 0 else 0,
    )


@cache
def _due_batches() -> sa.Select[Any]:
    return (
        sa.select(delivery_batch)
        .where(
            delivery_batch.c.edition_id == sa.bindparam("of_edition"),
            delivery_batch.c.done_at.is_(None),
            delivery_batch.c.owner.is_(None),
            delivery_batch.c.due_at <= sa.bindparam("now", type_=UtcDateTime),
        )
        .order_by(delivery_batch.c.due_at, delivery_batch.c.n)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(of=delivery_batch, skip_locked=True)
    )


def _sending(skip: Collection[int]) -> sa.Select[Any]:
    now = sa.bindparam("now", type_=UtcDateTime)
    over = edition.c.expires_at <= now
    query = sa.select(edition.c.id, edition.c.newsletter_id).where(
        edition.c.state == EditionState.SENDING.value, edition.c.expires_at.is_(None) | ~over
    )
    return query.where(edition.c.id.not_in(list(skip))).order_by(edition.c.id)


def _planned(
    connection: Connection, edition_id: int, n: int, first_id: int, last_id: int
) -> Iterator[Planned]:
    """Give who is still planned of a batch, in order; who waits as a retry is not in it."""
    given = {"of_edition": edition_id, "batch": n, "first": first_id, "last": last_id}
    query = _planned_of_batch(connection.dialect.name)
    for reader, language in rows_at_once(connection, query, given):
        yield Planned(reader, language)


@cache
def _planned_of_batch(dialect: str) -> sa.Select[Any]:
    waits = sa.exists().where(
        delivery_retry.c.edition_id == delivery.c.edition_id,
        delivery_retry.c.subscriber_id == delivery.c.subscriber_id,
    )
    query = (
        sa.select(delivery.c.subscriber_id, delivery.c.language)
        .where(
            delivery.c.edition_id == sa.bindparam("of_edition"),
            delivery.c.subscriber_id.between(sa.bindparam("first"), sa.bindparam("last")),
            delivery.c.batch_n == sa.bindparam("batch"),
            delivery.c.state == DeliveryState.PLANNED.value,
            ~waits,
        )
        .order_by(delivery.c.subscriber_id)
    )
    return at_once(dialect, query)


def claim_retries(
    connection: Connection,
    *,
    owner: str,
    now: datetime,
    most: int,
    skip: Collection[int] = (),
) -> list[Lease]:
    """Lease up to `most` copies that are due again, those that have waited longest first.

    All of them may be begun with at once, so `most` is what a lost machine may leave uncertain.
    """
    given = {"now": now, "most": most}
    rows = connection.execute(_due_retries(skip), given).all()
    by_edition: dict[int, list[sa.Row[Any]]] = defaultdict(list)
    for row in rows:
        by_edition[row.edition_id].append(row)
    until = database_now(connection) + LEASE
    leases = []
    for edition_id, mine in by_edition.items():
        # Like no other lease's: rows and journals of retries are told apart by it.
        fence = secrets.randbits(62)
        ids = [row.subscriber_id for row in mine]
        same = (delivery_retry.c.edition_id == edition_id) & among(
            connection.dialect.name, delivery_retry.c.subscriber_id, ids
        )
        values = {"owner": owner, "fence": fence, "lease_until": until}
        connection.execute(sa.update(delivery_retry).where(same).values(values))
        leases.append(
            Lease(
                edition_id=edition_id,
                newsletter_id=mine[0].newsletter_id,
                n=0,
                fence=fence,
                priority=0,
                copies=tuple(_waiting(row) for row in mine),
                intent_upto=max(ids),
            )
        )
    return leases


def _waiting(row: sa.Row[Any]) -> Planned:
    state = DeliveryState(row.state)
    return Planned(
        row.subscriber_id,
        row.language,
        state,
        row.domain_id if state is DeliveryState.DEFERRED else 0,
        row.tries,
        row.first_at,
    )


def _due_retries(skip: Collection[int]) -> sa.Select[Any]:
    return (
        _retries()
        .where(
            delivery_retry.c.next_at <= sa.bindparam("now", type_=UtcDateTime),
            delivery_retry.c.owner.is_(None),
            delivery_retry.c.edition_id.in_(_sending(skip).with_only_columns(edition.c.id)),
        )
        .order_by(
            delivery_retry.c.next_at, delivery_retry.c.edition_id, delivery_retry.c.subscriber_id
        )
        .limit(sa.bindparam("most", type_=sa.Integer))
        .with_for_update(of=delivery_retry, skip_locked=True)
    )


def _retries() -> sa.Select[Any]:
    mine = (delivery.c.edition_id == delivery_retry.c.edition_id) & (
        delivery.c.subscriber_id == delivery_retry.c.subscriber_id
    )
    return (
        sa.select(
            delivery_retry,
            edition.c.newsletter_id,
            delivery.c.language,
            delivery.c.state,
            delivery.c.reason,
        )
        .join(edition, edition.c.id == delivery_retry.c.edition_id)
        .join(delivery, mine)
    )


def flush(
    connection: Connection, answers: Sequence[Answers], *, owner: str, now: datetime
) -> list[Lease]:
    """Write results, counts and intents of all leases in hand; give the leases that were lost.

    Of a lease that somebody has taken over nothing is written: its fence has moved on. The leases
    that are kept are ours for another `LEASE`.
    """
    held = _held(connection, owner)
    books = _Books(connection, now)
    lost = []
    for each in answers:
        if each.lease.key not in held:
            lost.append(each.lease)
            continue
        _write_results(books, each)
    kept = [each for each in answers if each.lease.key in held]
    add_counts(connection, books.counts, at=now)
    until = database_now(connection) + LEASE
    _move_batches(connection, [each for each in kept if not each.lease.is_retry], until, now=now)
    _move_retries(connection, [each for each in kept if each.lease.is_retry], until)
    return lost


def _held(connection: Connection, owner: str) -> set[tuple[int, int, int]]:
    """Give the keys of the leases that are ours, and let nobody take them before we have written.

    Of a lease of retries one row is enough: they are taken over together.
    """
    batches = sa.select(
        delivery_batch.c.edition_id, delivery_batch.c.n, delivery_batch.c.fence
    ).where(delivery_batch.c.done_at.is_(None), delivery_batch.c.owner == owner)
    retries = sa.select(delivery_retry.c.edition_id, sa.literal(0), delivery_retry.c.fence).where(
        delivery_retry.c.owner == owner
    )
    found = [
        *connection.execute(batches.with_for_update(of=delivery_batch)),
        *connection.execute(retries.with_for_update(of=delivery_retry)),
    ]
    return {(row[0], row[1], row[2]) for row in found}


def _write_results(books: _Books, answers: Answers) -> None:
    edition_id = answers.lease.edition_id
    by_end: dict[tuple[DeliveryState, DeliveryState, int, str], list[Result]] = defaultdict(list)
    for result in answers.results:
        settled = result.settled
        key = result.planned.state, settled.state, settled.code, settled.reason
        by_end[key].append(result)
    moved: set[int] = set()
    for results in by_end.values():
        moved.update(_write_state(books, edition_id, results))
    told = [each for each in answers.results if each.settled.state is not DeliveryState.ACCEPTED]
    new = [each for each in told if each.planned.subscriber_id in moved]
    _write_attempts(books, edition_id, new)
    _write_retries(books, answers.lease, answers.results if answers.lease.is_retry else new)


def _write_state(books: _Books, edition_id: int, results: Sequence[Result]) -> Sequence[int]:
    """Move rows that begin and end alike; give those that moved.

    One that is not where it was stays as it is, and is not counted: the answer to an earlier flush
    was lost, and it had been written.
    """
    settled = results[0].settled
    state = settled.state
    moving = {
        each.planned.subscriber_id: each
        for each in results
        if each.planned.state is not state or settled.next_at
    }
    dialect = books.connection.dialect.name
    given = {
        "of_edition": edition_id,
        "ids": given_ids(dialect, moving),
        "here": results[0].planned.state.value,
        "to": state.value,
        "reply": settled.code,
        "why": settled.reason,
        "at": None if state in _OPEN else books.now,
    }
    moved = books.connection.scalars(_moving(dialect), given).all()
    here, counts = state.value, books.counts
    for planned, _, domain_id, _ in map(moving.__getitem__, moved):
        counts[edition_id, planned.domain_id, planned.state.value] -= 1
        counts[edition_id, domain_id if state is not DeliveryState.PLANNED else 0, here] += 1
    return moved


@cache
def _moving(dialect: str) -> Any:
    """Give what is run for every group of results, built once."""
    return (
        sa.update(delivery)
        .where(
            delivery.c.edition_id == sa.bindparam("of_edition"),
            among_given(dialect, delivery.c.subscriber_id, sa.bindparam("ids")),
            delivery.c.state == sa.bindparam("here"),
        )
        .values(
            state=sa.bindparam("to"),
            code=sa.bindparam("reply"),
            reason=sa.bindparam("why"),
            done_at=sa.bindparam("at", type_=UtcDateTime),
        )
        .returning(delivery.c.subscriber_id)
    )


def _write_attempts(books: _Books, edition_id: int, results: Iterable[Result]) -> None:
    """Keep what servers said; a copy we never offered to one is no attempt."""
    told = [
        {
            "of_edition": edition_id,
            "reader": each.planned.subscriber_id,
            "edition_id": edition_id,
            "subscriber_id": each.planned.subscriber_id,
            "state": each.settled.state.value,
            "code": each.settled.code,
            "reply": each.settled.reply or each.settled.reason,
            "at": books.now,
        }
        for each in results
        if each.counts_as_try and each.settled.state is not DeliveryState.SKIPPED
    ]
    for row in told:
        books.connection.execute(_adding_attempt(), row)


@cache
def _adding_attempt() -> sa.Insert:
    last = (
        sa.select(sa.func.coalesce(sa.func.max(attempt.c.n), 0) + 1)
        .where(
            attempt.c.edition_id == sa.bindparam("of_edition"),
            attempt.c.subscriber_id == sa.bindparam("reader"),
        )
        .scalar_subquery()
    )
    return sa.insert(attempt).values(n=last)


def _write_retries(books: _Books, lease: Lease, results: Sequence[Result]) -> None:
    """Write who waits, and drop who waits no longer."""
    waiting = [each for each in results if each.settled.next_at is not None]
    if lease.is_retry:
        gone = [each.planned.subscriber_id for each in results if each.settled.next_at is None]
        if gone:
            books.connection.execute(_retries_of(books.connection, lease, gone, sa.delete))
        rows = [
            {"reader": each.planned.subscriber_id, **_wait(each, books.now)} for each in waiting
        ]
        if rows:
            books.connection.execute(_putting_off(lease), rows)
    elif waiting:
        books.connection.execute(
            sa.insert(delivery_retry),
            [
                {
                    "edition_id": lease.edition_id,
                    "subscriber_id": each.planned.subscriber_id,
                    **_wait(each, books.now),
                }
                for each in waiting
            ],
        )


def _wait(result: Result, now: datetime) -> dict[str, object]:
    return {
        "next_at": result.settled.next_at,
        "tries": result.planned.tries + result.counts_as_try,
        "first_at": result.planned.first_at or now,
        "domain_id": result.domain_id,
    }


def _putting_off(lease: Lease) -> sa.Update:
    return (
        sa.update(delivery_retry)
        .where(
            delivery_retry.c.edition_id == lease.edition_id,
            delivery_retry.c.subscriber_id == sa.bindparam("reader"),
            delivery_retry.c.fence == lease.fence,
        )
        .values(
            next_at=sa.bindparam("next_at", type_=UtcDateTime),
            tries=sa.bindparam("tries"),
            first_at=sa.bindparam("first_at", type_=UtcDateTime),
            domain_id=sa.bindparam("domain_id"),
            owner=None,
            lease_until=None,
        )
    )


def _retries_of(connection: Connection, lease: Lease, ids: Sequence[int], verb: Any) -> Any:
    return verb(delivery_retry).where(
        delivery_retry.c.edition_id == lease.edition_id,
        among(connection.dialect.name, delivery_retry.c.subscriber_id, ids),
        delivery_retry.c.fence == lease.fence,
    )


def _move_batches(
    connection: Connection, answers: Sequence[Answers], until: datetime, *, now: datetime
) -> None:
    kept = [
        {
            **_batch_key(each.lease),
            "upto": each.lease.intent_upto if each.intent_upto is None else each.intent_upto,
            "until": until,
        }
        for each in answers
        if not each.ended
    ]
    if kept:
        connection.execute(_keeping(), kept)
    for each in answers:
        if each.ended:
            _end_batch(connection, each.lease, now=now)


def _end_batch(connection: Connection, lease: Lease, *, now: datetime) -> None:
    """Give a batch back: done when nobody in it is planned any more."""
    left = None
    if lease.copies:
        first, last = lease.copies[0].subscriber_id, lease.copies[-1].subscriber_id
        left = next(_planned(connection, lease.edition_id, lease.n, first, last), None)
    given = {**_batch_key(lease), "done": now if left is None else None}
    connection.execute(_ending(), given)


def _batch_key(lease: Lease) -> dict[str, int]:
    return {"of_edition": lease.edition_id, "batch": lease.n, "ours": lease.fence}


@cache
def _of_batch() -> sa.ColumnElement[bool]:
    return (
        (delivery_batch.c.edition_id == sa.bindparam("of_edition"))
        & (delivery_batch.c.n == sa.bindparam("batch"))
        & (delivery_batch.c.fence == sa.bindparam("ours"))
    )


@cache
def _keeping() -> sa.Update:
    return (
        sa.update(delivery_batch)
        .where(_of_batch())
        .values(
            intent_upto=sa.bindparam("upto"), lease_until=sa.bindparam("until", type_=UtcDateTime)
        )
    )


@cache
def _ending() -> sa.Update:
    return (
        sa.update(delivery_batch)
        .where(_of_batch())
        .values(
            owner=None,
            lease_until=None,
            intent_upto=0,
            done_at=sa.bindparam("done", type_=UtcDateTime),
        )
    )


def _write_lease(connection: Connection, lease: Lease, *, owner: str, until: datetime) -> None:
    same = (delivery_batch.c.edition_id == lease.edition_id) & (delivery_batch.c.n == lease.n)
    connection.execute(
        sa.update(delivery_batch)
        .where(same)
        .values(
            owner=owner,
            fence=lease.fence,
            lease_until=until,
            intent_upto=lease.intent_upto,
        )
    )


def _move_retries(connection: Connection, answers: Sequence[Answers], until: datetime) -> None:
    for each in answers:
        mine = (delivery_retry.c.edition_id == each.lease.edition_id) & (
            delivery_retry.c.fence == each.lease.fence
        )
        held = sa.update(delivery_retry).where(mine, delivery_retry.c.owner.is_not(None))
        free = {"owner": None, "lease_until": None}
        connection.execute(held.values(free if each.ended else {"lease_until": until}))


def senders(connection: Connection) -> int:
    """Count the senders that hold leases now, at least one: they share what the limits allow."""
    held = delivery_batch.c.owner.is_not(None) & delivery_batch.c.done_at.is_(None)
    alive = delivery_batch.c.lease_until > database_now(connection)
    query = sa.select(sa.func.count(delivery_batch.c.owner.distinct())).where(held, alive)
    return max(1, connection.execute(query).scalar_one())


# What a dead sender left


def left_leases(connection: Connection, *, mine: str = "", all_dead: bool = False) -> list[Left]:
    """List the leases whose owners are gone: `mine` of an earlier life, else the expired ones.

    With `all_dead` the caller has proof that no other sender lives. The rows are locked: whoever
    asks first settles them. Only for `mine` a lock is waited for: a server may not be done yet
    with the last word of our earlier life; another's may be paused with its locks for long.
    """
    now = database_now(connection)
    batches = sa.select(delivery_batch, edition.c.newsletter_id).join(
        edition, edition.c.id == delivery_batch.c.edition_id
    )
    batches = batches.where(
        delivery_batch.c.done_at.is_(None), _is_left(delivery_batch, mine, now, all_dead=all_dead)
    ).with_for_update(of=delivery_batch, skip_locked=not mine)
    retries = (
        _retries()
        .where(_is_left(delivery_retry, mine, now, all_dead=all_dead))
        .order_by(delivery_retry.c.edition_id, delivery_retry.c.subscriber_id)
        .with_for_update(of=delivery_retry, skip_locked=not mine)
    )
    found = [_left_batch(connection, row, now) for row in connection.execute(batches).all()]
    by_lease: dict[tuple[int, int, str], list[sa.Row[Any]]] = defaultdict(list)
    for row in connection.execute(retries):
        by_lease[row.edition_id, row.fence, row.owner].append(row)
    found += [_left_retries(rows, now) for rows in by_lease.values()]
    return found


def are_left(connection: Connection) -> bool:
    """Tell whether any lease has run out: its owner is gone, or has not been heard of."""
    now = database_now(connection)
    batch = delivery_batch.c.done_at.is_(None) & (delivery_batch.c.lease_until < now)
    over = sa.exists().where(batch) | sa.exists().where(delivery_retry.c.lease_until < now)
    return bool(connection.scalar(sa.select(over)))


def _is_left(
    table: sa.Table, mine: str, now: datetime, *, all_dead: bool
) -> sa.ColumnElement[bool]:
    if mine:
        return table.c.owner == mine
    held = table.c.owner.is_not(None)
    return held if all_dead else held & (table.c.lease_until < now)


def _left_batch(connection: Connection, row: sa.Row[Any], now: datetime) -> Left:
    lease = Lease(
        edition_id=row.edition_id,
        newsletter_id=row.newsletter_id,
        n=row.n,
        fence=row.fence,
        priority=row.priority,
        copies=tuple(_planned(connection, row.edition_id, row.n, row.first_id, row.last_id)),
        intent_upto=row.intent_upto,
    )
    return Left(lease, row.owner, row.lease_until < now)


def _left_retries(rows: Sequence[sa.Row[Any]], now: datetime) -> Left:
    first = rows[0]
    lease = Lease(
        edition_id=first.edition_id,
        newsletter_id=first.newsletter_id,
        n=0,
        fence=first.fence,
        priority=0,
        copies=tuple(_waiting(row) for row in rows),
        intent_upto=max(row.subscriber_id for row in rows),
    )
    return Left(lease, first.owner, first.lease_until < now)


def settle_left(
    connection: Connection, left: Left, results: Sequence[Result], *, now: datetime
) -> None:
    """Write what is known of a dead sender's lease, and give the rest back; its fence moves on."""
    books = _Books(connection, now)
    _write_results(books, Answers(left.lease, results))
    add_counts(connection, books.counts, at=now)
    lease = left.lease
    if lease.is_retry:
        mine = (delivery_retry.c.edition_id == lease.edition_id) & (
            delivery_retry.c.fence == lease.fence
        )
        free = {"owner": None, "lease_until": None, "fence": lease.fence + 1}
        held = sa.update(delivery_retry).where(mine, delivery_retry.c.owner == left.owner)
        connection.execute(held.values(free))
        return
    same = (delivery_batch.c.edition_id == lease.edition_id) & (delivery_batch.c.n == lease.n)
    free = {"owner": None, "lease_until": None, "intent_upto": 0, "fence": lease.fence + 1}
    connection.execute(sa.update(delivery_batch).where(same).values(free))


# What is too late


def give_up(connection: Connection, edition_id: int, *, reason: str, now: datetime) -> int:
    """Fail the open copies of one batch, or of some retries, that nobody holds; give how many.

    Called until it gives 0: a whole edition in one transaction would keep others waiting.
    """
    batch = connection.execute(
        sa.select(delivery_batch)
        .where(
            delivery_batch.c.edition_id == edition_id,
            delivery_batch.c.done_at.is_(None),
            delivery_batch.c.owner.is_(None),
        )
        .order_by(delivery_batch.c.n)
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    late = Settled(DeliveryState.FAILED, reason=reason)
    if batch is not None:
        copies = tuple(_planned(connection, edition_id, batch.n, batch.first_id, batch.last_id))
        lease = Lease(edition_id, 0, batch.n, batch.fence, 0, copies)
        books = _Books(connection, now)
        _write_results(books, Answers(lease, [Result(each, late) for each in copies]))
        add_counts(connection, books.counts, at=now)
        same = (delivery_batch.c.edition_id == edition_id) & (delivery_batch.c.n == batch.n)
        connection.execute(sa.update(delivery_batch).where(same).values(done_at=now))
        return max(len(copies), 1)
    return _give_up_waiting(connection, edition_id, late, now=now)


_AT_ONCE = 500


def _give_up_waiting(
    connection: Connection, edition_id: int, late: Settled, *, now: datetime
) -> int:
    query = _retries().where(
        delivery_retry.c.edition_id == edition_id, delivery_retry.c.owner.is_(None)
    )
    rows = connection.execute(
        query.order_by(delivery_retry.c.subscriber_id)
        .limit(_AT_ONCE)
        .with_for_update(of=delivery_retry, skip_locked=True)
    ).all()
    unheard = {row.subscriber_id for row in rows if row.reason == UNHEARD}
    unknown = Settled(DeliveryState.UNCERTAIN, reason=UNHEARD)
    by_fence: Counter[int] = Counter(row.fence for row in rows)
    for fence in by_fence:
        copies = tuple(_waiting(row) for row in rows if row.fence == fence)
        lease = Lease(edition_id, 0, 0, fence, 0, copies)
        books = _Books(connection, now)
        results = [
            Result(each, unknown if each.subscriber_id in unheard else late, each.domain_id)
            for each in copies
        ]
        _write_results(books, Answers(lease, results))
        add_counts(connection, books.counts, at=now)
    return len(rows)


# What a person asks for again


def reopen(
    connection: Connection,
    edition_id: int,
    state: DeliveryState,
    *,
    domains: Mapping[int, int],
    now: datetime,
) -> int:
    """Make final rows due again, their attempts kept; `domains` says where each reader is counted.

    Gives how many.
    """
    ids = list(domains)
    mine = (
        (delivery.c.edition_id == edition_id)
        & (delivery.c.state == state.value)
        & among(connection.dialect.name, delivery.c.subscriber_id, ids)
    )
    found = list(connection.scalars(sa.select(delivery.c.subscriber_id).where(mine)))
    if not found:
        return 0
    rows = [
        {
            "edition_id": edition_id,
            "subscriber_id": each,
            "next_at": now,
            "tries": 0,
            "first_at": now,
            "domain_id": domains[each],
        }
        for each in found
    ]
    connection.execute(sa.insert(delivery_retry), rows)
    values = {"state": DeliveryState.DEFERRED.value, "reason": "to be tried again", "done_at": None}
    connection.execute(sa.update(delivery).where(mine).values(values))
    counts: Counter[tuple[int, int, str]] = Counter()
    for each in found:
        counts[edition_id, domains[each], state.value] -= 1
        counts[edition_id, domains[each], DeliveryState.DEFERRED.value] += 1
    add_counts(connection, counts, at=now)
    return len(found)


def hasten(connection: Connection, edition_id: int, *, now: datetime) -> int:
    """Make an edition's deferred copies due at once; gives how many."""
    put_off = sa.exists().where(
        delivery.c.edition_id == delivery_retry.c.edition_id,
        delivery.c.subscriber_id == delivery_retry.c.subscriber_id,
        delivery.c.state == DeliveryState.DEFERRED.value,
    )
    waiting = (delivery_retry.c.edition_id == edition_id) & delivery_retry.c.owner.is_(None)
    update = sa.update(delivery_retry).where(waiting, put_off).values(next_at=now)
    return rows_changed(connection.execute(update))


def readers_in(
    connection: Connection, edition_id: int, state: DeliveryState, *, after: int, limit: int
) -> list[int]:
    """List readers of an edition in a state, by id, after one."""
    query = (
        sa.select(delivery.c.subscriber_id)
        .where(
            delivery.c.edition_id == edition_id,
            delivery.c.subscriber_id > after,
            delivery.c.state == state.value,
        )
        .order_by(delivery.c.subscriber_id)
        .limit(limit)
    )
    return list(connection.scalars(query))
