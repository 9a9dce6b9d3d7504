"""Door to what replaying needs of the tables: its mark, the newsletters' names, who is meant."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert, metadata, rows_changed
from subscribers.departures import Departure
from subscribers.model import ConsentKind, Subscription, SubscriptionState
from subscribers.store import consent, count_subscribers, subscriber, subscription, suppression

replayed_file = sa.Table(
    "replayed_file",
    metadata,
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("upto", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""`name` is what the file calls itself in its first line. A restored backup is behind, so that
reading on from here brings in what it missed."""

_newsletter = sa.table("newsletter", sa.column("id", sa.BigInteger), sa.column("slug", sa.String))
"""Only the names of the columns: this room lies below the one that owns the table."""


def slugs(connection: Connection, newsletter_ids: Collection[int]) -> tuple[str, ...]:
    """Give the names of these newsletters, in the order of their ids."""
    query = sa.select(_newsletter.c.slug).where(_newsletter.c.id.in_(list(newsletter_ids)))
    return tuple(connection.execute(query.order_by(_newsletter.c.id)).scalars())


def mark_of(connection: Connection, name: str) -> int:
    """Give how many bytes of a file were read into this database."""
    query = sa.select(replayed_file.c.upto).where(replayed_file.c.name == name)
    return connection.execute(query).scalar_one_or_none() or 0


def set_mark(connection: Connection, name: str, upto: int, *, at: datetime) -> None:
    """Write how far a file was read, in the transaction that applies what it says."""
    row = insert(connection, replayed_file).values(name=name, upto=upto, at=at)
    newer = {"upto": upto, "at": at}
    connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=newer))


def how_many(connection: Connection) -> tuple[int, int]:
    """Count the readers and the addresses never mailed: whom keys that are lost are missed by."""
    if not sa.inspect(connection).has_table(suppression.name):  # nothing was ever opened here
        return 0, 0
    never = sa.select(sa.func.count(suppression.c.address_hmac.distinct()))
    return count_subscribers(connection), connection.execute(never).scalar_one()


@dataclass(frozen=True, slots=True)
class Known:
    """A reader whom a departure may mean, as the database knows them."""

    id: int
    public_id: str
    address_hmac: str
    erased: bool
    standings: tuple[Subscription, ...]
    lifted_at: datetime | None
    """When they were last taken off the never-mail list."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What a database knows about some departures."""

    by_public_id: Mapping[str, Known]
    by_hash: Mapping[str, Sequence[Known]]
    listed: frozenset[tuple[str, str]]
    """The never-mail list: hashes of addresses, each with its scope."""
    newsletters: Mapping[str, int]
    """Ids by slug."""


@dataclass(slots=True)
class Addressees:
    """Who has the addresses of some departures under another public id than the line's.

    The hashes have no index, so they are looked for among all readers at once: once for many lines,
    and never by who keeps other writers waiting.
    """

    hashes: frozenset[str]
    logged: int
    """The last line of the log of consent that is taken account of."""
    ids: dict[str, set[int]] = field(default_factory=dict)
    """Readers by the hash of their address; whoever has moved since is told by their own row."""


def addressees(connection: Connection, departures: Sequence[Departure]) -> Addressees:
    """Find who has these addresses and is not who the line's public id says."""
    hashes = frozenset(each.address_hmac for each in departures if each.address_hmac)
    found = Addressees(hashes, _last_logged(connection))
    named = {each.public_id for each in departures if each.public_id}
    own = sa.select(subscriber.c.public_id, subscriber.c.address_hmac)
    own = own.where(subscriber.c.public_id.in_(_each(connection, named)))
    known = {(row.public_id, row.address_hmac) for row in connection.execute(own)}
    sought = {
        each.address_hmac
        for each in departures
        if each.address_hmac and (each.public_id, each.address_hmac) not in known
    }
    if sought:
        scan = sa.select(subscriber.c.id, subscriber.c.address_hmac)
        scan = scan.where(subscriber.c.address_hmac.in_(_each(connection, sought)))
        _add(found, connection.execute(scan))
    return found


def keep_up(connection: Connection, found: Addressees) -> None:
    """Add who has come to one of these addresses since: the log of consent has a line of it."""
    last = _last_logged(connection)
    if last > found.logged:
        since = sa.select(consent.c.subscriber_id).where(consent.c.id > found.logged)
        rows = sa.select(subscriber.c.id, subscriber.c.address_hmac)
        _add(found, connection.execute(rows.where(subscriber.c.id.in_(since))))
        found.logged = last


