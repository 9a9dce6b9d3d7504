"""Writers of several processes on one SQLite file stand in line; those of one go together."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Connection, Database, Together
from digest.errors import DatabaseError
from tests.integration.writing_child import count, counter, die_writing, write_all_the_time


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.writing_child"])
    return context


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'counter.db'}"


@pytest.fixture
def counting(url: str) -> Iterator[Database]:
    """A database with one number in it."""
    made = Database(url)
    with made.write() as connection:
        connection.exec_driver_sql("CREATE TABLE counter (n INTEGER)")
        connection.exec_driver_sql("INSERT INTO counter VALUES (0)")
    yield made
    made.close()


def number(database: Database) -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(counter.c.n)).scalar_one())


def add_one(connection: Connection) -> int:
    connection.execute(sa.update(counter).values(n=counter.c.n + 1))
    return int(connection.execute(sa.select(counter.c.n)).scalar_one())


def test_who_writes_seldom_is_not_starved_by_who_writes_all_the_time(
    counting: Database, url: str, processes: ForkServerContext
) -> None:
    busy = [
        processes.Process(target=write_all_the_time, args=(url, 2.5), daemon=True) for _ in range(2)
    ]
    for each in busy:
        each.start()
    while number(counting) < 20:
        time.sleep(0.01)
    waits: list[float] = []
    while any(each.is_alive() for each in busy) and len(waits) < 60:
        begun = time.monotonic()
        with counting.write() as connection:
            add_one(connection)
        waits.append(time.monotonic() - begun)
        time.sleep(0.01)
    for each in busy:
        each.join()
    assert len(waits) > 20
    assert sorted(waits)[len(waits) * 9 // 10] < 0.1


def test_no_update_of_several_processes_is_lost(
    counting: Database, url: str, processes: ForkServerContext
) -> None:
    children = [processes.Process(target=count, args=(url, 40), daemon=True) for _ in range(3)]
    for each in children:
        each.start()
    for _ in range(40):
        with counting.write() as connection:
            add_one(connection)
    for each in children:
        each.join()
    assert [each.exitcode for each in children] == [0, 0, 0]
    assert number(counting) == 160


def test_a_writer_who_dies_holds_up_nobody(
    counting: Database, url: str, processes: ForkServerContext
) -> None:
    child = processes.Process(target=die_writing, args=(url,), daemon=True)
    child.start()
    child.join()
    assert child.exitcode == 9
    with counting.write() as connection:
        assert add_one(connection) == 1


def test_threads_that_wait_are_done_together_and_each_hears_its_own_answer() -> None:
    rounds: list[int] = []
    held = threading.Event()

    def double(items: list[int]) -> list[int]:
        rounds.append(len(items))
        held.wait(5)
        return [item * 2 for item in items]

    together = Together(double, most=30)
    answers: dict[int, int] = {}
    threads = [
        threading.Thread(target=lambda n=n: answers.update({n: together.do(n)})) for n in range(50)
    ]
    for each in threads:
        each.start()
    while sum(rounds) + len(together.waiting) < len(threads):
        time.sleep(0.001)
    held.set()
    for each in threads:
        each.join()
    assert answers == {n: n * 2 for n in range(50)}
    assert (sum(rounds), max(rounds) <= 30, len(rounds) <= 4) == (50, True, True)


def test_what_fails_fails_alone() -> None:
    held = threading.Event()

    def invert(items: list[int]) -> list[float]:
        held.wait(5)
        return [1 / item for item in items]

    together = Together(invert, most=30)
    outcomes: dict[int, object] = {}

    def run(n: int) -> None:
        try:
            outcomes[n] = together.do(n)
        except ZeroDivisionError as error:
            outcomes[n] = str(error)

    threads = [threading.Thread(target=run, args=(n,)) for n in (2, 0, 4)]
    for each in threads:
        each.start()
    while len(together.waiting) < 2:
        time.sleep(0.001)
    held.set()
    for each in threads:
        each.join()
    assert outcomes == {2: 0.5, 4: 0.25, 0: "division by zero"}


def test_who_is_interrupted_leaves_nobody_waiting_for_ever() -> None:
    def interrupted(_items: list[int]) -> list[int]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Together(interrupted, most=1).do(1)


def test_a_lock_that_is_never_given_back_is_a_clear_error(counting: Database, url: str) -> None:
    hasty = Database(url, patience=0.2)
    locked = pytest.raises(DatabaseError, match=r"others kept it locked for 0\.2 s")
    with counting.write(), locked as caught, hasty.write():
        pass
    assert caught.value.hint.startswith("Which program writes to it?")
    with hasty.write() as connection:
        assert add_one(connection) == 1
    hasty.close()


def test_a_stranger_s_lock_on_the_file_itself_is_the_same_error(
    counting: Database, url: str, tmp_path: Path
) -> None:
    assert number(counting) == 0
    stranger = sqlite3.connect(tmp_path / "counter.db", isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    hasty = Database(url, patience=0.1)
    with pytest.raises(DatabaseError, match=r"others kept it locked for 0\.1 s"), hasty.write():
        pass
    hasty.close()
    stranger.execute("ROLLBACK")
    stranger.close()


def test_where_no_lock_file_can_be_made_sqlite_stands_alone(
    counting: Database, tmp_path: Path
) -> None:
    counting.close()
    for which in ("next", "turn"):
        path = tmp_path / f"counter.db.{which}.lock"
        path.unlink()
        path.mkdir()
    with counting.write() as connection:
        assert add_one(connection) == 1
