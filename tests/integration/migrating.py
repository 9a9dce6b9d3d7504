"""A transaction for tests that move a database between revisions by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from digest.db import Database


@contextmanager
def migrating(database: Database) -> Iterator[sa.Connection]:
    """Write as the migrations do: with foreign keys on, SQLite's batch changes delete children."""
    with database.engine.connect() as connection:
        if database.is_sqlite:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA foreign_keys=OFF")
            connection.detach()
        writer = connection.execution_options(digest_writer=True)
        with writer.begin():
            yield writer
