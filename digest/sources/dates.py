"""Pure. Dates as feeds and pages write them, in five languages, with or without their zone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from digest.sources.cleaning import one_line, word_set

FIRST_YEAR = 1971
"""Zero dates (year 1, 1970) mean that the publisher's program had none."""

_LONGEST = 120
_YEARS_IN_ADDRESSES = range(1995, 2100)
_CENTURY_TURN = 50
_NOON = 12
_MIDNIGHT_AT_THE_END = 24
_LEAP_SECOND = 60
_LARGEST_OFFSET = timedelta(hours=15)
_LONGEST_ZONE_NAME = 5

# Without accents and Arabic points: `_folded` takes them off, and sloppy feeds leave them out.
_MONTH_NAMES = """
    january jan januar janner janvier janv enero ene يناير جانفي كانونالثاني
    february feb februar feber fevrier fev fevr febrero فبراير فيفري شباط
    march mar marz mrz maerz mars marzo مارس اذار
    april apr avril avr abril abr ابريل افريل نيسان
    may mai mayo مايو ماي ايار
    june jun juni juin junio يونيو جوان حزيران
    july jul juli juillet juil julio يوليو يوليوز جويلية تموز
    august aug aout agosto ago اغسطس غشت اوت اب
    september sep sept septembre septiembre set سبتمبر شتنبر ايلول
    october oct oktober okt octobre octubre اكتوبر تشرينالاول
    november nov novembre noviembre نوفمبر نونبر تشرينالثاني
    december dec dezember dez decembre diciembre dic ديسمبر دجنبر كانونالاول
"""
_MONTHS = {
    name: month
    for month, names in enumerate(_MONTH_NAMES.strip().splitlines(), 1)
    for name in names.split()
}
_WEEKDAYS = word_set(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri"
    " sat sun montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag mo di mi do fr"
    " sa so lundi mardi mercredi jeudi vendredi samedi dimanche lun mer jeu ven sam dim lunes"
    " martes miercoles jueves viernes sabado domingo mie jue vie sab dom"
    " الاثنين الثلاثاء الاربعاء الخميس الجمعة السبت الاحد اثنين ثلاثاء اربعاء خميس جمعة سبت احد"
)
_FILLERS = _WEEKDAYS | word_set(
    "t at the of on um uhr am den der vom a le er el o las los de del h st nd rd th في الساعة يوم"
)
_HOURS_OF = {
    "ut": 0.0, "utc": 0.0, "gmt": 0.0, "z": 0.0, "wet": 0.0, "west": 1.0, "bst": 1.0,
    "cet": 1.0, "cest": 2.0, "mez": 1.0, "mesz": 2.0, "met": 1.0, "mest": 2.0, "eet": 2.0,
    "eest": 3.0, "msk": 3.0, "sast": 2.0, "wat": 1.0, "cat": 2.0, "eat": 3.0, "gst": 4.0,
    "pkt": 5.0, "ist": 5.5, "wib": 7.0, "ict": 7.0, "hkt": 8.0, "sgt": 8.0, "awst": 8.0,
    "jst": 9.0, "kst": 9.0, "acst": 9.5, "acdt": 10.5, "aest": 10.0, "aedt": 11.0, "nzst": 12.0,
    "nzdt": 13.0, "nst": -3.5, "ndt": -2.5, "ast": -4.0, "adt": -3.0, "est": -5.0, "edt": -4.0,
    "cst": -6.0, "cdt": -5.0, "mst": -7.0, "mdt": -6.0, "pst": -8.0, "pdt": -7.0, "akst": -9.0,
    "akdt": -8.0, "hst": -10.0, "art": -3.0, "brt": -3.0, "clt": -4.0, "clst": -3.0,
}  # fmt: skip
"""What RFC 2822 says of American names, and the meaning most feeds have for the others."""

_DIGITS_ONLY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:t?([0-9]{2})([0-9]{2})([0-9]{2})?)?")
_UNIX = re.compile(r"([0-9]{9,10})(?:[0-9]{3}|\.[0-9]{1,9})?")
_EAST_ASIAN = re.compile(r"([0-9]{4})\s?[年년]\s?([0-9]{1,2})\s?[月월]\s?([0-9]{1,2})\s?[日일]")
_REMARK = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_MORNING, _AFTERNOON = ("صباحا", "ص"), ("مساء", "م")
_CLOCK = re.compile(
    r"(?<![0-9])(?:(?P<hour>[0-9]{1,2})(?::|\s?h\s?)(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,][0-9]{1,12})?)?"
    r"|(?P<dotted>[0-9]{1,2})\.(?P<minutes>[0-9]{2})(?=\s?(?:uhr|h\b|[ap]\.?\s?m\b))"
    r"|(?P<alone>[0-9]{1,2})(?=\s?(?:uhr|h\b|[ap]\.?\s?m\b)))"
    rf"\s?(?P<half>[ap]\.?\s?m\b\.?|(?:{'|'.join((*_MORNING, *_AFTERNOON))})\b)?"
    r"\s?(?P<offset>z\b|(?:gmt|utc|z)?\s?[+-][0-9]{1,2}(?::?[0-9]{2})?(?![0-9]))?"
)
_OFFSET = re.compile(r"(?:gmt|utc|z)?\s?([+-])([0-9]{1,2}?):?([0-9]{2})?")
_YEAR_FIRST = re.compile(r"(?<![0-9])([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})(?![0-9])")
_DAY_FIRST = re.compile(r"(?<![0-9])([0-9]{1,2})([-/.])([0-9]{1,2})\2([0-9]{4}|[0-9]{2})(?![0-9.])")
_TOKEN = re.compile(r"(?P<number>[0-9]+)|(?P<word>[^\W\d_]+(?:[/_][^\W\d_]+)*)|(?P<sign>[^\s\w])")
_QUIET_SIGNS = frozenset(",.;:-–—|·•'’،/")

