"""Door to the database: what a newsletter would choose at a cut-off, from what is known now."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING

from digest.editions import candidate_store, category_store, choice_store
from digest.editions.model import NO_ORDERS, Newsletter, Orders, Selection, Slot, Window
from digest.editions.sections import with_sorted
from digest.editions.selection import select
from digest.sources import article_store
from digest.sources.model import Article

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SlotKey = tuple[date, str]
"""A slot's local date and name: where its choices are kept."""


def weigh(
    connection: Connection,
    newsletter: Newsletter,
    cut_off_at: datetime,
    *,
    now: datetime,
    also: Sequence[Article] = (),
    slot: Slot | SlotKey | None = None,
    edition_id: int | None = None,
    only: Collection[int] | None = None,
) -> tuple[Window, Selection]:
    """Select for a cut-off from all that is known now; `also` are weighed whatever their dates.

    Changes nothing. `slot` is the one whose choices count; without it none do. What `edition_id`
    uses is free: it is being weighed again. `only` are the articles asked for by name. The window
    begins where the last edition that kept its stories ended.
    """
    last = candidate_store.last_window_end(connection, newsletter.id, cut_off_at)
    window = Window(after=min(last or newsletter.epoch_at, cut_off_at), until=cut_off_at)
    selection = weigh_within(
        connection,
        newsletter,
        window,
        now=now,
        also=also,
        orders=_orders(connection, newsletter, slot),
        edition_id=edition_id,
        only=only,
    )
    return window, selection


def weigh_within(
    connection: Connection,
    newsletter: Newsletter,
    window: Window,
    *,
    now: datetime,
    also: Sequence[Article] = (),
    orders: Orders = NO_ORDERS,
    edition_id: int | None = None,
    only: Collection[int] | None = None,
    among: Collection[int] | None = None,
) -> Selection:
    """Select for a window that is known, as `weigh` does; with `among`, of these articles alone."""
    dated_from = window.until - newsletter.spec.stories.max_age
    articles = candidate_store.candidates_for(
        connection,
        dated_from=dated_from,
        seen_after=min(dated_from, window.after),
        until=max(now, window.until),
    )
    # Whatever their dates: an old story that was pinned is in none of the ranges.
    named = {*orders.pinned, *(only or ()), *(among or ())} - {article.id for article in articles}
    articles += [*also, *article_store.articles_by_id(connection, sorted(named))]
    if among is not None:
        articles = [article for article in articles if article.id in among]
    ids = {article.id for article in articles}
    spec = newsletter.spec
    # Read each time: what somebody sorts at the desk counts at once, in every process.
    sections = with_sorted(spec.sections, category_store.sorted_categories(connection))
    return select(
        articles,
        newsletter=replace(newsletter, spec=replace(spec, sections=sections)),
        window=window,
        used=candidate_store.uses(connection, newsletter.id, ids, except_in=edition_id),
        orders=orders,
        carried=candidate_store.carried(connection, spec.brief_if_sent_in, ids),
        only=only,
    )


def _orders(connection: Connection, newsletter: Newsletter, slot: Slot | SlotKey | None) -> Orders:
    if slot is None:
        return NO_ORDERS
    local_date, name = (slot.local_date, slot.name) if isinstance(slot, Slot) else slot
    return choice_store.orders_for(connection, newsletter.id, local_date, name)
