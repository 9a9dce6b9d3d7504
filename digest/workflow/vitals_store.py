"""Door to the facts of a site's health: what is due, what moves, who beats, what failed.

Only small tables and the counts are read, never the ledger: a look costs the same at ten million
readers as at ten, but for the counts of the letters that are under way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.delivery.count_store import delivery_count, tallies
from digest.delivery.domain_store import domain
from digest.delivery.limit_rules import LimitRules, shut_now
from digest.delivery.model import Tally
from digest.delivery.store import delivery_batch, delivery_retry
from digest.editions.address import address_of
from digest.editions.model import EditionState, SlotState
from digest.editions.store import edition, newsletter, slot
from digest.outbox.model import NoticeState
from digest.outbox.store import notice
from digest.workflow import alarm_store
from digest.workflow.alarms import HeldEdition, Letter, MissedSlot
from digest.workflow.store import heartbeats, used_of
from digest.workflow.vitals import Vitals

RECENT = timedelta(hours=24)
"""How long an edition is counted by domain after its end."""
_LETTERS_FOR = timedelta(days=3)
_MISSED_FOR = timedelta(days=31)
_BEGUN = (EditionState.SENDING.value, EditionState.HELD.value, EditionState.STOPPED.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The notices that wait: how many, and since when the first of them is due, if it is."""

    n: int
    due_at: datetime | None


def read_vitals(
    connection: Connection, newsletter_ids: Collection[int], *, now: datetime
) -> Vitals:
    """Read what tells whether a site is at work; `newsletter_ids` are those of its settings."""
    return Vitals(
        beats=tuple(heartbeats(connection)),
        slot_due_at=slot_due_at(connection, newsletter_ids, now=now),
        copy_due_at=copy_due_at(connection, now=now),
        mark=alarm_store.read_mark(connection),
    )


def slot_due_at(
    connection: Connection, newsletter_ids: Collection[int], *, now: datetime
) -> datetime | None:
    """Give the earliest slot whose time has come and that nobody has taken.

    A newsletter that left the settings keeps its wake-up for ever: it is not asked.
    """
    mine = newsletter.c.id.in_(list(newsletter_ids)) & (newsletter.c.next_run_at <= now)
    query = sa.select(sa.func.min(newsletter.c.next_run_at)).where(mine)
    found: datetime | None = connection.scalar(query)
    return found


def copy_due_at(connection: Connection, *, now: datetime) -> datetime | None:
    """Give since when the earliest copy is due that is not settled, in whose hands it may be."""
    sending = _sending_editions(connection, now=now)
    due = [_first_batch(connection, edition_id, now) for edition_id in sending]
    due.append(_first_retry(connection, sending, now))
    return min((at for at in due if at is not None), default=None)


def _sending_editions(connection: Connection, *, now: datetime) -> list[int]:
    over = edition.c.expires_at <= now
    mine = edition.c.state == EditionState.SENDING.value
    query = sa.select(edition.c.id).where(mine, edition.c.expires_at.is_(None) | ~over)
    return list(connection.scalars(query.order_by(edition.c.id)))


def _first_batch(connection: Connection, edition_id: int, now: datetime) -> datetime | None:
    mine = (delivery_batch.c.edition_id == edition_id) & delivery_batch.c.done_at.is_(None)
    query = sa.select(delivery_batch.c.due_at).where(mine, delivery_batch.c.due_at <= now)
    found: datetime | None = connection.scalar(query.order_by(delivery_batch.c.due_at).limit(1))
    return found


def _first_retry(
    connection: Connection, edition_ids: Collection[int], now: datetime
) -> datetime | None:
    mine = delivery_retry.c.edition_id.in_(list(edition_ids)) & (delivery_retry.c.next_at <= now)
    query = sa.select(delivery_retry.c.next_at).where(mine)
    found: datetime | None = connection.scalar(query.order_by(delivery_retry.c.next_at).limit(1))
    return found


def progress(connection: Connection, *, now: datetime) -> str:
    """Give a word that changes with every result of the editions that are being sent."""
    sending = _sending_editions(connection, now=now)
    retry = delivery_retry.c
    query = (
        sa.select(retry.edition_id, sa.func.count(), sa.func.sum(retry.tries))
        .where(retry.edition_id.in_(sending))
        .group_by(retry.edition_id)
        .order_by(retry.edition_id)
    )
    waiting = [tuple(row) for row in connection.execute(query)]
    counted = sorted((each, str(tally)) for each, tally in tallies(connection, sending).items())
    return hashlib.sha256(repr((waiting, counted)).encode()).hexdigest()


def is_held_back(connection: Connection, rules: LimitRules, now: datetime) -> bool:
    """Tell whether our own limits let nothing leave now: the hours, or a sender's warm-up."""
    if shut_now(rules, now) is not None:
        return True
    key, allowed = rules.day(now)
    return allowed is not None and used_of(connection, key) >= allowed


