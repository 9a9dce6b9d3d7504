"""Make copies that were put off, refused or uncertain due again: a person asked for it."""

from __future__ import annotations

from datetime import datetime

from digest.clock import Clock
from digest.db import Connection, Database
from digest.delivery import lease_store, store
from digest.delivery.domain_store import domain_ids
from digest.delivery.model import DeliveryState
from digest.delivery.providers import domain_of
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from digest.errors import WorkflowError
from subscribers.mailing_store import addressees

_SENDABLE = frozenset(
    {EditionState.SENDING, EditionState.SENT, EditionState.STOPPED, EditionState.HELD}
)
_ASKABLE = frozenset({DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.UNCERTAIN})
_AT_ONCE = 500
"""Rows a transaction: others write meanwhile."""


def retry(database: Database, edition: Edition, state: DeliveryState, clock: Clock) -> int:
    """Make an edition's rows of this state due now; give how many.

    Their attempts are kept and their 24 hours begin anew. An edition that was "sent" is "sending"
    again as long as any of them is open; one that is stopped or held waits for `resume`.
    Raises WorkflowError for another state than deferred, failed or uncertain, for an edition that
    was never being sent, and for one whose time is over: the sender would give it up at once.
    """
    if state not in _ASKABLE:
        raise WorkflowError(
            f"retry: {state}: only deferred, failed or uncertain copies can be tried again"
        )
    now, count, after = clock(), 0, 0
    if edition.expires_at is not None and edition.expires_at <= now:
        raise WorkflowError(
            f"retry: {edition.address}: its time is over, and no copy of it leaves any more",
            hint="How long letters are delivered: expires_after, in digest.toml.",
        )
    while True:
        with database.write() as connection:
            found = store.lock_edition(connection, edition.id)
            if found not in _SENDABLE or not store.has_rows(connection, edition.id):
                raise WorkflowError(
                    f"edition: {edition.address}: it is {found or 'gone'},"
                    " nothing was sent of it yet"
                )
            if state is DeliveryState.DEFERRED:
                return lease_store.hasten(connection, edition.id, now=now)
            readers = lease_store.readers_in(
                connection, edition.id, state, after=after, limit=_AT_ONCE
            )
            if not readers:
                return count
            after = readers[-1]
            count += _reopen(connection, edition, state, readers, now=now)
            if found is EditionState.SENT:
                change_state(
                    connection,
                    edition.id,
                    expect={EditionState.SENT},
                    to=EditionState.SENDING,
                    at=now,
                )


def _reopen(
    connection: Connection,
    edition: Edition,
    state: DeliveryState,
    readers: list[int],
    *,
    now: datetime,
) -> int:
    people = addressees(connection, edition.newsletter_id, dict.fromkeys(readers, ""), now=now)
    names = {
        reader: "" if isinstance(person, str) else domain_of(person.address)
        for reader, person in people.items()
    }
    domains = domain_ids(connection, sorted({name for name in names.values() if name}))
    places = {reader: domains[name].id if name else 0 for reader, name in names.items()}
    return lease_store.reopen(connection, edition.id, state, domains=places, now=now)
