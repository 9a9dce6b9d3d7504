"""Door to jinja2's lexer: which line of which template made a place in what was rendered.

A template is rendered once more with a mark before each stretch of its own text and each value.
The marks go along through macros, blocks and includes; taken out again, they tell where each
stretch came from.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from digest.composition.template_folders import MARK

_OPEN, _CLOSE = "\x02", "\x03"
_PATTERN = re.compile(_OPEN + r"([dv])(\d+):([^\x02\x03]*)" + _CLOSE)


@dataclass(frozen=True, slots=True)
class Origin:
    """The line of a template that something came from."""

    template: str
    line: int


class Marking(Extension):
    """Puts a mark before each text and each value of a template."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Pass the tokens on, the marks among them."""
        name = (stream.filename or stream.name or "").removeprefix(MARK)
        for token in stream:
            if token.type == "data":
                yield Token(token.lineno, "data", _mark("d", token.lineno, name) + token.value)
                continue
            if token.type == "variable_begin":
                yield Token(token.lineno, "data", _mark("v", token.lineno, name))
            yield token


def find_origin(marked: str, *, source: str, line: int, column: int) -> Origin | None:
    """Tell which template line made a place of `source`, given the same rendered with marks.

    None when the marks changed the outcome: then they tell nothing.
    """
    pieces = _PATTERN.split(marked)
    text = pieces[0]
    starts: list[int] = []
    marks: list[tuple[str, int, str]] = []
    for at in range(1, len(pieces), 4):
        starts.append(len(text))
        marks.append((pieces[at], int(pieces[at + 1]), pieces[at + 2]))
        text += pieces[at + 3]
    if text != source:
        return None
    offset = _offset(source, line, column)
    nearest = bisect_right(starts, offset) - 1
    if nearest < 0:
        return None
    kind, number, template = marks[nearest]
    within = source.count("\n", starts[nearest], offset) if kind == "d" else 0
    return Origin(template, number + within)


def _mark(kind: str, line: int, name: str) -> str:
    return f"{_OPEN}{kind}{line}:{name}{_CLOSE}"


def _offset(source: str, line: int, column: int) -> int:
    before = source.split("\n")[: line - 1]
    return sum(len(each) + 1 for each in before) + column - 1
