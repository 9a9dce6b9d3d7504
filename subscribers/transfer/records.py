"""Pure. Records out of lines, and reading on after a broken one.

A line of a million that is broken costs that line: it is refused with its number, and what follows
is read. A quotation mark that is opened and never closed would take in all the rest: so a record
ends where it grows too long, where quotes stand as they cannot, and before a line that is by itself
a whole record. Reading goes on with the line after the one that opened the mark.
"""

from __future__ import annotations

import csv
import json
import re
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

LONGEST_LINE = 1 << 20
LONGEST_FIELD = 1 << 17
"""Characters; Python's own reader of CSV refuses longer ones too."""
MOST_LINES = 1000
"""A record over more lines than these was never closed."""

_BROKEN = re.compile("[\ud800-\udfff]")
_NEVER_CLOSED = "a quotation mark is opened and never closed"
_NOT_TEXT = "there are bytes in it that are no text in this encoding"
_TOO_LONG = f"it is longer than {LONGEST_LINE:,} characters"
_FIELD_TOO_LONG = f"a field in it is longer than {LONGEST_FIELD:,} characters"


class Record(NamedTuple):
    """One record: the line it begins in (from 1), its fields, and what is wrong with it."""

    line: int
    fields: list[str]
    problem: str = ""


def read_csv(
    readline: Callable[[int], str],
    delimiter: str,
    *,
    whole: Callable[[list[str]], bool] | None = None,
    width: int = 0,
) -> Iterator[Record]:
    """Read the records of comma-separated text, line ends of any kind; empty lines are left out.

    `readline` gives at most so many characters, line end and all, untranslated. `whole` tells
    whether a line's fields can be a record by themselves. A line whose quotes stand as they cannot
    is taken all the same when it has `width` fields.
    """
    lines = _Lines(readline)
    while (line := lines.next()) is not None:
        at = lines.number
        if not line.isascii() and _BROKEN.search(line):
            yield Record(at, [], _NOT_TEXT)
        elif len(line) > LONGEST_LINE:
            yield Record(at, [], _TOO_LONG)
        elif '"' in line:
            yield _quoted(lines, line, delimiter, whole=whole, width=width)
        else:
            text = line.rstrip("\r\n")
            if text:
                fields = text.split(delimiter)
                if len(text) > LONGEST_FIELD and max(map(len, fields)) > LONGEST_FIELD:
                    yield Record(at, [], _FIELD_TOO_LONG)
                else:
                    yield Record(at, fields)


def read_ndjson(readline: Callable[[int], str]) -> Iterator[tuple[int, dict[str, object], str]]:
    """Read one JSON object a line: the line's number, the object, what is wrong with it."""
    lines = _Lines(readline)
    while (line := lines.next()) is not None:
        if not line.strip():
            continue
        if len(line) > LONGEST_LINE:
            yield lines.number, {}, _TOO_LONG
        elif _BROKEN.search(line):
            yield lines.number, {}, _NOT_TEXT
        else:
            yield lines.number, *_object(line)


class _Lines:
    """Lines with their numbers; some can be given back, to be read again."""

    def __init__(self, readline: Callable[[int], str]) -> None:
        self._readline = readline
        self._back: deque[str] = deque()
        self.number = 0

    def next(self) -> str | None:
        """Give the next line; one that is too long is cut, but longer than LONGEST_LINE."""
        if self._back:
            self.number += 1
            return self._back.popleft()
        line = self._readline(LONGEST_LINE + 2)
        if not line:
            return None
        self.number += 1
        if len(line) > LONGEST_LINE and line[-1] not in "\r\n":
            self._skip()
        return line

    def give_back(self, lines: list[str]) -> None:
        """Put lines back before the rest."""
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)

    def _skip(self) -> None:
        while piece := self._readline(LONGEST_LINE):
            if piece[-1] in "\r\n":
                return


class _Pull:
    """Hands the lines of one quoted record to Python's reader of CSV, and knows when to stop."""

    def __init__(
        self, lines: _Lines, first: str, delimiter: str, whole: Callable[[list[str]], bool] | None
    ) -> None:
        self.taken = [first]
        self._lines = lines
        self._delimiter = delimiter
        self._whole = whole
        self._length = len(first)
        self._begun = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self._begun:
            self._begun = True
            return self.taken[0]
        line = self._lines.next()
        if line is None:
            raise StopIteration
        self.taken.append(line)
        self._length += len(line)
        if self._ends(line):
            raise StopIteration
        return line

    def _ends(self, line: str) -> bool:
        if self._length > LONGEST_LINE or len(self.taken) > MOST_LINES:
            return True
        if not line.isascii() and _BROKEN.search(line):
            return True
        if self._whole is None:
            return False
        text = line.rstrip("\r\n")
        fields = text.split(self._delimiter)
        return self._whole([each.strip('"') for each in fields])


def _quoted(
    lines: _Lines,
    first: str,
    delimiter: str,
    *,
    whole: Callable[[list[str]], bool] | None,
    width: int,
) -> Record:
    at = lines.number
    pull = _Pull(lines, first, delimiter, whole)
    try:
        return Record(at, next(csv.reader(pull, delimiter=delimiter, strict=True)))
    except csv.Error as error:
        trouble = str(error)
    lines.give_back(pull.taken[1:])
    if trouble.startswith("field larger"):
        return Record(at, [], _FIELD_TOO_LONG)
    if trouble.startswith("unexpected end"):
        return Record(at, [], _NEVER_CLOSED)
    if len(pull.taken) == 1:
        fields = next(csv.reader([first], delimiter=delimiter))
        if width and len(fields) == width:
            return Record(at, fields)
        return Record(at, [], "its quotation marks stand where they cannot")
    return Record(at, [], _NEVER_CLOSED)


def _object(line: str) -> tuple[dict[str, object], str]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        where = f", at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else ""
        return {}, f"it is not JSON{where}"
    if not isinstance(found, dict):
        return {}, "it is not a JSON object"
    return found, ""
