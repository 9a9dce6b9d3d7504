"""Door to the database: what is on now, what comes next, and what needs a person."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from digest.delivery import store as ledger
from digest.delivery.model import Tally
from digest.editions import store as editions
from digest.editions.cadence import next_slot
from digest.editions.model import Edition, EditionState, Newsletter
from digest.outbox import store as outbox
from digest.sources import store as sources
from digest.workflow.model import Newsroom
from digest.workflow.store import STALE_AFTER, heartbeats
from subscribers import store as readers

_LAST = 8


@dataclass(frozen=True, slots=True)
class NewsletterLine:
    """One newsletter: what its current edition does and when the next one comes."""

    slug: str
    name: str
    now: str
    next_at: datetime | None
    readers: int


@dataclass(frozen=True, slots=True)
class EditionLine:
    """One of the last editions, with its counts; none where nothing was planned."""

    on: date
    address: str
    name: str
    number: int
    state: str
    accepted: int
    deferred: int
    failed: int
    uncertain: int


@dataclass(frozen=True, slots=True)
class Overview:
    """The whole of it; `needs` are sentences that end with their remedy."""

    newsletters: tuple[NewsletterLine, ...]
    editions: tuple[EditionLine, ...]
    needs: tuple[str, ...]

    def facts(self) -> dict[str, Any]:
        """Give it as plain tables, for machines."""
        return asdict(self)


def overview(newsroom: Newsroom) -> Overview:
    """Look at everything once; only reads."""
    now = newsroom.clock()
    with newsroom.database.read() as connection:
        last = editions.recent_editions(connection, limit=_LAST)
        tallies = {edition.id: ledger.tally(connection, edition.id) for edition in last}
        current = {n.id: editions.find_edition(connection, n) for n in newsroom.newsletters}
        sizes = {
            n.id: readers.audience_size(connection, n.id, now=now) for n in newsroom.newsletters
        }
        beats = heartbeats(connection)
        failing = [state for state in sources.source_states(connection) if state.error]
        waiting = outbox.waiting_count(connection)
    needs = [_edition_need(edition, tallies[edition.id]) for edition in last]
    needs += [
        f"The source {s.name} fails, {s.failures} in a row: {s.error}  digest sources check"
        for s in failing
    ]
    if not any(now - beat.beat_at < STALE_AFTER for beat in beats):
        work = f" {waiting} notices wait." if waiting else ""
        needs.append(f"Nothing is running.{work}  digest serve")
    names = {n.id: n.spec.name for n in newsroom.newsletters}
    return Overview(
        newsletters=tuple(
            _newsletter_line(n, current[n.id], now, sizes[n.id]) for n in newsroom.newsletters
        ),
        editions=tuple(_edition_line(e, tallies[e.id], names) for e in last),
        needs=tuple(need for need in needs if need),
    )


def state_words(edition: Edition, tally: Tally) -> str:
    """Give `sent`, or `sending, 5 to retry`: sent is said when every row is final."""
    if edition.state is EditionState.SENDING and tally.deferred:
        return f"{edition.state}, {tally.deferred} to retry"
    return str(edition.state)


def _newsletter_line(
    newsletter: Newsletter, current: Edition | None, now: datetime, size: int
) -> NewsletterLine:
    upcoming = next_slot(newsletter.spec.cadence, now)
    return NewsletterLine(
        slug=newsletter.slug,
        name=newsletter.spec.name,
        now=str(current.state) if current else "no edition yet",
        next_at=upcoming.send_at if upcoming else None,
        readers=size,
    )


def _edition_line(edition: Edition, tally: Tally, names: dict[int, str]) -> EditionLine:
    return EditionLine(
        on=edition.local_date,
        address=edition.address,
        name=names.get(edition.newsletter_id, edition.slug),
        number=edition.number,
        state=state_words(edition, tally),
        accepted=tally.accepted,
        deferred=tally.deferred,
        failed=tally.failed,
        uncertain=tally.uncertain,
    )


def _edition_need(edition: Edition, tally: Tally) -> str:
    address = edition.address
    if edition.state is EditionState.HELD:
        return f"{address} is held: {edition.reason}  digest approve {address}"
    if edition.state is EditionState.STOPPED:
        return f"{address} is stopped: {edition.reason}"
    if tally.uncertain:
        return (
            f"{address}: {tally.uncertain} may or may not have it."
            f"  digest retry {address} --uncertain"
        )
    if tally.failed:
        return f"{address}: {tally.failed} refused.  digest status {address}"
    return ""
