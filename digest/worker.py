"""Door: the sender at work: notices first, then whatever the ledger says is due."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import threading

from digest.app import App
from digest.delivery.model import Sent, Transport
from digest.delivery.notify import send_notices
from digest.delivery.send import send_due
from digest.delivery.settle import without_addresses
from digest.editions.model import EditionState
from digest.editions.store import editions_in
from digest.errors import DigestError
from digest.log import event

_LOG = logging.getLogger("digest.worker")
_PAUSE = 1.0
"""Seconds between two looks at the ledger when nothing was due."""


def run_worker(app: App, *, stop: threading.Event, pause: float = _PAUSE) -> None:
    """Send until `stop` is set, which takes effect between two messages.

    An error we did not foresee ends the process: the supervisor restarts it and tells.
    Raises AlreadyRunningError when another sender runs on this database.
    """
    with app.at_work("sender"):
        event(_LOG, "sender running", way_out=app.way_out)
        said = ""
        while not stop.is_set():
            try:
                run_once(app, stop=stop)
                said = ""
            except DigestError as error:
                words = without_addresses(str(error))
                if words != said:
                    event(_LOG, "sending failed", logging.ERROR, error=words, hint=error.hint)
                    _tell(app, words)
                said = words
            stop.wait(pause)


def run_once(app: App, *, stop: threading.Event) -> None:
    """Send every notice and message that is due now, over one connection."""
    transport = app.transport()
    try:
        notices = send_notices(
            app.database, transport, render=app.mailer.notice, clock=app.clock, stop=stop.is_set
        )
        if notices:
            event(_LOG, "notices sent", count=notices)
        if _is_sending(app):
            _tell_sent(app, _send(app, transport, stop))
    finally:
        transport.close()


def _is_sending(app: App) -> bool:
    """Look before we reach for the ledger: on SQLite its every look takes the one write lock."""
    with app.database.read() as connection:
        return bool(editions_in(connection, [EditionState.SENDING]))


def _send(app: App, transport: Transport, stop: threading.Event) -> Sent:
    return send_due(
        app.database,
        transport,
        app.mailer,
        clock=app.clock,
        stop=stop.is_set,
        max_per_second=app.settings.mail.max_per_second,
    )


def _tell_sent(app: App, sent: Sent) -> None:
    counts = {
        name: count
        for name in ("accepted", "deferred", "failed", "skipped", "uncertain")
        if (count := getattr(sent, name))
    }
    if counts:
        event(_LOG, "sent", **counts)
    if sent.problem:
        event(_LOG, "sending paused", logging.WARNING, problem=sent.problem)
        _tell(app, sent.problem)


def _tell(app: App, problem: str) -> None:
    """Tell the operators of each problem once a day."""
    kind = hashlib.sha256(problem.encode("utf-8", "replace")).hexdigest()[:12]
    with contextlib.suppress(DigestError):  # the database itself may be what is away
        app.tell_operators(
            key=f"sending:{kind}",
            what="sending is paused",
            detail=problem,
            remedy="It is tried again by itself, and nobody is lost. Look at: digest status",
        )
