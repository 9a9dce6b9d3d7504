"""Carry every edition as far as the hour allows: the one step that the scheduler's tick takes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial

from digest.composition import store as compositions
from digest.delivery.plan import plan
from digest.editions import store as editions
from digest.editions.address import slot_address
from digest.editions.cadence import next_wake_up, slots_between
from digest.editions.model import Edition, EditionState, Newsletter, Prepared, Slot, SlotState
from digest.editions.prepare import prepare
from digest.editions.wording import count_of
from digest.errors import DigestError, WorkflowError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.workflow import store
from digest.workflow.approve import approve_waiting, require_approved
from digest.workflow.catch_up import split_due
from digest.workflow.draft import draft
from digest.workflow.model import Newsroom, Step
from digest.workflow.release import Move, is_over, next_move, why_over
from digest.workflow.skip import drop_unsent
from digest.workflow.telling import editors_notices, operators_notices

_LOG = logging.getLogger(__name__)
_OPEN = (EditionState.DRAFT, EditionState.IN_REVIEW, EditionState.HELD, EditionState.APPROVED)
_MISSED = "Nothing was running at its hour; a later edition takes its stories."
_MOMENT = timedelta(microseconds=1)
_URGENT = 10


def advance(newsroom: Newsroom) -> list[Step]:
    """Take due slots, compose drafts, release, hold, expire and plan; tell what was done.

    Safe to run at any time, by any number of processes: each step is decided by a unique row or a
    compare-and-set. A failure of one edition is told to the operators and harms no other.
    """
    now = newsroom.clock()
    steps: list[Step] = []
    # What is over goes first: its stories must be back before the next edition is made.
    for edition in _open_editions(newsroom):
        if is_over(edition, now):
            steps += _guarded(newsroom, edition.address, partial(carry, newsroom, edition))
    for newsletter in newsroom.newsletters:
        due = partial(_take_due, newsroom, newsletter, now)
        steps += _guarded(newsroom, newsletter.slug, due)
    for edition in _open_editions(newsroom):
        steps += _guarded(newsroom, edition.address, partial(carry, newsroom, edition))
    return steps


def _open_editions(newsroom: Newsroom) -> list[Edition]:
    with newsroom.database.read() as connection:
        return editions.editions_in(connection, _OPEN)


def _guarded(newsroom: Newsroom, subject: str, work: Callable[[], list[Step]]) -> list[Step]:
    try:
        return work()
    except DigestError as error:
        remedy = error.hint or "It is tried again every few seconds."
        _tell_failure(newsroom, subject, error, str(error), remedy)
        return [Step("failed", subject, {"error": str(error)}, problem=True)]
    except Exception as error:  # noqa: BLE001 - our mistake in one letter must not stop the others
        words = f"unexpected trouble ({type(error).__name__}: {error})"
        remedy = "This is a mistake in the program: report it with the lines of the log."
        if _tell_failure(newsroom, subject, error, words, remedy):
            _LOG.exception("%s failed", subject)
        return [Step("failed", subject, {"error": words}, problem=True)]


def _tell_failure(
    newsroom: Newsroom, subject: str, error: Exception, words: str, remedy: str
) -> bool:
    """Tell the operators, once a day; False when they were told before."""
    notices = operators_notices(
        newsroom.operators,
        key=f"{subject}:{type(error).__name__}",
        what=f"{subject} cannot go on",
        detail=words,
        remedy=remedy,
        now=newsroom.clock(),
    )
    with newsroom.database.write() as connection:
        told = [outbox.put(connection, notice) for notice in notices]
    return any(told)


def _take_due(newsroom: Newsroom, newsletter: Newsletter, now: datetime) -> list[Step]:
    cadence = newsletter.spec.cadence
    with newsroom.database.read() as connection:
        wake_up = store.wake_up(connection, newsletter.id)
        last = store.last_taken(connection, newsletter.id, now=now) or newsletter.first_slot_after
        if wake_up is not None and wake_up <= now:
            last = min(last, wake_up - _MOMENT)
        slots = slots_between(cadence, last, now)
        taken = frozenset[tuple[date, str]]()
        if slots:
            taken = store.taken_slots(connection, newsletter.id, since=slots[0].local_date)
    missed, due = split_due(slots)
    steps = _record_missed(
        newsroom, newsletter, [slot for slot in missed if _key(slot) not in taken]
    )
    steps += [take(newsroom, newsletter, slot) for slot in due if _key(slot) not in taken]
    if wake_up is not None and wake_up <= now:
        with newsroom.database.write() as connection:
            editions.set_next_run(connection, newsletter.id, next_wake_up(cadence, now))
    return steps


def _key(slot: Slot) -> tuple[date, str]:
    return slot.local_date, slot.name


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


def _record_missed(newsroom: Newsroom, newsletter: Newsletter, slots: Sequence[Slot]) -> list[Step]:
    """Record slots that nobody was there for; the editors hear of all of them in one mail."""
    if not slots:
        return []
    with newsroom.database.write() as connection:
        editions.lock_newsletter(connection, newsletter.id)
        ours = [
            slot
            for slot in slots
            if editions.take_slot(connection, newsletter.id, slot, SlotState.MISSED)
        ]
        for slot in ours:
            editions.set_slot(connection, newsletter.id, slot, SlotState.MISSED, _MISSED)
        addresses = [slot_address(newsletter.slug, slot) for slot in ours]
        for notice in _missed_notices(newsroom, addresses):
            outbox.put(connection, notice)
    return [Step("missed", address, {"reason": _MISSED}, problem=True) for address in addresses]


def _missed_notices(newsroom: Newsroom, addresses: Sequence[str]) -> list[NewNotice]:
    if not addresses:
        return []
    last = addresses[-1]
    if len(addresses) == 1:
        return _event(newsroom, "missed", last, _MISSED)
    return editors_notices(
        newsroom.editors,
        event="missed",
        edition=last,
        headline=f"{count_of(len(addresses), 'edition was', 'editions were')} missed",
        reason=_MISSED.replace("its hour", "their hours").replace("its stories", "their stories"),
        rows=[("missed", address) for address in addresses],
        now=newsroom.clock(),
    )


def carry(newsroom: Newsroom, edition: Edition) -> list[Step]:
    """Carry one edition as far as its state, its newsletter's release and the hour allow."""
    steps: list[Step] = []
    while (step := _move_on(newsroom, edition)) is not None:
        steps.append(step)
        with newsroom.database.read() as connection:
            edition = editions.edition_by_id(connection, edition.id)
    return steps


