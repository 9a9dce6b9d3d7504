"""Pure. Which stories tell the same as another: by their headlines' words, in one language."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from heapq import nsmallest

from digest.sources.model import Article
from digest.sources.terms import primary_language, terms_of

_CONTAINED = 0.50
"""Shared words by the shorter headline's words. Precise rather than complete: at 0.40 stories that
are only related begin to be flagged."""

_OF_BOTH = 3
"""One word in three of both headlines must be shared: "King Charles" alone makes no story."""

_LEAST_SHARED = 3
"""Two short headlines share two words by chance."""

_APART = timedelta(days=3)
"""One event is told within days; "What's on this weekend" comes again every week."""

_MOST_HOLDERS = 100
_MOST_COMPARED = 50
"""So many stories with a word are remembered, and so many compared with one: whoever writes a feed
decides how often its headlines share their words, but not how long we take over them."""

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def find_duplicates(articles: Sequence[Article]) -> dict[int, int]:
    """Map each story that repeats an earlier one to it, by id; the order given is reading order.

    The earlier one repeats none itself. Two stories tell the same when their headlines share three
    words or more: half of the shorter one's, and a third of both. But not in two languages, not
    when they are dated more than three days apart, and not when their figures differ: yesterday's
    weather is not today's. They differ when each headline gives one that the other lacks, or when
    the two stories, with their standfirsts, give some but none in common.
    """
    told = [_Told(article) for article in articles]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    repeats: dict[int, int] = {}
    for place, article in enumerate(articles):
        likely = _likeliest(told[place].words, holders)
        earlier = next((each for each in likely if _alike(told[place], told[each])), None)
        if earlier is not None:
            repeats[article.id] = articles[earlier].id
            continue
        for word in told[place].words:
            if len(holders[word]) < _MOST_HOLDERS:
                holders[word].append(place)
    return repeats


def is_same_story(one: Article, other: Article) -> bool:
    """Tell whether both tell the same, by the rules of `find_duplicates`."""
    return _alike(_Told(one), _Told(other))


def headline_words(headline: str, language: str | None = None) -> frozenset[str]:
    """Give the words that carry a headline: "U.S." is "us", "Andrew's" is "andrew"."""
    return terms_of(headline, language=language)


class _Told:
    """What of a story is compared."""

    def __init__(self, article: Article) -> None:
        """Find the words of the headline; most stories need no more."""
        self.article = article
        self.words = headline_words(article.story.headline, article.story.language)

    @cached_property
    def figures(self) -> tuple[frozenset[str], frozenset[str]]:
        """Give the numbers of the headline alone, and of headline and standfirst."""
        story = self.article.story
        more = terms_of(story.standfirst, language=story.language)
        in_headline = frozenset(word for word in self.words if _NUMBER.fullmatch(word))
        return in_headline, in_headline | {word for word in more if _NUMBER.fullmatch(word)}


def _likeliest(words: Iterable[str], holders: Mapping[str, Sequence[int]]) -> list[int]:
    """Give the stories with most words in common, in reading order.

    A thousand headlines "Listing 17: house by the sea" are compared with a few each, not in pairs.
    """
    shared = Counter(holder for word in words for holder in holders.get(word, ()))
    most = nsmallest(_MOST_COMPARED, shared.items(), key=lambda one: (-one[1], one[0]))
    return sorted(holder for holder, _ in most)


def _alike(one: _Told, other: _Told) -> bool:
    shared = len(one.words & other.words)
    of_both = len(one.words) + len(other.words) - shared
    least = max(_LEAST_SHARED, _CONTAINED * min(len(one.words), len(other.words)))
    return shared >= least and shared * _OF_BOTH >= of_both and _may_be_same(one, other)


def _may_be_same(one: _Told, other: _Told) -> bool:
    if abs(one.article.dated_at - other.article.dated_at) > _APART:
        return False
    tongue, another = (primary_language(each.article.story.language) for each in (one, other))
    if tongue and another and tongue != another:
        return False
    (ours, all_ours), (theirs, all_theirs) = one.figures, other.figures
    if ours - theirs and theirs - ours:
        return False
    return not (all_ours and all_theirs and all_ours.isdisjoint(all_theirs))
