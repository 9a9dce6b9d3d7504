"""Pure. Parts of a story out of values of any type, as APIs, front matter and tables give them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from digest.sources.cleaning import CleanBody, clean_body, one_line, paragraphs_to_html, plain_line
from digest.sources.dates import FIRST_YEAR, read_date

MAX_HEADLINE = 500
MAX_STANDFIRST = 2_000
MOST_READS = 2_147_483_647
MOST_PRIORITY = 100
_HEADLINE_WORDS = 12
_MOST_NAMES = 50
_MOST_VALUES = 500
_MOST_BITS = 64
_LONGEST_DATE = 100
_LAST_YEAR = 9000

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,3}")
_MAIL_ADDRESS = re.compile(r"[<(]?[^\s<>()@]*@[^\s<>()@]*[>)]?")
_MARKUP = re.compile(r"<[a-zA-Z/!]|&#?\w{1,31};")
_PARAGRAPHS = re.compile(r"\n\s*\n")
_NUMBER = re.compile(r"[+-]?[0-9]{1,30}(?:\.0{1,9})?")
_NO = frozenset({"", "0", "0.0", "f", "false", "n", "no", "off", "none", "null", "~"})
_NAME_KEYS = ("name", "title", "label")


def text_of(value: Any) -> str:
    """Give a text or number as text, and "" for what is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        # A number of thousands of digits is no name, and cannot even be written out.
        return str(value) if value.bit_length() <= _MOST_BITS else ""
    return str(value) if isinstance(value, (float, Decimal)) else ""


def line_of(value: Any) -> str:
    """Give a value as words of one line, without markup."""
    return plain_line(text_of(value))


def headline_of(value: Any) -> str:
    """Give a headline without markup, cut at a word when it is longer than any headline."""
    return shortened(line_of(value))


def standfirst_of(value: Any) -> str:
    """Give a standfirst as one line without markup, cut at a word when it is endless."""
    return shortened(line_of(value), MAX_STANDFIRST)


def shortened(text: str, longest: int = MAX_HEADLINE) -> str:
    """Cut a text that is longer than any headline at a word."""
    if len(text) <= longest:
        return text
    return (text[: longest - 1].rpartition(" ")[0] or text[: longest - 1]) + "…"


def first_words(*texts: str) -> str:
    """Give the first words of the first text that has any, to stand for a missing headline."""
    found = (plain_line(text, escaped=False).split() for text in texts)
    words = next((some for some in found if some), [])
    cut = "…" if len(words) > _HEADLINE_WORDS else ""
    return shortened(" ".join(words[:_HEADLINE_WORDS]) + cut)


def language_of(value: Any) -> str | None:
    """Give a language tag as `en-GB`; None for what is none."""
    tag = text_of(value).strip().replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def body_of(text: str, *, base: str = "") -> CleanBody:
    """Clean a body that is HTML, or plain text with blank lines between its paragraphs."""
    return clean_body(text, base=base) if _MARKUP.search(text) else plain_body_of(text)


def plain_body_of(text: str) -> CleanBody:
    """Make a body of plain text: every sign stands for itself, blank lines part paragraphs."""
    lines = (one_line(part) for part in _PARAGRAPHS.split(text.replace("\r\n", "\n")))
    return clean_body(paragraphs_to_html(tuple(line for line in lines if line)))


def names_of(value: Any, *, separators: str = "") -> tuple[str, ...]:
    """Give names from a text, an object with a name, or a list of such, each once.

    A text is split at any of the separators. A mail address is nobody's by-line, and goes.
    """
    cleaned = (
        one_line(_MAIL_ADDRESS.sub("", line_of(text)[:MAX_HEADLINE]))
        for text in _texts(value, separators)
    )
    return tuple(dict.fromkeys(name for name in cleaned if name))[:_MOST_NAMES]


def _texts(value: Any, separators: str) -> Iterator[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    for one in values[:_MOST_VALUES]:
        named = one
        if isinstance(one, Mapping):
            named = next((one[key] for key in _NAME_KEYS if one.get(key)), None)
        text = text_of(named)
        yield from re.split(f"[{re.escape(separators)}]", text) if separators else (text,)


def moment_of(value: Any, *, zone: str) -> datetime | None:
    """Give a moment in UTC: from a date, a text, or seconds or milliseconds since 1970.

    What names no zone is in `zone`. None for what cannot be read or cannot be true.
    """
    try:
        moment = _moment(value, zone)
        moment = moment.astimezone(UTC) if moment else None
    except (ValueError, OverflowError):
        return None
    return moment if moment and FIRST_YEAR <= moment.year <= _LAST_YEAR else None


def _moment(value: Any, zone: str) -> datetime | None:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=ZoneInfo(zone))
    if isinstance(value, date):
        return read_date(value.isoformat(), zone=zone)
    return read_date(text_of(value)[:_LONGEST_DATE], zone=zone)


def whole_number(value: Any, *, lowest: int, most: int) -> int | None:
    """Give a whole number, held between two others; None for what is none."""
    text = text_of(value).strip()
    if not text.isascii() or not _NUMBER.fullmatch(text):
        return None
    return max(lowest, min(int(text.partition(".")[0]), most))


def is_yes(value: Any) -> bool:
    """Tell whether a mark is set: true, a number, a date, any word that does not say no."""
    if isinstance(value, (bool, int, float, Decimal, list, tuple, Mapping)):
        return bool(value)
    if isinstance(value, date):
        return True
    text = one_line(text_of(value)).casefold()
    return text not in _NO and not text.startswith("0000-00-00")
