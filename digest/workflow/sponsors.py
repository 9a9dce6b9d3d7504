"""Door to the database: the slots to come with their sponsors, and booking one by date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from digest.editions import choice_store
from digest.editions.abandon import is_unsent
from digest.editions.address import address_of
from digest.editions.cadence import slots_on
from digest.editions.choices import effective
from digest.editions.model import (
    Act,
    Choice,
    Edition,
    EditionAddress,
    NewChoice,
    Newsletter,
    Slot,
    Sponsor,
)
from digest.errors import UsageError
from digest.people.store import append_audit
from digest.workflow import calendar_store
from digest.workflow.choose import Chosen, choose, target_of
from digest.workflow.halt import Person
from digest.workflow.model import Newsroom

_LONGEST_SUBJECT = 120
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SponsorSlot:
    """One letter to come, and who stands in it; `send_at` is aware UTC."""

    newsletter: Newsletter
    local_date: date
    slot_name: str
    send_at: datetime
    last_seq: int
    """The number of the last choice for it: who books says what they have seen."""
    edition: Edition | None = None
    sponsor: Sponsor | None = None
    booked_by: str = ""
    booked_at: datetime | None = None

    @property
    def address(self) -> str:
        """`daily/2026-01-09`."""
        return address_of(self.newsletter.slug, self.local_date, self.slot_name)


def coming(
    newsroom: Newsroom, *, days: int, newsletter: Newsletter | None = None
) -> list[SponsorSlot]:
    """Give the letters of the next days that have not gone yet, in the order of their hours."""
    letters = newsroom.newsletters if newsletter is None else (newsletter,)
    found = [slot for each in letters for slot in _coming(newsroom, each, days)]
    return sorted(found, key=lambda slot: (slot.send_at, slot.newsletter.slug, slot.slot_name))


def find_slot(newsroom: Newsroom, newsletter: Newsletter, day: date, name: str) -> SponsorSlot:
    """Give one letter to come. Raises DigestError for one that is none, or over."""
    target = target_of(
        newsroom, newsletter, EditionAddress(newsletter.slug, local_date=day, slot_name=name)
    )
    send_at = target.send_at
    edition = target if isinstance(target, Edition) else None
    with newsroom.database.read() as connection:
        log = choice_store.load_log(connection, newsletter.id, day, name)
    return _with_booking(SponsorSlot(newsletter, day, name, send_at, 0, edition), log)


def book(
    newsroom: Newsroom,
    slot: SponsorSlot,
    *,
    text: str,
    url: str,
    by: Person,
    expect_seq: int | None = None,
) -> Chosen:
    """Book the sponsor's line of a letter to come, or change it; an empty text cancels it.

    It is a choice like any other: an edition that is there is composed again, and an approval is
    revoked. Raises UsageError for an address without a line, and what `choose` raises.
    """
    if url.strip() and not text.strip():
        raise UsageError("sponsor: the line is empty", hint="Say who pays for this letter.")
    target = target_of(
        newsroom,
        slot.newsletter,
        EditionAddress(slot.newsletter.slug, local_date=slot.local_date, slot_name=slot.slot_name),
    )
    chosen = choose(
        newsroom,
        slot.newsletter,
        target,
        NewChoice(Act.SPONSOR, text=text, url=url),
        by=by.name,
        expect_seq=expect_seq,
    )
    with newsroom.database.write() as connection:
        append_audit(
            connection,
            at=newsroom.clock(),
            actor=by.actor,
            verb="sponsor.book" if chosen.choice.what.text else "sponsor.cancel",
            subject=chosen.address[:_LONGEST_SUBJECT],
            detail={"by": by.name, "line": chosen.choice.what.text},
        )
    return chosen


def _coming(newsroom: Newsroom, newsletter: Newsletter, days: int) -> list[SponsorSlot]:
    now, cadence = newsroom.clock(), newsletter.spec.cadence
    first = now.date() - _ONE_DAY  # a zone may be a day behind, or ahead
    last = first + timedelta(days=days + 2)
    slots = [
        slot
        for n in range((last - first).days)
        for slot in slots_on(cadence, first + timedelta(days=n))
        if not slot.holiday
    ]
    with newsroom.database.read() as connection:
        made = calendar_store.editions_between(connection, first, last, [newsletter.id])
        taken = {
            (each.local_date, each.slot_name)
            for each in calendar_store.empty_between(connection, first, last, [newsletter.id])
        }
        logs = choice_store.logs_since(connection, newsletter.id, first)
    there = {(each.local_date, each.slot_name): each for each in made}
    found = [_slot(newsletter, slot, there.get((slot.local_date, slot.name))) for slot in slots]
    regular = {(slot.local_date, slot.slot_name) for slot in found}
    found += [
        SponsorSlot(newsletter, day, name, edition.send_at, 0, edition)
        for (day, name), edition in there.items()
        if (day, name) not in regular
    ]
    until = now + timedelta(days=days)
    return [
        _with_booking(slot, logs.get((slot.local_date, slot.slot_name), ()))
        for slot in found
        if _is_to_come(slot, now, until) and (slot.local_date, slot.slot_name) not in taken
    ]


def _slot(newsletter: Newsletter, slot: Slot, edition: Edition | None) -> SponsorSlot:
    send_at = edition.send_at if edition else slot.send_at
    return SponsorSlot(newsletter, slot.local_date, slot.name, send_at, 0, edition)


def _is_to_come(slot: SponsorSlot, now: datetime, until: datetime) -> bool:
    if slot.send_at > until:
        return False
    return slot.send_at > now if slot.edition is None else is_unsent(slot.edition)


def _with_booking(slot: SponsorSlot, log: Sequence[Choice]) -> SponsorSlot:
    """Tell who stands in a letter: the last word about it that is in force."""
    last_seq = log[-1].seq if log else 0
    said = [choice for choice in effective(log) if choice.what.act is Act.SPONSOR]
    booked = said[-1] if said and said[-1].what.text else None
    if booked is None:
        return replace(slot, last_seq=last_seq)
    return replace(
        slot,
        last_seq=last_seq,
        sponsor=Sponsor(booked.what.text, booked.what.url),
        booked_by=booked.actor,
        booked_at=booked.made_at,
    )
