"""Door to the distributed engine: a sender at work, notices first, then whatever is due.

On SQLite it looks each second. On PostgreSQL jobs of a queue wake it as well, at once, and any
number of them work on one database; what there is to do stands in the ledger all the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import re
import threading
from collections.abc import Iterator

from digest.app import App
from digest.db import DatabaseTrouble
from digest.delivery.announce import announce
from digest.delivery.model import Sent
from digest.delivery.send import Sender
from digest.delivery.settle import without_addresses
from digest.editions.model import EditionState
from digest.editions.store import editions_in
from digest.errors import DigestError
from digest.log import event
from digest.outbox.model import NoticeKind
from digest.queue.listen import woken
from digest.workflow.alarms import AlarmRules
from digest.workflow.halt import note_trouble
from digest.workflow.home import frozen_error
from digest.workflow.vitals import SCHEDULER
from digest.workflow.watch import Watch, watch_processes

_LOG = logging.getLogger("digest.worker")
_LOOKING_AGAIN = re.compile(r"; looking again (?:now|in \d+ \w+)")
_PAUSE = 1.0
"""Seconds between two looks at the ledger when nothing was due."""
_LOOK_OUT = 60.0
_LOOK_OUT_GRACE = 1.0


def run_worker(app: App, *, stop: threading.Event, pause: float = _PAUSE) -> None:
    """Send until `stop` is set; what is on the wire by then is answered.

    An error we did not foresee ends the process: the supervisor restarts it and tells.
    Raises AlreadyRunningError when another sender has this database, or this journal.
    """
    with (
        app.at_work(app.sender_seat),
        app.sender(notices=True) as sender,
        woken(app.database) as bell,
        _looking_out(app),
    ):
        event(_LOG, "sender running", way_out=app.way_out)
        said, frozen = "", ""
        while not stop.is_set():
            heard = bell.heard()
            try:
                frozen = _tell_frozen(app, frozen)
                run_once(app, sender, stop=stop, only_operators=bool(frozen))
                if not stop.is_set():  # else it was cut short, and another goes on with it
                    bell.answer(heard)
                said = ""
            except (DigestError, DatabaseTrouble) as error:
                words = without_addresses(str(error).splitlines()[0])
                if words != said:
                    hint = getattr(error, "hint", "")
                    event(_LOG, "sending failed", logging.ERROR, error=words, hint=hint)
                    _tell(app, words)
                said = words
            bell.wait(pause, stop)


@contextlib.contextmanager
def _looking_out(app: App) -> Iterator[None]:
    """Tell operators of a scheduler that is dead, which tells of everything else.

    In a thread of its own: one letter may take hours.
    """
    tools = Watch(app.newsroom, rules=AlarmRules(**dict(app.settings.alarms)))
    done = threading.Event()

    def look() -> None:
        while not done.wait(_LOOK_OUT):
            try:
                watch_processes(tools, SCHEDULER)
            except Exception as error:  # noqa: BLE001 - it is looked again, and sending goes on
                event(_LOG, "not looked", logging.WARNING, error=type(error).__name__)

    thread = threading.Thread(target=look, name="look-out", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(_LOOK_OUT_GRACE)


def run_once(
    app: App, sender: Sender, *, stop: threading.Event, only_operators: bool = False
) -> None:
    """Send every notice and message that is due now, if there is any.

    With `only_operators`, nobody else hears anything: no person has confirmed that mail may leave.
    """
    if only_operators:
        kinds = (NoticeKind.OPERATORS,)
        announce(app.database, app.ways, render=app.mailer.notice, kinds=kinds, clock=app.clock)
    elif sender.is_due():
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


def _tell_frozen(app: App, said: str) -> str:
    """Tell the operators, once for each reason, that nothing goes to readers from here."""
    reason = app.why_frozen()
    if reason and reason != said:
        error = frozen_error(reason, app.settings.environment)
        event(_LOG, "nothing goes to readers", logging.ERROR, reason=reason, hint=error.hint)
        app.tell_operators(
            key=f"home:{hashlib.sha256(reason.encode()).hexdigest()[:12]}",
            what="nothing goes to readers from here",
            detail=f"{reason[:1].upper()}{reason[1:]}.",
            remedy=error.hint,
        )
    if said and not reason:
        event(_LOG, "mail goes to readers again: this home was confirmed")
    return reason


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
