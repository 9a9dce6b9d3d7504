"""Pure. Text for a terminal of 80 columns: widths, cuts, wraps, counts and local times."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

COLUMNS = 80
_GAP = 2
_NARROWEST = 8
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_JOINERS = "\u200c\u200d"  # letters of Persian and Hindi, and emoji, are spelt with them


def plain(text: str) -> str:
    """Give text that stays on its line and cannot steer the terminal: feeds are not trusted."""
    return "".join(_shown(character) for character in text)


def width(text: str) -> int:
    """Count the columns a text takes: wide letters two, combining marks none."""
    return sum(_columns(character) for character in text)


def cut(text: str, columns: int) -> str:
    """Give the text, or its beginning and an ellipsis where it is too wide."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for character in text:
        used += _columns(character)
        if used >= columns:
            break
        kept += character
    return f"{kept.rstrip()}…"


def wrapped(text: str, *, first: str = "", then: str = "") -> list[str]:
    """Break a sentence at its blanks into lines of 80 columns; no address is ever broken.

    `first` begins the first line, `then` the others.
    """
    lines, line, empty = [], first, True
    for word in text.split():
        if not empty and width(line) + 1 + width(word) > COLUMNS:
            lines.append(line)
            line, empty = then, True
        line += word if empty else f" {word}"
        empty = False
    return [*lines, line.rstrip()]


def aligned(
    rows: Sequence[Sequence[object]],
    *,
    right: Sequence[int] = (),
    indent: int = 0,
    shrink: int | None = None,
) -> list[str]:
    """Align rows in columns; those in `right` are flush right.

    The column `shrink` is cut where the line would be longer than 80 columns.
    """
    texts = [["" if cell is None else plain(str(cell)) for cell in row] for row in rows]
    widths = [max(map(width, column)) for column in zip(*_even(texts), strict=True)]
    if shrink is not None and widths:
        over = indent + sum(widths) + _GAP * (len(widths) - 1) - COLUMNS
        widths[shrink] = min(widths[shrink], max(_NARROWEST, widths[shrink] - over))
        for row in texts:
            row[shrink] = cut(row[shrink], widths[shrink])
    return [" " * indent + _line(row, widths, right) for row in texts]


def counted(number: int, one: str, many: str) -> str:
    """Give `1 story`, `2 stories`, `1,204 stories`."""
    return f"{number:,} {one if number == 1 else many}"


def listed(names: Sequence[str]) -> str:
    """Give `A`, `A and B`, `A, B and C`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def short_time(at: datetime, zone: str) -> str:
    """Give `Fri 9 Jan 07:00`, local in the zone."""
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %H:%M}"


def long_time(at: datetime | None, zone: str) -> str:
    """Give `Fri 9 Jan 2026 07:00`, local in the zone, or `never`."""
    if at is None:
        return "never"
    local = at.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M}"


def _even(texts: Sequence[list[str]]) -> list[list[str]]:
    columns = max((len(row) for row in texts), default=0)
    return [row + [""] * (columns - len(row)) for row in texts]


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[int]) -> str:
    cells = []
    for n, cell in enumerate(row):
        padding = " " * (widths[n] - width(cell))
        cells.append(padding + cell if n in right else cell + padding)
    return (" " * _GAP).join(cells).rstrip()


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _UNSEEN or character in _JOINERS:
        return character
    return " " if character.isspace() else ""


def _columns(character: str) -> int:
    if unicodedata.combining(character) or character in _JOINERS:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"F", "W"} else 1
