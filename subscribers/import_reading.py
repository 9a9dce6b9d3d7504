"""Read the records of an import, each with what is looked up of it and with likely slips.

Many are given in the order of their addresses, some ten thousands at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import NamedTuple

from subscribers.address import Address, is_role, typo_hint
from subscribers.import_errand import Errand
from subscribers.suppression import address_hash
from subscribers.transfer.seen import Seen
from subscribers.transfer.tables import Item, items

ROLE = "a role address: many people read it, or nobody"


class Taken(NamedTuple):
    """A record with what is looked up of it; `key` is nothing where there is no address."""

    key: str
    item: Item
    hashed: str
    warning: str
    twice: bool


class Reading:
    """One reading of the files of an import."""

    def __init__(self, errand: Errand, secret: bytes, now: datetime) -> None:
        """Keep what is read, and the secret that hashes addresses; nothing is opened yet."""
        self._errand = errand
        self._secret = secret
        self._now = now
        self._apart = [each.layout.apart for each in errand.tables.tables]

    def taken(self) -> Iterator[Taken]:
        """Read the records in their order."""
        seen, secret = Seen(self._errand.tables.lines), self._secret
        for item in items(self._errand.tables, now=self._now):
            entry = item.entry
            if entry is None:
                yield Taken("", item, "", "", twice=False)
                continue
            address = entry.address
            hashed = address_hash(secret, address.key)
            twice = not seen.add(hashed) and not self._apart[item.table]
            yield Taken(address.key, item, hashed, _warning(address), twice)

    def sorted(self, *, window: int) -> Iterator[Taken]:
        """Read the records in the order they are written in: the same at every run."""
        if self._errand.tables.lines <= window:
            yield from self.taken()
            return
        reading = self.taken()
        records = _in_order(islice(reading, window))
        while records:
            later: list[Taken] = []
            for taken in islice(reading, len(records)):
                later.append(taken)
                yield records.pop()
            while records:
                yield records.pop()
            records = _in_order(later)


def _in_order(records: Iterable[Taken]) -> list[Taken]:
    """Sort records by address, the first at the end: who takes it away makes room for another."""
    found = sorted(records, key=itemgetter(0))
    found.reverse()
    return found


def _warning(address: Address) -> str:
    if is_role(address):
        return ROLE
    domain = address.mailed.rpartition("@")[2]
    meant = _slip(domain)
    return f"perhaps {address.mailed.rpartition('@')[0]}@{meant}" if meant else ""


@lru_cache(maxsize=4096)
def _slip(domain: str) -> str:
    hint = typo_hint(Address(f"a@{domain}", f"a@{domain}"))
    return hint.rpartition("@")[2] if hint else ""
