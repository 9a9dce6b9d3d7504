"""When a form of ours may write to an address: at most once an hour, whoever asks for what."""

from __future__ import annotations

from datetime import datetime, timedelta

from digest.db import Connection
from subscribers.limit_store import is_known, next_turn, take
from subscribers.limits import MAIL_APART, MAILS_A_DAY, LimitError, abuse_name

_DAY = timedelta(days=1)


def mail_turn(
    connection: Connection, address_key: str, *, secret: bytes, now: datetime
) -> datetime:
    """Take the next moment at which an address may be written to; `secret` names it in the table.

    Raises LimitError when another mail has that moment, or when it had enough of them today.
    """
    name = abuse_name(secret, address_key)
    at, taken = next_turn(connection, f"mail:{name}", apart=MAIL_APART, now=now)
    if taken and at > now:
        take(connection, _turn(name, at), most=1, within=_DAY, now=now)
    wait = None if taken else at - now
    if taken:
        wait = take(connection, f"day:{name}", most=MAILS_A_DAY, within=_DAY, now=now)
    if wait is not None:
        raise LimitError(
            "mail: this address was written to a short while ago",
            wait=wait,
            hint="Look for that mail, or ask again later.",
        )
    return at


def is_spoken_for(connection: Connection, name: str, at: datetime) -> bool:
    """Tell whether a moment to come was taken for one mail, which no other can share."""
    return is_known(connection, _turn(name, at))


def _turn(name: str, at: datetime) -> str:
    return f"turn:{name}:{at:%Y%m%dT%H%M%S.%f}"
