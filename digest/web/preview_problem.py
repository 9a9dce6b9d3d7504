"""Pure. A file that cannot be used, told with its name, its line and the lines around it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime

from digest.errors import CompositionError, DigestError, SettingsError
from digest.web.preview_wish import Problem

ReadText = Callable[[str], str | None]
"""Gives the text of a file by the name in an error; None when it cannot be had."""

_AROUND = 3
_LINE = re.compile(r"\bline (\d{1,6})\b")
_FILE = re.compile(r"(?:settings: )?(\S+?\.toml)\b")
_LONGEST_LINE = 400


def problem_of(error: Exception, *, read: ReadText, good_at: datetime | None) -> Problem:
    """Tell what is wrong; `good_at` is when what is shown instead was made."""
    if not isinstance(error, DigestError):
        return Problem(
            f"The edition cannot be looked at now ({type(error).__name__})",
            "Is the database where it was? Then stop this, and begin again: digest preview",
            good_at=good_at,
        )
    file, line = _place(error)
    text = read(file) if file else None
    return Problem(
        str(error),
        error.hint,
        file,
        line,
        _excerpt(text or "", line) if line else (),
        good_at,
    )


def _place(error: DigestError) -> tuple[str, int | None]:
    if isinstance(error, CompositionError):
        return error.template, error.line
    if isinstance(error, SettingsError):
        words = str(error)
        file, line = _FILE.search(words), _LINE.search(words)
        return (file[1] if file else "", int(line[1]) if line else None)
    return "", None


def _excerpt(text: str, line: int) -> tuple[tuple[int, str], ...]:
    lines = text.split("\n")
    first = max(1, line - _AROUND)
    return tuple(
        (first + n, each[:_LONGEST_LINE])
        for n, each in enumerate(lines[first - 1 : line + _AROUND])
    )
