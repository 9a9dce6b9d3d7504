"""Pure. Typography: cleaning, cutting and wrapping words for a letter and its plain twin."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

COLUMNS = 72
"""The width of the plain text: a quoted reply still fits in eighty."""

_BREAKS = re.compile(r"[\t\n\v\f\r \x1c-\x1f\x85\u2028\u2029]+")
_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACES = re.compile(r"[ \t\n\r]+")
_JOINERS = frozenset("\u200d\u2060")
_CLOSING = frozenset({"Pe", "Pf", "Po"})
_OPENING = frozenset({"Ps", "Pi"})
_NOT_FIRST = frozenset("\u30fc\u3005\u2026")
"""Signs beside closing marks that begin no line: a long vowel, a repetition, an ellipsis."""
_SENTENCE_END = re.compile(r"""[.!?][”’"')\]]?(?=\s|$)|[\u3002\uff01\uff1f]""")
_TRAILING = " \t,;:–—-·(“‘"


def clean(text: str) -> str:
    """Remove controls, NUL, lone surrogates and noncharacters; fold line breaks to one space."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")
    return _BREAKS.sub(" ", strip_refused(_BREAKS.sub(" ", text))).strip(" ")


def strip_refused(text: str) -> str:
    """Remove what no mail may hold (C0 but tab and line breaks, C1, surrogates, U+FFFE, U+FFFF)."""
    return _REFUSED.sub("", text)


def shorten(text: str, limit: int) -> str:
    """Cut at the last word boundary so that the text with its ellipsis has at most `limit` signs.

    Never within a combining sequence, a joined emoji or a flag; text that fits is left alone.
    """
    if len(text) <= limit:
        return text
    room = max(limit - 1, 0)
    cut = _last_boundary(text, room)
    return text[:cut].rstrip(_TRAILING) + "…" if cut else text[:0] + "…"


def cut_at_sentence(text: str, limit: int) -> str:
    """Keep whole sentences within `limit` if they fill two fifths of it; else cut at a word."""
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text, 0, limit + 1)]
    good = [end for end in ends if limit * 2 // 5 <= end <= limit]
    return text[: good[-1]].rstrip() if good else shorten(text, limit)


def width(text: str) -> int:
    """Count columns on a terminal: East Asian wide signs take two, combining ones none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def wrap72(text: str) -> str:
    """Wrap prose at 72 columns; addresses and unbreakable words stay whole, lines are kept."""
    return "\n".join(_wrap_line(line) for line in text.split("\n"))


def wrap(text: str, *, columns: int) -> list[str]:
    """Wrap one paragraph of prose into lines of at most `columns` columns."""
    if len(text) <= columns and text.isascii() and "  " not in text:
        return [text.strip(" ")]
    lines: list[str] = []
    line, used = "", 0
    for unit, glued in _units(text):
        wide = width(unit)
        gap = 0 if glued or not line else 1
        if line and used + gap + wide > columns:
            lines.append(line)
            line, used = unit, wide
        else:
            line, used = f"{line}{' ' * gap}{unit}", used + gap + wide
    return [*lines, line]


def clusters(text: str) -> Iterator[str]:
    """Split into signs as a reader sees them: base with its marks, joined emoji, flags."""
    start = 0
    for at in range(1, len(text) + 1):
        if at == len(text) or _is_boundary(text, at):
            yield text[start:at]
            start = at


_WIDE = 2


@lru_cache(maxsize=4096)
def _columns(sign: str) -> int:
    if unicodedata.category(sign) in {"Mn", "Me", "Cf"}:
        return 0
    return _WIDE if unicodedata.east_asian_width(sign) in {"W", "F"} else 1


def _wrap_line(line: str) -> str:
    return "\n".join(wrap(line, columns=COLUMNS))


def _units(text: str) -> Iterator[tuple[str, bool]]:
    """Give what must not be broken, and whether it follows its forerunner without a space."""
    for word in _SPACES.split(text.strip(" \t\n\r")):
        if word.isascii() or "://" in word or not any(_columns(s) == _WIDE for s in word):
            yield word, False
        else:
            yield from _wide_units(word)


def _wide_units(word: str) -> Iterator[tuple[str, bool]]:
    unit, first = "", True
    for cluster in clusters(word):
        if unit and _may_break(unit, cluster):
            yield unit, not first
            unit, first = "", False
        unit += cluster
    yield unit, not first


def _may_break(before: str, after: str) -> bool:
    """Tell whether a line may end here: beside a wide sign, but not before a closing mark."""
    if after[0] in _NOT_FIRST or unicodedata.category(after[0]) in _CLOSING:
        return False
    if unicodedata.category(before[-1]) in _OPENING:
        return False
    return _columns(after[0]) == _WIDE or _columns(before[-1]) == _WIDE


def _last_boundary(text: str, room: int) -> int:
    for at in range(room, 0, -1):
        if text[at] in " \t\n\r":
            return at
        if at > room * 3 // 5 and _is_boundary(text, at) and _may_break(text[:at], text[at:]):
            return at
    return next((at for at in range(room, 0, -1) if _is_boundary(text, at)), 0)


def _is_boundary(text: str, at: int) -> bool:
    """Tell whether a cut before `text[at]` splits no sign that a reader sees as one."""
    after, before = text[at], text[at - 1]
    if after.isascii() and before.isascii():
        return True
    if unicodedata.category(after) in {"Mn", "Me", "Mc"} or after in _JOINERS:
        return False
    if before in _JOINERS or "\U0001f3fb" <= after <= "\U0001f3ff":
        return False
    return not (_is_flag(after) and _flags_before(text, at) % 2)


def _is_flag(sign: str) -> bool:
    return "\U0001f1e6" <= sign <= "\U0001f1ff"


def _flags_before(text: str, at: int) -> int:
    start = at
    while start and _is_flag(text[start - 1]):
        start -= 1
    return at - start
