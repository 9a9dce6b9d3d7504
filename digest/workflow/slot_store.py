"""Door to slots that were recorded as missed by a clock that was ahead."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import rows_changed
from digest.editions.model import Slot, SlotState
from digest.editions.store import slot


def free_miss(connection: Connection, newsletter_id: int, missed: Slot) -> bool:
    """Forget that a slot was missed, so that it can be taken; False when it has not been."""
    mine = (slot.c.newsletter_id == newsletter_id) & (slot.c.local_date == missed.local_date)
    same = mine & (slot.c.name == missed.name) & (slot.c.state == SlotState.MISSED.value)
    return rows_changed(connection.execute(sa.delete(slot).where(same))) == 1
