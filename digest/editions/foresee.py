"""Door to the database: the edition that `prepare` would make of a slot, with nothing written."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from digest.editions import store
from digest.editions.cadence import expiry
from digest.editions.further import with_related
from digest.editions.model import (
    MAIN_SLOT,
    Edition,
    EditionState,
    Newsletter,
    Selection,
    Slot,
    Window,
)
from digest.editions.prepare import too_few
from digest.editions.weigh import weigh

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True)
class Foreseen:
    """The edition of a slot as it would be made, or why there would be none (`reason`)."""

    edition: Edition
    selection: Selection = field(default_factory=Selection)
    reason: str = ""


def foresee(
    connection: Connection, newsletter: Newsletter, slot: Slot, *, now: datetime
) -> Foreseen:
    """Weigh for a slot as `prepare` would at `now`.

    Of a slot that has an edition already, what that one holds is free: it is weighed once more,
    under its number. Else number and id are those that the next edition gets.
    """
    there = store.find_edition(
        connection, newsletter, local_date=slot.local_date, slot_name=slot.name
    )
    window, selection = weigh(
        connection,
        newsletter,
        slot.cut_off_at,
        now=now,
        slot=slot,
        edition_id=there.id if there else None,
    )
    edition = _edition(connection, newsletter, slot, window, there=there, now=now)
    needed = 1 if is_extra(newsletter, slot) else newsletter.spec.stories.least
    if len(selection.chosen) < needed:
        return Foreseen(edition, selection, too_few(selection, needed, ()))
    return Foreseen(edition, with_related(connection, selection))


def _edition(
    connection: Connection,
    newsletter: Newsletter,
    slot: Slot,
    window: Window,
    *,
    there: Edition | None,
    now: datetime,
) -> Edition:
    return Edition(
        id=there.id if there else store.next_id(connection),
        newsletter_id=newsletter.id,
        slug=newsletter.slug,
        local_date=slot.local_date,
        slot_name=slot.name,
        number=there.number if there else store.next_number(connection, newsletter.id),
        state=EditionState.DRAFT,
        window=window,
        send_at=slot.send_at,
        prepared_at=now,
        expires_at=expiry(newsletter.spec, slot),
        revision=there.revision if there else 1,
    )


def is_extra(newsletter: Newsletter, slot: Slot) -> bool:
    """Tell whether a slot stands beside those of the cadence: then one story is enough."""
    return slot.name not in {MAIN_SLOT, *(hours.name for hours in newsletter.spec.cadence.slots)}
