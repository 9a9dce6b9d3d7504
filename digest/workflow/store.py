"""Door to the table of who is running, and to what became of the slots."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest import __version__
from digest.db import UtcDateTime, metadata
from digest.editions.model import SlotState
from digest.editions.store import newsletter, slot

heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("process", sa.String(32), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("beat_at", UtcDateTime, nullable=False),
)

STALE_AFTER = timedelta(seconds=30)
"""A process that has not written for so long is not running, whatever its row says."""


_SLOT_COLUMNS = (*(c for c in slot.c if c.name != "name"), slot.c.name.label("slot_name"))
"""Newsletters have names, too."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a process of ours was last known to be alive (aware UTC)."""

    process: str
    host: str
    pid: int
    version: str
    started_at: datetime
    beat_at: datetime


@dataclass(frozen=True, slots=True)
class EmptySlot:
    """A slot that has no edition, and why."""

    slug: str
    name: str
    """The newsletter's."""
    local_date: date
    slot_name: str
    state: SlotState
    reason: str
    cut_off_at: datetime


def beat(connection: Connection, process: str, *, now: datetime) -> None:
    """Write that this process is alive."""
    mine = {"host": platform.node(), "pid": os.getpid(), "version": __version__, "beat_at": now}
    update = sa.update(heartbeat).where(heartbeat.c.process == process)
    same = update.where(heartbeat.c.host == mine["host"], heartbeat.c.pid == mine["pid"])
    if connection.execute(same.values(mine)).rowcount:
        return
    connection.execute(sa.delete(heartbeat).where(heartbeat.c.process == process))
    connection.execute(sa.insert(heartbeat).values(process=process, started_at=now, **mine))


def end_beat(connection: Connection, process: str) -> None:
    """Write that this process has left, as it was asked to; another's row is left alone."""
    mine = (heartbeat.c.host == platform.node()) & (heartbeat.c.pid == os.getpid())
    connection.execute(sa.delete(heartbeat).where(heartbeat.c.process == process, mine))


def heartbeats(connection: Connection) -> Sequence[Heartbeat]:
    """Give the last sign of life of every process."""
    query = sa.select(heartbeat).order_by(heartbeat.c.process)
    return [
        Heartbeat(row.process, row.host, row.pid, row.version, row.started_at, row.beat_at)
        for row in connection.execute(query)
    ]


def last_taken(connection: Connection, newsletter_id: int, *, now: datetime) -> datetime | None:
    """Give the latest cut-off up to now whose regular slot was taken.

    Not of all: a slot that a person took ahead of its time must not hide the ones before it.
    """
    mine = (slot.c.newsletter_id == newsletter_id) & ~slot.c.by_hand
    latest = sa.select(sa.func.max(slot.c.cut_off_at)).where(mine, slot.c.cut_off_at <= now)
    found: datetime | None = connection.scalar(latest)
    return found


def taken_slots(
    connection: Connection, newsletter_id: int, *, since: date
) -> frozenset[tuple[date, str]]:
    """Give the slots (date, name) from a local date on that were taken, whatever became of them."""
    mine = slot.c.newsletter_id == newsletter_id
    query = sa.select(slot.c.local_date, slot.c.name).where(mine, slot.c.local_date >= since)
    return frozenset((row.local_date, row.name) for row in connection.execute(query))


def is_new(connection: Connection) -> bool:
    """Tell whether no newsletter was ever brought into this database."""
    return connection.scalar(sa.select(newsletter.c.id).limit(1)) is None


def wake_up(connection: Connection, newsletter_id: int) -> datetime | None:
    """Give when the newsletter was to be looked at again."""
    query = sa.select(newsletter.c.next_run_at).where(newsletter.c.id == newsletter_id)
    at: datetime | None = connection.scalar(query)
    return at


def empty_slots(connection: Connection, *, limit: int) -> list[EmptySlot]:
    """Give the last slots that have no edition, newest first."""
    without = (SlotState.SKIPPED.value, SlotState.HOLIDAY.value, SlotState.MISSED.value)
    query = (
        sa.select(*_SLOT_COLUMNS, newsletter.c.slug, newsletter.c.name.label("newsletter_name"))
        .join(newsletter, newsletter.c.id == slot.c.newsletter_id)
        .where(slot.c.state.in_(without))
        .order_by(slot.c.cut_off_at.desc(), newsletter.c.id)
        .limit(limit)
    )
    return [
        EmptySlot(
            slug=row.slug,
            name=row.newsletter_name,
            local_date=row.local_date,
            slot_name=row.slot_name,
            state=SlotState(row.state),
            reason=row.reason,
            cut_off_at=row.cut_off_at,
        )
        for row in connection.execute(query)
    ]
