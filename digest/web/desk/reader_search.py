"""Pure. What somebody means who types into the search for readers.

An address, a reader's id, a domain, how an address begins, or a segment: told apart by their form.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from subscribers.address import AddressRefusedError, read_address

_PUBLIC_ID = re.compile(r"[0-9a-f]{24}")
_DOMAIN = re.compile(r"@?(?P<domain>[^\s@:/()<>=]+\.[^\s@:/()<>=.]+)")
_SEGMENT = re.compile(r"[:<>=()]|\s")


class Means(StrEnum):
    """What a search is about."""

    EVERYBODY = "everybody"
    ADDRESS = "address"
    ID = "id"
    DOMAIN = "domain"
    BEGINNING = "beginning"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Search:
    """What was typed, and the key, id, domain, beginning or expression that it stands for."""

    means: Means
    value: str = ""


def read_search(typed: str) -> Search:
    """Tell what was typed: never refused here, a segment's slip is told by its own reader."""
    text = typed.strip()
    if not text:
        return Search(Means.EVERYBODY)
    if _PUBLIC_ID.fullmatch(text):
        return Search(Means.ID, text)
    if found := _DOMAIN.fullmatch(text):
        return Search(Means.DOMAIN, found["domain"].casefold())
    if _SEGMENT.search(text):
        return Search(Means.SEGMENT, text)
    return _address(text)


def _address(text: str) -> Search:
    """Tell a whole address from how one begins."""
    try:
        return Search(Means.ADDRESS, read_address(text).key)
    except AddressRefusedError:
        return Search(Means.BEGINNING, text.removeprefix("@").casefold())
