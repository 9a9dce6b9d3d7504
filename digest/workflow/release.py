"""Pure. What time asks of an edition: wait, approve, hold, expire or send."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from digest.editions.model import Edition, EditionState, Release, ReleaseMode
from digest.editions.wording import moment_in_words

_LACKS = {
    EditionState.DRAFT: "composed",
    EditionState.IN_REVIEW: "approved",
    EditionState.HELD: "approved",
    EditionState.APPROVED: "sent",
}
"""What an unsent edition was still waiting for, by its state."""


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
    an edition nobody approved is held at its hour, and one that did not go expires when the next
    one is made: readers get its stories once, in the newer letter.
    """
    if is_over(edition, now):
        return Move.EXPIRE
    if edition.state is EditionState.APPROVED:
        return Move.SEND if now >= edition.send_at else Move.WAIT
    if edition.state is not EditionState.IN_REVIEW:
        return Move.WAIT
    if release.mode is ReleaseMode.APPROVE:
        made_by_hand = edition.send_at <= edition.window.until  # it goes when it is approved
        return Move.HOLD if now >= edition.send_at and not made_by_hand else Move.WAIT
    told_at = edition.told_at or edition.prepared_at
    return Move.APPROVE if now >= told_at + release.after else Move.WAIT


def what_next(edition: Edition, release: Release, *, told_at: datetime, zone: str) -> str:
    """Tell the editors of a draft what comes of it when nobody does anything; hours in `zone`."""
    goes_at = moment_in_words(edition.send_at, zone)
    if release.mode is ReleaseMode.AUTO:
        return f"It goes by itself on {goes_at}."
    if release.mode is ReleaseMode.AUTO_AFTER:
        approved_at = told_at + release.after
        if approved_at >= edition.send_at:
            goes_at = moment_in_words(approved_at, zone)
        return f"It goes by itself on {goes_at}, unless somebody skips it."
    if edition.send_at <= edition.window.until:
        return "It goes when somebody approves it."
    return f"Its hour is {goes_at}; it goes only if somebody approves it."


def is_over(edition: Edition, now: datetime) -> bool:
    """Tell whether an unsent edition's time has passed.

    One that a person made after its own end, to catch up or to try out, has none. One that has
    begun to be sent, though it be held now, never is: the sender gives up what is open of it.
    """
    end = edition.expires_at
    if edition.state not in _LACKS or edition.sending_at is not None:
        return False
    return end is not None and edition.prepared_at < end <= now


def why_over(edition: Edition) -> str:
    """Say what the edition was still waiting for when its time was over."""
    return f"It was not {_LACKS[edition.state]} before the next edition was due."
