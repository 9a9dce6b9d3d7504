"""Writers of other processes: one that goes on and on, one that is killed, one that counts."""

from __future__ import annotations

import os
import time

import sqlalchemy as sa

from digest.db import Database

counter = sa.table("counter", sa.column("n", sa.Integer))


def write_all_the_time(url: str, seconds: float) -> None:
    """Write as a sender does: a short transaction after the other."""
    database = Database(url)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        with database.write() as connection:
            connection.execute(sa.update(counter).values(n=counter.c.n + 1))
            time.sleep(0.002)
    database.close()


def count(url: str, times: int) -> None:
    """Add one, many times."""
    database = Database(url)
    for _ in range(times):
        with database.write() as connection:
            found = connection.execute(sa.select(counter.c.n)).scalar_one()
            connection.execute(sa.update(counter).values(n=found + 1))
    database.close()


def die_writing(url: str) -> None:
    """End in the middle of a transaction, as by kill -9."""
    with Database(url).write() as connection:
        connection.execute(sa.update(counter).values(n=-1))
        os._exit(9)
