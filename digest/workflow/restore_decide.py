"""Decide what became of editions that may have been sent between a backup and its restoring."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from digest.clock import Clock
from digest.db import Connection, Database
from digest.editions.wording import one_line
from digest.errors import NotFoundError, WorkflowError
from digest.people.store import append_audit
from digest.workflow import restore_store
from digest.workflow.halt import Person
from digest.workflow.restore_store import Perhaps

_AT_ONCE = 500
_LONGEST_SUBJECT = 120


class Decision(StrEnum):
    """What a person says of an edition that may have been sent."""

    SENT = "sent"
    """It went out: its copies count as accepted, and its stories as used."""
    NOT_SENT = "not sent"
    """It did not: its copies are due; one that nobody had yet waits to be approved."""
    LEAVE = "leave"
    """Nobody knows: its copies stay uncertain, and nothing of it leaves by itself."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided of one edition or slot; `reopened` copies are due again."""

    perhaps: Perhaps
    decision: Decision
    reopened: int = 0


def undecided(database: Database) -> list[Perhaps]:
    """List what nobody has decided on yet, oldest first."""
    with database.read() as connection:
        return restore_store.undecided(connection)


def require_decided(database: Database) -> None:
    """Raise WorkflowError while anything waits for a decision: asked before mail may leave."""
    if waiting := undecided(database):
        addresses = ", ".join(each.address for each in waiting)
        raise WorkflowError(
            f"restore: {addresses}: nobody has said yet whether it was sent after the backup",
            hint="Say of each: digest restore --sent, --not-sent or --leave EDITION",
        )


def decide(
    database: Database,
    address: str,
    decision: Decision,
    *,
    by: Person,
    clock: Clock,
) -> Decided:
    """Write what a person says of one edition or slot that may have been sent; send nothing.

    Raises NotFoundError for an address that is not among the undecided.
    """
    waiting = undecided(database)
    found = next((each for each in waiting if each.address == address), None)
    if found is None:
        there_are = ", ".join(each.address for each in waiting) or "none"
        raise NotFoundError(
            f"restore: {address}: there is nothing to decide on it",
            hint=f"What waits for a decision: {there_are}",
        )
    task = _Task(database, found, decision, by, clock)
    reopened = task.reopen() if decision is Decision.NOT_SENT else 0
    task.end()
    return Decided(found, decision, reopened)


@dataclass(frozen=True, slots=True)
class _Task:
    """One decision on one edition or slot."""

    database: Database
    found: Perhaps
    decision: Decision
    by: Person
    clock: Clock

    def reopen(self) -> int:
        """Make its copies due, a piece at a time; it is stopped until the last of them is."""
        count, some = 0, 1
        while some and self.found.edition_id is not None:
            with self.database.write() as connection:
                some = restore_store.reopen_some(
                    connection, self.found.edition_id, most=_AT_ONCE, now=self.clock()
                )
            count += some
        return count

    def end(self) -> None:
        """Write the decision, once; who decides on the same a moment later changes nothing."""
        with self.database.write() as connection:
            if self._end(connection):
                append_audit(
                    connection,
                    at=self.clock(),
                    actor=self.by.actor,
                    verb="restore.decide",
                    subject=self.found.address[:_LONGEST_SUBJECT],
                    detail={"decision": str(self.decision), "by": self.by.name},
                )

    def _end(self, connection: Connection) -> bool:
        found, now, reason = self.found, self.clock(), self._reason()
        if found.edition_id is None:
            if self.decision is Decision.SENT:
                restore_store.count_as_used(connection, found.newsletter_id, until=found.cut_off_at)
            return restore_store.end_slot(connection, found, reason=reason)
        if self.decision is Decision.NOT_SENT:
            return restore_store.go_on(connection, found.edition_id, reason=reason, now=now)
        return restore_store.end_edition(
            connection,
            found.edition_id,
            reason=reason,
            was_sent=self.decision is Decision.SENT,
            now=now,
        )

    def _reason(self) -> str:
        who = one_line(self.by.name)
        if self.decision is Decision.SENT:
            return f"It was sent before the database was restored, says {who}."
        if self.decision is Decision.LEAVE:
            return f"It may have been sent before the database was restored; left so by {who}."
        later = " A later edition takes its stories." if self.found.edition_id is None else ""
        return f"It was not sent before the database was restored, says {who}.{later}"
