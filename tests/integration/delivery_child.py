"""What a killed sender runs: take the seat, send until the edition is sent, be killed any time."""

from __future__ import annotations

import time
from pathlib import Path

from digest.clock import utc_now
from digest.db import Database
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import SmtpAccount, Transport
from digest.delivery.send import send_due
from digest.delivery.smtp import SmtpTransport
from digest.editions.model import EditionState
from digest.editions.store import editions_in
from digest.errors import AlreadyRunningError
from tests.unit.delivery.delivery_builders import PlainOutbound


def send_until_sent(url: str, *, port: int = 0, root: str = "") -> None:
    """Send by SMTP to a loopback port, or into Maildirs under a root."""
    database = Database(url)
    transport: Transport = (
        MaildirTransport(Path(root))
        if root
        else SmtpTransport(SmtpAccount("127.0.0.1", port, "none", local_hostname="child.example"))
    )
    while _open(database):
        try:
            with database.hold("sender"):
                send_due(database, transport, PlainOutbound(), clock=utc_now, stop=lambda: False)
        except AlreadyRunningError:  # PostgreSQL needs a moment to notice that we died
            time.sleep(0.005)
    transport.close()


def _open(database: Database) -> bool:
    with database.read() as connection:
        return bool(editions_in(connection, [EditionState.SENDING]))
