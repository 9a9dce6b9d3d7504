"""Door to the notices that are due: confirmations, and what editors and operators must hear.

A try is counted before its bytes leave, so two senders never send one at once. An answer that was
lost counts as none: a notice that comes twice does less harm than one that never comes.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta

from digest.clock import Clock
from digest.db import Database
from digest.delivery.backoff import next_probe, next_try
from digest.delivery.model import Cause, DeliveryState, Envelope, Parcel, Reply
from digest.delivery.sendable import objection
from digest.delivery.settle import clean
from digest.errors import DigestError
from digest.log import event
from digest.outbox import store
from digest.outbox.model import Notice, NoticeKind

_log = logging.getLogger(__name__)

_LEASE = timedelta(minutes=15)  # longer than any server may think about one message
_GIVE_UP_AFTER = timedelta(days=2)
_LIMIT = 100

Render = Callable[[Notice], tuple[Envelope, bytes]]


def are_due(database: Database, *, clock: Clock) -> bool:
    """Tell whether any notice waits whose time has come."""
    with database.read() as connection:
        return bool(store.due(connection, now=clock(), limit=1))


def take_notices(
    database: Database,
    *,
    render: Render,
    clock: Clock,
    limit: int = _LIMIT,
    kinds: Collection[NoticeKind] | None = None,
) -> list[Parcel]:
    """Take notices that are due, their try counted; each parcel's `ref` is its notice.

    `kinds` are those that are taken, when it is not all of them.

    What cannot be composed is recorded as failed here.
    """
    with database.read() as connection:
        waiting = store.due(connection, now=clock(), limit=limit, kinds=kinds)
    if not waiting:
        return []
    with database.write() as connection:
        next_at = clock() + _LEASE
        taken = [each for each in waiting if store.mark_tried(connection, each, next_at=next_at)]
    parcels = []
    for notice in taken:
        try:
            envelope, message = render(notice)
        except (DigestError, ValueError) as error:
            _fail(database, notice, f"it cannot be composed: {error}", clock=clock)
            continue
        if problem := objection(envelope, message):
            _fail(database, notice, problem, clock=clock)
            continue
        parcels.append(Parcel(envelope, message, notice))
    return parcels


def untake_notices(database: Database, parcels: Iterable[Parcel], *, now: datetime) -> None:
    """Give notices back that were taken and never offered to a server."""
    with database.write() as connection:
        for parcel in parcels:
            if isinstance(parcel.ref, Notice):
                store.untake(connection, parcel.ref, now=now)


def _fail(database: Database, notice: Notice, words: str, *, clock: Clock) -> None:
    reply = Reply(DeliveryState.FAILED, 0, words, Cause.REFUSED)
    record_notice(database, notice, reply, now=clock())


def record_notice(database: Database, notice: Notice, reply: Reply, *, now: datetime) -> None:
    """Write what became of a notice: sent, failed, or to be tried again."""
    words = clean(f"{reply.code} {reply.text}" if reply.code else reply.text)
    again = _next_try(notice, reply, now)
    with database.write() as connection:
        if reply.state is DeliveryState.ACCEPTED:
            store.mark_sent(connection, notice, at=now, reply=words)
        elif again is None:
            store.mark_failed(connection, notice, at=now, reply=words)
        else:
            store.put_off(connection, notice, next_at=again, reply=words)
    if reply.state is not DeliveryState.ACCEPTED:
        facts = {"notice": notice.id, "kind": notice.kind.value, "code": reply.code}
        event(_log, "notice not accepted", logging.WARNING, again=again, **facts)


def _next_try(notice: Notice, reply: Reply, now: datetime) -> datetime | None:
    """Say when to try again; None when the server refused it, or after two days."""
    if reply.state is DeliveryState.FAILED:
        return None
    tries = notice.attempts + 1
    again = next_try(tries, notice.created_at, now, str(notice.id), give_up_after=_GIVE_UP_AFTER)
    if again is not None and reply.cause is Cause.AWAY:
        return next_probe(tries, now)
    return again
