"""Pure. Cells that no spreadsheet takes for a formula, and what stood in them before."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNSEEN = r"\s\u200b\u200e\u200f\u2060\ufeff"
_BEGINS = r"=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"
_FORMULA = re.compile(f"'*[{_UNSEEN}]*[{_BEGINS}]")
"""What begins a formula, also in full-width and small forms, behind blanks, and behind our own
marks; tab and line ends move what follows to a cell of its own."""


def safe_cell(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run; `plain_cell` takes it away again."""
    if text[:1].isalnum() or not _FORMULA.match(text):
        return text
    return f"'{text}"


def plain_cell(text: str) -> str:
    """Give what a cell held before `safe_cell`."""
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text


def safe_line(values: Iterable[str]) -> str:
    """Give one line of CSV (RFC 4180), with its end.

    Every cell is quoted: where Excel splits at semicolons, one inside would begin another cell.
    """
    return ",".join([quoted(each) for each in values]) + "\r\n"


def quoted(text: str) -> str:
    """Give one cell of it, in its quotation marks."""
    cell = safe_cell(text).replace('"', '""')
    return f'"{cell}"'
