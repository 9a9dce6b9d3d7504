"""What a killed sender runs: hold the seat, send as the worker does, be killed at any time."""

from __future__ import annotations

import faulthandler
import time
from pathlib import Path

from digest.db import Database
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import Sent, SmtpAccount, Way
from digest.delivery.send import Sender, SendRules, open_sender
from digest.editions.model import EditionState
from digest.editions.store import editions_in
from digest.errors import AlreadyRunningError
from digest.supervisor import stop_signals
from tests.unit.delivery.delivery_builders import PlainOutbound

_PAUSE = 0.02
_LONGEST_LIFE = 100.0
"""A sender that hangs says where it does, and ends."""


def a_way_out(*, port: int = 0, root: str = "", connections: int = 1) -> Way:
    """Some connections to a loopback port, or to Maildirs under a root."""
    if root:
        return Way("child", transport=MaildirTransport(Path(root)), connections=connections)
    account = SmtpAccount("127.0.0.1", port, "none", local_hostname="child.example")
    return Way("child", account, connections=connections)


def send_until_sent(
    url: str,
    *,
    journal: str,
    port: int = 0,
    root: str = "",
    connections: int = 1,
    rules: SendRules | None = None,
    seat: str = "sender",
) -> None:
    """Send like a worker until no edition is being sent any more."""
    faulthandler.dump_traceback_later(_LONGEST_LIFE, exit=True)
    database = Database(url)
    way = a_way_out(port=port, root=root, connections=connections)
    while _open(database):
        try:
            with (
                database.hold(seat),
                open_sender(
                    database, [way], PlainOutbound(), journal=Path(journal), rules=rules
                ) as sender,
            ):
                _work(database, sender)
        except AlreadyRunningError:  # PostgreSQL needs a moment to notice that we died
            time.sleep(0.005)


def _work(database: Database, sender: Sender) -> None:
    while _open(database):
        if sender.is_due():
            sender.run(stop=lambda: False, on_progress=_ignore)
        time.sleep(_PAUSE)


def _open(database: Database) -> bool:
    with database.read() as connection:
        return bool(editions_in(connection, [EditionState.SENDING]))


def send_until_asked(url: str, *, journal: str, port: int, connections: int = 1) -> None:
    """Send one run, and leave it when a signal says so, as the worker's process does."""
    faulthandler.dump_traceback_later(_LONGEST_LIFE, exit=True)
    database = Database(url)
    way = a_way_out(port=port, connections=connections)
    with (
        stop_signals() as stop,
        database.hold("sender"),
        open_sender(database, [way], PlainOutbound(), journal=Path(journal)) as sender,
    ):
        sender.run(stop=stop.is_set, on_progress=_ignore)
    database.close()


def _ignore(_sent: Sent) -> None:
    """Nobody watches."""
