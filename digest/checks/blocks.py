"""Pure. How many bytes of a letter's HTML each of its blocks takes, for the size bar."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from digest.composition.model import Letter, Link, Piece

_SECTION = '<div class="card'
"""Where a section of our own layout begins; in a publisher's own a block begins at its words."""


def blocks_of(html: str, letter: Letter, *, unsubscribe: str) -> dict[str, int]:
    """Give UTF-8 bytes by block, in their order; their sum is the whole of the HTML.

    The blocks are `styles`, `masthead`, `lead`, `top`, sections by their titles, `brief`, `more`
    and `foot`, as far as the letter has them; `unsubscribe` is the link that the foot is known by.
    """
    cuts: list[tuple[str, int]] = [("styles", 0)]
    at = html.find("<body")
    cuts.append(("masthead", max(at, 0)))
    for name, needle in _needles(letter):
        found = html.find(needle, cuts[-1][1])
        if found >= 0:
            cuts.append((name, _begin(html, found, after=cuts[-1][1], lead=name == "lead")))
    foot = html.rfind(escape(unsubscribe))
    if foot > cuts[-1][1]:
        begin = html.rfind("<table", cuts[-1][1], foot)
        cuts.append(("foot", begin if begin > cuts[-1][1] else foot))
    ends = [*(start for _, start in cuts[1:]), len(html)]
    sizes: dict[str, int] = {}
    for (name, start), end in zip(cuts, ends, strict=True):
        sizes[name] = sizes.get(name, 0) + len(html[start:end].encode())
    return sizes


def _needles(letter: Letter) -> Iterator[tuple[str, str]]:
    """Give each block's name and the first thing that stands in it."""
    if letter.lead is not None:
        shot = letter.lead.shot
        yield "lead", escape(shot.url) if shot else _needle(letter.lead)
    if letter.top:
        yield "top", _needle(letter.top[0])
    for section in letter.sections:
        yield section.title, _needle(section.pieces[0])
    if letter.brief:
        yield "brief", _needle(letter.brief[0])
    if more := (*letter.most_read, *letter.missed):
        yield "more", _needle(more[0])


def _needle(told: Piece | Link) -> str:
    words = told.headline if isinstance(told, Piece) else told.words
    return f'href="{escape(told.url)}"' if told.url else escape(words, quote=False)


def _begin(html: str, found: int, *, after: int, lead: bool) -> int:
    """Go back from the first words of a block to where it begins."""
    begin = html.rfind("<tr" if lead else _SECTION, after, found)
    return begin if begin > after else found
