"""Send the notices that are due: confirmations, and what editors and operators must hear."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from digest.clock import Clock
from digest.db import Database
from digest.delivery.backoff import next_probe, next_try
from digest.delivery.model import DeliveryState, Envelope, Reply, Transport
from digest.delivery.settle import clean
from digest.errors import DigestError
from digest.log import event
from digest.outbox import store
from digest.outbox.model import Notice

_log = logging.getLogger(__name__)

_LEASE = timedelta(minutes=15)  # longer than any server may think about one message
_GIVE_UP_AFTER = timedelta(days=2)
_LIMIT = 100


def send_notices(
    database: Database,
    transport: Transport,
    *,
    render: Callable[[Notice], tuple[Envelope, bytes]],
    clock: Clock,
    stop: Callable[[], bool],
) -> int:
    """Send the notices that are due, up to a hundred; give how many were accepted.

    A try is counted before its bytes leave, so two senders never send one at once. An answer that
    was lost counts as none: a notice that comes twice does less harm than one that never comes.
    """
    with database.read() as connection:
        waiting = store.due(connection, now=clock(), limit=_LIMIT)
    accepted = 0
    for notice in waiting:
        if stop():
            break
        reply = _send(database, transport, notice, render=render, clock=clock)
        if reply is None:
            continue
        accepted += reply.state is DeliveryState.ACCEPTED
        if reply.server_away and not reply.begun:
            break
    return accepted


def _send(
    database: Database,
    transport: Transport,
    notice: Notice,
    *,
    render: Callable[[Notice], tuple[Envelope, bytes]],
    clock: Clock,
) -> Reply | None:
    with database.write() as connection:
        if not store.mark_tried(connection, notice, next_at=clock() + _LEASE):
            return None
    try:
        envelope, message = render(notice)
    except (DigestError, ValueError) as error:
        reply = Reply(DeliveryState.FAILED, 0, f"it cannot be composed: {error}")
    else:
        reply = transport.deliver(envelope, message)
    _record(database, notice, reply, now=clock())
    return reply


def _record(database: Database, notice: Notice, reply: Reply, *, now: datetime) -> None:
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
    if again is not None and reply.server_away and not reply.begun:
        return next_probe(tries, now)
    return again
