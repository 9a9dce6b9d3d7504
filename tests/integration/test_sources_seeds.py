"""The captured pages as they are; their texts stay where they are and are only counted here."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from digest.sources.plaintext import CapturedPage, read_capture

SITE = "Beautiful Virgin Islands"


def _pages(seeds: Path) -> dict[str, tuple[list[str], CapturedPage]]:
    return {
        path.name[:3]: (text.splitlines(), read_capture(text, address=path.name))
        for path in sorted(seeds.glob("*.txt"))
        if (text := path.read_text("utf-8"))
    }


def _between(lines: list[str], first: str, last: str) -> list[str]:
    """Read a part of the file by itself, by the lines around it."""
    start = lines.index(first) + 1
    return [line for line in lines[start : lines.index(last, start)] if line.strip()]


def test_two_pages_are_two_articles_and_a_hundred_headlines_none_of_them_dated(
    seeds: Path,
) -> None:
    pages = _pages(seeds)
    stories = [story for _, read in pages.values() for story in read.stories]
    assert [len(read.river) for _, read in pages.values()] == [50, 50]
    assert sum(bool(story.body_text) for story in stories) == 2
    assert {(story.published_at, story.published_from, story.url) for story in stories} == {
        (None, None, None)
    }


@pytest.mark.parametrize(
    ("name", "seen_on", "dateline", "paragraphs"),
    [
        ("000", date(2026, 1, 9), "Friday, Jan 09, 2026", 24),
        ("004", date(2025, 11, 4), "Tuesday, Nov 04, 2025", 16),
    ],
)
def test_a_page_keeps_every_paragraph_and_no_furniture(
    seeds: Path, name: str, seen_on: date, dateline: str, paragraphs: int
) -> None:
    lines, read = _pages(seeds)[name]
    headline, *rest = dict.fromkeys(_between(lines, dateline, "Newsletter"))
    assert (read.site_name, read.seen_on, read.warnings) == (SITE, seen_on, ())
    assert read.article is not None
    assert read.article.headline == headline
    assert read.article.standfirst == rest[0]
    assert read.article.body_text.split("\n\n") == rest[1:]
    assert len(rest[1:]) == paragraphs
    assert [story.headline for story in read.river] == _between(lines, "Close", "×")
