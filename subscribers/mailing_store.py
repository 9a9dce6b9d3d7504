"""Door to who may be mailed at this moment: asked for many at once, right before they are."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, among_given, at_once, given_ids, rows_at_once
from subscribers.model import TEXT, Recipient, SubscriptionState
from subscribers.store import awake, subscriber, subscription, suppresses

_JOINED = frozenset({SubscriptionState.CONFIRMED.value, SubscriptionState.PAUSED.value})

Addressee = Recipient | str
"""What a copy needs of its reader, or why they get none: "erased", "suppressed", "unsubscribed",
"unconfirmed", "paused"."""


def addressees(
    connection: Connection, newsletter_id: int, languages: Mapping[int, str], *, now: datetime
) -> dict[int, Addressee]:
    """Look at readers of a newsletter as they are now, by id, each with the language of their copy.

    What was planned is what is sent: the language is the planner's to say. Whoever is not there at
    all is "erased". A recipient's `confirmed_at` is when they asked, where nothing was confirmed.
    """
    dialect = connection.dialect.name
    given = {"newsletter": newsletter_id, "now": now, "ids": given_ids(dialect, languages)}
    found: dict[int, Addressee] = {}
    for (
        reader,
        address,
        public_id,
        since,
        topics,
        text_only,
        state,
        is_awake,
        barred,
    ) in rows_at_once(connection, _addressees(dialect), given):
        if address is None:
            found[reader] = "erased"
        elif barred:
            found[reader] = "suppressed"
        elif state not in _JOINED:
            found[reader] = state or SubscriptionState.UNSUBSCRIBED.value
        elif not is_awake:
            found[reader] = "paused"
        else:
            asked = UtcDateTime.of(since)
            found[reader] = Recipient(
                reader, address, public_id, asked, None, topics, text_only, languages[reader]
            )
    for reader in languages.keys() - found.keys():
        found[reader] = "erased"
    return found


@cache
def _addressees(dialect: str) -> sa.Select[Any]:
    newsletter = sa.bindparam("newsletter", type_=sa.BigInteger)
    on_list = sa.exists().where(suppresses(newsletter)).correlate(subscriber)
    mine = subscription.c.subscriber_id == subscriber.c.id
    here = sa.case((subscriber.c.erased_at.is_(None), subscriber.c.address), else_=None)
    query = (
        sa.select(
            subscriber.c.id,
            here.label("address"),
            subscriber.c.public_id,
            sa.func.coalesce(subscription.c.confirmed_at, subscription.c.requested_at).label("at"),
            subscription.c.topic_mask,
            sa.func.coalesce(subscriber.c.format == TEXT, sa.false()).label("text_only"),
            subscription.c.state,
            awake(sa.bindparam("now", type_=UtcDateTime)).label("awake"),
            on_list.label("barred"),
        )
        .select_from(
            subscriber.outerjoin(subscription, mine & (subscription.c.newsletter_id == newsletter))
        )
        .where(among_given(dialect, subscriber.c.id, sa.bindparam("ids")))
    )
    return at_once(dialect, query)
