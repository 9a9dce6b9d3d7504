"""Make copies that were put off, refused or uncertain due again: a person asked for it."""

from __future__ import annotations

from digest.clock import Clock
from digest.db import Database
from digest.delivery import store
from digest.delivery.model import DeliveryState
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from digest.errors import WorkflowError

_SENDABLE = frozenset({EditionState.SENDING, EditionState.SENT, EditionState.STOPPED})
_ASKABLE = frozenset({DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.UNCERTAIN})


def retry(database: Database, edition: Edition, state: DeliveryState, clock: Clock) -> int:
    """Make an edition's rows of this state due now; give how many.

    Their attempts are kept and their 24 hours begin anew. An edition that was "sent" is "sending"
    again as long as any of them is open.
    Raises WorkflowError for another state than deferred, failed or uncertain, and for an edition
    that was never being sent.
    """
    if state not in _ASKABLE:
        raise WorkflowError(
            f"retry: {state}: only deferred, failed or uncertain copies can be tried again"
        )
    now = clock()
    with database.write() as connection:
        found = store.lock_edition(connection, edition.id)
        if found not in _SENDABLE:
            raise WorkflowError(
                f"edition: {edition.address}: it is {found or 'gone'}, nothing was sent of it yet"
            )
        if state is DeliveryState.DEFERRED:
            return store.hasten(connection, edition.id, now=now)
        count = store.reopen(connection, edition.id, state, now=now)
        if count and found is EditionState.SENT:
            change_state(
                connection, edition.id, expect={EditionState.SENT}, to=EditionState.SENDING, at=now
            )
        return count
