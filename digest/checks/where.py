"""Pure. Which story an element of the page belongs to, so that a finding can be jumped to."""

from __future__ import annotations

from itertools import islice

from digest.checks.markup_tree import Node, told
from digest.checks.model import Page, Part, Place
from digest.checks.told import stories

_KEY = "where stories are"
_OUTWARDS = 6
"""Elements that lie around a story's words at most; further out stand other stories too."""

Stories = dict[str, tuple[int | None, int]]
"""By the address of a story, its picture or recording: the article and its number, from 1."""


def place_of(page: Page, node: Node, quote: str = "") -> Place:
    """Tell where an element stands: its line, its words or `quote`, and its story if it has one."""
    article, number = _story(page, node)
    return Place(
        Part.HTML,
        article_id=article,
        number=number or None,
        line=node.line,
        quote=told(quote or node.words or node.get("src") or node.get("href")),
    )


def in_page(line: int | None = None, quote: str = "") -> Place:
    """Name a place in the HTML that belongs to no story."""
    return Place(Part.HTML, line=line, quote=told(quote))


def stories_of(page: Page) -> Stories:
    """Give the addresses in a page that belong to stories."""
    known = page.memo.get(_KEY)
    if isinstance(known, dict):
        return known
    found: Stories = {}
    for one in stories(page):
        piece = one.piece
        shown = piece.shot.url if piece.shot else None
        for address in (piece.url, shown, piece.recording_url):
            if address:
                found.setdefault(address, (piece.article_id, one.number))
    page.memo[_KEY] = found
    return found


def _story(page: Page, node: Node) -> tuple[int | None, int]:
    """Find the story in whose block an element stands: one with links of no other story."""
    known, nobody = stories_of(page), (None, 0)
    for each in (node, *islice(node.around(), _OUTWARDS)):
        addresses = [
            address for link in each.walk() if (address := link.get("href") or link.get("src"))
        ]
        told_of = {known.get(address) for address in addresses}
        if len(told_of) > 1:
            return nobody
        if addresses:
            return told_of.pop() or nobody
    return nobody
