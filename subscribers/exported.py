"""Pure. Readers as lines of a file, one for each newsletter; `import` reads them back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from subscribers.model import (
    EVERYTHING,
    Subscriber,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.segments import state_at
from subscribers.transfer.safe_csv import safe_line

COLUMNS: Final = (
    "address",
    "newsletter",
    "state",
    "requested_at",
    "confirmed_at",
    "ended_at",
    "paused_until",
    "topics",
    "language",
    "zone",
    "hour",
    "format",
    "tags",
)
HEAD: Final = safe_line(COLUMNS)
_BETWEEN = ","
_HOUR = 60

Line = Mapping[str, str | list[str] | None]


@dataclass(frozen=True, slots=True)
class Letter:
    """A newsletter as a file names it, and the bit of every topic it ever had."""

    slug: str
    bits: Mapping[str, int]


def lines_of(
    reader: Subscriber,
    tags: tuple[str, ...],
    standings: tuple[Subscription, ...],
    *,
    letters: Mapping[int, Letter],
    never: Mapping[tuple[str, str], SuppressionReason],
    now: datetime,
) -> Iterator[Line]:
    """Give the lines of one reader, for these newsletters alone.

    Who is never mailed has the reason for their state, so that a file that is read back, here or
    elsewhere, carries it along. `never` holds the reasons by address and scope.
    """
    for standing in standings:
        letter = letters.get(standing.newsletter_id)
        if letter is None:
            continue
        paused = state_at(standing, now) is SubscriptionState.PAUSED
        yield {
            "address": reader.address,
            "newsletter": letter.slug,
            "state": _reason(reader, letter, never) or state_at(standing, now).value,
            "requested_at": _time(standing.requested_at),
            "confirmed_at": _time(standing.confirmed_at),
            "ended_at": _time(standing.ended_at) if standing.ended else None,
            "paused_until": _time(standing.paused_until) if paused else None,
            "topics": [
                key
                for key, bit in letter.bits.items()
                if standing.topic_mask and standing.topic_mask & (1 << bit)
            ],
            "language": reader.language,
            "zone": reader.zone,
            "hour": None
            if reader.hour is None
            else f"{reader.hour // _HOUR:02}:{reader.hour % _HOUR:02}",
            "format": "text" if reader.text_only else "html",
            "tags": list(tags),
        }


def csv_line(line: Line) -> str:
    """Write one line as CSV (RFC 4180) that no spreadsheet takes for a formula."""
    return safe_line(_cell(line[column]) for column in COLUMNS)


def json_line(line: Line) -> str:
    """Write one line as JSON."""
    return json.dumps(line, ensure_ascii=False) + "\n"


def _cell(value: str | list[str] | None) -> str:
    return _BETWEEN.join(value) if isinstance(value, list) else value or ""


def _reason(
    reader: Subscriber, letter: Letter, never: Mapping[tuple[str, str], SuppressionReason]
) -> str:
    scopes = (EVERYTHING, letter.slug)
    reasons = (never.get((reader.address_hmac, scope)) for scope in scopes)
    told = (each for each in reasons if each and each is not SuppressionReason.ERASED)
    return str(next(told, ""))


def _time(at: datetime | None) -> str | None:
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
