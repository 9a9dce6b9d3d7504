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


def next_move(
    edition: Edition, release: Release, now: datetime, *, begins_at: datetime | None = None
) -> Move:
    """Decide by state, release and the hour (aware UTC).

    An approved edition leaves at its hour, or from `begins_at` on: readers' own may come before.

    `auto-after` counts from the moment the editors were told, which is when the mail server took
    the notice: while that cannot leave, the letter waits, so that it never goes unseen;
    an edition nobody approved is held at its hour, and one that did not go expires when the next
    one is made: readers get its stories once, in the newer letter.
    """
    if is_over(edition, now):
        return Move.EXPIRE
    if edition.sending_at is not None:
        return Move.WAIT  # stopped half-way and mended: only a person lets it go on
    if edition.state is EditionState.APPROVED:
        return Move.SEND if now >= (begins_at or edition.leaves_at) else Move.WAIT
    return _for_approval(edition, release, now)


def _for_approval(edition: Edition, release: Release, now: datetime) -> Move:
    if edition.state is not EditionState.IN_REVIEW:
        return Move.WAIT
    if release.mode is ReleaseMode.APPROVE:
        made_by_hand = edition.send_at <= edition.window.until  # it goes when it is approved
        return Move.HOLD if now >= edition.send_at and not made_by_hand else Move.WAIT
    counts_from = edition.told_at if release.mode is ReleaseMode.AUTO_AFTER else now
    is_time = counts_from is not None and now >= counts_from + release.after
    return Move.APPROVE if is_time else Move.WAIT


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
