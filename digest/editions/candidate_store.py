"""Door to the tables of candidates and uses: which story is in which edition, and why."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, metadata, rows_changed
from digest.editions.model import (
    Candidate,
    EditionState,
    Place,
    Selection,
    Verdict,
    Weighing,
)
from digest.editions.selection import newest_first
from digest.editions.store import EDITION_COLUMNS, EDITIONS, edition, edition_of
from digest.editions.wording import one_line
from digest.sources import article_store
from digest.sources.model import Article

FINISHED = frozenset({EditionState.SENT, EditionState.SKIPPED, EditionState.EXPIRED})
"""The states after which nothing more happens to an edition by itself."""

_ORIGIN_FILE = "file"
_MOST_TOPICS = 63
"""A topic mask is a signed 64-bit number."""
_IDS_AT_ONCE = 500
"""Far below what either database takes as parameters of one statement."""


candidate = sa.Table(
    "candidate",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), primary_key=True),
    sa.Column("article_revision", sa.Integer, nullable=False),
    sa.Column("verdict", sa.String(40), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("section", sa.String(64)),
    sa.Column("place", sa.String(16)),
    sa.Column("position", sa.Integer),
    sa.Column("late", sa.Boolean, nullable=False, default=False),
    sa.Column("duplicate_of", BigId),
    sa.Column("pinned", sa.Boolean, nullable=False, default=False, server_default=sa.false()),
    sa.Column("wording", sa.JSON, nullable=False, default=list, server_default="[]"),
    sa.Column("picture", sa.JSON(none_as_null=True)),
)


article_use = sa.Table(
    "article_use",
    metadata,
    sa.Column("newsletter_id", sa.ForeignKey("newsletter.id"), primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), primary_key=True),
    sa.Column(
        "edition_id",
        sa.ForeignKey("edition.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("kind", sa.String(16), nullable=False),
)
"""Promise 1: written in the edition's own transaction, released in the one that abandons it."""


further_reading = sa.Table(
    "further_reading",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("article_id", sa.ForeignKey("article.id"), nullable=False),
    sa.Column("of_article_id", sa.ForeignKey("article.id")),
)
"""Stories of the archive beside an edition's own: `related` to one of them, or `most read`."""


def last_window_end(
    connection: Connection, newsletter_id: int, before: datetime
) -> datetime | None:
    """Give the cut-off of the last edition before this moment that has kept its stories.

    One that was abandoned covered nothing: its stories are in the next window again.
    """
    query = sa.select(sa.func.max(edition.c.cut_off_at)).where(
        edition.c.newsletter_id == newsletter_id,
        edition.c.cut_off_at < before,
        sa.exists().where(article_use.c.edition_id == edition.c.id),
    )
    end: datetime | None = connection.scalar(query)
    return end


def save_candidates(
    connection: Connection, edition_id: int, candidates: Iterable[Candidate]
) -> None:
    """Write every candidate of an edition with its verdict, replacing what was there."""
    connection.execute(sa.delete(candidate).where(candidate.c.edition_id == edition_id))
    rows = [_candidate_row(edition_id, weighed) for weighed in candidates]
    if rows:
        connection.execute(sa.insert(candidate), rows)


def record_uses(
    connection: Connection, newsletter_id: int, edition_id: int, chosen: Iterable[Candidate]
) -> None:
    """Write that these stories are used; in the transaction that makes the edition, or never."""
    rows = [
        {
            "newsletter_id": newsletter_id,
            "article_id": weighed.article.id,
            "edition_id": edition_id,
            "kind": (weighed.place or Place.BRIEF).value,
        }
        for weighed in chosen
    ]
    if rows:
        connection.execute(sa.insert(article_use), rows)


def release_uses(connection: Connection, edition_id: int) -> int:
    """Give an edition's stories back; in the transaction that abandons it. Tells how many."""
    mine = article_use.c.edition_id == edition_id
    return rows_changed(connection.execute(sa.delete(article_use).where(mine)))