def picture_of(
    connection: Connection,
    departures: Sequence[Departure],
    found: Addressees,
    *,
    lock: bool = False,
) -> Picture:
    """Look up what some departures are about; with `lock`, nobody else changes those readers."""
    public_ids = [each.public_id for each in departures if each.public_id]
    hashes = [each.address_hmac for each in departures if each.address_hmac]
    elsewhere = {number for each in hashes for number in found.ids.get(each, ())}
    rows = _rows(connection, public_ids, elsewhere, lock=lock)
    ids = [row.id for row in rows]
    standings, lifted = _standings(connection, ids), _lifted(connection, ids)
    on_list = sa.select(suppression.c.address_hmac, suppression.c.scope)
    listed = connection.execute(on_list.where(suppression.c.address_hmac.in_(hashes)))
    readers = [
        Known(
            row.id,
            row.public_id,
            row.address_hmac or "",
            row.erased,
            tuple(standings.get(row.id, ())),
            lifted.get(row.id),
        )
        for row in rows
    ]
    return Picture(
        {each.public_id: each for each in readers},
        _by_hash(readers),
        frozenset((row.address_hmac, row.scope) for row in listed),
        {row.slug: row.id for row in connection.execute(sa.select(_newsletter))},
    )


def lift(connection: Connection, address_hmac: str, reason: str, *, upto: datetime) -> bool:
    """Take an address off the never-mail list where it came on it for this reason by a moment."""
    same = (suppression.c.address_hmac == address_hmac) & (suppression.c.reason == reason)
    off = sa.delete(suppression).where(same, suppression.c.at <= upto)
    return rows_changed(connection.execute(off)) > 0


def _rows(
    connection: Connection, public_ids: Collection[str], ids: Collection[int], *, lock: bool
) -> Sequence[sa.Row[Any]]:
    # An empty list beside the other would keep PostgreSQL from using either index.
    named = [subscriber.c.public_id.in_(public_ids)] if public_ids else []
    numbered = [subscriber.c.id.in_(ids)] if ids else []
    query = sa.select(
        subscriber.c.id,
        subscriber.c.public_id,
        subscriber.c.address_hmac,
        subscriber.c.address.is_(None).label("erased"),
    ).where(sa.or_(sa.false(), *named, *numbered))
    if lock:
        query = query.order_by(subscriber.c.id).with_for_update(of=subscriber)
    return connection.execute(query).all()


def _by_hash(readers: Iterable[Known]) -> dict[str, list[Known]]:
    found: dict[str, list[Known]] = {}
    for each in readers:
        if each.address_hmac:
            found.setdefault(each.address_hmac, []).append(each)
    return found


def _add(found: Addressees, rows: Iterable[Any]) -> None:
    for row in rows:
        if row.address_hmac in found.hashes:
            found.ids.setdefault(row.address_hmac, set()).add(row.id)


def _last_logged(connection: Connection) -> int:
    last: int = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(consent.c.id), 0))
    ).scalar_one()
    return last


def _each(connection: Connection, values: Collection[str]) -> sa.Select[Any]:
    """Give values as rows: one pass over a table looks each of its rows up among them."""
    if connection.dialect.name == "sqlite":
        rows = sa.func.json_each(json.dumps(list(values))).table_valued("value")
        return sa.select(rows.c.value)
    return sa.select(sa.func.unnest(sa.literal(list(values), postgresql.ARRAY(sa.String))))


def _standings(connection: Connection, reader_ids: Sequence[int]) -> dict[int, list[Subscription]]:
    query = sa.select(subscription).where(subscription.c.subscriber_id.in_(reader_ids))
    query = query.order_by(subscription.c.subscriber_id, subscription.c.newsletter_id)
    found: dict[int, list[Subscription]] = {}
    for row in connection.execute(query).mappings():
        each = Subscription(**{**row, "state": SubscriptionState(row["state"])})
        found.setdefault(each.subscriber_id, []).append(each)
    return found


def _lifted(connection: Connection, reader_ids: Sequence[int]) -> dict[int, datetime]:
    query = (
        sa.select(consent.c.subscriber_id, sa.func.max(consent.c.at).label("at"))
        .where(consent.c.subscriber_id.in_(reader_ids), consent.c.kind == ConsentKind.LIFTED)
        .group_by(consent.c.subscriber_id)
    )
    return {row.subscriber_id: row.at for row in connection.execute(query)}
