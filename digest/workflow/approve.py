"""Approve an edition: the bytes that were seen are the bytes that will be sent."""

from __future__ import annotations

from datetime import datetime

from digest.clock import Clock
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.db import Connection, Database
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.errors import ConflictError, WorkflowError

_WAITING = frozenset({EditionState.IN_REVIEW, EditionState.HELD})


def approve(database: Database, edition: Edition, *, by: str, clock: Clock) -> str:
    """Record who approved which bytes, in all languages; their hash is given back.

    `edition` is what its approver looked at. Raises ConflictError when it has changed since, and
    WorkflowError when it is not in review or held, has begun to be sent, or has no composition.
    """
    if edition.state is EditionState.HELD and edition.sending_at is not None:
        raise WorkflowError(
            f"approve: {edition.address}: it was approved, and is held while it is sent",
            hint=f"To go on with it: digest resume {edition.address}",
        )
    with database.write() as connection:
        approved = _approve(connection, edition, by=by, at=clock())
        state = editions.edition_by_id(connection, edition.id).state
    if approved is None and state in _WAITING:
        raise ConflictError(
            f"approve: {edition.address}: it has changed since you looked",
            hint=f"Look at it again, then approve it: digest preview {edition.address}",
        )
    if approved is None:
        raise WorkflowError(
            f"approve: {edition.address}: it is {state}, not in review",
            hint="What is on now: digest status",
        )
    return approved


def approve_waiting(database: Database, edition: Edition, *, by: str, clock: Clock) -> bool:
    """Approve the edition if it still waits for that; False when somebody has changed it since.

    Raises WorkflowError when it has no composition.
    """
    with database.write() as connection:
        return _approve(connection, edition, by=by, at=clock()) is not None


def _approve(connection: Connection, edition: Edition, *, by: str, at: datetime) -> str | None:
    # The state first: its row is locked by that, so what is read next cannot be replaced any more.
    if not editions.change_state(
        connection,
        edition.id,
        expect=_WAITING,
        expect_version=edition.version,
        expect_begun=False,
        to=EditionState.APPROVED,
        at=at,
    ):
        return None
    composed = compositions.load_compositions(connection, edition.id)
    if not composed:
        raise WorkflowError(
            f"approve: {edition.address}: it is not composed yet",
            hint=f"Make it with: digest prepare {edition.slug}",
        )
    seen = set_hash(composed)
    compositions.save_approval(
        connection, edition.id, revision=composed[0].revision, set_hash=seen, by=by, at=at
    )
    return seen


def require_approved(database: Database, edition: Edition) -> str:
    """Give the hash over the edition's compositions, which must be the approved ones.

    Raises WorkflowError otherwise: nothing else ever leaves.
    """
    with database.read() as connection:
        composed = compositions.load_compositions(connection, edition.id)
        approved = compositions.approved_hash(connection, edition.id)
    if approved is None or set_hash(composed) != approved:
        raise WorkflowError(
            f"send: {edition.address}: its text is not the one that was approved",
            hint=(
                "Nothing was sent. Put the approved text back from a backup, or drop the edition,"
                f" and its stories wait for the next: digest skip {edition.address}"
            ),
        )
    return approved
