"""Take the slots that are due: each becomes an edition, a skip, a holiday or a miss, and once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from digest.editions import store as editions
from digest.editions.address import slot_address
from digest.editions.cadence import next_wake_up, slots_between
from digest.editions.model import Newsletter, Prepared, Slot, SlotState
from digest.editions.prepare import prepare
from digest.editions.wording import count_of
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.workflow import slot_store, store
from digest.workflow.catch_up import Miss, split_due
from digest.workflow.model import Newsroom, Step
from digest.workflow.telling import editors_notices, operators_notices

_MOMENT = timedelta(microseconds=1)
_JUST_NOW = timedelta(hours=1)
_LOOK_BACK = timedelta(days=8)
"""How far behind the last slot that was taken one may have been passed over. A promise from before
that was written by a clock that was behind; with it a change of days would make old misses."""


def take_due(newsroom: Newsroom, newsletter: Newsletter, now: datetime) -> list[Step]:
    """Take the slots of a newsletter whose cut-offs have come; tell what was done.

    What is due follows from the slots that were taken, and from `next_run_at`, the promise to
    look at that hour: it moves on only when all that was due is done, so a crash between two
    slots forgets neither. By any number of processes: the row of the slot decides.
    """
    with newsroom.database.read() as connection:
        wake_up = store.wake_up(connection, newsletter.id)
        last = store.last_taken(connection, newsletter.id, now=now) or newsletter.first_slot_after
        if wake_up is not None and wake_up <= now:
            last = min(last, max(wake_up - _MOMENT, last - _LOOK_BACK))
        if newsletter.first_slot_after <= now:  # else it was begun by a clock that was ahead
            last = max(last, newsletter.first_slot_after)
        slots = slots_between(newsletter.spec.cadence, last, now)
        taken = frozenset[tuple[date, str]]()
        if slots:
            taken = store.taken_slots(connection, newsletter.id, since=slots[0].local_date)
    split = split_due(slots, newsletter.spec, now)
    missed = [each for each in split.missed if _key(each.slot) not in taken]
    steps = _record_missed(newsroom, newsletter, missed)
    for slot in split.taken:
        if _key(slot) not in taken or _is_freed(newsroom, newsletter, slot, now):
            steps.append(take(newsroom, newsletter, slot))
    _promise(newsroom, newsletter, wake_up, now)
    return steps


def take(newsroom: Newsroom, newsletter: Newsletter, slot: Slot) -> Step:
    """Prepare one slot: an edition, a recorded skip or a holiday; the editors hear of a skip."""
    address = slot_address(newsletter.slug, slot)

    def notices(prepared: Prepared) -> list[NewNotice]:
        if prepared.edition is not None or slot.holiday:
            return []
        return _event(newsroom, "skipped", address, prepared.reason)

    prepared = prepare(newsroom.database, newsletter, slot, clock=newsroom.clock, notices=notices)
    if prepared.edition is not None:
        what = "already prepared" if prepared.already else "prepared"
        return Step(what, address, {"stories": len(prepared.selection.chosen)})
    return Step("holiday" if slot.holiday else "skipped", address, {"reason": prepared.reason})


def _promise(
    newsroom: Newsroom, newsletter: Newsletter, wake_up: datetime | None, now: datetime
) -> None:
    """Write when to look again, where what is written is over or too late."""
    coming = next_wake_up(newsletter.spec.cadence, now)
    if wake_up == coming:
        return
    # An earlier promise stays: another process may know a cadence that we do not.
    if wake_up is None or wake_up <= now or coming is None or wake_up > coming:
        with newsroom.database.write() as connection:
            editions.set_next_run(connection, newsletter.id, coming)


def _record_missed(
    newsroom: Newsroom, newsletter: Newsletter, misses: Sequence[Miss]
) -> list[Step]:
    """Record slots that nobody was there for; the editors hear of all of them in one mail."""
    if not misses:
        return []
    with newsroom.database.write() as connection:
        editions.lock_newsletter(connection, newsletter.id)
        ours = [
            miss
            for miss in misses
            if editions.take_slot(connection, newsletter.id, miss.slot, SlotState.MISSED)
        ]
        for miss in ours:
            editions.set_slot(connection, newsletter.id, miss.slot, SlotState.MISSED, miss.reason)
        told = [(slot_address(newsletter.slug, miss.slot), miss.reason) for miss in ours]
        for notice in _missed_notices(newsroom, told):
            outbox.put(connection, notice)
    return [Step("missed", address, {"reason": reason}, problem=True) for address, reason in told]


def _missed_notices(newsroom: Newsroom, told: Sequence[tuple[str, str]]) -> list[NewNotice]:
    if not told:
        return []
    last, reason = told[-1]
    if len(told) == 1:
        return _event(newsroom, "missed", last, reason)
    return editors_notices(
        newsroom.editors,
        event="missed",
        edition=last,
        headline=f"{count_of(len(told), 'edition was', 'editions were')} missed",
        reason=reason.replace("its hour", "their hours").replace("its stories", "their stories"),
        rows=[("missed", address) for address, _ in told],
        now=newsroom.clock(),
    )


def _is_freed(newsroom: Newsroom, newsletter: Newsletter, slot: Slot, now: datetime) -> bool:
    """Free a slot whose hour has only just come, and which was recorded as missed before it came.

    That takes a clock that was ahead: a machine which starts with a wrong one would else have
    missed each edition until the day that it believed in. Nothing is undone before the hour
    itself comes, as the clock that is wrong may well be the one of now.
    """
    if slot.holiday or now - slot.cut_off_at >= _JUST_NOW:
        return False
    with newsroom.database.read() as connection:
        row = editions.slot_row(connection, newsletter.id, slot.local_date, slot.name)
    if row is None or row.state is not SlotState.MISSED:
        return False
    with newsroom.database.write() as connection:
        freed = slot_store.free_miss(connection, newsletter.id, slot)
        for notice in _clock_notices(newsroom, slot_address(newsletter.slug, slot)):
            outbox.put(connection, notice)
    return freed


def _clock_notices(newsroom: Newsroom, address: str) -> list[NewNotice]:
    return operators_notices(
        newsroom.operators,
        key="clock ahead",
        what="the clock has been ahead",
        detail=f"{address} was recorded as missed before its hour came. It is made now.",
        remedy="Let the machine take the time from the network (NTP) before digest starts.",
        now=newsroom.clock(),
        a_day=newsroom.mails_a_day,
    )


def _key(slot: Slot) -> tuple[date, str]:
    return slot.local_date, slot.name


def _event(newsroom: Newsroom, event: str, address: str, reason: str) -> list[NewNotice]:
    return editors_notices(
        newsroom.editors,
        event=event,
        edition=address,
        headline=f"{address} is {event}",
        reason=reason,
        now=newsroom.clock(),
    )
