"""Approve an edition: the bytes that were seen are the bytes that will be sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from digest.clock import Clock
from digest.composition import store as compositions
from digest.composition.compose import set_hash
from digest.db import Connection, Database
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState, Newsletter
from digest.editions.reasons import quoted
from digest.editions.wording import count_of, one_line
from digest.errors import ConflictError, WorkflowError
from digest.people.store import append_audit
from digest.workflow import hand_limits, life_store
from digest.workflow.kept_check import check_kept
from digest.workflow.model import Newsroom

_WAITING = frozenset({EditionState.IN_REVIEW, EditionState.HELD})
_HALTED = frozenset({EditionState.STOPPED, EditionState.HELD})
_LONGEST_REASON = 500
_LONGEST_SUBJECT = 120


def approve(
    database: Database,
    edition: Edition,
    *,
    by: str,
    clock: Clock,
    newsletter: Newsletter | None = None,
    override: str = "",
    actor: str = "command",
    newsroom: Newsroom | None = None,
) -> str:
    """Record who approved which bytes, in all languages; their hash is given back.

    `edition` is what its approver looked at. One that was stopped half-way and mended goes on at
    once, to those who have not got it. The limits of `newsletter` hold for an edition made by hand,
    unless `override` says why not; that is in the audit, as the approval is, under `actor`. With a
    `newsroom` the checks are asked once more: what they block, nobody can approve.
    Raises ConflictError when it has changed since, or its source has changed a story of it, and
    WorkflowError when it is not in review, held or mended, has no composition, or a limit or a
    check is against it.
    """
    if newsroom is not None and newsletter is not None:
        _refuse_blocked(newsroom, newsletter, edition)
    task = _Task(edition, by, clock(), actor, one_line(override)[:_LONGEST_REASON])
    with database.write() as connection:
        if newsletter is not None and newsletter.spec.limits is not None:
            editions.lock_newsletter(connection, newsletter.id)  # two at once would be too many
            _keep_to_limits(connection, newsletter, task)
        approved = (
            _approve_mended(connection, task)
            if edition.sending_at is not None
            else _approve(connection, edition, by=by, at=task.at, override=task.override)
        )
        if approved is not None:
            _audit(connection, task)
        now = editions.edition_by_id(connection, edition.id)
    if approved is None:
        raise _refusal(edition, now)
    return approved


def approve_waiting(database: Database, edition: Edition, *, by: str, clock: Clock) -> bool:
    """Approve the edition if it still waits for that; False when somebody has changed it since.

    Raises ConflictError when its source has changed a story since it was composed, and
    WorkflowError when it has no composition.
    """
    with database.write() as connection:
        return _approve(connection, edition, by=by, at=clock()) is not None


@dataclass(frozen=True, slots=True)
class _Task:
    """One person's word about one edition."""

    edition: Edition
    by: str
    at: datetime
    actor: str
    override: str


def _keep_to_limits(connection: Connection, newsletter: Newsletter, task: _Task) -> None:
    why = hand_limits.objection(connection, newsletter, task.edition, now=task.at)
    if why and not task.override:
        raise hand_limits.refusal("approve", task.edition, why)


def _refuse_blocked(newsroom: Newsroom, newsletter: Newsletter, edition: Edition) -> None:
    if edition.state not in _WAITING | _HALTED:
        return  # it is refused for that
    with newsroom.database.read() as connection:
        if life_store.changed_stories(connection, edition.id):
            return  # it is refused for that, too: what was checked is composed again
    report = check_kept(newsroom, newsletter, edition)
    if report is None or not report.blocks:
        return
    first, more = report.blocks[0], len(report.blocks) - 1
    others = f" (and {count_of(more, 'other thing', 'other things')} that block it)" if more else ""
    raise WorkflowError(
        f"approve: {edition.address}: {first.code}: {first.sentence.rstrip('.')}{others}",
        hint=f"{first.fix} All that was found: digest check {edition.address}",
    )


