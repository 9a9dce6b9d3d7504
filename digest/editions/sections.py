"""Pure. Which of our sections a story belongs to, by its address and its feed's categories."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from digest.editions.model import Section
from digest.sources.model import Article

UNCATEGORISED = ""
"""The key in `unsorted_counts` for stories that came without any category."""


def section_of(article: Article, sections: Sequence[Section]) -> Section | None:
    """Give the story's section, or None: "Unsorted".

    The address decides first, its longest path first: a story has one address but many categories.
    Then the first of its categories that a section names.
    """
    return _by_path(article, sections) or _by_category(article, sections)


def unsorted_counts(articles: Iterable[Article], sections: Sequence[Section]) -> dict[str, int]:
    """Count the unsorted stories by category, as first spelt, most frequent first."""
    spelt = {UNCATEGORISED: UNCATEGORISED}
    counts: Counter[str] = Counter()
    for article in articles:
        if section_of(article, sections) is not None:
            continue
        named = {_plain(category): category for category in reversed(article.story.categories)}
        spelt = named | spelt
        counts.update(named.keys() or {UNCATEGORISED})
    return {spelt[key]: count for key, count in sorted(counts.items(), key=_frequent_first)}


def _by_path(article: Article, sections: Sequence[Section]) -> Section | None:
    segments = _segments(article.story.url or "")
    if segments is None:
        return None
    fits = [
        (len(prefix), -order, section)
        for order, section in enumerate(sections)
        for prefix in map(_split, section.paths)
        if segments[: len(prefix)] == prefix
    ]
    return max(fits, key=lambda fit: fit[:2])[2] if fits else None


def _by_category(article: Article, sections: Sequence[Section]) -> Section | None:
    named: dict[str, Section] = {}
    for section in sections:
        for category in section.categories:
            named.setdefault(_plain(category), section)
    categories = map(_plain, article.story.categories)
    return next((named[category] for category in categories if category in named), None)


def _segments(url: str) -> tuple[str, ...] | None:
    try:
        parts = urlsplit(url)
    except ValueError:  # "http://[half"
        return None
    return _split(parts.path) if parts.netloc else None


def _split(path: str) -> tuple[str, ...]:
    # Whole segments, so that "/town" does not take "/townhall".
    return tuple(_plain(unquote(segment)) for segment in path.split("/") if segment)


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


def _frequent_first(counted: tuple[str, int]) -> tuple[int, str]:
    key, count = counted
    return -count, key