def uses(
    connection: Connection, newsletter_id: int, article_ids: Collection[int]
) -> dict[int, str]:
    """Map those of these articles that the newsletter has used to the edition's address."""
    found: dict[int, str] = {}
    joined = EDITIONS.join(article_use, article_use.c.edition_id == edition.c.id)
    query = sa.select(*EDITION_COLUMNS, article_use.c.article_id).select_from(joined)
    mine = query.where(article_use.c.newsletter_id == newsletter_id)
    for ids in _chunks(article_ids):
        rows = connection.execute(mine.where(article_use.c.article_id.in_(ids)))
        found |= {row.article_id: edition_of(row).address for row in rows}
    return found


def candidates_for(
    connection: Connection, *, dated_from: datetime, seen_after: datetime, until: datetime
) -> list[Article]:
    """Give every article that can be eligible, and those whose exclusion wants a reason.

    Eligible asks for a date at or after `dated_from`: `published_at`, or else `first_seen_at`. The
    first two terms are that rule itself, so nothing eligible is outside, whenever its row was
    committed. The third adds all that was first seen since, back-dated or dated ahead.
    """
    article = article_store.article
    published = article.c.published_at.between(dated_from, until)
    undated = sa.and_(article.c.published_at.is_(None), article.c.first_seen_at >= dated_from)
    recent = article.c.first_seen_at > seen_after
    query = sa.select(article.c.id).where(
        article.c.first_seen_at <= until, sa.or_(published, undated, recent)
    )
    return article_store.articles_by_id(connection, list(connection.scalars(query)))


def load_selection(connection: Connection, edition_id: int) -> Selection:
    """Give an edition's candidates: the chosen as they are read, then the others, newest first."""
    query = sa.select(*_CANDIDATE_COLUMNS).where(candidate.c.edition_id == edition_id)
    rows = connection.execute(query).all()
    articles = {
        a.id: a for a in article_store.articles_by_id(connection, [row.article_id for row in rows])
    }
    weighed = [_candidate(row, articles[row.article_id]) for row in rows]
    chosen = Selection(tuple(weighed)).chosen
    others = {c.article.id: c for c in weighed if c.verdict is not Verdict.SELECTED}
    left_out = newest_first(c.article for c in others.values())
    return Selection((*chosen, *(others[a.id] for a in left_out)))


def weighings_of(connection: Connection, newsletter_id: int, weighed: Article) -> list[Weighing]:
    """Give every edition of a newsletter that weighed this article, newest first."""
    joined = EDITIONS.join(candidate, candidate.c.edition_id == edition.c.id)
    query = sa.select(*EDITION_COLUMNS, *_CANDIDATE_COLUMNS).select_from(joined)
    mine = query.where(
        edition.c.newsletter_id == newsletter_id, candidate.c.article_id == weighed.id
    )
    rows = connection.execute(mine.order_by(edition.c.cut_off_at.desc(), edition.c.id.desc()))
    return [Weighing(edition_of(row), _candidate(row, weighed)) for row in rows]


_CANDIDATE_COLUMNS = (
    candidate.c.article_id,
    candidate.c.verdict,
    candidate.c.reason.label("verdict_reason"),
    candidate.c.section,
    candidate.c.place,
    candidate.c.position,
    candidate.c.late,
    candidate.c.duplicate_of,
)
"""Both tables have a reason."""


def _candidate_row(edition_id: int, weighed: Candidate) -> dict[str, Any]:
    return {
        "edition_id": edition_id,
        "article_id": weighed.article.id,
        "article_revision": weighed.article.revision,
        "verdict": weighed.verdict.value,
        "reason": one_line(weighed.reason),
        "section": weighed.section,
        "place": weighed.place.value if weighed.place else None,
        "position": weighed.position,
        "late": weighed.late,
        "duplicate_of": weighed.duplicate_of,
    }


def _candidate(row: sa.Row[*tuple[Any, ...]], weighed: Article) -> Candidate:
    return Candidate(
        article=weighed,
        verdict=Verdict(row.verdict),
        reason=row.verdict_reason,
        section=row.section,
        place=Place(row.place) if row.place else None,
        position=row.position,
        late=row.late,
        duplicate_of=row.duplicate_of,
    )


def _chunks(ids: Collection[int]) -> Iterator[list[int]]:
    whole = list(ids)
    for start in range(0, len(whole), _IDS_AT_ONCE):
        yield whole[start : start + _IDS_AT_ONCE]
