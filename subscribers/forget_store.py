"""Door to what is taken away again: a reader's words when they are erased, old traces by age.

The log of consent is only ever added to; what is emptied in it or leaves it, does so here alone.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import Database, UtcDateTime, insert, rows_changed
from subscribers.change_store import audience_change
from subscribers.limit_store import limit_window
from subscribers.model import EVERYTHING, ConsentKind, SubscriptionState, SuppressionReason
from subscribers.store import (
    consent,
    pending_address,
    subscriber,
    subscriber_tag,
    subscription,
    suppression,
)
from subscribers.suppression import NORM_VERSION

_SAID = subscription.c.confirmed_at.is_not(None) | subscription.c.ended_at.is_not(None)
"""They said yes once, or no: either is remembered."""

_BLANK = {
    "address": None,
    "address_key": "erased:" + subscriber.c.public_id,
    **dict.fromkeys(("address_hmac", "language", "zone", "hour", "format", "active_at")),
}
"""What is left of a reader: a number, and when they came and went."""


@dataclass(frozen=True, slots=True)
class Known:
    """A reader as they must be known to be found in every room's tables."""

    id: int
    public_id: str
    address: str
    address_hmac: str


def known(connection: Connection, subscriber_id: int, *, for_update: bool = False) -> Known | None:
    """Find a reader who is to be erased; None when that was done before, or there is no such."""
    mine = subscriber.c.id == subscriber_id
    query = sa.select(subscriber).where(mine, subscriber.c.address.is_not(None))
    if for_update:
        query = query.with_for_update()
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Known(row.id, row.public_id, row.address, row.address_hmac or "")


def is_only_one_at(connection: Connection, domain: str, reader: Known) -> bool:
    """Tell whether no other reader's address is at a domain, which then tells who they are.

    It looks through all addresses: ask before the transaction that writes.
    """
    theirs = subscriber.c.address_key.endswith(f"@{domain}", autoescape=True)
    others = sa.select(sa.exists().where(theirs, subscriber.c.id != reader.id))
    return not connection.scalar(others)


def blank(connection: Connection, subscriber_ids: Collection[int], *, at: datetime) -> None:
    """Take away all that tells who they are, and all they chose; the log stays, as a number's."""
    _drop_choices(connection, subscriber_ids)
    mine = subscriber.c.id.in_(list(subscriber_ids))
    connection.execute(sa.update(subscriber).where(mine).values({**_BLANK, "erased_at": at}))
    theirs = consent.c.subscriber_id.in_(list(subscriber_ids))
    connection.execute(sa.update(consent).where(theirs).values(ip=None))
    # Where they came from is part of the proof, unless somebody wrote an address there.
    named = theirs & consent.c.source.contains("@")
    connection.execute(sa.update(consent).where(named).values(source=""))


def drop_wishes_for(connection: Connection, subscriber_id: int) -> None:
    """Forget that others asked to have a reader's address from now on."""
    theirs = sa.select(subscriber.c.address_key).where(subscriber.c.id == subscriber_id)
    asked = pending_address.c.address_key == theirs.scalar_subquery()
    connection.execute(sa.delete(pending_address).where(asked))


def never_mail(
    connection: Connection, address_hmac: str, *, reason: SuppressionReason, at: datetime
) -> None:
    """Put an address on the never-mail list for good: it may only get stricter there."""
    put = insert(connection, suppression).values(
        address_hmac=address_hmac,
        scope=EVERYTHING,
        reason=reason,
        norm_version=NORM_VERSION,
        at=at,
    )
    if reason is SuppressionReason.NEVER_AGAIN:
        key = ["address_hmac", "scope"]
        stricter = put.on_conflict_do_update(index_elements=key, set_={"reason": reason})
        connection.execute(stricter)
    else:
        connection.execute(put.on_conflict_do_nothing())


def shrink_log(database: Database) -> None:
    """Bring SQLite's write-ahead log into its file, and empty it, if nobody is in the way.

    It holds the pages as they were before. Never waits, and keeps no writer waiting: the first
    step copies beside them, so that little is left for the second.
    """
    if not database.is_sqlite:
        return
    with database.engine.connect() as connection:
        patience = connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one()
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        try:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)")
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout={int(patience)}")
            connection.rollback()


def old_ips(connection: Connection, *, before: datetime, most: int) -> list[int]:
    """Find the lines of consent whose network address has been kept for long enough."""
    old = sa.select(consent.c.id).where(consent.c.ip.is_not(None), consent.c.at < before)
    return list(connection.scalars(old.order_by(consent.c.at).limit(most)))


def empty_ips(connection: Connection, lines: Collection[int]) -> int:
    """Empty them; give how many."""
    mine = sa.update(consent).where(consent.c.id.in_(list(lines)))
    return rows_changed(connection.execute(mine.values(ip=None)))