def _move_on(newsroom: Newsroom, edition: Edition) -> Step | None:
    """Take one step; None when it is not time for one, or when another process took it."""
    if is_over(edition, newsroom.clock()):
        return _expire(newsroom, edition)
    newsletter = newsroom.newsletter(edition.newsletter_id)
    if newsletter is None:  # it left the settings; `digest status` says so
        return None
    if edition.state is EditionState.DRAFT:
        ours = draft(newsroom, edition, newsletter)
        return Step("drafted", edition.address) if ours else None
    move = next_move(edition, newsletter.spec.release, newsroom.clock())
    if move is Move.APPROVE:
        return _release(newsroom, edition, by=str(newsletter.spec.release.mode))
    if move is Move.HOLD:
        return _hold(newsroom, edition)
    return _send(newsroom, edition) if move is Move.SEND else None


def _release(newsroom: Newsroom, edition: Edition, *, by: str) -> Step | None:
    ours = approve_waiting(newsroom.database, edition, by=by, clock=newsroom.clock)
    return Step("approved", edition.address, {"by": by}) if ours else None


def _expire(newsroom: Newsroom, edition: Edition) -> Step | None:
    reason = why_over(edition)
    if not drop_unsent(newsroom, edition, to=EditionState.EXPIRED, reason=reason):
        return None
    return Step("expired", edition.address, {"reason": reason}, problem=True)


def _send(newsroom: Newsroom, edition: Edition) -> Step | None:
    try:
        return start_sending(newsroom, edition)
    except WorkflowError:
        with newsroom.database.read() as connection:
            now = editions.edition_by_id(connection, edition.id)
        if now.state is EditionState.APPROVED:
            raise
        return None  # somebody held it while its readers were planned: that is no failure


def start_sending(newsroom: Newsroom, edition: Edition) -> Step:
    """Write the ledger of an approved edition; from here the sender takes over.

    Raises WorkflowError when the text is not the one that was approved.
    """
    require_approved(newsroom.database, edition)
    with newsroom.database.read() as connection:
        composed = compositions.load_compositions(connection, edition.id)
    newsletter = newsroom.newsletter(edition.newsletter_id)
    spec = newsletter.spec if newsletter else None
    tally = plan(
        newsroom.database,
        edition,
        languages=[each.language for each in composed],
        only=newsroom.only_readers,
        audience=newsroom.audiences.get(edition.newsletter_id),
        spread=spec.spread if spec else timedelta(0),
        priority=_URGENT if spec and spec.urgent else 0,
        clock=newsroom.clock,
    )
    return Step("sending", edition.address, {"recipients": tally.total})


def _hold(newsroom: Newsroom, edition: Edition) -> Step | None:
    reason = "Its hour came and nobody had approved it."
    told = f"{reason} Send it: digest approve {edition.address}"
    with newsroom.database.write() as connection:
        if not editions.change_state(
            connection,
            edition.id,
            expect={EditionState.IN_REVIEW},
            to=EditionState.HELD,
            reason=reason,
            at=newsroom.clock(),
        ):
            return None
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
