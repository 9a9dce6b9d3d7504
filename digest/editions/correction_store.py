"""Door to the table of corrections: dated notes to editions that readers have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, metadata
from digest.editions.model import MAIN_SLOT, Edition, EditionState, Slot, SlotState
from digest.editions.store import edition, edition_by_id, lock_newsletter, set_slot, take_slot

correction = sa.Table(
    "correction",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("language", sa.String(35), nullable=False),
    sa.Column("words", sa.Text, nullable=False),
    sa.Column("noted_by", sa.Text, nullable=False),
    sa.Column("noted_at", UtcDateTime, nullable=False),
    sa.Column("mailed_as", BigId),
)
"""Append-only. `mailed_as` is the edition by which a note was mailed to those who have the letter:
its copies stand in the ledger as all others do, so nobody gets one twice."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A note to an edition; `words` are paragraphs of plain text apart by a blank line."""

    edition_id: int
    n: int
    language: str
    words: str
    noted_by: str
    noted_at: datetime
    mailed_as: int | None = None

    @property
    def paragraphs(self) -> list[str]:
        """The words, paragraph by paragraph."""
        return self.words.split("\n\n")


def corrections_of(connection: Connection, edition_id: int) -> list[Correction]:
    """Give the notes to an edition, oldest first."""
    query = sa.select(correction).where(correction.c.edition_id == edition_id)
    return [_correction(row) for row in connection.execute(query.order_by(correction.c.n))]


def last_corrected(connection: Connection, edition_ids: Collection[int]) -> dict[int, datetime]:
    """Give when each of these editions was corrected last; those that never were are left out."""
    query = (
        sa.select(correction.c.edition_id, sa.func.max(correction.c.noted_at).label("at"))
        .where(correction.c.edition_id.in_(list(edition_ids)))
        .group_by(correction.c.edition_id)
    )
    return {row.edition_id: row.at for row in connection.execute(query)}


def mailed_by(connection: Connection, edition_id: int) -> Correction | None:
    """Give the note that an edition mails; None for a letter."""
    query = sa.select(correction).where(correction.c.mailed_as == edition_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _correction(row)


def append(
    connection: Connection, edition_id: int, *, language: str, words: str, by: str, at: datetime
) -> Correction:
    """Write the next note to an edition; the caller holds the newsletter's lock."""
    last = sa.select(sa.func.max(correction.c.n)).where(correction.c.edition_id == edition_id)
    made = Correction(edition_id, (connection.scalar(last) or 0) + 1, language, words, by, at)
    connection.execute(
        sa.insert(correction).values(
            edition_id=edition_id,
            n=made.n,
            language=language,
            words=words,
            noted_by=by,
            noted_at=at,
        )
    )
    return made


def begin_mail(
    connection: Connection, corrected: Edition, note: Correction, *, at: datetime
) -> Edition:
    """Make the small edition that mails a note: a slot of its own, beside the letter's.

    It takes no number of the newsletter's row: corrections count downwards from -1. The caller
    holds the newsletter's lock.
    """
    name = _slot_name(corrected, note.n)
    beside = Slot(corrected.local_date, at, at, name, by_hand=True)
    take_slot(connection, corrected.newsletter_id, beside, SlotState.PREPARED)
    set_slot(connection, corrected.newsletter_id, beside, SlotState.PREPARED)
    mine = edition.c.newsletter_id == corrected.newsletter_id
    least = connection.scalar(sa.select(sa.func.min(edition.c.number)).where(mine)) or 0
    row = sa.insert(edition).values(
        newsletter_id=corrected.newsletter_id,
        local_date=corrected.local_date,
        slot_name=name,
        number=min(least, 0) - 1,
        state=EditionState.DRAFT.value,
        window_after=at,
        cut_off_at=at,
        send_at=at,
        prepared_at=at,
        corrects=corrected.id,
    )
    made: int = connection.execute(row.returning(edition.c.id)).scalar_one()
    found = (correction.c.edition_id == note.edition_id) & (correction.c.n == note.n)
    connection.execute(sa.update(correction).where(found).values(mailed_as=made))
    return edition_by_id(connection, made)


def lock(connection: Connection, corrected: Edition) -> Edition:
    """Let one transaction at a time correct a newsletter's editions; give this one as it is."""
    lock_newsletter(connection, corrected.newsletter_id)
    return edition_by_id(connection, corrected.id)


def _slot_name(corrected: Edition, n: int) -> str:
    of = "" if corrected.slot_name == MAIN_SLOT else f"{corrected.slot_name}-"
    return f"{of}correction" if n == 1 else f"{of}correction-{n}"


def _correction(row: sa.Row[Any]) -> Correction:
    return Correction(
        edition_id=row.edition_id,
        n=row.n,
        language=row.language,
        words=row.words,
        noted_by=row.noted_by,
        noted_at=row.noted_at,
        mailed_as=row.mailed_as,
    )
