"""Door to the tables of readers, subscriptions, consent and suppression: rows in, values out."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, insert_for, metadata
from subscribers.model import (
    EVERYTHING,
    TEXT,
    Act,
    Consent,
    ConsentKind,
    NewSubscriber,
    Recipient,
    Standing,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)

subscriber = sa.Table(
    "subscriber",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("public_id", sa.String(32), nullable=False, unique=True),
    sa.Column("address", sa.Text),
    sa.Column("address_key", sa.String(400), nullable=False, unique=True),
    sa.Column("address_hmac", sa.String(64)),
    sa.Column("language", sa.String(35)),
    sa.Column("zone", sa.String(64)),
    sa.Column("hour", sa.Integer),
    sa.Column("format", sa.String(8)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("active_at", UtcDateTime),
    sa.Column("erased_at", UtcDateTime),
)
"""`address_key` folds case and IDN only: no dots, no plus tags. `address_hmac` is its keyed hash,
so that a query can join the never-mail list without knowing the secret. It has no index: it is
random, and on a million readers an index of it costs an import more than all else it writes. Who
looks a reader up by it reads the whole table, so never while others wait, and once for many."""

subscription = sa.Table(
    "subscription",
    metadata,
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("paused_until", UtcDateTime),
    sa.Column("topic_mask", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("requested_at", UtcDateTime),
    sa.Column("confirmed_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
    sa.Index(None, "newsletter_id", "state", "subscriber_id"),
)

subscriber_tag = sa.Table(
    "subscriber_tag",
    metadata,
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("tag", sa.String(64), primary_key=True),
    sa.Index(None, "tag", "subscriber_id"),
)
"""The publisher's own marks on readers, lower case; never shown to anybody else."""

pending_address = sa.Table(
    "pending_address",
    metadata,
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), primary_key=True),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("address_key", sa.String(400), nullable=False),
    sa.Column("asked_at", UtcDateTime, nullable=False),
)
"""A change of address that waits to be confirmed at the new one: the last asked for counts."""

wording = sa.Table(
    "wording",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("sha256", sa.String(64), nullable=False, unique=True),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
)
"""Every wording of a form or page that anybody consented by, kept for ever: its version."""

consent = sa.Table(
    "consent",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("subscriber_id", sa.ForeignKey("subscriber.id"), nullable=False, index=True),
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id")),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("via", sa.String(32), nullable=False),
    sa.Column("ip", sa.String(45)),
    sa.Column("source", sa.Text, nullable=False, server_default=""),
    sa.Column("wording_id", sa.ForeignKey("wording.id")),
)
"""Append-only: nothing here is ever updated but the IP, which retention nulls, and what erasing a
reader empties; `forget_store` alone does either."""

sa.Index(
    None,
    consent.c.at,
    sqlite_where=consent.c.ip.is_not(None),
    postgresql_where=consent.c.ip.is_not(None),
)
"""Only the lines that have an IP: retention looks for the old ones among them each hour."""

