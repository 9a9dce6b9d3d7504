"""Door to many readers at once: figures about them, marks on them, why some are never mailed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert
from subscribers.change_store import What, audience_change
from subscribers.model import SubscriptionState, SuppressionReason
from subscribers.store import (
    state_now,
    subscriber,
    subscriber_tag,
    subscription,
    suppression,
)

Condition = sa.ColumnElement[bool] | None
"""A segment's condition on the row of a reader; None: everybody."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """How many came to a newsletter and how many left it since a moment."""

    joined: int = 0
    left: int = 0


def count_readers(connection: Connection, among: Condition) -> int:
    """Count readers; the erased are left out."""
    known = _known(sa.select(sa.func.count()).select_from(subscriber), among)
    found: int = connection.execute(known).scalar_one()
    return found


def count_states(
    connection: Connection, among: Condition, *, now: datetime
) -> dict[int, dict[SubscriptionState, int]]:
    """Count the readers in each state by newsletter; a pause that is over is none."""
    state = state_now(subscription, now)
    query = _standing(sa.select(subscription.c.newsletter_id, state, sa.func.count()), among)
    found: dict[int, dict[SubscriptionState, int]] = {}
    for newsletter_id, name, count in connection.execute(
        query.group_by(subscription.c.newsletter_id, state)
    ):
        found.setdefault(newsletter_id, {})[SubscriptionState(name)] = count
    return found


def count_languages(connection: Connection, among: Condition) -> dict[str, int]:
    """Count readers by the language they told, most first; empty: they told none."""
    tag = sa.func.lower(sa.func.replace(sa.func.coalesce(subscriber.c.language, ""), "_", "-"))
    count = sa.func.count()
    query = _known(sa.select(tag, count).select_from(subscriber), among)
    rows = connection.execute(query.group_by(tag).order_by(count.desc(), tag))
    return {row[0]: row[1] for row in rows}


def count_turnover(
    connection: Connection, among: Condition, *, since: datetime
) -> dict[int, Turnover]:
    """Count who joined and who left by newsletter since a moment."""
    moment = sa.literal(since, UtcDateTime)
    counted = [
        sa.func.count().filter(column >= moment)
        for column in (subscription.c.confirmed_at, subscription.c.ended_at)
    ]
    query = _standing(sa.select(subscription.c.newsletter_id, *counted), among)
    rows = connection.execute(query.group_by(subscription.c.newsletter_id))
    return {row[0]: Turnover(row[1], row[2]) for row in rows}


def count_roles(connection: Connection, among: Condition, roles: Collection[str]) -> int:
    """Count the addresses of offices: whose part before the @, and before a plus, is one of these.

    The rule is that of `address.is_role`, asked where the rows lie.
    """
    find = sa.func.instr if connection.dialect.name == "sqlite" else sa.func.strpos
    key = subscriber.c.address_key
    local = sa.func.substr(key, 1, find(key, "@") - 1).concat("+")
    bare = sa.func.substr(local, 1, find(local, "+") - 1)
    query = sa.select(sa.func.count()).select_from(subscriber).where(bare.in_(sorted(roles)))
    found: int = connection.execute(_known(query, among)).scalar_one()
    return found


def reasons_of(
    connection: Connection, hashes: Collection[str]
) -> dict[tuple[str, str], SuppressionReason]:
    """Give why addresses are never mailed, by address and scope."""
    rows = connection.execute(
        sa.select(suppression.c.address_hmac, suppression.c.scope, suppression.c.reason).where(
            suppression.c.address_hmac.in_(sorted(hashes))
        )
    )
    return {(row.address_hmac, row.scope): SuppressionReason(row.reason) for row in rows}


def next_readers(
    connection: Connection, among: Condition, *, after: int, limit: int
) -> list[tuple[int, str]]:
    """List readers by id with their public ids, from the one after `after`."""
    query = _known(sa.select(subscriber.c.id, subscriber.c.public_id), among)
    later = query.where(subscriber.c.id > after).order_by(subscriber.c.id).limit(limit)
    return [(row.id, row.public_id) for row in connection.execute(later)]


def add_tag(connection: Connection, tag: str, subscriber_ids: Collection[int]) -> list[int]:
    """Mark readers; give those who had it not."""
    rows = [{"subscriber_id": each, "tag": tag} for each in sorted(subscriber_ids)]
    if not rows:
        return []
    row = insert(connection, subscriber_tag).values(rows)
    written = row.on_conflict_do_nothing().returning(subscriber_tag.c.subscriber_id)
    return list(connection.execute(written).scalars())


def drop_tag(connection: Connection, tag: str, subscriber_ids: Collection[int]) -> list[int]:
    """Take a mark off readers; give those who had it."""
    mine = subscriber_tag.c.subscriber_id.in_(sorted(subscriber_ids))
    gone = sa.delete(subscriber_tag).where(subscriber_tag.c.tag == tag, mine)
    return list(connection.execute(gone.returning(subscriber_tag.c.subscriber_id)).scalars())


def tell_changed(connection: Connection, subscriber_ids: Collection[int], *, at: datetime) -> None:
    """Tell the feed of changes that something about these readers is different."""
    rows = [
        {"subscriber_id": each, "newsletter_id": None, "what": What.CHANGED.value, "at": at}
        for each in subscriber_ids
    ]
    if rows:
        connection.execute(sa.insert(audience_change), rows)


def _known(query: sa.Select[Any], among: Condition) -> sa.Select[Any]:
    query = query.where(subscriber.c.address.is_not(None))
    return query if among is None else query.where(among)


def _standing(query: sa.Select[Any], among: Condition) -> sa.Select[Any]:
    joined = query.select_from(
        subscription.join(subscriber, subscriber.c.id == subscription.c.subscriber_id)
    )
    return _known(joined, among)
