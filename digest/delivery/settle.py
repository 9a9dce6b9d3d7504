"""Pure. What the ledger records of one try."""

from __future__ import annotations

import re
from datetime import datetime

from digest.delivery.backoff import next_try
from digest.delivery.model import DeliveryState, Reply, Settled

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
_LONGEST_REPLY = 500

_MAILBOX = re.compile(r"[45]\.(?:[12]\.\d|6\.7)")
_REFUSED_US = "the server refused us, not the reader"

_REASONS = {
    DeliveryState.ACCEPTED: "",
    DeliveryState.DEFERRED: "put off by the server",
    DeliveryState.FAILED: "refused by the server",
    DeliveryState.UNCERTAIN: "the connection was lost before the server's answer",
}


def settle(reply: Reply, *, tries: int, first_at: datetime, now: datetime, key: str) -> Settled:
    """Decide the row's state after `tries` tries, this one included, the first at `first_at`.

    A copy that was put off for too long has failed.
    """
    words = clean(reply.text)
    if reply.state in {DeliveryState.FAILED, DeliveryState.SKIPPED} and not reply.code:
        return Settled(reply.state, reason=words)  # no server was asked: they are ours
    if reply.state is not DeliveryState.DEFERRED:
        return Settled(reply.state, reply.code, _REASONS.get(reply.state, ""), words)
    next_at = next_try(tries, first_at, now, key)
    if next_at is None:
        return Settled(DeliveryState.FAILED, reply.code, "put off for 24 hours", words)
    reason = _REFUSED_US if reply.about_us else _REASONS[reply.state]
    return Settled(DeliveryState.DEFERRED, reply.code, reason, words, next_at)


def is_about_reader(reply: Reply) -> bool:
    """Tell whether a refusal has the reader's address as its cause.

    It says so by a code for the mailbox (RFC 3463, X.1.X and X.2.X) or its spelling (RFC 6531,
    X.6.7).
    """
    return reply.about_reader or _MAILBOX.match(reply.text) is not None


def clean(text: str) -> str:
    """Make a server's words fit to be kept and shown: one line, no controls, 500 characters."""
    return _CONTROLS.sub(" ", text).strip()[:_LONGEST_REPLY]


def without_addresses(text: str) -> str:
    """Make a server's words fit for a log and for people: it may quote whom it refused."""
    return _ADDRESS.sub("(address)", clean(text))
