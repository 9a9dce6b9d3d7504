"""Bring readers in from files: first a look that writes nothing, then in chunks that are final.

Each chunk is a short transaction: readers, their standings, the log of consent, and how far the run
is. Between two chunks others write. A run that was killed goes on with the record after the last
chunk; nothing is twice, nothing is lost, and the report is whole.
"""

from __future__ import annotations

import contextlib
import gc
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from digest.clock import Clock
from digest.db import Connection, Database
from digest.errors import UsageError
from subscribers import import_store
from subscribers.address import Address, is_role, typo_hint
from subscribers.change_store import What
from subscribers.departures import Departure, Departures
from subscribers.import_store import Rows, Run
from subscribers.model import EVERYTHING, ConsentKind, SubscriptionState, SuppressionReason
from subscribers.suppression import address_hash
from subscribers.tokens import Keys
from subscribers.transfer.columns import SUPPRESSING, State
from subscribers.transfer.decide import ALL, Change, Decision, Held, Rules, Verdict, decide, took
from subscribers.transfer.entries import Entry
from subscribers.transfer.faults import BroughtInError, Reason
from subscribers.transfer.placing import Placed, Placing
from subscribers.transfer.report import Report, Told
from subscribers.transfer.seen import Seen
from subscribers.transfer.tables import Item, Tables, items

VIA = "import"
_HOLD = 0.055
"""Seconds that a chunk may keep other writers waiting; its size follows from the last one's."""
_FIRST_CHUNK, _FEWEST, _MOST = 500, 200, 4000
_WINDOW = 30_000
"""So many records are written in the order of their addresses, where there are more: one chunk then
changes few pages of that index, and not one for each reader."""
_COLLECT_AFTER = 200_000
_SWITCH_SECONDS = 0.0005
_MANY = 1000
_WORDS_KEPT = 100
_NOTES_KEPT = 20
_EVER = datetime.min.replace(tzinfo=UTC)
_LEAVING = SUPPRESSING | {State.UNSUBSCRIBED}
_RUN_BYTES, _READER_BYTES = 4, 8
"""A public id is both: those of a chunk begin alike, and lie together in their index."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What is brought in, and whereto."""

    tables: Tables
    placing: Placing
    where_silent: State | None = None
    consent: str = ""
    """Where and how these readers agreed: kept with each as proof."""
    options: Mapping[str, object] = field(default_factory=dict)
    """How the file is read, as the run remembers it."""
    keep_ip: timedelta | None = None
    """How long a network's address may be kept: older ones stay out. None: for ever."""

    def fingerprint(self) -> str:
        """Name this content brought in this way."""
        told = {**self.options, "consent": self.consent}
        return self.tables.fingerprint(told)


@dataclass(slots=True)
class Tally:
    """What came of the records so far."""

    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unplaced: Counter[str] = field(default_factory=Counter)
    """Lists and groups that are mapped to nothing, the first hundred different ones."""
    warnings: Counter[str] = field(default_factory=Counter)
    warned: list[str] = field(default_factory=list)
    """The first few role addresses and likely slips."""
    records: int = 0
    report_size: int = 0

    def kept(self) -> dict[str, Any]:
        """Give it as a run keeps it."""
        return {
            "counts": dict(self.counts),
            "reasons": dict(self.reasons),
            "unplaced": dict(self.unplaced),
            "warnings": dict(self.warnings),
            "warned": list(self.warned),
            "records": self.records,
            "report_size": self.report_size,
        }

    @classmethod
    def read(cls, kept: Mapping[str, Any]) -> Tally:
        """Read what a run kept."""
        return cls(
            counts=Counter(kept.get("counts", {})),
            reasons=Counter(kept.get("reasons", {})),
            unplaced=Counter(kept.get("unplaced", {})),
            warnings=Counter(kept.get("warnings", {})),
            warned=list(kept.get("warned", ())),
            records=kept.get("records", 0),
            report_size=kept.get("report_size", 0),
        )


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
    work = _Work(errand, keys, now, Tally())
    report.back_to(0)
    for chunk in _chunks(work.taken(), lambda: _FIRST_CHUNK):
        with database.read() as connection:
            told = work.decided(connection, chunk, None)
        report.add(told)
        progress(work.tally.records)
    return Brought(work.tally)


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
            work = _Work(errand, keys, run.began_at, Tally.read(run.counts))
            try:
                with _run_fast(), ThreadPoolExecutor(1) as thread:
                    bringing = _Bringing(
                        *(database, errand, clock, run, open_report, work, departures),
                        pace or Pace(),
                        thread,
                    )
                    return bringing.all(progress, audit)
            finally:
                import_store.leave(database)


