"""Door to the database: make a slot's edition, or record why it has none, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from digest.clock import Clock
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.cadence import expiry
from digest.editions.further import with_related
from digest.editions.model import (
    Newsletter,
    Prepared,
    Selection,
    Slot,
    SlotState,
    Window,
)
from digest.editions.selection import used_up
from digest.editions.weigh import weigh
from digest.editions.wording import count_of, date_in_words
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

Notices = Callable[[Prepared], Sequence[NewNotice]]
"""Whom to tell of what was prepared, or of a skip."""

_REASONS_SAID = 3


def prepare(
    database: Database,
    newsletter: Newsletter,
    slot: Slot,
    *,
    clock: Clock,
    extra: str | None = None,
    only: Collection[int] | None = None,
    notices: Notices = lambda _prepared: (),
) -> Prepared:
    """Make the draft of a slot: stories, reasons and uses are written together, or not at all.

    `notices` are written with it. `extra` names a slot made by hand beside the day's regular one;
    `only` are articles asked for by name, and the edition is made of them alone: one story is
    enough for either. A slot that somebody took before, in whichever process, is given back as it
    is. A holiday and a slot with too few stories have no edition and take no number: their stories
    wait. Raises NotFoundError when the newsletter is not in the database.
    """
    made = slot if extra is None else replace(slot, name=extra, holiday=False)
    needed = newsletter.spec.stories.least if extra is None and only is None else 1
    with database.write() as connection:
        store.lock_newsletter(connection, newsletter.id)
        if not store.take_slot(connection, newsletter.id, made, SlotState.DUE):
            return _already(connection, newsletter, made)
        prepared = _make(connection, newsletter, made, needed=needed, only=only, now=clock())
        for notice in notices(prepared):
            outbox.put(connection, notice)
        return prepared


def _make(
    connection: Connection,
    newsletter: Newsletter,
    made: Slot,
    *,
    needed: int,
    only: Collection[int] | None,
    now: datetime,
) -> Prepared:
    if made.holiday:
        reason = f"{date_in_words(made.local_date)} is a holiday"
        return _without(connection, newsletter, made, SlotState.HOLIDAY, reason)
    window, selection = weigh(
        connection, newsletter, made.cut_off_at, now=now, slot=made, only=only
    )
    if len(selection.chosen) < needed:
        reason = too_few(selection, needed, only or ())
        store.tell_skipped(connection, newsletter, made, reason, at=now)
        return _without(connection, newsletter, made, SlotState.SKIPPED, reason)
    selection = with_related(connection, selection)
    return _draft(connection, newsletter, made, window, selection, only=only, now=now)


def too_few(selection: Selection, needed: int, only: Collection[int]) -> str:
    """Say why there is no edition: what is against the stories asked for, or how few there are."""
    asked = [c.reason.rstrip(".") for c in selection.left_out if c.article.id in only]
    if asked:
        return "; ".join(asked[:_REASONS_SAID])
    return f"{count_of(len(selection.chosen), 'new story', 'new stories')}, {needed} needed"


def _draft(
    connection: Connection,
    newsletter: Newsletter,
    slot: Slot,
    window: Window,
    selection: Selection,
    *,
    only: Collection[int] | None,
    now: datetime,
) -> Prepared:
    edition = store.insert_edition(
        connection,
        newsletter,
        slot,
        window=window,
        prepared_at=now,
        expires_at=expiry(newsletter.spec, slot),
        asked_for=only,
    )
    candidate_store.save_selection(connection, edition.id, selection)
    candidate_store.record_uses(connection, newsletter.id, edition.id, used_up(selection))
    store.set_slot(connection, newsletter.id, slot, SlotState.PREPARED)
    return Prepared(edition=edition, selection=selection)


def _without(
    connection: Connection, newsletter: Newsletter, slot: Slot, state: SlotState, reason: str
) -> Prepared:
    store.set_slot(connection, newsletter.id, slot, state, reason)
    return Prepared(edition=None, reason=reason)


def _already(connection: Connection, newsletter: Newsletter, slot: Slot) -> Prepared:
    edition = store.find_edition(
        connection, newsletter, local_date=slot.local_date, slot_name=slot.name
    )
    if edition is not None:
        selection = candidate_store.load_selection(connection, edition.id)
        return Prepared(edition=edition, selection=selection, reason=edition.reason, already=True)
    row = store.slot_row(connection, newsletter.id, slot.local_date, slot.name)
    return Prepared(edition=None, reason=row.reason if row else "", already=True)
