"""Pure. Words that can hardly be read: WCAG 2.2 contrast in light, in our dark, in forced dark."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from digest.checks.markup_tree import Node, Tree, told, tree_of
from digest.checks.model import Facts, Found, Limits, Page, Severity
from digest.checks.styles import DARK, LIGHT, Look, View
from digest.checks.where import place_of
from digest.composition.colour import READABLE, contrast, forced_ground, forced_words

LARGE_READABLE: Final = 3.0
"""WCAG 2.2, 1.4.3: what large words need."""
LARGE, LARGE_BOLD = 24.0, 18.66
"""Pixels: 18 and 14 points."""

_Colours = tuple[str, str]
_MOST = 4096


@dataclass(frozen=True, slots=True)
class _Mode:
    """One way of showing a letter: what it is called, and what becomes of the colours."""

    name: str
    view: View
    turned: Callable[[str, str], _Colours] | None = None
    severity: Severity | None = None


def _forced(words: str, ground: str) -> _Colours:
    return _forced_words(words), _forced_ground(ground)


_forced_words = lru_cache(maxsize=_MOST)(forced_words)
_forced_ground = lru_cache(maxsize=_MOST)(forced_ground)
_contrast = lru_cache(maxsize=_MOST)(contrast)

_MODES = (
    _Mode("on a light screen", LIGHT),
    _Mode("in the letter's own dark mode", DARK),
    _Mode("where the mail program forces dark mode", LIGHT, turned=_forced, severity=Severity.WARN),
)


def hard_to_read(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    """Find words of less contrast than WCAG 2.2 asks for, each pair of colours once a mode."""
    tree = tree_of(page)
    for mode in _MODES:
        seen = dict[tuple[_Colours, float], tuple[Node, int]]()
        for node, colours, least in _pairs(tree, mode):
            if _contrast(*colours) < least:
                first, times = seen.get((colours, least), (node, 0))
                seen[colours, least] = first, times + 1
        for (colours, least), (node, times) in seen.items():
            ratio = math.floor(_contrast(*colours) * 10) / 10
            figures = f"{ratio:.1f}:1 of contrast {mode.name} ({' on '.join(colours)})"
            yield Found(
                f"The words “{told(node.own_words, 40)}”{_others(times)} have {figures};"
                f" {least:.1f}:1 is needed.",
                "Make the words darker or the ground lighter; in dark mode the other way round.",
                place_of(page, node, node.own_words),
                mode.severity,
            )


def _pairs(tree: Tree, mode: _Mode) -> Iterator[tuple[Node, _Colours, float]]:
    looks = tree.looks(mode.view)
    for node in tree.worded:
        look = looks[node.index]
        if look.is_hidden:
            continue
        colours = look.colour.over(look.ground).hex, look.ground.hex
        yield node, mode.turned(*colours) if mode.turned else colours, _least(look)


def _least(look: Look) -> float:
    is_large = look.size >= (LARGE_BOLD if look.is_bold else LARGE)
    return LARGE_READABLE if is_large else READABLE


def _others(times: int) -> str:
    if times <= 1:
        return ""
    return " and one other" if times == 2 else f" and {times - 1} others"  # noqa: PLR2004 - one and another
