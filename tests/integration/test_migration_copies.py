"""A SQLite file is copied before its tables change: private, whole, the last three of them."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from digest import migrations
from digest.db import Database
from digest.errors import DatabaseError


@pytest.fixture
def third(tmp_path: Path) -> Iterator[Database]:
    """A SQLite database of an earlier version, with a row in it."""
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("PRAGMA foreign_keys=OFF")
        connection.detach()
        writer = connection.execution_options(digest_writer=True)
        with writer.begin():
            command.upgrade(migrations.config_for(writer), "0003")
            writer.exec_driver_sql(
                "INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)"
                " VALUES (1, 'daily', 'Daily', 'UTC', '2026-01-09', '2026-01-09', 'file')"
            )
    yield database
    database.close()


def _copies(folder: Path) -> list[Path]:
    return sorted(folder.glob("digest.db.before-*"))


def test_the_copy_names_its_version_and_moment_and_nobody_else_may_read_it(
    third: Database, tmp_path: Path
) -> None:
    third.migrate()
    (copy,) = _copies(tmp_path)
    assert copy.name.startswith("digest.db.before-0003-2")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with sqlite3.connect(copy) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [
            ("0003",)
        ]
        assert connection.execute("SELECT slug FROM newsletter").fetchall() == [("daily",)]
    connection.close()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_the_last_three_copies_are_kept(third: Database, tmp_path: Path) -> None:
    for n in range(1, 5):
        old = tmp_path / f"digest.db.before-000{n}-2020010{n}T000000Z"
        old.write_bytes(b"old")
        os.utime(old, (n, n))
    other = tmp_path / "digest.db.mine"
    other.write_bytes(b"mine")
    third.migrate()
    assert [path.name[:22] for path in _copies(tmp_path)] == [
        "digest.db.before-0003-",
        "digest.db.before-0003-",
        "digest.db.before-0004-",
    ]
    assert other.exists()


def test_without_room_for_the_copy_nothing_is_changed(third: Database, tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="are needed to keep a copy") as refused:
        migrations.migrate(third, room=lambda _folder: 1_000_000)
    assert "1 MB are free; nothing was changed" in str(refused.value)
    assert "digest.db.before-*" in refused.value.hint
    assert _copies(tmp_path) == []
    assert migrations.pending(third)
    assert third.migrate()[0] == "0004"


def test_a_new_database_and_one_that_is_up_to_date_are_not_copied(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    assert database.migrate()[0] == "0001"
    assert database.migrate() == []
    database.close()
    assert _copies(tmp_path) == []
