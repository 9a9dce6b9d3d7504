"""Door to the database: a mailbox that is not there is never written to again, from this moment."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from digest.db import Connection
from subscribers import store
from subscribers.model import EVERYTHING, Act, ConsentKind, SuppressionReason
from subscribers.record import end
from subscribers.suppression import NORM_VERSION

_VIA = "bounce"


def suppress_bounced(connection: Connection, public_ids: Collection[str], *, at: datetime) -> int:
    """Put readers on the never-mail list whose server says that they are unknown; give how many.

    In the caller's transaction, which records what the server said. Whoever moved to another
    address meanwhile, or was erased, is left alone by the caller not naming them.
    """
    if not public_ids:
        return 0
    everything = store.newsletters_in(connection, EVERYTHING)
    act = Act(at=at, via=_VIA)
    count = 0
    for public_id in sorted(public_ids):
        reader = store.lock_subscriber(connection, public_id=public_id)
        if reader is None:
            continue
        count += store.insert_suppression(
            connection,
            reader.address_hmac,
            scope=EVERYTHING,
            reason=SuppressionReason.BOUNCED,
            norm_version=NORM_VERSION,
            at=at,
        )
        end(connection, reader, everything, act, ConsentKind.SUPPRESSED)
    return count
