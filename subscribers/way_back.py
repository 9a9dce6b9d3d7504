"""Keep the way back open: for two days the old mailbox may undo a change of address.

Whoever has a letter that was passed on may ask for a change. Until the old mailbox has had its time
to say no, the new one neither moves on, nor gets the reader's data, nor erases them.
"""

from __future__ import annotations

from datetime import datetime

from digest.db import Connection
from subscribers import reader_store, store
from subscribers.limits import LimitError
from subscribers.model import ConsentKind
from subscribers.reader_store import Pending
from subscribers.tokens import LIVES, Purpose


class MovedLatelyError(LimitError):
    """The address was changed so lately that the old one may still take its place back."""


def is_move(connection: Connection, subscriber_id: int, waiting: Pending) -> bool:
    """Tell whether what waits was written by a change of address, and so is the way back."""
    log = store.consents_of(connection, subscriber_id)
    moves = {line.act.at for line in log if line.kind is ConsentKind.ADDRESS}
    return waiting.asked_at in moves


def refuse_moved_lately(connection: Connection, subscriber_id: int, *, now: datetime) -> None:
    """Raise MovedLatelyError while the way back is open; `wait` is how long that is."""
    waiting = reader_store.pending_of(connection, subscriber_id)
    if waiting is None or not is_move(connection, subscriber_id, waiting):
        return
    wait = waiting.asked_at + LIVES[Purpose.ADDRESS] - now
    if wait.total_seconds() >= 0:
        raise MovedLatelyError(
            "reader: the address was changed a short while ago",
            wait=wait,
            hint="Ask again when the old address can no longer take its place back.",
        )
