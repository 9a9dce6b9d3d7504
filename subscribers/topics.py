"""Pure. A newsletter's topics as bits of a mask: chosen by key, carried from one to another."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

EVERYTHING = 0
"""The mask of a reader who wants all there is, also what is added later."""


@dataclass(frozen=True, slots=True)
class Topics:
    """The bit of every topic a newsletter ever had, and the keys of those it offers now."""

    bits: Mapping[str, int]
    offered: tuple[str, ...] = ()

    def known(self, keys: Collection[str]) -> tuple[str, ...]:
        """Keep the keys that are offered, in the newsletter's own order."""
        return tuple(key for key in self.offered if key in keys and key in self.bits)

    def chosen(self, mask: int) -> tuple[str, ...]:
        """Give the offered topics that a mask wants."""
        if mask == EVERYTHING:
            return self.offered
        return tuple(key for key in self.offered if _wants(mask, self.bits.get(key)))

    def ticked(self, mask: int) -> tuple[str, ...]:
        """Give the topics to show as chosen on a form where none ticked means everything."""
        return () if mask == EVERYTHING else self.chosen(mask)

    def mask(self, keys: Collection[str], *, before: int = EVERYTHING) -> int:
        """Give the mask of these topics; none of them, or all that are offered, is everything.

        What `before` wanted of topics that are no longer offered is kept: one may come back.
        """
        known = self.known(keys)
        if len(known) in {0, len(self.offered)}:
            return EVERYTHING
        gone = (bit for key, bit in self.bits.items() if key not in self.offered)
        kept = sum(1 << bit for bit in gone if before & (1 << bit))
        return kept | sum(1 << self.bits[key] for key in known)

    def carry(self, mask: int, to: Topics) -> int:
        """Give the same wish for another newsletter: the topics that both have, by their keys.

        Nothing in common is everything there: a letter without stories is no wish of anybody.
        """
        wanted = {key for key, bit in self.bits.items() if _wants(mask, bit)}
        return sum(1 << bit for key, bit in to.bits.items() if key in wanted)


def _wants(mask: int, bit: int | None) -> bool:
    return bit is not None and bool(mask & (1 << bit))