def old_changes_of_address(connection: Connection, *, before: datetime, most: int) -> list[int]:
    """Find who asked for a change of address and let the time of its link go by."""
    old = sa.select(pending_address.c.subscriber_id).where(pending_address.c.asked_at < before)
    return list(connection.scalars(old.limit(most)))


def drop_changes_of_address(
    connection: Connection, subscriber_ids: Collection[int], *, before: datetime
) -> int:
    """Drop those, unless they have asked anew; give how many."""
    gone = sa.delete(pending_address).where(
        pending_address.c.subscriber_id.in_(list(subscriber_ids)),
        pending_address.c.asked_at < before,
    )
    return rows_changed(connection.execute(gone))


def old_changes(connection: Connection, *, before: datetime, most: int) -> list[int]:
    """Find the rows of the feed from before a moment, the oldest first."""
    query = sa.select(audience_change.c.seq).where(audience_change.c.at < before)
    return list(connection.scalars(query.order_by(audience_change.c.at).limit(most)))


def drop_changes(connection: Connection, seqs: Collection[int]) -> int:
    """Drop them; give how many."""
    gone = sa.delete(audience_change).where(audience_change.c.seq.in_(list(seqs)))
    return rows_changed(connection.execute(gone))


def old_windows(connection: Connection, *, before: datetime, most: int) -> list[str]:
    """Find the counters of our limits that began before a moment, the oldest first."""
    query = sa.select(limit_window.c.key).where(limit_window.c.began_at < before)
    return list(connection.scalars(query.order_by(limit_window.c.began_at).limit(most)))


def drop_windows(connection: Connection, keys: Collection[str], *, before: datetime) -> int:
    """Drop them, unless one began anew; give how many."""
    gone = sa.delete(limit_window).where(
        limit_window.c.key.in_(list(keys)), limit_window.c.began_at < before
    )
    return rows_changed(connection.execute(gone))


def unconfirmed_after(
    connection: Connection, newsletter_id: int, subscriber_id: int, *, most: int
) -> list[int]:
    """List who has not confirmed a newsletter, by number, going on after one."""
    query = sa.select(subscription.c.subscriber_id).where(
        subscription.c.newsletter_id == newsletter_id,
        subscription.c.state == SubscriptionState.UNCONFIRMED,
        subscription.c.subscriber_id > subscriber_id,
    )
    return list(connection.scalars(query.order_by(subscription.c.subscriber_id).limit(most)))


def never_confirmed(
    connection: Connection,
    subscriber_ids: Collection[int],
    *,
    before: datetime,
    for_update: bool = False,
) -> list[int]:
    """Keep of these who asked before a moment, and has said neither yes nor no since.

    Whoever gets anything, ever did, or has left is not among them, nor anybody the publisher
    added or marked: only an address that somebody once typed into a form.
    """
    mine = subscription.c.subscriber_id == subscriber.c.id
    unconfirmed = subscription.c.state == SubscriptionState.UNCONFIRMED
    lately = subscription.c.requested_at >= sa.literal(before, UtcDateTime)
    more = (consent.c.subscriber_id == subscriber.c.id) & (consent.c.kind != ConsentKind.ASKED)
    query = sa.select(subscriber.c.id).where(
        subscriber.c.id.in_(list(subscriber_ids)),
        subscriber.c.created_at < before,
        subscriber.c.address.is_not(None),
        ~sa.exists().where(mine, ~unconfirmed | _SAID | lately),
        ~sa.exists().where(more),
        ~sa.exists().where(subscriber_tag.c.subscriber_id == subscriber.c.id),
        ~sa.exists().where(pending_address.c.subscriber_id == subscriber.c.id),
    )
    if for_update:
        query = query.with_for_update(of=subscriber)
    return list(connection.scalars(query.order_by(subscriber.c.id)))


def forget(connection: Connection, subscriber_ids: Collection[int], *, at: datetime) -> int:
    """Forget readers and their lines, or what tells who they are; give how many."""
    feed = audience_change.c.subscriber_id
    told = set(connection.scalars(sa.select(feed).where(feed.in_(list(subscriber_ids)))))
    blank(connection, sorted(told), at=at)  # the feed, and who follows it, go on naming them
    gone = [each for each in subscriber_ids if each not in told]
    _drop_choices(connection, gone)
    connection.execute(sa.delete(consent).where(consent.c.subscriber_id.in_(gone)))
    connection.execute(sa.delete(subscriber).where(subscriber.c.id.in_(gone)))
    return len(subscriber_ids)


def _drop_choices(connection: Connection, subscriber_ids: Collection[int]) -> None:
    for table in (subscription, subscriber_tag, pending_address):
        mine = table.c.subscriber_id.in_(list(subscriber_ids))
        connection.execute(sa.delete(table).where(mine))
