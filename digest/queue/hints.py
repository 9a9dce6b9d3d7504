"""Door to the queue: jobs that tell the senders of all machines that there is work.

A job is a hint, "work on edition e": it is written in the transaction that makes the work, and
whoever takes it asks the ledger what there is. Without it the same work is found a second later.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from digest.db import Connection, DatabaseTrouble
from digest.log import event

if TYPE_CHECKING:
    from procrastinate.jobs import JobDeferrer
    from procrastinate.types import JSONValue

_LOG = logging.getLogger("digest.queue")
SENDING = "sending"
"""The queue whose jobs wake senders."""
SEND = "digest.send"
_EACH, _MOST = 10, 32
"""A job keeps one sender busy: there is one for so many batches, and no more than so many."""


def tell_senders(connection: Connection, edition_id: int, *, batches: int, priority: int) -> None:
    """Write the jobs that wake senders for an edition, in the caller's transaction.

    There are as many as senders could share its batches. A higher `priority` is taken first. On
    SQLite there is one sender, and no queue. Where the queue is out of order, the edition goes all
    the same: it is logged, and the caller's transaction goes on.
    """
    if connection.dialect.name == "sqlite" or batches < 1:
        return
    from procrastinate.exceptions import (  # noqa: PLC0415 - a fifth of a second, seldom needed
        ConnectorException,
    )

    each: dict[str, JSONValue] = {"edition_id": edition_id}
    jobs = min(_MOST, -(-batches // _EACH))
    try:
        with connection.begin_nested():
            _deferrer(connection, priority).batch_defer(*[each] * jobs)
    except (ConnectorException, DatabaseTrouble) as error:
        words = str(error.__cause__ or error).splitlines()[0]
        event(_LOG, "no job written", logging.WARNING, edition=edition_id, error=words)


def _deferrer(connection: Connection, priority: int) -> JobDeferrer:
    from procrastinate import App, SyncPsycopgConnector  # noqa: PLC0415 - see above

    app = App(connector=SyncPsycopgConnector())  # never opened: it has our connection
    return app.configure_task(
        SEND,
        queue=SENDING,
        priority=priority,
        connection=connection.connection.driver_connection,
    )
