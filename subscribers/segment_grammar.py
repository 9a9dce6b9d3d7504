"""Pure. The grammar of segments: an expression becomes a tree of words that know their places.

What the words mean is no matter of the grammar: `segments` asks whether there is such a field,
newsletter or day.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import lark
from lark.exceptions import UnexpectedInput, UnexpectedToken

from subscribers.segment_fault import SegmentError
from subscribers.segment_words import Joined, Node, Term, Word

DEEPEST = 20
"""Brackets and `not` within one another: SQLite itself gives up at thirty `not` in a row."""

_GRAMMAR = r"""
?start: either
?either: both (_OR both)*
?both: one (_AND one)*
?one: _NOT one -> negation
    | _OPEN either _CLOSE -> group
    | NAME OPERATOR value -> term
    | NAME OPERATOR _OPEN value (_OR value)* _CLOSE -> listed
?value: WORD | QUOTED

_NOT.2: /not(?![^\s()"<>=:])/i
_AND: /and(?![^\s()"<>=:])/i
_OR: /or(?![^\s()"<>=:])/i
_OPEN: "("
_CLOSE: ")"
OPERATOR: /<=|>=|[:<>=]/
NAME: /[^\s()"<>=:]+/
WORD: /[^\s()"<>=:]+/
QUOTED: /"(?:[^"\\]|\\.)*"/s
%ignore /\s+/
"""

_EXPECTED = {
    "NAME": "a field, as in topic:sport",
    "OPERATOR": "a colon or a comparison",
    "WORD": "a value",
    "QUOTED": "a value",
    "_OPEN": "(",
    "_CLOSE": ")",
    "_NOT": "not",
    "_AND": "and",
    "_OR": "or",
    "$END": "the end",
}
"""What may come next, in the order of saying."""


def read_tree(text: str) -> Node:
    """Read the words and brackets of an expression. Raises SegmentError."""
    try:
        tree: Node = _parser().parse(text)
    except UnexpectedInput as error:
        raise _fault(text, error) from error
    except _TooDeep as error:
        cause = f"brackets and not stand more than {DEEPEST} deep in one another"
        raise SegmentError(text, 0, cause, hint="Write it with fewer of them.") from error
    return tree


class _TooDeep(Exception):  # noqa: N818 - never leaves this module
    """More levels than we read."""


@cache
def _parser() -> Any:
    return lark.Lark(_GRAMMAR, parser="lalr", transformer=_Builder(), propagate_positions=False)


class _Builder(lark.Transformer[Any, Any]):
    """Makes the tree while the expression is read: nothing recurses over what was typed."""

    def WORD(self, token: lark.Token) -> Word:  # noqa: N802 - named as in the grammar
        """Take a word as it is."""
        return Word(str(token), token.start_pos or 0)

    NAME = OPERATOR = WORD

    def QUOTED(self, token: lark.Token) -> Word:  # noqa: N802 - named as in the grammar
        r"""Take off the marks; `\"` and `\\` stand for themselves."""
        return Word(_unquoted(str(token)), token.start_pos or 0)

    def term(self, found: Sequence[Any]) -> Node:
        """Take one field with one value."""
        name, operator, value = found
        return Term(name, operator, (value,))

    def listed(self, found: Sequence[Any]) -> Node:
        """Take one field with a list."""
        name, operator, *values = found
        return Term(name, operator, tuple(values))

    def negation(self, found: Sequence[Node]) -> Node:
        """Take `not …`."""
        return _joined("not", found)

    def group(self, found: Sequence[Node]) -> Node:
        """Take what stands in brackets: they only count."""
        return _joined("", found)

    def both(self, found: Sequence[Node]) -> Node:
        """Take `… and …`."""
        return _joined("and", found)

    def either(self, found: Sequence[Node]) -> Node:
        """Take `… or …`."""
        return _joined("or", found)


def _joined(word: str, parts: Sequence[Node]) -> Joined:
    depth = max(part.depth for part in parts) + 1
    if depth > DEEPEST:
        raise _TooDeep
    return Joined(word, tuple(parts), depth)


def _unquoted(token: str) -> str:
    plain, escaped = [], False
    for character in token[1:-1]:
        if character == "\\" and not escaped:
            escaped = True
            continue
        plain.append(character)
        escaped = False
    return "".join(plain)


def _fault(text: str, error: UnexpectedInput) -> SegmentError:
    names: set[str] = set()
    at = len(text)
    if isinstance(error, UnexpectedToken):
        names = set(error.accepts)
        if error.token.type != "$END":
            at = error.token.start_pos or 0
    else:
        names = set(getattr(error, "allowed", ()))
        place: Any = error.pos_in_stream  # its type says None
        at = place or 0
    expected = ", ".join(dict.fromkeys(said for key, said in _EXPECTED.items() if key in names))
    if text[at : at + 1] == '"' and names & {"QUOTED"}:
        cause = "this quotation mark is never closed"
        return SegmentError(text, at, cause, hint='Close it with ".')
    found = f"{_next_word(text, at)!r}" if at < len(text) else "the end"
    return SegmentError(text, at, f"{found}: expected {expected}", hint=_HINT)


_HINT = "It is written as: topic:sport and joined<2026-01-01   (docs/reference/segments.md)"
_SHOWN = 24


def _next_word(text: str, at: int) -> str:
    word = text[at:].split(maxsplit=1)[0] if text[at:].strip() else text[at]
    return word if len(word) <= _SHOWN else f"{word[:_SHOWN]}…"
