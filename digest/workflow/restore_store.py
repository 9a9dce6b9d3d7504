"""Door to a restored database: what may have been sent since its backup is marked, and decided.

Nothing here sends. What is undecided stands in the tables that everybody looks at: an edition is
stopped, a slot is missed, and both say why in their reason.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.composition.store import load_compositions, revoke_approvals
from digest.db import rows_changed
from digest.delivery import lease_store
from digest.delivery.count_store import add_counts, delivery_count
from digest.delivery.model import DeliveryState
from digest.delivery.store import delivery, delivery_batch, delivery_retry
from digest.editions.address import address_of
from digest.editions.model import EditionState, SlotState
from digest.editions.store import edition, newsletter, slot
from digest.outbox.forget_store import TO_STAFF
from digest.outbox.model import NoticeState
from digest.outbox.store import notice
from digest.sources.article_store import article
from digest.sources.store import source
from digest.workflow.needs import BEGINNING
from digest.workflow.store import heartbeat

UNKNOWN = "it may have been sent after the backup that was restored"
"""Why a copy is uncertain; the decision finds its copies by it."""

_OPEN = (DeliveryState.PLANNED, DeliveryState.DEFERRED)
_BEGUN = (EditionState.SENDING, EditionState.HELD, EditionState.STOPPED)
_UNSENT = (
    EditionState.DRAFT,
    EditionState.IN_REVIEW,
    EditionState.APPROVED,
    EditionState.HELD,
)


@dataclass(frozen=True, slots=True)
class Perhaps:
    """Something that may have been sent since the backup: an edition, or a slot without one."""

    address: str
    edition_id: int | None
    """None: the backup has no edition of that slot; it was made after it, if at all."""
    newsletter_id: int
    local_date: date
    slot_name: str
    cut_off_at: datetime
    copies: int = 0
    """How many copies are uncertain for it."""


# As it is restored


def stop_editions(connection: Connection, *, now: datetime, why: str) -> int:
    """Stop what was being sent or is due by now; open copies become uncertain. Give how many.

    An edition of which no copy is open is sent: that needs no decision.
    """
    begun = edition.c.sending_at.is_not(None)
    sending = begun & edition.c.state.in_([state.value for state in _BEGUN])
    due = ~begun & edition.c.state.in_([state.value for state in _UNSENT])
    due &= edition.c.send_at <= now
    count = 0
    for edition_id, is_begun in connection.execute(
        sa.select(edition.c.id, begun).where(sending | due).order_by(edition.c.id)
    ).all():
        if is_begun and not _make_uncertain(connection, edition_id, now=now):
            continue
        values = {
            "state": EditionState.STOPPED.value,
            "reason": f"{BEGINNING}{why} Say which: {_verbs(_address(connection, edition_id))}",
            "version": edition.c.version + 1,
            "sending_at": sa.func.coalesce(edition.c.sending_at, edition.c.send_at),
        }
        connection.execute(sa.update(edition).where(edition.c.id == edition_id).values(values))
        count += 1
    return count


def _address(connection: Connection, edition_id: int) -> str:
    query = sa.select(newsletter.c.slug, edition.c.local_date, edition.c.slot_name)
    query = query.join(newsletter, newsletter.c.id == edition.c.newsletter_id)
    row = connection.execute(query.where(edition.c.id == edition_id)).one()
    return address_of(row.slug, row.local_date, row.slot_name)


def _verbs(address: str) -> str:
    return f"digest restore --sent {address}, or --not-sent, or --leave"


def _make_uncertain(connection: Connection, edition_id: int, *, now: datetime) -> int:
    """Make an edition's open copies uncertain, with the counts; nobody holds any of them."""
    is_open = [state.value for state in _OPEN]
    n = sa.func.sum(delivery_count.c.n)
    counts = delivery_count.c
    open_counts = connection.execute(
        sa.select(counts.domain_id, counts.state, n)
        .where(counts.edition_id == edition_id, counts.state.in_(is_open))
        .group_by(counts.domain_id, counts.state)
    ).all()
    changes = {(edition_id, domain, state): -int(count) for domain, state, count in open_counts}
    mine = (delivery.c.edition_id == edition_id) & delivery.c.state.in_(is_open)
    values = {"state": DeliveryState.UNCERTAIN.value, "reason": UNKNOWN, "done_at": now}
    changed = rows_changed(connection.execute(sa.update(delivery).where(mine).values(values)))
    changes[edition_id, 0, DeliveryState.UNCERTAIN.value] = changed
    add_counts(connection, changes, at=now)
    connection.execute(sa.delete(delivery_retry).where(delivery_retry.c.edition_id == edition_id))
    batch = (delivery_batch.c.edition_id == edition_id) & delivery_batch.c.done_at.is_(None)
    done = {"owner": None, "lease_until": None, "intent_upto": 0, "done_at": now}
    connection.execute(sa.update(delivery_batch).where(batch).values(done))
    return changed


