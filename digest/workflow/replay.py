"""Replay what the file of departures says, across the rooms: whoever was erased is so once more."""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial

from digest.db import Database
from digest.log import event
from digest.workflow.erase import erase
from subscribers.departures import Departure, Departures
from subscribers.model import Act, SuppressionReason
from subscribers.replay import Replayed, replay
from subscribers.tokens import Keys

_LOG = logging.getLogger(__name__)


def replay_departures(
    database: Database, departures: Departures, *, keys: Keys, now: datetime, whole: bool = False
) -> Replayed:
    """Bring into the database who left and is not known to have; cheap when there is nothing new.

    Every process does this as it starts, so that a backup put back mails nobody who has left since
    it was made. A file that cannot be read is told in the log and stops nobody.
    """
    try:
        done = replay(
            database, departures, now=now, on_erased=partial(_erase, database, keys), whole=whole
        )
    except OSError as error:
        cause = error.strerror or type(error).__name__
        event(_LOG, "the file of who has left cannot be read", logging.ERROR, error=cause)
        return Replayed()
    if (done.applied or done.damaged) and not whole:  # who asks for all of it is told anyway
        level = logging.WARNING
        event(_LOG, "departures replayed", level, applied=done.applied, damaged=done.damaged)
    return done


def _erase(database: Database, keys: Keys, subscriber_id: int, gone: Departure) -> None:
    erase(
        database,
        subscriber_id=subscriber_id,
        act=Act(at=gone.at, via="file"),
        keys=keys,
        never_again=gone.reason == SuppressionReason.NEVER_AGAIN,
    )
