"""Door to the database: give an edition up before it is sent, and its stories back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from digest.clock import Clock
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.model import Edition, EditionState
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice

UNSENT = frozenset(
    {EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.APPROVED, EditionState.HELD}
)
"""The states before it is sent. An edition that is held may have been sent in part: only one whose
`sending_at` is empty too has reached nobody."""

_HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})
_ENDS = frozenset({EditionState.SKIPPED, EditionState.EXPIRED})


def is_unsent(edition: Edition) -> bool:
    """Tell whether no reader can have had it: never once it has begun to be sent."""
    return edition.state in UNSENT and edition.sending_at is None


def may_be_mended(edition: Edition, now: datetime) -> bool:
    """Tell whether it was stopped half-way, and some readers can still get a better text."""
    end = edition.expires_at
    halted = edition.state in _HALTED and edition.sending_at is not None
    return halted and (end is None or now < end)


def abandon(
    database: Database,
    edition: Edition,
    *,
    to: EditionState,
    reason: str,
    clock: Clock,
    notices: Sequence[NewNotice] = (),
) -> bool:
    """Skip or expire an unsent edition; its stories return to the pool with it, or neither.

    The next edition weighs them again, as though this one had not been; `notices` tell of it in the
    same transaction. False, and nothing is changed, when it has begun to be sent, though it be held
    now, or was given up before. Raises ValueError for a state that gives nothing up.
    """
    if to not in _ENDS:
        raise ValueError(f"an edition is not abandoned by making it {to.value}")
    with database.write() as connection:
        store.lock_newsletter(connection, edition.newsletter_id)
        ours = store.change_state(
            connection,
            edition.id,
            expect=UNSENT,
            expect_begun=False,
            to=to,
            reason=reason,
            at=clock(),
        )
        if ours:
            candidate_store.release_uses(connection, edition.id)
            for notice in notices:
                outbox.put(connection, notice)
        return ours
