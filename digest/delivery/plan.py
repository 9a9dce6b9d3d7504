"""Write the ledger of an edition: one row a reader, before the first byte leaves."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from datetime import datetime

from digest.clock import Clock
from digest.db import Connection, Database
from digest.delivery import store
from digest.delivery.model import Tally
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from digest.errors import WorkflowError

_CHUNK = 10_000  # readers a transaction: a fraction of a second
_PAUSE_SECONDS = 0.02  # without it other writers of a SQLite file starve between two chunks
_PLANNED_BEFORE = frozenset({EditionState.SENDING, EditionState.SENT})


def plan(
    database: Database,
    edition: Edition,
    *,
    languages: Sequence[str],
    only: Collection[str] | None,
    batch_size: int = 200,
    clock: Clock,
) -> Tally:
    """Plan an approved edition for its readers and let the sender have it; give the counts.

    `languages` are those the edition is composed in, its own first: each reader's copy is planned
    in the one nearest to theirs, else in the edition's own. `only` holds the address keys that
    staging is limited to; None means everybody. Can be repeated and resumed at any point: nothing
    is sent before the last chunk is written, and the edition turns to "sending" in that chunk's
    own transaction. Without readers it is "sent".
    Raises WorkflowError when the edition is not approved.
    """
    limit = max(1, _CHUNK // batch_size) * batch_size
    while True:
        now = clock()
        with database.write() as connection:
            state = store.lock_edition(connection, edition.id)
            if state in _PLANNED_BEFORE:
                return store.tally(connection, edition.id)
            _require_approved(edition, state)
            found = store.plan_chunk(
                connection,
                edition.id,
                edition.newsletter_id,
                languages=languages,
                only=only,
                batch_size=batch_size,
                limit=limit,
                due_at=edition.send_at,
                now=now,
            )
            if found < limit:
                return _complete(connection, edition.id, now=now)
        time.sleep(_PAUSE_SECONDS)


def _require_approved(edition: Edition, state: EditionState | None) -> None:
    if state is not EditionState.APPROVED:
        raise WorkflowError(
            f"edition: {edition.address}: it is {state or 'gone'}, not approved",
            hint=f"Look at it with: digest preview {edition.address}",
        )


def _complete(connection: Connection, edition_id: int, *, now: datetime) -> Tally:
    counts = store.tally(connection, edition_id)
    change_state(
        connection, edition_id, expect={EditionState.APPROVED}, to=EditionState.SENDING, at=now
    )
    if counts.total:
        store.analyze(connection)
    else:
        change_state(
            connection,
            edition_id,
            expect={EditionState.SENDING},
            to=EditionState.SENT,
            reason="no readers",
            at=now,
        )
    return counts
