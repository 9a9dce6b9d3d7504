"""What a reader's click runs in a process of its own, as the web pages do."""

from __future__ import annotations

from datetime import UTC, datetime

from digest.db import Database
from subscribers.leaving import unsubscribe
from subscribers.model import Act
from subscribers.tokens import Key, KeyRing, Keys

KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)


def press(url: str, token: str) -> None:
    """Leave by one-click."""
    database = Database(url)
    unsubscribe(database, token, Act(datetime.now(UTC), "one-click"), keys=KEYS)
    database.close()
