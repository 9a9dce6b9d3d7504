"""Pure. A notice: a mail to one person that is no edition."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NoticeKind(StrEnum):
    """Which template tells it; `templates/mail/<kind>/`."""

    CONFIRM = "confirm"
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    ADDRESS = "address"
    LINK = "link"
    SIGN_IN = "sign-in"
    EDITORS = "editors"
    OPERATORS = "operators"


class NoticeState(StrEnum):
    """What became of it."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice about to be written; the same `dedupe_key` is written once only."""

    dedupe_key: str
    kind: NoticeKind
    to_address: str
    facts: dict[str, object]
    next_at: datetime
    a_day: int = 0
    """How many of its kind one address gets in a day (UTC); 0: as many as there are."""
    instead: NewNotice | None = None
    """What is written in its place when that is used up."""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice that waits to be sent; `attempts` counts the tries so far."""

    id: int
    dedupe_key: str
    kind: NoticeKind
    to_address: str
    facts: dict[str, object]
    attempts: int
    created_at: datetime
