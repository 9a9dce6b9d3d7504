"""Door to the tables of sources and articles: rows in, values out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, metadata
from digest.sources.cleaning import one_line
from digest.sources.model import (
    SourceKind,
    SourceSpec,
    SourceState,
)

source = sa.Table(
    "source",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("name", sa.String(64), nullable=False, unique=True),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("address", sa.Text, nullable=False),
    sa.Column("origin", sa.String(8), nullable=False),
    sa.Column("etag", sa.Text),
    sa.Column("last_modified", sa.Text),
    sa.Column("first_ok_at", UtcDateTime),
    sa.Column("last_ok_at", UtcDateTime),
    sa.Column("last_tried_at", UtcDateTime),
    sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
    sa.Column("error", sa.Text),
    sa.Column("warning", sa.Text),
    sa.Column("next_poll_at", UtcDateTime),
    sa.Column("body_hash", sa.String(64)),
    sa.Column("moved_to", sa.Text),
    sa.Column("settings", sa.JSON),
    sa.Column("removed_at", UtcDateTime),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
)


def sync_sources(connection: Connection, specs: Sequence[SourceSpec], *, now: datetime) -> None:
    """Bring the sources of the settings into the table; rows no longer named there stay.

    A changed address starts afresh: its first import is a backlog again, and nothing floods.
    """
    del now  # no source is dated before its first poll
    known = {
        row.name: row
        for row in connection.execute(
            sa.select(source).where(source.c.name.in_([spec.name for spec in specs]))
        )
    }
    for spec in specs:
        address = one_line(spec.address)
        values = {"kind": spec.kind.value, "address": address, "origin": "file"}
        row = known.get(spec.name)
        if row is None:
            connection.execute(sa.insert(source).values(name=spec.name, **values))
        elif any(getattr(row, name) != value for name, value in values.items()):
            moved = (row.kind, row.address) != (spec.kind.value, address)
            connection.execute(
                sa.update(source)
                .where(source.c.id == row.id)
                .values(version=source.c.version + 1, **values, **(_AFRESH if moved else {}))
            )


def source_states(connection: Connection) -> list[SourceState]:
    """Give every source with what its last polls told, by name."""
    return [_state(row) for row in connection.execute(sa.select(source).order_by(source.c.name))]


def record_poll_ok(
    connection: Connection,
    source_id: int,
    *,
    now: datetime,
    etag: str | None,
    last_modified: str | None,
) -> None:
    """Record that a source was read: failures are forgotten."""
    values = {"etag": etag, "last_modified": last_modified, "last_ok_at": now, "last_tried_at": now}
    first_ok_at = sa.func.coalesce(source.c.first_ok_at, sa.bindparam("first", now, UtcDateTime))
    connection.execute(
        sa.update(source)
        .where(source.c.id == source_id)
        .values(failures=0, error=None, first_ok_at=first_ok_at, **values)
    )


def record_poll_failed(
    connection: Connection, source_id: int, *, now: datetime, error: str
) -> None:
    """Record that a source could not be read, in words, and how often in a row."""
    connection.execute(
        sa.update(source)
        .where(source.c.id == source_id)
        .values(failures=source.c.failures + 1, error=one_line(error), last_tried_at=now)
    )


_AFRESH = {
    "etag": None,
    "last_modified": None,
    "first_ok_at": None,
    "last_ok_at": None,
    "last_tried_at": None,
    "failures": 0,
    "error": None,
    "warning": None,
    "next_poll_at": None,
    "body_hash": None,
    "moved_to": None,
}


def _state(row: sa.Row[Any]) -> SourceState:
    return SourceState(
        id=row.id,
        name=row.name,
        kind=SourceKind(row.kind),
        address=row.address,
        etag=row.etag,
        last_modified=row.last_modified,
        first_ok_at=row.first_ok_at,
        last_ok_at=row.last_ok_at,
        last_tried_at=row.last_tried_at,
        failures=row.failures,
        error=row.error,
        next_poll_at=row.next_poll_at,
        body_hash=row.body_hash,
        warning=row.warning,
        moved_to=row.moved_to,
    )
