"""Door to what was taken out of the archive: editions whose page says kindly that it is gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime, insert, metadata, rows_changed
from digest.editions import store
from digest.editions.model import Edition, EditionState

unpublished = sa.Table(
    "unpublished",
    metadata,
    sa.Column("edition_id", sa.ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.String(200), nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""A row for each edition that readers have and the archive no longer shows; there are few."""


@dataclass(frozen=True, slots=True)
class Unpublished:
    """That an edition is not shown, since when (aware UTC), by whom and why."""

    edition_id: int
    reason: str
    by: str
    at: datetime


def unpublish(
    connection: Connection, edition_id: int, *, reason: str, by: str, at: datetime
) -> bool:
    """Take an edition out of the archive; False when it was out before."""
    values = {"edition_id": edition_id, "reason": reason, "by": by, "at": at}
    row = insert(connection, unpublished).values(values).on_conflict_do_nothing()
    return connection.execute(row.returning(unpublished.c.edition_id)).first() is not None


def publish(connection: Connection, edition_id: int) -> bool:
    """Put an edition back into the archive; False when it was there."""
    mine = sa.delete(unpublished).where(unpublished.c.edition_id == edition_id)
    return rows_changed(connection.execute(mine)) == 1


def unpublished_of(connection: Connection, edition_id: int) -> Unpublished | None:
    """Tell whether and why an edition is not shown."""
    query = sa.select(unpublished).where(unpublished.c.edition_id == edition_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else Unpublished(row.edition_id, row.reason, row.by, row.at)


def unpublished_ids(connection: Connection) -> frozenset[int]:
    """Give the editions that are not shown."""
    return frozenset(connection.scalars(sa.select(unpublished.c.edition_id)))


# The archive's lists, without what is not shown


def past_shown(
    connection: Connection,
    newsletter_ids: Collection[int],
    states: Collection[EditionState],
    *,
    limit: int,
    before: tuple[date, int] | None = None,
) -> list[Edition]:
    """List past editions as `store.past_editions` does, without those that are not shown."""
    gone = unpublished_ids(connection)
    found = store.past_editions(
        connection, newsletter_ids, states, limit=limit + len(gone), before=before
    )
    return [each for each in found if each.id not in gone][:limit]


def latest_shown(
    connection: Connection, newsletter_ids: Collection[int], states: Collection[EditionState]
) -> list[Edition]:
    """Give the newest edition of each newsletter that is shown, the newest first."""
    newest = store.latest_editions(connection, newsletter_ids, states)
    gone = unpublished_ids(connection)
    found: list[Edition] = []
    for each in newest:
        if each.id in gone:
            found += past_shown(connection, [each.newsletter_id], states, limit=1)
        else:
            found.append(each)
    return sorted(found, key=lambda each: (each.window.until, each.id), reverse=True)


def next_shown(
    connection: Connection, one: Edition, states: Collection[EditionState]
) -> Edition | None:
    """Give the next edition of the same newsletter that is shown."""
    gone = unpublished_ids(connection)
    found = store.edition_after(connection, one, states)
    while found is not None and found.id in gone:
        found = store.edition_after(connection, found, states)
    return found
