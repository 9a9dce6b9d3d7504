"""Door to the table of who looks at what at the desk, as their pages said a moment ago."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from digest.db import Connection, UtcDateTime, insert, metadata

HERE_FOR = timedelta(seconds=45)
"""Who has not been heard of for so long is not here any more; a page says it every 15 seconds."""
_LONGEST_DOING = 160

presence = sa.Table(
    "presence",
    metadata,
    sa.Column("place", sa.String(200), primary_key=True),
    sa.Column("who", sa.String(64), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("doing", sa.Text, nullable=False, server_default=""),
    sa.Column("seen_at", UtcDateTime, nullable=False),
)
"""`place` is an edition's address; `who` a person and one of their windows."""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is here now, and what they are at: `rewords “Ferry returns”`."""

    who: str
    name: str
    doing: str


def be_here(
    connection: Connection,
    place: str,
    who: str,
    *,
    name: str,
    now: datetime,
    doing: str | None = None,
) -> None:
    """Write that somebody is here; without `doing` they are still at what they were at."""
    said = {} if doing is None else {"doing": doing[:_LONGEST_DOING]}
    values = {"name": name, "seen_at": now, **said}
    row = insert(connection, presence).values(place=place, who=who, **values)
    keys = ["place", "who"]
    connection.execute(row.on_conflict_do_update(index_elements=keys, set_=values))
    long_gone = sa.literal(now - 10 * HERE_FOR, UtcDateTime)
    connection.execute(sa.delete(presence).where(presence.c.seen_at < long_gone))


def leave(connection: Connection, place: str, who: str) -> None:
    """Write that somebody closed their page."""
    mine = (presence.c.place == place) & (presence.c.who == who)
    connection.execute(sa.delete(presence).where(mine))


def who_is_here(connection: Connection, place: str, *, now: datetime) -> list[Present]:
    """Give who is here, by name; somebody with two windows once."""
    since = sa.literal(now - HERE_FOR, UtcDateTime)
    query = sa.select(presence).where(presence.c.place == place, presence.c.seen_at >= since)
    rows = connection.execute(query.order_by(presence.c.name, presence.c.who))
    return [Present(row.who, row.name, row.doing) for row in rows]
