"""The desk's edition page with 100,000 stored articles and 200 candidates: time, and bytes.

What the server takes for the page, for an act and for the checks, and what goes over the wire when
the page is opened: with what it loads, the letter in its frame among it, pictures apart. Run it:
python bench/bench_desk.py [ARTICLES]
"""

from __future__ import annotations

import gzip
import itertools
import random
import re
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import httpx2
import sqlalchemy as sa

from bench import bench_prepare
from digest.db import Database
from digest.people.model import Role
from digest.sources.article_store import article, article_term
from digest.sources.terms import terms_of
from tests.builders import Paper, a_newsletter, moment, open_paper
from tests.integration.desk_site import AtDesk, at_desk

ARTICLES = 100_000
CANDIDATES = 200
RUNS = 25
GOAL_MS, GOAL_KB = 50.0, 150.0
PAGE = "editions/daily/2026-01-09"
TO_COME = "editions/daily/2026-01-12"


Took = tuple[float, float]
"""Milliseconds by the wall, and of processor time: on a busy machine only these say much."""


def median_ms(work: Callable[[], object], runs: int = RUNS) -> Took:
    work()
    walls, began = [], process_time()
    for _ in range(runs):
        at = perf_counter()
        work()
        walls.append((perf_counter() - at) * 1e3)
    return statistics.median(walls), (process_time() - began) / runs * 1e3


def make_paper(folder: Path, articles: int) -> Paper:
    bench_prepare.CANDIDATES = CANDIDATES
    newsletter = a_newsletter(release="approve", stories={"min": 3, "top": 3, "max": 21})
    paper = open_paper(
        folder,
        "2026-01-09 06:00",
        newsletters={"daily": newsletter},
        checks={"ignore": {"C06": "The headlines of this bench are alike."}},
        sources={"paper": {"feed": str(folder / "feed.xml")}},
    )
    for n in range(50):
        paper.reader(f"reader{n}@reader.example")
    fill(paper.app.database, articles)
    paper.go("2026-01-09 06:30")
    paper.watch.at = moment("2026-01-09 06:36")
    return paper


def fill(database: Database, count: int) -> None:
    """Write the stories of `bench_prepare`, under the paper's own source."""
    every = bench_prepare.stories(random.Random(1), count)
    while some := list(itertools.islice(every, bench_prepare.AT_ONCE)):
        terms = [
            {"term": term, "article_id": each["id"]}
            for each in some
            for term in terms_of(f"{each['headline']} {each['standfirst']}", language="en")
        ]
        with database.write() as connection:
            rows = [bench_prepare._row(each) for each in some]  # noqa: SLF001 - that bench's rows
            connection.execute(sa.insert(article), rows)
            connection.execute(sa.insert(article_term), terms)
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


def wire_bytes(response: httpx2.Response) -> int:
    """Give how large an answer is on the wire: as it was sent, headers apart."""
    if response.headers.get("content-encoding") == "gzip":
        return int(response.headers["content-length"])
    return len(response.content)


def over_the_wire(desk: AtDesk) -> dict[str, int]:
    """Open the page as a browser does: by itself, then all that it names."""
    asked = {"Accept-Encoding": "gzip", "Sec-Fetch-Site": "same-origin"}
    page = desk.get(PAGE, **asked)
    sizes = {"the page": wire_bytes(page)}
    for path in re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text):
        sizes[path.partition("?")[0]] = wire_bytes(desk.get(path, **asked))
    checks = desk.get(f"{PAGE}/~checks", **{**asked, "HX-Request": "true"})
    sizes["the checks"] = wire_bytes(checks)
    sizes["the letter, without pictures"] = wire_bytes(desk.get(f"{PAGE}/~letter", **asked))
    return sizes


def main(articles: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        paper = make_paper(Path(folder), articles)
        desk = at_desk(paper.app, Role.APPROVER, name="Alma Penn")
        page = desk.get(f"{PAGE}?filter=all").text
        print(f"{articles:,} articles, {page.count('<li><div')} candidates of them\n")
        figures = {
            "the page": median_ms(lambda: desk.get(PAGE)),
            "the page, all candidates": median_ms(lambda: desk.get(f"{PAGE}?filter=all")),
            "the page of an edition to come": median_ms(lambda: desk.get(TO_COME)),
            "the letter": median_ms(lambda: desk.get(f"{PAGE}/~letter")),
        }
        began, cpu = perf_counter(), process_time()
        desk.get(f"{PAGE}/~checks")
        took = (perf_counter() - began) * 1e3, (process_time() - cpu) * 1e3
        figures["all checks, the first time"] = took
        figures["an act, to the page after it"] = acts(desk)
        for name, (wall, cpu) in figures.items():
            goal = f"  (at most {GOAL_MS:.0f})" if name == "the page" else ""
            print(f"{name:32} {wall:7.1f} ms, processor {cpu:6.1f} ms{goal}")
        print()
        sizes = over_the_wire(desk)
        for name, size in sizes.items():
            print(f"{name:32} {size / 1000:7.1f} KB")
        whole = sum(sizes.values()) / 1000
        print(f"{'over the wire in all':32} {whole:7.1f} KB  (under {GOAL_KB:.0f})")
        plain = gzip.compress(page.encode())
        print(f"{'(the page, all candidates)':32} {len(plain) / 1000:7.1f} KB packed")
        paper.app.close()


def acts(desk: AtDesk) -> Took:
    """Write the note anew, again and again."""
    seq = [0]

    def act() -> None:
        answer = desk.part(f"{PAGE}/~choose", {"do": "note", "seq": str(seq[0]), "note": f"{seq}"})
        assert answer.status_code == 200, answer.text[:400]
        seq[0] += 1

    return median_ms(act, 8)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ARTICLES)
