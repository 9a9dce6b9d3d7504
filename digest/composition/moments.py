"""Pure. A moment in words, and whose clock it is told by."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from babel import UnknownLocaleError
from babel.dates import get_timezone_location

from digest.composition.dates import day_words, hour_words
from digest.composition.language import Language
from digest.composition.names import Held, apart


def moment_words(at: datetime, zone: str, language: Language) -> Held:
    """Say a moment (aware) in a zone (IANA): `Monday 12 January at 07:00, London time`.

    Raises ValueError, OSError or ZoneInfoNotFoundError for a zone that there is not.
    """
    local = at.astimezone(ZoneInfo(zone))
    said = language.say(
        "%(day)s at %(hour)s, %(place)s",
        day=day_words(local.date(), language.tag),
        hour=hour_words(local, language.tag),
        place=place(zone, language),
    )
    return Held(said)


def place(zone: str, language: Language) -> Held:
    """Say whose clock it is: `London time` for Europe/London, `UTC` for UTC."""
    if "/" not in zone or zone.startswith("Etc/"):
        return apart(zone.rpartition("/")[2], language)
    try:
        city = get_timezone_location(zone, locale=language.tag.replace("-", "_"), return_city=True)
    except (UnknownLocaleError, ValueError):
        city = zone.replace("_", " ")
    return Held(language.say("%(city)s time", city=apart(city.rpartition("/")[2], language)))