@contextlib.contextmanager
def _run_fast() -> Iterator[None]:
    """Look for rings of dead objects once a window, as records make none; change threads soon.

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
        raise BroughtInError(
            f"{run.file_name}: was brought in on {run.done_at:%Y-%m-%d %H:%M} UTC, as run {run.id}",
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


class _Taken(NamedTuple):
    """A record with what is looked up of it; `key` is nothing where there is no address."""

    key: str
    item: Item
    hashed: str
    warning: str
    twice: bool


class _Work:
    """Reads records and decides them; what it decided it leaves as rows, for whoever writes."""

    def __init__(self, errand: Errand, keys: Keys, now: datetime, tally: Tally) -> None:
        self.errand = errand
        self.tally = tally
        self._secret = keys.suppression
        self._now = now
        self._rules = Rules(errand.placing, now, errand.where_silent)
        self._names = [each.name for each in errand.tables.tables]
        self._apart = [each.layout.apart for each in errand.tables.tables]

    def taken(self) -> Iterator[_Taken]:
        """Read the records in their order."""
        seen, secret = Seen(self.errand.tables.lines), self._secret
        for item in items(self.errand.tables, now=self._now):
            entry = item.entry
            if entry is None:
                yield _Taken("", item, "", "", twice=False)
                continue
            address = entry.address
            hashed = address_hash(secret, address.key)
            twice = not seen.add(hashed) and not self._apart[item.table]
            yield _Taken(address.key, item, hashed, _warning(address), twice)

    def sorted(self, *, window: int) -> Iterator[_Taken]:
        """Read the records in the order they are written in: the same at every run."""
        if self.errand.tables.lines <= window:
            yield from self.taken()
            return
        reading = self.taken()
        records = _in_order(islice(reading, window))
        while records:
            later: list[_Taken] = []
            for taken in islice(reading, len(records)):
                later.append(taken)
                yield records.pop()
            while records:
                yield records.pop()
            records = _in_order(later)
            gc.collect(0)  # a driver's rings hold what was sent: seven megabytes a window

    def decided(
        self, connection: Connection, chunk: Sequence[_Taken], writing: _Writing | None
    ) -> list[Told]:
        """Decide a chunk; with `writing` its rows are gathered there."""
        held = import_store.held_readers(connection, {each.key for each in chunk if each.key})
        if held:
            known = (each for each in chunk if each.key in held)
            leaving = {each.key for each in known if _leaves(each.item.entry)}
            import_store.add_own_confirmations(connection, [held[each] for each in leaving])
        never = import_store.never_mailed(connection, {each.hashed for each in chunk})
        return [self._one(each, held, never, writing) for each in chunk]

    def _one(
        self,
        taken: _Taken,
        held: dict[str, Held],
        never: dict[str, dict[str | int, SuppressionReason]],
        writing: _Writing | None,
    ) -> Told:
        item, entry = taken.item, taken.item.entry
        if entry is None:
            return self._told(taken, Decision(Verdict.REFUSED, item.reason, item.detail))
        if taken.twice:
            return self._told(taken, Decision(Verdict.REFUSED, Reason.TWICE))
        placed = self.errand.placing.place(entry)
        key = taken.key
        reader = held.get(key)
        on_list = never.get(taken.hashed, _NOBODY)
        new_id = writing.next_id() if writing is not None and reader is None else 0
        decision = decide(entry, placed, reader, on_list, self._rules, new_id=new_id)
        if decision.suppress is not None:
            never.setdefault(taken.hashed, {})[ALL] = decision.suppress
        if reader is None and decision.changes:
            reader = held[key] = Held(new_id, new=True)
        if writing is not None and decision.verdict is not _REFUSED:
            writing.take(taken, decision, reader)
        if reader is not None:
            took(reader, decision)
        self._note(placed)
        return self._told(taken, decision)

    def _note(self, placed: Placed) -> None:
        for word in placed.unplaced:
            if word in self.tally.unplaced or len(self.tally.unplaced) < _WORDS_KEPT:
                self.tally.unplaced[word] += 1

    def _told(self, taken: _Taken, decision: Decision) -> Told:
        tally, item = self.tally, taken.item
        tally.records += 1
        verdict = str(decision.verdict)  # its `value` is looked up by Python, six times as slow
        tally.counts[verdict] += 1
        reason = ""
        if decision.reason is not None:
            reason = decision.reason.value
            if decision.verdict is _REFUSED:
                tally.reasons[reason] += 1
            reason = f"{reason}: {decision.detail}" if decision.detail else reason
        address = item.entry.address.mailed if item.entry else item.shown
        if taken.warning:
            tally.warnings["role" if taken.warning == _ROLE else "typo"] += 1
            if len(tally.warned) < _NOTES_KEPT:
                tally.warned.append(f"{address}: {taken.warning}")
        name = self._names[item.table]
        return Told(name, item.line, address, verdict, reason, taken.warning)


class _Writing:
    """The rows of one chunk while its lines are decided."""

    def __init__(self, ids: Sequence[int], run: Run, errand: Errand) -> None:
        self.rows = Rows()
        self.departures: list[Departure] = []
        self._ids = iter(ids)
        self._run = run
        drawn = secrets.token_bytes(_RUN_BYTES + len(ids) * _READER_BYTES)
        self._random = drawn.hex()
        self._drawn = 2 * _RUN_BYTES
        self._slugs = {each.id: each.slug for each in errand.placing.targets.values()}
        self._source = (
            f"{errand.consent} (import {run.id})" if errand.consent else (f"import {run.id}")
        )
        self._ips_since = _EVER if errand.keep_ip is None else run.began_at - errand.keep_ip

    def next_id(self) -> int:
        """Give the number of a new reader."""
        return next(self._ids)

    def take(self, taken: _Taken, decision: Decision, reader: Held | None) -> None:
        """Take what was decided for one line."""
        entry = taken.item.entry
        assert entry is not None  # noqa: S101 - for the type checker: lines without are refused
        if decision.suppress is not None:
            at = entry.ended_at or self._run.began_at
            reason = decision.suppress.value
            self.rows.suppressions.append((taken.hashed, EVERYTHING, reason, at))
            self._depart(decision, reader, taken.hashed, None)
        if reader is None:
            return
        if reader.new and not reader.public_id:
            self._reader(entry, taken.hashed, decision, reader)
        elif decision.manner is not None:
            self.rows.manners.append((reader.id, decision.manner))
        for change in decision.changes:
            self._change(change, entry, taken.hashed, reader)
        self.rows.tags += [(reader.id, tag) for tag in decision.tags]

    def _reader(self, entry: Entry, hashed: str, decision: Decision, reader: Held) -> None:
        at = self._drawn
        self._drawn = at + 2 * _READER_BYTES
        reader.public_id = self._random[: 2 * _RUN_BYTES] + self._random[at : self._drawn]
        manner = decision.manner or reader.manner
        self.rows.readers.append(
            (
                *(reader.id, reader.public_id, entry.address.mailed, entry.address.key, hashed),
                *(self._run.began_at, manner.language, manner.zone, manner.hour),
                "text" if manner.text_only else None,
            )
        )

    def _change(self, change: Change, entry: Entry, hashed: str, reader: Held) -> None:
        standing, now = change.standing, self._run.began_at
        newsletter_id = standing.newsletter_id
        known = reader.standings.get(newsletter_id)
        self.rows.standings[reader.id, newsletter_id] = standing
        for kind, at, ip in _proof(change, entry, now):
            kept = ip if ip is not None and at >= self._ips_since else None
            self.rows.consents.append(
                (reader.id, newsletter_id, str(kind), at, VIA, kept, self._source)
            )
        if change.ends:
            suppressed = change.kind is ConsentKind.SUPPRESSED
            what = What.SUPPRESSED if suppressed else What.LEFT
            self.rows.changes.append((reader.id, newsletter_id, what.value, now))
            if not suppressed:
                slugs = (self._slugs.get(newsletter_id, ""),)
                self._depart(None, reader, hashed, slugs)
        elif known is not None:
            self.rows.changes.append((reader.id, newsletter_id, What.JOINED.value, now))

    def _depart(
        self,
        decision: Decision | None,
        reader: Held | None,
        hashed: str,
        newsletters: tuple[str, ...] | None,
    ) -> None:
        reason = decision.suppress.value if decision and decision.suppress else ""
        kind = ConsentKind.SUPPRESSED if reason else ConsentKind.UNSUBSCRIBED
        public_id = reader.public_id if reader else ""
        at = self._run.began_at
        self.departures.append(
            Departure(kind.value, at, public_id, hashed, newsletters, reason=reason)
        )


@dataclass(slots=True)
class _Bringing:
    """One run, chunk by chunk."""

    database: Database
    errand: Errand
    clock: Clock
    run: Run
    report: Report
    work: _Work
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
        upto = self.run.upto
        self.report.back_to(self.work.tally.report_size)
        self.work.tally.report_size = self.report.size
        rest = islice(self.work.sorted(window=self.pace.window), upto, None)
        under_way: Future[None] | None = None
        for chunk in _chunks(rest, lambda: self.pace.rows or self.rows):
            if under_way is not None:
                under_way.result()
                progress(self.work.tally.records)
            under_way = self._begin(chunk)
        if under_way is not None:
            under_way.result()
            progress(self.work.tally.records)
        with self.database.write() as connection:
            self._save(connection, done=True)
            audit(connection, self.run, self.work.tally)
        if self.work.tally.records - upto >= _MANY:
            import_store.count_anew(self.database)
        return Brought(self.work.tally, self.run, upto)

    def _begin(self, chunk: Sequence[_Taken]) -> Future[None]:
        """Write a chunk in a thread, and return when only the disk is still busy with it.

        The next one is read meanwhile. Earlier it would be in the way: one runs Python at a time.
        """
        handed_over = threading.Event()
        writing = self.thread.submit(self._write, chunk, handed_over)
        writing.add_done_callback(lambda _: handed_over.set())
        handed_over.wait()
        return writing

    def _write(self, chunk: Sequence[_Taken], handed_over: threading.Event) -> None:
        """Write a chunk; others who want to write have their turn before the next."""
        before = self.work.tally.kept()

        def work(connection: Connection) -> float:
            began = time.monotonic()
            self.work.tally = Tally.read(before)
            self.report.back_to(before["report_size"])
            ids = import_store.reserve_ids(connection, len(chunk))
            writing = _Writing(ids, self.run, self.errand)
            told = self.work.decided(connection, chunk, writing)
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
        tally = self.work.tally
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
        fitting = rows * _HOLD / max(took_seconds, 0.001)
        self.rows = int(min(max((self.rows + fitting) / 2, _FEWEST), fitting, _MOST))


def _chunks(records: Iterable[_Taken], size: Callable[[], int]) -> Iterator[list[_Taken]]:
    records = iter(records)
    while chunk := list(islice(records, max(size(), 1))):
        yield chunk


def _in_order(records: Iterable[_Taken]) -> list[_Taken]:
    """Sort records by address, the first at the end: who takes it away makes room for another."""
    found = sorted(records, key=itemgetter(0))
    found.reverse()
    return found


# Looked up once: a member of an enum costs more than what is done with it here.
_IMPORTED, _ASKED, _CONFIRMED = ConsentKind.IMPORTED, ConsentKind.ASKED, ConsentKind.CONFIRMED
_UNCONFIRMED, _REFUSED = SubscriptionState.UNCONFIRMED, Verdict.REFUSED
_NOBODY: dict[str | int, SuppressionReason] = {}
_ROLE = "a role address: many people read it, or nobody"


def _leaves(entry: Entry | None) -> bool:
    return entry is not None and (entry.state in _LEAVING or bool(entry.lists))


def _warning(address: Address) -> str:
    if is_role(address):
        return _ROLE
    domain = address.mailed.rpartition("@")[2]
    meant = _slip(domain)
    return f"perhaps {address.mailed.rpartition('@')[0]}@{meant}" if meant else ""


@lru_cache(maxsize=4096)
def _slip(domain: str) -> str:
    hint = typo_hint(Address(f"a@{domain}", f"a@{domain}"))
    return hint.rpartition("@")[2] if hint else ""


def _proof(
    change: Change, entry: Entry, now: datetime
) -> list[tuple[ConsentKind, datetime, str | None]]:
    """Give the lines of the log: what the file says was done there, then that it was brought in."""
    if change.kind is not _IMPORTED:
        return [(change.kind, now if change.ends else change.standing.ended_at or now, None)]
    lines: list[tuple[ConsentKind, datetime, str | None]] = []
    if entry.asked_at is not None:
        lines.append((_ASKED, entry.asked_at, entry.asked_ip))
    confirmed = change.standing.state is not _UNCONFIRMED
    if confirmed and entry.confirmed_at is not None:
        lines.append((_CONFIRMED, entry.confirmed_at, entry.confirmed_ip))
    ip = None if lines else entry.confirmed_ip or entry.asked_ip
    lines.append((change.kind, now, ip))
    return lines


def require_consent(errand: Errand, *, joins_nobody: bool) -> None:
    """Refuse to bring in readers of whom nobody says how they agreed. Raises UsageError."""
    if not errand.consent.strip() and not joins_nobody:
        raise UsageError(
            "subscribers import: nobody says where these readers agreed",
            hint='Say it: --consent "sign-up form on harbourpost.example until 2025"',
        )
