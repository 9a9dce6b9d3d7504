"""The queue of jobs on PostgreSQL: its tables, its hints, and a worker that listens to them."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from procrastinate import App, PsycopgConnector

from digest.clock import fixed
from digest.db import Connection, Database
from digest.delivery.plan import plan
from digest.editions.model import Edition, EditionState
from digest.errors import DatabaseError
from digest.queue import schema
from digest.queue.bell import Bell
from digest.queue.hints import SEND, SENDING, tell_senders
from digest.queue.listen import STALLED_SECONDS, rescue_stalled, woken
from digest.queue.store import JobCount, job_counts
from tests.unit.delivery.delivery_builders import (
    NOON,
    an_edition,
    some_readers,
    state_of,
    tally,
)

ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
EMPTY_ON_POSTGRESQL = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)
_PATIENCE = 20.0


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def _jobs(database: Database) -> list[tuple[str, int, int]]:
    """Give the state, priority and edition of every job of the senders, oldest first."""
    query = (
        "SELECT status::text, priority, (args->>'edition_id')::int FROM procrastinate_jobs"
        " WHERE queue_name = %s ORDER BY id"
    )
    with database.read() as connection:
        return [(*row,) for row in connection.exec_driver_sql(query, (SENDING,)).all()]


def _do(database: Database, *statements: str) -> None:
    with database.write() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def _planned(database: Database, readers: int = 3, **more: Any) -> Edition:
    edition = an_edition(database)
    some_readers(database, edition, range(1, readers + 1))
    plan(database, edition, languages=["en"], only=None, clock=fixed(NOON), **more)
    return edition


# The jobs of a plan


@ON_POSTGRESQL
def test_planning_writes_a_job_for_each_sender_that_could_share_the_batches(
    database: Database,
) -> None:
    edition = _planned(database, readers=45, batch_size=2, priority=10)
    assert _jobs(database) == [("todo", 10, edition.id)] * 3


@ON_POSTGRESQL
def test_an_edition_without_readers_needs_no_sender(database: Database) -> None:
    edition = an_edition(database)
    plan(database, edition, languages=["en"], only=None, clock=fixed(NOON))
    assert state_of(database, edition) is EditionState.SENT
    assert _jobs(database) == []


@ON_POSTGRESQL
def test_a_plan_that_is_rolled_back_leaves_no_job(database: Database) -> None:
    _do(
        database,
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE 'the disk is full'; END $$",
        "CREATE CONSTRAINT TRIGGER no AFTER INSERT ON procrastinate_jobs"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION no()",
    )
    edition = an_edition(database)
    some_readers(database, edition, range(1, 4))
    with pytest.raises(sa.exc.DBAPIError, match="the disk is full"):
        plan(database, edition, languages=["en"], only=None, clock=fixed(NOON))
    assert _jobs(database) == []
    assert state_of(database, edition) is EditionState.APPROVED
    _do(database, "DROP TRIGGER no ON procrastinate_jobs")
    plan(database, edition, languages=["en"], only=None, clock=fixed(NOON))
    assert _jobs(database) == [("todo", 0, edition.id)]


@ON_POSTGRESQL
@pytest.mark.parametrize(
    "harm",
    ["DROP TABLE procrastinate_jobs CASCADE", "DROP TYPE procrastinate_job_to_defer_v1 CASCADE"],
)
def test_a_queue_out_of_order_does_not_keep_an_edition_from_going(
    database: Database, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    _do(database, harm)
    edition = _planned(database)
    assert state_of(database, edition) is EditionState.SENDING
    assert tally(database, edition).planned == 3
    assert "no job written" in caplog.text


def test_on_sqlite_there_is_no_queue_and_nothing_asks_for_one(sqlite_database: Database) -> None:
    edition = _planned(sqlite_database)
    assert state_of(sqlite_database, edition) is EditionState.SENDING
    with sqlite_database.write() as connection:
        tell_senders(connection, edition.id, batches=9, priority=0)
        assert job_counts(connection) == []
        schema.drop(connection)
        names = sa.inspect(connection).get_table_names()
    assert [name for name in names if "procrastinate" in name] == []
    with woken(sqlite_database) as bell:
        assert [thread.name for thread in threading.enumerate() if thread.name == "queue"] == []
        assert bell.heard() == ()


# Listening


@contextmanager
def _answering(bell: Bell, *, pause: float = 60.0) -> Iterator[list[int]]:
    """Make rounds as a worker does, in a thread; count in each how many rang."""
    rounds: list[int] = []
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            heard = bell.heard()
            rounds.append(len(heard))
            bell.answer(heard)
            bell.wait(pause, stop)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield rounds
    finally:
        stop.set()
        thread.join()


def _ring(database: Database, *, edition_id: int = 1, priority: int = 0) -> None:
    with database.write() as connection:
        tell_senders(connection, edition_id, batches=1, priority=priority)


def _listens(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%%'"
    mine = " AND datname = current_database()"
    with database.read() as connection:
        return bool(connection.exec_driver_sql(query + mine).scalar())


@ON_POSTGRESQL
def test_a_job_wakes_a_sender_at_once_and_is_gone_when_its_round_is_over(
    database: Database,
) -> None:
    with woken(database) as bell, _answering(bell) as rounds:
        _until(lambda: _listens(database))
        _ring(database)
        _until(lambda: sum(rounds) == 1)
        _until(lambda: _jobs(database) == [])


@ON_POSTGRESQL
def test_the_most_urgent_edition_is_taken_first(database: Database) -> None:
    _ring(database, edition_id=1)
    _ring(database, edition_id=2, priority=10)
    with woken(database):
        _until(lambda: ("doing", 10, 2) in _jobs(database))
        assert ("todo", 0, 1) in _jobs(database), "one sender takes one job"


@ON_POSTGRESQL
def test_a_sender_that_leaves_gives_back_the_job_it_has_not_finished(database: Database) -> None:
    _ring(database)
    with woken(database):
        _until(lambda: _jobs(database) == [("doing", 0, 1)])
    assert _jobs(database) == [("todo", 0, 1)]
    with database.read() as connection:
        workers = connection.exec_driver_sql("SELECT count(*) FROM procrastinate_workers")
        assert workers.scalar() == 0
    with woken(database) as bell, _answering(bell):
        _until(lambda: _jobs(database) == [])


@ON_POSTGRESQL
def test_a_listener_whose_connections_are_cut_listens_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with woken(database) as bell, _answering(bell) as rounds:
        _until(lambda: _listens(database))
        _do(
            database,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'digest queue' AND datname = current_database()",
        )
        _ring(database)
        _until(lambda: sum(rounds) == 1)
        _until(lambda: _jobs(database) == [])


@ON_POSTGRESQL
def test_without_its_tables_the_listener_says_so_once_and_leaves_when_asked(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with database.write() as connection:
        schema.drop(connection)
    with woken(database):
        _until(lambda: "the queue is away" in caplog.text)
    said = [record for record in caplog.records if "the queue is away" in record.getMessage()]
    assert len(said) == 1
    assert [thread.name for thread in threading.enumerate() if thread.name == "queue"] == []


# The rescue


def _dead_worker_with_a_job(database: Database) -> None:
    _do(
        database,
        f"SELECT set_config('digest.stale', '{2 * STALLED_SECONDS} seconds', true)",
        "INSERT INTO procrastinate_workers (last_heartbeat)"
        " VALUES (now() - current_setting('digest.stale')::interval)",
        "UPDATE procrastinate_jobs SET status = 'doing',"
        " worker_id = (SELECT max(id) FROM procrastinate_workers)",
    )


@ON_POSTGRESQL
def test_the_job_of_a_dead_worker_goes_back_and_the_worker_is_forgotten(
    database: Database,
) -> None:
    _ring(database)
    _dead_worker_with_a_job(database)

    async def rescue() -> list[int]:
        _, address = database.engine.dialect.create_connect_args(database.url)
        app = App(connector=PsycopgConnector(kwargs=dict(address), min_size=1, max_size=1))
        async with app.open_async():
            return [await rescue_stalled(app), await rescue_stalled(app)]

    assert asyncio.run(rescue()) == [1, 0]
    assert _jobs(database) == [("todo", 0, 1)]
    with database.read() as connection:
        workers = connection.exec_driver_sql("SELECT count(*) FROM procrastinate_workers")
        assert workers.scalar() == 0


@pytest.mark.long
@ON_POSTGRESQL
def test_the_rescue_comes_by_itself_to_whoever_is_still_there(database: Database) -> None:
    _ring(database)
    _dead_worker_with_a_job(database)
    with woken(database) as bell, _answering(bell):
        deadline = time.monotonic() + 60  # every 15 s, and it is looked for every 5 s
        while _jobs(database):
            assert time.monotonic() < deadline, "nobody rescued it"
            time.sleep(0.1)


# What waits


@ON_POSTGRESQL
def test_the_jobs_are_counted_by_state_with_the_age_of_the_oldest(database: Database) -> None:
    _planned(database, readers=45, batch_size=2)
    with database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE procrastinate_jobs SET status = 'doing'"
            " WHERE id = (SELECT min(id) FROM procrastinate_jobs)"
        )
        connection.exec_driver_sql(
            "UPDATE procrastinate_events SET at = '2026-01-09 12:00+00' WHERE type = 'deferred'"
        )
    since = datetime(2026, 1, 9, 12, tzinfo=UTC)
    with database.read() as connection:
        assert job_counts(connection) == [
            JobCount(SENDING, "doing", 1, since),
            JobCount(SENDING, "todo", 2, since),
        ]


# The tables


def _made(connection: Connection) -> list[str]:
    """Describe all that the queue has in a database: columns, functions, indexes, triggers."""
    kinds = {
        "information_schema.columns": ("table_name", "concat(table_name, column_name, data_type)"),
        "pg_proc": ("proname", "pg_get_functiondef(oid)"),
        "pg_indexes": ("tablename", "indexdef"),
        "pg_trigger": ("tgname", "pg_get_triggerdef(oid)"),
        "pg_constraint": ("conname", "pg_get_constraintdef(oid)"),
    }
    found: list[str] = []
    for place, (name, what) in kinds.items():
        query: sa.Select[Any] = sa.select(sa.literal_column(what)).select_from(sa.text(place))
        ours = sa.literal_column(name).like("%procrastinate\\_%")
        found += map(str, connection.scalars(query.where(ours)))
    return sorted(" ".join(each.split()) for each in found)


def _older(connection: Connection, *, upto: str) -> None:
    """Make the tables as an older package had them: by its changes, one after the other."""
    driver: Any = connection.connection.driver_connection
    for change, files in schema._changes().items():
        if change <= upto:
            for file in files:
                driver.execute(file.read_text("utf-8"))
    driver.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{schema._PREFIX}{upto}'")


@EMPTY_ON_POSTGRESQL
def test_the_tables_of_an_older_package_are_brought_up_to_date(empty_database_url: str) -> None:
    database = Database(empty_database_url)
    with database.write() as connection:
        schema.keep(connection)
        assert schema.recorded(connection) == schema.newest()
        fresh = _made(connection)
        schema.drop(connection)
        assert _made(connection) == []
        _older(connection, upto="03.02.00_50")
        assert schema.is_behind(connection)
        schema.keep(connection)
        assert not schema.is_behind(connection)
        assert schema.recorded(connection) == schema.newest()
        functions = [each for each in _made(connection) if each.startswith("CREATE OR REPLACE")]
        assert functions == [each for each in fresh if each.startswith("CREATE OR REPLACE")]
    database.close()


@ON_POSTGRESQL
def test_opening_brings_up_to_date_what_a_newer_package_changed(database: Database) -> None:
    with database.write() as connection:
        schema.drop(connection)
        _older(connection, upto="03.02.00_50")
    assert database.migrate() == []
    with database.read() as connection:
        assert schema.recorded(connection) == schema.newest()
    _ring(database)
    assert _jobs(database) == [("todo", 0, 1)]


@ON_POSTGRESQL
def test_a_package_older_than_the_tables_is_refused_in_clear_words(database: Database) -> None:
    _do(database, f"COMMENT ON TABLE procrastinate_jobs IS '{schema._PREFIX}99.00.00_01'")
    with pytest.raises(DatabaseError, match=r"its queue: .*99\.00\.00_01: newer than") as caught:
        database.migrate()
    assert caught.value.hint == "Install the version of procrastinate that the other machines have."


@ON_POSTGRESQL
def test_the_queue_of_another_program_is_left_alone(database: Database) -> None:
    _do(database, "COMMENT ON TABLE procrastinate_jobs IS NULL")
    with pytest.raises(DatabaseError, match="the queue of another program"):
        database.migrate()


def test_the_newest_change_is_the_package_own_and_it_is_not_imported_for_it() -> None:
    names = sorted(path.name for path in (Path(schema._files()) / "migrations").glob("*.sql"))
    assert names[-1].startswith(schema.newest())
    assert SEND == "digest.send", "jobs that wait have this name: it never changes"