def missed_slots(connection: Connection, *, now: datetime) -> list[MissedSlot]:
    """Give each newsletter's latest slot that was missed, and how many were in a month."""
    mine = (slot.c.state == SlotState.MISSED.value) & (slot.c.cut_off_at > now - _MISSED_FOR)
    query = (
        sa.select(newsletter.c.slug, slot.c.local_date, slot.c.name, slot.c.reason)
        .join(newsletter, newsletter.c.id == slot.c.newsletter_id)
        .where(mine, slot.c.cut_off_at <= now)
        .order_by(newsletter.c.id, slot.c.cut_off_at)
    )
    found: dict[str, MissedSlot] = {}
    for slug, local_date, name, reason in connection.execute(query):
        before = found[slug].n if slug in found else 0
        found[slug] = MissedSlot(slug, address_of(slug, local_date, name), reason, before + 1)
    return list(found.values())


def held_editions(connection: Connection) -> list[HeldEdition]:
    """List the editions that are held, and whether they had begun to be sent."""
    begun = edition.c.sending_at.is_not(None).label("begun")
    query = _named_editions(edition.c.reason, begun)
    rows = connection.execute(query.where(edition.c.state == EditionState.HELD.value))
    return [HeldEdition(_address(row), row.reason, begun=bool(row.begun)) for row in rows]


def last_letters(
    connection: Connection, newsletter_ids: Collection[int], *, now: datetime
) -> list[Letter]:
    """Give what became of each newsletter's last letter, where one went in the last days."""
    mine = edition.c.newsletter_id.in_(list(newsletter_ids))
    begun = (edition.c.sending_at > now - _LETTERS_FOR) & (edition.c.sending_at <= now)
    rows = connection.execute(_named_editions().where(mine, begun).order_by(edition.c.sending_at))
    last = {row.slug: row for row in rows}
    counted = tallies(connection, [row.id for row in last.values()])
    return [_letter(row, counted.get(row.id, Tally())) for row in last.values()]


def _letter(row: sa.Row[Any], counts: Tally) -> Letter:
    return Letter(row.id, row.slug, _address(row), accepted=counts.accepted, refused=counts.failed)


def _named_editions(*more: sa.ColumnElement[Any]) -> sa.Select[Any]:
    named = (edition.c.id, newsletter.c.slug, edition.c.local_date, edition.c.slot_name)
    joined = newsletter.c.id == edition.c.newsletter_id
    return sa.select(*named, *more).join(newsletter, joined)


def _address(row: sa.Row[Any]) -> str:
    return address_of(row.slug, row.local_date, row.slot_name)


def editions_by_state(connection: Connection) -> Mapping[tuple[str, str], int]:
    """Count all editions by newsletter and state."""
    columns = (newsletter.c.slug, edition.c.state)
    query = (
        sa.select(*columns, sa.func.count())
        .join(newsletter, newsletter.c.id == edition.c.newsletter_id)
        .group_by(*columns)
        .order_by(*columns)
    )
    return {(slug, state): n for slug, state, n in connection.execute(query)}


def missed_by_newsletter(connection: Connection) -> Mapping[str, int]:
    """Count the slots that were ever missed; a newsletter without any is there with none."""
    missed = (slot.c.newsletter_id == newsletter.c.id) & (slot.c.state == SlotState.MISSED.value)
    query = (
        sa.select(newsletter.c.slug, sa.func.count(slot.c.name).label("n"))
        .outerjoin(slot, missed)
        .group_by(newsletter.c.slug)
        .order_by(newsletter.c.slug)
    )
    return {row.slug: row.n for row in connection.execute(query)}


def recent_editions(connection: Connection, *, now: datetime) -> Mapping[int, str]:
    """Give the editions that are on their way or ended within a day, and their newsletters."""
    begun = edition.c.sending_at.is_not(None)
    recent = edition.c.state.in_(_BEGUN) | (edition.c.finished_at > now - RECENT)
    query = _named_editions().where(begun, recent)
    return {row.id: row.slug for row in connection.execute(query)}


def greatest_domains(
    connection: Connection, edition_ids: Collection[int], *, limit: int
) -> Mapping[tuple[str, str], int]:
    """Count copies of these editions by domain ("": nobody looked yet) and state, the most only.

    The database does it: what is brought here does not grow with the number of domains.
    """
    count = delivery_count.c
    mine = count.edition_id.in_(list(edition_ids))
    most = (
        sa.select(count.domain_id)
        .where(mine)
        .group_by(count.domain_id)
        .order_by(sa.func.sum(count.n).desc(), count.domain_id)
        .limit(limit)
    )
    name, n = sa.func.coalesce(domain.c.name, "").label("name"), sa.func.sum(count.n).label("n")
    query = (
        sa.select(name, count.state, n)
        .select_from(delivery_count)
        .outerjoin(domain, domain.c.id == count.domain_id)
        .where(mine, count.domain_id.in_(list(connection.scalars(most))))
        .group_by(name, count.state)
        .having(n > 0)
    )
    return {(row.name, row.state): int(row.n) for row in connection.execute(query)}


def waiting_notices(connection: Connection, *, now: datetime) -> Waiting:
    """Count the notices that wait, and say since when the first of them is due."""
    waits = (notice.c.state == NoticeState.WAITING.value) & notice.c.next_at.is_not(None)
    query = sa.select(sa.func.count(), sa.func.min(notice.c.next_at)).where(waits)
    n, due_at = connection.execute(query).one()
    return Waiting(n, due_at if due_at is not None and due_at <= now else None)
