"""Door to what an edition's next step depends on: who was told, what changed, who sends it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.store import approval, composition
from digest.delivery.store import delivery_batch, delivery_retry
from digest.editions.candidate_store import candidate
from digest.editions.model import EditionState, Verdict
from digest.editions.store import edition, slot
from digest.outbox.model import NoticeState
from digest.outbox.store import notice, short_key
from digest.sources.article_store import article


@dataclass(frozen=True, slots=True)
class Telling:
    """How the mail about one thing to several people stands."""

    sent_at: datetime | None
    """When the mail server took the first of them."""
    waiting: int
    failed: int


def telling_of(connection: Connection, keys: Collection[str]) -> Telling:
    """Tell what became of the notices with these keys (as `NewNotice.dedupe_key`)."""
    rows = connection.execute(
        sa.select(notice.c.state, sa.func.min(notice.c.done_at), sa.func.count())
        .where(notice.c.dedupe_key.in_([short_key(key) for key in keys]))
        .group_by(notice.c.state)
    )
    found = {NoticeState(state): (at, n) for state, at, n in rows}
    return Telling(
        sent_at=found.get(NoticeState.SENT, (None, 0))[0],
        waiting=found.get(NoticeState.WAITING, (None, 0))[1],
        failed=found.get(NoticeState.FAILED, (None, 0))[1],
    )


@dataclass(frozen=True, slots=True)
class ChangedStory:
    """A story of an edition that its source has changed since the letter was composed."""

    article_id: int
    headline: str
    """As it is now."""
    withdrawn: bool
    why: str = ""
    """Why it was withdrawn."""


_IN_THE_LETTER = (Verdict.SELECTED.value, Verdict.DUPLICATE.value)
"""A folded story has its line under another's."""


def changed_stories(connection: Connection, edition_id: int) -> list[ChangedStory]:
    """Give the stories of an edition whose source changed or withdrew them since it was composed.

    In the order they are read; of one that was composed when it was withdrawn already, nothing.
    """
    mine = (candidate.c.edition_id == edition_id) & candidate.c.verdict.in_(_IN_THE_LETTER)
    newer = article.c.revision > candidate.c.article_revision
    query = (
        sa.select(article.c.id, article.c.headline, article.c.withdrawn_at, article.c.withdrawn_why)
        .join(candidate, candidate.c.article_id == article.c.id)
        .where(mine, newer | article.c.withdrawn_at.is_not(None))
        .order_by(sa.func.coalesce(candidate.c.position, sa.literal(10_000)), article.c.id)
    )
    return [
        ChangedStory(row.id, row.headline, row.withdrawn_at is not None, row.withdrawn_why)
        for row in connection.execute(query)
    ]


def by_hand(connection: Connection, edition_id: int) -> bool:
    """Tell whether an edition's slot was made by a person, beside what the cadence says."""
    same = sa.and_(
        slot.c.newsletter_id == edition.c.newsletter_id,
        slot.c.local_date == edition.c.local_date,
        slot.c.name == edition.c.slot_name,
    )
    query = sa.select(slot.c.by_hand).join(edition, same).where(edition.c.id == edition_id)
    return bool(connection.scalar(query))


def gone_by_hand(
    connection: Connection,
    newsletter_id: int,
    *,
    since: datetime,
    until: datetime,
    every: bool,
    besides: int,
) -> int:
    """Count a newsletter's editions made by hand that left in [since, until), or are about to.

    `every` edition of it counts as made by hand, as of a letter without days; `besides` is the id
    of the one that is asked about. Corrections never count.
    """
    began = edition.c.sending_at
    gone = (began >= since) & (began < until)
    about_to = (edition.c.state == EditionState.APPROVED.value) & began.is_(None)
    same = sa.and_(
        slot.c.newsletter_id == edition.c.newsletter_id,
        slot.c.local_date == edition.c.local_date,
        slot.c.name == edition.c.slot_name,
    )
    query = (
        sa.select(sa.func.count())
        .select_from(edition.join(slot, same))
        .where(
            edition.c.newsletter_id == newsletter_id,
            edition.c.id != besides,
            edition.c.corrects.is_(None),
            gone | about_to,
        )
    )
    if not every:
        query = query.where(slot.c.by_hand)
    return connection.execute(query).scalar_one()


def is_mended(connection: Connection, edition_id: int) -> bool:
    """Tell whether an edition's newest revision is not the one whose approval let it begin."""
    of_edition = approval.c.edition_id == edition_id
    last = sa.select(sa.func.max(approval.c.revision)).where(of_edition).scalar_subquery()
    query = sa.select(edition.c.revision > sa.func.coalesce(last, 1))
    return bool(connection.scalar(query.where(edition.c.id == edition_id)))


def composed_revision(connection: Connection, edition_id: int) -> int:
    """Give the newest revision of an edition that was composed; 0 when there is none."""
    newest = sa.select(sa.func.max(composition.c.revision))
    return connection.scalar(newest.where(composition.c.edition_id == edition_id)) or 0


def is_in_hand(connection: Connection, edition_id: int) -> bool:
    """Tell whether any sender has copies of an edition in hand, and so its text in mind."""
    batch = sa.exists().where(
        delivery_batch.c.edition_id == edition_id, delivery_batch.c.owner.is_not(None)
    )
    again = sa.exists().where(
        delivery_retry.c.edition_id == edition_id, delivery_retry.c.owner.is_not(None)
    )
    return bool(connection.scalar(sa.select(batch | again)))
