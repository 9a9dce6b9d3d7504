"""Pure. Dates, weekdays and writing direction in a letter's language."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_interval

_ENGLISH = Locale("en", "GB")


def date_words(day: date, language: str) -> str:
    """Write a date with its weekday: "Friday 9 January 2026"."""
    locale = _locale(language)
    pattern = "EEEE d MMMM y" if _is_british(locale) else "full"
    return format_date(day, pattern, locale=locale)


def short_date_words(day: date, language: str) -> str:
    """Write a date without year and weekday: "9 January"."""
    locale = _locale(language)
    if _is_british(locale):
        return format_date(day, "d MMMM", locale=locale)
    return format_interval(day, day, "MMMMd", locale=locale)


def span_words(first: date, last: date, language: str) -> str:
    """Write a span of days: "3–9 January", "29 December – 4 January"."""
    locale = _locale(language)
    if not _is_british(locale):
        return format_interval(first, last, "MMMMd", locale=locale)
    end = short_date_words(last, language)
    if first.month == last.month:
        return f"{first.day}–{end}"
    return f"{short_date_words(first, language)} – {end}"


def weekday_words(day: date, language: str, *, short: bool = False) -> str:
    """Name the weekday: "Thursday", or "Thu"."""
    return format_date(day, "EEE" if short else "EEEE", locale=_locale(language))


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


def _is_british(locale: Locale) -> bool:
    """Tell whether to write the day before the month without a comma, as the house does."""
    return locale.language == "en" and locale.territory not in {"US", "PH"}
