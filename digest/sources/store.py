"""Door to the table of sources: specs and polls in, specs and states out.

A source of the settings keeps its spec in digest.toml: here stands its address as people may see
it, without a password, and a hash of the whole address, which tells whether the source has moved.
One added by command or at the desk keeps all of its spec here, in `settings`, as it must work after
a restart. So the key of such a Ghost source, or the password in its SQL address, stands readable in
the database, as secret as the file itself: whoever may read the one may read the other.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.errors import SourceError
from digest.sources.cleaning import one_line
from digest.sources.model import (
    Origin,
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
    sa.Column("not_before", UtcDateTime),
    sa.Column("failing_since", UtcDateTime),
    sa.Column("status", sa.Integer),
    sa.Column("address_hash", sa.String(64)),
    sa.Column("settings", sa.JSON(none_as_null=True)),
    sa.Column("removed_at", UtcDateTime),
    sa.Column("version", sa.Integer, nullable=False, server_default="1"),
    sa.Column("paused_at", UtcDateTime),
)
LONGEST_NAME = 64
_PASSWORD = re.compile(r"\A([A-Za-z][A-Za-z0-9+.-]*://)[^/?#\s]*@")


def shown_address(spec: SourceSpec) -> str:
    """Give a source's address as people may see it: without user and password."""
    if spec.kind is SourceKind.SQL:
        from digest.sources.sql import shown_address as shown  # noqa: PLC0415 - for the few

        return shown(spec.address)
    return _PASSWORD.sub(r"\1", one_line(spec.address))


def sync_sources(
    connection: Connection, specs: Sequence[SourceSpec], *, now: datetime, whole: bool = False
) -> None:
    """Bring the sources of the settings into the table; those of the desk stand there already.

    A changed address starts afresh: its first import is a backlog again, and nothing floods. A
    name that the desk has too is the settings' from then on. With `whole`, `specs` are all that
    the settings name, and their sources that are not among them are removed: their articles stay,
    and a name that is put back finds them again.
    """
    ours = [spec for spec in specs if spec.origin is Origin.FILE]
    known = _rows(connection, [spec.name for spec in ours])
    for spec in ours:
        _write(connection, spec, known.get(spec.name), {"settings": None})
    if whole:
        connection.execute(
            sa.update(source)
            .where(
                source.c.origin == Origin.FILE.value,
                source.c.removed_at.is_(None),
                source.c.name.not_in([spec.name for spec in ours]),
            )
            .values(removed_at=now, version=source.c.version + 1)
        )


def are_synced(connection: Connection, specs: Sequence[SourceSpec]) -> bool:
    """Tell whether the table says of the settings' sources what they say: nothing is to write."""
    ours = [spec for spec in specs if spec.origin is Origin.FILE]
    known = _rows(connection, [spec.name for spec in ours])
    return all(_says(known.get(spec.name), _values(spec, {"settings": None})) for spec in ours)


def add_source(connection: Connection, spec: SourceSpec) -> None:
    """Add a source named by a person. Needs a write transaction.

    A name that was removed comes back with its articles; with another address it starts afresh.
    Raises SourceError when the name is taken, empty, or too long.
    """
    name = one_line(spec.name)
    if not name or name != spec.name or len(name) > LONGEST_NAME:
        raise SourceError(
            f"source: {one_line(spec.name)[:LONGEST_NAME]!r}: not a name for a source",
            hint=f"Use a short word, as in `town`; {LONGEST_NAME} characters at most.",
        )
    row = _rows(connection, [name]).get(name)
    values = {"origin": Origin.DESK.value, "settings": _settings(spec)}
    if (row is None or row.removed_at) and _write(connection, spec, row, values):
        return
    taker = "digest.toml" if row is not None and row.origin == Origin.FILE else "another source"
    raise SourceError(
        f"source: {name}: the name is taken by {taker}",
        hint="Choose another name, or remove that source first.",
    )


