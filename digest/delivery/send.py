"""Send what is due, one message at a time, and keep the ledger true at every instant."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from digest.clock import Clock
from digest.db import Database
from digest.delivery import store
from digest.delivery.again import send_again
from digest.delivery.batch import LeaseLostError, send_batch
from digest.delivery.model import DeliveryState, Outbound, Sent, Settled, Transport
from digest.delivery.ratelimit import RateLimit
from digest.delivery.run import Run
from digest.editions.model import EditionState
from digest.editions.store import change_state
from digest.log import event

_log = logging.getLogger(__name__)

_RETRIES_A_ROUND = 50  # between two batches, so that neither waits for the end of the other
_CRASHED = Settled(
    DeliveryState.UNCERTAIN, reason="the sender stopped before the answer was recorded"
)


def send_due(
    database: Database,
    transport: Transport,
    outbound: Outbound,
    *,
    clock: Clock,
    stop: Callable[[], bool],
    on_progress: Callable[[Sent], None] | None = None,
    max_per_second: float | None = None,
) -> Sent:
    """Send every due batch and retry, until none is left, `stop` says so, or the server is gone.

    The caller holds the seat "sender", which proves that any former owner of a lease is dead.
    `on_progress` hears the running counts after every answer. `max_per_second` is the pace of the
    whole process, as there is one sender in it.
    """
    run = Run(
        database,
        transport,
        outbound,
        clock=clock,
        stop=stop,
        on_progress=on_progress or (lambda _sent: None),
        limit=RateLimit(max_per_second),
    )
    _recover(run)
    _finish_editions(run)
    try:
        while not run.halted() and _one_round(run):
            _finish_editions(run)
    except LeaseLostError as error:
        run.give_up(str(error))
    return run.sent


def _one_round(run: Run) -> bool:
    """Send one batch and some retries; False when nothing was due."""
    worked = send_batch(run)
    for _ in range(_RETRIES_A_ROUND):
        if not send_again(run):
            break
        worked = True
    return worked


def _recover(run: Run) -> None:
    """Settle what a dead sender left: only what may have left without a recorded answer."""
    uncertain = None if run.transport.repeatable else _CRASHED
    now = run.clock()
    with run.database.write() as connection:
        found = store.recover_batches(connection, uncertain=uncertain, now=now)
        found += store.recover_retries(connection, uncertain=uncertain, now=now)
    if found:
        event(_log, "recovered", logging.WARNING, copies=found, uncertain=uncertain is not None)
        run.count(*[_CRASHED] * (found if uncertain else 0))


def _finish_editions(run: Run) -> None:
    """Say "sent" of every edition whose last row is final; of each exactly once."""
    with run.database.read() as connection:
        ended = store.ended_editions(connection)
    for edition_id in ended:
        with run.database.write() as connection:
            store.lock_edition(connection, edition_id)  # `retry` may be opening rows again
            if edition_id not in store.ended_editions(connection):
                continue
            counts = store.tally(connection, edition_id)
            finished = counts.open == 0 and change_state(
                connection,
                edition_id,
                expect={EditionState.SENDING},
                to=EditionState.SENT,
                at=run.clock(),
            )
        if finished:
            run.sent = replace(run.sent, finished=(*run.sent.finished, edition_id))
            event(_log, "edition sent", edition=edition_id, accepted=counts.accepted)
        else:
            run.tell(f"edition {edition_id}: {counts.open} open copies are in no batch")
