"""Editions, readers, messages and ways out, as small as the sender needs them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from digest.composition.model import ReaderValues
from digest.db import Database
from digest.delivery import count_store
from digest.delivery import store as ledger
from digest.delivery.model import Cause, DeliveryState, Envelope, Reply, Tally, Way
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.errors import CompositionError
from subscribers import store as readers
from subscribers.change_store import What, tell_change
from subscribers.model import Recipient

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)

ACCEPTED = Reply(DeliveryState.ACCEPTED, 250, "ok", Cause.ACCEPTED)
PUT_OFF = Reply(DeliveryState.DEFERRED, 450, "mailbox busy", Cause.BUSY)
REFUSED = Reply(DeliveryState.FAILED, 550, "this one not", Cause.REFUSED)
UNKNOWN = Reply(DeliveryState.FAILED, 550, "5.1.1 no such user", Cause.UNKNOWN_USER)
DENIED = Reply(DeliveryState.DEFERRED, 554, "5.7.1 <ann@example.org> relay denied", Cause.OURS)
UNREACHABLE = Reply(DeliveryState.DEFERRED, 0, "connection refused", Cause.AWAY)
CUT = Reply(DeliveryState.DEFERRED, 0, "closed in DATA", Cause.CUT)
UNANSWERED = Reply(DeliveryState.UNCERTAIN, 0, "closed after the dot", Cause.UNANSWERED)


class Watch:
    """A clock that a test moves."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


def an_envelope(
    recipient: str = "ann@example.org", message_id: str = "<m1@example.org>"
) -> Envelope:
    return Envelope("news@example.org", recipient, message_id)


def a_message(text: str = "Good morning.") -> bytes:
    return f"Subject: The Morning Post\r\n\r\n{text}\r\n".encode()


def address_of(reader: int) -> str:
    return f"reader{reader}@example.org"


def an_edition(
    database: Database,
    *,
    day: int = 9,
    state: EditionState = EditionState.APPROVED,
    send_at: datetime = NOON,
) -> Edition:
    """Write a newsletter, unless it is there, and an edition of it."""
    with database.write() as connection:
        newsletter_id = connection.scalar(sa.select(editions.newsletter.c.id)) or _newsletter(
            connection
        )
        insert = sa.insert(editions.edition).values(
            newsletter_id=newsletter_id,
            local_date=date(2026, 1, day),
            slot_name="main",
            number=1200 + day,
            state=state.value,
            window_after=send_at - timedelta(days=1),
            cut_off_at=send_at - timedelta(minutes=30),
            send_at=send_at,
            prepared_at=send_at - timedelta(minutes=30),
        )
        made = connection.execute(insert.returning(editions.edition.c.id)).scalar_one()
        return editions.edition_by_id(connection, made)


def _newsletter(connection: sa.Connection) -> int:
    insert = sa.insert(editions.newsletter).values(
        slug="daily",
        name="The Morning Post",
        zone="Europe/London",
        epoch_at=NOON - timedelta(days=30),
        created_at=NOON - timedelta(days=29),
        origin="file",
    )
    return int(connection.execute(insert.returning(editions.newsletter.c.id)).scalar_one())


def some_readers(database: Database, edition: Edition, ids: Iterable[int]) -> None:
    """Write confirmed readers of the edition's newsletter under these ids."""
    people = [
        {
            "id": n,
            "public_id": f"public{n}",
            "address": address_of(n),
            "address_key": address_of(n),
            "address_hmac": f"hmac{n}",
            "created_at": NOON - timedelta(days=10),
        }
        for n in ids
    ]
    standings = [
        {
            "subscriber_id": person["id"],
            "newsletter_id": edition.newsletter_id,
            "state": "confirmed",
            "confirmed_at": NOON - timedelta(days=9),
        }
        for person in people
    ]
    with database.write() as connection:
        connection.execute(sa.insert(readers.subscriber), people)
        connection.execute(sa.insert(readers.subscription), standings)


def speaks(database: Database, reader: int, language: str | None) -> None:
    with database.write() as connection:
        same = readers.subscriber.c.id == reader
        connection.execute(sa.update(readers.subscriber).where(same).values(language=language))


