"""Pure. Dates, hours, numbers and writing direction in a letter's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.numbers import format_decimal

_ENGLISH = Locale("en", "GB")
_TO: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ar": "{day} إلى {end}",
        "de": "{day}. bis {end}",
        "es": "{day} al {end}",
        "fr": "{day} au {end}",
    }
)
"""A span of days as it is said within a sentence; elsewhere it is written with a dash."""
_HOURS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {"de": ("H:mm\u00a0'Uhr'",) * 2, "fr": ("H\u00a0'h'", "H\u00a0'h'\u00a0mm")}
)
"""Patterns of a full hour and of any other, where newspapers write hours unlike CLDR."""
_FIRST = re.compile(r"(?<!\d)1(?= [^\W\d])")


def date_words(day: date, language: str) -> str:
    """Write a date with its weekday: "Friday 9 January 2026"."""
    locale = _locale(language)
    pattern = "EEEE d MMMM y" if _is_british(locale) else "full"
    return _ordinal(format_date(day, pattern, locale=locale), locale)


def long_date_words(day: date, language: str) -> str:
    """Write a date with its year and no weekday: "9 January 2026"."""
    locale = _locale(language)
    pattern = "d MMMM y" if _is_british(locale) else "long"
    return _ordinal(format_date(day, pattern, locale=locale), locale)


def short_date_words(day: date, language: str) -> str:
    """Write a date without year and weekday: "9 January"."""
    locale = _locale(language)
    if _is_british(locale):
        return format_date(day, "d MMMM", locale=locale)
    return _ordinal(format_skeleton("MMMMd", day, locale=locale), locale)


def brief_date_words(day: date, language: str) -> str:
    """Write a date for a narrow column: "Fri 9 Jan"."""
    locale = _locale(language)
    if _is_british(locale):
        return format_date(day, "EEE d MMM", locale=locale)
    return _ordinal(format_skeleton("MMMEd", day, locale=locale), locale)


def month_words(day: date, language: str) -> str:
    """Write a month with its year: "October 2021"."""
    locale = _locale(language)
    return format_skeleton("yMMMM", day, locale=locale)


def span_words(first: date, last: date, language: str) -> str:
    """Write a span of days: "3–9 January", "29 December – 4 January", "3 au 9 janvier"."""
    locale = _locale(language)
    if not _is_british(locale) and locale.language not in _TO:
        return format_interval(first, last, "MMMMd", locale=locale)
    end = short_date_words(last, language)
    same = (first.year, first.month) == (last.year, last.month)
    if locale.language not in _TO:
        return f"{first.day}–{end}" if same else f"{short_date_words(first, language)} – {end}"
    pattern = _TO[locale.language]
    if same:
        return _ordinal(pattern.format(day=first.day, end=end), locale)
    return pattern.replace("{day}.", "{day}").format(day=short_date_words(first, language), end=end)


def weekday_words(day: date, language: str, *, short: bool = False) -> str:
    """Name the weekday: "Thursday", or "Thu"."""
    return format_date(day, "EEE" if short else "EEEE", locale=_locale(language))


def day_words(day: date, language: str) -> str:
    """Write a date with its weekday and no year, within a sentence: "Saturday 17 January"."""
    locale = _locale(language)
    gap = ", " if locale.language in {"de", "en"} and not _is_british(locale) else " "
    return weekday_words(day, language) + gap + short_date_words(day, language)


def hour_words(at: time | datetime, language: str) -> str:
    """Write an hour of the day: "07:00", "7:00 Uhr", "7 h" (with no-break spaces)."""
    locale = _locale(language)
    full, other = _HOURS.get(locale.language, ("short", "short"))
    # The zone is the caller's: babel would turn an aware time into UTC.
    clock = time(at.hour, at.minute)
    return format_time(clock, other if at.minute else full, locale=locale).replace(" ", "\u00a0")


def number_words(number: int, language: str) -> str:
    """Write a number with its thousands set apart: "1,204", "1.204"."""
    return format_decimal(number, locale=_locale(language))


def local_date(at: datetime, zone: str) -> date:
    """Give the date a moment (aware) has in a zone (IANA name)."""
    return at.astimezone(ZoneInfo(zone)).date()


def direction(language: str) -> str:
    """Tell which way the language is written: `ltr` or `rtl`."""
    return _locale(language).text_direction


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        locale = Locale.parse(language.replace("_", "-"), sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return _ENGLISH
    return _ENGLISH if locale.language == "en" and locale.territory is None else locale


def _ordinal(words: str, locale: Locale) -> str:
    """Say the first of a month as French does: "1er janvier"."""
    return _FIRST.sub("1er", words) if locale.language == "fr" else words


def _is_british(locale: Locale) -> bool:
    """Tell whether to write the day before the month without a comma, as the house does."""
    return locale.language == "en" and locale.territory not in {"US", "PH"}
