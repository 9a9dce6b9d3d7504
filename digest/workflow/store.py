"""Door to the table of who is running: each process writes that it is alive."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest import __version__
from digest.db import UtcDateTime, metadata

heartbeat = sa.Table(
    "heartbeat",
    metadata,
    sa.Column("process", sa.String(32), primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("version", sa.String(32), nullable=False),
    sa.Column("started_at", UtcDateTime, nullable=False),
    sa.Column("beat_at", UtcDateTime, nullable=False),
)

STALE_AFTER = timedelta(seconds=30)
"""A process that has not written for so long is not running, whatever its row says."""


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """When a process of ours was last known to be alive (aware UTC)."""

    process: str
    host: str
    pid: int
    beat_at: datetime


def beat(connection: Connection, process: str, *, now: datetime) -> None:
    """Write that this process is alive."""
    mine = {"host": platform.node(), "pid": os.getpid(), "version": __version__, "beat_at": now}
    update = sa.update(heartbeat).where(heartbeat.c.process == process)
    same = update.where(heartbeat.c.host == mine["host"], heartbeat.c.pid == mine["pid"])
    if connection.execute(same.values(mine)).rowcount:
        return
    connection.execute(sa.delete(heartbeat).where(heartbeat.c.process == process))
    connection.execute(sa.insert(heartbeat).values(process=process, started_at=now, **mine))


def heartbeats(connection: Connection) -> Sequence[Heartbeat]:
    """Give the last sign of life of every process."""
    query = sa.select(heartbeat).order_by(heartbeat.c.process)
    return [
        Heartbeat(row.process, row.host, row.pid, row.beat_at) for row in connection.execute(query)
    ]
