"""Door to the tables of outgoing webhooks: whom we call, and each call with what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.outbox.hooks import (
    CallState,
    Endpoint,
    EndpointState,
    HookCall,
    HookEvent,
    NewEndpoint,
    event_id_of,
    read_events,
    write_events,
)

webhook_endpoint = sa.Table(
    "webhook_endpoint",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("public_id", sa.String(16), nullable=False, unique=True),
    sa.Column("url", sa.Text, nullable=False),
    sa.Column("events", sa.Text, nullable=False),
    sa.Column("with_address", sa.Boolean, nullable=False),
    sa.Column("salt", sa.String(64), nullable=False),
    sa.Column("former_salt", sa.String(64), nullable=False, server_default=""),
    sa.Column("former_until", UtcDateTime),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("paused_why", sa.Text, nullable=False, server_default=""),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("not_before", UtcDateTime),
    sa.Column("last_ok_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("created_by", sa.String(120), nullable=False),
)

webhook_call = sa.Table(
    "webhook_call",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column(
        "endpoint_id", sa.ForeignKey("webhook_endpoint.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("event_id", sa.String(40), nullable=False),
    sa.Column("event", sa.String(32), nullable=False),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("happened_at", UtcDateTime, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("next_at", UtcDateTime),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("status", sa.Integer),
    sa.Column("reply", sa.Text, nullable=False, server_default=""),
    sa.Column("done_at", UtcDateTime, index=True),
    sa.UniqueConstraint("endpoint_id", "event_id", name="uq_webhook_call_endpoint_id_event_id"),
    sa.Index("ix_webhook_call_endpoint_id_next_at", "endpoint_id", "next_at"),
)
"""Written in the transaction of its cause. `facts` name a reader by our number and never by an
address: who asked for addresses gets them when the call is made, and an erased reader has none.
`next_at` is empty once it is final."""

_WAITING = webhook_call.c.state == CallState.WAITING.value
_LONGEST_REPLY = 300


def tell(
    connection: Connection,
    event: HookEvent,
    *,
    key: str,
    facts: Callable[[], Mapping[str, object]],
    at: datetime,
) -> int:
    """Write one call for each endpoint that asked for this, in the transaction of the cause.

    `key` makes the same event one event; `facts` is only asked when somebody wants to know. Gives
    how many were written.
    """
    query = sa.select(webhook_endpoint.c.id, webhook_endpoint.c.events)
    wanting = [row.id for row in connection.execute(query) if event.value in row.events.split()]
    if not wanting:
        return 0
    told = dict(facts())
    return sum(put_call(connection, each, event, key=key, facts=told, at=at) for each in wanting)


def put_call(
    connection: Connection,
    endpoint_id: int,
    event: HookEvent,
    *,
    key: str,
    facts: Mapping[str, object],
    at: datetime,
) -> bool:
    """Write a call for one endpoint; False when it was written before."""
    values = {
        "endpoint_id": endpoint_id,
        "event_id": event_id_of(event, key),
        "event": event.value,
        "facts": dict(facts),
        "happened_at": at,
        "since": at,
        "state": CallState.WAITING.value,
        "next_at": at,
    }
    row = insert(connection, webhook_call).values(values).on_conflict_do_nothing()
    return connection.execute(row.returning(webhook_call.c.id)).first() is not None


# Endpoints


def add_endpoint(connection: Connection, new: NewEndpoint) -> Endpoint:
    """Write an endpoint; give it as it is kept."""
    row = {
        **asdict(new),
        "events": write_events(new.events),
        "state": EndpointState.ACTIVE.value,
    }
    written = sa.insert(webhook_endpoint).values(row).returning(*webhook_endpoint.c)
    return _endpoint(connection.execute(written).one())


def list_endpoints(connection: Connection) -> list[Endpoint]:
    """List the endpoints, oldest first."""
    query = sa.select(webhook_endpoint).order_by(webhook_endpoint.c.id)
    return [_endpoint(row) for row in connection.execute(query)]


def find_endpoint(connection: Connection, public_id: str) -> Endpoint | None:
    """Find an endpoint by its id."""
    query = sa.select(webhook_endpoint).where(webhook_endpoint.c.public_id == public_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _endpoint(row)


def remove_endpoint(connection: Connection, endpoint_id: int) -> bool:
    """Drop an endpoint with all its calls; False when there is none."""
    calls = sa.delete(webhook_call).where(webhook_call.c.endpoint_id == endpoint_id)
    connection.execute(calls)
    return _changed(connection, sa.delete(webhook_endpoint).where(_is(endpoint_id)))


def change_salt(
    connection: Connection, endpoint: Endpoint, salt: str, *, former_until: datetime
) -> bool:
    """Give an endpoint another secret, unless somebody just did; the old one signs for a while."""
    mine = _is(endpoint.id) & (webhook_endpoint.c.salt == endpoint.salt)
    values = {"salt": salt, "former_salt": endpoint.salt, "former_until": former_until}
    return _changed(connection, sa.update(webhook_endpoint).where(mine).values(values))


def pause(connection: Connection, endpoint_id: int, *, why: str) -> bool:
    """Call an endpoint no more until a person says so; False when it was paused before."""
    active = webhook_endpoint.c.state == EndpointState.ACTIVE.value
    values = {"state": EndpointState.PAUSED.value, "paused_why": _storable(why)}
    return _changed(
        connection, sa.update(webhook_endpoint).where(_is(endpoint_id), active).values(values)
    )


def wake(connection: Connection, endpoint_id: int) -> None:
    """Call an endpoint again from now on, as though it had never failed."""
    values = {
        "state": EndpointState.ACTIVE.value,
        "paused_why": "",
        "failures": 0,
        "failing_since": None,
        "not_before": None,
    }
    connection.execute(sa.update(webhook_endpoint).where(_is(endpoint_id)).values(values))


def note_well(connection: Connection, endpoint_id: int, *, at: datetime) -> None:
    """Write that an endpoint took a call."""
    values = {"failures": 0, "failing_since": None, "not_before": None, "last_ok_at": at}
    connection.execute(sa.update(webhook_endpoint).where(_is(endpoint_id)).values(values))


def note_trouble(
    connection: Connection, endpoint_id: int, *, at: datetime, not_before: datetime | None
) -> None:
    """Write that an endpoint did not take a call; with `not_before` it was away altogether."""
    table = webhook_endpoint.c
    values: dict[str, Any] = {
        "failing_since": sa.func.coalesce(table.failing_since, sa.literal(at, UtcDateTime))
    }
    if not_before is not None:
        values |= {"failures": table.failures + 1, "not_before": not_before}
    connection.execute(sa.update(webhook_endpoint).where(_is(endpoint_id)).values(values))


# Calls


def waiting_endpoints(connection: Connection, *, now: datetime) -> list[Endpoint]:
    """List the endpoints that may be called now and for which a call is due."""
    table = webhook_endpoint.c
    due = sa.exists().where(webhook_call.c.endpoint_id == table.id, _WAITING, _is_due(now))
    query = sa.select(webhook_endpoint).where(
        table.state == EndpointState.ACTIVE.value,
        sa.or_(table.not_before.is_(None), table.not_before <= sa.literal(now, UtcDateTime)),
        due,
    )
    return [_endpoint(row) for row in connection.execute(query.order_by(table.id))]


def due_calls(
    connection: Connection, endpoint_id: int, *, now: datetime, limit: int
) -> list[HookCall]:
    """List the calls that are due at an endpoint, the longest waiting first."""
    mine = webhook_call.c.endpoint_id == endpoint_id
    query = sa.select(webhook_call).where(mine, _WAITING, _is_due(now))
    ordered = query.order_by(webhook_call.c.next_at, webhook_call.c.id).limit(limit)
    return [_call(row) for row in connection.execute(ordered)]


def mark_tried(connection: Connection, tried: HookCall, *, next_at: datetime) -> bool:
    """Count a try before it is made; False when somebody else is at it, or it is final.

    `next_at` is when it is due again should we never come back.
    """
    unseen = _WAITING & (webhook_call.c.attempts == tried.attempts)
    values = {"attempts": tried.attempts + 1, "next_at": next_at}
    return _changed(
        connection, sa.update(webhook_call).where(_one(tried.id), unseen).values(values)
    )


def settle(
    connection: Connection,
    call_id: int,
    state: CallState,
    *,
    status: int | None,
    reply: str,
    next_at: datetime | None = None,
    at: datetime | None = None,
) -> bool:
    """Write what came of a try; `next_at` when it goes on, `at` when it is final."""
    values = {
        "state": state.value,
        "status": status,
        "reply": _storable(reply)[:_LONGEST_REPLY],
        "next_at": next_at,
        "done_at": at,
    }
    return _changed(
        connection, sa.update(webhook_call).where(_one(call_id), _WAITING).values(values)
    )


def calls_of(
    connection: Connection, endpoint_id: int, *, limit: int, before: int | None = None
) -> list[HookCall]:
    """List an endpoint's calls, the newest first, from below a call's number on."""
    query = sa.select(webhook_call).where(webhook_call.c.endpoint_id == endpoint_id)
    if before is not None:
        query = query.where(webhook_call.c.id < before)
    return [
        _call(row)
        for row in connection.execute(query.order_by(webhook_call.c.id.desc()).limit(limit))
    ]


def try_again(connection: Connection, endpoint_id: int, *, now: datetime) -> int:
    """Make all that did not arrive at an endpoint due at once; give how many that is."""
    mine = webhook_call.c.endpoint_id == endpoint_id
    open_ = webhook_call.c.state != CallState.SENT.value
    values = {
        "state": CallState.WAITING.value,
        "next_at": now,
        "since": now,
        "attempts": 0,
        "done_at": None,
    }
    update = sa.update(webhook_call).where(mine, open_).values(values)
    return rows_changed(connection.execute(update))


def drop_old(connection: Connection, *, before: datetime, most: int) -> int:
    """Drop calls that happened before a moment, whatever became of them; give how many."""
    old = webhook_call.c.happened_at < sa.literal(before, UtcDateTime)
    ids = list(connection.scalars(sa.select(webhook_call.c.id).where(old).limit(most)))
    return rows_changed(
        connection.execute(sa.delete(webhook_call).where(webhook_call.c.id.in_(ids)))
    )


def counts_of(connection: Connection) -> dict[tuple[int, CallState], int]:
    """Count the calls by endpoint and state."""
    table = webhook_call.c
    query = sa.select(table.endpoint_id, table.state, sa.func.count().label("n"))
    grouped = query.group_by(table.endpoint_id, table.state)
    return {(row.endpoint_id, CallState(row.state)): row.n for row in connection.execute(grouped)}


def _is(endpoint_id: int) -> sa.ColumnElement[bool]:
    return webhook_endpoint.c.id == endpoint_id


def _one(call_id: int) -> sa.ColumnElement[bool]:
    return webhook_call.c.id == call_id


def _is_due(now: datetime) -> sa.ColumnElement[bool]:
    return webhook_call.c.next_at <= sa.literal(now, UtcDateTime)


def _changed(connection: Connection, statement: sa.Update | sa.Delete) -> bool:
    return rows_changed(connection.execute(statement)) == 1


def _storable(text: str) -> str:
    """Drop what PostgreSQL's text cannot hold: NUL, and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")


def _endpoint(row: sa.Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        public_id=row.public_id,
        url=row.url,
        events=read_events(row.events),
        with_address=row.with_address,
        state=EndpointState(row.state),
        created_at=row.created_at,
        salt=row.salt,
        former_salt=row.former_salt,
        former_until=row.former_until,
        paused_why=row.paused_why,
        failures=row.failures,
        failing_since=row.failing_since,
        not_before=row.not_before,
        last_ok_at=row.last_ok_at,
    )


def _call(row: sa.Row[Any]) -> HookCall:
    return HookCall(
        id=row.id,
        endpoint_id=row.endpoint_id,
        event_id=row.event_id,
        event=HookEvent(row.event),
        facts=row.facts,
        happened_at=row.happened_at,
        since=row.since,
        state=CallState(row.state),
        attempts=row.attempts,
        next_at=row.next_at,
        status=row.status,
        reply=row.reply,
        done_at=row.done_at,
    )
