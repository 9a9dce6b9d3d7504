"""Door to readers as a whole, a page at a time: who they are, their marks, where they stand."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from subscribers.model import (
    TEXT,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.store import (
    find_subscriber,
    subscriber,
    subscriber_tag,
    subscription,
    subscriptions_of,
    suppression,
)

_newsletter = sa.table("newsletter", sa.column("id", sa.BigInteger), sa.column("slug", sa.String))


@dataclass(frozen=True, slots=True)
class Entry:
    """A reader with all that is theirs."""

    reader: Subscriber
    tags: tuple[str, ...]
    standings: tuple[Subscription, ...]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which readers are meant; None: whatever it is."""

    newsletter_id: int | None = None
    """Who stands with it in any way."""
    address_key: str | None = None
    condition: sa.ColumnElement[bool] | None = None
    """What a segment asks of the row of a reader."""


@dataclass(frozen=True, slots=True)
class NeverMailed:
    """One line of the never-mail list, as far as it is about one address."""

    scope: str
    reason: SuppressionReason
    at: datetime


def page_of(connection: Connection, asked: Asked, *, after: int, limit: int) -> list[Entry]:
    """List readers by id, from the one after `after`; the erased are left out."""
    query = (
        _wanted(sa.select(subscriber.c.id), asked)
        .where(subscriber.c.id > after)
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    return _entries(connection, list(connection.execute(query).scalars()))


def count_of(connection: Connection, asked: Asked) -> int:
    """Count readers; the erased are left out."""
    query = _wanted(sa.select(subscriber.c.id), asked)
    return connection.execute(sa.select(sa.func.count()).select_from(query.subquery())).scalar_one()


def entry_of(connection: Connection, **where: str | int) -> Entry | None:
    """Find one reader by `public_id` or `id`, with all that is theirs; None when erased."""
    reader = find_subscriber(connection, **where)
    if reader is None:
        return None
    return Entry(
        reader,
        tuple(_tags(connection, [reader.id]).get(reader.id, ())),
        tuple(subscriptions_of(connection, reader.id)),
    )


def put_tags(connection: Connection, subscriber_id: int, tags: Collection[str]) -> bool:
    """Give a reader these marks in place of those there were; False when they are the same."""
    wanted = sorted(set(tags))
    if _tags(connection, [subscriber_id]).get(subscriber_id, []) == wanted:
        return False
    mine = subscriber_tag.c.subscriber_id == subscriber_id
    connection.execute(sa.delete(subscriber_tag).where(mine))
    rows = [{"subscriber_id": subscriber_id, "tag": tag} for tag in wanted]
    if rows:
        connection.execute(sa.insert(subscriber_tag), rows)
    return True


def public_ids(connection: Connection, subscriber_ids: Collection[int]) -> dict[int, str]:
    """Give the public ids of readers, also of those who were erased."""
    query = sa.select(subscriber.c.id, subscriber.c.public_id)
    rows = connection.execute(query.where(subscriber.c.id.in_(set(subscriber_ids))))
    return {row.id: row.public_id for row in rows}


def known_tags(connection: Connection) -> list[str]:
    """List every mark that some reader has."""
    return list(connection.execute(sa.select(subscriber_tag.c.tag).distinct()).scalars())


def slugs(connection: Connection) -> dict[int, str]:
    """Give the name of every newsletter there ever was."""
    rows = connection.execute(sa.select(_newsletter.c.id, _newsletter.c.slug))
    return {row.id: row.slug for row in rows}


def never_mailed(connection: Connection, address_hmac: str) -> list[NeverMailed]:
    """List how an address stands on the never-mail list, the first line first."""
    rows = connection.execute(
        sa.select(suppression.c.scope, suppression.c.reason, suppression.c.at)
        .where(suppression.c.address_hmac == address_hmac)
        .order_by(suppression.c.at, suppression.c.scope)
    )
    return [NeverMailed(row.scope, SuppressionReason(row.reason), row.at) for row in rows]


def _entries(connection: Connection, ids: Sequence[int]) -> list[Entry]:
    """Give readers by id, in this order, in three queries however many there are."""
    known = sa.select(*subscriber.c).where(subscriber.c.id.in_(ids))
    people = {row.id: _reader(row) for row in connection.execute(known)}
    standings: dict[int, list[Subscription]] = {}
    all_of_them = sa.select(subscription).where(subscription.c.subscriber_id.in_(ids))
    for row in connection.execute(all_of_them.order_by(subscription.c.newsletter_id)):
        standings.setdefault(row.subscriber_id, []).append(_standing(row))
    tags = _tags(connection, ids)
    return [
        Entry(people[each], tuple(tags.get(each, ())), tuple(standings.get(each, ())))
        for each in ids
        if each in people
    ]


def _reader(row: sa.Row[Any]) -> Subscriber:
    return Subscriber(
        id=row.id,
        public_id=row.public_id,
        address=row.address,
        language=row.language,
        created_at=row.created_at,
        address_hmac=row.address_hmac or "",
        text_only=row.format == TEXT,
        zone=row.zone,
        hour=row.hour,
        active_at=row.active_at,
    )


def _standing(row: sa.Row[Any]) -> Subscription:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's own name for it
    return Subscription(**{**values, "state": SubscriptionState(row.state)})


def _tags(connection: Connection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Give the marks of readers, sorted the same way whatever the database's letters are."""
    query = sa.select(subscriber_tag.c.subscriber_id, subscriber_tag.c.tag)
    found: dict[int, list[str]] = {}
    for reader, tag in connection.execute(query.where(subscriber_tag.c.subscriber_id.in_(ids))):
        found.setdefault(reader, []).append(tag)
    return {reader: sorted(tags) for reader, tags in found.items()}


def _wanted(query: sa.Select[int], asked: Asked) -> sa.Select[int]:
    query = query.where(subscriber.c.address.is_not(None))
    if asked.newsletter_id is not None:
        stands = (subscription.c.subscriber_id == subscriber.c.id) & (
            subscription.c.newsletter_id == asked.newsletter_id
        )
        query = query.where(sa.exists().where(stands))
    if asked.address_key is not None:
        query = query.where(subscriber.c.address_key == asked.address_key)
    if asked.condition is not None:
        query = query.where(asked.condition)
    return query
