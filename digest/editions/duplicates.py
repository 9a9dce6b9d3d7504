"""Pure. Headlines that tell the same story twice: a warning for the editor, never a cut."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from digest.sources.model import Article

_CONTAINED = 0.50
"""Shared words by the shorter headline's words. Precise rather than complete: at 0.40 stories that
are only related begin to be flagged."""

_LEAST_SHARED = 3
"""Two short headlines share two words by chance."""

_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_POSSESSIVE = re.compile(r"(?<=\w)'s\b")
_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_ENDINGS = ("ing", "ed", "es", "s")
_LEAST_STEM = 4

_STOPWORDS = frozenset(
    """
    a about after all amid an and are as at be been before being but by can could did do does for
    from had has have he her his how if in into is it its may might more most new no not of off on
    or our out over said say says she so than that the their then these they this those to under up
    was we were what when where which who why will with without would you your
    """.split()  # noqa: SIM905 - words to read, not a list to lint
)


def find_duplicates(articles: Sequence[Article]) -> dict[int, int]:
    """Map each story that repeats an earlier one to it, by id; the order given is reading order."""
    words = [headline_words(article.story.headline) for article in articles]
    holders: defaultdict[str, list[int]] = defaultdict(list)
    repeats: dict[int, int] = {}
    for place, article in enumerate(articles):
        earlier = _first_alike(place, words, holders)
        if earlier is not None:
            repeats[article.id] = articles[earlier].id
        for word in words[place]:
            holders[word].append(place)
    return repeats


def headline_words(headline: str) -> frozenset[str]:
    """Give the words that carry a headline: "U.S." is "us", "Andrew's" is "andrew"."""
    plain = unicodedata.normalize("NFKC", headline).casefold()
    plain = plain.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    plain = _INITIALS.sub(lambda found: found[0].replace(".", ""), plain)
    plain = _POSSESSIVE.sub("", plain)
    return frozenset(_stem(word) for word in _WORD.findall(plain) if word not in _STOPWORDS)


def _first_alike(
    place: int, words: Sequence[frozenset[str]], holders: Mapping[str, list[int]]
) -> int | None:
    # Counting through the words' holders keeps thousands of headlines from being paired up.
    shared = Counter(holder for word in words[place] for holder in holders.get(word, ()))
    for earlier in sorted(shared):
        shorter = min(len(words[place]), len(words[earlier]))
        if shared[earlier] >= max(_LEAST_SHARED, _CONTAINED * shorter):
            return earlier
    return None


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _LEAST_STEM:
            return word.removesuffix(ending)
    return word
