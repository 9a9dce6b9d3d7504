"""Approve an edition: the bytes that were seen are the bytes that will be sent."""

from __future__ import annotations

from digest.clock import Clock
from digest.composition import store as compositions
from digest.db import Database
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.errors import WorkflowError


def approve(database: Database, edition: Edition, *, by: str, clock: Clock) -> str:
    """Record who approved which bytes (the content hash is given back); once is enough.

    Raises WorkflowError when the edition is not in review or held, or has no composition.
    """
    now = clock()
    with database.write() as connection:
        composition = compositions.load_composition(connection, edition.id)
        if composition is None:
            raise WorkflowError(
                f"approve: {edition.address}: it is not composed yet",
                hint=f"Make it with: digest prepare {edition.slug}",
            )
        if not editions.change_state(
            connection,
            edition.id,
            expect={EditionState.IN_REVIEW, EditionState.HELD},
            to=EditionState.APPROVED,
            at=now,
        ):
            raise WorkflowError(
                f"approve: {edition.address}: it is {edition.state}, not in review",
                hint="What is on now: digest status",
            )
        compositions.save_approval(
            connection,
            edition.id,
            revision=composition.revision,
            set_hash=composition.content_hash,
            by=by,
            at=now,
        )
    return composition.content_hash


def require_approved(database: Database, edition: Edition) -> str:
    """Give the content hash of the edition's composition, which must be the approved one.

    Raises WorkflowError otherwise: nothing else ever leaves.
    """
    with database.read() as connection:
        composition = compositions.load_composition(connection, edition.id)
        approved = compositions.approved_hash(connection, edition.id)
    if composition is None or approved is None or composition.content_hash != approved:
        raise WorkflowError(
            f"send: {edition.address}: its text is not the one that was approved",
            hint=f"Look at it, then approve it again: digest approve {edition.address}",
        )
    return approved
