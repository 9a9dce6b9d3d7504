"""Messages and answers, as small as the ways out and their health need them."""

from __future__ import annotations

from dataclasses import replace

from digest.delivery.model import Cause, DeliveryState, Ended, Envelope, Reply

ACCEPTED = Reply(DeliveryState.ACCEPTED, 250, "2.0.0 ok", Cause.ACCEPTED)
BUSY = Reply(DeliveryState.DEFERRED, 451, "4.3.0 later", Cause.BUSY)
UNKNOWN = Reply(DeliveryState.FAILED, 550, "5.1.1 no such user", Cause.UNKNOWN_USER)
FULL = Reply(DeliveryState.FAILED, 552, "5.2.2 over quota", Cause.MAILBOX_FULL)
REFUSED = Reply(DeliveryState.FAILED, 554, "5.6.0 we do not like it", Cause.REFUSED)
BLOCKED = Reply(DeliveryState.FAILED, 550, "5.7.1 your host is listed", Cause.POLICY)
DENIED = Reply(DeliveryState.DEFERRED, 554, "5.7.1 relay access denied", Cause.OURS)
WRONG_LOG_IN = Reply(DeliveryState.DEFERRED, 535, "5.7.8 bad credentials", Cause.OURS)
UNREACHABLE = Reply(DeliveryState.DEFERRED, 0, "relay.example: Connection refused", Cause.AWAY)
CUT = Reply(DeliveryState.DEFERRED, 0, "relay.example: closed in DATA", Cause.CUT)
UNANSWERED = Reply(DeliveryState.UNCERTAIN, 0, "relay.example: closed", Cause.UNANSWERED)


def an_envelope(
    recipient: str = "ann@example.org",
    message_id: str = "<m1@example.org>",
    *,
    sender: str = "news@example.org",
    smtputf8: bool = False,
) -> Envelope:
    return Envelope(sender, recipient, message_id, smtputf8)


def to_reader(n: int) -> Envelope:
    """Give the envelope of one of many."""
    return an_envelope(f"reader{n}@example.org", f"<m{n}@example.org>")


def a_message(text: str = "Good morning.") -> bytes:
    return f"Subject: The Morning Post\r\n\r\n{text}\r\n".encode()


def in_words(reply: Reply, text: str) -> Reply:
    """Give the same answer in other words."""
    return replace(reply, text=text)


def ended(reply: Reply | None = None, accepted: int = 0) -> Ended:
    return Ended(reply, accepted)
