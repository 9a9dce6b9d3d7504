"""An edition in the post, senders that can be killed, and a count of what every reader got.

What is true is told by the sink, which counts, and by the ledger's own rows; nothing here believes
what a sender says of itself.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery import store
from digest.delivery.model import Tally
from digest.delivery.plan import plan
from digest.delivery.send import SendRules
from digest.editions.model import Edition, EditionState
from tests.integration.delivery_child import send_until_sent
from tests.integration.smtp_sink import SmtpSink
from tests.unit.delivery.delivery_builders import (
    NOON,
    address_of,
    an_edition,
    some_readers,
    state_of,
    tally,
)

CONNECTIONS = 8
ACCEPT_SECONDS = 0.003
PATIENCE = 120.0
LATE_SECONDS = 10 * ACCEPT_SECONDS
"""So long after the last sender has left, the sink has counted all that was on the wire."""
_LOOK_SECONDS = 0.001


def forks() -> ForkServerContext:
    """Children that start in a moment, so that kills hit the sending and not the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.delivery_child"])
    return context


def in_the_post(database: Database, readers: int, *, batch_size: int = 200) -> Edition:
    """Plan an edition for so many readers; it is due."""
    edition = an_edition(database)
    some_readers(database, edition, range(1, readers + 1))
    plan(database, edition, languages=["en"], only=None, batch_size=batch_size, clock=fixed(NOON))
    return edition


@dataclass
class Machine:
    """Something that senders run on: its journal, and the sink they hand over to."""

    database: Database
    folder: Path
    port: int = 0
    """0: into Maildirs in the folder."""
    connections: int = CONNECTIONS
    rules: SendRules | None = None
    seat: str = "sender"
    context: ForkServerContext = field(default_factory=forks)

    @property
    def journal(self) -> Path:
        return self.folder / "journal"

    def start(self, work: Callable[..., None] = send_until_sent, **more: Any) -> ForkServerProcess:
        """Start a sender in a process of its own."""
        root = "" if self.port else str(self.folder / "mail")
        given = {"journal": str(self.journal), "connections": self.connections, "port": self.port}
        if work is send_until_sent:
            given |= {"root": root, "rules": self.rules, "seat": self.seat}
        url = self.database.url.render_as_string(hide_password=False)
        child = self.context.Process(target=work, args=(url,), kwargs=given | more, daemon=True)
        child.start()
        return child

    @property
    def owner(self) -> str:
        """The name its leases have."""
        return (self.journal / "owner").read_text("utf-8")

    def finish(self) -> None:
        """Have a sender bring it to its end, unharmed."""
        assert bury(self.start()) == 0
        time.sleep(LATE_SECONDS)


@dataclass
class Blows:
    """What was done to senders: when each was killed, and how many of them were at work then."""

    moments: list[datetime] = field(default_factory=list)
    hits: int = 0


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something is so; it must be before long."""
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, "it does not get on"
        time.sleep(_LOOK_SECONDS)


def kill(child: ForkServerProcess) -> bool:
    """Kill a process and bury it; tell whether it was alive."""
    was_alive = child.is_alive()
    child.kill()
    bury(child)
    return was_alive


def bury(child: ForkServerProcess) -> int | None:
    """Wait for the end of a process; give its exit code."""
    child.join(PATIENCE)
    code = child.exitcode
    child.close()
    return code


@contextmanager
def paused(child: ForkServerProcess, database: Database) -> Iterator[None]:
    """Stop a sender for the block, between two of its transactions.

    One that is left open is ended by PostgreSQL in its time; till then its locks stand.
    """
    assert child.pid is not None
    try:
        while True:
            os.kill(child.pid, signal.SIGSTOP)
            time.sleep(0.02)  # what is on its way to the database arrives
            if not _is_busy(database):
                break
            os.kill(child.pid, signal.SIGCONT)
            time.sleep(_LOOK_SECONDS)
        yield
    finally:
        os.kill(child.pid, signal.SIGCONT)


def _is_busy(database: Database) -> bool:
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND state <> 'idle'"
    )
    with database.read() as connection:
        return bool(connection.scalar(others))


def kill_at_random(
    machine: Machine,
    seen: Callable[[], int],
    *,
    kills: int,
    seed: int,
    most: int = 400,
    after_each: Callable[[], object] = lambda: None,
) -> Blows:
    """Kill senders one after the other, at moments drawn by chance.

    Each is killed once there are so many more copies (`seen` counts them), up to `most`, and some
    instants on: from while it starts and recovers to the middle of its sending.
    """
    chance = random.Random(seed)  # noqa: S311 - moments, no secrets
    blows = Blows()
    for _ in range(kills):
        more = chance.randrange(0, most)
        nap = chance.uniform(0.0, 0.15 if more < most // 10 else 4 * ACCEPT_SECONDS)
        child = machine.start()
        wait_for(partial(_has_got_on, child, seen, seen() + more))
        time.sleep(nap)
        blows.hits += kill(child)
        blows.moments.append(datetime.now(UTC))
        after_each()
    return blows


def _has_got_on(child: ForkServerProcess, seen: Callable[[], int], until: int) -> bool:
    return seen() >= until or not child.is_alive()


MOST_IN_HAND = 0.2 * CONNECTIONS * (1 / ACCEPT_SECONDS + 1 / 0.02) + 2 * CONNECTIONS
"""How many copies a sender may have let go of whose results are not in the ledger.