def remove_source(connection: Connection, name: str, *, now: datetime) -> bool:
    """Remove a source that was added by a person; False when there is none of this name.

    Its articles stay, and so does the row: its name finds them again should it come back.
    """
    done = connection.execute(
        sa.update(source)
        .where(source.c.name == name, source.c.origin == Origin.DESK.value)
        .where(source.c.removed_at.is_(None))
        .values(removed_at=now, version=source.c.version + 1)
    )
    return rows_changed(done) == 1


def pause_source(connection: Connection, name: str, *, at: datetime | None) -> bool:
    """Let a source rest that was added by a person, or (`at` is None) have it read again.

    False when it is so already, and when there is none of this name.
    """
    mine = (source.c.name == name) & (source.c.origin == Origin.DESK.value)
    there = source.c.removed_at.is_(None) & (source.c.kind != SourceKind.PUSHED.value)
    other = source.c.paused_at.is_not(None) if at is None else source.c.paused_at.is_(None)
    # Read at once when it is taken up again: what it had meanwhile is wanted.
    afresh: dict[str, object] = {"next_poll_at": None, "last_tried_at": None} if at is None else {}
    update = sa.update(source).where(mine, there, other)
    values = {"paused_at": at, "version": source.c.version + 1, **afresh}
    return rows_changed(connection.execute(update.values(values))) == 1


def paused_sources(connection: Connection) -> list[tuple[SourceSpec, SourceState, datetime]]:
    """Give the sources that rest, by name, each with its state and since when."""
    query = sa.select(source).where(source.c.removed_at.is_(None), source.c.paused_at.is_not(None))
    rows = connection.execute(query.order_by(source.c.name)).all()
    return [(_spec(row), _state(row), row.paused_at) for row in rows]


def ask_again(connection: Connection, name: str, *, now: datetime) -> bool:
    """Have the collector ask a source in its next round; False when there is none to be asked.

    A site that asked to be left alone is left alone all the same.
    """
    mine = (source.c.name == name) & source.c.removed_at.is_(None) & source.c.paused_at.is_(None)
    update = sa.update(source).where(mine, source.c.kind != SourceKind.PUSHED.value)
    return rows_changed(connection.execute(update.values(next_poll_at=now))) == 1


def desk_sources(connection: Connection) -> list[SourceSpec]:
    """Give the sources added by people, by name; neither removed ones nor those that rest."""
    query = sa.select(source).where(
        source.c.origin == Origin.DESK.value,
        source.c.removed_at.is_(None),
        source.c.paused_at.is_(None),
    )
    return [_spec(row) for row in connection.execute(query.order_by(source.c.name))]


def source_states(connection: Connection) -> list[SourceState]:
    """Give every source that is in use with what its last polls told, by name."""
    query = sa.select(source).where(source.c.removed_at.is_(None), source.c.paused_at.is_(None))
    return [_state(row) for row in connection.execute(query.order_by(source.c.name))]


def source_state(connection: Connection, source_id: int) -> SourceState:
    """Give one source with what its last polls told."""
    return _state(connection.execute(sa.select(source).where(source.c.id == source_id)).one())


def record_poll_ok(
    connection: Connection,
    source_id: int,
    *,
    now: datetime,
    etag: str | None,
    last_modified: str | None,
    next_poll_at: datetime | None = None,
    body_hash: str | None = None,
    warning: str | None = None,
    moved_to: str | None = None,
    not_before: datetime | None = None,
) -> None:
    """Record that a source was read: failures are forgotten."""
    first_ok_at = sa.func.coalesce(source.c.first_ok_at, sa.bindparam("first", now, UtcDateTime))
    connection.execute(
        sa.update(source)
        .where(source.c.id == source_id)
        .values(
            etag=etag,
            last_modified=last_modified,
            last_ok_at=now,
            last_tried_at=now,
            first_ok_at=first_ok_at,
            next_poll_at=next_poll_at,
            not_before=not_before,
            body_hash=body_hash,
            warning=one_line(warning) if warning else None,
            moved_to=moved_to,
            **_WELL,
        )
    )


