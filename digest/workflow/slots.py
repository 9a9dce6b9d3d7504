"""Door to the slots: which one a person means, and whether there are stories enough for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.clock import to_utc
from digest.editions import store as editions
from digest.editions.cadence import next_slot, slots_between, slots_on
from digest.editions.foresee import is_extra
from digest.editions.model import Cadence, EditionState, Newsletter, Slot
from digest.editions.prepare import too_few
from digest.editions.weigh import weigh
from digest.errors import UsageError
from digest.workflow.model import Newsroom
from digest.workflow.store import last_taken

_OPEN = frozenset({EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD})


def slot_meant(
    newsroom: Newsroom,
    newsletter: Newsletter,
    at: datetime | None,
    *,
    extra: bool,
    only: Collection[int] | None = None,
) -> Slot:
    """Choose the slot: the one that is due, else the next, cut off now; or that of `at`.

    A newsletter made by hand has one today, to be sent when it is approved, and another once the
    first is under way. An `extra` one stands beside the day's own, and so does one of `only` these
    articles: the same that is still being made for them, if there is one.
    Raises UsageError when `at` is still to come: the slots before it would never be made.
    """
    now = newsroom.clock()
    if at is not None and at > now:
        raise UsageError(
            f"prepare: --at {at:%Y-%m-%dT%H:%M}: that is still to come",
            hint="Leave --at out to cut off now; digest serve makes it at its hour.",
        )
    extra = extra or (only is not None and not newsletter.spec.cadence.by_hand_only)
    if at is not None or extra or newsletter.spec.cadence.by_hand_only:
        slot = _by_hand(newsletter, now if at is None else to_utc(at), now=now)
        if at is not None and not extra:
            return slot
        return _beside(newsroom, newsletter, slot, extra=extra, only=only)
    cadence = newsletter.spec.cadence
    with newsroom.database.read() as connection:
        last = last_taken(connection, newsletter.id, now=now) or newsletter.first_slot_after
    due = [s for s in slots_between(cadence, last, now) if not s.holiday]
    chosen = due[-1] if due else next_slot(cadence, now)
    if chosen is None:  # every date it could have is a holiday
        return _by_hand(newsletter, now, now=now)
    return replace(chosen, cut_off_at=min(chosen.cut_off_at, now))


def slot_as_of(newsletter: Newsletter, at: datetime, *, now: datetime) -> Slot:
    """Choose the slot that `prepare` would make at a moment, cut off by then: for looking only.

    Of a moment that is over it is that day's, as with `prepare --at`; of one to come the first
    that is not sent before it.
    """
    at = to_utc(at)
    if at > now:
        # `next_slot` wants a later hour than the one it is given, and 07:00 means the one of 07:00.
        coming = next_slot(newsletter.spec.cadence, at - timedelta(microseconds=1))
        if coming is not None:
            return replace(coming, cut_off_at=min(coming.cut_off_at, at))
    return _by_hand(newsletter, at, now=now)


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why a slot would have no edition now, and how many stories are out for which reason."""

    reason: str
    left_out: Mapping[str, int]


def shortage(
    newsroom: Newsroom, newsletter: Newsletter, slot: Slot, *, only: Collection[int] | None = None
) -> Shortage | None:
    """Find out whether a slot that is free would have too few stories now.

    `prepare` would take the slot and record a skip: right at its hour, but not because somebody
    typed a command on the evening before.
    """
    few = only is not None or is_extra(newsletter, slot)
    needed = 1 if few else newsletter.spec.stories.least
    with newsroom.database.read() as connection:
        if editions.slot_row(connection, newsletter.id, slot.local_date, slot.name) is not None:
            return None
        _, selection = weigh(
            connection, newsletter, slot.cut_off_at, now=newsroom.clock(), slot=slot, only=only
        )
    if len(selection.chosen) >= needed:
        return None
    reason = too_few(selection, needed, only or ())
    if only is not None:
        return Shortage(reason, {})
    return Shortage(reason, Counter(str(each.verdict) for each in selection.left_out))


def _by_hand(newsletter: Newsletter, cut_off_at: datetime, *, now: datetime) -> Slot:
    """Give the slot of a moment that is over; its letter leaves when it is approved.

    On a day of the newsletter it leaves at the usual hour, if that is still to come.
    """
    cadence = newsletter.spec.cadence
    local_date = cut_off_at.astimezone(ZoneInfo(cadence.zone)).date()
    regular = _regular(cadence, local_date, cut_off_at)
    if regular is None:
        made_for = not cadence.by_hand_only
        return Slot(local_date, cut_off_at, cut_off_at, by_hand=made_for)
    send_at = regular.send_at if regular.send_at > now else cut_off_at
    return Slot(local_date, cut_off_at, send_at, regular.name)


def _regular(cadence: Cadence, day: date, at: datetime) -> Slot | None:
    """Give the day's last slot that was cut off by then, else its first; a holiday's is none."""
    slots = [slot for slot in slots_on(cadence, day) if not slot.holiday]
    over = [slot for slot in slots if slot.cut_off_at <= at]
    return (*slots[:1], *over)[-1] if slots else None


def _beside(
    newsroom: Newsroom,
    newsletter: Newsletter,
    slot: Slot,
    *,
    extra: bool,
    only: Collection[int] | None,
) -> Slot:
    """Give the day's first slot that is free, or whose edition is still being made."""
    names = [] if extra else [slot.name]
    names += ["extra", *(f"extra-{n}" for n in range(2, 1000))]
    day = slot.local_date
    name = next(name for name in names if _may_take(newsroom, newsletter, day, name, only))
    if name == slot.name:
        return slot
    return replace(slot, name=name, send_at=slot.cut_off_at, by_hand=True)


def _may_take(
    newsroom: Newsroom, newsletter: Newsletter, day: date, name: str, only: Collection[int] | None
) -> bool:
    with newsroom.database.read() as connection:
        if editions.slot_row(connection, newsletter.id, day, name) is None:
            return True
        found = editions.find_edition(connection, newsletter, local_date=day, slot_name=name)
        if found is None or found.state not in _OPEN:
            return False
        return only is None or found.asked_for == frozenset(only)
