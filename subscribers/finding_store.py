"""Door to the table of readers for who looks somebody up by half an address."""

from __future__ import annotations

import sqlalchemy as sa

from subscribers.store import subscriber


def address_begins(beginning: str) -> sa.ColumnElement[bool]:
    """Give the condition that a reader's address begins so; `beginning` is in lower case.

    Without LIKE: the two databases do not agree on the case of letters there.
    """
    key = subscriber.c.address_key
    return sa.func.substr(key, 1, len(beginning)) == beginning
