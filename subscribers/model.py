"""Pure. A subscriber, a subscription, and the log of consent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class SubscriptionState(StrEnum):
    """Where a reader stands with one newsletter."""

    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    PAUSED = "paused"
    UNSUBSCRIBED = "unsubscribed"


class ConsentKind(StrEnum):
    """What was done, in the append-only log."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    ADDED = "added by the publisher"
    UNSUBSCRIBED = "unsubscribed"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A reader: the address as they spelt it, which is the one that is mailed."""

    id: int
    public_id: str
    address: str
    language: str | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """A reader's standing with one newsletter; times aware UTC."""

    subscriber_id: int
    newsletter_id: int
    state: SubscriptionState
    topic_mask: int = 0
    """0 means everything; else the bits of the topics they want."""
    requested_at: datetime | None = None
    confirmed_at: datetime | None = None
    ended_at: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Act:
    """The circumstances of a consent: kept as proof, the IP nulled by retention."""

    at: datetime
    via: str
    """`form`, `link`, `one-click`, `command`, `demo`."""
    ip: str | None = None
    text: str = ""
    """The words of the form or page they acted on."""
