"""Pure. Typography: cleaning, cutting and wrapping words for a letter and its plain twin."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

import regex

COLUMNS = 72
"""The width of the plain text: a quoted reply still fits in eighty."""

_BREAKS = re.compile(r"[\t\n\v\f\r \x1c-\x1f\x85\u2028\u2029]+")
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"[ \t\n\r]+")
_GLUE = frozenset("\u200d\u2060\ufeff")
_CLOSING = frozenset({"Pe", "Pf", "Po"})
_OPENING = frozenset({"Ps", "Pi"})
_NOT_FIRST = frozenset("\u30fc\u3005\u2026")
"""Signs beside closing marks that begin no line: a long vowel, a repetition, an ellipsis."""
_SENTENCE_END = re.compile(
    r"""[.!?\u061f\u06d4\u0964](?:[”’"')\]]|[\u00a0\u202f]?»)?(?=\s|$)|[\u3002\uff01\uff1f]"""
)
_TRAILING = " \t\u00a0\u202f.,;:–—-·…(\u00bf\u00a1“‘„«\u2039\u060c\u061b\u3001\uff0c\uff1a\uff1b"
_BREAKING = frozenset(" \t\n\r")
_CLUSTER: Final = regex.compile(
    # Thai and Lao write some vowels before and some after the consonant they are spoken with:
    # Unicode counts them as signs of their own, but a reader sees a syllable cut in two.
    r"[\u0e40-\u0e44\u0ec0-\u0ec4]*\X[\u0e2f\u0e30\u0e32\u0e45\u0e46\u0eb0\u0eb2\u0ec6]*"
)
_ONE_COLUMN: Final = re.compile(r"[\x20-\xac\xae-\u02ff\u0370-\u0482\u048a-\u0590\u202f–—‘’“”„…]*")
"""Signs that are one column each and join with nothing: nearly all that is ever printed here."""
_UNSPACED: Final = regex.compile(r"[\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}]")
"""Scripts without spaces between words; without a dictionary any whole sign may end a line."""
_WHOLE: Final = re.compile(r"://|@|Zq[0-9a-f]{8,}x|[\x00-\x08]")
"""Addresses, a reader's marks, and the controls that layout puts in a mark's place."""
_LEAST_CUT = 20
"""Beside a mark that leaves less room, or none, words stay whole: pieces could not be read."""
_SIGNS_A_COLUMN = 4
"""Marks take no column of their own: beyond these a sign counts as wider than it looks."""


def clean(text: str) -> str:
    """Remove controls, NUL, lone surrogates and noncharacters; fold line breaks to one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _BREAKS.sub(" ", strip_refused(_BREAKS.sub(" ", text))).strip(" ")


def strip_refused(text: str) -> str:
    """Remove what no mail may hold (C0 but tab and line breaks, C1, surrogates, U+FFFE, U+FFFF)."""
    return _REFUSED.sub("", text)


def shorten(text: str, limit: int) -> str:
    """Cut at the last word boundary so that the text with its ellipsis fills `limit` columns.

    Never within what a reader sees as one sign; a text that fits is left alone.
    """
    if reach(text, limit) == len(text):
        return text
    room = reach(text, max(limit - 1, 0))
    return text[: _last_boundary(text, room)].rstrip(_TRAILING) + "…"


def cut_at_sentence(text: str, limit: int) -> str:
    """Keep whole sentences within `limit` columns if they fill two fifths; else cut at a word."""
    room = reach(text, limit)
    if room == len(text):
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, room + 1)]
    good = [end for end in ends if room * 2 // 5 <= end <= room]
    return text[: good[-1]].rstrip() if good else shorten(text, limit)


def reach(text: str, limit: int) -> int:
    """Tell how far a text comes in `limit` columns, in whole signs: the index where it stops."""
    if len(text) * _WIDE <= limit:
        return len(text)
    if _ONE_COLUMN.fullmatch(text, 0, limit + 1):
        return min(len(text), limit)
    used = 0
    for found in _CLUSTER.finditer(text):
        cluster = found.group()
        used += max(1, _columns(cluster), -(-len(cluster) // _SIGNS_A_COLUMN))
        if used > limit:
            return int(found.start())
    return len(text)


def width(text: str) -> int:
    """Count columns on a terminal: East Asian wide signs take two, combining ones none."""
    return len(text) if _ONE_COLUMN.fullmatch(text) else sum(map(_columns, clusters(text)))


def wrap72(text: str) -> str:
    """Wrap prose at 72 columns; addresses stay whole, lines are kept."""
    return "\n".join(_wrap_line(line) for line in text.split("\n"))


def wrap(text: str, *, columns: int) -> list[str]:
    """Wrap one paragraph of prose into lines of at most `columns` columns."""
    if len(text) <= columns and text.isascii() and "  " not in text:
        return [text.strip(" ")]
    lines: list[str] = []
    line, used = "", 0
    for unit, glued in _fitting(_units(text), columns):
        wide = width(unit)
        gap = 0 if glued or not line else 1
        if line and used + gap + wide > columns:
            lines.append(line)
            line, used = unit, wide
        else:
            line, used = f"{line}{' ' * gap}{unit}", used + gap + wide
    return [*lines, line]


def clusters(text: str) -> Iterator[str]:
    """Split into signs as a reader sees them: base with its marks, joined emoji, flags, syllables.

    Source: Unicode Standard Annex 29, extended grapheme clusters.
    """
    return iter(text if _ONE_COLUMN.fullmatch(text) else _CLUSTER.findall(text))


_WIDE = 2


@lru_cache(maxsize=4096)
def _columns(cluster: str) -> int:
    if len(cluster) == 1:
        return _sign_columns(cluster)
    if "\ufe0f" in cluster or (_GLUE & set(cluster) and _sign_columns(cluster[0]) == _WIDE):
        return _WIDE
    return sum(map(_sign_columns, cluster))


def _sign_columns(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me", "Cf"} or "\u1160" <= sign <= "\u11ff":
        return 0
    return _WIDE if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def _wrap_line(line: str) -> str:
    return "\n".join(wrap(line, columns=COLUMNS))


def _units(text: str) -> Iterator[tuple[str, bool]]:
    """Give what must not be broken, and whether it follows its forerunner without a space."""
    for word in _SPACES.split(text.strip(" \t\n\r")):
        if word.isascii() or "://" in word or not any(map(_is_loose, word)):
            yield word, False
        else:
            yield from _loose_units(word)


def _fitting(units: Iterable[tuple[str, bool]], columns: int) -> Iterator[tuple[str, bool]]:
    """Cut the words that no line can hold, between signs; an address must stay whole."""
    for unit, glued in units:
        fits = len(unit) * _WIDE <= columns or width(unit) <= columns
        if fits or columns < _LEAST_CUT or _WHOLE.search(unit):
            yield unit, glued
        else:
            for n, piece in enumerate(_cut(unit, columns)):
                yield piece, glued or n > 0


def _cut(word: str, columns: int) -> Iterator[str]:
    """Cut a word into pieces of at most so many columns; a sign that is wider stays whole."""
    at = 0
    while at < len(word):
        # A window that no line holds: over the whole rest, a word of a megabyte takes minutes.
        window = word[at : at + (columns + 1) * _SIGNS_A_COLUMN]
        end = at + reach(window, columns)
        if end == at:
            end = next(_CLUSTER.finditer(word, at)).end()
        yield word[at:end]
        at = end


def _loose_units(word: str) -> Iterator[tuple[str, bool]]:
    unit, first = "", True
    last = ""
    for cluster in clusters(word):
        if unit and _may_break(last, cluster):
            yield unit, not first
            unit, first = "", False
        unit, last = unit + cluster, cluster
    yield unit, not first


def _may_break(before: str, after: str) -> bool:
    """Tell whether a line may end between two signs: beside a wide one, not before a closing."""
    if not after or after[0] in _NOT_FIRST or unicodedata.category(after[0]) in _CLOSING:
        return False
    if unicodedata.category(before[-1]) in _OPENING or {before[-1], after[0]} & _GLUE:
        return False
    if _UNSPACED.search(before) and _UNSPACED.search(after):
        return True
    return _sign_columns(after[0]) == _WIDE or _sign_columns(before[-1]) == _WIDE


@lru_cache(maxsize=4096)
def _is_loose(sign: str) -> bool:
    """Tell whether a line may end beside this sign although there is no space."""
    return _sign_columns(sign) == _WIDE or _UNSPACED.match(sign) is not None


def _last_boundary(text: str, room: int) -> int:
    """Find the last end of a word within `room`; a word that fills most of it is cut."""
    at, after = room, text[room : room + 1]
    for cluster in reversed(list(clusters(text[:room]))):
        if after in _BREAKING and at > room // 3:
            return at
        if at > room * 3 // 5 and _may_break(cluster, after):
            return at
        at, after = at - len(cluster), cluster
    return room
