"""Pure. Writing directions that meet in one line: which way words run, and what holds them apart.

Source: Unicode Standard Annex 9, the bidirectional algorithm.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

from digest.composition.dates import direction

_ISOLATE, _END = "\u2068", "\u2069"
_CONTROLS: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_RTL: Final = frozenset({"R", "AL"})
_RTL_SIGN: Final = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_SCRIPTS: Final = ("ARABIC", "HEBREW", "SYRIAC", "THAANA", "LATIN")
_TAGS: Final = ("und-Arab", "und-Hebr", "und-Syrc", "und-Thaa", "und-Latn")


def direction_of(words: str) -> str | None:
    """Tell which way words run, by their first letter that has a direction: `ltr`, `rtl`, None."""
    strong = (_direction(sign) for sign in words)
    return next(filter(None, strong), None)


def isolated(words: str, *, within: str) -> str:
    """Hold words apart that run against the line (`ltr`, `rtl`) they stand in; others stay.

    Controls of their own, which would reach beyond them, are taken out.
    """
    words = _CONTROLS.sub("", words)
    plain = within == "ltr" and not _RTL_SIGN.search(words)
    found = None if plain else direction_of(words)
    return words if found in {None, within} else f"{_ISOLATE}{words}{_END}"


def script_tag(words: str, language: str) -> str | None:
    """Give a tag for words that mostly run against the language they are said to be in."""
    if direction(language) == "ltr" and not _RTL_SIGN.search(words):
        return None
    runs = Counter(filter(None, map(_direction, words)))
    mostly = runs.most_common(1)
    if not mostly or mostly[0][0] == direction(language):
        return None
    first = next(sign for sign in words if _direction(sign) == mostly[0][0])
    name = unicodedata.name(first, "").partition(" ")[0]
    tags = dict(zip(_SCRIPTS, _TAGS, strict=True))
    return tags.get(name, "und-Latn" if mostly[0][0] == "ltr" else "und-Arab")


def _direction(sign: str) -> str | None:
    found = unicodedata.bidirectional(sign)
    return "ltr" if found == "L" else "rtl" if found in _RTL else None