def stop_notices(connection: Connection, *, now: datetime) -> int:
    """End the notices to readers that waited: they have left since, or are stale. Give how many.

    Who works here may be told of something twice, and must be told of it once.
    """
    staff = [kind.value for kind in TO_STAFF]
    waiting = (notice.c.state == NoticeState.WAITING.value) & notice.c.kind.not_in(staff)
    ended = {"state": NoticeState.FAILED.value, "next_at": None, "done_at": now, "reply": UNKNOWN}
    return rows_changed(connection.execute(sa.update(notice).where(waiting).values(ended)))


def forget_processes(connection: Connection) -> None:
    """Forget who was running when the backup was made."""
    connection.execute(sa.delete(heartbeat))


def newsletter_ids(connection: Connection) -> dict[str, tuple[int, datetime]]:
    """Map each newsletter's slug to its id and its first moment (UTC)."""
    first = sa.func.coalesce(newsletter.c.created_at, newsletter.c.epoch_at)
    query = sa.select(newsletter.c.slug, newsletter.c.id, first)
    return {slug: (n, at) for slug, n, at in connection.execute(query)}


def why_missed(address: str, why: str) -> str:
    """Give the reason of a slot whose edition the backup does not have."""
    return f"{BEGINNING}{why} Say which: {_verbs(address)}"


# Until it is decided


def undecided(connection: Connection) -> list[Perhaps]:
    """List what may have been sent since the backup and nobody has decided on, oldest first."""
    found = [*_editions(connection), *_slots(connection)]
    return sorted(found, key=lambda each: (each.cut_off_at, each.address))


def _editions(connection: Connection) -> Sequence[Perhaps]:
    copies = sa.select(sa.func.coalesce(sa.func.sum(delivery_count.c.n), 0)).where(
        delivery_count.c.edition_id == edition.c.id,
        delivery_count.c.domain_id == 0,
        delivery_count.c.state == DeliveryState.UNCERTAIN.value,
    )
    query = sa.select(
        newsletter.c.slug,
        edition.c.id.label("edition_id"),
        edition.c.newsletter_id,
        edition.c.local_date,
        edition.c.slot_name,
        edition.c.cut_off_at,
        copies.scalar_subquery().label("copies"),
    ).join(newsletter, newsletter.c.id == edition.c.newsletter_id)
    stopped = edition.c.state == EditionState.STOPPED.value
    return _perhaps(connection, query.where(stopped, edition.c.reason.startswith(BEGINNING)))


def _slots(connection: Connection) -> Sequence[Perhaps]:
    query = sa.select(
        newsletter.c.slug,
        sa.null().label("edition_id"),
        slot.c.newsletter_id,
        slot.c.local_date,
        slot.c.name.label("slot_name"),
        slot.c.cut_off_at,
        sa.literal(0).label("copies"),
    ).join(newsletter, newsletter.c.id == slot.c.newsletter_id)
    missed = slot.c.state == SlotState.MISSED.value
    return _perhaps(connection, query.where(missed, slot.c.reason.startswith(BEGINNING)))


def _perhaps(
    connection: Connection, query: sa.Select[tuple[str, int, int, date, str, datetime, int]]
) -> Sequence[Perhaps]:
    return [
        Perhaps(
            address=address_of(row.slug, row.local_date, row.slot_name),
            edition_id=row.edition_id,
            newsletter_id=row.newsletter_id,
            local_date=row.local_date,
            slot_name=row.slot_name,
            cut_off_at=row.cut_off_at,
            copies=row.copies,
        )
        for row in connection.execute(query)
    ]


