"""/healthz and /readyz: what they say of a site that is well, and of each thing that is not."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from digest.clock import fixed
from digest.db import Database
from digest.delivery import store as ledger
from digest.editions import store as editions
from digest.editions.model import EditionState, Newsletter, Slot, Window
from digest.web.context import WebContext
from digest.web.health import Health
from digest.workflow.alarm_store import write_mark
from digest.workflow.store import beat, heartbeat
from digest.workflow.vitals import Mark
from subscribers.store import subscriber
from tests.integration.newsletters import DAILY, make_newsletters
from tests.integration.web_site import KEYS, NOON, SITE, open_browser

WALL = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
ANN = {
    "id": 1,
    "public_id": "ann",
    "address": "ann@reader.example",
    "address_key": "ann@reader.example",
    "address_hmac": "a1",
    "created_at": NOON,
}
WELL = {
    "status": "ok",
    "database": "ok",
    "schema": "newest",
    "scheduler": "none",
    "sender": "none",
    "schedule": "ok",
    "schedule_late_seconds": 0,
    "queue": "ok",
    "oldest_due_seconds": 0,
}


def _newsletters(database: Database) -> list[Newsletter]:
    """Make newsletters whose next slots are still to come."""
    made = make_newsletters(database)
    with database.write() as connection:
        connection.execute(sa.update(editions.newsletter).values(next_run_at=NOON + HOUR))
    return made


class _Site:
    """A site's two questions over HTTP, at hours that a test sets; each answer is a new look."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.seconds = 0.0
        self.newsletters = _newsletters(database)
        context = WebContext(database, SITE, KEYS, self.newsletters, clock=fixed(NOON))
        self.health = Health(context, wall=fixed(WALL), timer=lambda: self.seconds)
        routes = [Route("/healthz", self.health.alive), Route("/readyz", self.health.ready)]
        self.client = TestClient(Starlette(routes=routes))

    def ready(self) -> tuple[int, dict[str, Any]]:
        self.seconds += 1
        answer = self.client.get("/readyz")
        return answer.status_code, answer.json()

    def beats(self, process: str, silence: timedelta) -> None:
        with self.database.write() as connection:
            beat(connection, process, now=WALL - silence)

    def mark(self, *, moved: timedelta, looked: timedelta) -> None:
        with self.database.write() as connection:
            write_mark(connection, Mark("x", NOON - moved, NOON - looked))

    def letter(self, *, due: timedelta) -> int:
        """Write an edition that is being sent, with one batch that is due for so long."""
        with self.database.write() as connection:
            made = editions.insert_edition(
                connection,
                self.newsletters[0],
                Slot(NOON.date(), NOON - due, NOON - due),
                window=Window(NOON - timedelta(days=1), NOON),
                prepared_at=NOON - due,
                expires_at=None,
            )
            draft, sending = [EditionState.DRAFT], EditionState.SENDING
            editions.change_state(connection, made.id, expect=draft, to=sending)
            batch = {
                "edition_id": made.id,
                "n": 1,
                "first_id": 1,
                "last_id": 9,
                "due_at": NOON - due,
            }
            connection.execute(sa.insert(ledger.delivery_batch).values(**batch))
        return made.id


@pytest.fixture
def site(database: Database) -> _Site:
    return _Site(database)


def test_the_process_answers_with_its_version(site: _Site) -> None:
    assert site.client.get("/healthz").json()["status"] == "ok"


def test_a_lone_web_machine_is_ready(site: _Site) -> None:
    assert site.ready() == (200, WELL)


def test_a_site_with_all_its_processes_is_ready(site: _Site) -> None:
    site.beats("scheduler", MINUTE / 4)
    site.beats("sender east 1a2b", MINUTE / 4)
    assert site.ready() == (200, {**WELL, "scheduler": "ok", "sender": "ok"})


@pytest.mark.parametrize("process", ["scheduler", "sender"])
def test_a_process_that_was_killed_makes_it_not_ready(site: _Site, process: str) -> None:
    site.beats(process, MINUTE)
    assert site.ready() == (503, {**WELL, "status": "not ready", process: "silent"})
    with site.database.write() as connection:
        connection.execute(sa.delete(heartbeat))
    assert site.ready() == (200, WELL), "it left as it was asked to"


