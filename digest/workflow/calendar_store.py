"""Door to what a calendar of editions shows: who comes when, called what, approved by whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.store import approval, composition
from digest.delivery.count_store import delivery_total
from digest.editions.model import Edition, SlotState
from digest.editions.store import EDITION_COLUMNS, EDITIONS, edition, edition_of, newsletter, slot
from digest.sources.article_store import article
from digest.workflow.store import EmptySlot

_EMPTY = (SlotState.SKIPPED.value, SlotState.HOLIDAY.value, SlotState.MISSED.value)


@dataclass(frozen=True, slots=True)
class Approved:
    """Who approved an edition, and when (aware UTC)."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Copies:
    """How many readers one edition was written for; `on` is its local date."""

    on: date
    readers: int


@dataclass(frozen=True, slots=True)
class LastStory:
    """A story that a source brought last; `seen_at` is aware UTC."""

    source: str
    headline: str
    url: str | None
    seen_at: datetime


def editions_between(
    connection: Connection, first: date, last: date, newsletter_ids: Collection[int]
) -> list[Edition]:
    """Give the editions of these local dates, both included, in the order of their hours."""
    query = (
        sa.select(*EDITION_COLUMNS)
        .select_from(EDITIONS)
        .where(
            edition.c.local_date.between(first, last),
            edition.c.newsletter_id.in_(list(newsletter_ids)),
            edition.c.corrects.is_(None),
        )
    )
    order = (edition.c.local_date, edition.c.send_at, edition.c.id)
    return [edition_of(row) for row in connection.execute(query.order_by(*order))]


def empty_between(
    connection: Connection, first: date, last: date, newsletter_ids: Collection[int]
) -> list[EmptySlot]:
    """Give the slots of these local dates that have no edition, newest first."""
    named = slot.c.name.label("slot_name")
    query = (
        sa.select(
            slot.c.local_date,
            named,
            slot.c.state,
            slot.c.reason,
            slot.c.cut_off_at,
            newsletter.c.slug,
            newsletter.c.name.label("newsletter_name"),
        )
        .join(newsletter, newsletter.c.id == slot.c.newsletter_id)
        .where(
            slot.c.state.in_(_EMPTY),
            slot.c.local_date.between(first, last),
            slot.c.newsletter_id.in_(list(newsletter_ids)),
        )
    )
    rows = connection.execute(query.order_by(slot.c.cut_off_at.desc(), newsletter.c.id))
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
        for row in rows
    ]


def subjects_of(connection: Connection, edition_ids: Collection[int]) -> Mapping[int, str]:
    """Give the newest subject of each edition that is composed, in its own language."""
    order = (composition.c.revision.desc(), composition.c.place)
    rank = sa.func.row_number().over(partition_by=composition.c.edition_id, order_by=order)
    ranked = (
        sa.select(composition.c.edition_id, composition.c.subject, rank.label("rank"))
        .where(composition.c.edition_id.in_(list(edition_ids)))
        .subquery()
    )
    query = sa.select(ranked.c.edition_id, ranked.c.subject).where(ranked.c.rank == 1)
    return {row.edition_id: row.subject for row in connection.execute(query)}


def approvals_of(connection: Connection, edition_ids: Collection[int]) -> Mapping[int, Approved]:
    """Give who approved each of these editions last; one that nobody approved is left out."""
    query = (
        sa.select(approval.c.edition_id, approval.c.approved_by, approval.c.approved_at)
        .where(approval.c.edition_id.in_(list(edition_ids)), approval.c.revoked_at.is_(None))
        .order_by(approval.c.edition_id, approval.c.n)
    )
    return {
        row.edition_id: Approved(row.approved_by, row.approved_at)
        for row in connection.execute(query)
    }


def copies_over_time(
    connection: Connection, newsletter_id: int, *, since: date, most: int
) -> list[Copies]:
    """Give how many readers each edition of a newsletter was written for, oldest first.

    What was skipped before it was sent counts as well: they were readers then. Extras and
    corrections, which go to some or come between, are left out.
    """
    regular = edition.c.corrects.is_(None) & edition.c.sending_at.is_not(None)
    total = sa.func.sum(delivery_total.c.n).label("n")
    query = (
        sa.select(edition.c.local_date, total)
        .join(delivery_total, delivery_total.c.edition_id == edition.c.id)
        .where(edition.c.newsletter_id == newsletter_id, edition.c.local_date >= since, regular)
        .group_by(edition.c.id, edition.c.local_date)
        .order_by(edition.c.local_date.desc(), edition.c.id.desc())
        .limit(most)
    )
    found = [Copies(row.local_date, int(row.n)) for row in connection.execute(query)]
    return found[::-1]


def last_stories(
    connection: Connection, source_ids: Mapping[int, str], *, each: int
) -> dict[str, list[LastStory]]:
    """Give the stories that each of these sources brought last, newest first, by its name."""
    found: dict[str, list[LastStory]] = {name: [] for name in source_ids.values()}
    columns = (article.c.headline, article.c.url, article.c.first_seen_at)
    for number, name in source_ids.items():
        # One short walk for each: numbers rise as stories come, and no index has both columns.
        query = sa.select(*columns).where(article.c.source_id == number)
        newest = query.order_by(article.c.id.desc()).limit(each)
        found[name] = [LastStory(name, *row) for row in connection.execute(newest)]
    return found
