"""Pure. The states of a delivery, what a transport answers, and what a sender is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, Protocol

from digest.composition.model import ReaderValues
from digest.editions.model import Edition
from subscribers.model import Recipient


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
    `begun` says that the server had begun to take this very message when it was lost: if that
    happens again with the same message, the message may be the cause.
    `about_us` says that the server refused the sender and not the reader (RFC 3463, X.7.X: policy),
    `about_reader` that the cause is this reader's address, so that it says nothing of the next.
    """

    state: DeliveryState
    code: int
    text: str
    connection_lost: bool = False
    begun: bool = False
    about_us: bool = False
    about_reader: bool = False

    @property
    def server_away(self) -> bool:
        """Whether nothing was sent and the fault is the server's: the reader's row stays."""
        return self.connection_lost and self.state is DeliveryState.DEFERRED


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who it is from and to, as the transport needs them: plain addresses."""

    sender: str
    """The envelope sender; empty for `<>`, which nobody can answer with a bounce."""
    recipient: str
    message_id: str
    smtputf8: bool = False
    """The recipient's part before the @ is not ASCII: only a server that offers SMTPUTF8 takes it
    (RFC 6531)."""


@dataclass(frozen=True, slots=True)
class SmtpAccount:
    """The server that takes our mail. `user` empty means no authentication.

    `opportunistic` uses STARTTLS when it is offered, `required` refuses to go on without it,
    `implicit` speaks TLS from the first byte. A password is only ever sent over checked TLS.
    """

    host: str
    port: int = 25
    tls: Literal["none", "opportunistic", "required", "implicit"] = "required"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout_seconds: float = 60.0
    """How long each step may take; the answer to the final dot may take ten times as long."""
    local_hostname: str = ""
    """What we call ourselves in EHLO; empty: this machine's full name."""


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


class Wire(Protocol):
    """An edition ready to be spliced, in every language it has."""

    def message(self, values: ReaderValues, language: str = "") -> bytes:
        """Build one reader's message in a language, or in the edition's own.

        Raises CompositionError when that cannot be done.
        """
        ...


class Outbound(Protocol):
    """Makes the messages of editions; the composition root builds it."""

    def wire_for(self, edition_id: int) -> Wire:
        """Load an edition's frozen compositions. Raises DigestError when it has none."""
        ...

    def values_for(self, edition: Edition, recipient: Recipient) -> tuple[Envelope, ReaderValues]:
        """Say where one reader's copy goes and what differs in it."""
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


@dataclass(frozen=True, slots=True)
class Batch:
    """A leased batch: the readers of it that are still to be sent to, in order.

    `languages` has the language planned for each of them.
    `fence` is this lease's number: a result is only recorded while it is still the batch's.
    `losses` counts the connections lost in succession, `lost_at` is the reader it last happened at.
    """

    edition_id: int
    n: int
    newsletter_id: int
    fence: int
    subscriber_ids: tuple[int, ...]
    languages: Mapping[int, str]
    losses: int = 0
    lost_at: int | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    """One reader's copy that is due again; `tries` counts those made so far."""

    edition_id: int
    subscriber_id: int
    newsletter_id: int
    tries: int
    first_at: datetime
    intent_at: datetime
    language: str


@dataclass(frozen=True, slots=True)
class Settled:
    """What is recorded of one try: `next_at` is set for a DEFERRED one only.

    `reason` is our own sentence; `reply` the server's words, which may hold an address.
    """

    state: DeliveryState
    code: int = 0
    reason: str = ""
    reply: str = ""
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sent:
    """What one run of the sender did; `problem` says why it left off, empty when it went well."""

    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    skipped: int = 0
    uncertain: int = 0
    finished: tuple[int, ...] = ()
    """The ids of the editions whose last open row was settled: they are now "sent"."""
    problem: str = ""
