"""Pure. Errors that no single table shows: names in digest.toml that point nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeGuard

from digest.config.check_codes import CODES
from digest.config.model import RESERVED_SLUGS
from digest.config.values import did_you_mean

Found = tuple[tuple[str, ...], str]

_POINTERS = {
    "sections": ("sections", "section"),
    "brief_if_sent_in": ("newsletters", "newsletter"),
    "weekly_twin": ("newsletters", "newsletter"),
}


_PLACES = frozenset({"lead", "top"})
"""Parts of every letter that a sponsor may stand after; all others are sections."""


def cross_errors(raw: Mapping[str, Any]) -> Iterator[Found]:
    """Give each place and sentence; works on the raw tables, so that all errors show at once."""
    for slug, newsletter in _table(raw, "newsletters").items():
        place = ("newsletters", str(slug))
        if slug in RESERVED_SLUGS:
            yield place, f"{slug!r} is one of our own web addresses: choose another"
        if isinstance(newsletter, Mapping):
            for key, (table, noun) in _POINTERS.items():
                yield from _lost((*place, key), newsletter.get(key), _table(raw, table), noun)
            yield from _lost_sponsor((*place, "sponsor_slot"), newsletter)
            yield from _twice((*place, "languages"), newsletter.get("languages"))
            yield from _lost_checks((*place, "checks"), _table(newsletter, "checks"))
    yield from _lost_checks(("checks",), _table(raw, "checks"))
    yield from _twins_in_a_ring(_table(raw, "newsletters"))


def _lost(
    place: tuple[str, ...], value: object, known: Mapping[str, Any], noun: str
) -> Iterator[Found]:
    names = value if isinstance(value, (list, tuple)) else [value]
    for name in names:
        if isinstance(name, str) and name not in known:
            yield place, f"no such {noun}: {name!r}{did_you_mean(name, known)}"


def _lost_sponsor(place: tuple[str, ...], newsletter: Mapping[str, Any]) -> Iterator[Found]:
    slot, sections = newsletter.get("sponsor_slot"), newsletter.get("sections", ())
    if not isinstance(slot, str) or not isinstance(sections, (list, tuple)):
        return
    word, _, section = slot.partition(" ")
    known = [each for each in sections if isinstance(each, str)]
    if word == "after" and section not in {*_PLACES, *known}:
        near = did_you_mean(section, [*_PLACES, *known])
        yield place, f"this newsletter has no section {section!r}{near}"


def _lost_checks(place: tuple[str, ...], checks: Mapping[str, Any]) -> Iterator[Found]:
    for code in _table(checks, "ignore"):
        if code not in CODES:
            yield (*place, "ignore", str(code)), f"no such check{did_you_mean(code, CODES)}"


def _twice(place: tuple[str, ...], tags: object) -> Iterator[Found]:
    named = [tag.lower() for tag in tags if isinstance(tag, str)] if _is_list(tags) else []
    for tag in dict.fromkeys(tag for tag in named if named.count(tag) > 1):
        yield place, f"{tag!r} stands there twice"


def _twins_in_a_ring(newsletters: Mapping[str, Any]) -> Iterator[Found]:
    """Find newsletters whose "less often" leads back to themselves, each ring once."""
    twins = {
        slug: newsletter.get("weekly_twin")
        for slug, newsletter in newsletters.items()
        if isinstance(newsletter, Mapping) and isinstance(newsletter.get("weekly_twin"), str)
    }
    told: set[str] = set()
    for slug in twins:
        way = [slug]
        while (twin := twins.get(way[-1])) and twin not in way:
            way.append(twin)
        if twin == slug and slug not in told:
            told.update(way)
            ring = " → ".join([*way, slug])
            said = "is this newsletter itself" if len(way) == 1 else f"leads back: {ring}"
            yield ("newsletters", slug, "weekly_twin"), f"the weekly twin {said}"


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _table(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = raw.get(name)
    return table if isinstance(table, Mapping) else {}
