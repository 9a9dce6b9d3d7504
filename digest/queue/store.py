"""Door to the queue's tables: what waits in it; read by `digest status` only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from digest.db import Connection

_BY_STATE = """
SELECT job.queue_name, job.status::text, count(DISTINCT job.id), min(event.at)
FROM procrastinate_jobs job
LEFT JOIN procrastinate_events event ON event.job_id = job.id AND event.type = 'deferred'
GROUP BY 1, 2 ORDER BY 1, 2"""


@dataclass(frozen=True, slots=True)
class JobCount:
    """How many jobs of a queue are in a state (`todo`, `doing`, `failed`), and since when (UTC)."""

    queue: str
    state: str
    jobs: int
    oldest_at: datetime | None


def job_counts(connection: Connection) -> list[JobCount]:
    """Count the jobs by queue and state; none on SQLite, and where there are no tables."""
    if connection.dialect.name == "sqlite":
        return []
    if not connection.exec_driver_sql("SELECT to_regclass('procrastinate_events')").scalar():
        return []
    rows = connection.exec_driver_sql(_BY_STATE).all()
    return [
        JobCount(queue, state, jobs, at.astimezone(UTC) if at else None)
        for queue, state, jobs, at in rows
    ]
