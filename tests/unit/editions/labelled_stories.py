"""The made-up stories of tests/data/labelled, and what a person said of pairs of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from digest.sources.model import Article, DateOrigin, FoundStory

FOLDER = Path(__file__).parents[2] / "data" / "labelled"
TUNE, TEST = "tune", "test"
"""Numbers in the rules may be fitted to the first half only; the other one judges them."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two stories, by name, and whether they belong together."""

    one: str
    other: str
    together: bool
    half: str


@dataclass(frozen=True, slots=True)
class Score:
    """How many pairs were rightly found, wrongly found and missed."""

    right: int
    wrong: int
    missed: int

    @property
    def precision(self) -> float:
        return self.right / max(1, self.right + self.wrong)

    @property
    def recall(self) -> float:
        return self.right / max(1, self.right + self.missed)

    def __str__(self) -> str:
        return (
            f"precision {self.precision:.3f} ({self.wrong} wrong), "
            f"recall {self.recall:.3f} ({self.missed} missed of {self.right + self.missed})"
        )


def labelled_stories() -> dict[str, Article]:
    return {row["id"]: _article(number, row) for number, row in enumerate(_rows("stories.tsv"), 1)}


def duplicate_pairs() -> list[Pair]:
    rows = _rows("duplicates.tsv")
    return [Pair(r["one"], r["other"], r["same"] == "yes", r["half"]) for r in rows]


def related_pairs() -> list[Pair]:
    rows = _rows("related.tsv")
    return [Pair(r["story"], r["older"], r["related"] == "yes", r["half"]) for r in rows]


def score(pairs: Iterable[Pair], finds: Callable[[Pair], bool]) -> Score:
    found = [(finds(pair), pair.together) for pair in pairs]
    return Score(found.count((True, True)), found.count((True, False)), found.count((False, True)))


def _rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _article(number: int, row: dict[str, str]) -> Article:
    dated_at = datetime.fromisoformat(row["date"]).replace(hour=6, tzinfo=UTC)
    story = FoundStory(
        headline=row["headline"],
        standfirst=row["standfirst"],
        url=f"https://post.example/{row['id']}",
        language=row["language"],
        published_at=dated_at,
        published_from=DateOrigin.FEED,
    )
    return Article(id=number, source="site", story=story, first_seen_at=dated_at)
