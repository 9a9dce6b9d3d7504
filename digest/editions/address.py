"""Pure. How people name an edition: `daily`, `daily/1204`, `daily/2026-01-09`, and its extras."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from digest.editions.model import MAIN_SLOT, EditionAddress, Slot

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def slot_address(slug: str, slot: Slot) -> str:
    """Give the address that the edition of a slot has, or would have."""
    return address_of(slug, slot.local_date, slot.name)


def address_of(slug: str, local_date: date, slot_name: str) -> str:
    """Write `daily/2026-01-09`, and after it the name of a slot that is not the day's only one."""
    name = None if slot_name == MAIN_SLOT else slot_name
    return str(EditionAddress(slug, local_date=local_date, slot_name=name))


def parse_address(text: str, slugs: Collection[str]) -> EditionAddress | None:
    """Read an edition's address; None when the text names none of these newsletters' editions."""
    slug, *rest = text.strip().split("/")
    if slug not in slugs:
        return None
    if not rest:
        return EditionAddress(slug)
    if len(rest) == 1 and _NUMBER.fullmatch(rest[0]):
        return EditionAddress(slug, number=int(rest[0]))
    day = _date(rest[0])
    if day is None or len(rest) > 2:  # noqa: PLR2004 - slug, date and the name of an extra
        return None
    return EditionAddress(slug, local_date=day, slot_name=rest[1] if len(rest) > 1 else None)


def _date(text: str) -> date | None:
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:  # 2026-02-30
        return None
