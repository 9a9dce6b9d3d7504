"""Pure. A subscriber, a subscription, and the log of consent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final


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
    TOPICS = "chose topics"
    PAUSED = "paused"
    RESUMED = "resumed"
    MOVED = "moved to the other newsletter"
    MANNER = "chose how letters come"
    ADDRESS = "changed the address"
    IMPORTED = "brought in by the publisher"
    ERASED = "erased"
    LIFTED = "taken off the never-mail list"


class SuppressionReason(StrEnum):
    """Why an address is never mailed."""

    PUBLISHER = "by the publisher"
    COMPLAINED = "complained"
    BOUNCED = "bounced"
    ERASED = "erased"
    NEVER_AGAIN = "asked never to be mailed"


EVERYTHING = "all"
"""The scope of a suppression that covers every newsletter; else the scope is one's slug."""


TEXT: Final = "text"
"""The format of a reader who asked for plain text; any other is the usual."""


@dataclass(frozen=True, slots=True)
class Subscriber:
    """A reader: the address as they spelt it, which is the one that is mailed."""

    id: int
    public_id: str
    address: str
    language: str | None = None
    created_at: datetime | None = None
    address_hmac: str = field(default="", repr=False)
    """The name of the address on the never-mail list."""
    text_only: bool = False
    """They asked for plain text alone."""
    zone: str | None = None
    """Their own time zone (IANA); None: the newsletter's."""
    hour: int | None = None
    """When they want their letters: minutes after midnight in their zone; None: when it is sent."""
    active_at: datetime | None = None
    """When they last did something themselves: confirmed, chose, came back."""


@dataclass(frozen=True, slots=True)
class NewSubscriber:
    """A reader about to be written; `address_hmac` lets SQL join the never-mail list."""

    public_id: str
    address: str
    address_key: str
    address_hmac: str
    created_at: datetime
    language: str | None = None


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

    @property
    def ended(self) -> bool:
        """Whether the reader has left."""
        return self.state is SubscriptionState.UNSUBSCRIBED


@dataclass(slots=True)
class Recipient:
    """What one copy of a letter needs to know of its reader; times aware UTC.

    Not frozen, as one is made for every message: a frozen one takes four times as long to make.
    """

    subscriber_id: int
    address: str
    public_id: str
    confirmed_at: datetime | None
    requested_at: datetime | None
    topic_mask: int
    text_only: bool = False
    """They asked for plain text."""
    language: str = ""
    """The language planned for their copy; empty: the newsletter's own."""


@dataclass(frozen=True, slots=True)
class Act:
    """The circumstances of a consent: kept as proof, the IP nulled by retention."""

    at: datetime
    via: str
    """`form`, `link`, `one-click`, `mail`, `command`, `import`, `api`, `demo`."""
    ip: str | None = None
    text: str = ""
    """The words of the form or page they acted on: each wording is kept once, and dated."""
    source: str = ""
    """Where it was done: a site's form (its origin), an import, an API token's name."""


@dataclass(frozen=True, slots=True)
class Consent:
    """One line of the log: what was done, for which newsletter (None: all), and how."""

    kind: ConsentKind
    newsletter_id: int | None
    act: Act
    wording: int | None = field(default=None, compare=False)
    """The number of the wording they saw, as the proof names it; None while it is unwritten."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a verb did: for whom, for which newsletters, and which of them it changed."""

    subscriber_id: int | None
    newsletter_ids: tuple[int, ...]
    changed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """What a signed link is about, for the page shown before anybody acts.

    `address` is None when the reader's data were erased.
    """

    address: str | None
    subscriptions: tuple[Subscription, ...] = ()