It lets go what lasts 0.2 s at the rate of its last turn, and each connection has one that waits for
its answer and one behind it. This sink answers no faster than one copy each `ACCEPT_SECONDS` on a
connection; a turn is 20 ms or longer, and the answers on their way as it began count as its own.
"""


def lose(machine: Machine) -> None:
    """Lose a machine with its disk: its journal is gone, and its leases run out."""
    shutil.rmtree(machine.journal, ignore_errors=True)
    expire(machine.database)


def expire(database: Database, owner: str = "") -> None:
    """Let the time of all leases be over, or of one owner's, as if it had passed."""
    over = datetime.now(UTC) - timedelta(minutes=1)
    for table in (store.delivery_batch, store.delivery_retry):
        with database.write() as connection:
            whose = table.c.owner == owner if owner else table.c.owner.is_not(None)
            connection.execute(sa.update(table).where(whose).values(lease_until=over))


@dataclass(frozen=True)
class Count:
    """What became of every reader's copy, counted by hand."""

    readers: int
    lost: int
    """Neither accepted nor uncertain, nor in the sink."""
    second_copies: int
    uncertain: int
    arrived: int
    """Of the uncertain, how many the sink has all the same."""
    per_kill: tuple[int, ...]
    """How many each kill left uncertain."""

    def row(self, *titles: object) -> str:
        """Write a line of the table."""
        kills = len(self.per_kill)
        mean = f"{self.uncertain / kills:.1f}" if kills else "-"
        most = max(self.per_kill, default=0)
        cells = [*titles, kills, self.readers, self.lost, self.second_copies]
        cells += [self.uncertain, mean, most, self.arrived]
        return "| " + " | ".join(map(str, cells)) + " |"


_HEAD = """\
| mode | database | kills | readers | lost | twice | uncertain | mean, a kill | most | had arrived |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|"""


def count(database: Database, edition: Edition, sink: SmtpSink, blows: Blows) -> Count:
    """Count the copies, and hold the ledger's own sums against its rows and the sink."""
    with database.read() as connection:
        query = sa.select(store.delivery).where(store.delivery.c.edition_id == edition.id)
        found = {row.subscriber_id: row for row in connection.execute(query)}
    states = {reader: row.state for reader, row in found.items()}
    copies = Counter(sink.accepted)
    assert tally(database, edition) == Tally(**Counter(states.values()))
    assert state_of(database, edition) is EditionState.SENT
    assert sink.violations == []
    unsure = {reader for reader, state in states.items() if state == "uncertain"}
    accepted = {reader for reader, state in states.items() if state == "accepted"}
    assert {address_of(reader) for reader in accepted} <= set(copies)
    assert not [reader for reader in set(states) - accepted - unsure if copies[address_of(reader)]]
    lost = [each for each in states if each not in accepted | unsure]
    by_kill = Counter(bisect_right(blows.moments, found[reader].done_at) for reader in unsure)
    return Count(
        readers=len(states),
        lost=sum(not copies[address_of(reader)] for reader in lost),
        second_copies=sum(copies.values()) - len(copies),
        uncertain=len(unsure),
        arrived=sum(copies[address_of(reader)] for reader in unsure),
        per_kill=tuple(by_kill[n + 1] for n in range(len(blows.moments))),
    )


def told(row: str) -> None:
    """Write a row for `dev.py kill`, which prints the table."""
    name = os.environ.get("TEST_KILL_TABLE")
    if name:
        with Path(name).open("a", encoding="utf-8") as table:
            table.write(f"{row}\n" if table.tell() else f"{_HEAD}\n{row}\n")
