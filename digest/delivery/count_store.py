"""Door to the counts of the ledger: how many copies stand in each state, by domain and hour.

They are written in the transaction that changes the rows, so a report over ten million readers
reads a few hundred rows and is never behind.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert_for, metadata
from digest.delivery.domain_store import domain
from digest.delivery.model import DeliveryState, Tally

delivery_count = sa.Table(
    "delivery_count",
    metadata,
    sa.Column("edition_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("domain_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), primary_key=True),
    sa.Column("hour", UtcDateTime, primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
)
"""`domain_id` is 0 where nobody has looked at the address yet, as while a copy is planned. A row
that moves on is taken from its state in the hour in which it moves: only sums over hours say how
many there are, and one hour's figure says how many came and went in it."""


delivery_total = sa.Table(
    "delivery_total",
    metadata,
    sa.Column("edition_id", BigId, primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(16), primary_key=True),
    sa.Column("n", sa.BigInteger, nullable=False),
)
"""The sums of `delivery_count` over domains and hours: a list of a year's editions reads a few rows
of each, and not the thousands that their domains have."""


@dataclass(frozen=True, slots=True)
class DomainCount:
    """How many copies for one domain stand in a state."""

    domain: str
    state: DeliveryState
    n: int


def add_counts(
    connection: Connection, changes: Mapping[tuple[int, int, str], int], *, at: datetime
) -> None:
    """Count changes of the ledger, in the transaction that makes them.

    They are by edition, domain and state: so many copies more, fewer where it is negative.
    """
    hour = at.replace(minute=0, second=0, microsecond=0)
    rows: list[dict[str, Any]] = [
        {"edition_id": edition, "domain_id": domain_id, "state": state, "hour": hour, "n": n}
        for (edition, domain_id, state), n in sorted(changes.items())  # one order: no deadlock
        if n
    ]
    if rows:
        connection.execute(_adding(connection.dialect.name, delivery_count), rows)
        sums: Counter[tuple[int, str]] = Counter()
        for row in rows:
            sums[row["edition_id"], row["state"]] += row["n"]
        totals = [{"edition_id": of, "state": state, "n": n} for (of, state), n in sums.items()]
        connection.execute(_adding(connection.dialect.name, delivery_total), totals)


@cache
def _adding(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    row = insert_for(dialect, table)
    return row.on_conflict_do_update(
        index_elements=[column.name for column in table.primary_key],
        set_={"n": table.c.n + row.excluded.n},
    )


def tally(connection: Connection, edition_id: int) -> Tally:
    """Count an edition's copies by state."""
    return tallies(connection, [edition_id]).get(edition_id, Tally())


def tallies(connection: Connection, edition_ids: Collection[int]) -> Mapping[int, Tally]:
    """Count the copies of several editions by state; one without any is left out."""
    query = sa.select(delivery_total).where(delivery_total.c.edition_id.in_(list(edition_ids)))
    found: dict[int, dict[str, int]] = {}
    for edition, state, n in connection.execute(query):
        found.setdefault(edition, {})[state] = n
    return {edition: Tally(**states) for edition, states in found.items()}


def by_domain(
    connection: Connection,
    edition_id: int,
    states: Collection[DeliveryState],
    *,
    limit: int = 20,
) -> Sequence[DomainCount]:
    """Give the domains with the most copies in some states, the most first."""
    n = sa.func.sum(delivery_count.c.n).label("n")
    rows = connection.execute(
        sa.select(domain.c.name, delivery_count.c.state, n)
        .join(domain, domain.c.id == delivery_count.c.domain_id)
        .where(
            delivery_count.c.edition_id == edition_id,
            delivery_count.c.state.in_([state.value for state in states]),
        )
        .group_by(domain.c.name, delivery_count.c.state)
        .having(n > 0)
        .order_by(n.desc(), domain.c.name, delivery_count.c.state)
        .limit(limit)
    )
    return [DomainCount(name, DeliveryState(state), int(count)) for name, state, count in rows]
