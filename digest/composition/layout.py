"""Pure. The lines of the plain text twin: rules, two sides of a line, hanging lists."""

from __future__ import annotations

import re

from digest.composition.text import COLUMNS, width, wrap

_GAPS = re.compile(r"\n{4,}")


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


def hang(text: str, mark: str) -> str:
    """Wrap with `mark` before the first line and as much space before the others."""
    lines = wrap(text, columns=COLUMNS - len(mark))
    return mark + ("\n" + " " * len(mark)).join(lines)


def tidy(text: str) -> str:
    """End lines without spaces, leave at most two empty ones together, end with a line break."""
    lines = "\n".join(line.rstrip(" \t") for line in text.split("\n"))
    return _GAPS.sub("\n\n\n", lines).strip("\n") + "\n"
