"""Stop, hold and resume editions: by a person's word, or by the sender's when the fault is ours.

Each is one compare-and-set in the transaction that also tells of it, so that it can be asked for
from any process and any number of times. The sender looks at the state several times a second: what
is in the air then is answered and recorded, and every other copy stays as it was.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digest.clock import Clock
from digest.composition import store as compositions
from digest.db import Connection, Database
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.editions.wording import one_line
from digest.errors import WorkflowError
from digest.log import event
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.people.store import append_audit
from digest.workflow import life_store
from digest.workflow.model import Newsroom
from digest.workflow.telling import editors_notices, operators_notices

_LOG = logging.getLogger(__name__)
_LONGEST_SUBJECT = 120
_LONGEST_REASON = 500
_WAITING = frozenset({EditionState.IN_REVIEW, EditionState.APPROVED})
_HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})
_GIVEN_UP = frozenset({EditionState.SKIPPED, EditionState.EXPIRED})


@dataclass(frozen=True, slots=True)
class Person:
    """Who asks: `name` for people to read, `actor` as the audit writes it."""

    name: str
    actor: str = "command"


@dataclass(frozen=True, slots=True)
class Halted:
    """An edition as it is now; `changed` is False where it was so before."""

    edition: Edition
    changed: bool


def stop(
    database: Database,
    edition: Edition,
    *,
    by: Person,
    reason: str = "",
    clock: Clock,
    editors: Iterable[str] = (),
) -> Halted:
    """Stop an edition that is being sent; its open copies wait until it is resumed.

    One that is stopped or held already stays as it is. Raises WorkflowError for one that is not
    being sent.
    """
    task = _Task(database, edition, by, clock(), tuple(editors))
    because = _because("Stopped", by, reason)
    halted = task.move({EditionState.SENDING}, EditionState.STOPPED, because)
    now = halted.edition
    if halted.changed or (now.state in _HALTED and now.sending_at is not None):
        return halted
    raise _not_sending(now)


def hold(
    database: Database,
    edition: Edition,
    *,
    by: Person,
    reason: str = "",
    clock: Clock,
    editors: Iterable[str] = (),
) -> Halted:
    """Hold an edition: one that is being sent until it is resumed, any other until it is approved.

    The approval of one that has not gone yet is taken back. One that is held or stopped already
    stays as it is. Raises WorkflowError for a draft and for one that is over.
    """
    task = _Task(database, edition, by, clock(), tuple(editors))
    because = _because("Held", by, reason)
    halted = task.move({EditionState.SENDING, *_WAITING}, EditionState.HELD, because)
    now = halted.edition
    if halted.changed or now.state in _HALTED:
        return halted
    raise WorkflowError(
        f"hold: {now.address}: it is {_state(now)}, there is nothing to hold",
        hint=_look_at(now),
    )


def resume(
    database: Database,
    edition: Edition,
    *,
    by: Person,
    reason: str = "",
    clock: Clock,
    editors: Iterable[str] = (),
) -> Halted:
    """Let an edition go on that was stopped or held while it was sent.

    One that is being sent stays as it is. Raises WorkflowError for any other: one that is held and
    was never sent wants to be approved.
    """
    task = _Task(database, edition, by, clock(), tuple(editors))
    because = one_line(reason)[:_LONGEST_REASON]
    halted = task.move(_HALTED, EditionState.SENDING, because, begun=True)
    now = halted.edition
    if halted.changed or now.state is EditionState.SENDING:
        return halted
    if now.state is EditionState.HELD:
        raise WorkflowError(
            f"resume: {now.address}: it is held, and nothing of it was sent yet",
            hint=f"Look at it, then let it go: digest approve {now.address}",
        )
    raise WorkflowError(
        f"resume: {now.address}: it is {_state(now)}, there is nothing to go on with",
        hint=_look_at(now),
    )


def hold_sending(newsroom: Newsroom, edition_ids: Collection[int], *, reason: str) -> list[int]:
    """Hold editions that are being sent because the fault is ours; give the ids of those held.

    Editors and operators are told in the same transaction, of each edition and reason once. Nobody
    is marked for it: every copy stays as it was.
    """
    now = newsroom.clock()
    said = one_line(reason)[:_LONGEST_REASON]
    held: list[Edition] = []
    with newsroom.database.write() as connection:
        for edition_id in sorted(edition_ids):  # one order for all: no two senders wait in a ring
            ours = editions.change_state(
                connection,
                edition_id,
                expect={EditionState.SENDING},
                to=EditionState.HELD,
                reason=said,
                at=now,
            )
            if ours:
                edition = editions.edition_by_id(connection, edition_id)
                held.append(edition)
                _audit(connection, edition, "hold", actor="sender", at=now, reason=said)
                _put(connection, _fault_notices(newsroom, edition, said, now))
    for edition in held:
        event(_LOG, "edition held", logging.ERROR, edition=edition.address, reason=said)
    return [edition.id for edition in held]


def note_trouble(newsroom: Newsroom, edition_ids: Collection[int], words: str) -> None:
    """Write why editions wait although they are being sent, as while every way out is away.

    `digest status` shows it from any process; "" says that nothing keeps them any more.
    """
    with newsroom.database.write() as connection:
        editions.note_reason(connection, edition_ids, words[:_LONGEST_REASON])


@dataclass(frozen=True, slots=True)
class _Task:
    """One person's word about one edition."""

    database: Database
    edition: Edition
    by: Person
    at: datetime
    editors: tuple[str, ...]

    def move(
        self,
        expect: Collection[EditionState],
        to: EditionState,
        reason: str,
        *,
        begun: bool | None = None,
    ) -> Halted:
        """Move the edition if it is where it is expected, and tell of it."""
        with self.database.write() as connection:
            ours = editions.change_state(
                connection,
                self.edition.id,
                expect=expect,
                expect_begun=begun,
                to=to,
                reason="" if to is EditionState.SENDING else reason,
                at=self.at,
            )
            now = editions.edition_by_id(connection, self.edition.id)
            if ours and to is EditionState.SENDING and life_store.is_mended(connection, now.id):
                raise _mended(now)
            if ours:
                self._tell(connection, now, reason)
        if ours:
            event(_LOG, f"edition {_done(to)}", edition=now.address, by=self.by.name)
        return Halted(now, ours)

    def _tell(self, connection: Connection, now: Edition, reason: str) -> None:
        if now.state is EditionState.HELD and now.sending_at is None:
            compositions.revoke_approvals(connection, now.id, at=self.at)
        _audit(
            connection,
            now,
            _VERBS[now.state],
            actor=self.by.actor,
            at=self.at,
            by=self.by.name,
            reason=reason,
        )
        _put(connection, _person_notices(self.editors, now, self.by, reason, self.at))


