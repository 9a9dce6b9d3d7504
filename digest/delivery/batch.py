"""Door: send one leased batch; the ledger is true before and after each message."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.db import Connection
from digest.delivery import store
from digest.delivery.backoff import next_probe
from digest.delivery.model import Batch, Reply, Settled
from digest.delivery.run import Letter, Run, look_up
from digest.delivery.settle import settle
from digest.editions.model import EditionState
from digest.errors import DigestError
from subscribers.model import Recipient

_LEASE = timedelta(minutes=15)


class LeaseLostError(DigestError):
    """Another sender has taken the batch: what we were about to record is undone."""


@dataclass(slots=True)
class _Work:
    """A batch in hand: who is left, and the last result, which is not recorded yet."""

    batch: Batch
    waiting: deque[int]
    losses: int
    answer: tuple[int, Settled] | None = None
    skipped: list[Settled] = field(default_factory=list)


def send_batch(run: Run) -> bool:
    """Lease the next due batch and send it; False when none was due.

    Raises LeaseLostError when another sender takes it over meanwhile.
    """
    now = run.clock()
    with run.database.write() as connection:
        batch = store.claim_batch(connection, owner=run.owner, now=now, lease_until=now + _LEASE)
    if batch is None:
        return False
    work = _Work(batch, deque(batch.subscriber_ids), batch.losses)
    try:
        with run.database.read() as connection:
            letter = run.letter(connection, batch.edition_id)
    except DigestError as error:
        run.tell(str(error))
        _put_off_edition(run, work)
    else:
        _send_readers(run, work, letter)
    return True


def _send_readers(run: Run, work: _Work, letter: Letter) -> None:
    while (target := _next(run, work)) is not None:
        subscriber_id, reader = target
        reply = run.hand_over(letter, reader)
        if reply.server_away and not _is_to_blame(work.batch, subscriber_id, reply):
            _leave(run, work, lost_at=subscriber_id if reply.begun else work.batch.lost_at)
            return
        work.answer = (subscriber_id, _first_result(work.batch, subscriber_id, reply, run.clock()))
        work.losses = work.losses if reply.connection_lost else 0
        run.count(work.answer[1])


def _is_to_blame(batch: Batch, subscriber_id: int, reply: Reply) -> bool:
    """Tell whether this very copy lost us the connection twice running: it must not block all."""
    return reply.begun and batch.lost_at == subscriber_id


def _first_result(batch: Batch, subscriber_id: int, reply: Reply, now: datetime) -> Settled:
    key = f"{batch.edition_id}:{subscriber_id}"
    return settle(reply, tries=1, first_at=now, now=now, key=key)


def _next(run: Run, work: _Work) -> tuple[int, Recipient] | None:
    """Record the last result and, in the same transaction, the intent to send the next.

    Gives None when the batch was given back, finished or not.
    """
    if run.limit.wait(time.monotonic()) > 0:
        _record_only(run, work)  # a result must not lie about while we wait for the pace
        run.keep_pace()
    now = run.clock()
    halted = run.halted()
    with run.database.write() as connection:
        _record(connection, work, now=now)
        if halted or not _is_sending(connection, work.batch):
            target = None
            kept = _give_back(connection, run, work, now=now)
        else:
            target = _take_next(connection, work, now=now)
            kept = _intend_or_finish(connection, work, target, now=now)
        _require(work.batch, kept=kept)
    work.answer = None
    run.count(*work.skipped)
    work.skipped.clear()
    return target


def _record_only(run: Run, work: _Work) -> None:
    if work.answer is None:
        return
    now = run.clock()
    with run.database.write() as connection:
        _record(connection, work, now=now)
        _require(work.batch, kept=_intend(connection, work, 0, now=now))
    work.answer = None


def _record(connection: Connection, work: _Work, *, now: datetime) -> None:
    if work.answer is not None:
        subscriber_id, settled = work.answer
        store.record(connection, work.batch.edition_id, subscriber_id, settled, now=now)


def _take_next(
    connection: Connection, work: _Work, *, now: datetime
) -> tuple[int, Recipient] | None:
    """Take the next who may still be mailed; those who left after planning are skipped here."""
    while work.waiting:
        subscriber_id = work.waiting.popleft()
        found = look_up(
            connection,
            subscriber_id,
            work.batch.newsletter_id,
            language=work.batch.languages[subscriber_id],
            now=now,
        )
        if isinstance(found, Recipient):
            return subscriber_id, found
        store.record(connection, work.batch.edition_id, subscriber_id, found, now=now)
        work.skipped.append(found)
    return None


def _intend_or_finish(
    connection: Connection, work: _Work, target: tuple[int, Recipient] | None, *, now: datetime
) -> bool:
    if target is None:
        return store.finish_batch(connection, work.batch, now=now)
    return _intend(connection, work, target[0], now=now)


def _intend(connection: Connection, work: _Work, subscriber_id: int, *, now: datetime) -> bool:
    return store.intend(
        connection, work.batch, subscriber_id, losses=work.losses, lease_until=now + _LEASE
    )


def _is_sending(connection: Connection, batch: Batch) -> bool:
    return store.edition_state(connection, batch.edition_id) is EditionState.SENDING


def _leave(run: Run, work: _Work, *, lost_at: int | None) -> None:
    """Give the batch back with its reader still planned: nothing was sent to them."""
    now = run.clock()
    with run.database.write() as connection:
        kept = _postpone(connection, run, work, lost_at=lost_at, now=now)
        _require(work.batch, kept=kept)


def _give_back(connection: Connection, run: Run, work: _Work, *, now: datetime) -> bool:
    if run.away:
        return _postpone(connection, run, work, lost_at=work.batch.lost_at, now=now)
    return store.release_batch(connection, work.batch)


def _postpone(
    connection: Connection, run: Run, work: _Work, *, lost_at: int | None, now: datetime
) -> bool:
    losses = work.losses + 1
    until = next_probe(losses, now)
    if run.away:
        store.postpone_due(connection, until=until, now=now)
    return store.postpone_batch(
        connection, work.batch, due_at=until, losses=losses, lost_at=lost_at
    )


def _put_off_edition(run: Run, work: _Work) -> None:
    """Leave an edition that has no composition for later; the others go on."""
    now = run.clock()
    edition_id = work.batch.edition_id
    with run.database.write() as connection:
        until = next_probe(work.losses + 1, now)
        store.postpone_due(connection, until=until, now=now, edition_id=edition_id)
        kept = _postpone(connection, run, work, lost_at=work.batch.lost_at, now=now)
        _require(work.batch, kept=kept)


def _require(batch: Batch, *, kept: bool) -> None:
    """Raise inside the transaction, so that all of it is undone."""
    if not kept:
        raise LeaseLostError(
            f"batch {batch.n} of edition {batch.edition_id}: another sender has taken it over"
        )
