"""Carry every edition as far as the hour allows: the one step that the scheduler's tick takes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from digest.composition import store as compositions
from digest.delivery.plan import plan
from digest.delivery.reader_hours import begins_at, own_hours
from digest.editions import store as editions
from digest.editions.abandon import UNSENT
from digest.editions.model import Edition, EditionState, Newsletter, ReleaseMode
from digest.errors import ConflictError, DigestError, WorkflowError
from digest.log import about
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.workflow import hand_limits
from digest.workflow.approve import approve_waiting, require_approved
from digest.workflow.correct import carry_correction
from digest.workflow.draft import draft
from digest.workflow.due import take_due
from digest.workflow.hearing import heard
from digest.workflow.home import require_home
from digest.workflow.model import Newsroom, Step
from digest.workflow.release import Move, is_over, next_move, why_over
from digest.workflow.reopen import reopen_changed
from digest.workflow.revise import lacks_text, reread
from digest.workflow.skip import drop_unsent
from digest.workflow.telling import editors_notices, operators_notices

_LOG = logging.getLogger(__name__)
_OPEN = (*sorted(UNSENT), EditionState.STOPPED)
"""What may have a step to take; of what was stopped half-way, its next revision."""
_URGENT = 10
_GRACE = timedelta(minutes=10)


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
        due = partial(take_due, newsroom, newsletter, now)
        steps += _guarded(newsroom, newsletter.slug, due)
    for edition in _open_editions(newsroom):
        steps += _guarded(newsroom, edition.address, partial(carry, newsroom, edition))
    return steps


def _open_editions(newsroom: Newsroom) -> list[Edition]:
    with newsroom.database.read() as connection:
        return editions.editions_in(connection, _OPEN)


def _guarded(newsroom: Newsroom, subject: str, work: Callable[[], list[Step]]) -> list[Step]:
    try:
        with about(edition=subject):
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
        a_day=newsroom.mails_a_day,
    )
    with newsroom.database.write() as connection:
        told = [outbox.put(connection, notice) for notice in notices]
    return any(told)


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
    if edition.corrects is not None:
        return carry_correction(newsroom, edition, newsletter, send=_send)
    look_again = reread(newsroom, edition, newsletter)
    if (step := look_again or reopen_changed(newsroom, edition, newsletter)) is not None:
        return step
    if lacks_text(newsroom, edition):
        ours = draft(newsroom, edition, newsletter)
        return Step("drafted", edition.address) if ours else None
    return _by_the_hour(newsroom, edition, newsletter)


def _by_the_hour(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> Step | None:
    release, now = newsletter.spec.release, newsroom.clock()
    edition, unheard = heard(newsroom, edition)
    if unheard and release.mode is ReleaseMode.AUTO_AFTER and now >= edition.send_at:
        return _hold(newsroom, edition, "No editor could be told of it: their mail was refused.")
    hours = own_hours(newsletter.spec, edition)
    begins = None if hours is None else begins_at(hours, edition)
    move = next_move(edition, release, now, begins_at=begins)
    if move is Move.APPROVE:
        return _release(newsroom, edition, by=str(release.mode))
    if move is Move.HOLD:
        return _hold(newsroom, edition, "Its hour came and nobody had approved it.")
    if move is not Move.SEND:
        return None
    if why := _limit(newsroom, edition, newsletter):
        return _hold(newsroom, edition, f"It was not sent: {why}.")
    return _send(newsroom, edition)


def _limit(newsroom: Newsroom, edition: Edition, newsletter: Newsletter) -> str:
    """Say which limit of letters made by hand came in between, unless its approval passes it."""
    if newsletter.spec.limits is None:
        return ""
    with newsroom.database.read() as connection:
        if compositions.has_override(connection, edition.id):
            return ""
        now = newsroom.clock()
        why = hand_limits.objection(connection, newsletter, edition, now=now)
        # Approved a moment before the quiet hours, it goes a moment after they have begun.
        just = why and hand_limits.objection(connection, newsletter, edition, now=now - _GRACE)
        return why if just else ""


def _release(newsroom: Newsroom, edition: Edition, *, by: str) -> Step | None:
    try:
        ours = approve_waiting(newsroom.database, edition, by=by, clock=newsroom.clock)
    except ConflictError:
        return None  # a source has changed a story this very moment: the next look composes it
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
    require_home(newsroom.database, newsroom.home)
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
        audience=None if edition.corrects else newsroom.audiences.get(edition.newsletter_id),
        spread=spec.spread if spec else timedelta(0),
        priority=_URGENT if spec and spec.urgent else 0,
        hours=own_hours(spec, edition) if spec and not edition.corrects else None,
        clock=newsroom.clock,
    )
    return Step("sending", edition.address, {"recipients": tally.total})


def _hold(newsroom: Newsroom, edition: Edition, reason: str) -> Step | None:
    told = f"{reason} Send it: digest approve {edition.address}"
    with newsroom.database.write() as connection:
        if not editions.change_state(
            connection,
            edition.id,
            expect={EditionState.IN_REVIEW, EditionState.APPROVED},
            expect_version=edition.version,
            expect_begun=False,
            to=EditionState.HELD,
            reason=reason,
            at=newsroom.clock(),
        ):
            return None
        compositions.revoke_approvals(connection, edition.id, at=newsroom.clock())
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
