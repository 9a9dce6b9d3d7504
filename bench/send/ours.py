"""Our own sender: without a ledger, or with one and a journal, as `digest send` is.

Without `--database` the lines of `digest.delivery.smtp` draw from a list that is counted down:
what the wire alone can do. With it the whole engine sends a planned edition. The message of each
reader is joined from its pieces, with a token in each of its 40 slots, and signed if asked.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from bench.send.message import TOKEN
from bench.send.peers.task import (
    SENDER,
    Stopwatch,
    Task,
    address_of,
    arguments,
    task_of,
)
from digest.composition.model import ReaderValues
from digest.db import Database
from digest.delivery.dkim import RSA_BITS, CopySigner, DkimKey, DkimSigner, relaxed_body
from digest.delivery.model import (
    DeliveryState,
    Envelope,
    Line,
    Parcel,
    Reply,
    SmtpAccount,
    Way,
)
from digest.delivery.send import send_due
from digest.delivery.smtp import SmtpLine
from digest.editions.model import Edition
from subscribers.model import Recipient

DOMAIN = SENDER.partition("@")[2]
_OWN = ("To", "Message-ID", "List-Unsubscribe")
"""The fields that each copy has of its own, in the order they are written."""


class PiecesWire:
    """Joins each reader's message from the pieces of a ready one, and signs it."""

    def __init__(self, message: bytes, keys: tuple[DkimKey, ...]) -> None:
        """Cut the message once: shared fields, the copy's own, and the body between its slots."""
        head, _, body = message.partition(b"\r\n\r\n")
        assert relaxed_body(body) == body
        lines = [line + b"\r\n" for line in head.split(b"\r\n")]
        own = [line for name in _OWN for line in lines if line.startswith(f"{name}:".encode())]
        token = TOKEN.encode()
        self._pieces = message.split(token)
        self._shared = b"".join(line for line in lines if line not in own)
        self._own = b"".join(own).split(token)
        self._body = (b"\r\n" + body).split(token)
        self._begins = len(self._body[0]) - len(b"\r\n")
        self._signer: CopySigner | None = None
        if keys:
            self._signer = DkimSigner(DOMAIN, keys).copies(
                self._shared, differing=_OWN, begins=body[: self._begins]
            )

    @property
    def signs(self) -> bool:
        """Tell whether it signs what it makes."""
        return self._signer is not None

    def copy(self, token: bytes) -> bytes:
        """Make the message that has this token in its slots."""
        if self._signer is None:
            return token.join(self._pieces)
        own = token.join(self._own)
        body = token.join(self._body)
        rest = memoryview(body)[len(b"\r\n") + self._begins :]
        signed = self._signer.signatures(own, rest, datetime.now(UTC))
        return b"".join((signed, self._shared, own, body))

    def message(self, values: ReaderValues, language: str = "") -> bytes:  # noqa: ARG002 - a Wire's
        """Make it for a reader of an edition."""
        return self.copy(values.unsubscribe_url[-len(TOKEN) :].encode())


def keys(which: str) -> tuple[DkimKey, ...]:
    """Make new keys: "rsa", or "both" with an Ed25519 one."""
    found = []
    if which in {"rsa", "both"}:
        found.append(DkimKey("r1", generate_private_key(65537, RSA_BITS)))
    if which == "both":
        found.append(DkimKey("e1", Ed25519PrivateKey.generate()))
    return tuple(found)


def way_of(asked: Task) -> Way:
    account = SmtpAccount(
        host="127.0.0.1",
        port=asked.port,
        tls="required" if asked.tls else "none",
        local_hostname="bench.example.org",
    )
    return Way("sink", account=account, connections=asked.connections)


@dataclass(slots=True)
class Countdown:
    """A Source of so many messages, and nothing else to do."""

    wire: PiecesWire
    messages: int
    given: int = 0
    accepted: int = 0
    lines: list[Line] = field(default_factory=list)

    def take(self, line: Line) -> Parcel | None:  # noqa: ARG002 - a Source's
        """Compose the next one, if there is one."""
        if self.given == self.messages:
            return None
        self.given += 1
        token = b"t%032x" % self.given
        envelope = Envelope(SENDER, address_of(self.given), f"<{token.decode()}@{DOMAIN}>")
        return Parcel(envelope, self.wire.copy(token))

    def begin(self, parcel: Parcel) -> bool:  # noqa: ARG002 - a Source's
        """Let it go: there is no journal."""
        return True

    def answered(self, parcel: Parcel, reply: Reply) -> None:  # noqa: ARG002 - a Source's
        """Count it; after the last one the lines leave."""
        self.accepted += reply.state is DeliveryState.ACCEPTED
        if self.accepted == self.messages:
            for line in self.lines:
                line.leave()


async def send_bare(asked: Task, wire: PiecesWire) -> None:
    source, way = Countdown(wire, asked.messages), way_of(asked)
    watch = Stopwatch()
    source.lines += [SmtpLine(way, source) for _ in range(asked.connections)]
    ends = await asyncio.gather(*[line.run() for line in source.lines])
    watch.report(source.accepted)
    for trouble in {end.reply.text for end in ends if end.reply is not None}:
        print(f"ours: a line ended: {trouble}", file=sys.stderr)


@dataclass(frozen=True, slots=True)
class BenchOutbound:
    """Says where each copy goes, without the templates and keys of a real house."""

    wire: PiecesWire

    @property
    def is_slow(self) -> bool:
        """Tell whether the copies are signed."""
        return self.wire.signs

    def wire_for(self, edition_id: int) -> PiecesWire:  # noqa: ARG002 - an Outbound's
        """Give the one wire."""
        return self.wire

    def values_for(self, edition: Edition, recipient: Recipient) -> tuple[Envelope, ReaderValues]:
        """Give what the bench's message needs: a token."""
        token = f"t{recipient.subscriber_id:032x}"
        values = ReaderValues(
            address=recipient.address,
            message_id=f"<e{edition.id}.{token}@{DOMAIN}>",
            since="",
            unsubscribe_url=f"https://{DOMAIN}/u/{token}",
            unsubscribe_mailto="",
            sent_at=datetime.now(UTC),
        )
        return Envelope(SENDER, recipient.address, values.message_id), values


def send_planned(asked: Task, wire: PiecesWire, database: Database, journal: Path) -> None:
    watch = Stopwatch()
    sent = send_due(database, [way_of(asked)], BenchOutbound(wire), journal=journal)
    watch.report(sent.accepted)
    if sent.problem:
        print(f"ours: {sent.problem}", file=sys.stderr)


def run_on(loop: str, work: Coroutine[Any, Any, None]) -> None:
    if loop == "uvloop":
        import uvloop  # noqa: PLC0415 - an extra that need not be there

        uvloop.run(work)
    else:
        asyncio.run(work)


def main() -> None:
    parser = arguments()
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default="asyncio")
    parser.add_argument("--dkim", choices=("none", "rsa", "both"), default="none")
    parser.add_argument("--database", default="")
    parser.add_argument("--journal", type=Path)
    values: argparse.Namespace = parser.parse_args()
    asked = task_of(values)
    wire = PiecesWire(asked.message, keys(values.dkim))
    if not values.database:
        run_on(values.loop, send_bare(asked, wire))
        return
    if values.loop == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # as where it is not installed
    database = Database(values.database)
    send_planned(asked, wire, database, values.journal)
    database.close()


if __name__ == "__main__":
    main()
