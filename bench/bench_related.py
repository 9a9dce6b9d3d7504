"""How well stories are folded and related ones found, on the labelled stories of tests/data.

Run it with: python bench/bench_related.py
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from digest.editions.duplicates import find_duplicates, is_same_story
from digest.editions.related import Archive, find_related, indexed_terms
from digest.sources.model import Article
from tests.unit.editions.labelled_stories import (
    TEST,
    TUNE,
    Pair,
    duplicate_pairs,
    labelled_stories,
    related_pairs,
    score,
)

LEAST_PRECISION = 0.9
STORIES = labelled_stories()
NAMES = {article.id: name for name, article in STORIES.items()}
ARCHIVE = Archive(
    len(STORIES), Counter(term for each in STORIES.values() for term in indexed_terms(each))
)


def told(what: str, pairs: list[Pair], finds: Callable[[Pair], bool]) -> None:
    print(f"{what}: {len(pairs)} labelled pairs")
    for half in (TUNE, TEST):
        found = score([pair for pair in pairs if pair.half == half], finds)
        verdict = "met" if found.precision >= LEAST_PRECISION else "MISSED"
        print(f"  {half:5} {found}    goal {LEAST_PRECISION}: {verdict}")


def is_related(pair: Pair) -> bool:
    return bool(find_related(STORIES[pair.one], [STORIES[pair.other]], archive=ARCHIVE))


def looked_up() -> None:
    """Look every story up among all the others, as an edition does."""
    labelled = {(pair.one, pair.other): pair for pair in related_pairs()}
    halves = {pair.one.partition("-")[0]: pair.half for pair in labelled.values()}
    counts: Counter[tuple[str, bool]] = Counter()
    for name, article in STORIES.items():
        matter = name.partition("-")[0]
        for found in find_related(article, STORIES.values(), archive=ARCHIVE):
            other = NAMES[found.id]
            pair = labelled.get((name, other))
            right = pair.together if pair else other.partition("-")[0] == matter
            counts[halves.get(matter, TEST), right] += 1
    print("related, looked up among all stories: right when labelled so or of the same matter")
    for half in (TUNE, TEST):
        good, bad = counts[half, True], counts[half, False]
        print(f"  {half:5} {good} right, {bad} wrong: precision {good / (good + bad):.3f}")


def speed() -> None:
    stories: list[Article] = sorted(STORIES.values(), key=lambda each: each.dated_at, reverse=True)
    begun = perf_counter()
    find_duplicates(stories)
    folding = (perf_counter() - begun) * 1000
    begun = perf_counter()
    find_related(stories[0], stories, archive=ARCHIVE)
    relating = (perf_counter() - begun) * 1000
    print(
        f"{len(stories)} stories folded in {folding:.1f} ms, weighed for one in {relating:.1f} ms"
    )


def main() -> None:
    print(f"python bench/bench_related.py    {datetime.now(UTC):%Y-%m-%d}")
    told("duplicates", duplicate_pairs(), lambda p: is_same_story(STORIES[p.one], STORIES[p.other]))
    told("related", related_pairs(), is_related)
    looked_up()
    speed()


if __name__ == "__main__":
    main()