def record_poll_failed(
    connection: Connection,
    source_id: int,
    *,
    now: datetime,
    error: str,
    next_poll_at: datetime | None = None,
    not_before: datetime | None = None,
    status: int | None = None,
) -> None:
    """Record that a source could not be read, in words, since when, and how often in a row."""
    since = sa.func.coalesce(source.c.failing_since, sa.bindparam("since", now, UtcDateTime))
    connection.execute(
        sa.update(source)
        .where(source.c.id == source_id)
        .values(
            failures=source.c.failures + 1,
            error=one_line(error),
            last_tried_at=now,
            next_poll_at=next_poll_at,
            not_before=not_before,
            failing_since=since,
            status=status,
        )
    )


_WELL: dict[str, object] = {"failures": 0, "error": None, "failing_since": None, "status": None}
_AFRESH: dict[str, object] = {
    **_WELL,
    "paused_at": None,
    "etag": None,
    "last_modified": None,
    "first_ok_at": None,
    "last_ok_at": None,
    "last_tried_at": None,
    "warning": None,
    "next_poll_at": None,
    "not_before": None,
    "body_hash": None,
    "moved_to": None,
}


def _rows(connection: Connection, names: Sequence[str]) -> dict[str, sa.Row[Any]]:
    query = sa.select(source).where(source.c.name.in_(names))
    return {row.name: row for row in connection.execute(query)}


def _write(
    connection: Connection,
    spec: SourceSpec,
    row: sa.Row[Any] | None,
    more: Mapping[str, object],
) -> bool:
    """Insert a source, or change its row where it says something else.

    False when somebody else inserted one of this name at the same time.
    """
    values = _values(spec, more)
    if row is None:
        added = insert(connection, source).values(name=spec.name, **values)
        added = added.on_conflict_do_nothing(index_elements=["name"])
        return connection.execute(added.returning(source.c.id)).first() is not None
    if _says(row, values):
        return True
    if _has_moved(row, spec):
        values |= _AFRESH
    elif row.removed_at:
        values |= _WELL  # put back because it is thought well: asked at once, and told of anew
    connection.execute(
        sa.update(source)
        .where(source.c.id == row.id)
        .values(version=source.c.version + 1, **values)
    )
    return True


def _values(spec: SourceSpec, more: Mapping[str, object]) -> dict[str, object]:
    """Give what a source's row says of its spec."""
    return {
        "kind": spec.kind.value,
        "address": shown_address(spec),
        "address_hash": _hash(spec),
        "origin": Origin.FILE.value,
        "removed_at": None,
        "paused_at": None,
        **more,
    }


def _says(row: sa.Row[Any] | None, values: Mapping[str, object]) -> bool:
    return row is not None and all(getattr(row, name) == each for name, each in values.items())


def _has_moved(row: sa.Row[Any], spec: SourceSpec) -> bool:
    if row.kind != spec.kind.value:
        return True
    if row.address_hash is None:  # written by the first schema, which kept the whole address
        return bool(row.address != one_line(spec.address))
    return bool(row.address_hash != _hash(spec))


def _hash(spec: SourceSpec) -> str:
    return hashlib.sha256(one_line(spec.address).encode()).hexdigest()


def _settings(spec: SourceSpec) -> dict[str, object]:
    return {
        "address": one_line(spec.address),
        "every_seconds": spec.every.total_seconds(),
        "allow": list(spec.allow),
        "zone": spec.zone,
        "language": spec.language,
        "priority": spec.priority,
        "visit": spec.visit,
        "key": spec.key,
        "query": spec.query,
        "columns": dict(spec.columns),
    }


def _spec(row: sa.Row[Any]) -> SourceSpec:
    settings = row.settings
    return SourceSpec(
        name=row.name,
        kind=SourceKind(row.kind),
        address=settings["address"],
        every=timedelta(seconds=settings["every_seconds"]),
        allow=tuple(settings["allow"]),
        zone=settings["zone"],
        language=settings["language"],
        priority=settings["priority"],
        visit=settings["visit"],
        key=settings["key"],
        query=settings["query"],
        columns=settings["columns"],
        origin=Origin.DESK,
    )


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
        not_before=row.not_before,
        failing_since=row.failing_since,
        status=row.status,
    )
