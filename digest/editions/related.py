"""Pure. Which older stories a reader of this one wants: by the rare words they have in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum, log

from digest.editions.duplicates import is_same_story
from digest.sources.model import Article
from digest.sources.terms import primary_language, terms_of

MOST_RELATED = 3
_NEAR = 3.0
"""Precise rather than complete: three words that few stories have, two of them in a headline. On
the labelled pairs (tests/data/labelled) 94 of 100 found are right, and four in five are found."""
_IN_HEADLINE = 0.5
"""What a word weighs more for standing in one of the two headlines, and again for the other."""


@dataclass(frozen=True, slots=True)
class Archive:
    """What is known of the archive's words: how many stories there are, and how many hold a term.

    A term that `holding` does not name is too common to tell anything, or in no story at all.
    """

    stories: int
    holding: Mapping[str, int]

    def weight(self, term: str) -> float:
        """Give how much a term tells, from 0 (every story has it) to 1 (no story has it)."""
        held = self.holding.get(term)
        if held is None:
            return 0.0
        return max(0.0, log((self.stories + 1) / (held + 0.5)) / log(2 * (self.stories + 1)))


def indexed_terms(article: Article) -> frozenset[str]:
    """Give the terms under which the index keeps a story: of its headline and its standfirst."""
    story = article.story
    return terms_of(f"{story.headline} {story.standfirst}", language=story.language)


def find_related(
    article: Article, older: Iterable[Article], *, archive: Archive
) -> tuple[Article, ...]:
    """Give up to three of these older stories that a reader of this one wants, the nearest first.

    None rather than weak ones; none in another language, none that tells the same story or has
    nothing to link to, and of several that tell one story the nearest.
    """
    ours = _Words.of(article)
    near: list[tuple[float, Article]] = []
    for each in older:
        score = ours.in_common(_Words.of(each), archive) if _may_follow(article, each) else 0.0
        if score >= _NEAR:
            near.append((score, each))
    near.sort(key=lambda one: (-one[0], -one[1].dated_at.timestamp(), one[1].id))
    found: list[Article] = []
    for _, each in near:
        if not any(is_same_story(each, other) for other in (article, *found)):
            found.append(each)
        if len(found) == MOST_RELATED:
            break
    return tuple(found)


def nearness(article: Article, other: Article, *, archive: Archive) -> float:
    """Add up what the words in common weigh; a word of a headline weighs more."""
    return _Words.of(article).in_common(_Words.of(other), archive)


def least_in_common(unseen: float) -> float:
    """Give the least weight in common of two related stories, of which `unseen` was not looked at.

    What has less need not be read: even with every word in both headlines it would not be near.
    """
    return _NEAR / (1 + 2 * _IN_HEADLINE) - unseen


@dataclass(frozen=True, slots=True)
class _Words:
    """The terms of a story's headline, and of headline and standfirst."""

    headline: frozenset[str]
    all: frozenset[str]

    @classmethod
    def of(cls, article: Article) -> _Words:
        headline = terms_of(article.story.headline, language=article.story.language)
        return cls(headline, indexed_terms(article))

    def in_common(self, other: _Words, archive: Archive) -> float:
        # Summed exactly: the order of a set's members must not decide what is near.
        return fsum(
            archive.weight(term)
            * (1 + _IN_HEADLINE * ((term in self.headline) + (term in other.headline)))
            for term in self.all & other.all
        )


def _may_follow(article: Article, older: Article) -> bool:
    ours, theirs = (primary_language(each.story.language) for each in (article, older))
    return (
        older.id != article.id
        and older.story.url is not None
        and older.withdrawn_at is None
        and older.dated_at < article.dated_at
        and (not ours or not theirs or ours == theirs)
    )
