"""Door to what a reader, or who must prove it, may ask to see: also of those who were erased."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from subscribers.model import EVERYTHING, SuppressionReason
from subscribers.store import pending_address, subscriber, subscriber_tag, suppression, wording


@dataclass(frozen=True, slots=True)
class Person:
    """All that the row of a reader says; the erased have neither address nor wishes."""

    id: int
    public_id: str
    address: str | None
    address_hmac: str | None
    language: str | None
    zone: str | None
    hour: int | None
    format: str | None
    created_at: datetime
    active_at: datetime | None
    erased_at: datetime | None
    tags: tuple[str, ...] = ()
    asked_address: str | None = None
    """The address they asked to have from now on, and when; it is not confirmed yet."""
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a form or page as they were from a moment on."""

    number: int
    text: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of the never-mail list; `address` and `public_id` where the reader is still known."""

    address_hmac: str
    scope: str
    reason: SuppressionReason
    at: datetime
    address: str | None


def person(connection: Connection, **where: str | int) -> Person | None:
    """Find a reader by `id`, `public_id` or `address_key`, erased or not."""
    columns = [each for each in subscriber.c if each.name != "address_key"]
    same = [subscriber.c[name] == value for name, value in where.items()]
    row = connection.execute(sa.select(*columns).where(*same)).one_or_none()
    if row is None:
        return None
    tags = sa.select(subscriber_tag.c.tag).where(subscriber_tag.c.subscriber_id == row.id)
    asked = sa.select(pending_address).where(pending_address.c.subscriber_id == row.id)
    waiting = connection.execute(asked).one_or_none()
    return Person(
        **row._asdict(),
        tags=tuple(sorted(connection.scalars(tags))),
        asked_address=waiting.address if waiting else None,
        asked_at=waiting.asked_at if waiting else None,
    )


def wordings(connection: Connection, numbers: Collection[int]) -> dict[int, Wording]:
    """Give wordings by their numbers, each with when it was first used."""
    query = sa.select(wording).where(wording.c.id.in_(list(numbers)))
    return {row.id: Wording(row.id, row.text, row.first_at) for row in connection.execute(query)}


def list_never_mailed(connection: Connection, *, limit: int) -> tuple[list[Listed], int]:
    """List who is never mailed, the latest first, and count all there are."""
    latest = (
        sa.select(suppression)
        .order_by(suppression.c.at.desc(), suppression.c.address_hmac, suppression.c.scope)
        .limit(limit)
    )
    known = _addresses(connection, latest.subquery())
    rows = [
        Listed(
            *(row.address_hmac, row.scope, SuppressionReason(row.reason), row.at),
            known.get(row.address_hmac),
        )
        for row in connection.execute(latest)
    ]
    return rows, connection.execute(
        sa.select(sa.func.count()).select_from(suppression)
    ).scalar_one()


def _addresses(connection: Connection, listed: sa.Subquery) -> dict[str, str | None]:
    """Find whose these hashes are in one pass over all readers: they have no index."""
    query = sa.select(subscriber.c.address_hmac, subscriber.c.address)
    mine = query.where(subscriber.c.address_hmac.in_(sa.select(listed.c.address_hmac)))
    return {row.address_hmac: row.address for row in connection.execute(mine)}


def take_off(
    connection: Connection, address_hmac: str, scope: str, *, reason: SuppressionReason
) -> list[str]:
    """Take an address off the never-mail list where it stands for this reason; give the scopes.

    The scope of everything means all of them.
    """
    mine = (suppression.c.address_hmac == address_hmac) & (suppression.c.reason == reason)
    if scope != EVERYTHING:
        mine &= suppression.c.scope == scope
    off = sa.delete(suppression).where(mine).returning(suppression.c.scope)
    return sorted(connection.execute(off).scalars())
