"""Drop an edition before it is sent: its stories return to the pool in the same transaction."""

from __future__ import annotations

from digest.editions import store as editions
from digest.editions.abandon import abandon
from digest.editions.model import Edition, EditionState
from digest.errors import WorkflowError
from digest.workflow.model import Newsroom
from digest.workflow.telling import editors_notices


def drop(newsroom: Newsroom, edition: Edition, *, to: EditionState, reason: str) -> None:
    """Skip or expire the edition and tell the editors, in one transaction.

    Raises WorkflowError once it has begun to be sent, or when it is over already.
    """
    if not drop_unsent(newsroom, edition, to=to, reason=reason):
        with newsroom.database.read() as connection:
            now = editions.edition_by_id(connection, edition.id)
        raise _refusal(now, to)


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
    notices = editors_notices(
        newsroom.editors,
        event=str(to),
        edition=edition.address,
        headline=f"{edition.address} is {to}",
        reason=f"{reason} Its stories are free for the next edition.",
        now=newsroom.clock(),
    )
    return abandon(
        newsroom.database, edition, to=to, reason=reason, clock=newsroom.clock, notices=notices
    )
