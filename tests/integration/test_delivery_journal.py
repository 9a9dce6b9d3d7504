from __future__ import annotations

import logging
import resource
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.clock import fixed, utc_now
from digest.db import Database
from digest.delivery import count_store, store
from digest.delivery.breaker import Breaker
from digest.delivery.engine import Tools
from digest.delivery.journal import (
    Answered,
    Journal,
    JournalError,
    Key,
    LeaseFile,
    open_journal,
)
from digest.delivery.lease_store import LEASE
from digest.delivery.ledger import Ledger
from digest.delivery.limits import LimitRules, Limits
from digest.delivery.model import Cause, DeliveryState, Envelope, Sent, Tally
from digest.delivery.plan import plan
from digest.delivery.send import Sender, SendRules, open_sender
from digest.editions.model import Edition, EditionState
from digest.errors import AlreadyRunningError
from subscribers import store as readers
from tests.unit.delivery.delivery_builders import (
    NOON,
    PUT_OFF,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    a_way,
    address_of,
    an_edition,
    attempts,
    rows,
    some_readers,
    state_of,
    tally,
)

KEY = (1, 1, 1)
ACCEPTED = Answered(DeliveryState.ACCEPTED, Cause.ACCEPTED, 250)
UNKNOWN = Answered(DeliveryState.FAILED, Cause.UNKNOWN_USER, 550)
LATER = Answered(DeliveryState.DEFERRED, Cause.GREYLISTED, 450)
NEVER_LEFT = Answered(DeliveryState.PLANNED, Cause.AWAY, 0)
CRASHED = ("uncertain", 0, "the sender stopped before the answer was recorded")
FINE = ("accepted", 250, "")

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


def _write(file: LeaseFile, *records: tuple[int, Answered | None]) -> None:
    for reader, answer in records:
        if answer is None:
            file.begun(reader)
        else:
            file.answered(reader, answer.state, answer.cause, answer.code)


# The file


