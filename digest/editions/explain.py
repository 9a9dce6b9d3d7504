"""Door to the database: why a story is in or out, and why an edition is as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from digest.clock import Clock
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.address import parse_address
from digest.editions.cadence import next_cut_off, slots_between
from digest.editions.model import (
    MAIN_SLOT,
    EditionAddress,
    EditionExplanation,
    Explanation,
    Newsletter,
    Selection,
    Slot,
    StoryExplanation,
    StoryFate,
)
from digest.editions.weigh import weigh
from digest.errors import NotFoundError
from digest.sources import article_store
from digest.sources.model import Article

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_MOST_STORIES = 20


def explain(
    database: Database, newsletters: Sequence[Newsletter], query: str, *, clock: Clock
) -> Explanation:
    """Answer for an edition's address, else for the stories whose headlines hold the words.

    Only reads. Raises NotFoundError when an address names an edition that never was.
    """
    by_slug = {newsletter.slug: newsletter for newsletter in newsletters}
    address = parse_address(query, by_slug)
    with database.read() as connection:
        if address is not None:
            answer = _explain_edition(connection, by_slug[address.slug], address)
            return Explanation(query=query, edition=answer)
        articles = article_store.search_articles(connection, query, limit=_MOST_STORIES)
        fates = [
            _fates(connection, newsletter, articles, now=clock()) for newsletter in newsletters
        ]
        stories = (
            StoryExplanation(article, tuple(told))
            for article, *told in zip(articles, *fates, strict=True)
        )
        return Explanation(query=query, stories=tuple(stories))


def _fates(
    connection: Connection, newsletter: Newsletter, articles: Sequence[Article], *, now: datetime
) -> list[StoryFate]:
    slot = _next_slot(newsletter, now)
    cut_off_at = slot.cut_off_at if slot else now
    _, selection = weigh(connection, newsletter, cut_off_at, now=now, also=articles, slot=slot)
    forecasts = {candidate.article.id: candidate for candidate in selection.candidates}
    return [
        StoryFate(
            newsletter=newsletter,
            weighings=tuple(candidate_store.weighings_of(connection, newsletter.id, article)),
            forecast=forecasts[article.id],
            cut_off_at=cut_off_at,
        )
        for article in articles
    ]


def _next_slot(newsletter: Newsletter, now: datetime) -> Slot | None:
    """Give the slot of the next cut-off: what was chosen for it already counts."""
    cadence = newsletter.spec.cadence
    cut_off_at = next_cut_off(cadence, now)
    if cut_off_at is None:
        return None
    return next(s for s in slots_between(cadence, now, cut_off_at) if not s.holiday)


def _explain_edition(
    connection: Connection, newsletter: Newsletter, address: EditionAddress
) -> EditionExplanation:
    edition = store.find_edition(
        connection,
        newsletter,
        number=address.number,
        local_date=address.local_date,
        slot_name=address.slot_name,
    )
    day = edition.local_date if edition else address.local_date
    name = edition.slot_name if edition else address.slot_name or MAIN_SLOT
    slot = store.slot_row(connection, newsletter.id, day, name) if day else None
    if edition is None and slot is None:
        raise NotFoundError(
            f"edition: {address}: there is none",
            hint=f"Try `digest status`, or `digest explain {address.slug}` for the current one.",
        )
    selection = candidate_store.load_selection(connection, edition.id) if edition else Selection()
    reason = (edition.reason if edition else "") or (slot.reason if slot else "")
    return EditionExplanation(newsletter, edition, slot, selection, reason)
