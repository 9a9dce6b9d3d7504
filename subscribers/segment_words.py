"""Pure. A segment as it is typed: words that know their places, under and, or and not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the expression and where it stands; quotation marks are taken off."""

    text: str
    at: int


@dataclass(frozen=True, slots=True)
class Term:
    """One question: a field, how it is compared, and with which values."""

    name: Word
    operator: Word
    values: tuple[Word, ...]
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Joined:
    """Several questions under one `word`: and, or, not, or mere brackets (an empty word)."""

    word: str
    parts: tuple[Node, ...]
    depth: int


Node = Term | Joined
