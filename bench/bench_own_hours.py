"""What readers' own hours cost: planning by them, and leasing and ending the batches they make.

100,000 readers in 400 pairs of zone and hour, spread evenly over their ids (the worst for a batch,
which is read by its range of ids), beside the same readers at one hour, in the same run; on SQLite
and PostgreSQL. Run it with: python bench/bench_own_hours.py [READERS]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from datetime import time as wall
from pathlib import Path
from zoneinfo import available_timezones

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from bench.bench_plan import NOW, approved, databases, fill, plan_it, with_a_writer
from digest.clock import fixed
from digest.db import Database
from digest.delivery import lease_store
from digest.delivery import store as ledger
from digest.delivery.lease_store import Answers, Result
from digest.delivery.plan import plan
from digest.delivery.reader_hours import OwnHours
from digest.delivery.settle import ACCEPTED
from digest.editions.model import Edition
from subscribers.store import subscriber

READERS = 100_000
OFFERED = tuple(wall(hour, minute) for hour in (6, 7, 12, 18) for minute in (0, 30))
EVERY_MINUTE = tuple(wall(hour, minute) for hour in (6, 7) for minute in range(60))
ZONES = sorted(each for each in available_timezones() if "/" in each and not each.startswith("Etc"))
"""As they come in the alphabet: all offsets there are."""
EVER = NOW + timedelta(days=40)
AT_ONCE = 8


def pairs(count: int, offered: tuple[wall, ...]) -> list[tuple[str, int]]:
    """Give so many pairs of zone and hour."""
    hours = [each.hour * 60 + each.minute for each in offered]
    step = len(ZONES) * len(hours) // count
    every = [(zone, hour) for zone in ZONES for hour in hours]
    return every[:: max(1, step)][:count]


def give_hours(database: Database, wishes: list[tuple[str, int]]) -> None:
    """Give each reader one of the pairs, one after the other."""
    number = subscriber.c.id * 7919 % len(wishes)
    zone = sa.case({n: each for n, (each, _) in enumerate(wishes)}, value=number)
    hour = sa.case({n: each for n, (_, each) in enumerate(wishes)}, value=number)
    with database.write() as connection:
        connection.execute(sa.update(subscriber).values(zone=zone, hour=hour))


def plan_by_hour(database: Database, edition: Edition) -> int:
    """Plan with the readers' own hours."""
    hours = OwnHours((*OFFERED, *EVERY_MINUTE), "Europe/London", wall(7))
    return plan(
        database, edition, languages=["en-GB", "de"], only=None, hours=hours, clock=fixed(NOW)
    ).planned


def send_all(database: Database) -> tuple[int, float, float, float]:
    """Lease and end every batch; give how many, the seconds of both, and the longest lease."""
    batches, leasing, ending, longest = 0, 0.0, 0.0, 0.0
    while True:
        with database.write() as connection:
            begun = time.perf_counter()
            leases = lease_store.claim_batches(
                connection, owner="bench", now=EVER, most=AT_ONCE, begin=10**6, holding={}
            )
            took = time.perf_counter() - begun
        leasing, longest = leasing + took, max(longest, took / max(len(leases), 1))
        if not leases:
            return batches, leasing, ending, longest
        batches += len(leases)
        answers = [
            Answers(each, [Result(copy, ACCEPTED) for copy in each.copies], None, ended=True)
            for each in leases
        ]
        begun = time.perf_counter()
        with database.write() as connection:
            lost = lease_store.flush(connection, answers, owner="bench", now=NOW)
        ending += time.perf_counter() - begun
        assert not lost


def _open_rows(database: Database, edition: Edition) -> int:
    mine = (ledger.delivery.c.edition_id == edition.id) & (ledger.delivery.c.state == "planned")
    with database.read() as connection:
        query = sa.select(sa.func.count()).select_from(ledger.delivery).where(mine)
        return connection.execute(query).scalar_one()


def measure(
    database: Database, what: str, day: int, work: Callable[[Database, Edition], int]
) -> None:
    edition = approved(database, day=day)
    planned, took, (_, _, p99, most) = with_a_writer(database, lambda: work(database, edition))
    with database.read() as connection:
        hours = sa.select(sa.func.count((ledger.delivery_batch.c.n % 4096).distinct()))
        due = connection.scalar(hours.where(ledger.delivery_batch.c.edition_id == edition.id))
        due = 1 if work is plan_it else due
    batches, leasing, ending, longest = send_all(database)
    assert _open_rows(database, edition) == 0
    print(
        f"  {what:22}{planned:>9,} readers planned in {took:5.2f} s (another writer's waits: p99"
        f" {p99:.0f}, longest {most:.0f} ms)\n    {batches:,} batches for {due:,} hours,"
        f" {planned / batches:.0f} readers each; leasing {leasing / batches * 1000:.2f} ms a batch"
        f" (longest {longest * 1000:.1f}), {leasing / planned * 1e6:.1f} us a reader;"
        f" ending {ending / planned * 1e6:.1f} us a reader",
        flush=True,
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else READERS
    print(f"python bench/bench_own_hours.py {count}    {datetime.now(UTC):%Y-%m-%d}")
    wishes = pairs(400, OFFERED)
    with databases() as both:
        for name, database in both:
            fill(database, count * 2)  # half of them are to be mailed
            give_hours(database, wishes)
            print(f"{name}: {len(wishes)} pairs of zone and hour")
            measure(database, "one hour", 9, plan_it)
            measure(database, "own hours", 10, plan_by_hour)
            give_hours(database, pairs(400, EVERY_MINUTE))
            measure(database, "own hours, any minute", 11, plan_by_hour)


if __name__ == "__main__":
    main()
