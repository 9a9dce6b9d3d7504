"""Door: the sender at work: notices first, then whatever the ledger says is due."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import threading

from digest.app import App
from digest.db import DatabaseTrouble
from digest.delivery.model import Sent
from digest.delivery.send import Sender
from digest.delivery.settle import without_addresses
from digest.editions.model import EditionState
from digest.editions.store import editions_in
from digest.errors import DigestError
from digest.log import event
from digest.workflow.halt import note_trouble

_LOG = logging.getLogger("digest.worker")
_LOOKING_AGAIN = re.compile(r"; looking again (?:now|in \d+ \w+)")
_PAUSE = 1.0
"""Seconds between two looks at the ledger when nothing was due."""


def run_worker(app: App, *, stop: threading.Event, pause: float = _PAUSE) -> None:
    """Send until `stop` is set; what is on the wire by then is answered.

    An error we did not foresee ends the process: the supervisor restarts it and tells.
    Raises AlreadyRunningError when another sender has this database, or this journal.
    """
    with app.at_work(app.sender_seat), app.sender(notices=True) as sender:
        event(_LOG, "sender running", way_out=app.way_out)
        said = ""
        while not stop.is_set():
            try:
                run_once(app, sender, stop=stop)
                said = ""
            except (DigestError, DatabaseTrouble) as error:
                words = without_addresses(str(error).splitlines()[0])
                if words != said:
                    hint = getattr(error, "hint", "")
                    event(_LOG, "sending failed", logging.ERROR, error=words, hint=hint)
                    _tell(app, words)
                said = words
            stop.wait(pause)


def run_once(app: App, sender: Sender, *, stop: threading.Event) -> None:
    """Send every notice and message that is due now, if there is any."""
    if sender.is_due():
        sent = sender.run(stop=stop.is_set, on_progress=lambda _sent: None)
        _tell_sent(app, sent)
        _note_trouble(app, sender)


def _note_trouble(app: App, sender: Sender) -> None:
    """Write beside the editions that are being sent what keeps them, for whoever looks."""
    with app.database.read() as connection:
        sending = editions_in(connection, [EditionState.SENDING])
    words = "; ".join(sender.problems)
    changed = [each.id for each in sending if each.reason != words]
    if changed:
        note_trouble(app.newsroom, changed, words)


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
    if sent.problem and not sent.held:
        _tell(app, sent.problem)


def _tell(app: App, problem: str) -> None:
    """Tell the operators of each problem once a day."""
    same = _LOOKING_AGAIN.sub("", problem)  # one outage is one problem, however long it lasts
    kind = hashlib.sha256(same.encode("utf-8", "replace")).hexdigest()[:12]
    with contextlib.suppress(DigestError, DatabaseTrouble):  # the database itself may be away
        app.tell_operators(
            key=f"sending:{kind}",
            what="sending is paused",
            detail=problem,
            remedy="It is tried again by itself, and nobody is lost. Look at: digest status",
        )
