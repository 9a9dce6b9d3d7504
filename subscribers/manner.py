"""Pure. How a reader has their letters: which language, which format, and at whose hour."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Manner:
    """What a reader chose; by itself everything is as the newsletter has it."""

    language: str | None = None
    """A tag (BCP 47); None: each newsletter's own."""
    text_only: bool = False
    zone: str | None = None
    """Their time zone (IANA); None: the newsletter's."""
    hour: int | None = None
    """Minutes after midnight in their zone; None: when it is sent."""