# As a person decides


def end_edition(
    connection: Connection, edition_id: int, *, reason: str, was_sent: bool, now: datetime
) -> bool:
    """Say that an edition is sent; with `was_sent` its uncertain copies count as accepted."""
    values = {
        "state": EditionState.SENT.value,
        "reason": reason,
        "version": edition.c.version + 1,
        "finished_at": now,
    }
    if not rows_changed(connection.execute(_of_undecided(edition_id).values(values))):
        return False
    if was_sent:
        mine = _unknown_copies(edition_id)
        accepted = {"state": DeliveryState.ACCEPTED.value, "reason": reason}
        n = rows_changed(connection.execute(sa.update(delivery).where(mine).values(accepted)))
        changes = {
            (edition_id, 0, DeliveryState.UNCERTAIN.value): -n,
            (edition_id, 0, DeliveryState.ACCEPTED.value): n,
        }
        add_counts(connection, changes, at=now)
    return True


def _of_undecided(edition_id: int) -> sa.Update:
    stopped = edition.c.state == EditionState.STOPPED.value
    mine = (edition.c.id == edition_id) & edition.c.reason.startswith(BEGINNING)
    return sa.update(edition).where(mine, stopped)


def _unknown_copies(edition_id: int) -> sa.ColumnElement[bool]:
    uncertain = delivery.c.state == DeliveryState.UNCERTAIN.value
    return (delivery.c.edition_id == edition_id) & uncertain & (delivery.c.reason == UNKNOWN)


def reopen_some(connection: Connection, edition_id: int, *, most: int, now: datetime) -> int:
    """Make up to so many of an edition's uncertain copies due again; give how many."""
    query = sa.select(delivery.c.subscriber_id).where(_unknown_copies(edition_id))
    readers = list(connection.scalars(query.order_by(delivery.c.subscriber_id).limit(most)))
    # Counted where they are: nobody has looked at their addresses since the restore.
    return lease_store.reopen(
        connection,
        edition_id,
        DeliveryState.UNCERTAIN,
        domains=dict.fromkeys(readers, 0),
        now=now,
    )


def go_on(connection: Connection, edition_id: int, *, reason: str, now: datetime) -> bool:
    """Let an edition go on that was not sent: its copies, or nobody had any, its approval."""
    batch = sa.exists().where(delivery_batch.c.edition_id == edition_id)
    if connection.scalar(sa.select(batch)):
        values: dict[str, str | None] = {"state": EditionState.SENDING.value, "reason": ""}
    else:
        state = EditionState.HELD
        if not load_compositions(connection, edition_id):
            state = EditionState.DRAFT
        revoke_approvals(connection, edition_id, at=now)
        values = {"state": state.value, "reason": reason, "sending_at": None}
    update = _of_undecided(edition_id).values(version=edition.c.version + 1, **values)
    return rows_changed(connection.execute(update)) == 1


def end_slot(connection: Connection, found: Perhaps, *, reason: str) -> bool:
    """Write what became of a slot whose edition is lost."""
    mine = (
        (slot.c.newsletter_id == found.newsletter_id)
        & (slot.c.local_date == found.local_date)
        & (slot.c.name == found.slot_name)
        & slot.c.reason.startswith(BEGINNING)
    )
    return rows_changed(connection.execute(sa.update(slot).where(mine).values(reason=reason))) == 1


def count_as_used(connection: Connection, newsletter_id: int, *, until: datetime) -> None:
    """Keep a newsletter from choosing what it could choose from up to a moment.

    The lost edition's choice is lost with it. Its newsletter begins anew at its cut-off; what the
    sources bring once more is judged by its own date, as on a first import.
    """
    mine = (newsletter.c.id == newsletter_id) & (newsletter.c.epoch_at < until)
    connection.execute(sa.update(newsletter).where(mine).values(epoch_at=until))
    again = (article.c.first_seen_at > until) & (article.c.published_at <= until)
    connection.execute(sa.update(article).where(again).values(backlog=True))
    connection.execute(sa.update(source).values(first_ok_at=None))
