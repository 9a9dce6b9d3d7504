"""Door: the sender at work: notices first, then whatever the ledger says is due."""

from __future__ import annotations

import logging
import threading

from digest.app import App
from digest.delivery.notify import send_notices
from digest.delivery.send import send_due
from digest.errors import DigestError
from digest.log import event

_LOG = logging.getLogger("digest.worker")
_PAUSE = 1.0
"""Seconds between two looks at the ledger when nothing was due."""


def run_worker(app: App, *, stop: threading.Event) -> None:
    """Send until `stop` is set, which takes effect between two messages.

    An error we did not foresee ends the process: the supervisor restarts it and tells.
    Raises AlreadyRunningError when another sender runs on this database.
    """
    with app.database.hold("sender"):
        event(_LOG, "sender running", way_out=app.way_out)
        while not stop.is_set():
            app.beat("sender")
            try:
                run_once(app, stop=stop)
            except DigestError as error:
                event(_LOG, "sending failed", logging.ERROR, error=str(error), hint=error.hint)
            stop.wait(_PAUSE)


def run_once(app: App, *, stop: threading.Event) -> None:
    """Send every notice and message that is due now, over one connection."""
    transport = app.transport()
    try:
        notices = send_notices(
            app.database, transport, render=app.mailer.notice, clock=app.clock, stop=stop.is_set
        )
        sent = send_due(
            app.database,
            transport,
            app.mailer,
            clock=app.clock,
            stop=stop.is_set,
            max_per_second=app.settings.mail.max_per_second,
        )
    finally:
        transport.close()
    if notices:
        event(_LOG, "notices sent", count=notices)
    if sent.accepted or sent.deferred or sent.failed or sent.uncertain:
        event(
            _LOG,
            "sent",
            accepted=sent.accepted,
            deferred=sent.deferred,
            failed=sent.failed,
            uncertain=sent.uncertain,
        )
    if sent.problem:
        event(_LOG, "sending paused", logging.WARNING, problem=sent.problem)