def _approve(
    connection: Connection, edition: Edition, *, by: str, at: datetime, override: str = ""
) -> str | None:
    # The state first: its row is locked by that, so what is read next cannot be replaced any more.
    if not editions.change_state(
        connection,
        edition.id,
        expect=_WAITING,
        expect_version=edition.version,
        expect_begun=False,
        to=EditionState.APPROVED,
        at=at,
    ):
        return None
    return _lock(connection, edition, by=by, at=at, override=override)


def _approve_mended(connection: Connection, task: _Task) -> str | None:
    """Let go on what was stopped half-way and mended: only copies that nobody has are left."""
    edition = task.edition
    if edition.state not in _HALTED or not life_store.is_mended(connection, edition.id):
        return None
    if life_store.is_in_hand(connection, edition.id):
        raise WorkflowError(
            f"approve: {edition.address}: a sender still has copies of the earlier text in hand",
            hint="It gives them back within a second, a killed one within half a minute:"
            f" then again: digest approve {edition.address}",
        )
    if not editions.change_state(
        connection,
        edition.id,
        expect=_HALTED,
        expect_version=edition.version,
        expect_begun=True,
        to=EditionState.SENDING,
        at=task.at,
    ):
        return None
    return _lock(connection, edition, by=task.by, at=task.at)


def _lock(
    connection: Connection, edition: Edition, *, by: str, at: datetime, override: str = ""
) -> str:
    """Freeze the newest composition, which must be that of this revision and of these stories."""
    composed = compositions.load_compositions(connection, edition.id)
    if not composed or composed[0].revision != edition.revision:
        raise WorkflowError(
            f"approve: {edition.address}: it is not composed yet",
            hint=f"Make it with: digest prepare {edition.slug}",
        )
    if changed := life_store.changed_stories(connection, edition.id):
        raise _not_as_composed(edition, changed)
    seen = set_hash(composed)
    compositions.save_approval(
        connection,
        edition.id,
        revision=composed[0].revision,
        set_hash=seen,
        by=by,
        at=at,
        override=override,
    )
    return seen


def _not_as_composed(edition: Edition, changed: list[life_store.ChangedStory]) -> ConflictError:
    first = changed[0]
    done = "withdrawn" if first.withdrawn else "changed"
    others = len(changed) - 1
    more = f", and {count_of(others, 'other story', 'other stories')} with it" if others else ""
    return ConflictError(
        f"approve: {edition.address}: “{quoted(first.headline)}” was {done} by its source since"
        f" this was composed{more}",
        hint="It is composed again by itself while digest serve runs. Look at it then:"
        f" digest preview {edition.address}",
    )


def _refusal(seen: Edition, now: Edition) -> WorkflowError:
    address = now.address
    if now.state in _HALTED and seen.sending_at is not None:
        return WorkflowError(
            f"approve: {address}: it was approved, and is {now.state} while it is sent",
            hint=f"To go on with it: digest resume {address}",
        )
    if now.state in _WAITING:
        return ConflictError(
            f"approve: {address}: it has changed since you looked",
            hint=f"Look at it again, then approve it: digest preview {address}",
        )
    return WorkflowError(
        f"approve: {address}: it is {now.state}, not in review",
        hint="What is on now: digest status",
    )


def _audit(connection: Connection, task: _Task) -> None:
    detail = {"by": task.by, "override": task.override}
    append_audit(
        connection,
        at=task.at,
        actor=task.actor,
        verb="edition.approve",
        subject=task.edition.address[:_LONGEST_SUBJECT],
        detail={name: said for name, said in detail.items() if said},
    )


def require_approved(database: Database, edition: Edition) -> str:
    """Give the hash over the edition's compositions, which must be the approved ones.

    Raises WorkflowError otherwise: nothing else ever leaves.
    """
    with database.read() as connection:
        composed = compositions.load_compositions(connection, edition.id)
        approved = compositions.approved_hash(connection, edition.id)
    if approved is None or set_hash(composed) != approved:
        raise WorkflowError(
            f"send: {edition.address}: its text is not the one that was approved",
            hint=(
                "Nothing was sent. Put the approved text back from a backup, or drop the edition,"
                f" and its stories wait for the next: digest skip {edition.address}"
            ),
        )
    return approved
