"""Write what the publisher knows better of a reader: how their letters come, and the marks."""

from __future__ import annotations

from collections.abc import Callable, Collection

from digest.db import Database
from subscribers import directory_store, reader_store, store
from subscribers.change_store import What, tell_change
from subscribers.manner import Manner
from subscribers.model import Act, Consent, ConsentKind


def amend(
    database: Database,
    public_id: str,
    act: Act,
    *,
    manner: Callable[[Manner], Manner] | None = None,
    tags: Collection[str] | None = None,
) -> bool:
    """Write the manner made from the one there is, and these marks; False when nobody is there.

    None leaves what is there. A changed manner has its line in the log; marks are the publisher's
    own and have none.
    """
    with database.write() as connection:
        reader = store.lock_subscriber(connection, public_id=public_id)
        if reader is None:
            return False
        before = reader_store.manner_of(connection, public_id)
        after = before if manner is None else manner(before)
        if after != before:
            reader_store.save_manner(connection, reader.id, after)
            line = Consent(ConsentKind.MANNER, None, act)
            store.append_consent(connection, reader.id, line)
        marked = tags is not None and directory_store.put_tags(connection, reader.id, tags)
        if marked or after != before:
            tell_change(connection, reader.id, [None], What.CHANGED, at=act.at)
    return True
