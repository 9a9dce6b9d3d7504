"""Pure. A publisher's first template of their own: a copy of ours, or one block of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from digest.composition.template_folders import HOUSE

_TAG = re.compile(r"\{%[-+]?\s*(?P<word>block|endblock)\b\s*(?P<name>\w*)[^%]*?[-+]?%\}")
_EXTENDS = re.compile(r"\{%[-+]?\s*extends\s+[\"'](?P<name>[^\"']+)[\"']")


def blocks_of(name: str, source: Callable[[str], str]) -> dict[str, str]:
    """Give the blocks of a template with their present text, those of what it extends included.

    `source` gives the text of one of our templates by its name.
    """
    found: dict[str, str] = {}
    for text in _line_of_descent(name, source):
        for block, content in _blocks(text):
            found.setdefault(block, content)
    return found


def unseen_blocks(name: str, source: Callable[[str], str]) -> Iterator[tuple[str, int]]:
    """Give the blocks of a template that nothing shows, with their lines.

    What extends another shows only blocks that stand there too, or within one of those.
    """
    text = source(name)
    extends = _EXTENDS.search(text)
    if extends is None:
        return
    known = blocks_of(extends["name"], source)
    depth = 0
    for tag in _TAG.finditer(text):
        if tag["word"] == "endblock":
            depth -= 1
            continue
        if depth == 0 and tag["name"] not in known:
            yield tag["name"], text.count("\n", 0, tag.start()) + 1
        depth += 1


def one_block(name: str, block: str, content: str) -> str:
    """Write a template that is ours but for one block."""
    inner = content.strip("\n")
    body = f"{inner}\n" if inner else ""
    return f'{{% extends "{HOUSE}{name}" %}}\n{{% block {block} %}}\n{body}{{% endblock %}}\n'


def _line_of_descent(name: str, source: Callable[[str], str]) -> Iterator[str]:
    seen: set[str] = set()
    wanted: str | None = name
    while wanted and wanted not in seen:
        seen.add(wanted)
        text = source(wanted)
        yield text
        extends = _EXTENDS.search(text)
        wanted = extends["name"] if extends else None


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    stack: list[tuple[str, int]] = []
    for tag in _TAG.finditer(text):
        if tag["word"] == "block":
            stack.append((tag["name"], tag.end()))
        elif stack:
            block, start = stack.pop()
            yield block, text[start : tag.start()]