suppression = sa.Table(
    "suppression",
    metadata,
    sa.Column("address_hmac", sa.String(64), primary_key=True),
    sa.Column("scope", sa.String(64), primary_key=True),
    sa.Column("reason", sa.String(32), nullable=False),
    sa.Column("norm_version", sa.Integer, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Who is never mailed; `scope` is a newsletter's slug or "all". Its key never rotates."""

_newsletter = sa.table("newsletter", sa.column("id", sa.BigInteger), sa.column("slug", sa.String))
"""Only the names of the columns: this room lies below the one that owns the table."""

_ANEW = 3
_CONFIRMED, _PAUSED = SubscriptionState.CONFIRMED, SubscriptionState.PAUSED


def audience(
    newsletter_id: int,
    *,
    now: datetime,
    among: sa.ColumnElement[bool] | None = None,
    after: int | None = None,
    upto: int | None = None,
) -> sa.Select[tuple[int, str, int, str | None]]:
    """Select the readers of a newsletter who are to be mailed, ordered by subscriber_id.

    Columns: subscriber_id, address, topic_mask, language. Confirmed, not paused at `now`, with an
    address, and not on the never-mail list. `among` is a segment's condition; of `after` and
    `upto` only the latter is included.
    """
    on_list = sa.exists().where(suppresses(newsletter_id))
    query = (
        sa.select(
            subscription.c.subscriber_id,
            subscriber.c.address,
            subscription.c.topic_mask,
            subscriber.c.language,
        )
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(
            subscription.c.newsletter_id == newsletter_id,
            subscription.c.state.in_([_CONFIRMED, _PAUSED]),
            awake(now),
            subscriber.c.address.is_not(None),
            subscriber.c.erased_at.is_(None),
            ~on_list,
        )
        .order_by(subscription.c.subscriber_id)
    )
    # The bounds stand on both tables: whichever the database begins with, it reads a range of it.
    if after is not None:
        query = query.where(subscription.c.subscriber_id > after, subscriber.c.id > after)
    if upto is not None:
        query = query.where(subscription.c.subscriber_id <= upto, subscriber.c.id <= upto)
    return query if among is None else query.where(among)


def audience_reach(
    connection: Connection, newsletter_id: int, *, after: int, count: int
) -> int | None:
    """Give an id up to which there are at most about `count` readers to look at after another one.

    None when fewer are left. Only the index of standings is read, whoever is then left out.
    """
    reached = [
        connection.scalar(
            sa.select(subscription.c.subscriber_id)
            .where(
                subscription.c.newsletter_id == newsletter_id,
                subscription.c.state == state,
                subscription.c.subscriber_id > after,
            )
            .order_by(subscription.c.subscriber_id)
            .limit(1)
            .offset(count - 1)
        )
        for state in (_CONFIRMED, _PAUSED)
    ]
    return min((each for each in reached if each is not None), default=None)


def audience_size(
    connection: Connection,
    newsletter_id: int,
    *,
    now: datetime,
    only: Collection[str] | None = None,
    among: sa.ColumnElement[bool] | None = None,
) -> int:
    """Count the readers whom an edition sent at `now` would reach; `only` are address keys.

    `among` is a segment's condition.
    """
    people = audience(newsletter_id, now=now, among=among).order_by(None)
    if only is not None:
        people = people.where(subscriber.c.address_key.in_(list(only)))
    count = sa.select(sa.func.count()).select_from(people.subquery())
    return connection.execute(count).scalar_one()


def may_mail(
    connection: Connection, subscriber_id: int, newsletter_id: int, *, now: datetime
) -> tuple[bool, str]:
    """Ask, right before a message leaves, whether it still may; the reason if not.

    Reasons: "erased", "suppressed", "unsubscribed", "unconfirmed", "paused".
    """
    given = {"reader": subscriber_id, "newsletter": newsletter_id, "now": now}
    row = connection.execute(_may_mail(), given).one_or_none()
    reason = "erased" if row is None or row.erased_at or row.address is None else _refusal(row)
    return not reason, reason


def recipient(
    connection: Connection, subscriber_id: int, newsletter_id: int, *, language: str = ""
) -> Recipient | None:
    """Find what one copy needs of its reader; None when erased or never a subscriber of it.

    `language` is the one planned for the copy.
    """
    given = {"reader": subscriber_id, "newsletter": newsletter_id}
    row = connection.execute(_recipient(), given).one_or_none()
    if row is None:
        return None
    values: list[Any] = [*row, language]
    return Recipient(*values)


def insert_subscriber(connection: Connection, new: NewSubscriber) -> Subscriber:
    """Write a reader unless the address is known; give the reader there is then.

    Until the transaction ends nobody else changes this reader: two sign-ups at once stand in line.
    """
    row = insert(connection, subscriber).values(asdict(new)).on_conflict_do_nothing()
    for _ in range(_ANEW):
        connection.execute(row)
        found = lock_subscriber(connection, address_key=new.address_key)
        if found is not None:
            return found
        # Who had the address was erased, or moved, while we waited for them.
    raise LookupError("a public id was drawn twice")  # 96 random bits: a broken generator


def set_manner(
    connection: Connection, subscriber_id: int, *, language: str | None, text_only: bool | None
) -> None:
    """Write how a reader gets their letters: in which language, and as text alone or not.

    None leaves as it is what they have.
    """
    told: dict[str, str | None] = {}
    if language is not None:
        told["language"] = language
    if text_only is not None:
        told["format"] = TEXT if text_only else None
    if told:
        mine = sa.update(subscriber).where(subscriber.c.id == subscriber_id)
        connection.execute(mine.values(told))


def address_key_of(connection: Connection, subscriber_id: int) -> str:
    """Give the folded address of a reader."""
    key = sa.select(subscriber.c.address_key).where(subscriber.c.id == subscriber_id)
    found: str = connection.execute(key).scalar_one()
    return found


def mark_active(connection: Connection, subscriber_id: int, *, at: datetime) -> None:
    """Write that a reader did something themselves."""
    connection.execute(_mark_active(), {"reader": subscriber_id, "active_at": at})


def lift_suppression(
    connection: Connection, address_hmac: str, *, reason: SuppressionReason
) -> list[str]:
    """Take an address off the never-mail list where it stands for this reason; give the scopes."""
    off = (
        sa.delete(suppression)
        .where(suppression.c.address_hmac == address_hmac, suppression.c.reason == reason)
        .returning(suppression.c.scope)
    )
    return list(connection.execute(off).scalars())


def lock_subscriber(connection: Connection, **where: str) -> Subscriber | None:
    """Find a reader by `address_key` or `public_id`, for update; None when unknown or erased."""
    (name,) = where
    return _one_subscriber(connection, _locking(name), where)


def find_subscriber(connection: Connection, **where: str | int) -> Subscriber | None:
    """Find a reader by `address_key`, `public_id` or `id`; None when unknown or erased."""
    (name,) = where
    return _one_subscriber(connection, _finding(name), where)


def list_subscribers(
    connection: Connection,
    newsletter_id: int,
    *,
    state: SubscriptionState | None = None,
    among: sa.ColumnElement[bool] | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[tuple[Subscriber, Subscription]]:
    """List readers of a newsletter by id, a page at a time; the erased are left out.

    `among` is a segment's condition.
    """
    query = (
        sa.select(*_SUBSCRIBER, *subscription.c)
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(
            subscription.c.newsletter_id == newsletter_id,
            subscriber.c.id > after,
            subscriber.c.address.is_not(None),
        )
        .order_by(subscriber.c.id)
        .limit(limit)
    )
    if state is not None:
        query = query.where(subscription.c.state == state)
    if among is not None:
        query = query.where(among)
    rows = connection.execute(query).all()
    width = len(_SUBSCRIBER)
    return [(Subscriber(*row[:width]), _subscription(row[width:])) for row in rows]


def count_listed(
    connection: Connection, newsletter_id: int, *, among: sa.ColumnElement[bool] | None = None
) -> int:
    """Count the readers that `list_subscribers` lists."""
    query = (
        sa.select(sa.func.count())
        .select_from(subscription)
        .join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
        .where(subscription.c.newsletter_id == newsletter_id, subscriber.c.address.is_not(None))
    )
    return connection.execute(query if among is None else query.where(among)).scalar_one()


def count_subscribers(connection: Connection) -> int:
    """Count the readers we know, whatever they get; the erased are left out."""
    known = sa.select(sa.func.count()).where(subscriber.c.address.is_not(None))
    return connection.execute(known).scalar_one()


def count_by_state(connection: Connection, newsletter_id: int) -> dict[SubscriptionState, int]:
    """Count a newsletter's readers in each state; every state has its number."""
    rows = connection.execute(
        sa.select(subscription.c.state, sa.func.count())
        .where(subscription.c.newsletter_id == newsletter_id)
        .group_by(subscription.c.state)
    )
    counts = {SubscriptionState(state): count for state, count in rows}
    return {state: counts.get(state, 0) for state in SubscriptionState}


def find_subscription(
    connection: Connection, subscriber_id: int, newsletter_id: int
) -> Subscription | None:
    """Find a reader's standing with one newsletter."""
    found = subscriptions_of(connection, subscriber_id)
    return next((one for one in found if one.newsletter_id == newsletter_id), None)


def subscriptions_of(connection: Connection, subscriber_id: int) -> list[Subscription]:
    """List a reader's subscriptions, by newsletter."""
    rows = connection.execute(_subscriptions(), {"reader": subscriber_id})
    return [_subscription(row) for row in rows]


_STANDING = tuple(column.name for column in subscription.c)


def save_subscription(connection: Connection, standing: Subscription) -> None:
    """Write a reader's standing with one newsletter, whether there was one or not."""
    values = {each: getattr(standing, each) for each in _STANDING}
    connection.execute(_save_subscription(connection.dialect.name), values)


def standing_of(connection: Connection, public_id: str) -> Standing | None:
    """Find whom a signed link is about; None when there is no such reader."""
    row = connection.execute(
        sa.select(subscriber.c.id, subscriber.c.address).where(subscriber.c.public_id == public_id)
    ).one_or_none()
    if row is None:
        return None
    return Standing(row.address, tuple(subscriptions_of(connection, row.id)))


def wording_id(connection: Connection, text: str, *, at: datetime) -> int | None:
    """Give the number of a wording, writing it when it is new; nothing for no words."""
    text = _storable(text)
    if not text:
        return None
    digest = hashlib.sha256(text.encode()).hexdigest()
    known = _wording()
    given = {"sha256": digest}
    found: int | None = connection.execute(known, given).scalar_one_or_none()
    if found is None:
        values = {"sha256": digest, "text": text, "first_at": at}
        connection.execute(insert(connection, wording).values(values).on_conflict_do_nothing())
        found = connection.execute(known, given).scalar_one()
    return found


def append_consent(connection: Connection, subscriber_id: int, line: Consent) -> None:
    """Add a line to the log of consent."""
    values = {
        "subscriber_id": subscriber_id,
        "newsletter_id": line.newsletter_id,
        "kind": line.kind,
        "at": line.act.at,
        "via": line.act.via,
        "ip": line.act.ip,
        "source": _storable(line.act.source),
        "wording_id": wording_id(connection, line.act.text, at=line.act.at),
    }
    connection.execute(_append_consent(), values)


def consents_of(connection: Connection, subscriber_id: int) -> list[Consent]:
    """List the log of one reader, oldest first."""
    rows = connection.execute(
        sa.select(consent, sa.func.coalesce(wording.c.text, "").label("text"))
        .outerjoin(wording, wording.c.id == consent.c.wording_id)
        .where(consent.c.subscriber_id == subscriber_id)
        .order_by(consent.c.id)
    )
    return [
        Consent(
            ConsentKind(row.kind),
            row.newsletter_id,
            Act(at=row.at, via=row.via, ip=row.ip, text=row.text, source=row.source),
            row.wording_id,
        )
        for row in rows
    ]


def last_asked(connection: Connection, subscriber_id: int) -> dict[int, datetime]:
    """Find when each newsletter was last asked for with this reader's address."""
    rows = connection.execute(
        sa.select(consent.c.newsletter_id, sa.func.max(consent.c.at).label("at"))
        .where(consent.c.subscriber_id == subscriber_id, consent.c.kind == ConsentKind.ASKED)
        .group_by(consent.c.newsletter_id)
    )
    return {row.newsletter_id: row.at for row in rows}


def insert_suppression(
    connection: Connection,
    address_hmac: str,
    *,
    scope: str,
    reason: SuppressionReason,
    norm_version: int,
    at: datetime,
) -> bool:
    """Put an address on the never-mail list; False when it stood there already."""
    row = insert(connection, suppression).values(
        address_hmac=address_hmac,
        scope=scope,
        reason=reason,
        norm_version=norm_version,
        at=at,
    )
    # The row itself tells: psycopg counts no rows for an INSERT that SQLAlchemy runs.
    written = row.on_conflict_do_nothing().returning(suppression.c.scope)
    return connection.execute(written).one_or_none() is not None


def suppressed_newsletters(
    connection: Connection, address_hmac: str, newsletter_ids: Iterable[int]
) -> dict[int, SuppressionReason]:
    """Find which of these newsletters may never be sent to an address, each with the reason."""
    rows = connection.execute(
        sa.select(_newsletter.c.id, suppression.c.reason)
        .join(suppression, suppression.c.scope.in_([EVERYTHING, _newsletter.c.slug]))
        .where(
            suppression.c.address_hmac == address_hmac,
            _newsletter.c.id.in_(list(newsletter_ids)),
        )
    )
    return {newsletter_id: SuppressionReason(reason) for newsletter_id, reason in rows}


def newsletters_in(connection: Connection, scope: str) -> list[int]:
    """Give the ids a scope of suppression covers: one newsletter's, or all."""
    query = sa.select(_newsletter.c.id).order_by(_newsletter.c.id)
    if scope != EVERYTHING:
        query = query.where(_newsletter.c.slug == scope)
    return list(connection.execute(query).scalars())


def state_now(standing: sa.FromClause, now: datetime) -> sa.ColumnElement[str]:
    """Give where a reader stands at `now`: a pause that is over is none. See `state_at`."""
    columns = standing.c
    until = columns.paused_until
    paused = (until > sa.literal(now, UtcDateTime)) | (until.is_(None) & (columns.state == _PAUSED))
    joined = sa.case((paused, _PAUSED.value), else_=_CONFIRMED.value)
    return sa.case((columns.state.in_([_CONFIRMED, _PAUSED]), joined), else_=columns.state)


def suppresses(newsletter_id: int | sa.BindParameter[int]) -> sa.ColumnElement[bool]:
    """Tell, for a query over readers, whether a row of the never-mail list keeps one out."""
    slug = sa.select(_newsletter.c.slug).where(_newsletter.c.id == newsletter_id).scalar_subquery()
    # A list, not an OR: both columns of the primary key are looked up at once.
    return (suppression.c.address_hmac == subscriber.c.address_hmac) & suppression.c.scope.in_(
        [sa.literal(EVERYTHING), slug]
    )


def awake(now: datetime | sa.BindParameter[datetime]) -> sa.ColumnElement[bool]:
    """Tell that no pause holds at `now`; a pause without an end holds until the reader ends it."""
    until = subscription.c.paused_until
    over = until <= (sa.literal(now, UtcDateTime) if isinstance(now, datetime) else now)
    return over | (until.is_(None) & (subscription.c.state != _PAUSED))


def _refusal(row: sa.Row[Any]) -> str:
    if row.suppressed:
        return "suppressed"
    if row.state in {_CONFIRMED, _PAUSED}:
        return "" if row.awake else "paused"
    return str(row.state or SubscriptionState.UNSUBSCRIBED)


_SUBSCRIBER = (
    subscriber.c.id,
    subscriber.c.public_id,
    subscriber.c.address,
    subscriber.c.language,
    subscriber.c.created_at,
    subscriber.c.address_hmac,
    sa.func.coalesce(subscriber.c.format == TEXT, sa.false()),
    subscriber.c.zone,
    subscriber.c.hour,
    subscriber.c.active_at,
)
"""In the order of the fields of Subscriber."""


# What stands below is built once: building a statement costs five times what running it does, and
# these run for every message that leaves and every reader who does.


@cache
def _may_mail() -> sa.Select[Any]:
    newsletter = sa.bindparam("newsletter", type_=sa.BigInteger)
    on_list = sa.exists().where(suppresses(newsletter)).correlate(subscriber)
    return (
        sa.select(
            subscriber.c.address,
            subscriber.c.erased_at,
            subscription.c.state,
            awake(sa.bindparam("now", type_=UtcDateTime)).label("awake"),
            on_list.label("suppressed"),
        )
        .select_from(subscriber)
        .outerjoin(
            subscription,
            (subscription.c.subscriber_id == subscriber.c.id)
            & (subscription.c.newsletter_id == newsletter),
        )
        .where(subscriber.c.id == sa.bindparam("reader"))
    )


@cache
def _recipient() -> sa.Select[Any]:
    return (
        sa.select(
            subscriber.c.id,
            subscriber.c.address,
            subscriber.c.public_id,
            subscription.c.confirmed_at,
            subscription.c.requested_at,
            subscription.c.topic_mask,
            sa.func.coalesce(subscriber.c.format == TEXT, sa.false()),
        )
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(
            subscriber.c.id == sa.bindparam("reader"),
            subscription.c.newsletter_id == sa.bindparam("newsletter"),
            subscriber.c.address.is_not(None),
        )
    )


@cache
def _mark_active() -> sa.Update:
    return sa.update(subscriber).where(subscriber.c.id == sa.bindparam("reader"))


@cache
def _finding(name: str) -> sa.Select[Any]:
    same = subscriber.c[name] == sa.bindparam(name)
    return sa.select(*_SUBSCRIBER).where(subscriber.c.address.is_not(None), same)


@cache
def _locking(name: str) -> sa.Select[Any]:
    return _finding(name).with_for_update(of=subscriber)


@cache
def _subscriptions() -> sa.Select[Any]:
    mine = subscription.c.subscriber_id == sa.bindparam("reader")
    return sa.select(subscription).where(mine).order_by(subscription.c.newsletter_id)


@cache
def _save_subscription(dialect: str) -> sqlite.Insert | postgresql.Insert:
    row = insert_for(dialect, subscription)
    key = ["subscriber_id", "newsletter_id"]
    others = [each.name for each in subscription.c if each.name not in key]
    changed = {name: row.excluded[name] for name in others}
    return row.on_conflict_do_update(index_elements=key, set_=changed)


@cache
def _append_consent() -> sa.Insert:
    return sa.insert(consent)


@cache
def _wording() -> sa.Select[Any]:
    return sa.select(wording.c.id).where(wording.c.sha256 == sa.bindparam("sha256"))


def _one_subscriber(
    connection: Connection, query: sa.Select[Any], where: Mapping[str, str | int]
) -> Subscriber | None:
    row = connection.execute(query, where).one_or_none()
    return None if row is None else Subscriber(*row)


def _subscription(row: Sequence[Any]) -> Subscription:
    values = dict(zip(subscription.c.keys(), row, strict=True))
    return Subscription(**{**values, "state": SubscriptionState(values["state"])})


def _storable(text: str) -> str:
    """Drop what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
