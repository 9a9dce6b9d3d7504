"""A paper on PostgreSQL with an edition to send, and real `digest worker` processes for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from digest.app import App, open_app
from digest.config import load
from digest.db import Database
from digest.delivery.model import Tally
from digest.editions.model import Edition
from digest.editions.store import recent_editions
from tests.builders import url_of
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.smtp_sink import SmtpSink
from tests.unit.delivery.delivery_builders import address_of, some_readers

PATIENCE = 90.0


def until(happened: Callable[[], bool], what: str) -> float:
    """Wait until something is so; give the seconds it took."""
    began = time.monotonic()
    while not happened():
        assert time.monotonic() < began + PATIENCE, what
        time.sleep(0.01)
    return time.monotonic() - began


@dataclass
class Worker:
    """One `digest worker`, with a journal and a log of its own."""

    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")

    @property
    def owner(self) -> str:
        """The name its leases have."""
        return (self.folder / "journal" / "owner").read_text("utf-8")

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.kill()
        self.process.wait(PATIENCE)

    def ask(self) -> int:
        """Ask it to leave, as systemd does; give its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@dataclass
class WorkerSite:
    """The site, its database, and the workers that were started."""

    site: SiteFolder
    app: App
    sink: SmtpSink
    workers: list[Worker] = field(default_factory=list)

    @property
    def database(self) -> Database:
        return self.app.database

    def approved(self, readers: int) -> Edition:
        """Make an edition, approve it, and give the newsletter so many readers."""
        address = self.site.prepared()
        self.site.well("approve", address)
        with self.database.read() as connection:
            edition = recent_editions(connection, limit=1)[0]
        some_readers(self.database, edition, range(1, readers + 1))
        with self.database.write() as connection:  # as their links want it
            connection.exec_driver_sql(
                "UPDATE subscriber SET public_id = lpad(to_hex(id), 24, '0')"
            )
        return edition

    def post(self, readers: int) -> Edition:
        """Make an edition, and write its ledger: it is due now."""
        edition = self.approved(readers)
        self.app.send_now(edition)
        return edition

    def start(self, name: str) -> Worker:
        """Start a worker as on a machine of its own, and wait until it has its seat."""
        folder = self.site.folder / name
        folder.mkdir(exist_ok=True)
        ours = {k: v for k, v in os.environ.items() if not k.startswith("DIGEST_")}
        journal = {"DIGEST_STORAGE__JOURNAL": str(folder / "journal")}
        settings = str(self.site.folder / "digest.toml")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "digest", "-c", settings, "worker"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=ours | journal,
                start_new_session=True,
            )
        worker = Worker(folder, process)
        self.workers.append(worker)
        until(lambda: "sender running" in worker.log or process.poll() is not None, worker.log)
        assert process.poll() is None, worker.log
        return worker

    def wait_until_sent(self, edition: Edition) -> None:
        until(lambda: self.tally(edition).planned == 0, "it is not sent")

    def tally(self, edition: Edition) -> Tally:
        return self.app.tally(edition)

    def copies(self) -> Counter[str]:
        """Count what the sink has taken, by reader; the editors' mail is left out."""
        found = Counter(self.sink.accepted)
        return Counter({who: n for who, n in found.items() if who.startswith("reader")})

    def held_by(self, owner: str) -> int:
        """Count the open batches that somebody holds."""
        query = "SELECT count(*) FROM delivery_batch WHERE owner = %s AND done_at IS NULL"
        with self.database.read() as connection:
            return int(connection.exec_driver_sql(query, (owner,)).scalar_one())


def everyone(readers: int) -> Counter[str]:
    """One copy each."""
    return Counter({address_of(n): 1 for n in range(1, readers + 1)})


@contextmanager
def worker_site(folder: Path, database: Database, sink: SmtpSink) -> Iterator[WorkerSite]:
    """Make the site on this database; its workers are ended with the block."""
    way = f'smtp = {{ host = "127.0.0.1", port = {sink.port}, tls = "none" }}'
    site = make_site(folder, database=url_of(database), mail=way)
    site.edit("max_per_second = 1000", "max_per_second = 100000")
    app = open_app(load(folder / "digest.toml"))
    made = WorkerSite(site, app, sink)
    try:
        yield made
    finally:
        for worker in made.workers:
            if worker.process.poll() is None:
                worker.kill()
        app.close()
