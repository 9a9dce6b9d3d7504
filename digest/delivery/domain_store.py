"""Door to the domains that mail goes to: their numbers, their groups, and which rest."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import sqlalchemy as sa

from digest.db import BigId, Connection, UtcDateTime, insert, metadata
from digest.delivery.providers import group_of, is_well_known

domain = sa.Table(
    "domain",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("name", sa.String(255), nullable=False, unique=True),
    sa.Column("mx_group", sa.String(255), nullable=False, index=True),
    sa.Column("looked_at", UtcDateTime),
    sa.Column("slow_until", UtcDateTime),
)
"""One row a domain, in lower-case A-labels. Ids begin at 1: 0 stands for "planned" in the counts.
Of a group that rests one row says so, the first."""

_AT_ONCE = 500
_LOOK_AGAIN = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain and the group (see providers) whose limits it keeps."""

    id: int
    name: str
    mx_group: str
    looked_at: datetime | None = None
    slow_until: datetime | None = None

    def wants_look_up(self, now: datetime) -> bool:
        """Tell whether the DNS should be asked who takes its mail."""
        if is_well_known(self.name):
            return False
        return self.looked_at is None or not self.looked_at <= now < self.looked_at + _LOOK_AGAIN


def domain_ids(connection: Connection, names: Collection[str]) -> dict[str, Domain]:
    """Give the domains of these names, by name; those that are new get their rows now.

    Names are what `providers.domain_name` gives. Several senders may do it at once: rows are made
    in one order, so they never wait for each other in a ring.
    """
    found: dict[str, Domain] = {}
    for some in _portions(sorted(set(names))):
        found |= _read(connection, some)
        missing = [name for name in some if name not in found]
        if missing:
            rows = [{"name": name, "mx_group": group_of(name)} for name in missing]
            connection.execute(insert(connection, domain).on_conflict_do_nothing(), rows)
            found |= _read(connection, missing)
    return found


def forget(connection: Connection, name: str) -> None:
    """Take a domain's name away; what was counted under its number stays counted."""
    row = connection.execute(sa.select(domain.c.id).where(domain.c.name == name)).one_or_none()
    if row is not None:
        nameless = f"erased-{row.id}.invalid"  # RFC 2606: nobody's, ever
        change = sa.update(domain).where(domain.c.id == row.id)
        connection.execute(change.values(name=nameless, mx_group=nameless))


def save_groups(connection: Connection, groups: Mapping[str, str], at: datetime) -> None:
    """Write down which groups domains belong to, by name, and that the DNS was asked at `at`."""
    change = (
        sa.update(domain)
        .where(domain.c.name == sa.bindparam("of_name"))
        .values(mx_group=sa.bindparam("group"), looked_at=sa.bindparam("at", type_=UtcDateTime))
    )
    for some in _portions(sorted(groups)):
        rows = [{"of_name": name, "group": groups[name], "at": at} for name in some]
        connection.execute(change, rows)


def slow(connection: Connection, group: str, until: datetime) -> None:
    """Write down that a group rests until then, unless it rests longer already."""
    first = sa.select(sa.func.min(domain.c.id)).where(domain.c.mx_group == group)
    sooner = sa.or_(domain.c.slow_until.is_(None), domain.c.slow_until < until)
    chosen = domain.c.id == first.scalar_subquery()
    connection.execute(sa.update(domain).where(chosen, sooner).values(slow_until=until))


def slowed(connection: Connection, now: datetime) -> dict[str, datetime]:
    """Give the groups that rest, and until when. It reads every domain: for people who ask."""
    until = sa.func.max(domain.c.slow_until)
    query = sa.select(domain.c.mx_group, until).where(domain.c.slow_until > now)
    rows = connection.execute(query.group_by(domain.c.mx_group).order_by(domain.c.mx_group))
    return {row[0]: row[1] for row in rows}


def _read(connection: Connection, names: Collection[str]) -> dict[str, Domain]:
    query = sa.select(domain).where(domain.c.name.in_(names))
    return {
        row.name: Domain(row.id, row.name, row.mx_group, row.looked_at, row.slow_until)
        for row in connection.execute(query)
    }


def _portions(names: list[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while some := list(islice(rest, _AT_ONCE)):
        yield some
