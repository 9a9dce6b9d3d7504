"""Pure. Outgoing webhooks: who is called, about what, and when a call is tried again."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

PATIENCE = timedelta(days=1)
"""How long a call is tried again, and how long an endpoint may fail before it is paused."""

_WAITS = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
)
_SPREAD = 0.1


class HookEvent(StrEnum):
    """What an endpoint can be told of."""

    EDITION_SENT = "edition.sent"
    EDITION_HELD = "edition.held"
    EDITION_SKIPPED = "edition.skipped"
    SUBSCRIBER_JOINED = "subscriber.joined"
    """They get a newsletter from now on, by whatever way."""
    SUBSCRIBER_CONFIRMED = "subscriber.confirmed"
    """They proved by the mailed link that the address is theirs."""
    SUBSCRIBER_LEFT = "subscriber.left"
    SUBSCRIBER_SUPPRESSED = "subscriber.suppressed"
    SUBSCRIBER_ERASED = "subscriber.erased"
    TEST = "webhook.test"
    """Sent by hand, to whichever endpoint is named."""

    @property
    def is_about_reader(self) -> bool:
        """Whether its facts name a reader."""
        return self.value.startswith("subscriber.")


CHOOSABLE = tuple(event for event in HookEvent if event is not HookEvent.TEST)
"""What an endpoint can ask for."""


class EndpointState(StrEnum):
    """Whether it is called."""

    ACTIVE = "active"
    PAUSED = "paused"


class CallState(StrEnum):
    """What became of a call."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewEndpoint:
    """An endpoint about to be written; times aware UTC."""

    public_id: str
    url: str
    events: frozenset[HookEvent]
    with_address: bool
    salt: str = field(repr=False)
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address of somebody else's that is called; the secret is made of its `salt`."""

    id: int
    public_id: str
    url: str
    events: frozenset[HookEvent]
    with_address: bool
    """Whether it asked for readers' addresses beside their ids."""
    state: EndpointState
    created_at: datetime
    salt: str = field(repr=False)
    former_salt: str = field(default="", repr=False)
    former_until: datetime | None = None
    """Until then the secret before this one signs as well."""
    paused_why: str = ""
    failures: int = 0
    """How often in succession it was away."""
    failing_since: datetime | None = None
    not_before: datetime | None = None
    last_ok_at: datetime | None = None

    @property
    def actor(self) -> str:
        """Give its name in the audit."""
        return f"webhook:{self.public_id}"

    def salts(self, now: datetime) -> tuple[str, ...]:
        """Give what secrets sign now, the newest first."""
        if self.former_salt and self.former_until is not None and now < self.former_until:
            return self.salt, self.former_salt
        return (self.salt,)


@dataclass(frozen=True, slots=True)
class HookCall:
    """One event for one endpoint; `attempts` counts the tries so far, times aware UTC."""

    id: int
    endpoint_id: int
    event_id: str
    event: HookEvent
    facts: Mapping[str, object]
    happened_at: datetime
    since: datetime
    """From when its patience counts."""
    state: CallState = CallState.WAITING
    attempts: int = 0
    next_at: datetime | None = None
    status: int | None = None
    """What HTTP said last; None when nothing answered."""
    reply: str = ""
    done_at: datetime | None = None


def event_id_of(event: HookEvent, key: str) -> str:
    """Give an event's id: the same for the same key, so that telling it twice is telling it once.

    It is what a receiver knows a call by that comes a second time.
    """
    named = f"{event}\0{key}".encode("utf-8", "surrogatepass")
    return f"evt_{hashlib.sha256(named).hexdigest()[:24]}"


def next_call(attempts: int, since: datetime, now: datetime, key: str) -> datetime | None:
    """Say when to call again after so many tries; None: the day is over, it is given up.

    5 and 30 seconds, 2, 10 and 30 minutes, an hour, then every two; up to a tenth longer, always
    the same for the same `key`. The last try is when the day is over.
    """
    end = since + PATIENCE
    return None if now >= end else min(now + wait_after(attempts, key), end)


def wait_after(failures: int, key: str) -> timedelta:
    """Give how long is waited after so many failures in succession."""
    wait = _WAITS[min(max(failures, 1), len(_WAITS)) - 1]
    digest = hashlib.blake2b(f"{failures}:{key}".encode(), digest_size=4).digest()
    return wait * (1 + _SPREAD * int.from_bytes(digest, "big") / 2**32)


def read_events(text: str) -> frozenset[HookEvent]:
    """Read events as they are kept, leaving out what this version does not know."""
    known = {event.value: event for event in HookEvent}
    return frozenset(known[word] for word in text.split() if word in known)


def write_events(events: Collection[HookEvent]) -> str:
    """Write events as they are kept and shown: in the order of their list."""
    return " ".join(event.value for event in HookEvent if event in events)
