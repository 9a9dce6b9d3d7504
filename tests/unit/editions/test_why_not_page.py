"""The manual's page "Why is my story not in?" says what `digest explain` prints, word for word."""

from __future__ import annotations

import re
from pathlib import Path

from digest.editions import reasons

PAGE = Path(__file__).parents[3] / "docs/explanation/why-not.md"


def _pattern(template: str) -> str:
    """Give a template as a pattern; what stands in braces may be anything on one line."""
    parts = re.split(r"\{\w+\}", template)
    return r"[^\n]+".join(re.escape(part) for part in parts)


def _quoted() -> list[str]:
    return [line[2:] for line in PAGE.read_text("utf-8").splitlines() if line.startswith("> ")]


def test_the_page_quotes_every_sentence_there_is() -> None:
    page = _quoted()
    missing = [
        template
        for template in reasons.SENTENCES
        if not any(re.search(_pattern(template), line) for line in page)
    ]
    assert missing == []


def test_the_page_quotes_no_sentence_that_is_never_said() -> None:
    one = "(?:" + "|".join(_pattern(template) for template in reasons.SENTENCES) + ")"
    whole = re.compile(f"{one}(?: {one})*")
    assert [line for line in _quoted() if not whole.fullmatch(line)] == []
