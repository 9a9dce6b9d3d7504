"""Door to the database: give an edition up before it is sent, and its stories back."""

from __future__ import annotations

from collections.abc import Sequence

from digest.clock import Clock
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.model import Edition, EditionState
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice

UNSENT = frozenset(
    {EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.APPROVED, EditionState.HELD}
)
"""The states in which no reader can have had it."""

_ENDS = frozenset({EditionState.SKIPPED, EditionState.EXPIRED, EditionState.STOPPED})


def abandon(
    database: Database,
    edition: Edition,
    *,
    to: EditionState,
    reason: str,
    clock: Clock,
    notices: Sequence[NewNotice] = (),
) -> bool:
    """Skip, expire or stop an unsent edition; its stories return to the pool with it, or neither.

    The next edition weighs them again, as though this one had not been; `notices` tell of it in the
    same transaction. False, and nothing is
    changed, when it is on its way by now or was given up before. Raises ValueError for a state
    that gives nothing up.
    """
    if to not in _ENDS:
        raise ValueError(f"an edition is not abandoned by making it {to.value}")
    with database.write() as connection:
        store.lock_newsletter(connection, edition.newsletter_id)
        ours = store.change_state(
            connection, edition.id, expect=UNSENT, to=to, reason=reason, at=clock()
        )
        if ours:
            candidate_store.release_uses(connection, edition.id)
            for notice in notices:
                outbox.put(connection, notice)
        return ours
