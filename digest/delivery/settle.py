"""Pure. What the ledger records of one try."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.delivery.backoff import GIVE_UP_AFTER, next_try
from digest.delivery.model import Cause, DeliveryState, Reply, Settled

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_LONGEST_REPLY = 500
_LONGEST = timedelta(days=5)
"""How long an edition is tried that does not expire before (RFC 5321, 4.5.4.1)."""

UNHEARD = "the connection was lost before the server's answer"
"""The server may have taken it, and may not: too late for another try, that stays so."""

_REASONS = {
    Cause.ACCEPTED: "",
    Cause.BUSY: "put off by the server",
    Cause.MAILBOX_FULL: "the mailbox is full",
    Cause.GREYLISTED: "the server asks strangers to come again",
    Cause.TOO_FAST: "the server takes fewer at a time",
    Cause.POLICY: "refused for policy",
    Cause.UNKNOWN_USER: "unknown address",
    Cause.REFUSED: "refused by the server",
    Cause.NOT_TAKEN: "the server does not take such a message",
    Cause.OURS: "the server refused us, not the reader",
    Cause.AWAY: "the server was away",
    Cause.CUT: "the connection was lost before all was sent",
    Cause.UNANSWERED: UNHEARD,
}
ACCEPTED = Settled(DeliveryState.ACCEPTED, 250)
"""What nearly every copy ends with; the words of a server that took one are not kept."""
TOO_LATE = "not delivered in time"
"""Yesterday's news is not delivered on Thursday."""


@dataclass(frozen=True, slots=True)
class Try:
    """One try of a copy: the how-manieth, when the first was, and when the letter is too old.

    `key` spreads the later tries of many readers; times are aware UTC.
    """

    number: int
    first_at: datetime
    key: str
    expires_at: datetime | None = None


def settle(reply: Reply, made: Try, *, now: datetime, retry_unanswered: bool) -> Settled:
    """Decide the row's state after a try.

    A copy that was put off for too long has failed. With `retry_unanswered` a copy whose answer was
    lost goes once more, under the same Message-ID (RFC 5321, 4.5.4.1); a second lost answer leaves
    it uncertain: a server that takes mail and never answers would get it for ever.
    """
    if reply.cause is Cause.ACCEPTED:
        return ACCEPTED
    words = clean(reply.text)
    # Without a code no server was asked: the words are ours, and the best reason there is.
    ours = reply.state is DeliveryState.FAILED and not reply.code and words
    reason = words if ours else _REASONS[reply.cause]
    if reply.cause is Cause.UNANSWERED and not (retry_unanswered and made.number == 1):
        return Settled(DeliveryState.UNCERTAIN, reply.code, reason, words)
    if reply.cause is not Cause.UNANSWERED and reply.state is not DeliveryState.DEFERRED:
        return Settled(reply.state, reply.code, reason, words)
    next_at = _next(made, reply.wait, now)
    if next_at is None and reply.cause is Cause.UNANSWERED:
        return Settled(DeliveryState.UNCERTAIN, reply.code, reason, words)
    if next_at is None:
        return Settled(DeliveryState.FAILED, reply.code, f"{TOO_LATE}: {reason}", words)
    return Settled(DeliveryState.DEFERRED, reply.code, reason, words, next_at)


def _next(made: Try, wait: timedelta | None, now: datetime) -> datetime | None:
    patience = GIVE_UP_AFTER if made.expires_at is None else _LONGEST
    at = next_try(made.number, made.first_at, now, made.key, give_up_after=patience)
    if at is not None and wait is not None:
        at = max(at, now + wait)
    if at is not None and made.expires_at is not None and at >= made.expires_at:
        return None
    return at


def clean(text: str) -> str:
    """Make a server's words fit to be kept and shown: one line, no controls, 500 characters."""
    return _CONTROLS.sub(" ", text).strip()[:_LONGEST_REPLY]


def without_addresses(text: str) -> str:
    """Make a server's words fit for a log and for people: it may quote whom it refused."""
    return _ADDRESS.sub("(address)", clean(text))
