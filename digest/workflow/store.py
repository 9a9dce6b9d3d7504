"""Door to the table of who is running, and to what became of the slots."""

from __future__ import annotations

import os
import platform
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest import __version__
from digest.db import UtcDateTime, metadata
from digest.delivery.bucket_store import rate_bucket
from digest.delivery.domain_store import domain
from digest.delivery.store import delivery_batch, delivery_retry
from digest.editions.candidate_store import candidate
from digest.editions.model import SlotState, Verdict
from digest.editions.store import newsletter, slot

heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("process", sa.String(80), primary_key=True),
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


@dataclass(frozen=True, slots=True)
class WaitingDomain:
    """Copies that a domain put off: how many, and when the first is tried again.

    `domain` is empty where nobody knows it yet.
    """

    domain: str
    n: int
    next_at: datetime


@dataclass(frozen=True, slots=True)
class Hands:
    """Whether somebody has copies of an edition in hand, and when the next of the others are due.

    `due_at` is None when every copy that was planned is in hand or done.
    """

    leased: bool
    due_at: datetime | None


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


def waiting_domains(
    connection: Connection, edition_id: int, *, limit: int
) -> Sequence[WaitingDomain]:
    """Give the domains that put off copies of an edition, those with the most first."""
    n = sa.func.count()
    name = sa.func.coalesce(domain.c.name, "").label("name")
    query = (
        sa.select(name, n, sa.func.min(delivery_retry.c.next_at))
        .select_from(delivery_retry)
        .outerjoin(domain, domain.c.id == delivery_retry.c.domain_id)
        .where(delivery_retry.c.edition_id == edition_id, delivery_retry.c.tries > 0)
        .group_by(name)
        .order_by(n.desc(), name)
        .limit(limit)
    )
    return [WaitingDomain(*row) for row in connection.execute(query)]


def next_retry_at(connection: Connection, edition_id: int) -> datetime | None:
    """Give when the first copy of an edition that was put off is tried again."""
    mine = (delivery_retry.c.edition_id == edition_id) & (delivery_retry.c.tries > 0)
    at: datetime | None = connection.scalar(
        sa.select(sa.func.min(delivery_retry.c.next_at)).where(mine)
    )
    return at


def hands_of(connection: Connection, edition_id: int) -> Hands:
    """Tell who has an edition in hand, and when what nobody has is due."""
    batch, wait = delivery_batch.c, delivery_retry.c
    undone = (batch.edition_id == edition_id) & batch.done_at.is_(None)
    leased = sa.select(sa.exists().where(undone, batch.owner.is_not(None)))
    batches = sa.select(sa.func.min(batch.due_at)).where(undone, batch.owner.is_(None))
    untried = sa.select(sa.func.min(wait.next_at)).where(
        wait.edition_id == edition_id, wait.tries == 0, wait.owner.is_(None)
    )
    moments = [connection.scalar(batches), connection.scalar(untried)]
    due = min((at for at in moments if at is not None), default=None)
    return Hands(bool(connection.scalar(leased)), due)


def used_of(connection: Connection, key: str) -> int:
    """Give how many messages have been counted under a key, as a day's are while warming up."""
    return connection.scalar(sa.select(rate_bucket.c.used).where(rate_bucket.c.key == key)) or 0


def resting_domains(
    connection: Connection, edition_id: int, *, now: datetime
) -> Mapping[str, datetime]:
    """Give the domains with open copies that asked for a rest, and until when."""
    theirs = sa.select(delivery_retry.c.domain_id).where(delivery_retry.c.edition_id == edition_id)
    groups = sa.select(domain.c.mx_group).where(domain.c.id.in_(theirs))
    until = sa.func.max(domain.c.slow_until).label("until")
    query = sa.select(domain.c.mx_group, until).where(
        domain.c.mx_group.in_(groups), domain.c.slow_until > now
    )
    rows = connection.execute(query.group_by(domain.c.mx_group).order_by(domain.c.mx_group))
    return {row.mx_group: row.until for row in rows}


def story_counts(connection: Connection, edition_ids: Collection[int]) -> Mapping[int, int]:
    """Count the stories that are in these editions; one without any is left out."""
    query = (
        sa.select(candidate.c.edition_id, sa.func.count().label("n"))
        .where(
            candidate.c.edition_id.in_(list(edition_ids)),
            candidate.c.verdict == Verdict.SELECTED.value,
        )
        .group_by(candidate.c.edition_id)
    )
    return {row.edition_id: row.n for row in connection.execute(query)}


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
