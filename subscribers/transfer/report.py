"""Door to the report of an import: what came of every line, in a file beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, Self

from subscribers.transfer.faults import ReadersFileError
from subscribers.transfer.safe_csv import quoted, safe_line

_COLUMNS = ("file", "line", "address", "result", "reason", "warning")
_JSON = {".ndjson", ".jsonl", ".json"}
_HEAD = safe_line(_COLUMNS).encode()
_JSON_HEAD = b'{"file": '


class Told(NamedTuple):
    """One line of a report."""

    file: str
    line: int
    address: str
    result: str
    reason: str = ""
    warning: str = ""


class Report:
    """A report being written: it can go back to where it was when a chunk is undone."""

    def __init__(self, path: Path) -> None:
        """Open a report, as it is or new.

        Raises ReadersFileError where another file stands in its place, OSError.
        """
        self.path = path
        self._as_json = path.suffix.lower() in _JSON
        _refuse_other(path)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)  # it holds addresses
        self._file = os.fdopen(descriptor, "r+b")
        self._head = b"" if self._as_json else _HEAD

    @property
    def size(self) -> int:
        """How long it is, in bytes."""
        return self._file.tell()

    def add(self, lines: Iterable[Told]) -> None:
        """Write lines, so that another process would find them."""
        if self._as_json:
            text = "".join(f"{json.dumps(each._asdict(), ensure_ascii=False)}\n" for each in lines)
        else:
            text = "".join([_line(each) for each in lines])
        self._file.write(text.encode("utf-8", "replace"))
        self._file.flush()

    def back_to(self, size: int) -> None:
        """Take away what was written after a length; 0 is a report with nothing in it yet."""
        end = self._file.seek(0, os.SEEK_END)
        if size > end:
            self._file.truncate(0)
        self._file.seek(min(size, end) if size <= end else 0)
        self._file.truncate()
        if not self._file.tell():
            self._file.write(self._head)
        if size > end:
            self.add([Told("", 0, "", "lost", "what was reported of earlier lines")])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._file.close()


def _line(told: Told) -> str:
    """Give a line as `safe_line` would, looking once at what stands in thousands of them."""
    file, number, address, *rest = told
    result, reason, warning = map(_cell, rest)
    return f'{_cell(file)},"{number}",{quoted(address)},{result},{reason},{warning}\r\n'


_cell = lru_cache(maxsize=256)(quoted)


def report_path(of: Path, *, dry: bool) -> Path:
    """Give the place of a report when nobody named one: beside the file, named after it."""
    return of.with_name(f"{of.name}.{'check' if dry else 'report'}.csv")


def _refuse_other(path: Path) -> None:
    if not path.exists():
        return
    if path.is_dir():
        raise ReadersFileError(f"{path}: a folder", hint="Name a file: --report PATH")
    with path.open("rb") as file:
        begins = file.read(len(_HEAD))
    if begins and not begins.startswith((_HEAD, _JSON_HEAD)):
        raise ReadersFileError(
            f"{path}: another file stands where the report would",
            hint="Name another place: --report PATH",
        )
