"""A site whose edition is due, for tests that let real processes loose on it."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from digest.db import Database
from digest.editions import store as editions
from digest.workflow.store import heartbeats
from tests.acceptance.serve_site import PATIENCE, command, environment
from tests.builders import a_newsletter, open_paper, site_settings, url_of

READERS = tuple(f"reader{n}@reader.example" for n in range(40))
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass
class Due:
    """A site whose daily edition is due by now, and nobody has made it yet."""

    folder: Path
    url: str

    def letters(self) -> dict[str, int]:
        """Count the letters in each reader's mailbox."""
        boxes = self.folder / "mailbox"
        found = {each: len(list((boxes / each / "new").glob("*"))) for each in READERS}
        return {address: count for address, count in found.items() if count}

    def states(self) -> list[str]:
        """Give the state of every edition there is."""
        database = Database(self.url)
        with database.read() as connection:
            found = editions.recent_editions(connection, limit=99)
        database.close()
        return [str(each.state) for each in found]


def _tables(folder: Path, database: str, now: datetime) -> dict[str, Any]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    at = f"{now - timedelta(minutes=10):%H:%M}"
    site = {**site_settings(folder)["site"], "timezone": "UTC"}
    storage = site_settings(folder)["storage"]
    newsletter = a_newsletter(days=EVERY_DAY, cut_off=at, send_at=at, release="auto")
    return {
        "site": site,
        "web": {"public_url": f"http://127.0.0.1:{port}", "listen": f"127.0.0.1:{port}"},
        "storage": {**storage, "database": database or storage["database"]},
        "newsletters": {"daily": newsletter},
    }


def due_site(folder: Path, database: str = "") -> Due:
    """Make one, on a database with an address or on a file."""
    now = datetime.now(UTC)
    tables = _tables(folder, database, now)
    early = f"{now - timedelta(hours=1):%Y-%m-%d %H:%M}"
    paper = open_paper(folder, early, **tables)
    paper.publish("Ferry returns", "Council votes", "School roof mended", "Baker opens shop")
    for address in READERS:
        paper.reader(address)
    paper.app.close()
    return Due(folder, url_of(paper.app.database))


@contextmanager
def running(due: Due, *words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    """Run a command of ours during the block, with variables of its own; asked to leave after."""
    with (due.folder / f"{words[0]}.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command(due.folder, *words),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
            env={**environment(), **settings},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)


def until(condition: Callable[[], bool], due: Due) -> None:
    """Wait until something is so; what the processes logged stands in the failure."""
    deadline = time.monotonic() + 2 * PATIENCE
    while not condition():
        logs = "\n".join(each.read_text("utf-8") for each in due.folder.glob("*.log"))
        assert time.monotonic() < deadline, f"it did not happen in time\n{logs}"
        time.sleep(0.1)


def running_now(due: Due) -> list[str]:
    """Name the kinds of processes that say that they live."""
    database = Database(due.url)
    with database.read() as connection:
        found = [each.process.partition(" ")[0] for each in heartbeats(connection)]
    database.close()
    return found
