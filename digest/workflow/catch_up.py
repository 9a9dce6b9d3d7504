"""Pure. After an absence: which slots are still made, and which are recorded as missed, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest.editions.model import CatchUp, NewsletterSpec, Slot
from digest.editions.wording import age_in_words

MISSED = "Nothing was running at its hour; a later edition takes its stories."
TOO_LATE = "Nothing was running within {age} of its hour; a later edition takes its stories."
ALL_WITHIN = timedelta(days=7)
"""How far back `all` goes where no age is set: nobody wants a year of letters on one morning."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A slot that is not made, and the sentence that is recorded of it."""

    slot: Slot
    reason: str


@dataclass(frozen=True, slots=True)
class Split:
    """What becomes of the slots that are due, each part oldest first."""

    missed: tuple[Miss, ...] = ()
    taken: tuple[Slot, ...] = ()


def split_due(slots: Sequence[Slot], spec: NewsletterSpec, now: datetime) -> Split:
    """Split due slots (oldest first) in those to record as missed and those to take now.

    A holiday is always taken: taking it only records it. Of the rest `latest` takes the last one,
    `all` each that is not too late. No story is lost by a miss: what its edition would have had is
    eligible for the next.
    """
    regular = [slot for slot in slots if not slot.holiday]
    misses = {}
    for slot in regular:
        reason = _why_missed(slot, spec, now, newest=slot is regular[-1])
        if reason:
            misses[slot] = Miss(slot, reason)
    taken = tuple(_made_up(slot, spec, now) for slot in slots if slot not in misses)
    return Split(tuple(misses.values()), taken)


def _why_missed(slot: Slot, spec: NewsletterSpec, now: datetime, *, newest: bool) -> str:
    """Say why a slot is not made; nothing when it is."""
    if spec.catch_up is CatchUp.LATEST and not newest:
        return MISSED
    within = _within(spec, newest=newest)
    if within is None or now - slot.send_at < within:
        return ""
    return TOO_LATE.format(age=age_in_words(within)) if within else MISSED


def _within(spec: NewsletterSpec, *, newest: bool) -> timedelta | None:
    """Give how late a slot may be: never later than its letter would be given up."""
    asked = spec.catch_up_within
    if asked is None and not newest:
        asked = ALL_WITHIN
    bounds = [each for each in (asked, spec.expires_after) if each is not None]
    return min(bounds, default=None)


def _made_up(slot: Slot, spec: NewsletterSpec, now: datetime) -> Slot:
    """Give a slot that comes late the present as its hour, where every one is made.

    The next one is due, too, so by its own hour it would be over as it is made. With the present
    it has until the first cut-off that is still to come, and the older leaves before the newer.
    """
    late = spec.catch_up is CatchUp.ALL and not slot.holiday and slot.send_at < now
    # A length that a person has set counts from the hour that stands in the settings.
    return replace(slot, send_at=now) if late and spec.expires_after is None else slot
