"""A sender on a database for tests that want to break it, and what must hold whatever happens."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery import count_store, store
from digest.delivery.breaker import Breaker
from digest.delivery.engine import Engine, Tools
from digest.delivery.journal import open_journal
from digest.delivery.ledger import Ledger
from digest.delivery.limits import LimitRules, Limits
from digest.delivery.model import FINAL_STATES, DeliveryState, Sent, SmtpAccount, Tally, Way
from digest.delivery.plan import plan
from digest.delivery.send import Sender, SendRules, open_sender
from digest.editions.model import Edition, EditionState
from tests.integration.smtp_sink import SmtpSink
from tests.unit.delivery.delivery_builders import (
    NOON,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    an_edition,
    rows,
    some_readers,
    state_of,
)

PATIENCE = 20.0
"""Seconds after which a run that should have ended is told to stop."""


@dataclass
class Room:
    """A database, a clock, a journal and a person who is told."""

    database: Database
    journal: Path
    watch: Watch = field(default_factory=Watch)
    rules: SendRules = field(default_factory=SendRules)
    limits: LimitRules = field(default_factory=LimitRules)
    held: list[tuple[list[int], str]] = field(default_factory=list)

    @contextmanager
    def sender(self, *ways: Way, outbound: PlainOutbound | None = None) -> Iterator[Sender]:
        """Open a sender that lives for the block."""
        with open_sender(
            self.database,
            ways,
            outbound or PlainOutbound(),
            journal=self.journal,
            clock=self.watch,
            rules=self.rules,
            limits=self.limits,
            on_fault=self._hold,
        ) as sender:
            yield sender

    @contextmanager
    def engine(self, way: Way, breaker: Breaker) -> Iterator[Engine]:
        """Make one run of a sender that has known its way out for a while."""
        with open_journal(self.journal) as journal:
            limits = Limits(self.limits, clock=self.watch)
            ledger = Ledger(
                self.database,
                journal,
                limits,
                clock=self.watch,
                repeatable=False,
                retry_crashed=False,
                retry_unanswered=True,
                durable=False,
            )
            yield Engine(
                Tools(
                    database=self.database,
                    ledger=ledger,
                    limits=limits,
                    outbound=PlainOutbound(),
                    ways=[way],
                    breakers={way.name: breaker},
                    clock=self.watch,
                    stop=lambda: False,
                    rules=self.rules,
                    on_fault=self._hold,
                )
            )

    def send(self, *ways: Way, outbound: PlainOutbound | None = None) -> Sent:
        """Send what is due, by a sender that was just started."""
        with self.sender(*ways, outbound=outbound) as sender:
            return run(sender)

    def send_until_final(self, edition: Edition, *ways: Way, runs: int = 40) -> list[str]:
        """Send again and again, as hours go by; give the problems on the way."""
        problems: list[str] = []
        for _ in range(runs):
            if state_of(self.database, edition) is not EditionState.SENDING:
                return problems
            problems.append(self.send(*ways).problem)
            self.watch.move(minutes=20)
        raise AssertionError(f"not sent after {runs} runs: {problems[-3:]}")

    def plan(
        self,
        readers: int,
        *,
        day: int = 9,
        first: int = 1,
        batch_size: int = 200,
        priority: int = 0,
    ) -> Edition:
        """Plan an edition for readers that are written first; for those there are with none."""
        edition = an_edition(self.database, day=day)
        if readers:
            some_readers(self.database, edition, range(first, first + readers))
        plan(
            self.database,
            edition,
            languages=["en"],
            only=None,
            batch_size=batch_size,
            priority=priority,
            clock=fixed(NOON),
        )
        return edition

    def _hold(self, edition_ids: Collection[int], problem: str) -> None:
        self.held.append((list(edition_ids), problem))


def run(sender: Sender, *, patience: float = PATIENCE) -> Sent:
    """Run a sender; one that does not come to an end by itself fails the test."""
    ends = time.monotonic() + patience
    sent = sender.run(stop=lambda: time.monotonic() >= ends, on_progress=lambda _sent: None)
    assert time.monotonic() < ends, f"the run did not end: {sent}"
    return sent


def by_transport(transport: ScriptedTransport, *, connections: int = 2) -> Way:
    """A way out over a transport that a test wrote the answers of."""
    return Way("scripted", transport=transport, connections=connections)


def by_relay(
    sink: SmtpSink,
    *,
    connections: int = 3,
    timeout_seconds: float = 2.0,
    pipelining: bool = True,
) -> Way:
    """A way out to a sink."""
    account = SmtpAccount(
        "127.0.0.1",
        sink.port,
        "none",
        local_hostname="desk.example",
        timeout_seconds=timeout_seconds,
        pipelining=pipelining,
    )
    return Way("relay", account=account, connections=connections)


def books(database: Database, edition: Edition) -> Tally:
    """Give the tally, having made sure that it is what the rows say, and no row contradicts."""
    with database.read() as connection:
        counted = count_store.tally(connection, edition.id)
        retry = store.delivery_retry
        waiting = set(
            connection.scalars(
                sa.select(retry.c.subscriber_id).where(retry.c.edition_id == edition.id)
            )
        )
    states = {
        reader: DeliveryState(state) for reader, (state, *_) in rows(database, edition).items()
    }
    found = Counter(each.value for each in states.values())
    assert counted == Tally(**found), f"the counts say {counted}, the rows {found}"
    assert not {each for each in waiting if states[each] in FINAL_STATES}, "final, and it waits"
    deferred = {each for each, state in states.items() if state is DeliveryState.DEFERRED}
    assert deferred <= waiting, "put off, and it does not wait"
    if state_of(database, edition) is EditionState.SENT:
        assert not counted.open, "sent, and not all is final"
    return counted


def copies(taken: Sequence[str]) -> Mapping[str, int]:
    """Count what each address was given."""
    return Counter(taken)


def soon(happened: Callable[[], bool], *, patience: float = PATIENCE) -> None:
    """Wait until something has happened."""
    ends = time.monotonic() + patience
    while not happened():
        assert time.monotonic() < ends, "it never happened"
        time.sleep(0.005)
