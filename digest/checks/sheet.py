"""Pure. A style sheet taken apart into its rules, with the line and the at-rules each stands in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)", re.DOTALL)
_WRAPPING = re.compile(r"<!--|-->")
_TOKEN: Final = re.compile(r"\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|\((?:[^()\"']*)\)|[{};]")
_GROUPS = frozenset({"@media", "@supports", "@document", "@layer", "@container", "@scope"})
"""At-rules that hold rules; the others hold declarations, or nothing."""
_MOST_STYLES = 4096


@dataclass(frozen=True, slots=True)
class Declaration:
    """One property and its value, both as written but in lower case where that says the same."""

    name: str
    value: str
    is_important: bool = False


@dataclass(frozen=True, slots=True)
class StyleRule:
    """Selectors and what they lay down; `within` are the at-rules around it, outermost first."""

    selectors: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    within: tuple[str, ...] = ()
    line: int = 1
    """Line of the page, from 1."""


@dataclass(frozen=True, slots=True)
class AtRule:
    """An at-rule: its name with the @, what stands behind it, how deep it stands (0: on top)."""

    name: str
    prelude: str
    depth: int = 0
    line: int = 1


@dataclass(frozen=True, slots=True)
class Sheet:
    """A style sheet: its rules in order, its at-rules, and its own size in bytes (UTF-8)."""

    rules: tuple[StyleRule, ...]
    at_rules: tuple[AtRule, ...]
    size: int = 0
    has_comments: bool = False
    nested: tuple[StyleRule, ...] = ()
    """Rules that stand in other rules (CSS nesting)."""


@dataclass(slots=True)
class _Block:
    prelude: str
    line: int
    declarations: list[Declaration] = field(default_factory=list)

    @property
    def is_at(self) -> bool:
        return self.prelude.startswith("@")

    @property
    def name(self) -> str:
        return self.prelude.partition(" ")[0].partition("(")[0].lower()


def read_sheet(css: str, *, line: int = 1, media: str = "") -> Sheet:
    """Take a sheet apart; it never fails: what cannot be understood is left out, as mail does.

    `line` is the line of the page it begins at, `media` the media attribute of its element.
    """
    outer = _WRAPPING.sub(_blank, css)
    plain = _COMMENT.sub(_blank, outer)
    reader = _Reader(plain, line, media)
    reader.run()
    return Sheet(
        rules=tuple(reader.rules),
        at_rules=tuple(reader.at_rules),
        size=len(css.encode("utf-8", errors="replace")),
        has_comments=plain != outer,
        nested=tuple(reader.nested),
    )


@lru_cache(maxsize=_MOST_STYLES)
def read_declarations(style: str) -> tuple[Declaration, ...]:
    """Read what stands in a style attribute, or between the braces of a rule."""
    return tuple(_declarations(_COMMENT.sub(_blank, style) if "/*" in style else style))


class _Reader:
    """One pass over a sheet."""

    def __init__(self, css: str, line: int, media: str) -> None:
        self.rules: list[StyleRule] = []
        self.nested: list[StyleRule] = []
        self.at_rules: list[AtRule] = []
        self._css = css
        self._line = line
        self._outer = (f"@media {media}",) if media else ()
        self._open: list[_Block] = []

    def run(self) -> None:
        start = 0
        for token in _TOKEN.finditer(self._css):
            sign = token[0]
            if sign not in {"{", "}", ";"}:
                continue
            said = self._css[start : token.start()].strip()
            if sign == "{":
                self._begin(said, self._line + self._css.count("\n", 0, token.start()))
            else:
                self._tell(said)
                if sign == "}" and self._open:
                    self._end(self._open.pop())
            start = token.end()

    def _begin(self, prelude: str, line: int) -> None:
        block = _Block(" ".join(prelude.split()), line)
        if block.is_at:
            self._note_at(block.prelude, line)
        self._open.append(block)

    def _tell(self, said: str) -> None:
        if said.startswith("@"):
            self._note_at(" ".join(said.split()), self._line)
        elif said and self._open:
            self._open[-1].declarations.extend(_declarations(said))

    def _note_at(self, prelude: str, line: int) -> None:
        block = _Block(prelude, line)
        rest = prelude[len(block.name) :].strip()
        self.at_rules.append(AtRule(block.name, rest, len(self._open), line))

    def _end(self, block: _Block) -> None:
        around = (*self._outer, *(each.prelude for each in self._open if each.is_at))
        if block.is_at:
            if block.name in _GROUPS or not block.declarations:
                return
            rule = StyleRule((), tuple(block.declarations), (*around, block.prelude), block.line)
        else:
            selectors = tuple(each.strip() for each in block.prelude.split(","))
            rule = StyleRule(selectors, tuple(block.declarations), around, block.line)
        is_nested = any(not each.is_at for each in self._open)
        (self.nested if is_nested else self.rules).append(rule)


def _declarations(css: str) -> Iterator[Declaration]:
    for each in _split(css):
        name, colon, value = each.partition(":")
        name = name.strip()
        if not colon or not name or not value.strip():
            continue
        said = " ".join(value.split())
        bare = re.sub(r"(?i)\s*!\s*important$", "", said)
        folded = name if name.startswith("--") else name.lower()
        yield Declaration(folded, bare, bare != said)


def _split(css: str) -> Iterator[str]:
    """Cut at semicolons, not at those in quotes or parentheses (data: addresses hold some)."""
    if "(" not in css and '"' not in css and "'" not in css:
        yield from css.split(";")
        return
    start = 0
    for token in _TOKEN.finditer(css):
        if token[0] == ";":
            yield css[start : token.start()]
            start = token.end()
    yield css[start:]


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
