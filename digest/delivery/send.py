"""Send what is due: one sender, with its journal, its limits and the health of its ways out."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic

from digest.clock import Clock, utc_now
from digest.db import Database, DatabaseTrouble
from digest.delivery import lease_store, store
from digest.delivery.apart import LedgerApart, can_be_apart
from digest.delivery.breaker import Breaker
from digest.delivery.engine import Engine, SendRules, Tools
from digest.delivery.journal import Journal, open_journal
from digest.delivery.ledger import Ledger
from digest.delivery.limits import LimitRules, Limits
from digest.delivery.model import Outbound, Sent, Way
from digest.delivery.notify import Render, are_due
from digest.errors import DigestError

__all__ = ["SendRules", "Sender", "open_sender", "send_due"]

_COLLECT_AFTER = 5_000
"""Python's own 700 are what some seventy messages make."""


@dataclass(slots=True)
class _Life:
    """What a sender keeps from run to run."""

    recovered: bool = False


class Sender:
    """One sender of a database. Its runs share what it knows of its ways out."""

    def __init__(self, tools: Tools, journal: Journal) -> None:
        """Keep the tools; see `open_sender`."""
        self.journal = journal
        self._tools = tools
        self._life = _Life()

    def run(self, *, stop: Callable[[], bool], on_progress: Callable[[Sent], None]) -> Sent:
        """Send until nothing is due, `stop` says so, or no way out is left; tell what was done.

        `stop` takes effect within a second; what is on the wire by then is waited for.
        """
        found = 0
        if not self._life.recovered:
            found = self._tools.ledger.recover()["uncertain"]
            self._tools.ledger.forget_settled()
        self._life.recovered = False  # until this run has ended with nothing left behind
        tools = replace(self._tools, stop=stop, on_progress=on_progress)
        try:
            with _seldom_collecting(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
                engine = Engine(tools)
                sent = runner.run(engine.run())
        finally:
            tools.ledger.rest()
        self._life.recovered = engine.is_clean
        return replace(sent, uncertain=sent.uncertain + found)

    def is_due(self) -> bool:
        """Tell whether a run would find anything to do now; reads only."""
        tools, now = self._tools, self._tools.clock()
        if not self._life.recovered:
            return True
        if not any(self._may_use(way) for way in tools.ways):
            return False
        if tools.render is not None and are_due(tools.database, clock=tools.clock):
            return True
        with tools.database.read() as connection:
            due = store.next_due(connection)
            if (due is not None and due <= now and not self._is_shut()) or store.ended_editions(
                connection
            ):
                return True
            overdue = store.overdue_editions(connection, now=now)
            return bool(overdue) or lease_store.are_left(connection)

    def _may_use(self, way: Way) -> bool:
        return self._tools.breakers[way.name].may_begin(monotonic())

    def _is_shut(self) -> bool:
        """Tell whether the hours, or a warm-up's day, let nothing leave for a while."""
        return self._tools.limits.closed_for(monotonic()) > 1.0

    @property
    def problems(self) -> list[str]:
        """Say which ways out are not well, each with its reason."""
        now = monotonic()
        return [words for each in self._tools.breakers.values() if (words := each.sentence(now))]


@contextlib.contextmanager
def open_sender(
    database: Database,
    ways: Sequence[Way],
    outbound: Outbound,
    *,
    journal: Path,
    clock: Clock = utc_now,
    rules: SendRules | None = None,
    limits: LimitRules | None = None,
    render: Render | None = None,
    on_fault: Callable[[Collection[int], str], object] | None = None,
) -> Iterator[Sender]:
    """Make a sender whose journal lies in a folder of its own, and hold that folder.

    On SQLite the caller holds the seat "sender" as well: it proves that any former owner of a lease
    is dead. `render` makes notices' messages; without it they are left to others. `on_fault` holds
    editions when every way out refuses us.
    Raises AlreadyRunningError when another sender has the folder, JournalError when it is no use.
    """
    rules = rules or SendRules()
    database.durable = database.durable or rules.durable
    with open_journal(journal) as opened:
        shared = Limits(limits or LimitRules(), clock=clock, wall=utc_now)
        make: Callable[..., Ledger] = Ledger
        after = rules.apart_after
        if after is not None and can_be_apart(database, clock):
            make = partial(LedgerApart, begins_after=after)
        ledger = make(
            database,
            opened,
            shared,
            clock=clock,
            repeatable=all(way.repeatable for way in ways),
            retry_crashed=rules.retry_crashed,
            retry_unanswered=rules.retry_unanswered,
            durable=rules.durable,
        )
        tools = Tools(
            database=database,
            ledger=ledger,
            limits=shared,
            outbound=outbound,
            ways=ways,
            breakers={way.name: Breaker(way.name) for way in ways},
            clock=clock,
            stop=lambda: False,
            rules=rules,
            render=render,
            on_fault=on_fault,
        )
        try:
            yield Sender(tools, opened)
        finally:
            # A database that is away gets nothing back, and its next second is a little slower.
            with contextlib.suppress(DigestError, DatabaseTrouble), database.write() as connection:
                shared.give_back(connection, clock())


def send_due(
    database: Database,
    ways: Sequence[Way],
    outbound: Outbound,
    *,
    rules: SendRules | None = None,
    limits: LimitRules | None = None,
    journal: Path,
    clock: Clock = utc_now,
    stop: Callable[[], bool] = lambda: False,
    on_progress: Callable[[Sent], None] | None = None,
    render: Render | None = None,
    on_fault: Callable[[Collection[int], str], object] | None = None,
) -> Sent:
    """Open a sender, send every due batch and retry once through, and close it."""
    with open_sender(
        database,
        ways,
        outbound,
        journal=journal,
        clock=clock,
        rules=rules,
        limits=limits,
        render=render,
        on_fault=on_fault,
    ) as sender:
        return sender.run(stop=stop, on_progress=on_progress or (lambda _sent: None))


@contextlib.contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for cycles seldom while a run lasts: it makes many values a message, and no cycles."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Give the faster loop where it is installed (the extra `fast`)."""
    try:
        import uvloop  # noqa: PLC0415 - optional
    except ImportError:
        return None
    return uvloop.new_event_loop
