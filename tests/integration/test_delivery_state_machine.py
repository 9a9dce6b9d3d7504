"""A ledger and its senders in any order of mishaps, against a small model: who was given what."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from digest.clock import fixed
from digest.db import Database, metadata
from digest.delivery import store
from digest.delivery.journal import open_journal
from digest.delivery.lease_store import Answers, Result
from digest.delivery.ledger import Ledger, Loaded, Wanted
from digest.delivery.limits import LimitRules, Limits
from digest.delivery.model import Cause, DeliveryState, Envelope, Reply, Way
from digest.delivery.plan import plan
from digest.delivery.retry import retry
from digest.delivery.send import SendRules
from digest.delivery.settle import ACCEPTED as SETTLED
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from tests.integration.sending_room import Room, books, run
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    DENIED,
    NOON,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
    UNKNOWN,
    UNREACHABLE,
    Watch,
    an_edition,
    leave,
    rows,
    some_readers,
    state_of,
)

SOAK = "TEST_SOAK" in os.environ
READERS = range(1, 9)
_ID = re.compile(r"<e(\d+)\.public(\d+)@")
ANSWERS = {
    "accept": ACCEPTED,
    "put off": PUT_OFF,
    "refuse": REFUSED,
    "unknown": UNKNOWN,
    "ours": DENIED,
    "cut": CUT,
    "away": UNREACHABLE,
    "takes it, no answer": UNANSWERED,
    "no answer": UNANSWERED,
}
TAKEN = frozenset({"accept", "takes it, no answer"})
answers = st.dictionaries(
    st.sampled_from(READERS),
    st.lists(st.sampled_from(sorted(ANSWERS)), min_size=1, max_size=2),
    max_size=5,
)
STAGES = ("not begun", "begun", "given", "answered", "written")
"""How far a copy had come when its sender was killed; `given`: the server has it, unheard."""

Key = tuple[int, int]
"""An edition and a reader."""


class ModelTransport:
    """Answers as drawn, and tells the model what it took. Nobody who left may be tried."""

    repeatable = False

    def __init__(self, machine: Mishaps, drawn: dict[int, list[str]]) -> None:
        self._machine = machine
        self._drawn = {reader: list(each) for reader, each in drawn.items()}
        self._lock = threading.Lock()
        self.wrong: list[str] = []
        self.tried = 0

    def deliver(self, envelope: Envelope, _message: bytes) -> Reply:
        found = _ID.match(envelope.message_id)
        assert found is not None
        key = int(found[1]), int(found[2])
        with self._lock:
            self.tried += 1
            if key[1] in self._machine.left:
                self.wrong.append(f"reader {key[1]} had left")
            if key in self._machine.frozen:
                self.wrong.append(f"{key} is another sender's")
            planned = self._drawn.get(key[1])
            word = planned.pop(0) if planned else "accept"
            if word in TAKEN:
                self._machine.given[key] += 1
            if word in {"takes it, no answer", "no answer"} and self._machine.retries_unanswered:
                self._machine.unheard[key] += 1
        return ANSWERS[word]

    def close(self) -> None:
        """Nothing is open."""


class Mishaps(RuleBasedStateMachine):
    """A few readers, a few editions, senders that come and go, and persons who interfere."""

    database: ClassVar[Database]
    folder: ClassVar[Path]

    @initialize(retries_unanswered=st.booleans())
    def begin(self, retries_unanswered: bool) -> None:  # noqa: FBT001 - hypothesis passes it by name
        with self.database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(sa.delete(table))
        self.watch = Watch()
        self.editions: list[Edition] = []
        self.given: Counter[Key] = Counter()
        self.asked: Counter[Key] = Counter()
        """How often a person had a copy tried again."""
        self.unheard: Counter[Key] = Counter()
        self.left: set[int] = set()
        self.frozen: set[Key] = set()
        """Copies in the hands of a sender that is alive and does nothing."""
        self.retries_unanswered = retries_unanswered
        self.senders = 0
        shutil.rmtree(self.folder, ignore_errors=True)
        first = an_edition(self.database)
        some_readers(self.database, first, READERS)
        self._plan(first, 3, 0)

    # What is to be sent

    @precondition(lambda self: len(self.editions) < 3)
    @rule(batch_size=st.integers(1, 5), priority=st.sampled_from([0, 0, 5]))
    def plan_another(self, batch_size: int, priority: int) -> None:
        edition = an_edition(self.database, day=9 + len(self.editions), send_at=self.watch())
        self._plan(edition, batch_size, priority)

    def _plan(self, edition: Edition, batch_size: int, priority: int) -> None:
        plan(
            self.database,
            edition,
            languages=["en"],
            only=None,
            batch_size=batch_size,
            priority=priority,
            clock=fixed(self.watch()),
        )
        self.editions.append(edition)

    # Senders

    @rule(drawn=answers, connections=st.integers(1, 3), most=st.none() | st.integers(0, 6))
    def send(self, drawn: dict[int, list[str]], connections: int, most: int | None) -> None:
        """Run a sender to its end, or until it is stopped after some tries."""
        transport = ModelTransport(self, drawn)
        way = Way("model", transport=transport, connections=connections)
        with self._room().sender(way) as sender:
            if most is None:
                run(sender)
            else:
                sender.run(stop=lambda: transport.tried >= most, on_progress=lambda _sent: None)
        assert transport.wrong == []
        self.senders += not self.database.is_sqlite  # on PostgreSQL the next has its own folder
        self._no_lease_is_left()

    @rule(
        stages=st.lists(st.sampled_from(STAGES), min_size=8, max_size=8),
        batches=st.integers(1, 3),
        begin=st.integers(0, 8),
        keeps_journal=st.booleans(),
    )
    def kill_a_sender(
        self,
        stages: list[str],
        batches: int,
        begin: int,
        keeps_journal: bool,  # noqa: FBT001 - hypothesis passes it by name
    ) -> None:
        """Have a sender come so far with each copy, and no further; its machine may be lost."""
        with self._ledger() as ledger:
            loaded = ledger.claim(Wanted(batches=batches, retries=begin, begin=begin))
            for each in loaded:
                self._come_so_far(ledger, each, stages)
                each.file.close()
        if not keeps_journal:
            shutil.rmtree(self._journal())
        self._expire_leases()
        self.send({}, 1, 0)

    def _come_so_far(self, ledger: Ledger, loaded: Loaded, stages: list[str]) -> None:
        lease, written = loaded.lease, []
        for copy in lease.copies:
            stage = stages[copy.subscriber_id - 1]
            may = copy.subscriber_id <= lease.intent_upto
            if (
                stage == "not begun"
                or not may
                or isinstance(loaded.people[copy.subscriber_id], str)
            ):
                continue
            loaded.file.begun(copy.subscriber_id)
            if stage == "begun":
                continue
            self.given[lease.edition_id, copy.subscriber_id] += 1
            if stage in {"answered", "written"}:
                loaded.file.answered(
                    copy.subscriber_id, DeliveryState.ACCEPTED, Cause.ACCEPTED, 250
                )
            if stage == "written":
                place = loaded.places[copy.subscriber_id]
                written.append(Result(copy, SETTLED, place.id))
        assert ledger.flush([Answers(lease, written, lease.intent_upto)], ()) == []

    @precondition(lambda self: not self.database.is_sqlite)
    @rule(drawn=answers, expires=st.booleans(), batches=st.integers(1, 3))
    def send_beside_another(
        self,
        drawn: dict[int, list[str]],
        expires: bool,  # noqa: FBT001 - hypothesis passes it by name
        batches: int,
    ) -> None:
        """Send while another holds leases: they are his until they expire, and then never again."""
        with self._ledger(folder="paused") as paused:
            loaded = paused.claim(Wanted(batches=batches, retries=2, begin=3))
            held = [each.lease for each in loaded]
            begun = {
                (each.edition_id, copy.subscriber_id)
                for each in held
                for copy in each.copies
                if copy.subscriber_id <= each.intent_upto
            }
            all_held = {
                (each.edition_id, copy.subscriber_id) for each in held for copy in each.copies
            }
            if expires:
                self._expire_leases()
            self.frozen = begun if expires else all_held
            transport = ModelTransport(self, drawn)
            with self._room().sender(Way("model", transport=transport, connections=2)) as sender:
                run(sender)
            assert transport.wrong == []
            self.senders += 1
            self.frozen = set()
            lost = paused.flush([Answers(each, ended=True) for each in held], ())
            assert [each.key for each in lost] == [each.key for each in held if expires]
            for each in loaded:
                each.file.remove()
        self._no_lease_is_left()

    # Persons

    @rule(which=st.integers(0, 2), to=st.sampled_from([EditionState.HELD, EditionState.STOPPED]))
    def stop_or_resume(self, which: int, to: EditionState) -> None:
        edition = self.editions[which % len(self.editions)]
        with self.database.write() as connection:
            sending, halted = EditionState.SENDING, {EditionState.HELD, EditionState.STOPPED}
            if not change_state(connection, edition.id, expect={sending}, to=to):
                change_state(connection, edition.id, expect=halted, to=sending)

    @rule(
        which=st.integers(0, 2),
        state=st.sampled_from(
            [DeliveryState.FAILED, DeliveryState.UNCERTAIN, DeliveryState.DEFERRED]
        ),
    )
    def ask_for_it_again(self, which: int, state: DeliveryState) -> None:
        edition = self.editions[which % len(self.editions)]
        before = [n for n, (was, *_) in rows(self.database, edition).items() if was == state.value]
        count = retry(self.database, edition, state, self.watch)
        if state is DeliveryState.DEFERRED:
            assert count == len(before)
            return
        assert count == len(before)
        self.asked.update((edition.id, reader) for reader in before)

    @rule(reader=st.sampled_from(READERS))
    def leave(self, reader: int) -> None:
        leave(self.database, reader)
        self.left.add(reader)

    # Time

    @rule(minutes=st.sampled_from([-60, 1, 6, 70, 600, 1500]))
    def let_time_pass(self, minutes: int) -> None:
        self.watch.move(minutes=minutes)

    @rule(which=st.integers(0, 2), minutes=st.integers(0, 90))
    def set_an_end(self, which: int, minutes: int) -> None:
        edition = self.editions[which % len(self.editions)]
        with self.database.write() as connection:
            same = editions.edition.c.id == edition.id
            ends = self.watch() + timedelta(minutes=minutes)
            connection.execute(sa.update(editions.edition).where(same).values(expires_at=ends))

    # What holds at every moment

    @invariant()
    def the_books_are_right(self) -> None:
        for edition in self.editions:
            books(self.database, edition)

    @invariant()
    def nobody_is_given_more_than_was_asked_for(self) -> None:
        for key, count in self.given.items():
            again = min(self.unheard[key], 1 + self.asked[key])
            assert count <= 1 + self.asked[key] + again, f"{key} has {count} copies"

    @invariant()
    def what_is_called_accepted_was_given_and_what_is_not_was_not(self) -> None:
        for edition in self.editions:
            for reader, (state, *_) in rows(self.database, edition).items():
                count = self.given[edition.id, reader]
                if state == DeliveryState.ACCEPTED.value:
                    assert count >= 1
                elif not (self.asked[edition.id, reader] or self.unheard[edition.id, reader]):
                    assert count == 0 or state == DeliveryState.UNCERTAIN.value, (reader, state)

    def teardown(self) -> None:
        """Let everything come to its end: each row is final, each edition sent."""
        if not hasattr(self, "editions"):
            return
        for edition in self.editions:
            with self.database.write() as connection:
                halted = {EditionState.HELD, EditionState.STOPPED}
                change_state(connection, edition.id, expect=halted, to=EditionState.SENDING)
        self.watch.move(days=1)
        for _ in range(8):
            self.send({}, 2, None)
            self.watch.move(minutes=90)
        for edition in self.editions:
            assert books(self.database, edition).open == 0
            assert state_of(self.database, edition) is EditionState.SENT
        self.the_books_are_right()
        self.nobody_is_given_more_than_was_asked_for()

    # Tools

    def _journal(self, folder: str = "") -> Path:
        return self.folder / (folder or f"sender {self.senders}")

    def _room(self) -> Room:
        rules = SendRules(retry_unanswered=self.retries_unanswered)
        return Room(self.database, self._journal(), watch=self.watch, rules=rules)

    @contextmanager
    def _ledger(self, folder: str = "") -> Iterator[Ledger]:
        with open_journal(self._journal(folder)) as journal:
            ledger = Ledger(
                self.database,
                journal,
                Limits(LimitRules(), clock=self.watch),
                clock=self.watch,
                repeatable=False,
                retry_crashed=False,
                retry_unanswered=self.retries_unanswered,
                durable=False,
            )
            ledger.recover()
            ledger.forget_settled()
            yield ledger

    def _expire_leases(self) -> None:
        """Let the time of every lease be over by the database's clock."""
        over = NOON - timedelta(days=1)
        with self.database.write() as connection:
            for table in (store.delivery_batch, store.delivery_retry):
                held = sa.update(table).where(table.c.owner.is_not(None))
                connection.execute(held.values(lease_until=over))

    def _no_lease_is_left(self) -> None:
        with self.database.read() as connection:
            for table in (store.delivery_batch, store.delivery_retry):
                held = sa.select(sa.func.count()).where(table.c.owner.is_not(None))
                assert connection.scalar(held.select_from(table)) == 0


@pytest.mark.long
def test_whatever_befalls_senders_each_reader_has_one_copy_or_is_known_not_to(
    database: Database, tmp_path: Path
) -> None:
    machine = type("Here", (Mishaps,), {"database": database, "folder": tmp_path / "senders"})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=200 if SOAK else 8,
            stateful_step_count=40 if SOAK else 12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
