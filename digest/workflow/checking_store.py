"""Door to what the checks ask of earlier editions, and of stories as they were composed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.editions.candidate_store import candidate
from digest.editions.model import Verdict
from digest.sources.article_store import article_revision


def story_counts(connection: Connection, edition_ids: Sequence[int]) -> Mapping[int, int]:
    """Count the stories of each of these editions; one without any is left out."""
    query = (
        sa.select(candidate.c.edition_id, sa.func.count())
        .where(
            candidate.c.edition_id.in_(list(edition_ids)),
            candidate.c.verdict == Verdict.SELECTED.value,
        )
        .group_by(candidate.c.edition_id)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def headlines_composed(
    connection: Connection, edition_id: int, article_ids: Sequence[int]
) -> Mapping[int, str]:
    """Give the headlines that stories had when the edition was composed, where they had others."""
    was = sa.and_(
        article_revision.c.article_id == candidate.c.article_id,
        article_revision.c.n == candidate.c.article_revision,
    )
    query = (
        sa.select(article_revision.c.article_id, article_revision.c.headline)
        .join(candidate, was)
        .where(
            candidate.c.edition_id == edition_id,
            candidate.c.article_id.in_(list(article_ids)),
        )
    )
    return {row.article_id: row.headline for row in connection.execute(query)}
