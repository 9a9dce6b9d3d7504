"""Pure. Errors that no single table shows: names in digest.toml that point nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from digest.config.model import RESERVED_SLUGS
from digest.config.values import did_you_mean

Found = tuple[tuple[str, ...], str]

_POINTERS = {
    "sections": ("sections", "section"),
    "brief_if_sent_in": ("newsletters", "newsletter"),
    "weekly_twin": ("newsletters", "newsletter"),
}


def cross_errors(raw: Mapping[str, Any]) -> Iterator[Found]:
    """Give each place and sentence; works on the raw tables, so that all errors show at once."""
    for slug, newsletter in _table(raw, "newsletters").items():
        place = ("newsletters", str(slug))
        if slug in RESERVED_SLUGS:
            yield place, f"{slug!r} is one of our own web addresses: choose another"
        if isinstance(newsletter, Mapping):
            for key, (table, noun) in _POINTERS.items():
                yield from _lost((*place, key), newsletter.get(key), _table(raw, table), noun)


def _lost(
    place: tuple[str, ...], value: object, known: Mapping[str, Any], noun: str
) -> Iterator[Found]:
    names = value if isinstance(value, (list, tuple)) else [value]
    for name in names:
        if isinstance(name, str) and name not in known:
            yield place, f"no such {noun}: {name!r}{did_you_mean(name, known)}"


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, Mapping) else {}
