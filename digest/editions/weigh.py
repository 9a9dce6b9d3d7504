"""Door to the database: what a newsletter would choose at a cut-off, from what is known now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from digest.editions import candidate_store
from digest.editions.model import Newsletter, Selection, Window
from digest.editions.selection import select
from digest.sources.model import Article

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def weigh(
    connection: Connection,
    newsletter: Newsletter,
    cut_off_at: datetime,
    *,
    now: datetime,
    also: Sequence[Article] = (),
) -> tuple[Window, Selection]:
    """Select for a cut-off from all that is known now; `also` are weighed whatever their dates.

    Changes nothing. The window begins where the last edition that kept its stories ended.
    """
    last = candidate_store.last_window_end(connection, newsletter.id, cut_off_at)
    window = Window(after=min(last or newsletter.epoch_at, cut_off_at), until=cut_off_at)
    dated_from = cut_off_at - newsletter.spec.stories.max_age
    articles = candidate_store.candidates_for(
        connection,
        dated_from=dated_from,
        seen_after=min(dated_from, window.after),
        until=max(now, cut_off_at),
    )
    articles = [*articles, *also]
    used = candidate_store.uses(connection, newsletter.id, {article.id for article in articles})
    return window, select(articles, newsletter=newsletter, window=window, used=used)
