"""Pure. The states of a delivery and what a transport answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class DeliveryState(StrEnum):
    """What is known of one reader's copy. ACCEPTED means the next server took it, no more."""

    PLANNED = "planned"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNCERTAIN = "uncertain"


FINAL_STATES = frozenset(
    {
        DeliveryState.ACCEPTED,
        DeliveryState.FAILED,
        DeliveryState.SKIPPED,
        DeliveryState.UNCERTAIN,
    }
)
"""A row in one of these is not touched again, unless a person asks for it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one message: the state it leads to and the server's words.

    `code` is the SMTP reply code, 0 where there was none. `connection_lost` tells the sender to
    open a new connection and, for a DEFERRED one, that the server is away and not the reader.
    """

    state: DeliveryState
    code: int
    text: str
    connection_lost: bool = False


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who it is from and to, as the transport needs them: plain addresses."""

    sender: str
    recipient: str
    message_id: str


class Transport(Protocol):
    """A way out: SMTP or a Maildir. One message at a time; never raises for a message's fate."""

    repeatable: bool
    """Whether sending the same Message-ID again leaves one copy: true of a Maildir of ours."""

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        """Hand over one message (CRLF lines, headers and body) and tell what became of it."""
        ...

    def close(self) -> None:
        """Leave politely; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows of an edition stand in each state."""

    planned: int = 0
    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    skipped: int = 0
    uncertain: int = 0

    @property
    def total(self) -> int:
        """All rows of the ledger for the edition."""
        return (
            self.planned
            + self.accepted
            + self.deferred
            + self.failed
            + self.skipped
            + self.uncertain
        )

    @property
    def open(self) -> int:
        """Rows that are not final: while there are any, nobody says "sent"."""
        return self.planned + self.deferred
