"""Promise 1, played through: three weeks of a living site, kill -9 in between, and an audit."""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.editions.candidate_store import article_use, candidate
from digest.editions.store import edition, newsletter, slot
from digest.sources.article_store import article, article_revision
from tests.acceptance.living_site import (
    FIRST,
    MOVED_AT,
    NEW_HOST,
    OLD_HOST,
    WIRE_HOST,
    LivingSite,
    Story,
    days,
    local,
    three_weeks,
)
from tests.builders import a_newsletter, write_settings

ROOT = Path(__file__).parents[2]
POLLS = ((6, 10), (12, 20), (18, 30))
KILLS = int(os.environ.get("TEST_ROUNDS", "12"))
DATABASES = ["sqlite", "postgresql"] if "TEST_ROUNDS" in os.environ else ["sqlite"]
"""`dev.py kill` plays it on both, killed at nearly every step."""
_PATIENCE = 60


@contextlib.contextmanager
def serving(site: LivingSite) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        known: ClassVar[LivingSite] = site

        def do_GET(self) -> None:
            host = self.headers.get("Host", "").partition(":")[0]
            status, kind, body = self.known.answer(host, self.path)
            content = body.encode()
            with contextlib.suppress(OSError):
                self.send_response(status)
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        site.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield
        server.shutdown()
        thread.join()


class Collector:
    """The program, in a process of its own that is killed now and then at any instant."""

    def __init__(self, site: LivingSite, before: Path, after: Path, *, seed: int) -> None:
        self.site = site
        self._before, self._after = before, after
        self._chance = random.Random(seed)  # noqa: S311 - the same kills every time
        self._process: subprocess.Popen[str] | None = None
        self._moved = False
        self.kills = 0

    def do(self, verb: str, at: datetime, *, kill: bool = False) -> None:
        """Do it at an hour of the site; killed half-way it is asked for again, as life does."""
        self.site.now = at
        if at >= MOVED_AT and not self._moved:
            self.close()
            self._moved = True
        if kill:
            self._say(verb, at)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._running().wait(self._chance.uniform(0.0, 0.12))
            self._running().kill()
            self.kills += 1
            self._end()
        self._say(verb, at)
        assert self._hear() == "done"

    def close(self) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            assert self._process.wait(_PATIENCE) == 0
            self._end()

    def _say(self, verb: str, at: datetime) -> None:
        stdin = self._running().stdin
        assert stdin is not None
        stdin.write(f"{verb} {at.astimezone(UTC).isoformat()}\n")
        stdin.flush()

    def _hear(self) -> str:
        stdout = self._running().stdout
        assert stdout is not None
        return stdout.readline().strip()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            settings = self._after if self._moved else self._before
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.acceptance.living_child", str(settings)],
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert self._hear() == "ready"
        return self._process

    def _end(self) -> None:
        assert self._process is not None
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait(_PATIENCE)
        self._process = None


def settings_at(folder: Path, site: LivingSite, database: str, *, moved: bool) -> Path:
    host = NEW_HOST if moved else OLD_HOST
    allow = ["127.0.0.0/8"]
    daily = a_newsletter(
        release="auto",
        stories={"min": 1, "top": 3, "max": 24, "per_section": 3, "max_age": "96h"},
        not_on=["2026-04-03"],  # Good Friday
    )
    weekly = a_newsletter(
        name="The Week",
        days=["sat"],
        release="auto",
        stories={"min": 1, "top": 3, "max": 200, "per_section": 3, "max_age": "8d"},
    )
    return write_settings(
        folder / host,
        database=database,
        site={
            "name": "Harbour Post",
            "url": f"http://{host}",
            "timezone": "Europe/London",
            "postal_address": "12 Quay Street",
            "former_hosts": [OLD_HOST] if moved else [],
        },
        storage={"database": database, "keys": str(folder / "keys")},
        sources={
            "site": {"feed": f"http://{host}:{site.port}/feed", "every": "1h", "allow": allow},
            "wire": {"feed": f"http://{WIRE_HOST}:{site.port}/feed", "every": "1h", "allow": allow},
        },
        newsletters={"daily": daily, "weekly": weekly},
    )


def play(site: LivingSite, collector: Collector, *, kills: int, seed: int) -> None:
    steps = sorted(
        [("collect", local(day, *hour)) for day in days() for hour in POLLS]
        + [("advance", local(day, *hour)) for day in days() for hour in ((6, 30), (7, 0))],
        key=lambda step: step[1],
    )
    killed = set(random.Random(seed).sample(range(len(steps)), min(kills, len(steps))))  # noqa: S311 - as above
    for n, (verb, at) in enumerate(steps):
        collector.do(verb, at, kill=n in killed)
    collector.close()
    assert site.now >= local(date(2026, 4, 5), 18)


