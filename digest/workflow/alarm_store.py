"""Door to the tables of alarms: the spells of trouble, and the mark that the queue left."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.workflow.alarms import Alarm, AlarmKind, Spell
from digest.workflow.vitals import Mark

alarm = sa.Table(
    "alarm",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("key", sa.String(200), nullable=False),
    sa.Column("kind", sa.String(16), nullable=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("remedy", sa.Text, nullable=False),
    sa.Column("mailed", sa.Boolean, nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("told_at", UtcDateTime),
    sa.Column("clear_at", UtcDateTime),
    sa.Column("ended_at", UtcDateTime),
)
"""One row a spell. `clear_at` is when it first seemed over, `ended_at` when that was believed."""

_OPEN = alarm.c.ended_at.is_(None)

sa.Index(
    "uq_alarm_key_open",
    alarm.c.key,
    unique=True,
    sqlite_where=_OPEN,
    postgresql_where=_OPEN,
)
"""The row that decides: of several schedulers one begins a spell."""

queue_mark = sa.Table(
    "queue_mark",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("value", sa.String(64), nullable=False),
    sa.Column("moved_at", UtcDateTime, nullable=False),
    sa.Column("looked_at", UtcDateTime, nullable=False),
)
"""One row: the ledger keeps no moment of its last result."""

_ONLY = 1


def open_spells(connection: Connection) -> list[Spell]:
    """List the spells that are not over, the oldest first."""
    query = sa.select(alarm).where(_OPEN).order_by(alarm.c.began_at, alarm.c.id)
    return [_spell(row) for row in connection.execute(query)]


def open_counts(connection: Connection) -> Mapping[AlarmKind, int]:
    """Count what is wrong now by kind; each kind is there."""
    mine = _OPEN & alarm.c.clear_at.is_(None)
    n = sa.func.count().label("n")
    query = sa.select(alarm.c.kind, n).where(mine).group_by(alarm.c.kind)
    found = {row.kind: row.n for row in connection.execute(query)}
    return {kind: found.get(kind.value, 0) for kind in AlarmKind}


def begin_spell(connection: Connection, begun: Alarm, *, at: datetime) -> Spell | None:
    """Write that trouble has begun; None when somebody else did so at the same time."""
    row = {
        "key": begun.key,
        "kind": begun.kind.value,
        "what": begun.what,
        "detail": begun.detail,
        "remedy": begun.remedy,
        "mailed": begun.mailed,
        "began_at": at,
        "told_at": None if begun.mailed else at,
    }
    written = insert(connection, alarm).values(row).on_conflict_do_nothing().returning(*alarm.c)
    found = connection.execute(written).one_or_none()
    return None if found is None else _spell(found)


def mark_told(connection: Connection, spell: Spell, *, at: datetime) -> None:
    """Write that operators were told of it."""
    _set(connection, [spell], told_at=at)


def mark_clear(connection: Connection, spells: Collection[Spell], *, at: datetime | None) -> None:
    """Write since when spells seem over; None: they are back."""
    _set(connection, spells, clear_at=at)


def end_spell(connection: Connection, spell: Spell, *, at: datetime) -> bool:
    """Write that it is over; False when somebody else did so at the same time."""
    mine = sa.update(alarm).where(alarm.c.id == spell.id, _OPEN)
    return rows_changed(connection.execute(mine.values(ended_at=at))) == 1


def forget_spells(connection: Connection, *, before: datetime) -> int:
    """Drop the spells that ended before a moment; give how many went."""
    return rows_changed(connection.execute(sa.delete(alarm).where(alarm.c.ended_at < before)))


def read_mark(connection: Connection) -> Mark | None:
    """Give the queue's mark, if anybody ever looked while something was due."""
    row = connection.execute(sa.select(queue_mark)).one_or_none()
    return None if row is None else Mark(row.value, row.moved_at, row.looked_at)


def write_mark(connection: Connection, mark: Mark) -> None:
    """Put the queue's mark in place of the one before."""
    values = {"value": mark.value, "moved_at": mark.moved_at, "looked_at": mark.looked_at}
    row = insert(connection, queue_mark).values(id=_ONLY, **values)
    connection.execute(row.on_conflict_do_update(index_elements=["id"], set_=values))


def _set(connection: Connection, spells: Collection[Spell], **values: datetime | None) -> None:
    if spells:
        mine = alarm.c.id.in_([spell.id for spell in spells]) & _OPEN
        connection.execute(sa.update(alarm).where(mine).values(**values))


def _spell(row: sa.Row[Any]) -> Spell:
    return Spell(
        id=row.id,
        alarm=Alarm(
            kind=AlarmKind(row.kind),
            key=row.key,
            what=row.what,
            detail=row.detail,
            remedy=row.remedy,
            mailed=row.mailed,
        ),
        began_at=row.began_at,
        told_at=row.told_at,
        clear_at=row.clear_at,
    )