_IN_PATH = re.compile(
    r"/(?P<year>[0-9]{4})(?P<sep>[-/_])(?P<month>[0-9]{1,2}|[a-z]{3})(?P=sep)(?P<day>[0-9]{1,2})"
    r"(?=[-/_.]|$)"
    r"|[/-](?P<digits>[0-9]{8})(?=[/.]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Time:
    """The hour of a date as written, and what it says of its zone ("" for nothing)."""

    hour: int = 0
    minute: int = 0
    second: int = 0
    offset: str = ""


def read_date(text: str, zone: str = "UTC") -> datetime | None:
    """Read a date as people and programs write it, as aware UTC; None for what is none.

    `zone` is the IANA zone of a date that names none. A date without an hour is the beginning of
    its day there. Year 1 and 1970 are what programs write when they have no date, so they are none;
    so is `03/04/2026`, whose month only its writer knows.
    """
    written = _folded(text)
    if not written or len(written) > _LONGEST:
        return None
    if found := _UNIX.fullmatch(written):
        return _believable(datetime.fromtimestamp(int(found[1]), UTC))
    time, rest = _time_in(_spread(written))
    found_date = _numbers_date(rest) or _words_date(rest)
    if time is None or found_date is None:
        return None
    (year, month, day), words = found_date
    zone_word = _zone_word(words)
    if zone_word is None:
        return None
    return _moment((year, month, day), time, named=time.offset or zone_word, zone=zone)


def date_in_url(url: str, zone: str = "UTC") -> datetime | None:
    """Give the date that stands in an address's path, as the beginning of that day in the zone.

    For a story that has no date of its own. The beginning of the day, because such a story must
    never look as if it were to be published later today: the price is that it looks up to a day
    older than it is. Two different dates in one path are none, and so is one of the far past.
    """
    try:
        path = urlsplit(one_line(url)).path
    except ValueError:
        return None
    days = {day for found in _IN_PATH.finditer(path[:2_000]) if (day := _day_of(found))}
    if len(days) != 1:
        return None
    return _moment(days.pop(), _Time(), named="", zone=zone)


def _folded(text: str) -> str:
    """Take off case, accents, Arabic points and remarks in brackets; any digits become ASCII."""
    parted = unicodedata.normalize("NFKD", one_line(text[: 4 * _LONGEST])).casefold()
    plain = "".join(
        str(unicodedata.digit(sign)) if sign.isdigit() else sign
        for sign in parted
        if unicodedata.category(sign) not in {"Mn", "Cf"} and sign != "\u0640"
    )
    plain = unicodedata.normalize("NFC", plain).replace("\u2212", "-")
    plain = plain.replace("كانون ال", "كانونال").replace("تشرين ال", "تشرينال")
    return " ".join(_REMARK.sub(" ", _EAST_ASIAN.sub(r"\1-\2-\3 ", plain)).split())


def _spread(written: str) -> str:
    """Write `20260109T061500Z` with its signs."""
    found = _DIGITS_ONLY.match(written)
    if found is None or written[found.end() : found.end() + 1].isdigit():
        return written
    date, rest = "-".join(found.group(1, 2, 3)), written[found.end() :]
    clock = ":".join(part for part in found.group(4, 5, 6) if part)
    return f"{date} {clock}{rest}"


def _time_in(written: str) -> tuple[_Time | None, str]:
    """Take the hour out of a date: a day without one begins at midnight."""
    found = _CLOCK.search(written)
    if found is None:
        return _Time(), written
    hour = int(found["hour"] or found["dotted"] or found["alone"])
    half = (found["half"] or "").replace(".", "").replace(" ", "")
    if half:
        if not 1 <= hour <= _NOON:
            return None, ""
        hour = hour % _NOON + (_NOON if half in {"pm", *_AFTERNOON} else 0)
    time = _Time(
        hour, int(found["minute"] or found["minutes"] or 0), int(found["second"] or 0),
        found["offset"] or "",
    )  # fmt: skip
    return time, f"{written[: found.start()]} {written[found.end() :]}"


def _numbers_date(rest: str) -> tuple[tuple[int, int, int], list[str]] | None:
    """Read `2026-01-09`, `9.1.2026` and such a `13/01/2026` as can only be read in one way."""
    if found := _YEAR_FIRST.search(rest):
        day = int(found[1]), int(found[3]), int(found[4])
    elif found := _DAY_FIRST.search(rest):
        first, second = int(found[1]), int(found[3])
        if found[2] != "." and first != second and max(first, second) <= 12:  # noqa: PLR2004 - months
            return None
        # Dots are European; else the larger number is the day.
        swapped = found[2] != "." and second > first
        day = (_year(found[4]), first, second) if swapped else (_year(found[4]), second, first)
    else:
        return None
    kinds = list(_tokens(f"{rest[: found.start()]} {rest[found.end() :]}"))
    if any(kind != "word" for kind, _ in kinds):
        return None
    return day, [text for _, text in kinds]


def _words_date(rest: str) -> tuple[tuple[int, int, int], list[str]] | None:
    """Read a date whose month is a word: day and year are the two numbers beside it."""
    kinds = list(_tokens(rest))
    words = [text for kind, text in kinds if kind == "word"]
    numbers = [text for kind, text in kinds if kind == "number"]
    months = [n for n, word in enumerate(words) if word in _MONTHS]
    if len(months) > 1 and words[months[0]] == "mar":
        months = months[1:]  # of two, the first is Tuesday: mardi, martes
        words.remove("mar")
        months = [n - 1 for n in months]
    years = [text for text in numbers if len(text) == 4]  # noqa: PLR2004 - digits of a year
    if len(months) != 1 or len(numbers) != 2 or len(years) > 1:  # noqa: PLR2004 - day and year
        return None
    year = years[0] if years else numbers[1]
    day = numbers[1] if year is numbers[0] else numbers[0]
    if len(day) > 2 or len(year) not in {2, 4}:  # noqa: PLR2004 - digits of a day
        return None
    month = _MONTHS[words.pop(months[0])]
    return (_year(year), month, int(day)), words


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(text):
        if found.lastgroup and found[0] not in _QUIET_SIGNS:
            yield found.lastgroup, found[0]


def _year(written: str) -> int:
    year = int(written)
    if len(written) == 4:  # noqa: PLR2004 - digits of a whole year
        return year
    return year + (2000 if year < _CENTURY_TURN else 1900)


def _zone_word(words: list[str]) -> str | None:
    """Give the one word that may name the zone, "" when none does; None when it is no date."""
    others = [word for word in words if word not in _FILLERS]
    if len(others) > 1:
        return None
    name = others[0] if others else ""
    is_name = name in _HOURS_OF or "/" in name or (name.isascii() and len(name) > 1)
    return (
        name if not name or (is_name and (len(name) <= _LONGEST_ZONE_NAME or "/" in name)) else None
    )


def _moment(day: tuple[int, int, int], time: _Time, *, named: str, zone: str) -> datetime | None:
    at_end = (time.hour, time.minute, time.second) == (_MIDNIGHT_AT_THE_END, 0, 0)
    leap = time.second == _LEAP_SECOND
    try:
        local = datetime(  # noqa: DTZ001 - its zone follows, once it is known
            *day, 0 if at_end else time.hour, time.minute, 59 if leap else time.second
        ) + timedelta(days=at_end, seconds=leap)
        where = _zone_named(named, local, _zone(zone))
        return _believable(local.replace(tzinfo=where).astimezone(UTC)) if where else None
    except (ValueError, OverflowError):
        return None


def _believable(moment: datetime) -> datetime | None:
    return moment if moment.year >= FIRST_YEAR else None


def _zone_named(named: str, local: datetime, source: tzinfo) -> tzinfo | None:
    """Give the zone that a date names: its source's when it names none, or an unknown one."""
    if found := _OFFSET.fullmatch(named):
        size = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
        return timezone(-size if found[1] == "-" else size) if size <= _LARGEST_OFFSET else None
    if not named or (local.replace(tzinfo=source).tzname() or "").casefold() == named:
        return source  # so IST means India's in India, Ireland's in Ireland
    if "/" in named:
        return _zone("/".join(part.title() for part in named.split("/")), default=source)
    hours = _HOURS_OF.get(named)
    return source if hours is None else timezone(timedelta(hours=hours))


@lru_cache(maxsize=64)
def _zone(name: str, default: tzinfo = UTC) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return default


def _day_of(found: re.Match[str]) -> tuple[int, int, int] | None:
    if digits := found["digits"]:
        parts = digits[:4], digits[4:6], digits[6:]
    else:
        parts = found["year"], found["month"], found["day"]
    month = int(parts[1]) if parts[1].isdigit() else _MONTHS.get(parts[1].lower(), 0)
    day = int(parts[0]), month, int(parts[2])
    try:
        datetime(*day, tzinfo=UTC)
    except ValueError:
        return None
    return day if day[0] in _YEARS_IN_ADDRESSES else None