def test_a_letter_that_leaves_slowly_is_no_reason_and_one_that_does_not_move_is(
    site: _Site,
) -> None:
    site.letter(due=HOUR)
    site.mark(moved=MINUTE, looked=MINUTE)
    assert site.ready() == (200, {**WELL, "oldest_due_seconds": 3600})
    site.mark(moved=HOUR, looked=MINUTE)
    stuck = {**WELL, "status": "not ready", "queue": "stuck", "oldest_due_seconds": 3600}
    assert site.ready() == (503, stuck)


def test_a_copy_that_was_put_off_counts_from_when_it_is_due_again(site: _Site) -> None:
    edition_id = site.letter(due=-HOUR)
    assert site.ready() == (200, WELL)
    row = {"edition_id": edition_id, "subscriber_id": 1, "tries": 1, "first_at": NOON}
    with site.database.write() as connection:
        connection.execute(sa.insert(subscriber).values(ANN))
        waiting = sa.insert(ledger.delivery_retry).values(**row, next_at=NOON - 20 * MINUTE)
        connection.execute(waiting)
    assert site.ready() == (
        503,
        {**WELL, "status": "not ready", "queue": "stuck", "oldest_due_seconds": 1200},
    )


def test_a_slot_that_nobody_takes_makes_it_not_ready(site: _Site) -> None:
    mine = editions.newsletter.c.id == DAILY
    for late, status in ((14 * MINUTE, 200), (15 * MINUTE, 503)):
        with site.database.write() as connection:
            values = {"next_run_at": NOON - late}
            connection.execute(sa.update(editions.newsletter).where(mine).values(**values))
        code, said = site.ready()
        assert (code, said["schedule_late_seconds"]) == (status, late.total_seconds())


def test_a_schema_that_is_behind_makes_it_not_ready(site: _Site) -> None:
    with site.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    behind = {"status": "not ready", "database": "ok", "schema": "behind"}
    assert site.ready() == (503, behind)


def test_a_schema_is_looked_at_again_after_half_a_minute(site: _Site) -> None:
    assert site.ready()[0] == 200
    with site.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    assert site.ready()[0] == 200
    site.seconds += 30
    assert site.ready()[1]["schema"] == "behind"


def test_a_database_that_is_away_is_said_without_its_place(tmp_path: Path) -> None:
    away = Database(f"sqlite:///{tmp_path / 'absent' / 'digest.db'}")
    health = Health(WebContext(away, SITE, KEYS, []))
    answer = TestClient(Starlette(routes=[Route("/readyz", health.ready)])).get("/readyz")
    said = {"status": "not ready", "database": "unreachable", "schema": "unknown"}
    assert (answer.status_code, answer.json()) == (503, said)


def test_one_answer_is_given_to_everybody_for_a_second(site: _Site) -> None:
    assert site.ready()[0] == 200
    site.beats("sender", MINUTE)
    assert [site.client.get("/readyz").status_code for _ in range(50)] == [200] * 50
    assert site.ready()[0] == 503


async def _ask(health: Health, times: int) -> list[int]:
    scope = {"type": "http", "method": "GET", "path": "/readyz", "headers": []}

    async def one() -> Response:
        return await health.ready(Request(scope))

    return [answer.status_code for answer in await asyncio.gather(*(one() for _ in range(times)))]


def test_a_flood_of_questions_is_one_look(sqlite_database: Database) -> None:
    looks = []
    newsletters = _newsletters(sqlite_database)

    def clock() -> datetime:
        looks.append(1)
        return NOON

    context = WebContext(sqlite_database, SITE, KEYS, newsletters, clock=clock)
    assert asyncio.run(_ask(Health(context), 500)) == [200] * 500
    assert len(looks) == 1


def test_a_database_that_thinks_for_long_keeps_nobody_waiting(sqlite_database: Database) -> None:
    hung = threading.Event()

    def clock() -> datetime:
        hung.wait(10)
        return NOON

    async def asked() -> tuple[list[int], float]:
        context = WebContext(sqlite_database, SITE, KEYS, [], clock=clock)
        began = time.monotonic()
        codes = await _ask(Health(context, patience=0.05), 100)
        took = time.monotonic() - began
        hung.set()
        return codes, took

    codes, took = asyncio.run(asked())
    assert codes == [503] * 100
    assert took < 2


def test_the_pages_of_a_site_answer_both(database: Database) -> None:
    browser = open_browser(database)
    _newsletters(database)
    assert browser.get("/healthz").status_code == 200
    answer = browser.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, WELL)
    assert answer.headers["cache-control"] == "no-store"
