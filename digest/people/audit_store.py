"""Door to the audit, for looking: what was done to whom, and by whom."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from digest.db import Connection
from digest.people.store import audit


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit."""

    at: datetime
    actor: str
    verb: str
    detail: dict[str, Any]


def audit_of(connection: Connection, subjects: Collection[str]) -> list[Entry]:
    """List what was done to these subjects, oldest first."""
    query = sa.select(audit).where(audit.c.subject.in_(list(subjects))).order_by(audit.c.id)
    rows = connection.execute(query)
    return [Entry(row.at, row.actor, row.verb, row.detail) for row in rows]
