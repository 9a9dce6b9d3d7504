"""Pure. A segment that cannot be read: what is wrong, and the very character where."""

from __future__ import annotations

import unicodedata

from digest.errors import UsageError

_SHOWN = 64
"""Characters of a long expression that are shown, so that the mark under it stays on one line."""
_BEFORE = 40
_WIDE = "\u3000"
"""A blank as wide as the letters of Chinese, Japanese and Korean."""


class SegmentError(UsageError):
    """An expression that cannot be read.

    `text` is the whole of it, `at` counts characters from 0, `cause` is the sentence alone, and
    `pointer` the expression (cut around the place) with the line that points at it.
    """

    def __init__(self, text: str, at: int, cause: str, *, hint: str = "") -> None:
        """Keep the place, so that each door can show it in its own way."""
        self.text, self.at, self.cause = text, at, cause
        self.pointer = _pointer(text, at)
        lines = (f"segment: {cause}", *(f"  {line}" for line in self.pointer))
        super().__init__("\n".join(lines), hint=hint)


def _pointer(text: str, at: int) -> tuple[str, str]:
    begin = max(0, at - _BEFORE) if len(text) > _SHOWN else 0
    shown = "".join(map(_plain, text[begin : begin + _SHOWN]))
    more = "…" if begin + _SHOWN < len(text) else ""
    lead = "…" if begin else ""
    blank = " " * len(lead) + "".join(map(_blank, shown[: at - begin]))
    return f"{lead}{shown}{more}", f"{blank}^"


def _plain(character: str) -> str:
    if character.isspace():
        return " "
    return character if character.isprintable() else "�"


def _blank(character: str) -> str:
    if unicodedata.combining(character):
        return ""
    return _WIDE if unicodedata.east_asian_width(character) in {"F", "W"} else " "
