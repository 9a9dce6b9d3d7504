"""Write the ledger of an edition: one row a reader, before the first byte leaves."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.clock import Clock
from digest.db import Connection, Database
from digest.delivery import plan_store, store
from digest.delivery.count_store import tally
from digest.delivery.model import Tally
from digest.delivery.plan_store import Leaving
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from digest.errors import WorkflowError
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
    clock: Clock,
    pace: Pace | None = None,
) -> Tally:
    """Plan an approved edition for its readers and let the sender have it; give the counts.

    `languages` are those the edition is composed in, its own first: each reader's copy is planned
    in the one nearest to theirs, else in the edition's own. `only` holds the address keys that
    staging is limited to; None means everybody. `audience` is the segment of its subscribers that
    the newsletter goes to: it is asked here and not again, so what was planned stays planned.
    The batches are due evenly over `spread`; a higher `priority` goes before other editions.
    Can be repeated and resumed at any point: nothing is sent before the last chunk is written, and
    the edition turns to "sending" in that chunk's own transaction. Without readers it is "sent".
    Raises WorkflowError when the edition is not approved.
    """
    pace = pace or (_ONE_WRITER if database.is_sqlite else _MANY_WRITERS)
    leaving = Leaving(edition.send_at, spread, priority)
    task = _Task(edition, tuple(languages), only, audience, batch_size, leaving)
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
        upto = plan_store.plan_chunk(
            connection,
            edition.id,
            edition.newsletter_id,
            languages=task.languages,
            only=task.only,
            audience=task.audience,
            batch_size=task.batch_size,
            after=after,
            count=count,
            leaving=task.leaving,
            now=now,
        )
        if upto is None:
            _complete(connection, edition.id, now=now)
    if upto is None:
        _tell_planner(database)
    return upto, time.perf_counter() - begun


def _tell_planner(database: Database) -> None:
    with database.write() as connection:
        plan_store.analyze(connection)


def _require_approved(edition: Edition, state: EditionState | None) -> None:
    if state is not EditionState.APPROVED:
        raise WorkflowError(
            f"edition: {edition.address}: it is {state or 'gone'}, not approved",
            hint=f"Look at it with: digest preview {edition.address}",
        )


def _complete(connection: Connection, edition_id: int, *, now: datetime) -> None:
    change_state(
        connection, edition_id, expect={EditionState.APPROVED}, to=EditionState.SENDING, at=now
    )
    if not store.has_rows(connection, edition_id):
        change_state(
            connection,
            edition_id,
            expect={EditionState.SENDING},
            to=EditionState.SENT,
            reason="no readers",
            at=now,
        )