@pytest.mark.long
@pytest.mark.parametrize("empty_database_url", DATABASES, indirect=True)
def test_three_weeks_killed_at_any_instant_use_each_story_once_or_refuse_it_with_its_reason(
    empty_database_url: str, tmp_path: Path
) -> None:
    site = three_weeks()
    with serving(site):
        before = settings_at(tmp_path, site, empty_database_url, moved=False)
        after = settings_at(tmp_path, site, empty_database_url, moved=True)
        collector = Collector(site, before, after, seed=7)
        play(site, collector, kills=KILLS, seed=7)
    assert collector.kills > 0
    database = Database(empty_database_url)
    try:
        audit(database, site)
    finally:
        database.close()


def audit(database: Database, site: LivingSite) -> None:
    with database.read() as connection:
        _audit_slots(connection)
        wrong = [
            f"{story.key} ({story.kind}): {problem}"
            for story in site.stories
            if (problem := _wrong_with(connection, story))
        ]
    assert wrong == []


def _audit_slots(connection: Any) -> None:
    """Every slot was taken once, at 06:30 on the clock, before its change and after."""
    daily = sa.select(newsletter.c.id).where(newsletter.c.slug == "daily").scalar_subquery()
    rows = connection.execute(
        sa.select(slot).where(slot.c.newsletter_id == daily).order_by(slot.c.local_date)
    ).all()
    weekdays = [day for day in days() if day.weekday() < 5]
    assert [row.local_date for row in rows] == weekdays
    assert [row.cut_off_at for row in rows] == [local(day, 6, 30) for day in weekdays]
    holidays = [row.local_date for row in rows if row.state == "holiday"]
    assert holidays == [date(2026, 4, 3)]
    # On the first Monday at 06:30 the site has hardly begun: nothing was published yet.
    states = {row.local_date: row.state for row in rows if row.local_date not in holidays}
    assert states.pop(FIRST) in {"prepared", "skipped"}
    assert set(states.values()) == {"prepared"}


def _wrong_with(connection: Any, story: Story) -> str:
    """Say what is wrong with a story in the daily; nothing when it is as it must be."""
    query = sa.select(article.c.id).where(article.c.url.like(f"%/n/{story.key}"))
    numbers = list(connection.scalars(query))
    if len(numbers) != 1:
        return f"{len(numbers)} articles"
    uses, verdicts = _uses(connection, numbers[0]), _verdicts(connection, numbers[0])
    if any(not reason for _, reason in verdicts):
        return "a candidate without a reason"
    if story.kind.startswith("changed") and not _revisions(connection, numbers[0]):
        return "its change was not kept"
    if story.expected == "used":
        return _wrong_use(story, uses, verdicts)
    last = verdicts[-1][0] if verdicts else "never weighed"
    wanted = (["folded"], "already sent") if story.expected == "folded" else ([], story.expected)
    return "" if (uses, last) == wanted else f"not {wanted}: {uses} {verdicts}"


def _wrong_use(story: Story, uses: list[str], verdicts: list[tuple[str, str]]) -> str:
    too_new = story.appears_at > local(date(2026, 4, 2), 6, 10)
    if too_new and not uses:
        return ""  # Good Friday and the weekend: it waits for Monday's edition
    if len(uses) != 1 or uses == ["folded"]:
        return f"used {len(uses)} times: {uses} {verdicts}"
    selected = [verdict for verdict, _ in verdicts if verdict == "selected"]
    return "" if len(selected) == 1 else f"selected {len(selected)} times"


def _uses(connection: Any, number: int) -> list[str]:
    """Give the kinds of its uses in the daily."""
    query = (
        sa.select(article_use.c.kind)
        .join(newsletter, newsletter.c.id == article_use.c.newsletter_id)
        .where(newsletter.c.slug == "daily", article_use.c.article_id == number)
    )
    return list(connection.scalars(query))


def _verdicts(connection: Any, number: int) -> list[tuple[str, str]]:
    """Give what the daily's editions said of it, the oldest first."""
    query = (
        sa.select(candidate.c.verdict, candidate.c.reason)
        .join(edition, edition.c.id == candidate.c.edition_id)
        .join(newsletter, newsletter.c.id == edition.c.newsletter_id)
        .where(newsletter.c.slug == "daily", candidate.c.article_id == number)
        .order_by(edition.c.cut_off_at)
    )
    return [(row.verdict, row.reason) for row in connection.execute(query)]


def _revisions(connection: Any, number: int) -> int:
    mine = article_revision.c.article_id == number
    count: int = connection.scalar(sa.select(sa.func.count()).where(mine))
    return count


def test_the_site_itself_is_as_it_says() -> None:
    site = three_weeks()
    kinds = Counter(story.kind for story in site.stories)
    assert kinds["festival"] == 30
    assert kinds["while down"] == 4
    assert all(
        kinds[kind] == 3 for kind in ("late", "too old", "twin", "twin of the wire", "withdrawn")
    )
    assert len({story.key for story in site.stories}) == len(site.stories)
    site.now = local(date(2026, 3, 25), 12)
    assert site.answer(WIRE_HOST, "/feed")[0] == 503
    assert site.answer(OLD_HOST, "/feed")[0] == 200
    gone = next(story for story in site.stories if story.kind == "withdrawn")
    site.now = gone.appears_at + timedelta(hours=5)
    assert site.answer(OLD_HOST, f"/n/{gone.key}")[0] == 410
