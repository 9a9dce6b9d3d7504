"""Pure. The states of a delivery, what a transport answers, and what a sender is doing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
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


class Cause(StrEnum):
    """What a reply means for us: whose fault it is, and what helps."""

    ACCEPTED = "accepted"
    BUSY = "put off"
    """A temporary refusal without a better word."""
    MAILBOX_FULL = "mailbox full"
    GREYLISTED = "greylisted"
    TOO_FAST = "too fast"
    """The destination wants fewer at a time: its whole domain is slowed."""
    POLICY = "refused for policy"
    """Blocked for what we are or write (RFC 3463, X.7.X): never held against the reader."""
    UNKNOWN_USER = "unknown address"
    """There is no such mailbox: the reader bounced, and is suppressed at once."""
    REFUSED = "refused"
    """Any other permanent refusal of this one message."""
    NOT_TAKEN = "not taken"
    """The server has not offered what this message needs: its size, SMTPUTF8, 8-bit."""
    OURS = "our fault"
    """A wrong log-in, a sender it does not know, relaying denied: nobody is marked for it."""
    AWAY = "server away"
    """It cannot be reached, or left before it saw anything of this message."""
    CUT = "connection cut"
    """It left while it took this very message, before the final dot: surely not accepted."""
    UNANSWERED = "no answer"
    """The final dot was out, and no answer came: nobody knows."""


@dataclass(slots=True, unsafe_hash=True)
class Reply:
    """What became of one message: the state it leads to, and the server's words.

    `code` is the SMTP reply code, 0 where there was none; `wait` is how long the server asked us to
    wait, where it said so. Nobody changes it; it is not frozen, as one is made for every message,
    and a frozen one takes three times as long to make.
    """

    state: DeliveryState
    code: int
    text: str
    cause: Cause
    wait: timedelta | None = None

    @property
    def connection_lost(self) -> bool:
        """Whether the connection is gone with it."""
        return self.cause in _LOST or self.code == _SHUTTING_DOWN


_SHUTTING_DOWN = 421
_LOST = frozenset({Cause.AWAY, Cause.CUT, Cause.UNANSWERED})


@dataclass(slots=True, unsafe_hash=True)
class Envelope:
    """Who it is from and to, as the transport needs them: plain addresses.

    Nobody changes it; that it is not frozen has `Reply`'s reason.
    """

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
    pipelining: bool = True
    """Whether PIPELINING is used where it is offered (RFC 2920)."""
    messages_per_connection: int | None = None
    """After so many we leave and come again, before the server asks us to."""


class Transport(Protocol):
    """A way out that takes one whole message at a time: a Maildir, an API.

    It is called from several threads at once; it never raises for a message's fate.
    """

    repeatable: bool
    """Whether sending the same Message-ID again leaves one copy: true of a Maildir of ours."""

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        """Hand over one message (CRLF lines, headers and body) and tell what became of it."""
        ...

    def close(self) -> None:
        """Leave politely; never raises."""
        ...


@dataclass(frozen=True, slots=True)
class Way:
    """One way out, as the settings name it: a relay (`account`) or a `transport`.

    `weight` is its share among several; one of weight 0 is used only while the others are away.
    """

    name: str
    account: SmtpAccount | None = None
    transport: Transport | None = None
    weight: int = 1
    connections: int = 8
    max_per_second: float | None = None

    @property
    def repeatable(self) -> bool:
        """Whether the same message can go twice and leave one copy."""
        return self.transport is not None and self.transport.repeatable


@dataclass(slots=True, eq=False)
class Parcel:
    """One message on its way: composed, signed, not written to the wire yet.

    `ref` is its owner's: which row of the ledger it is, or which notice. `is_ascii` is what its
    owner knows of the message already; None: nothing, it is looked at.
    """

    envelope: Envelope
    message: bytes
    ref: object = None
    is_ascii: bool | None = None


class Source(Protocol):
    """What the lines of a sender draw from. All of it is called in the sender's own loop."""

    def take(self, line: Line) -> Parcel | None:
        """Give what this line hands over next; None when there is nothing now: see `Line.wake`."""
        ...

    def begin(self, parcel: Parcel) -> bool:
        """Write down that the content of a parcel is about to leave; False when it must not.

        Called once for each, right before the first byte of the content.
        """
        ...

    def answered(self, parcel: Parcel, reply: Reply) -> None:
        """Hear what became of a parcel; called exactly once for each that was taken."""
        ...


@dataclass(frozen=True, slots=True)
class Ended:
    """Why a line ended.

    `reply` is what went wrong, None when nothing did: it was asked to leave, or had handed over
    as many as one connection may. `taken` counts the messages that were accepted on it.
    """

    reply: Reply | None = None
    accepted: int = 0


class Line(Protocol):
    """One connection at work (or one caller of a transport): draws parcels until it ends."""

    way: Way

    async def run(self) -> Ended:
        """Connect and hand over until told to leave or cut off; never raises for the server."""
        ...

    def wake(self) -> None:
        """Say that there may be something to take again."""
        ...

    def leave(self) -> None:
        """Take nothing more; go when what is on the wire is answered."""
        ...

    def abort(self) -> None:
        """Cut the connection now."""
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

    @property
    def is_slow(self) -> bool:
        """Whether a message takes so long to make, as signing does, that threads should do it."""
        ...

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
    held: bool = False
    """The problem is ours: the editions were held, and people were told."""
