"""Several real `digest worker` processes on one PostgreSQL: everyone once, whoever dies.

`dev.py kill` waits for a dead worker's leases to run out by themselves, and holds it to 30 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from digest.db import Database
from digest.delivery.model import Tally
from tests.acceptance.kill_site import MOST_IN_HAND, expire
from tests.acceptance.worker_site import WorkerSite, everyone, until, worker_site
from tests.integration.smtp_sink import SmtpSink, smtp_sink

ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
IN_FULL = "TEST_KILLS" in os.environ
ACCEPT_SECONDS = 0.02
READERS = 2_000
"""So slow and so many that one sender alone needs five seconds: time for the other to come in."""
GO_ON_SECONDS = 30.0


@pytest.mark.long
@ON_POSTGRESQL
def test_a_worker_killed_half_way_is_made_up_for_by_the_other(
    database: Database, tmp_path: Path
) -> None:
    with (
        smtp_sink(accept_seconds=ACCEPT_SECONDS, keep=False) as sink,
        worker_site(tmp_path, database, sink) as site,
    ):
        workers = [site.start("a"), site.start("b")]
        edition = site.post(READERS)
        until(lambda: len(site.copies()) > READERS // 3, "it is not being sent")
        # Whoever is at it: on a busy machine one may have taken all there is.
        doomed = max(workers, key=lambda each: site.held_by(each.owner))
        (other,) = [each for each in workers if each is not doomed]
        doomed.kill()
        if not IN_FULL:
            expire(database, doomed.owner)
        seconds = until(lambda: site.held_by(doomed.owner) == 0, "nobody takes over")
        site.wait_until_sent(edition)
        assert other.ask() == 0
        tally, copies = site.tally(edition), site.copies()
    assert seconds <= GO_ON_SECONDS
    assert max(copies.values()) == 1
    assert (tally.accepted + tally.uncertain, tally.open) == (READERS, 0)
    assert READERS - len(copies) <= tally.uncertain <= MOST_IN_HAND


@ON_POSTGRESQL
def test_with_the_queue_emptied_by_hand_everything_goes_out(
    database: Database, tmp_path: Path
) -> None:
    with smtp_sink(keep=False) as sink, worker_site(tmp_path, database, sink) as site:
        edition = site.post(500)
        with database.write() as connection:
            connection.exec_driver_sql("TRUNCATE procrastinate_jobs CASCADE")
        worker = site.start("a")
        site.wait_until_sent(edition)
        assert worker.ask() == 0
        assert (site.tally(edition), site.copies()) == (Tally(accepted=500), everyone(500))


@ON_POSTGRESQL
def test_workers_that_rest_begin_at_once_share_the_work_and_leave_when_asked(
    database: Database, tmp_path: Path
) -> None:
    with (
        smtp_sink(accept_seconds=ACCEPT_SECONDS, keep=False) as sink,
        worker_site(tmp_path, database, sink) as site,
    ):
        first, second = site.start("a"), site.start("b")
        edition = site.post(READERS)
        until(lambda: min(site.held_by(each.owner) for each in (first, second)) > 0, "one only")
        assert first.ask() == 0, "asked in the middle of it"
        assert site.held_by(first.owner) == 0
        site.wait_until_sent(edition)
        assert second.ask() == 0
        assert (site.tally(edition), site.copies()) == (Tally(accepted=READERS), everyone(READERS))
        assert _jobs_at_work(database) == 0


def _jobs_at_work(database: Database) -> int:
    with database.read() as connection:
        query = "SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'"
        return int(connection.exec_driver_sql(query).scalar_one())


@ON_POSTGRESQL
def test_two_schedulers_at_one_moment_send_one_edition(database: Database, tmp_path: Path) -> None:
    with smtp_sink(keep=False) as sink, worker_site(tmp_path, database, sink) as site:
        edition = site.approved(400)
        worker = site.start("a")
        gate = threading.Barrier(3)

        def plan() -> None:
            gate.wait()
            site.app.send_now(edition)

        threads = [threading.Thread(target=plan) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        site.wait_until_sent(edition)
        assert worker.ask() == 0
        assert (site.tally(edition), site.copies()) == (Tally(accepted=400), everyone(400))


@ON_POSTGRESQL
def test_a_worker_older_than_the_schema_refuses_to_start(
    database: Database, tmp_path: Path
) -> None:
    with smtp_sink(keep=False) as sink, worker_site(tmp_path, database, sink) as site:
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
        ran = subprocess.run(
            [sys.executable, "-m", "digest", "-c", str(tmp_path / "digest.toml"), "worker"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert site.workers == []
    assert ran.returncode == 1
    assert "database: schema 9999: newer than this program" in ran.stderr


@ON_POSTGRESQL
def test_status_tells_who_runs_who_holds_what_and_what_waits(
    database: Database, tmp_path: Path
) -> None:
    with (
        smtp_sink(accept_seconds=0.05, keep=False) as sink,
        worker_site(tmp_path, database, sink) as site,
    ):
        worker = site.start("a")
        edition = site.post(4_200)
        until(lambda: site.held_by(worker.owner) > 0, "it sends nothing")
        _is_told(site, sink, edition.address, worker.owner)
        assert worker.ask() == 0


def _is_told(site: WorkerSite, sink: SmtpSink, address: str, owner: str) -> None:
    facts = site.site.well("status", "--json").facts
    (process,) = [each for each in facts["running"] if each["process"].startswith("sender")]
    (lease,) = facts["leases"]
    jobs = {each["state"]: each["jobs"] for each in facts["queue"] if each["queue"] == "sending"}
    assert (process["alive"], process["host"]) == (True, os.uname().nodename)
    assert (lease["edition"], lease["holder"], lease["is_over"]) == (address, owner, False)
    assert lease["batches"] > 0
    assert jobs == {"doing": 1, "todo": 2}
    assert len(sink.taken) < 4_200
    said = site.site.well("status").out
    assert "RUNNING  MACHINE" in said
    assert "IN HAND" in said
    assert "Queue: 2 jobs wait, 1 is at work, the oldest since " in said
