"""Door to the tables of readers, subscriptions, consent and suppression: rows in, values out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata
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
    sa.Column("address_hmac", sa.String(64), index=True),
    sa.Column("language", sa.String(35)),
    sa.Column("zone", sa.String(64)),
    sa.Column("hour", sa.Integer),
    sa.Column("format", sa.String(8)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("erased_at", UtcDateTime),
)
"""`address_key` folds case and IDN only: no dots, no plus tags. `address_hmac` is its keyed hash,
so that a query can join the never-mail list without knowing the secret."""

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
    sa.Column("text", sa.Text, nullable=False, server_default=""),
)
"""Append-only: nothing here is ever updated but the IP, which retention nulls."""

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

_CONFIRMED, _PAUSED = SubscriptionState.CONFIRMED, SubscriptionState.PAUSED


def audience(newsletter_id: int, *, now: datetime) -> sa.Select[tuple[int, str, int, str | None]]:
    """Select the readers of a newsletter who are to be mailed, ordered by subscriber_id.

    Columns: subscriber_id, address, topic_mask, language. Confirmed, not paused at `now`, with an
    address, and not on the never-mail list.
    """
    on_list = sa.exists().where(_suppresses(newsletter_id))
    return (
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
            _awake(now),
            subscriber.c.address.is_not(None),
            subscriber.c.erased_at.is_(None),
            ~on_list,
        )
        .order_by(subscription.c.subscriber_id)
    )


def audience_size(
    connection: Connection,
    newsletter_id: int,
    *,
    now: datetime,
    only: Collection[str] | None = None,
) -> int:
    """Count the readers whom an edition sent at `now` would reach; `only` are address keys."""
    people = audience(newsletter_id, now=now).order_by(None)
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
    on_list = sa.exists().where(_suppresses(newsletter_id)).correlate(subscriber)
    row = connection.execute(
        sa.select(
            subscriber.c.address,
            subscriber.c.erased_at,
            subscription.c.state,
            _awake(now).label("awake"),
            on_list.label("suppressed"),
        )
        .select_from(subscriber)
        .outerjoin(
            subscription,
            (subscription.c.subscriber_id == subscriber.c.id)
            & (subscription.c.newsletter_id == newsletter_id),
        )
        .where(subscriber.c.id == subscriber_id)
    ).one_or_none()
    reason = "erased" if row is None or row.erased_at or row.address is None else _refusal(row)
    return not reason, reason


def recipient(
    connection: Connection, subscriber_id: int, newsletter_id: int, *, language: str = ""
) -> Recipient | None:
    """Find what one copy needs of its reader; None when erased or never a subscriber of it.

    `language` is the one planned for the copy.
    """
    row = connection.execute(
        sa.select(
            subscriber.c.id,
            subscriber.c.address,
            subscriber.c.public_id,
            subscription.c.confirmed_at,
            subscription.c.requested_at,
            subscription.c.topic_mask,
            sa.func.coalesce(subscriber.c.format == TEXT, sa.false()),
            sa.literal(language),
        )
        .join(subscription, subscription.c.subscriber_id == subscriber.c.id)
        .where(
            subscriber.c.id == subscriber_id,
            subscription.c.newsletter_id == newsletter_id,
            subscriber.c.address.is_not(None),
        )
    ).one_or_none()
    return None if row is None else Recipient(*row)


def insert_subscriber(connection: Connection, new: NewSubscriber) -> Subscriber:
    """Write a reader unless the address is known; give the reader there is then.

    Until the transaction ends nobody else changes this reader: two sign-ups at once stand in line.
    """
    connection.execute(insert(connection, subscriber).values(asdict(new)).on_conflict_do_nothing())
    found = lock_subscriber(connection, address_key=new.address_key)
    if found is None:
        raise LookupError("a public id was drawn twice")  # 96 random bits: a broken generator
    return found


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


def lock_subscriber(connection: Connection, **where: str) -> Subscriber | None:
    """Find a reader by `address_key` or `public_id`, for update; None when unknown or erased."""
    query = _subscribers_where(where).with_for_update(of=subscriber)
    return _one_subscriber(connection, query)


def find_subscriber(connection: Connection, **where: str | int) -> Subscriber | None:
    """Find a reader by `address_key`, `public_id` or `id`; None when unknown or erased."""
    return _one_subscriber(connection, _subscribers_where(where))


def list_subscribers(
    connection: Connection,
    newsletter_id: int,
    *,
    state: SubscriptionState | None = None,
    after: int = 0,
    limit: int = 1000,
) -> list[tuple[Subscriber, Subscription]]:
    """List readers of a newsletter by id, a page at a time; the erased are left out."""
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
    rows = connection.execute(query).all()
    width = len(_SUBSCRIBER)
    return [(Subscriber(*row[:width]), _subscription(row[width:])) for row in rows]


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
    rows = connection.execute(
        sa.select(subscription)
        .where(subscription.c.subscriber_id == subscriber_id)
        .order_by(subscription.c.newsletter_id)
    )
    return [_subscription(row) for row in rows]


def save_subscription(connection: Connection, standing: Subscription) -> None:
    """Write a reader's standing with one newsletter, whether there was one or not."""
    values = asdict(standing)
    key = ["subscriber_id", "newsletter_id"]
    changed = {name: value for name, value in values.items() if name not in key}
    connection.execute(
        insert(connection, subscription)
        .values(values)
        .on_conflict_do_update(index_elements=key, set_=changed)
    )


