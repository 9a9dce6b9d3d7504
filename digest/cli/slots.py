"""Door to the slots: which one `prepare` means, and whether there are stories enough for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest.clock import to_utc
from digest.editions import store as editions
from digest.editions.cadence import next_slot, slot_on, slots_between
from digest.editions.model import MAIN_SLOT, EditionState, Newsletter, Slot
from digest.editions.weigh import weigh
from digest.editions.wording import count_of
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.app import App

_OPEN = frozenset({EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD})


def slot_meant(app: App, newsletter: Newsletter, at: datetime | None, *, extra: bool) -> Slot:
    """Choose the slot: the one that is due, else the next, cut off now; or that of `at`.

    A newsletter made by hand has one today, to be sent when it is approved, and another once the
    first is under way. An `extra` one stands beside the day's own.
    Raises UsageError when `at` is still to come: the slots before it would never be made.
    """
    now = app.clock()
    if at is not None and at > now:
        raise UsageError(
            f"prepare: --at {at:%Y-%m-%dT%H:%M}: that is still to come",
            hint="Leave --at out to cut off now; digest serve makes it at its hour.",
        )
    if at is not None or extra or not newsletter.spec.cadence.days:
        slot = _by_hand(newsletter, now if at is None else to_utc(at), now=now)
        return _beside(app, newsletter, slot, extra=extra) if at is None or extra else slot
    cadence = newsletter.spec.cadence
    due = [s for s in slots_between(cadence, app.last_slot(newsletter), now) if not s.holiday]
    chosen = due[-1] if due else next_slot(cadence, now)
    if chosen is None:  # every date it could have is a holiday
        return _by_hand(newsletter, now, now=now)
    return replace(chosen, cut_off_at=min(chosen.cut_off_at, now))


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a slot would have no edition now, and how many stories are out for which reason."""

    reason: str
    left_out: Mapping[str, int]


def shortage(app: App, newsletter: Newsletter, slot: Slot) -> Shortage | None:
    """Find out whether a slot that is free would have too few stories now.

    `prepare` would take the slot and record a skip: right at its hour, but not because somebody
    typed a command on the evening before.
    """
    needed = newsletter.spec.stories.least if slot.name == MAIN_SLOT else 1
    with app.database.read() as connection:
        if editions.slot_row(connection, newsletter.id, slot.local_date, slot.name) is not None:
            return None
        _, selection = weigh(connection, newsletter, slot.cut_off_at, now=app.clock())
    count = len(selection.chosen)
    if count >= needed:
        return None
    reason = f"{count_of(count, 'new story', 'new stories')}, {needed} needed"
    return Shortage(reason, Counter(str(each.verdict) for each in selection.left_out))


def _by_hand(newsletter: Newsletter, cut_off_at: datetime, *, now: datetime) -> Slot:
    """Give the slot of a moment that is over; its letter leaves when it is approved.

    On a day of the newsletter it leaves at the usual hour, if that is still to come.
    """
    cadence = newsletter.spec.cadence
    local_date = cut_off_at.astimezone(ZoneInfo(cadence.zone)).date()
    regular = slot_on(cadence, local_date)
    usual = regular.send_at if regular is not None and not regular.holiday else cut_off_at
    send_at = usual if usual > now else cut_off_at
    return Slot(local_date=local_date, cut_off_at=cut_off_at, send_at=send_at)


def _beside(app: App, newsletter: Newsletter, slot: Slot, *, extra: bool) -> Slot:
    """Give the day's first slot that is free, or whose edition is still being made."""
    names = [] if extra else [MAIN_SLOT]
    names += ["extra", *(f"extra-{n}" for n in range(2, 1000))]
    name = next(name for name in names if _may_take(app, newsletter, slot.local_date, name))
    if name == MAIN_SLOT:
        return slot
    return replace(slot, name=name, send_at=slot.cut_off_at)


def _may_take(app: App, newsletter: Newsletter, day: date, name: str) -> bool:
    with app.database.read() as connection:
        if editions.slot_row(connection, newsletter.id, day, name) is None:
            return True
        found = editions.find_edition(connection, newsletter, local_date=day, slot_name=name)
    return found is not None and found.state in _OPEN
