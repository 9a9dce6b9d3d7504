"""A sender that is asked to leave: within ten seconds, and nobody is left in doubt without need."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from digest.db import Database
from digest.delivery.model import Tally
from digest.editions.model import Edition, EditionState
from tests.acceptance.kill_site import CONNECTIONS, Machine, bury, in_the_post, wait_for
from tests.integration.cli_site import SiteFolder, make_site
from tests.integration.delivery_child import send_until_asked
from tests.integration.scripted_smtp import free_port
from tests.integration.smtp_sink import SmtpSink, smtp_sink
from tests.unit.delivery.delivery_builders import address_of, rows, state_of, tally

READERS = 120
ALLOWED_SECONDS = 10.0
ANSWER_SECONDS = 1.0
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""Where nothing depends on the database, once is enough: each of these takes seconds."""


@dataclass
class Round:
    """A sender that was asked to leave, and what it left."""

    machine: Machine
    edition: Edition
    sink: SmtpSink

    @property
    def states(self) -> dict[str, str]:
        """Give the state of every row by address; the ledger's own sums must say the same."""
        found = rows(self.machine.database, self.edition)
        states = {address_of(reader): state for reader, (state, *_) in found.items()}
        counts = Tally(**Counter(states.values()))
        assert tally(self.machine.database, self.edition) == counts
        return states

    def those(self, state: str) -> set[str]:
        return {address for address, each in self.states.items() if each == state}

    def go_on(self) -> None:
        """Start it anew, with a server that is well; everybody has one copy, or is in doubt."""
        uncertain = self.those("uncertain")
        with smtp_sink(keep=False) as well:
            self.machine.port = well.port
            self.machine.finish()
        copies = Counter(self.sink.accepted + well.accepted)
        assert set(copies.values()) == {1}
        assert self.those("accepted") == set(self.states) - self.those("uncertain")
        assert set(copies) >= self.those("accepted")
        assert self.those("uncertain") >= uncertain
        assert state_of(self.machine.database, self.edition) is EditionState.SENT


def _leave(child: ForkServerProcess, number: int) -> float:
    """Ask a process to leave; give how long it took, and see that it left well."""
    assert child.pid is not None
    asked_at = time.monotonic()
    os.kill(child.pid, number)
    assert bury(child) == 0
    return time.monotonic() - asked_at


def test_a_slow_server_is_heard_out_and_nobody_is_in_doubt(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, READERS, batch_size=50)
    with smtp_sink(accept_seconds=ANSWER_SECONDS, keep=False) as sink:
        machine = Machine(database, tmp_path, sink.port)
        child = machine.start(send_until_asked)
        wait_for(lambda: len(sink.taken) > CONNECTIONS)
        assert _leave(child, signal.SIGTERM) < ALLOWED_SECONDS
    left = Round(machine, edition, sink)
    assert left.those("accepted") == set(sink.accepted)
    assert left.those("planned") == set(left.states) - set(sink.accepted)
    left.go_on()
    assert left.those("uncertain") == set()


@ON_SQLITE
def test_of_a_server_that_never_answers_only_whose_dot_went_out_is_in_doubt(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, READERS, batch_size=50)
    with smtp_sink({"DOT": ["hang"] * READERS}, keep=False) as sink:
        machine = Machine(database, tmp_path, sink.port)
        child = machine.start(send_until_asked)
        wait_for(lambda: len(sink.taken) == CONNECTIONS)
        assert _leave(child, signal.SIGTERM) < ALLOWED_SECONDS
    left = Round(machine, edition, sink)
    assert left.those("uncertain") == set(sink.accepted)
    assert left.those("planned") == set(left.states) - set(sink.accepted)
    assert {reason for state, _, reason in rows(database, edition).values() if reason} == {
        "stopped before the answer came"
    }
    left.go_on()


@ON_POSTGRESQL
def test_a_second_signal_ends_it_at_once_and_the_next_start_goes_on(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, READERS, batch_size=50)
    with smtp_sink(accept_seconds=ANSWER_SECONDS, keep=False) as sink:
        machine = Machine(database, tmp_path, sink.port)
        child = machine.start(send_until_asked)
        wait_for(lambda: len(sink.taken) > CONNECTIONS)
        assert child.pid is not None
        os.kill(child.pid, signal.SIGTERM)
        time.sleep(0.1)
        os.kill(child.pid, signal.SIGINT)
        assert bury(child) == -signal.SIGINT
        time.sleep(2 * ANSWER_SECONDS)
    left = Round(machine, edition, sink)
    left.go_on()
    assert len(left.those("uncertain")) <= CONNECTIONS


# The processes that people run


@contextmanager
def _site(folder: Path, sink: SmtpSink) -> Iterator[SiteFolder]:
    """A site whose edition is in the post, by a server that answers each dot after a while."""
    mail = f'smtp = {{ host = "127.0.0.1", port = {sink.port}, tls = "none" }}'
    site = make_site(folder, mail=mail)
    listen = f"127.0.0.1:{free_port()}"
    site.edit(
        'public_url = "https://letters.harbourpost.example"',
        f'public_url = "http://{listen}"\nlisten = "{listen}"',
    )
    site.prepared()
    site.well("subscribers", "add", *(f"reader{n}@reader.example" for n in range(1, READERS + 1)))
    site.well("approve", "daily")
    database = Database(f"sqlite:///{folder}/var/digest.db")
    with database.hold("sender"):  # so that it is put into the post, and not sent yet
        site.well("send", "daily")
    database.close()
    yield site


def _run(site: SiteFolder, *words: str) -> subprocess.Popen[bytes]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")
    }
    with (site.folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "digest", *words],
            cwd=site.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,
        )


@contextmanager
def _running(site: SiteFolder, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = _run(site, *words)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def _until(happened: Callable[[], bool], site: SiteFolder) -> None:
    ends = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < ends, (site.folder / "log").read_text("utf-8")
        time.sleep(0.02)


def _copies(sink: SmtpSink) -> Counter[str]:
    """Count the copies of readers: editors have notices, by the same way out."""
    return Counter(each for each in sink.accepted if each.endswith("@reader.example"))


def test_digest_serve_leaves_within_ten_seconds_and_the_next_one_goes_on(tmp_path: Path) -> None:
    with (
        smtp_sink(accept_seconds=ANSWER_SECONDS, keep=False) as sink,
        _site(tmp_path / "site", sink) as site,
    ):
        with _running(site, "serve") as process:
            _until(lambda: sum(_copies(sink).values()) > CONNECTIONS, site)
            asked_at = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
            assert time.monotonic() - asked_at < ALLOWED_SECONDS
        facts = site.well("status", "daily", "--json").facts
        accepted = sum(_copies(sink).values())
        expected = {"accepted": accepted, "planned": READERS - accepted}
        expected |= dict.fromkeys(("uncertain", "deferred", "failed"), 0)
        assert {name: facts[name] for name in expected} == expected
        sink.accept_seconds = 0.0
        with _running(site, "worker"):
            _until(lambda: site.well("status", "daily", "--json").facts["state"] == "sent", site)
        assert sorted(_copies(sink).values()) == [1] * READERS
