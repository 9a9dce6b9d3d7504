"""Pure. How long a reader's own values may be: what the worst copy is made of, for the checks.

The checks look at one copy that holds values as long as these. At planning every reader's values
are measured against them: a copy within the bounds is no longer than the one that was checked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from digest.composition.dates import long_date_words
from digest.composition.model import ReaderValues

ADDRESS_MOST = 254
"""Octets of an address (RFC 5321, 4.5.3.1.3, erratum 1690)."""

_LOCAL_MOST, _LABEL_MOST = 64, 63
_MONTHS = 12
_LATE_DAY = 28


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most octets (UTF-8) of each value that differs by reader."""

    address: int
    since: int
    unsubscribe: int
    preferences: int
    twin: int

    def exceeded_by(self, values: ReaderValues) -> tuple[str, ...]:
        """Name the values that are longer than the checks took for possible; none is well."""
        found = {
            "address": (values.address, self.address),
            "since": (values.since, self.since),
            "unsubscribe": (values.unsubscribe_url, self.unsubscribe),
            "preferences": (values.preferences_url, self.preferences),
            "twin": (values.twin_url, self.twin),
        }
        return tuple(
            name
            for name, (value, most) in found.items()
            if len(value) > most or _octets(value) > most
        )


def bounds_of(longest: ReaderValues) -> Bounds:
    """Give the bounds that these values are."""
    return Bounds(
        address=_octets(longest.address),
        since=_octets(longest.since),
        unsubscribe=_octets(longest.unsubscribe_url),
        preferences=_octets(longest.preferences_url),
        twin=_octets(longest.twin_url),
    )


def with_longest(sample: ReaderValues, *, language: str) -> ReaderValues:
    """Give values for nobody the longest address and date that a reader can have."""
    return replace(sample, address=longest_address(), since=longest_day(language))


def longest_address() -> str:
    """Give an address of the most octets, at a domain that nobody can have (RFC 2606)."""
    local = "m" * _LOCAL_MOST
    end = ".example"
    room = ADDRESS_MOST - len(local) - 1 - len(end)
    labels = "".join(("m" * _LABEL_MOST + ".") * (room // (_LABEL_MOST + 1) + 1))
    return f"{local}@{labels[:room].rstrip('.').ljust(room, 'm')}{end}"


@lru_cache(maxsize=64)
def longest_day(language: str) -> str:
    """Give the longest "28 September 2025" of a language."""
    days = (date(2026, month, _LATE_DAY) for month in range(1, _MONTHS + 1))
    return max((long_date_words(day, language) for day in days), key=_octets)


def _octets(value: str) -> int:
    return len(value.encode("utf-8", "replace"))
