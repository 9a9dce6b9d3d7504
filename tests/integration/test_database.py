from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from digest.errors import AlreadyRunningError, DatabaseError
from digest.workflow.store import heartbeat

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)


def _beat(process: str = "web", at: datetime = NOON) -> dict[str, object]:
    return {
        "process": process,
        "host": "h",
        "pid": 0,
        "version": "1",
        "started_at": at,
        "beat_at": at,
    }


REVISIONS = [f"{n:04}" for n in range(1, 15)]


def test_an_empty_database_reaches_the_head_and_a_second_run_changes_nothing(
    empty_database_url: str,
) -> None:
    database = Database(empty_database_url)
    assert database.migrate() == REVISIONS
    assert database.migrate() == []
    assert not migrations.pending(database)
    database.close()


def test_the_migrations_and_the_tables_of_the_stores_agree(database: Database) -> None:
    with database.write() as connection:
        command.check(migrations.config_for(connection))


def test_of_many_that_start_at_once_exactly_one_migrates(empty_database_url: str) -> None:
    databases = [Database(empty_database_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda database: database.migrate(), databases))
    assert sorted(applied) == [[], [], [], REVISIONS]
    for database in databases:
        database.close()


def test_a_database_newer_than_the_program_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match=r"^database: schema 9999: newer than this program$"):
        database.migrate()


def test_times_come_back_in_utc_and_naive_ones_are_refused(database: Database) -> None:
    abroad = NOON.astimezone(timezone(timedelta(hours=5)))
    with database.write() as connection:
        connection.execute(sa.insert(heartbeat), _beat(at=abroad))
    with database.read() as connection:
        found = connection.execute(sa.select(heartbeat.c.beat_at)).scalar_one()
    assert found == NOON
    assert found.tzinfo is UTC
    naive = NOON.replace(tzinfo=None)
    with pytest.raises(sa.exc.StatementError, match="a time needs its zone"), database.write() as c:
        c.execute(sa.insert(heartbeat), _beat("other", naive))


def test_a_failed_write_leaves_nothing_behind(database: Database) -> None:
    def half_way() -> None:
        with database.write() as connection:
            connection.execute(sa.insert(heartbeat), _beat())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_way()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(heartbeat)).scalar() == 0


def test_concurrent_writers_lose_no_update(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(heartbeat), _beat())

    def add_one(_: int) -> None:
        with database.write() as connection:
            query = sa.select(heartbeat.c.pid).with_for_update()
            pid = connection.execute(query).scalar_one()
            connection.execute(sa.update(heartbeat).values(pid=pid + 1))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one, range(80)))
    with database.read() as connection:
        assert connection.execute(sa.select(heartbeat.c.pid)).scalar_one() == 80


def test_a_seat_is_held_once_names_its_holder_and_is_free_afterwards(database: Database) -> None:
    other = Database(database.url.render_as_string(hide_password=False))
    with database.hold("serve"):
        with pytest.raises(AlreadyRunningError, match="serve: already running") as caught:
            other.hold("serve").__enter__()
        assert caught.value.holder.startswith("process ")
        with other.hold("sender"):
            pass
    with other.hold("serve"):
        pass
    other.close()


def test_a_sqlite_file_is_copied_whole(sqlite_database: Database, tmp_path: Path) -> None:
    with sqlite_database.write() as connection:
        connection.execute(sa.insert(heartbeat), _beat())
    sqlite_database.copy_to(tmp_path / "copies" / "copy.db")
    copy = Database(f"sqlite:///{tmp_path / 'copies' / 'copy.db'}")
    with copy.read() as connection:
        assert connection.execute(sa.select(heartbeat.c.process)).scalar() == "web"
    copy.close()


@pytest.mark.parametrize("url", ["mysql://x/y", "not a url", "sqlite://", "sqlite:///:memory:"])
def test_an_unknown_database_is_refused_in_words(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"^database: "):
        Database(url)


def test_a_database_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    missing = Database(f"sqlite:///{tmp_path / 'absent' / 'digest.db'}")
    with (
        pytest.raises(DatabaseError, match=r"digest\.db: unable to open database file"),
        missing.read(),
    ):
        pass


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "digest.db"
    path.write_text("Good morning, this is a letter and no database.")
    with pytest.raises(DatabaseError, match=r"digest\.db: file is not a database"):
        Database(f"sqlite:///{path}").migrate()
