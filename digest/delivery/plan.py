"""Write the ledger of an edition: one row a reader, before the first byte leaves."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from digest.clock import Clock
from digest.db import Connection, Database
from digest.delivery import hour_store, plan_store, store
from digest.delivery.count_store import tally
from digest.delivery.hour_store import Filling
from digest.delivery.model import Tally
from digest.delivery.plan_store import Leaving
from digest.delivery.reader_hours import ROOM, OwnHours, Timetable, timetable
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from digest.errors import WorkflowError
from digest.queue.hints import tell_senders
from subscribers.segments import Audience

_PLANNED_BEFORE = frozenset({EditionState.SENDING, EditionState.SENT})


@dataclass(frozen=True, slots=True)
class Pace:
    """How many readers one transaction looks at: as many as take `aim_seconds`.

    Others write between two transactions: an unsubscribe waits for one of them at most, and a
    SQLite file's writers, who stand in no line, are given `pause_seconds` to come.
    """

    first: int = 2_000
    least: int = 250
    most: int = 50_000
    aim_seconds: float = 0.04
    pause_seconds: float = 0.02

    def after(self, count: int, seconds: float) -> int:
        """Give how many to take after `count` took so long; never more than twice as many."""
        fitting = count * self.aim_seconds / max(seconds, self.aim_seconds / 2)
        return max(self.least, min(self.most, int(fitting)))


_ONE_WRITER = Pace()
_MANY_WRITERS = Pace(first=10_000, aim_seconds=0.25, pause_seconds=0)
"""PostgreSQL's writers wait for nothing that planning writes; each commit costs a disk's answer."""


def plan(
    database: Database,
    edition: Edition,
    *,
    languages: Sequence[str],
    only: Collection[str] | None,
    audience: Audience | None = None,
    batch_size: int = 200,
    spread: timedelta = timedelta(0),
    priority: int = 0,
    hours: OwnHours | None = None,
    clock: Clock,
    pace: Pace | None = None,
) -> Tally:
    """Plan an approved edition for its readers and let the sender have it; give the counts.

    `languages` are those the edition is composed in, its own first: each reader's copy is planned
    in the one nearest to theirs, else in the edition's own. `only` holds the address keys that
    staging is limited to; None means everybody. `audience` is the segment of its subscribers that
    the newsletter goes to: it is asked here and not again, so what was planned stays planned.
    The batches are due evenly over `spread`; a higher `priority` goes before other editions. With
    `hours` each reader's copy is due at their own, see `due_at`: some of them perhaps before the
    edition's. Then it may be sent for a day, and its end is put off for the last of them.
    Can be repeated and resumed at any point: nothing is sent before the last chunk is written, and
    the edition turns to "sending" in that chunk's own transaction. Without readers it is "sent".
    Raises WorkflowError when the edition is not approved.
    """
    pace = pace or (_ONE_WRITER if database.is_sqlite else _MANY_WRITERS)
    leaving = Leaving(edition.leaves_at, spread, priority)
    task = _Task(edition, tuple(languages), only, audience, batch_size, leaving)
    if hours is not None:
        task = replace(task, own=_own(database, task, hours, now=clock()))
    count, after = pace.first, 0
    while True:
        upto, seconds = _chunk(database, task, after=after, count=count, now=clock())
        if upto is None:
            break
        count, after = pace.after(count, seconds), upto
        time.sleep(pace.pause_seconds)
    with database.read() as connection:  # a million rows are counted without holding anybody up
        return tally(connection, edition.id)


@dataclass(frozen=True, slots=True)
class _Task:
    """What is planned, for whom, in which languages and in batches of how many."""

    edition: Edition
    languages: tuple[str, ...]
    only: Collection[str] | None
    audience: Audience | None
    batch_size: int
    leaving: Leaving
    own: _Own | None = None


@dataclass(frozen=True, slots=True)
class _Own:
    """What is planned by the readers' own hours."""

    table: Timetable
    filling: Filling
    may_run_on: bool


def _own(database: Database, task: _Task, hours: OwnHours, *, now: datetime) -> _Own:
    edition = task.edition
    with database.read() as connection:
        wishes = hour_store.wishes(
            connection, edition.newsletter_id, only=task.only, audience=task.audience, now=now
        )
        ready_at = hour_store.approved_at(connection, edition.id) or now
    table = timetable(wishes, hours, edition, ready_at=ready_at, spread=task.leaving.spread)
    return _Own(table, Filling(), hours.may_run_on)


def _chunk(
    database: Database, task: _Task, *, after: int, count: int, now: datetime
) -> tuple[int | None, float]:
    """Plan one chunk; give the reader it looked at last, None at the end, and its seconds."""
    edition = task.edition
    with database.write() as connection:
        begun = time.perf_counter()  # waiting for the lock says nothing about our own work
        state = store.lock_edition(connection, edition.id)
        if state in _PLANNED_BEFORE:
            return None, 0.0
        _require_approved(edition, state)
        upto = _write_chunk(connection, task, after=after, count=count, now=now)
        if upto is None:
            if task.own is not None and task.own.may_run_on:
                hour_store.leave_room(connection, edition.id, room=ROOM)
            _complete(connection, edition.id, priority=task.leaving.priority, now=now)
    if upto is None:
        _tell_planner(database)
    return upto, time.perf_counter() - begun


def _write_chunk(
    connection: Connection, task: _Task, *, after: int, count: int, now: datetime
) -> int | None:
    edition = task.edition
    write = (
        partial(plan_store.plan_chunk, leaving=task.leaving, received=edition.corrects)
        if task.own is None
        else partial(
            hour_store.plan_chunk_by_hour,
            table=task.own.table,
            filling=task.own.filling,
            priority=task.leaving.priority,
        )
    )
    return write(
        connection,
        edition.id,
        edition.newsletter_id,
        languages=task.languages,
        only=task.only,
        audience=task.audience,
        batch_size=task.batch_size,
        after=after,
        count=count,
        now=now,
    )


def _tell_planner(database: Database) -> None:
    with database.write() as connection:
        plan_store.analyze(connection)


def _require_approved(edition: Edition, state: EditionState | None) -> None:
    if state is not EditionState.APPROVED:
        raise WorkflowError(
            f"edition: {edition.address}: it is {state or 'gone'}, not approved",
            hint=f"Look at it with: digest preview {edition.address}",
        )


def _complete(connection: Connection, edition_id: int, *, priority: int, now: datetime) -> None:
    change_state(
        connection, edition_id, expect={EditionState.APPROVED}, to=EditionState.SENDING, at=now
    )
    if batches := store.batch_count(connection, edition_id):
        tell_senders(connection, edition_id, batches=batches, priority=priority)
    else:
        change_state(
            connection,
            edition_id,
            expect={EditionState.SENDING},
            to=EditionState.SENT,
            reason="no readers",
            at=now,
        )
