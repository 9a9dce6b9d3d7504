"""Pure. What stands in a cell: times, networks' addresses, languages, words in a list."""

from __future__ import annotations

import csv
import ipaddress
import json
import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from digest.errors import UsageError
from subscribers.model import TEXT
from subscribers.tags import LONGEST_TAG, read_tag
from subscribers.transfer.columns import STATES, State, fold

_FIRST = datetime(1995, 1, 1, tzinfo=UTC)
"""Nobody joined a newsletter by mail before: such a date stands for "unknown"."""
_AHEAD = timedelta(days=1)
_DAY_FIRST = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ ,T]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?")
_NUMBER = re.compile(r"\d{10}(?:\d{3})?")
_MILLISECONDS = 13
_GO_ZONE = re.compile(r" [A-Z]{3,5}$")
_BYTE = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_IPV4 = re.compile(rf"{_BYTE}(?:\.{_BYTE}){{3}}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", re.IGNORECASE)
_LONGEST_LANGUAGE = 35
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_DAY_MINUTES = 24 * 60
_UNSEEN = re.compile(r"[^\S ]+|[\x00-\x08\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_KEPT = 1024
"""A file says the same few languages, zones and tags again and again."""
_STATUS_KEYS = ("subscription_status", "status")
_NAME_KEYS = ("name", "title", "slug", "label")


def clean(text: str) -> str:
    """Take away what no line of text holds: NUL, control characters, line ends; blanks around."""
    return _UNSEEN.sub(" ", text).strip() if not text.isprintable() else text.strip()


def read_time(text: str, now: datetime) -> datetime | None:
    """Read a moment as programs and spreadsheets write it; without a zone it is UTC's.

    None for what cannot be read, is from before mail had newsletters, or is still to come.
    """
    found = _moment(text)
    if found is None or not _FIRST <= found <= now + _AHEAD:
        return None
    return min(found, now)


def read_ahead(text: str) -> datetime | None:
    """Read a moment that may be to come, as the end of a pause."""
    return _moment(text)


def read_ip(text: str) -> str | None:
    """Read a network's address as it is kept; None for anything else."""
    if _IPV4.fullmatch(text):
        return text
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return None


@lru_cache(maxsize=_KEPT)
def read_language(text: str) -> str | None:
    """Read a language's tag, `en`, `pt-BR` or `pt_BR`; None for anything else."""
    tag = text.strip().replace("_", "-")
    if not _LANGUAGE.fullmatch(tag) or len(tag) > _LONGEST_LANGUAGE:
        return None
    first, *rest = tag.split("-")
    return "-".join([first.lower(), *rest])


@lru_cache(maxsize=_KEPT)
def read_zone(text: str) -> str | None:
    """Read the name of a time zone; None for one that nobody knows."""
    return text if text in zoneinfo.available_timezones() else None


@lru_cache(maxsize=_KEPT)
def read_hour(text: str) -> int | None:
    """Read `07:30`, or minutes after midnight; None for anything else."""
    found = _CLOCK.fullmatch(text)
    if found is not None:
        minutes = int(found[1]) * 60 + int(found[2])
    elif text.isascii() and text.isdigit() and len(text) <= len(str(_DAY_MINUTES)):
        minutes = int(text)
    else:
        return None
    return minutes if minutes < _DAY_MINUTES else None


def read_text_only(text: str) -> bool | None:
    """Read whether they want text alone; None where nothing is said."""
    word = fold(text)
    return None if not word else word in {TEXT, "plain", "plain text"}


def read_state(text: str, own: Mapping[str, State]) -> State | None:
    """Read a word of state; `own` are those of the program that wrote it. None if unknown."""
    word = fold(text)
    return own.get(word) or STATES.get(word)


def read_tags(text: str, *, plain: bool = False) -> tuple[str, ...]:
    """Read the tags in a cell as they are kept; what cannot be one is left out."""
    return tuple(
        dict.fromkeys(tag for word, _ in read_words(text, plain=plain) if (tag := as_tag(word)))
    )


@lru_cache(maxsize=_KEPT)
def as_tag(word: str) -> str:
    """Give a word as a tag; nothing when it cannot be one."""
    bare = " ".join(re.split(r"[,;|\s]+", clean(word)))
    try:
        return read_tag(bare[:LONGEST_TAG])
    except UsageError:
        return ""


def read_words(text: str, *, plain: bool = False) -> list[tuple[str, str]]:
    """Read the words of a list in one cell, each with its state if it has one of its own.

    As Mailchimp writes them ("a","b"), as JSON, or parted by commas, semicolons or bars. `plain`:
    marks of quotation are letters like others.
    """
    text = text.strip()
    if not text:
        return []
    if text[0] == "[":
        return _json_words(text)
    delimiter = next((each for each in ",;|" if each in text), ",")
    if plain or '"' not in text:
        return [(word, "") for each in text.split(delimiter) if (word := clean(each))]
    cells = next(csv.reader([text.replace("\n", " ")], delimiter=delimiter, skipinitialspace=True))
    return [(word, "") for each in cells if (word := clean(each))]


def _json_words(text: str) -> list[tuple[str, str]]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return [(clean(text), "")]
    return [pair for each in found if (pair := _json_word(each))[0]]


def _json_word(found: object) -> tuple[str, str]:
    if not isinstance(found, dict):
        return clean(str(found)), ""
    name = next((found[key] for key in _NAME_KEYS if found.get(key)), "")
    status = next((found[key] for key in _STATUS_KEYS if found.get(key)), "")
    return clean(str(name)), str(status)


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        read = _otherwise(text.strip())
        if read is None:
            return None
        found = read
    try:
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except OverflowError:  # year 1 or 9999, an hour over the edge
        return None


def _otherwise(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        pass
    try:
        if _NUMBER.fullmatch(text):
            seconds = int(text) / (1000 if len(text) == _MILLISECONDS else 1)
            return datetime.fromtimestamp(seconds, UTC)
        if day_first := _DAY_FIRST.match(text):
            day, month, year, *clock = (int(each or 0) for each in day_first.groups())
            hour, minute, second = clock
            return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return datetime.fromisoformat(_GO_ZONE.sub("", text).replace(" +", "+"))
    except (ValueError, OverflowError):
        return None
