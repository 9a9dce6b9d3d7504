"""Bring readers in from files: first a look that writes nothing, then in chunks that are final.

Each chunk is a short transaction: readers, their standings, the log of consent, and how far the run
is. Between two chunks others write. A run that was killed goes on with the record after the last
chunk; nothing is twice, nothing is lost, and the report is whole.
"""

from __future__ import annotations

import contextlib
import gc
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from digest.clock import Clock
from digest.db import Connection, Database
from subscribers import import_store
from subscribers.departures import Departures
from subscribers.import_decide import Deciding
from subscribers.import_errand import Errand, Tally
from subscribers.import_reading import Reading, Taken
from subscribers.import_rows import ChunkRows
from subscribers.import_store import Run
from subscribers.tokens import Keys
from subscribers.transfer.faults import BroughtInError
from subscribers.transfer.report import Report

_FILE_SECONDS, _SERVER_SECONDS = 0.03, 0.055
"""What a chunk may take; its size follows from the last one's. All other writers of a file wait for
it, and a slow disk or a busy machine makes it several times as long; on a server only those wait
who write the same readers, and each chunk costs more."""
_FIRST_CHUNK, _FEWEST, _MOST = 500, 200, 4000
_WINDOW = 30_000
"""So many records are written in the order of their addresses, where there are more: one chunk then
changes few pages of that index, and not one for each reader."""
_COLLECT_AFTER = 200_000
_SWITCH_SECONDS = 0.0005
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Brought:
    """What an import did, or would do."""

    tally: Tally
    run: Run | None = None
    resumed_at: int = 0
    """The records that an earlier, interrupted run had brought in."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How large the chunks are; a test fixes it, otherwise it follows the clock."""

    rows: int = 0
    window: int = _WINDOW


def look(
    database: Database,
    errand: Errand,
    *,
    keys: Keys,
    clock: Clock,
    report: Report,
    progress: Callable[[int], None] = lambda _: None,
) -> Brought:
    """Tell line by line what bringing these files in would do; nothing is written but the report.

    Raises OSError.
    """
    now = clock()
    reading, deciding = Reading(errand, keys.suppression, now), Deciding(errand, now, Tally())
    report.back_to(0)
    for chunk in _chunks(reading.taken(), lambda: _FIRST_CHUNK):
        with database.read() as connection:
            told = deciding.decided(connection, chunk, None)
        report.add(told)
        progress(deciding.tally.records)
    return Brought(deciding.tally)


def bring_in(
    database: Database,
    errand: Errand,
    *,
    keys: Keys,
    clock: Clock,
    report: Callable[[Run | None], Report],
    progress: Callable[[int], None] = lambda _: None,
    departures: Departures | None = None,
    audit: Callable[[Connection, Run, Tally], None] = lambda *_: None,
    again: bool = False,
    pace: Pace | None = None,
) -> Brought:
    """Bring readers in, or go on with a run that was stopped.

    `report` opens it: anew, or that of the run gone on with. `audit` is told in the transaction
    that ends the run. Raises BroughtInError when the same was brought in before, unless `again`;
    AlreadyRunningError while another import runs; OSError.
    """
    with database.hold("import"):
        run = _earlier(database, errand, again=again)
        with report(run) as open_report:
            if run is None:
                run = _begin(database, errand, open_report, clock)
            reading = Reading(errand, keys.suppression, run.began_at)
            deciding = Deciding(errand, run.began_at, Tally.read(run.counts))
            try:
                with _run_fast(), ThreadPoolExecutor(1) as thread:
                    bringing = _Bringing(
                        *(database, errand, clock, run, open_report, reading, deciding),
                        *(departures, pace or Pace(), thread),
                    )
                    return bringing.all(progress, audit)
            finally:
                import_store.leave(database)


@contextlib.contextmanager
def _run_fast() -> Iterator[None]:
    """Look for rings of dead objects between two chunks alone; change threads soon.

    Who comes back from the database holds its lock, and waits until the other lets it run Python.
    """
    before, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        sys.setswitchinterval(interval)


def _earlier(database: Database, errand: Errand, *, again: bool) -> Run | None:
    with database.read() as connection:
        run = import_store.last_run(connection, errand.fingerprint())
    if run is None or run.done_at is None:
        return run
    if not again:
        on = f"{run.done_at:%Y-%m-%d %H:%M} UTC"
        raise BroughtInError(
            f"{run.file_name}: was brought in on {on}, as import {run.id}",
            hint="To do it again: --again",
        )
    return None


