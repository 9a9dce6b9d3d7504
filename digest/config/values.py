"""Pure. The kinds of values in digest.toml: durations, zones, colours, dates, mailboxes."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from datetime import date, time, timedelta
from email.utils import parseaddr
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BeforeValidator, PlainSerializer

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_RELEASE = re.compile(r"auto|approve|auto-after (?P<after>\d+[smhd])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_WORD = r"[^\s@<>,;:\\\"()\[\].\x00-\x1f\x7f-\x9f]+"
_LABEL = r"[^\W_](?:[^\W_]|-)*(?<!-)"
_ADDRESS = re.compile(rf"(?P<local>{_WORD}(?:\.{_WORD})*)@(?P<domain>{_LABEL}(?:\.{_LABEL})*)")
_WANTS_QUOTES = re.compile(r'[()<>@,:;".\\\[\]]')


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Give ` (did you mean 'x'?)` where one of the known words is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean {near[0]!r}?)" if near else ""


def duration(value: Any) -> timedelta:
    """Read `90s`, `10m`, `48h` or `8d`. Raises ValueError."""
    if isinstance(value, timedelta):
        return value
    match = re.fullmatch(r"(\d{1,6})([smhd])", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("a length of time is a number and s, m, h or d, as in '48h'")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2]])


def duration_text(value: timedelta) -> str:
    """Write it in the largest unit that divides it: `48h`, `8d`."""
    seconds = int(value.total_seconds())
    for unit, size in reversed(_UNITS.items()):
        if seconds % size == 0 and seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _network(value: str) -> str:
    try:
        ip_network(value)
    except ValueError as error:
        raise ValueError(
            "an IP address or network is written as '10.0.0.1' or '10.0.0.0/8'"
        ) from error
    return value


def _zone(value: str) -> str:
    if value not in available_timezones():
        near = did_you_mean(value, available_timezones())
        raise ValueError(f"unknown time zone{near}")
    return value


def _hour(value: Any) -> time:
    if isinstance(value, time):
        return value
    match = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if match is None:
        raise ValueError("an hour is written as '06:30'")
    return time(int(match[1]), int(match[2]))


_LONGEST_LEAD = timedelta(hours=24)


def _cut_off(value: Any) -> time | timedelta:
    """Read `06:30`, an hour of the same day, or `30m`: so long before send_at."""
    if isinstance(value, timedelta) or (isinstance(value, str) and ":" not in value):
        try:
            lead = duration(value)
        except ValueError:
            raise ValueError(_CUT_OFF_FORM) from None
        if lead > _LONGEST_LEAD:
            raise ValueError("a cut-off lies at most 24h before send_at")
        return lead
    try:
        return _hour(value)
    except ValueError:
        raise ValueError(_CUT_OFF_FORM) from None


_CUT_OFF_FORM = "a cut-off is an hour, '06:30', or a time before send_at, '30m'"
_NTH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "last": -1}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def month_day(value: str) -> tuple[int, int | None]:
    """Read `15`, `last`, `first mon` or `last fri` as (n, weekday or None). Raises ValueError."""
    if re.fullmatch(r"[1-9]|[12]\d|3[01]", value):
        return int(value), None
    if value == "last":
        return -1, None
    nth, _, weekday = value.partition(" ")
    if nth in _NTH and weekday in WEEKDAYS:
        return _NTH[nth], WEEKDAYS.index(weekday)
    raise ValueError("a day of the month is '15', 'last', 'first mon' or 'last fri'")


def _month_day(value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        raise ValueError("a day of the month is '15', 'last', 'first mon' or 'last fri'")  # noqa: TRY004 - pydantic reports ValueError
    text = " ".join(text.lower().split())
    month_day(text)
    return text


_HOST = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?")


def _host_name(value: str) -> str:
    try:
        host = value.encode("ascii" if value.isascii() else "idna").decode("ascii").lower()
    except UnicodeError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError("a host is written as 'old.example', without https:// and paths")
    return host


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError("a colour is # and six hexadecimal digits, as in '#0B4F8A'")
    return value.upper()


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or _CONTROL.search(value):
        raise ValueError("a web address begins with https:// or http://")
    if parts.query or parts.fragment:
        raise ValueError("this web address takes no ? and no #")
    return value.rstrip("/")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError("an e-mail address is written as 'name@example.org'")
    return value


def mailbox_parts(value: str) -> tuple[str, str]:
    """Split `Harbour Post <news@example.org>` in its name (may be empty) and address."""
    return parseaddr(value)


def _mailbox(value: str) -> str:
    name, address = parseaddr(value)
    unquoted = value.partition("<")[0].strip()
    if "," in unquoted and not unquoted.startswith('"'):
        raise ValueError("a name with a comma stands in quotes: '\"Post, Harbour\" <a@b.example>'")
    is_one = value.count("@") == name.count("@") + 1
    if _CONTROL.search(value) or not _ADDRESS.fullmatch(address) or not is_one:
        raise ValueError("a sender is written as 'Harbour Post <news@example.org>'")
    address = _our_address(address)
    if not name:
        return address
    # In quotes also where it is not ASCII: this is read once more when settings are resolved.
    quoted = re.sub(r'(["\\])', r"\\\1", name)
    return f'"{quoted}" <{address}>' if _WANTS_QUOTES.search(name) else f"{name} <{address}>"


def _our_address(value: str) -> str:
    """Give an address that stands in all copies: some servers take only ASCII before the @."""
    found = _ADDRESS.fullmatch(_address(value))
    if found is None or not found["local"].isascii():
        raise ValueError("before the @ of our own address stands ASCII: some servers take no more")
    return f"{found['local']}@{_host_name(found['domain'])}"


def day_range(value: str) -> tuple[date, date]:
    """Read `2026-12-25` or `2026-12-28..2027-01-01`, both ends included. Raises ValueError."""
    first, dots, last = value.partition("..")
    try:
        start = date.fromisoformat(first)
        end = date.fromisoformat(last) if dots else start
    except ValueError as error:
        raise ValueError("a day is '2026-12-25', days are '2026-12-28..2027-01-01'") from error
    if end < start:
        raise ValueError("the last day is before the first")
    return start, end


def _days_off(value: str) -> str:
    day_range(value)
    return value


def release_parts(value: str) -> tuple[str, timedelta]:
    """Split `auto-after 20m` in the mode and how long it waits. Raises ValueError."""
    match = _RELEASE.fullmatch(value)
    if match is None:
        raise ValueError("a release is 'auto', 'approve' or 'auto-after 20m'")
    after = match["after"]
    return value.partition(" ")[0], duration(after) if after else timedelta(0)


def _release(value: str) -> str:
    release_parts(value)
    return value


def _one_line(value: str) -> str:
    if _CONTROL.search(value):
        raise ValueError("this is one line of text, without control characters")
    if not value.strip():
        raise ValueError("this must not be empty")
    return value.strip()


def hours_of_day(value: Any) -> tuple[time, time]:
    """Read `06:00-22:30`; the end may lie on the next day. Raises ValueError."""
    if isinstance(value, tuple):
        return value
    said = re.fullmatch(r"(\d\d):(\d\d)-(\d\d):(\d\d)", value) if isinstance(value, str) else None
    if said is None:
        raise ValueError("hours of the day are written as '06:00-22:00'")
    try:
        begin, end = time(int(said[1]), int(said[2])), time(int(said[3]), int(said[4]))
    except ValueError as error:
        raise ValueError("an hour is 00 to 23, a minute 00 to 59, as in '06:00-22:00'") from error
    if begin == end:
        raise ValueError("they begin when they end: leave the setting out for the whole day")
    return begin, end


def hours_of_day_text(value: tuple[time, time]) -> str:
    """Write them as they are read."""
    return f"{value[0]:%H:%M}-{value[1]:%H:%M}"


HoursOfDay = Annotated[
    tuple[time, time], BeforeValidator(hours_of_day), PlainSerializer(hours_of_day_text)
]

Duration = Annotated[timedelta, BeforeValidator(duration), PlainSerializer(duration_text)]
Zone = Annotated[str, AfterValidator(_zone)]
Hour = Annotated[time, BeforeValidator(_hour), PlainSerializer(lambda at: at.strftime("%H:%M"))]
CutOff = Annotated[
    time | timedelta,
    BeforeValidator(_cut_off),
    PlainSerializer(lambda at: at.strftime("%H:%M") if isinstance(at, time) else duration_text(at)),
]
MonthDayText = Annotated[str, BeforeValidator(_month_day)]
Network = Annotated[str, AfterValidator(_network)]
HostName = Annotated[str, AfterValidator(_host_name)]
Colour = Annotated[str, AfterValidator(_colour)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
EmailAddress = Annotated[str, AfterValidator(_address)]
OurAddress = Annotated[str, AfterValidator(_our_address)]
Mailbox = Annotated[str, AfterValidator(_mailbox)]
DaysOff = Annotated[str, AfterValidator(_days_off)]
ReleaseText = Annotated[str, AfterValidator(_release)]
Line = Annotated[str, AfterValidator(_one_line)]
