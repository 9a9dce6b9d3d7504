"""Door: try one copy again that was put off before."""

from __future__ import annotations

from digest.delivery import store
from digest.delivery.backoff import next_probe
from digest.delivery.model import Retry, Settled
from digest.delivery.run import Run, look_up
from digest.delivery.settle import settle
from digest.errors import DigestError
from subscribers.model import Recipient


def send_again(run: Run) -> bool:
    """Send the retry that has waited longest; False when none was due."""
    run.keep_pace()
    if run.halted():
        return False
    now = run.clock()
    with run.database.write() as connection:
        retry = store.claim_retry(connection, now=now)
        if retry is None:
            return False
        found = look_up(
            connection, retry.subscriber_id, retry.newsletter_id, language=retry.language, now=now
        )
        if isinstance(found, Settled):
            store.record_retry(connection, retry, found, now=now)
    if isinstance(found, Settled):
        run.count(found)
    else:
        _try(run, retry, found)
    return True


def _try(run: Run, retry: Retry, reader: Recipient) -> None:
    try:
        with run.database.read() as connection:
            letter = run.letter(connection, retry.edition_id)
    except DigestError as error:
        run.tell(str(error))
        _put_back(run, retry)
        return
    reply = run.hand_over(letter, reader)
    if reply.server_away and not reply.begun:
        _put_back(run, retry)
        return
    now = run.clock()
    key = f"{retry.edition_id}:{retry.subscriber_id}"
    settled = settle(reply, tries=retry.tries + 1, first_at=retry.first_at, now=now, key=key)
    with run.database.write() as connection:
        ours = store.record_retry(connection, retry, settled, now=now)
    if not ours:
        run.give_up(f"a retry of edition {retry.edition_id}: another sender has taken it over")
        return
    run.count(settled)
    if run.away:
        _put_off_all(run)


def _put_back(run: Run, retry: Retry) -> None:
    """Leave it for later without counting it: nothing was sent, and not by its reader's fault."""
    now = run.clock()
    with run.database.write() as connection:
        store.put_back_retry(connection, retry, next_at=next_probe(2, now))
    if run.away:
        _put_off_all(run)


def _put_off_all(run: Run) -> None:
    now = run.clock()
    with run.database.write() as connection:
        store.postpone_due(connection, until=next_probe(2, now), now=now)
