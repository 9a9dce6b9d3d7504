"""Door to the vendored data of caniemail.com: what each mail program shows, by its own tests.

`digest/checks/data/caniemail.json` is made by `python3 dev.py caniemail` (caniemail_vendored.py).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

DATA: Final = Path(__file__).resolve().parent / "data" / "caniemail.json"
PAGE: Final = "https://www.caniemail.com/features/"
_LACKS = "n"


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature of HTML or CSS; `kind` and `names` say by what a page shows that it uses it."""

    slug: str
    title: str
    kind: str
    names: tuple[str, ...]
    support: str
    """A letter for each program, in the order of `Knowledge.clients`: y, a (in part), n, u."""

    @property
    def url(self) -> str:
        """Where caniemail.com tells it all."""
        return f"{PAGE}{self.slug}/"


@dataclass(frozen=True)
class Knowledge:
    """All features and programs; `tested_on` is the day of the data, as "2026-05-13"."""

    tested_on: str
    clients: tuple[str, ...]
    """As "gmail.ios": family and platform."""
    families: Mapping[str, str]
    """By its key, as people say it: "Gmail"."""
    platforms: Mapping[str, str]
    features: tuple[Feature, ...]

    @cached_property
    def _by_use(self) -> Mapping[tuple[str, str], Sequence[Feature]]:
        found: dict[tuple[str, str], list[Feature]] = defaultdict(list)
        for feature in self.features:
            for name in feature.names:
                found[feature.kind, name].append(feature)
        return found

    def used(self, kind: str, name: str) -> Sequence[Feature]:
        """Give the features that a use of this kind and name belongs to."""
        return self._by_use.get((kind, name), ())

    def names(self, kind: str) -> frozenset[str]:
        """Give all names of a kind."""
        return frozenset(name for known, name in self._by_use if known == kind)

    def lacking(self, feature: Feature, clients: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
        """Tell who lacks a feature: platforms by family, of `clients` as "gmail", "outlook.ios"."""
        wanted = frozenset(clients)
        found: dict[str, list[str]] = {}
        for client, letter in zip(self.clients, feature.support, strict=True):
            family, _, platform = client.partition(".")
            if letter == _LACKS and not wanted.isdisjoint({family, client}):
                found.setdefault(family, []).append(platform)
        return {family: tuple(platforms) for family, platforms in found.items()}


@cache
def knowledge() -> Knowledge:
    """Read the data that comes with this program, once."""
    return read_knowledge(json.loads(DATA.read_text("utf-8")))


def read_knowledge(data: Mapping[str, Any]) -> Knowledge:
    """Read data of the form that `compact` of caniemail_vendored.py gives."""
    return Knowledge(
        tested_on=data["tested_on"],
        clients=tuple(data["clients"]),
        families=MappingProxyType(data["families"]),
        platforms=MappingProxyType(data["platforms"]),
        features=tuple(
            Feature(slug, title, kind, tuple(names), support)
            for slug, title, kind, names, support in data["features"]
        ),
    )
