"""Pure. After an absence: the latest slot is made, the ones before it are recorded as missed."""

from __future__ import annotations

from collections.abc import Sequence

from digest.editions.model import Slot


def split_due(slots: Sequence[Slot]) -> tuple[list[Slot], list[Slot]]:
    """Split due slots (oldest first) in those to record as missed and those to take now.

    A holiday is always taken: taking it only records it. Of the rest the latest is taken; no story
    is lost by it, because what a missed edition would have had is eligible for the next.
    """
    regular = [slot for slot in slots if not slot.holiday]
    latest = regular[-1:]
    missed = regular[:-1]
    return missed, [slot for slot in slots if slot.holiday or slot in latest]
