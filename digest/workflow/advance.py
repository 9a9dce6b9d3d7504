"""Carry every edition as far as the hour allows: the one step that the scheduler's tick takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from digest.delivery.plan import plan
from digest.editions import store as editions
from digest.editions.cadence import slots_between
from digest.editions.model import Edition, EditionState, Newsletter, Prepared, Slot, SlotState
from digest.editions.prepare import prepare
from digest.errors import DigestError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.workflow.approve import approve, require_approved
from digest.workflow.catch_up import split_due
from digest.workflow.draft import draft
from digest.workflow.model import Newsroom, Step
from digest.workflow.release import Move, next_move
from digest.workflow.skip import drop
from digest.workflow.telling import editors_notices, operators_notices

_OPEN = (EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD, EditionState.APPROVED)


def advance(newsroom: Newsroom) -> list[Step]:
    """Take due slots, compose drafts, release, hold, expire and plan; tell what was done.

    Safe to run at any time, by any number of processes: each step is decided by a unique row or a
    compare-and-set. A failure of one edition is told to the operators and harms no other.
    """
    now = newsroom.clock()
    steps: list[Step] = []
    for newsletter in newsroom.newsletters:
        steps += _guarded(newsroom, newsletter.slug, lambda n=newsletter: _slots(newsroom, n, now))  # type: ignore[misc]
    with newsroom.database.read() as connection:
        waiting = editions.editions_in(connection, _OPEN)
    for edition in waiting:
        steps += _guarded(newsroom, edition.address, lambda e=edition: carry(newsroom, e))  # type: ignore[misc]
    return steps


def _guarded(newsroom: Newsroom, subject: str, work: Callable[[], list[Step]]) -> list[Step]:
    try:
        return work()
    except DigestError as error:
        now = newsroom.clock()
        with newsroom.database.write() as connection:
            for notice in operators_notices(
                newsroom.operators,
                key=f"{subject}:{type(error).__name__}",
                what=f"{subject} cannot go on",
                detail=str(error),
                remedy=error.hint or "It is tried again every few seconds.",
                now=now,
            ):
                outbox.put(connection, notice)
        return [Step("failed", subject, {"error": str(error)}, problem=True)]


def _slots(newsroom: Newsroom, newsletter: Newsletter, now: datetime) -> list[Step]:
    with newsroom.database.read() as connection:
        last = editions.last_cut_off(connection, newsletter.id) or newsletter.epoch_at
    missed, due = split_due(slots_between(newsletter.spec.cadence, last, now))
    steps = [_record_missed(newsroom, newsletter, slot) for slot in missed]
    return steps + [take(newsroom, newsletter, slot) for slot in due]


def take(newsroom: Newsroom, newsletter: Newsletter, slot: Slot) -> Step:
    """Prepare one slot: an edition, a recorded skip or a holiday; the editors hear of a skip."""
    address = f"{newsletter.slug}/{slot.local_date}"

    def notices(prepared: Prepared) -> list[NewNotice]:
        if prepared.edition is not None or slot.holiday:
            return []
        return _event(newsroom, "skipped", address, prepared.reason)

    prepared = prepare(newsroom.database, newsletter, slot, clock=newsroom.clock, notices=notices)
    if prepared.edition is not None:
        what = "already prepared" if prepared.already else "prepared"
        return Step(what, address, {"stories": len(prepared.selection.chosen)})
    return Step("holiday" if slot.holiday else "skipped", address, {"reason": prepared.reason})


def _record_missed(newsroom: Newsroom, newsletter: Newsletter, slot: Slot) -> Step:
    reason = "Nothing was running at its hour; a later edition takes its stories."
    address = f"{newsletter.slug}/{slot.local_date}"
    with newsroom.database.write() as connection:
        if editions.take_slot(connection, newsletter.id, slot, SlotState.MISSED):
            editions.set_slot(connection, newsletter.id, slot, SlotState.MISSED, reason)
            for notice in _event(newsroom, "missed", address, reason):
                outbox.put(connection, notice)
    return Step("missed", address, {"reason": reason}, problem=True)


def carry(newsroom: Newsroom, edition: Edition) -> list[Step]:
    """Carry one edition as far as its state, its newsletter's release and the hour allow."""
    newsletter = newsroom.newsletter(edition.newsletter_id)
    if newsletter is None:
        return []
    if edition.state is EditionState.DRAFT:
        composition = draft(newsroom, edition, newsletter)
        done = Step("drafted", edition.address, {"html_kb": len(composition.html.encode()) // 1024})
        return [done, *carry(newsroom, _again(newsroom, edition))]
    move = next_move(edition, newsletter.spec.release, newsroom.clock())
    if move is Move.APPROVE:
        approve(
            newsroom.database, edition, by=str(newsletter.spec.release.mode), clock=newsroom.clock
        )
        done = Step("approved", edition.address, {"by": newsletter.spec.release.mode})
        return [done, *carry(newsroom, _again(newsroom, edition))]
    if move is Move.HOLD:
        return [_hold(newsroom, edition)]
    if move is Move.EXPIRE:
        drop(
            newsroom,
            edition,
            to=EditionState.EXPIRED,
            reason="Nobody approved it before the next edition.",
        )
        return [Step("expired", edition.address)]
    return [start_sending(newsroom, edition)] if move is Move.SEND else []


def start_sending(newsroom: Newsroom, edition: Edition) -> Step:
    """Write the ledger of an approved edition; from here the sender takes over.

    Raises WorkflowError when the text is not the one that was approved.
    """
    require_approved(newsroom.database, edition)
    tally = plan(
        newsroom.database,
        edition,
        language=newsroom.site.language,
        only=newsroom.only_readers,
        clock=newsroom.clock,
    )
    return Step("sending", edition.address, {"recipients": tally.total})


def _hold(newsroom: Newsroom, edition: Edition) -> Step:
    reason = "Its hour came and nobody had approved it."
    told = f"{reason} Send it: digest approve {edition.address}"
    with newsroom.database.write() as connection:
        if editions.change_state(
            connection,
            edition.id,
            expect={EditionState.IN_REVIEW},
            to=EditionState.HELD,
            reason=reason,
            at=newsroom.clock(),
        ):
            for notice in _event(newsroom, "held", edition.address, told):
                outbox.put(connection, notice)
    return Step("held", edition.address, {"reason": reason}, problem=True)


def _event(newsroom: Newsroom, event: str, address: str, reason: str) -> list[NewNotice]:
    return editors_notices(
        newsroom.editors,
        event=event,
        edition=address,
        headline=f"{address} is {event}",
        reason=reason,
        now=newsroom.clock(),
    )


def _again(newsroom: Newsroom, edition: Edition) -> Edition:
    with newsroom.database.read() as connection:
        return editions.edition_by_id(connection, edition.id)
