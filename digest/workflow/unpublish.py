"""Take an edition out of the public archive, and put it back: by a person's word, with a reason."""

from __future__ import annotations

from digest.clock import Clock
from digest.db import Connection, Database
from digest.editions import archive_store
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.editions.wording import one_line
from digest.errors import UsageError, WorkflowError
from digest.people.store import append_audit
from digest.workflow.halt import Person

_OUT = frozenset({EditionState.SENDING, EditionState.SENT})
_LONGEST_REASON = 500
_LONGEST_NAME = 200
_LONGEST_SUBJECT = 120


def unpublish(
    database: Database, edition: Edition, *, by: Person, reason: str, clock: Clock
) -> bool:
    """Take an edition out of lists, feed and page; False when it was out before.

    Whoever has the letter keeps it. Raises UsageError without a reason, WorkflowError for an
    edition of which nobody has a copy: it has no page.
    """
    said = one_line(reason)[:_LONGEST_REASON]
    if not said:
        raise UsageError(
            f"unpublish: {edition.address}: why?",
            hint="The reason stands in the audit and on nobody's page: --reason",
        )
    now = clock()
    with database.write() as connection:
        found = editions.edition_by_id(connection, edition.id)
        _require_out(found)
        name = one_line(by.name)[:_LONGEST_NAME]
        done = archive_store.unpublish(connection, found.id, reason=said, by=name, at=now)
        if done:
            _note(connection, found, "edition.unpublish", by, clock, reason=said)
    return done


def publish(database: Database, edition: Edition, *, by: Person, clock: Clock) -> bool:
    """Put an edition back into lists, feed and page; False when it was there."""
    with database.write() as connection:
        done = archive_store.publish(connection, edition.id)
        if done:
            _note(connection, edition, "edition.publish", by, clock)
    return done


def _require_out(edition: Edition) -> None:
    if edition.corrects is not None:
        raise WorkflowError(
            f"unpublish: {edition.address}: it is the mail of a correction, and has no page",
            hint="Name the edition itself.",
        )
    if edition.sending_at is None and edition.state not in _OUT:
        raise WorkflowError(
            f"unpublish: {edition.address}: it is {edition.state} and has no page: nobody has it",
            hint=f"To drop it: digest skip {edition.address}",
        )


def _note(
    connection: Connection, edition: Edition, verb: str, by: Person, clock: Clock, **detail: str
) -> None:
    append_audit(
        connection,
        at=clock(),
        actor=by.actor,
        verb=verb,
        subject=edition.address[:_LONGEST_SUBJECT],
        detail={"by": by.name, **detail},
    )
