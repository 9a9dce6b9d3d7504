"""Pure. Which language a page speaks: as asked for, the reader's, the browser's, the site's."""

from __future__ import annotations

from collections.abc import Sequence

from digest.composition.language import nearest

_MOST_ACCEPTED = 20
"""More of what a browser says it likes is not looked at."""


def choose_language(
    offered: Sequence[str], *, asked: str = "", reader: str | None = None, accepted: str = ""
) -> str:
    """Give one of the offered tags, the site's own first among them.

    `asked` is what the address of the page names, `reader` what they get their letters in,
    `accepted` the browser's Accept-Language (RFC 9110 12.5.4).
    """
    for wish in (asked, reader, *_by_liking(accepted)):
        if wish and (found := nearest(wish, tuple(offered))):
            return found
    return offered[0]


def _by_liking(header: str) -> list[str]:
    """Give the tags of an Accept-Language, the most liked first; leave out what is none."""
    liked: list[tuple[float, str]] = []
    for part in header.split(",")[:_MOST_ACCEPTED]:
        tag, _, weight = part.strip().partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if tag and tag != "*" and 0 < quality <= 1:
            liked.append((quality, tag.strip()))
    return [tag for _, tag in sorted(liked, key=lambda one: -one[0])]