def standing_of(connection: Connection, public_id: str) -> Standing | None:
    """Find whom a signed link is about; None when there is no such reader."""
    row = connection.execute(
        sa.select(subscriber.c.id, subscriber.c.address).where(subscriber.c.public_id == public_id)
    ).one_or_none()
    if row is None:
        return None
    return Standing(row.address, tuple(subscriptions_of(connection, row.id)))


def append_consent(connection: Connection, subscriber_id: int, line: Consent) -> None:
    """Add a line to the log of consent."""
    connection.execute(
        sa.insert(consent).values(
            subscriber_id=subscriber_id,
            newsletter_id=line.newsletter_id,
            kind=line.kind,
            at=line.act.at,
            via=line.act.via,
            ip=line.act.ip,
            text=_storable(line.act.text),
        )
    )


def consents_of(connection: Connection, subscriber_id: int) -> list[Consent]:
    """List the log of one reader, oldest first."""
    rows = connection.execute(
        sa.select(consent).where(consent.c.subscriber_id == subscriber_id).order_by(consent.c.id)
    )
    return [
        Consent(
            ConsentKind(row.kind),
            row.newsletter_id,
            Act(at=row.at, via=row.via, ip=row.ip, text=row.text),
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


def _suppresses(newsletter_id: int) -> sa.ColumnElement[bool]:
    slug = sa.select(_newsletter.c.slug).where(_newsletter.c.id == newsletter_id).scalar_subquery()
    return (suppression.c.address_hmac == subscriber.c.address_hmac) & (
        (suppression.c.scope == EVERYTHING) | (suppression.c.scope == slug)
    )


def _awake(now: datetime) -> sa.ColumnElement[bool]:
    """Tell that no pause holds at `now`; a pause without an end holds until the reader ends it."""
    until = subscription.c.paused_until
    over = until <= sa.literal(now, UtcDateTime)
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
)
"""In the order of the fields of Subscriber."""


def _subscribers_where(where: Mapping[str, str | int]) -> sa.Select[Any]:
    same = [subscriber.c[name] == value for name, value in where.items()]
    return sa.select(*_SUBSCRIBER).where(subscriber.c.address.is_not(None), *same)


def _one_subscriber(connection: Connection, query: sa.Select[Any]) -> Subscriber | None:
    row = connection.execute(query).one_or_none()
    return None if row is None else Subscriber(*row)


def _subscription(row: Sequence[Any]) -> Subscription:
    values = dict(zip(subscription.c.keys(), row, strict=True))
    return Subscription(**{**values, "state": SubscriptionState(values["state"])})


def _storable(text: str) -> str:
    """Drop what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
