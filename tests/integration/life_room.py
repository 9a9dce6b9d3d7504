"""A paper half-way through its day: some readers have the letter, and some have not."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path

import sqlalchemy as sa

from digest.delivery import count_store
from digest.delivery.model import DeliveryState
from digest.delivery.store import delivery
from digest.editions.model import Edition
from digest.workflow.approve import approve
from digest.workflow.halt import Person, stop
from subscribers.store import subscriber
from tests.builders import Paper, moment

FRIDAY = "daily/2026-01-09"
ANN = Person("ann")
READERS = ("bob", "cat", "dan", "eve")
"""Bob has it, Cat may have it, Dan was put off, Eve comes last."""


def address(name: str) -> str:
    return f"{name}@reader.example"


def begin(paper: Paper) -> Edition:
    """Send Friday's letter as far as Cat, and stop it."""
    for name in READERS:
        paper.reader(address(name))
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    approve(paper.app.database, paper.edition(FRIDAY), by="ann", clock=paper.watch)
    paper.go("2026-01-09 07:00")
    settle(paper, "bob", DeliveryState.ACCEPTED)
    settle(paper, "cat", DeliveryState.UNCERTAIN)
    return halt(paper)


def halt(paper: Paper) -> Edition:
    room = paper.app.newsroom
    found = paper.edition(FRIDAY)
    return stop(room.database, found, by=ANN, clock=room.clock, editors=room.editors).edition


def settle(paper: Paper, name: str, state: DeliveryState, on: str = FRIDAY) -> None:
    """Write what became of one reader's copy, as the sender does."""
    edition = paper.edition(on)
    with paper.app.database.write() as connection:
        query = sa.select(subscriber.c.id).where(subscriber.c.address == address(name))
        reader = connection.execute(query).scalar_one()
        mine = (delivery.c.edition_id == edition.id) & (delivery.c.subscriber_id == reader)
        update = sa.update(delivery).where(mine)
        connection.execute(update.values(state=state.value, done_at=paper.watch.at))
        counts = {
            (edition.id, 0, DeliveryState.PLANNED.value): -1,
            (edition.id, 0, state.value): 1,
        }
        count_store.add_counts(connection, counts, at=edition.sending_at or moment("2026-01-09"))


def deliver(paper: Paper, on: str = FRIDAY) -> dict[str, str]:
    """Send what is due; give what arrived by then as subjects by the reader's name."""
    paper.app.deliver(paper.edition(on), progress=lambda _done: None)
    return {name: str(message["Subject"]) for name, message in arrived(paper)}


def arrived(paper: Paper) -> list[tuple[str, EmailMessage]]:
    """Give every message of the mailbox with its reader's name."""
    folder = Path(str(paper.app.settings.mail.maildir))
    found = []
    for path in sorted(folder.glob("*/new/*")):
        message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        found.append((path.parts[-3].partition("@")[0], message))
    return found
