"""Let an approved edition leave before its hour: by a person's word, from any process."""

from __future__ import annotations

import logging

from digest.clock import Clock
from digest.composition import store as compositions
from digest.db import Database
from digest.editions import store as editions
from digest.editions.model import Edition, Newsletter
from digest.editions.wording import one_line
from digest.errors import WorkflowError
from digest.log import event
from digest.people.store import append_audit
from digest.workflow import hand_limits
from digest.workflow.halt import Person

_LOG = logging.getLogger(__name__)
_LONGEST_REASON = 500
_LONGEST_SUBJECT = 120


def send_now(
    database: Database,
    edition: Edition,
    *,
    by: Person,
    clock: Clock,
    newsletter: Newsletter | None = None,
    override: str = "",
) -> Edition:
    """Have an approved edition leave at once: at the next look of the clockwork, or by `send`.

    The limits of `newsletter` hold for one made by hand, unless its approval or `override` passes
    over them. Raises WorkflowError for an edition that is not approved, and when a limit is
    against it.
    """
    now, said = clock(), one_line(override)[:_LONGEST_REASON]
    with database.write() as connection:
        found = editions.edition_by_id(connection, edition.id)
        passes = said or compositions.has_override(connection, edition.id)
        if newsletter is not None and not passes:
            why = hand_limits.objection(connection, newsletter, found, now=now)
            if why:
                raise hand_limits.refusal("send", found, why)
        if not editions.mark_go(connection, edition.id, now):
            raise WorkflowError(
                f"send: {found.address}: it is {found.state}, not approved",
                hint=f"Approve it first: digest approve {found.address}",
            )
        if said:
            compositions.note_override(connection, edition.id, said)
        detail = {"by": by.name, "override": said}
        append_audit(
            connection,
            at=now,
            actor=by.actor,
            verb="edition.send",
            subject=found.address[:_LONGEST_SUBJECT],
            detail={name: words for name, words in detail.items() if words},
        )
        found = editions.edition_by_id(connection, edition.id)
    event(_LOG, "edition is to leave now", edition=found.address, by=by.name)
    return found
