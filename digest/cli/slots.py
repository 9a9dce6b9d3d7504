"""The slots a command means: `prepare` names them by its options, `preview` by a moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import TYPE_CHECKING

from digest.workflow import slots
from digest.workflow.slots import Shortage, slot_as_of

if TYPE_CHECKING:
    from digest.app import App
    from digest.editions.model import Newsletter, Slot

__all__ = ["Shortage", "shortage", "slot_as_of", "slot_meant"]


def slot_meant(
    app: App,
    newsletter: Newsletter,
    at: datetime | None,
    *,
    extra: bool,
    only: Collection[int] | None = None,
) -> Slot:
    """Choose the slot: see `workflow.slots.slot_meant`."""
    return slots.slot_meant(app.newsroom, newsletter, at, extra=extra, only=only)


def shortage(
    app: App, newsletter: Newsletter, slot: Slot, *, only: Collection[int] | None = None
) -> Shortage | None:
    """Find out whether a slot would have too few stories: see `workflow.slots.shortage`."""
    return slots.shortage(app.newsroom, newsletter, slot, only=only)