def leave(database: Database, reader: int) -> None:
    with database.write() as connection:
        mine = readers.subscription.c.subscriber_id == reader
        connection.execute(sa.update(readers.subscription).where(mine).values(state="unsubscribed"))
        tell_change(connection, reader, [None], What.LEFT, at=NOON)


def tally(database: Database, edition: Edition) -> Tally:
    with database.read() as connection:
        return count_store.tally(connection, edition.id)


def state_of(database: Database, edition: Edition) -> EditionState:
    with database.read() as connection:
        return editions.edition_by_id(connection, edition.id).state


def rows(database: Database, edition: Edition) -> dict[int, tuple[str, int, str]]:
    """Give state, code and reason by reader."""
    query = sa.select(ledger.delivery).where(ledger.delivery.c.edition_id == edition.id)
    with database.read() as connection:
        found = connection.execute(query.order_by(ledger.delivery.c.subscriber_id)).all()
    return {row.subscriber_id: (row.state, row.code, row.reason) for row in found}


def attempts(database: Database) -> list[tuple[int, int, str, int, str]]:
    """Give reader, number, state, code and reply of every attempt."""
    table = ledger.attempt
    query = sa.select(
        table.c.subscriber_id, table.c.n, table.c.state, table.c.code, table.c.reply
    ).order_by(table.c.subscriber_id, table.c.n)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


@dataclass
class ScriptedTransport:
    """Answers what it is told to, reader by reader; keeps the addresses of what it accepted."""

    script: dict[str, list[Reply | BaseException]] = field(default_factory=dict)
    otherwise: Reply = ACCEPTED
    repeatable: bool = False
    before: Callable[[Envelope], None] = lambda _envelope: None
    tried: list[str] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    """The Message-IDs of what was tried."""

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        assert message
        self.before(envelope)
        self.tried.append(envelope.recipient)
        self.ids.append(envelope.message_id)
        planned = self.script.get(envelope.recipient)
        answer = planned.pop(0) if planned else self.otherwise
        if isinstance(answer, BaseException):
            raise answer
        if answer.state is DeliveryState.ACCEPTED:
            self.accepted.append(envelope.recipient)
        return answer

    def close(self) -> None:
        """Nothing is open."""


def a_way(transport: ScriptedTransport, *, connections: int = 1, name: str = "scripted") -> Way:
    """One way out by which messages leave in order, unless it has several connections."""
    return Way(name, transport=transport, connections=connections)


class PlainWire:
    """Writes one short message; a reader named in `broken` cannot be written to."""

    def __init__(self, broken: frozenset[str], languages: dict[str, str]) -> None:
        self._broken = broken
        self._languages = languages

    def message(self, values: ReaderValues, language: str = "") -> bytes:
        if values.address in self._broken:
            raise CompositionError("letter: their name: has no end")
        self._languages[values.address] = language
        return a_message(values.unsubscribe_url)


@dataclass
class PlainOutbound:
    """Makes messages without templates; an edition in `missing` has no composition."""

    broken: frozenset[str] = frozenset()
    is_slow: bool = False
    missing: set[int] = field(default_factory=set)
    languages: dict[str, str] = field(default_factory=dict)
    """The language each address was last written to in."""
    made: list[tuple[int, str]] = field(default_factory=list)
    """Which editions were asked for, and for whom, in order."""

    def wire_for(self, edition_id: int) -> PlainWire:
        if edition_id in self.missing:
            raise CompositionError("letter: there is no composition")
        return PlainWire(self.broken, self.languages)

    def values_for(self, edition: Edition, recipient: Recipient) -> tuple[Envelope, ReaderValues]:
        self.made.append((edition.id, recipient.address))
        message_id = f"<e{edition.id}.{recipient.public_id}@example.org>"
        values = ReaderValues(
            address=recipient.address,
            message_id=message_id,
            since="3 November 2025",
            unsubscribe_url=f"https://letters.example.org/u/{recipient.public_id}",
            unsubscribe_mailto="",
            sent_at=NOON,
        )
        return Envelope("news@example.org", recipient.address, message_id), values