def test_a_journal_tells_who_was_begun_and_what_was_answered(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal") as journal:
        file = journal.lease(KEY, 6)
        _write(file, (1, None), (2, None), (1, ACCEPTED), (3, None), (2, UNKNOWN))
        _write(file, (3, NEVER_LEFT), (4, None), (4, NEVER_LEFT), (4, None))
        file.close()
        known = {1: ACCEPTED, 2: UNKNOWN, 3: NEVER_LEFT, 4: None}
        assert journal.left(KEY) == known
        assert journal.left((1, 1, 2)) is None


def test_a_journal_of_which_nothing_was_begun_tells_just_that(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        journal.lease(KEY, 6).close()
        assert journal.left(KEY) == {}


def test_what_is_written_is_read_without_the_writer_having_closed_it(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        file = journal.lease(KEY, 2)
        _write(file, (2**40, None))
        assert journal.left(KEY) == {2**40: None}
        file.remove()
        assert journal.left(KEY) is None


def test_a_journal_grows_when_copies_are_begun_again_and_again(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        file = journal.lease(KEY, 1)
        for n in range(500):
            _write(file, (n, None), (n, NEVER_LEFT))
        _write(file, (7, None))
        file.close()
        expected = dict.fromkeys(range(500), NEVER_LEFT) | {7: None}
        assert journal.left(KEY) == expected


def test_a_record_that_was_cut_short_does_not_spoil_those_before_it(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        file = journal.lease(KEY, 4)
        _write(file, (1, None), (1, ACCEPTED), (2, None))
        file.close()
        path = next(tmp_path.glob("*.lease"))
        path.write_bytes(path.read_bytes()[: 3 * 13 - 5])
        assert journal.left(KEY) == {1: ACCEPTED}


def test_a_damaged_journal_is_not_believed_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_journal(tmp_path) as journal:
        file = journal.lease(KEY, 4)
        _write(file, (1, None))
        file.close()
        path = next(tmp_path.glob("*.lease"))
        path.write_bytes(b"X" + path.read_bytes()[1:])
        with caplog.at_level(logging.ERROR):
            assert journal.left(KEY) is None
    assert "a damaged journal" in caplog.text


def test_a_lease_that_is_over_takes_no_word_more(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        file = journal.lease(KEY, 1)
        file.remove()
        with pytest.raises(JournalError, match="its lease is over"):
            file.begun(1)
        _write(file, (1, ACCEPTED))
        assert list(tmp_path.glob("*.lease")) == []


def test_what_is_synced_is_known_by_its_mark(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        file = journal.lease(KEY, 2)
        first = file.begun(1)
        assert not file.is_synced(first)
        file.sync()
        second = file.begun(2)
        assert (file.is_synced(first), file.is_synced(second)) == (True, False)
        journal.sync_folder()
        file.remove()


def test_a_folder_keeps_its_name_and_another_has_another(tmp_path: Path) -> None:
    owners = []
    for name in ("a", "b", "a"):
        with open_journal(tmp_path / name) as journal:
            owners.append(journal.owner)
    assert owners[0] == owners[2] != owners[1]


def test_a_folder_is_one_senders_while_it_lives(tmp_path: Path) -> None:
    with (
        open_journal(tmp_path),
        pytest.raises(AlreadyRunningError, match="another sender of this machine writes there"),
        open_journal(tmp_path),
    ):
        raise AssertionError("it was opened twice")


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    place = tmp_path / "journal"
    place.write_text("a file", "utf-8")
    with pytest.raises(JournalError, match=r"^journal: .*: File exists$"), open_journal(place):
        raise AssertionError("it was opened")


def test_a_disk_without_room_is_met_before_anything_is_begun_with(tmp_path: Path) -> None:
    with open_journal(tmp_path) as journal:
        with _files_of_at_most(4096), pytest.raises(JournalError, match=r"^journal: ") as raised:
            journal.lease(KEY, 10_000)
        assert raised.value.hint.startswith("Make room, or mend the folder")
        assert list(tmp_path.glob("*.lease")) == []


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


# Recovery


class Office:
    """A database with an edition of six, and a folder in which a sender died."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.watch = Watch()
        self.rules = SendRules()
        self.transport = ScriptedTransport()
        self.edition = self._planned()
        with open_journal(folder) as journal:
            self.owner = journal.owner

    def _planned(self) -> Edition:
        edition = an_edition(self.database)
        some_readers(self.database, edition, range(1, 7))
        plan(self.database, edition, languages=["en"], only=None, clock=fixed(NOON))
        return edition

    @property
    def key(self) -> Key:
        return self.edition.id, 1, 5

    def leased(self, *, intent_upto: int, owner: str = "", minutes: int = 1) -> None:
        """Have the batch leased by a sender that is gone."""
        over = utc_now() + timedelta(minutes=minutes)
        values = {"owner": owner or self.owner, "fence": 5, "lease_until": over}
        with self.database.write() as connection:
            update = sa.update(store.delivery_batch)
            connection.execute(update.values(intent_upto=intent_upto, **values))

    def wrote(self, *records: tuple[int, Answered | None], key: Key | None = None) -> None:
        """Have it left these records."""
        with open_journal(self.folder) as journal:
            file = journal.lease(key or self.key, 6)
            _write(file, *records)
            file.close()

    def start(self) -> Sent:
        """Start the sender anew, and let it send what is due."""
        with open_sender(
            self.database,
            [a_way(self.transport)],
            PlainOutbound(),
            journal=self.folder,
            clock=self.watch,
            rules=self.rules,
        ) as sender:
            return _run(sender)

    @property
    def tried(self) -> list[int]:
        return [int(each.removeprefix("reader").partition("@")[0]) for each in self.transport.tried]

    @property
    def states(self) -> dict[int, str]:
        """Give the state of every row; the ledger's own sums must say the same."""
        found = {reader: state for reader, (state, *_) in rows(self.database, self.edition).items()}
        states = list(found.values())
        summed = Tally(**{state: states.count(state) for state in states})
        assert tally(self.database, self.edition) == summed
        return found


def _run(sender: Sender) -> Sent:
    return sender.run(stop=lambda: False, on_progress=lambda _sent: None)


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Office:
    return Office(database, tmp_path / "journal")


def test_what_the_journal_tells_is_recorded_and_only_what_nobody_knows_is_uncertain(
    office: Office,
) -> None:
    office.leased(intent_upto=6)
    office.wrote((1, None), (1, ACCEPTED), (2, None), (3, None), (3, NEVER_LEFT))
    sent = office.start()
    assert sent == Sent(accepted=4, uncertain=1, finished=(office.edition.id,))
    assert office.tried == [3, 4, 5, 6]
    expected = dict.fromkeys(range(1, 7), FINE) | {2: CRASHED}
    assert rows(office.database, office.edition) == expected
    assert office.states[2] == "uncertain"
    assert state_of(office.database, office.edition) is EditionState.SENT


def test_a_refusal_that_only_the_journal_knows_is_recorded_and_its_reader_suppressed(
    office: Office,
) -> None:
    office.leased(intent_upto=6)
    office.wrote((1, None), (1, UNKNOWN), (2, None), (2, LATER))
    sent = office.start()
    assert sent == Sent(accepted=4)
    assert rows(office.database, office.edition)[1] == ("failed", 550, "unknown address")
    words = "the server asks strangers to come again"
    assert rows(office.database, office.edition)[2] == ("deferred", 450, words)
    assert attempts(office.database) == [
        (1, 1, "failed", 550, "unknown address"),
        (2, 1, "deferred", 450, words),
    ]
    with office.database.read() as connection:
        table = readers.suppression.c
        listed = connection.execute(sa.select(table.address_hmac, table.reason)).all()
    assert listed == [("hmac1", "bounced")]
    office.watch.move(minutes=15)
    assert office.start() == Sent(accepted=1, finished=(office.edition.id,))
    assert office.tried == [3, 4, 5, 6, 2]


def test_by_the_policy_what_nobody_knows_is_sent_again(office: Office) -> None:
    office.rules = SendRules(retry_crashed=True)
    office.leased(intent_upto=6)
    office.wrote((1, None), (1, ACCEPTED), (2, None))
    assert office.start() == Sent(accepted=5, finished=(office.edition.id,))
    assert office.tried == [2, 3, 4, 5, 6]
    assert set(office.states.values()) == {"accepted"}


def test_to_a_maildir_of_ours_it_is_sent_again_as_it_leaves_one_copy(office: Office) -> None:
    office.transport.repeatable = True
    office.leased(intent_upto=6)
    office.wrote((1, None), (2, None), (2, ACCEPTED))
    assert office.start() == Sent(accepted=5, finished=(office.edition.id,))
    assert office.tried == [1, 3, 4, 5, 6]


@pytest.mark.parametrize("damaged", [False, True])
def test_without_a_journal_all_that_may_have_left_is_uncertain(
    office: Office, *, damaged: bool
) -> None:
    office.leased(intent_upto=4)
    if damaged:
        office.wrote((1, None), (1, ACCEPTED))
        path = next(office.folder.glob("*.lease"))
        path.write_bytes(b"X" + path.read_bytes()[1:])
    assert office.start() == Sent(accepted=2, uncertain=4, finished=(office.edition.id,))
    assert office.tried == [5, 6]
    assert [reader for reader, state in office.states.items() if state == "uncertain"] == [
        *(1, 2, 3, 4)
    ]


def test_what_was_flushed_before_the_crash_is_not_asked_of_the_journal(office: Office) -> None:
    office.leased(intent_upto=6)
    with office.database.write() as connection:
        first = store.delivery.c.subscriber_id == 1
        connection.execute(sa.update(store.delivery).where(first).values(state="accepted"))
        moved = {(office.edition.id, 0, "planned"): -1, (office.edition.id, 0, "accepted"): 1}
        count_store.add_counts(connection, moved, at=NOON)
    office.wrote((1, None), (2, None), (2, ACCEPTED))
    assert office.start() == Sent(accepted=4, finished=(office.edition.id,))
    assert office.tried == [3, 4, 5, 6]
    assert set(office.states.values()) == {"accepted"}


def test_a_recovery_that_was_killed_before_it_forgot_the_journal_is_not_done_twice(
    office: Office,
) -> None:
    office.leased(intent_upto=6)
    office.wrote((1, None), (1, ACCEPTED), (2, None))
    kept = {path: path.read_bytes() for path in office.folder.glob("*.lease")}
    office.start()
    for path, content in kept.items():
        path.write_bytes(content)
    assert office.start() == Sent()
    assert list(office.folder.glob("*.lease")) == []
    assert office.states == dict.fromkeys(range(1, 7), "accepted") | {2: "uncertain"}


@pytest.mark.parametrize("has_journal", [True, False])
def test_a_retry_that_was_under_way_is_recovered_like_a_first_try(
    office: Office, *, has_journal: bool
) -> None:
    office.transport.script = {address_of(n): [PUT_OFF] for n in (1, 2, 3)}
    office.start()
    over = utc_now() + timedelta(minutes=1)
    with office.database.write() as connection:
        held = {"owner": office.owner, "fence": 5, "lease_until": over}
        connection.execute(sa.update(store.delivery_retry).values(**held))
    if has_journal:
        office.wrote((1, None), (1, ACCEPTED), (2, None), key=(office.edition.id, 0, 5))
    office.watch.move(minutes=1)
    sent = office.start()
    uncertain = {2} if has_journal else {1, 2, 3}
    assert sent.uncertain == len(uncertain)
    assert office.tried[6:] == ([3] if has_journal else [])
    expected = dict.fromkeys(range(1, 7), "accepted") | dict.fromkeys(uncertain, "uncertain")
    assert office.states == expected
    assert state_of(office.database, office.edition) is EditionState.SENT


@ON_POSTGRESQL  # on SQLite a transaction dies with its process
def test_the_last_word_of_the_earlier_life_is_waited_for(office: Office) -> None:
    office.leased(intent_upto=6)
    office.wrote((1, None), (1, ACCEPTED), (2, None))
    with office.database.write() as connection:  # as a server that is not done with a flush
        connection.execute(sa.select(store.delivery_batch).with_for_update())
        starting = threading.Thread(target=office.start)
        starting.start()
        while starting.is_alive() and not _somebody_waits(office.database):
            time.sleep(0.01)
    starting.join()
    assert office.states == dict.fromkeys(range(1, 7), "accepted") | {2: "uncertain"}
    assert office.tried == [3, 4, 5, 6]


def _somebody_waits(database: Database) -> bool:
    with database.read() as connection:
        return bool(
            connection.exec_driver_sql("SELECT count(*) FROM pg_locks WHERE NOT granted").scalar()
        )


@ON_POSTGRESQL
def test_a_machine_lost_in_a_transaction_keeps_its_locks_for_less_than_a_lease(
    database: Database,
) -> None:
    with database.write() as connection:
        kept = connection.exec_driver_sql("SHOW idle_in_transaction_session_timeout").scalar_one()
    assert kept == "10s"
    assert timedelta(seconds=10) < LEASE


@ON_POSTGRESQL  # on SQLite the seat tells that the other is dead
def test_anothers_lease_is_let_alone_while_its_time_runs_and_taken_over_after_it(
    office: Office,
) -> None:
    office.leased(intent_upto=2, owner="another")
    with open_sender(
        office.database,
        [a_way(office.transport)],
        PlainOutbound(),
        journal=office.folder,
        clock=office.watch,
    ) as sender:
        assert _run(sender) == Sent()
        assert not sender.is_due()
        office.leased(intent_upto=2, owner="another", minutes=-1)
        assert sender.is_due()
        while sender.is_due():
            _run(sender)
    assert office.tried == [3, 4, 5, 6]
    assert list(office.states.values()) == ["uncertain"] * 2 + ["accepted"] * 4


def test_a_journal_that_is_gone_lets_nothing_leave_and_says_so(office: Office) -> None:
    with open_sender(
        office.database,
        [a_way(office.transport)],
        PlainOutbound(),
        journal=office.folder,
        clock=office.watch,
    ) as sender:
        (office.folder / "owner").unlink()
        office.folder.rmdir()
        sent = _run(sender)
    assert sent == Sent(problem=f"journal: {office.folder}: No such file or directory")
    assert office.tried == []
    assert office.states == dict.fromkeys(range(1, 7), "planned")
    assert office.start() == Sent(accepted=6, finished=(office.edition.id,))


# Against a power cut


class WatchedFile(LeaseFile):
    """A journal that counts what was brought to the disk, and may have no working disk."""

    def __init__(self, path: Path, copies: int, disk: Disk) -> None:
        super().__init__(path, copies)
        self._disk = disk
        self._begun: list[int] = []

    def begun(self, reader: int) -> int:
        self._begun.append(reader)
        return super().begun(reader)

    def sync(self) -> None:
        if self._disk.is_broken:
            raise JournalError("journal: disk: Input/output error")
        begun = list(self._begun)
        super().sync()
        self._disk.syncs += 1
        self._disk.safe |= set(begun)


class Disk:
    """What has reached it."""

    def __init__(self) -> None:
        self.is_broken = False
        self.syncs = 0
        self.safe: set[int] = set()


class WatchedJournal(Journal):
    """A journal of watched files."""

    def __init__(self, journal: Journal, folder: Path, disk: Disk) -> None:
        super().__init__(folder, journal.owner)
        self._disk = disk

    def lease(self, key: Key, copies: int) -> LeaseFile:
        return WatchedFile(self._path(key), copies, self._disk)


def _durable_sender(office: Office, journal: Journal, *, connections: int) -> Sender:
    ways = [a_way(office.transport, connections=connections)]
    limits = Limits(LimitRules(), clock=office.watch)
    ledger = Ledger(
        office.database,
        journal,
        limits,
        clock=office.watch,
        repeatable=False,
        retry_crashed=False,
        retry_unanswered=True,
        durable=True,
    )
    tools = Tools(
        office.database,
        ledger,
        limits,
        PlainOutbound(),
        ways,
        {way.name: Breaker(way.name) for way in ways},
        office.watch,
        stop=lambda: False,
        rules=replace(office.rules, durable=True),
    )
    return Sender(tools, journal)


def test_with_durability_nothing_leaves_before_its_intent_is_on_the_disk(office: Office) -> None:
    some_readers(office.database, office.edition, range(7, 301))
    more = an_edition(office.database, day=10)
    plan(office.database, more, languages=["en"], only=None, clock=fixed(NOON))
    disk, early = Disk(), list[str]()

    def look(envelope: Envelope) -> None:
        reader = int(envelope.recipient.removeprefix("reader").partition("@")[0])
        if reader not in disk.safe:
            early.append(envelope.recipient)

    office.transport.before = look
    with open_journal(office.folder) as journal:
        watched = WatchedJournal(journal, office.folder, disk)
        sent = _run(_durable_sender(office, watched, connections=4))
    assert (sent.accepted, sent.problem) == (306, "")
    assert early == []
    assert disk.syncs > 0


def test_with_durability_a_disk_that_fails_lets_nothing_leave_and_says_so(office: Office) -> None:
    disk = Disk()
    disk.is_broken = True
    with open_journal(office.folder) as journal:
        watched = WatchedJournal(journal, office.folder, disk)
        sent = _run(_durable_sender(office, watched, connections=4))
    assert sent == Sent(problem="journal: disk: Input/output error")
    assert office.tried == []
    assert office.states == dict.fromkeys(range(1, 7), "planned")
    assert office.start() == Sent(accepted=6, finished=(office.edition.id,))


@ON_SQLITE  # PostgreSQL waits for the disk as it comes
def test_with_durability_the_ledger_waits_for_the_disk_too(office: Office) -> None:
    full = 2
    modes: list[int] = []

    def look(_envelope: Envelope) -> None:
        with office.database.write() as connection:
            modes.append(connection.exec_driver_sql("PRAGMA synchronous").scalar_one())

    office.transport.before = look
    office.rules = SendRules(durable=True)
    assert office.start() == Sent(accepted=6, finished=(office.edition.id,))
    assert modes == [full] * 6
