"""What goes wrong in listmonk 6.2, each by its name, and must not here.

The list is what its own manager did when it was run against stub stores; see the notes of the
delivery engine in docs/explanation/delivery.md.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery import store
from digest.delivery.count_store import delivery_count
from digest.delivery.limits import LimitRules, rules_of
from digest.delivery.model import Envelope, Sent, SmtpAccount, Tally, Way
from digest.delivery.plan import plan
from digest.delivery.send import open_sender
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state
from digest.errors import AlreadyRunningError
from subscribers import store as people
from subscribers.leaving import unsubscribe
from subscribers.model import Act
from subscribers.tokens import Grant, Purpose
from tests.acceptance.kill_site import CONNECTIONS, Blows, Machine, count, kill, wait_for
from tests.integration.leaving_child import KEYS
from tests.integration.scripted_smtp import free_port
from tests.integration.smtp_sink import smtp_sink
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    DENIED,
    NOON,
    PUT_OFF,
    REFUSED,
    UNKNOWN,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    a_way,
    address_of,
    an_edition,
    rows,
    some_readers,
    state_of,
    tally,
)

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)


@dataclass
class Press:
    """A sender on a database that a test starts again and again."""

    database: Database
    folder: Path
    watch: Watch = field(default_factory=Watch)
    limits: LimitRules = field(default_factory=LimitRules)
    outbound: PlainOutbound = field(default_factory=PlainOutbound)
    held: list[list[int]] = field(default_factory=list)

    def plan(self, readers: int, *, day: int = 9, first: int = 1, batch_size: int = 200) -> Edition:
        edition = an_edition(self.database, day=day)
        if readers:
            some_readers(self.database, edition, range(first, first + readers))
        plan(
            self.database,
            edition,
            languages=["en"],
            only=None,
            batch_size=batch_size,
            clock=fixed(NOON),
        )
        return edition

    def send(
        self, *ways: Way, stop: Callable[[], bool] = lambda: False, journal: str = "journal"
    ) -> Sent:
        """Send by a sender that was just started, until nothing is due."""
        with open_sender(
            self.database,
            ways,
            self.outbound,
            journal=self.folder / journal,
            clock=self.watch,
            limits=self.limits,
            on_fault=self._hold,
        ) as sender:
            return sender.run(stop=stop, on_progress=lambda _sent: None)

    def _hold(self, ids: object, _why: str) -> None:
        assert isinstance(ids, list)
        self.held.append(ids)
        for each in ids:
            self.move(each, EditionState.SENDING, EditionState.HELD)

    def move(self, edition_id: int, here: EditionState, there: EditionState) -> None:
        with self.database.write() as connection:
            assert change_state(connection, edition_id, expect={here}, to=there)


@pytest.fixture
def press(database: Database, tmp_path: Path) -> Press:
    return Press(database, tmp_path)


def _everybody(readers: int) -> list[str]:
    return sorted(address_of(n) for n in range(1, readers + 1))


def test_lost_on_crash_killed_after_300_of_2500_the_next_start_sends_the_other_2200(
    press: Press,
) -> None:
    edition = press.plan(2_500)
    with smtp_sink(accept_seconds=0.003, keep=False) as sink:
        machine = Machine(press.database, press.folder, sink.port)
        child = machine.start()
        wait_for(lambda: len(sink.taken) >= 300)
        assert kill(child)
        machine.finish()
        found = count(press.database, edition, sink, Blows())
    assert (found.readers, found.lost, found.second_copies) == (2_500, 0, 0)
    assert found.uncertain <= CONNECTIONS


def test_finished_with_nothing_sent_is_not_said_500_times_451_is_500_to_retry(
    press: Press,
) -> None:
    edition = press.plan(500)
    transport = ScriptedTransport(otherwise=PUT_OFF)
    assert press.send(a_way(transport, connections=4)) == Sent(deferred=500)
    assert tally(press.database, edition) == Tally(deferred=500)
    assert state_of(press.database, edition) is EditionState.SENDING
    transport.otherwise = ACCEPTED
    press.watch.move(minutes=2)
    sent = press.send(a_way(transport, connections=4))
    assert sent == Sent(accepted=500, finished=(edition.id,))
    assert sorted(transport.accepted) == _everybody(500)


def test_pause_then_resume_after_errors_that_are_mended_500_of_500_have_it(press: Press) -> None:
    edition = press.plan(500)
    transport = ScriptedTransport(otherwise=DENIED)
    press.send(a_way(transport, connections=4))
    assert press.held == [[edition.id]]
    assert tally(press.database, edition) == Tally(planned=500)
    transport.otherwise = ACCEPTED
    press.move(edition.id, EditionState.HELD, EditionState.SENDING)
    sent = press.send(a_way(transport, connections=4))
    assert sent == Sent(accepted=500, finished=(edition.id,))
    assert sorted(transport.accepted) == _everybody(500)


def test_one_4xx_drops_the_reader_nowhere_each_of_50_has_it_after_its_retry(press: Press) -> None:
    edition = press.plan(500)
    transport = ScriptedTransport({address_of(n): [PUT_OFF] for n in range(1, 501, 10)})
    assert press.send(a_way(transport)) == Sent(accepted=450, deferred=50)
    assert state_of(press.database, edition) is EditionState.SENDING
    press.watch.move(minutes=2)
    assert press.send(a_way(transport)) == Sent(accepted=50, finished=(edition.id,))
    assert sorted(transport.accepted) == _everybody(500)


def test_dead_server_counts_as_sent_for_nobody(press: Press) -> None:
    edition = press.plan(50)
    port = free_port()
    dead = Way("relay", SmtpAccount("127.0.0.1", port, "none"), connections=4)
    sent = press.send(dead)
    where = f"relay: it is away: 127.0.0.1:{port}: Connection refused; looking again in 10 s"
    assert sent == Sent(problem=where)
    assert tally(press.database, edition) == Tally(planned=50)
    with smtp_sink(keep=False) as sink:
        alive = Way("relay", SmtpAccount("127.0.0.1", sink.port, "none"), connections=4)
        assert press.send(alive) == Sent(accepted=50, finished=(edition.id,))
    assert sorted(sink.accepted) == _everybody(50)


def test_nobody_knows_who_got_it_but_each_reader_has_a_row_that_says_it(press: Press) -> None:
    edition = press.plan(6)
    answers = {2: PUT_OFF, 3: UNKNOWN, 4: REFUSED}
    transport = ScriptedTransport({address_of(n): [reply] for n, reply in answers.items()})
    press.outbound = PlainOutbound(broken=frozenset({address_of(5)}))
    press.send(a_way(transport))
    assert rows(press.database, edition) == {
        1: ("accepted", 250, ""),
        2: ("deferred", 450, "put off by the server"),
        3: ("failed", 550, "unknown address"),
        4: ("failed", 550, "refused by the server"),
        5: ("failed", 0, "it cannot be composed: letter: their name: has no end"),
        6: ("accepted", 250, ""),
    }


@ON_POSTGRESQL
def test_one_instance_only_is_no_rule_two_senders_share_an_edition_and_nobody_has_two(
    press: Press,
) -> None:
    edition = press.plan(2_000, batch_size=100)
    both = [ScriptedTransport(before=lambda _envelope: time.sleep(0.002)) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        sent = list(
            threads.map(
                lambda n: press.send(a_way(both[n], connections=4), journal=f"journal{n}"), (0, 1)
            )
        )
    assert [each.accepted for each in sent] == [len(each.accepted) for each in both]
    assert min(each.accepted for each in sent) > 200
    assert sorted(both[0].accepted + both[1].accepted) == _everybody(2_000)
    assert tally(press.database, edition) == Tally(accepted=2_000)


@ON_SQLITE
def test_one_instance_only_on_sqlite_and_a_second_is_refused_by_the_name_of_the_first(
    press: Press,
) -> None:
    words = "sender: already running on .*: process \\d+ on "
    with (
        press.database.hold("sender"),
        pytest.raises(AlreadyRunningError, match=words),
        press.database.hold("sender"),
    ):
        raise AssertionError("there are two")


def test_the_limiter_sleeps_in_no_dispatcher_others_go_on_and_a_stop_is_heeded(
    press: Press,
) -> None:
    slow = press.plan(20)
    with press.database.write() as connection:
        address = sa.func.replace(people.subscriber.c.address, "example.org", "slow.example")
        connection.execute(sa.update(people.subscriber).values(address=address))
    quick = an_edition(press.database, day=10)
    with press.database.write() as connection:  # the slow ones get only the first
        connection.execute(sa.update(people.subscription).values(state="unsubscribed"))
    some_readers(press.database, quick, range(101, 401))
    plan(press.database, quick, languages=["en"], only=None, clock=fixed(NOON))
    with press.database.write() as connection:
        connection.execute(sa.update(people.subscription).values(state="confirmed"))
    press.limits = rules_of(domains={"slow.example": (0.5, None)})
    asked_at: list[float] = []
    late: list[str] = []

    def stop_it() -> None:
        wait_for(lambda: len(transport.accepted) >= 300)
        press.move(slow.id, EditionState.SENDING, EditionState.STOPPED)
        asked_at.append(time.monotonic())

    def note(envelope: Envelope) -> None:
        if asked_at and time.monotonic() > asked_at[0] + 1:
            late.append(envelope.recipient)

    transport = ScriptedTransport(before=note)
    person = threading.Thread(target=stop_it)
    person.start()
    sent = press.send(a_way(transport))
    person.join()
    assert sent.finished == (quick.id,)
    assert late == []
    counts = tally(press.database, slow)
    at_slow = [each for each in transport.accepted if each.endswith("slow.example")]
    assert counts.accepted == len(at_slow) < 20
    assert counts.open == 20 - counts.accepted


def test_rate_is_per_worker_nowhere_ten_connections_keep_to_one_rate(press: Press) -> None:
    press.plan(60)
    press.limits = rules_of(max_per_second=40)
    began = time.monotonic()
    assert press.send(a_way(ScriptedTransport(), connections=10)).accepted == 60
    assert time.monotonic() - began > 1.2


def test_template_error_skips_the_reader_silently_never_it_is_a_row_with_its_reason(
    press: Press,
) -> None:
    edition = press.plan(3)
    press.outbound = PlainOutbound(broken=frozenset({address_of(2)}))
    sent = press.send(a_way(ScriptedTransport()))
    assert sent == Sent(accepted=2, failed=1, finished=(edition.id,))
    with press.database.read() as connection:
        told = store.reasons(connection, edition.id)
    words = "it cannot be composed: letter: their name: has no end"
    assert [(state.value, reason, n) for state, _, reason, n in told] == [("failed", words, 1)]


def test_template_error_leaves_no_edition_running_for_ever_without_a_word(press: Press) -> None:
    broken, sound = press.plan(3), press.plan(0, day=10)
    press.outbound = PlainOutbound(missing={broken.id})
    sent = press.send(a_way(ScriptedTransport()))
    problem = "letter: there is no composition"
    assert sent == Sent(accepted=3, finished=(sound.id,), problem=problem)
    assert tally(press.database, broken) == Tally(planned=3)


def test_unsubscribe_hangs_on_the_campaign_row_nowhere_it_works_when_the_edition_is_gone(
    press: Press,
) -> None:
    edition = press.plan(3)
    press.send(a_way(ScriptedTransport()))
    reader = f"{2:024x}"
    with press.database.write() as connection:
        mine = sa.update(people.subscriber).where(people.subscriber.c.id == 2)
        connection.execute(mine.values(public_id=reader))
    token = KEYS.links.sign(Purpose.UNSUBSCRIBE, Grant(reader, (edition.newsletter_id,)))
    with press.database.write() as connection:
        for table in (store.delivery, store.delivery_batch, delivery_count):
            connection.execute(sa.delete(table))
        connection.execute(sa.delete(editions.edition))
    unsubscribe(press.database, token, Act(NOON, "one-click"), keys=KEYS)
    with press.database.read() as connection:
        found = people.subscriptions_of(connection, 2)
    assert [each.state.value for each in found] == ["unsubscribed"]
    press.plan(0, day=10)
    transport = ScriptedTransport()
    press.send(a_way(transport))
    assert Counter(transport.accepted) == {address_of(1): 1, address_of(3): 1}
