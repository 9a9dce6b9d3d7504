"""Pure. Which of our sections a story belongs to, by its address and its feed's categories."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from digest.editions.model import Section
from digest.sources.model import Article

UNCATEGORISED = ""
"""The key in `unsorted_counts` for stories that came without any category."""


@dataclass(frozen=True, slots=True)
class SortedCategory:
    """A category that a person put into a section at the desk; `section` is its key."""

    category: str
    section: str
    by: str
    at: datetime


def with_sorted(
    sections: Sequence[Section], found: Iterable[SortedCategory]
) -> tuple[Section, ...]:
    """Add to each section what people have put into it; what the settings name goes first.

    A category of a section that is not among these is left out.
    """
    named = {plain(category) for section in sections for category in section.categories}
    more: dict[str, list[str]] = {}
    for each in found:
        if plain(each.category) not in named:
            more.setdefault(each.section, []).append(each.category)
    return tuple(
        replace(one, categories=(*one.categories, *more[one.key])) if one.key in more else one
        for one in sections
    )


def section_of(article: Article, sections: Sequence[Section]) -> Section | None:
    """Give the story's section, or None: "Unsorted".

    The address decides first, its longest path first: a story has one address but many categories.
    Then the first of its categories that a section names.
    """
    return _Sorter(sections).section(article.story.url, article.story.categories)


def unsorted_counts(articles: Iterable[Article], sections: Sequence[Section]) -> dict[str, int]:
    """Count the unsorted stories by category, as first spelt, most frequent first."""
    stories = ((article.story.url, article.story.categories) for article in articles)
    return count_unsorted(stories, sections)


def count_unsorted(
    stories: Iterable[tuple[str | None, Sequence[str]]], sections: Sequence[Section]
) -> dict[str, int]:
    """Count as `unsorted_counts` does, of stories by their address and their categories alone."""
    sorter = _Sorter(sections)
    spelt = {UNCATEGORISED: UNCATEGORISED}
    counts: Counter[str] = Counter()
    for url, categories in stories:
        if sorter.section(url, categories) is not None:
            continue
        keys = dict.fromkeys(map(plain, categories)) or {UNCATEGORISED: None}
        for key, category in zip(map(plain, categories), categories, strict=True):
            spelt.setdefault(key, category)
        counts.update(keys.keys())
    return {spelt[key]: count for key, count in sorted(counts.items(), key=_frequent_first)}


class _Sorter:
    """Some sections, made ready for many stories."""

    def __init__(self, sections: Sequence[Section]) -> None:
        self.prefixes = [
            (prefix, order, section)
            for order, section in enumerate(sections)
            for prefix in map(_split, section.paths)
        ]
        self.named: dict[str, Section] = {}
        for section in sections:
            for category in section.categories:
                self.named.setdefault(plain(category), section)

    def section(self, url: str | None, categories: Sequence[str]) -> Section | None:
        """Give the section of a story by its address, else by its categories."""
        return (self._by_path(url) if self.prefixes else None) or self._by_category(categories)

    def _by_path(self, url: str | None) -> Section | None:
        segments = _segments(url or "")
        if segments is None:
            return None
        fits = [
            (len(prefix), -order, section)
            for prefix, order, section in self.prefixes
            if segments[: len(prefix)] == prefix
        ]
        return max(fits, key=lambda fit: fit[:2])[2] if fits else None

    def _by_category(self, categories: Sequence[str]) -> Section | None:
        keys = map(plain, categories)
        return next((self.named[key] for key in keys if key in self.named), None)


def _segments(url: str) -> tuple[str, ...] | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://[half"
        return None
    return _split(parts.path) if parts.netloc else None


def _split(path: str) -> tuple[str, ...]:
    # Whole segments, so that "/town" does not take "/townhall".
    return tuple(plain(unquote(segment)) for segment in path.split("/") if segment)


@lru_cache(maxsize=4096)
def plain(text: str) -> str:
    """Fold a category: neither case, nor spaces, nor how an accent is written make another."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _frequent_first(counted: tuple[str, int]) -> tuple[int, str]:
    key, count = counted
    return -count, key
