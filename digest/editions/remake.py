"""Door to the database: choose an unsent edition's stories again, with what was chosen since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from digest.editions import candidate_store, choice_store, store
from digest.editions.abandon import is_unsent, may_be_mended
from digest.editions.further import with_related
from digest.editions.model import Edition, Newsletter, Selection
from digest.editions.selection import used_up
from digest.editions.weigh import weigh_within

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


def remake(
    connection: Connection, newsletter: Newsletter, edition: Edition, *, now: datetime
) -> Selection | None:
    """Weigh an edition again under its own cut-off, and write its stories, reasons and uses anew.

    Needs a write transaction, which is the caller's. An edition that was made for stories asked for
    by name stays one. None, and nothing is changed, when it is on its way by now or was given up.
    """
    store.lock_newsletter(connection, newsletter.id)
    locked = candidate_store.lock_edition(connection, edition.id) is not None
    if not locked or not is_unsent(store.edition_by_id(connection, edition.id)):
        return None
    chosen = weigh_within(
        connection,
        newsletter,
        edition.window,
        now=now,
        orders=choice_store.orders_for(
            connection, newsletter.id, edition.local_date, edition.slot_name
        ),
        edition_id=edition.id,
        only=edition.asked_for,
    )
    selection = with_related(connection, chosen)
    candidate_store.release_uses(connection, edition.id)
    candidate_store.save_selection(connection, edition.id, selection)
    candidate_store.record_uses(connection, newsletter.id, edition.id, used_up(selection))
    return selection


def mend(
    connection: Connection, newsletter: Newsletter, edition: Edition, *, now: datetime
) -> Selection | None:
    """Lay out an edition anew that was stopped half-way: of the stories that it has, and no others.

    Needs a write transaction, which is the caller's. Whoever has the letter would never get a story
    that came in now, and would get one again that went out of it: so none comes in, and every use
    stays. None, and nothing is changed, when it is on its way again or its time is over.
    """
    store.lock_newsletter(connection, newsletter.id)
    locked = candidate_store.lock_edition(connection, edition.id) is not None
    if not locked or not may_be_mended(store.edition_by_id(connection, edition.id), now):
        return None
    used = candidate_store.used_in(connection, edition.id)
    before = candidate_store.load_selection(connection, edition.id)
    chosen = weigh_within(
        connection,
        newsletter,
        edition.window,
        now=now,
        orders=choice_store.orders_for(
            connection, newsletter.id, edition.local_date, edition.slot_name
        ),
        edition_id=edition.id,
        among=used,
    )
    others = (c for c in before.left_out if c.article.id not in used)
    related = with_related(connection, chosen)
    selection = replace(
        related,
        candidates=(*related.candidates, *others),
        most_read=before.most_read,
    )
    candidate_store.save_selection(connection, edition.id, selection)
    return selection
