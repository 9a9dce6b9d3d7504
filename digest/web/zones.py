"""Pure. The time zones to choose from, by region and city, in the language of the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from babel import UnknownLocaleError
from babel.core import get_global
from babel.dates import get_timezone_location

from digest.composition.language import Language

UTC_NAME: Final = "UTC"
_HOUR = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)
_REGIONS: Final[dict[str, Callable[[Language], str]]] = {
    "Africa": lambda language: language.say("Africa"),
    "America": lambda language: language.say("America"),
    "Antarctica": lambda language: language.say("Antarctica"),
    "Asia": lambda language: language.say("Asia"),
    "Atlantic": lambda language: language.say("Atlantic Ocean"),
    "Australia": lambda language: language.say("Australia"),
    "Europe": lambda language: language.say("Europe"),
    "Indian": lambda language: language.say("Indian Ocean"),
    "Pacific": lambda language: language.say("Pacific Ocean"),
}


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone to choose: its name (IANA), and its city with how far it is from UTC now."""

    name: str
    words: str


@dataclass(frozen=True, slots=True)
class Region:
    """The zones of a part of the world, by city."""

    words: str
    zones: tuple[Zone, ...]


def regions(language: Language, now: datetime) -> tuple[Region, ...]:
    """Give every zone there is; UTC stands alone, in a region without a name."""
    return _regions(language, now.replace(minute=0, second=0, microsecond=0))


def spelt(name: str | None) -> str | None:
    """Give the name under which a zone is offered: `Asia/Kolkata` for `Asia/Calcutta`."""
    return None if name is None else get_global("zone_aliases").get(name, name)


def is_zone(name: str) -> bool:
    """Tell whether there is such a zone, offered or not."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return False
    return True


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Name the zones that are offered: each city once, whatever it was called before."""
    cities = {name for name in get_global("zone_territories") if _region(name)}
    return frozenset(cities & available_timezones()) | {UTC_NAME}


def zone_words(name: str, language: Language, now: datetime) -> str:
    """Say a zone: its city, and in brackets how far it is from UTC."""
    offset = now.astimezone(ZoneInfo(name)).utcoffset() or timedelta()
    if name == UTC_NAME:
        return UTC_NAME
    # The numbers run from left to right in every language.
    return f"{_city(name, language)} (\u2066{_offset(offset)}\u2069)"


@lru_cache(maxsize=16)
def _regions(language: Language, now: datetime) -> tuple[Region, ...]:
    found: dict[str, list[Zone]] = {key: [] for key in _REGIONS}
    for name in zone_names() - {UTC_NAME}:
        found[_region(name)].append(Zone(name, zone_words(name, language, now)))
    named = [
        Region(_REGIONS[key](language), tuple(sorted(zones, key=lambda zone: zone.words)))
        for key, zones in found.items()
    ]
    alone = Region("", (Zone(UTC_NAME, UTC_NAME),))
    return (alone, *sorted(named, key=lambda region: region.words))


def _region(name: str) -> str:
    region, _, city = name.partition("/")
    if region == "Arctic":
        region = "Europe"
    return region if city and region in _REGIONS else ""


def _city(name: str, language: Language) -> str:
    try:
        city = get_timezone_location(name, locale=language.tag.replace("-", "_"), return_city=True)
    except (UnknownLocaleError, ValueError):
        city = name.replace("_", " ")
    return city.rpartition("/")[2]


def _offset(offset: timedelta) -> str:
    hours, rest = divmod(abs(offset), _HOUR)
    sign = "\N{MINUS SIGN}" if offset < timedelta() else "+"
    minutes = f":{rest // _MINUTE:02}" if rest else ""
    return f"UTC{sign}{hours}{minutes}"