def _begin(database: Database, errand: Errand, report: Report, clock: Clock) -> Run:
    with database.write() as connection:
        return import_store.begin_run(
            connection,
            errand.fingerprint(),
            file_name=errand.tables.name,
            source=errand.consent,
            options=errand.options,
            report=str(report.path.absolute()),
            at=clock(),
        )


@dataclass(slots=True)
class _Bringing:
    """One run, chunk by chunk."""

    database: Database
    errand: Errand
    clock: Clock
    run: Run
    report: Report
    reading: Reading
    deciding: Deciding
    departures: Departures | None
    pace: Pace
    thread: Executor
    rows: int = _FIRST_CHUNK

    def all(
        self,
        progress: Callable[[int], None],
        audit: Callable[[Connection, Run, Tally], None],
    ) -> Brought:
        """Bring in what is not in yet, and end the run."""
        upto, tally = self.run.upto, self.deciding.tally
        self.report.back_to(tally.report_size)
        tally.report_size = self.report.size
        rest = islice(self.reading.sorted(window=self.pace.window), upto, None)
        under_way: Future[None] | None = None
        for chunk in _chunks(rest, lambda: self.pace.rows or self.rows):
            self._end(under_way, progress)
            under_way = self._begin(chunk)
        self._end(under_way, progress)
        tally = self.deciding.tally
        with self.database.write() as connection:
            self._save(connection, done=True)
            audit(connection, self.run, tally)
        if tally.records - upto >= _MANY:
            import_store.count_anew(self.database)
        return Brought(tally, self.run, upto)

    def _end(self, under_way: Future[None] | None, progress: Callable[[int], None]) -> None:
        """Wait for the chunk before; then, while nobody waits for us, clear away what it left.

        A driver's rings hold what was sent. Looking for them once for many chunks takes as long as
        two of those, in which the thread that writes could not go on and give the lock back.
        """
        if under_way is not None:
            under_way.result()
            gc.collect(0)
            progress(self.deciding.tally.records)

    def _begin(self, chunk: Sequence[Taken]) -> Future[None]:
        """Write a chunk in a thread, and return when only the disk is still busy with it.

        The next one is read meanwhile. Earlier it would be in the way: one runs Python at a time.
        """
        handed_over = threading.Event()
        writing = self.thread.submit(self._write, chunk, handed_over)
        writing.add_done_callback(lambda _: handed_over.set())
        handed_over.wait()
        return writing

    def _write(self, chunk: Sequence[Taken], handed_over: threading.Event) -> None:
        """Write a chunk; others who want to write have their turn before the next."""
        before = self.deciding.tally.kept()

        def work(connection: Connection) -> float:
            began = time.monotonic()
            self.deciding.tally = Tally.read(before)
            self.report.back_to(before["report_size"])
            ids = import_store.reserve_ids(connection, len(chunk))
            writing = ChunkRows(ids, self.run, self.errand)
            told = self.deciding.decided(connection, chunk, writing)
            import_store.write_rows(connection, writing.rows)
            self.report.add(told)
            self._save(connection)
            if self.departures is not None:
                self.departures.append(writing.departures)
            handed_over.set()
            return began

        began = import_store.in_chunk(self.database, work)
        self._adapt(len(chunk), time.monotonic() - began)

    def _save(self, connection: Connection, *, done: bool = False) -> None:
        tally = self.deciding.tally
        tally.report_size = self.report.size
        import_store.save_progress(
            connection,
            self.run,
            upto=tally.records,
            counts=tally.kept(),
            at=self.clock(),
            done=done,
        )

    def _adapt(self, rows: int, took_seconds: float) -> None:
        wanted = _FILE_SECONDS if self.database.is_sqlite else _SERVER_SECONDS
        fitting = rows * wanted / max(took_seconds, 0.001)
        self.rows = int(min(max((self.rows + fitting) / 2, _FEWEST), fitting, _MOST))


def _chunks(records: Iterable[Taken], size: Callable[[], int]) -> Iterator[list[Taken]]:
    records = iter(records)
    while chunk := list(islice(records, max(size(), 1))):
        yield chunk
