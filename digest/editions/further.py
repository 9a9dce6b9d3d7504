"""Door to the database: what readers of lead and top stories may go on with, from the archive."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from math import fsum
from typing import TYPE_CHECKING

from digest.editions import candidate_store
from digest.editions.model import Place, Selection
from digest.editions.related import Archive, find_related, indexed_terms, least_in_common
from digest.sources import article_store
from digest.sources.model import Article

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_PLACES = frozenset({Place.LEAD, Place.TOP})
_OLDEST = timedelta(days=400)
"""A little more than a year: last summer's regatta still says something about this one's."""
_MOST_HOLDERS = 1_000
"""A term that more articles hold tells too little for the reading it costs."""
_MOST_READ_ROWS = 2_000
"""Rows of the index read for one story: its rarest terms first, and no more of them than that."""
_MOST_WEIGHED = 25
"""Articles that are read in full for one story."""


def with_related(connection: Connection, selection: Selection) -> Selection:
    """Give the selection with up to three older stories beside each of its lead and top stories.

    Work is bounded whatever the archive holds: common terms are skipped, and only the stories with
    the most in common are read. A story of the archive stands beside one of them only.
    """
    asking = [c.article for c in selection.chosen if c.place in _PLACES]
    found = _found(connection, asking, taken={c.article.id for c in selection.chosen})
    candidates = (
        replace(c, related=found[c.article.id]) if c.article.id in found else c
        for c in selection.candidates
    )
    return replace(selection, candidates=tuple(candidates))


def _found(
    connection: Connection, asking: Sequence[Article], *, taken: set[int]
) -> dict[int, tuple[Article, ...]]:
    terms = {article.id: indexed_terms(article) for article in asking}
    wanted = frozenset().union(*terms.values())
    archive = candidate_store.count_terms(connection, wanted, most=_MOST_HOLDERS)
    rare = {number: _rarest(words, archive) for number, words in terms.items()}
    holders = candidate_store.holders_of(connection, frozenset().union(*rare.values()))
    shelf = _Shelf(archive, holders)
    found: dict[int, tuple[Article, ...]] = {}
    for article in asking:
        near = shelf.nearest(terms[article.id], rare[article.id])
        older = _read(connection, article, [number for number in near if number not in taken])
        found[article.id] = find_related(article, older, archive=archive)
        taken.update(each.id for each in found[article.id])
    return found


def _rarest(terms: Iterable[str], archive: Archive) -> frozenset[str]:
    """Give the rarest of these terms, as many as may be read."""
    rows, taken = 0, set()
    for term in sorted(terms, key=lambda term: (archive.holding.get(term, 0), term)):
        held = archive.holding.get(term)
        if held is None:
            continue
        rows += held
        if rows > _MOST_READ_ROWS:
            break
        taken.add(term)
    return frozenset(taken)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The rows of the index that were read."""

    archive: Archive
    holders: Mapping[str, Sequence[int]]

    def nearest(self, terms: Collection[str], rare: Collection[str]) -> list[int]:
        """Give the articles that may be near by the terms read, those with most in common first."""
        common: defaultdict[int, list[float]] = defaultdict(list)
        for term in rare:
            weight = self.archive.weight(term)
            for number in self.holders.get(term, ()):
                common[number].append(weight)
        unseen = fsum(self.archive.weight(term) for term in terms if term not in rare)
        least = least_in_common(unseen)
        weights = {number: fsum(each) for number, each in common.items()}
        near = [number for number, weight in weights.items() if weight >= least]
        return sorted(near, key=lambda number: (-weights[number], -number))


def _read(connection: Connection, article: Article, near: Sequence[int]) -> list[Article]:
    if not near:
        return []
    since = article.dated_at - _OLDEST
    some = near[: 8 * _MOST_WEIGHED]
    within = candidate_store.dated_within(connection, some, since=since, until=article.dated_at)
    ids = [number for number in some if number in within][:_MOST_WEIGHED]
    return article_store.articles_by_id(connection, ids)
