"""Pure. The lines of the plain text twin: rules, two sides of a line, hanging lists."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import count

from digest.composition.text import COLUMNS, strip_refused, width, wrap

ISOLATE, ISOLATE_END = "\u2068", "\u2069"
"""Around words that run against the line's direction: each keeps its own order of signs."""

_GAPS = re.compile(r"\n{4,}")
_SLOT = re.compile(r"(Zq[0-9a-f]{8,}xV([a-z]+)E)")
_HELD = re.compile(r"([\x00-\x08])\1*")
_MOST_HELD = 9
"""Only so many controls are no white space; more slots in one paragraph are words of a story."""
_ROOM = {"address": 40, "since": 20}
"""Columns a reader's own value is taken to need: most addresses are shorter."""


def ruled(title: str) -> str:
    """Write a section's title in capitals, with a rule to the end of the line."""
    words = "\n".join(wrap(title.upper(), columns=COLUMNS))
    room = COLUMNS - 1 - width(words.rpartition("\n")[2])
    return f"{words} {'-' * room}" if room > 0 else words


def spread(left: str, right: str) -> str:
    """Put two texts at both ends of a line; one below the other when they do not fit."""
    gap = COLUMNS - width(left) - width(right)
    if gap >= 2:  # noqa: PLR2004 - a single space would read as one text
        return f"{left}{' ' * gap}{right}"
    return "\n".join([*wrap(left, columns=COLUMNS), *wrap(right, columns=COLUMNS)])


def hang(
    text: str, mark: str = "", *, rtl: bool | None = None, before: str = "", after: str = ""
) -> str:
    """Wrap with `mark` before the first line and as much space before the others.

    A reader's slot takes the room that its value may need. Where `rtl` tells how the letter runs,
    a text that runs the other way is isolated from what stands `before` and `after` it.
    """
    foreign = rtl is not None and _runs_from_right(text) is (not rtl)
    words = f"{ISOLATE}{text}{ISOLATE_END}" if foreign else text
    whole = f"{before}{words}{after}"
    slots = _SLOT.findall(whole)
    lines = wrap(_hold(whole) if slots else whole, columns=COLUMNS - width(mark))
    if ISOLATE in whole:
        lines = list(_isolated_by_line(lines))
    hung = mark + ("\n" + " " * width(mark)).join(lines)
    return _HELD.sub(lambda found: slots[ord(found[1])][0], hung) if slots else hung


def tidy(text: str) -> str:
    """End lines without spaces, leave at most two empty ones together, end with a line break."""
    lines = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return _GAPS.sub("\n\n\n", lines).strip("\n") + "\n"


def _hold(text: str) -> str:
    """Put controls, which no cleaned text has, in the places of slots: as many as a value's signs.

    The mark of a slot is one word of some thirty signs, whatever is spliced in for it.
    """
    places = count()
    return _SLOT.sub(
        lambda found: chr(next(places)) * _ROOM.get(found[2], 1),
        strip_refused(text),
        count=_MOST_HELD,
    )


def _runs_from_right(text: str) -> bool | None:
    """Tell by the first letter which way the words run; None for what has none."""
    if text.isascii():
        return False if any(map(str.isalpha, text)) else None
    kinds = (unicodedata.bidirectional(sign) for sign in text)
    first = next((kind for kind in kinds if kind in {"L", "R", "AL"}), None)
    return None if first is None else first != "L"


def _isolated_by_line(lines: Iterable[str]) -> Iterator[str]:
    """Close at each line's end what began to be isolated there: the line break would end it."""
    held = 0
    for line in lines:
        within = held + line.count(ISOLATE) - line.count(ISOLATE_END)
        yield ISOLATE * held + line + ISOLATE_END * within
        held = within
