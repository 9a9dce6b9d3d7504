"""Pure. What time asks of an edition: wait, approve, hold, expire or send."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from digest.editions.model import Edition, EditionState, Release, ReleaseMode


class Move(StrEnum):
    """What to do with an edition now."""

    WAIT = "wait"
    APPROVE = "approve"
    HOLD = "hold"
    EXPIRE = "expire"
    SEND = "send"


def next_move(edition: Edition, release: Release, now: datetime) -> Move:
    """Decide by state, release and the hour (aware UTC).

    `auto-after` counts from the moment the editors were told, so that they always have that long;
    an edition nobody approved is held at its hour and expires when the next one is made.
    """
    if edition.state is EditionState.APPROVED:
        return Move.SEND if now >= edition.send_at else Move.WAIT
    if edition.state is EditionState.HELD:
        return Move.EXPIRE if _over(edition, now) else Move.WAIT
    if edition.state is not EditionState.IN_REVIEW:
        return Move.WAIT
    if release.mode is ReleaseMode.APPROVE:
        return Move.HOLD if now >= edition.send_at else Move.WAIT
    told_at = edition.told_at or edition.prepared_at
    return Move.APPROVE if now >= told_at + release.after else Move.WAIT


def _over(edition: Edition, now: datetime) -> bool:
    return edition.expires_at is not None and now >= edition.expires_at
