"""Pure. On which line of a TOML text a setting stands: what tomllib does not tell."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\"|'[^']*')(?:\s*\.\s*[A-Za-z0-9_\"'-]+)*)\s*=")
_STRING = re.compile(r'"""|\'\'\'|"(?:\\.|[^"\\])*"|\'[^\']*\'|#.*$')

Path = tuple[str, ...]


def lines_of(text: str) -> dict[Path, int]:
    """Map every table and key to its line, counted from 1.

    A key inside an inline table is not mapped: ask `line_of`, which falls back to the line of the
    table around it. Text that is no TOML gives whatever could be read.
    """
    found: dict[Path, int] = {}
    table: Path = ()
    open_until = ""  # the quotes that end a multi-line string we are in
    depth = 0  # of brackets, when an array goes over several lines
    for number, line in enumerate(text.splitlines(), 1):
        if not open_until and depth == 0:
            if header := _HEADER.match(line):
                table = _parts(header[1])
                _put(found, table, number)
                continue
            if key := _KEY.match(line):
                _put(found, (*table, *_parts(key[1])), number)
        open_until, depth = _after(line, open_until, depth)
    return found


def line_of(lines: dict[Path, int], place: Path) -> int | None:
    """Give the line of the setting, or of the nearest table around it."""
    for length in range(len(place), 0, -1):
        if place[:length] in lines:
            return lines[place[:length]]
    return None


def _put(found: dict[Path, int], place: Path, number: int) -> None:
    for length in range(1, len(place) + 1):
        found.setdefault(place[:length], number)


def _parts(dotted: str) -> Path:
    return tuple(
        part.strip().strip("\"'") for part in re.findall(r"\"[^\"]*\"|'[^']*'|[^.]+", dotted)
    )


def _after(line: str, open_until: str, depth: int) -> tuple[str, int]:
    """Tell what is still open at the end of the line: a multi-line string, brackets."""
    if open_until:
        _, closing, line = line.partition(open_until)
        if not closing:
            return open_until, depth
    while match := _STRING.search(line):
        if match[0] in {'"""', "'''"}:
            depth += _balance(line[: match.start()])
            _, closing, line = line[match.end() :].partition(match[0])
            if not closing:
                return match[0], max(depth, 0)
        else:
            line = line[: match.start()] + line[match.end() :]
    return "", max(depth + _balance(line), 0)


def _balance(line: str) -> int:
    return line.count("[") + line.count("{") - line.count("]") - line.count("}")
