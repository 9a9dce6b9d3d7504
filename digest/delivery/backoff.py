"""Pure. When a copy is tried again, and when we give up."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

_FIRST_WAITS = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(hours=1),
)
_SPREAD = timedelta(minutes=10)
_PROBES = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=5),
)

GIVE_UP_AFTER = timedelta(hours=24)
"""How long a reader's server may put us off where nothing else ends it."""


def next_try(
    tries: int,
    first_at: datetime,
    now: datetime,
    key: str,
    *,
    give_up_after: timedelta = GIVE_UP_AFTER,
) -> datetime | None:
    """Say when to try again after `tries` tries, the first at `first_at`; None means give up.

    One minute, 5, 15, an hour, then hourly. Later waits are lengthened by up to ten minutes,
    always the same for the same `key`: a thousand readers put off together do not all come back
    in one second.
    """
    wait = _FIRST_WAITS[min(max(tries, 1), len(_FIRST_WAITS)) - 1]
    if tries > len(_FIRST_WAITS):
        wait += _SPREAD * _fraction(key, tries)
    at = now + wait
    return at if at - first_at <= give_up_after else None


def next_probe(losses: int, now: datetime) -> datetime:
    """Say when to look again for a server that was away `losses` times in succession.

    It costs one connection, so it is never long: the mail should flow soon after the repair.
    """
    return now + _PROBES[min(max(losses, 1), len(_PROBES)) - 1]


def _fraction(key: str, tries: int) -> float:
    digest = hashlib.blake2b(f"{tries}:{key}".encode("utf-8", "surrogatepass"), digest_size=4)
    return int.from_bytes(digest.digest(), "big") / 2**32