_VERBS = {
    EditionState.STOPPED: "stop",
    EditionState.HELD: "hold",
    EditionState.SENDING: "resume",
}


def _done(state: EditionState) -> str:
    return "resumed" if state is EditionState.SENDING else str(state)


def _mended(edition: Edition) -> WorkflowError:
    return WorkflowError(
        f"resume: {edition.address}: it was mended, and revision {edition.revision} waits for its"
        " approval",
        hint=f"Look at it, then let it go on: digest approve {edition.address}",
    )


def _because(done: str, by: Person, reason: str) -> str:
    said = one_line(reason)
    who = one_line(by.name)
    return (f"{done} by {who}: {said}" if said else f"{done} by {who}.")[:_LONGEST_REASON]


def _state(edition: Edition) -> str:
    return "a draft" if edition.state is EditionState.DRAFT else str(edition.state)


def _not_sending(edition: Edition) -> WorkflowError:
    words = f"stop: {edition.address}: it is {_state(edition)}, nothing of it is being sent"
    if edition.state in {*_WAITING, EditionState.HELD, EditionState.DRAFT}:
        return WorkflowError(
            words,
            hint=f"To keep it from going: digest hold {edition.address},"
            f" or digest skip {edition.address}",
        )
    return WorkflowError(words, hint=_look_at(edition))


def _look_at(edition: Edition) -> str:
    if edition.state is EditionState.DRAFT:
        return f"To drop it: digest skip {edition.address}"
    if edition.state in {*_GIVEN_UP, EditionState.SENT}:
        return "What is on now: digest status"
    return f"Look at it: digest status {edition.address}"


def _audit(
    connection: Connection, edition: Edition, verb: str, *, actor: str, at: datetime, **detail: str
) -> None:
    append_audit(
        connection,
        at=at,
        actor=actor,
        verb=f"edition.{verb}",
        subject=edition.address[:_LONGEST_SUBJECT],
        detail={name: said for name, said in detail.items() if said},
    )


def _put(connection: Connection, notices: Iterable[NewNotice]) -> None:
    for notice in notices:
        outbox.put(connection, notice)


def _person_notices(
    editors: Iterable[str], now: Edition, by: Person, reason: str, at: datetime
) -> list[NewNotice]:
    """Tell the editors each time: it may be stopped, resumed and stopped again."""
    address, done = now.address, _done(now.state)
    words = reason
    if now.state is EditionState.SENDING:
        words = f"Resumed by {one_line(by.name)}. {reason}".rstrip()
    else:
        verb = "resume" if now.sending_at is not None else "approve"
        words = f"{reason.rstrip('.')}. To let it go on: digest {verb} {address}"
    notices = editors_notices(
        editors,
        event=done,
        edition=address,
        headline=f"{address} is {done}",
        reason=words,
        now=at,
    )
    return _keyed(notices, f"{done}:{now.version}")


def _fault_notices(
    newsroom: Newsroom, edition: Edition, reason: str, at: datetime
) -> list[NewNotice]:
    address = edition.address
    mark = hashlib.sha256(f"{edition.id}:{reason}".encode()).hexdigest()[:16]
    to_editors = editors_notices(
        newsroom.editors,
        event="held",
        edition=address,
        headline=f"{address} is held while it is sent",
        reason=f"{reason} Nobody is lost by it: it goes on where it was, when that is mended and"
        f" somebody types: digest resume {address}",
        now=at,
    )
    return [
        *_keyed(to_editors, f"held:{mark}"),
        *operators_notices(
            newsroom.operators,
            key=f"held:{mark}",
            what=f"{address} is held while it is sent",
            detail=reason,
            remedy=f"Mend the settings of [mail], then: digest resume {address}",
            now=at,
            a_day=newsroom.mails_a_day,
            daily=False,
        ),
    ]


def _keyed(notices: Sequence[NewNotice], what: str) -> list[NewNotice]:
    """Give notices of an event that can come again keys that tell one time from another."""
    return [
        replace(each, dedupe_key=f"editors:{each.facts['edition']}:{what}:{each.to_address}")
        for each in notices
    ]
