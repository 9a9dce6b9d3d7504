"""Drop an edition before it is sent: its stories return to the pool in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from digest.clock import Clock
from digest.db import Database
from digest.editions import store as editions
from digest.editions.abandon import abandon
from digest.editions.model import Edition, EditionState
from digest.editions.wording import one_line
from digest.errors import WorkflowError
from digest.outbox.model import NewNotice
from digest.people.store import append_audit
from digest.workflow.halt import Person
from digest.workflow.model import Newsroom
from digest.workflow.telling import editors_notices

_LONGEST_REASON = 500
_LONGEST_SUBJECT = 120


def drop(newsroom: Newsroom, edition: Edition, *, to: EditionState, reason: str) -> None:
    """Skip or expire the edition and tell the editors, in one transaction.

    Raises WorkflowError once it has begun to be sent, or when it is over already.
    """
    if not drop_unsent(newsroom, edition, to=to, reason=reason):
        with newsroom.database.read() as connection:
            now = editions.edition_by_id(connection, edition.id)
        raise _refusal(now, to)


def skip(
    database: Database,
    edition: Edition,
    *,
    by: Person,
    reason: str = "",
    clock: Clock,
    editors: Iterable[str] = (),
) -> Edition:
    """Skip an edition by a person's word, which stands in the audit; give it as it is then.

    Raises WorkflowError once it has begun to be sent, or when it is over already.
    """
    said = one_line(reason)[:_LONGEST_REASON] or f"Skipped by {one_line(by.name)}."
    to, now = EditionState.SKIPPED, clock()
    notices = _notices(editors, edition, to=to, reason=said, now=now)
    done = abandon(database, edition, to=to, reason=said, clock=clock, notices=notices)
    with database.write() as connection:
        if done:
            append_audit(
                connection,
                at=now,
                actor=by.actor,
                verb="edition.skip",
                subject=edition.address[:_LONGEST_SUBJECT],
                detail={"by": by.name, "reason": said},
            )
        found = editions.edition_by_id(connection, edition.id)
    if not done:
        raise _refusal(found, to)
    return found


def _notices(
    editors_told: Iterable[str], edition: Edition, *, to: EditionState, reason: str, now: datetime
) -> list[NewNotice]:
    return editors_notices(
        editors_told,
        event=str(to),
        edition=edition.address,
        headline=f"{edition.address} is {to}",
        reason=f"{reason} Its stories are free for the next edition.",
        now=now,
    )


def _refusal(edition: Edition, to: EditionState) -> WorkflowError:
    address, ways = edition.address, "Only an edition that is not being sent yet can be dropped."
    words = f"{address}: it is {edition.state}, and cannot be {to}"
    if edition.sending_at is None:
        return WorkflowError(words, hint=ways)
    if edition.state is EditionState.SENDING:
        ways = f"To stop it: digest stop {address}"
    elif edition.state in {EditionState.STOPPED, EditionState.HELD}:
        ways = f"The rest stays unsent as it is. To send it to them: digest resume {address}"
    return WorkflowError(f"{words}: some readers have it", hint=ways)


def drop_unsent(newsroom: Newsroom, edition: Edition, *, to: EditionState, reason: str) -> bool:
    """Drop the edition if it is still unsent; False when somebody moved it before."""
    now = newsroom.clock()
    notices = _notices(newsroom.editors, edition, to=to, reason=reason, now=now)
    return abandon(
        newsroom.database, edition, to=to, reason=reason, clock=newsroom.clock, notices=notices
    )
