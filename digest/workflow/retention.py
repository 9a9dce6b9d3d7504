"""Let go of what has been kept for long enough: an hour's round, in steps that nobody waits for.

Each kind is looked for first, reading; only what is found is written, a thousand rows a
transaction, with a pause after each. Whom we mail never changes by it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from digest.db import Connection, Database
from digest.delivery import forget_store as ledger
from digest.editions.store import edition_by_id
from digest.log import event
from digest.outbox import forget_store as outbox
from digest.outbox.store import put
from digest.people import forget_store as people
from digest.people import user_store as users
from digest.people.model import SessionRules
from digest.workflow import file_store
from digest.workflow.telling import operators_notices
from subscribers import forget_store as readers
from subscribers import store
from subscribers.model import EVERYTHING
from subscribers.tokens import CONFIRM_LIFE, LIVES, Purpose

_LOG = logging.getLogger(__name__)

ROUND = timedelta(hours=1)
"""How often it is done."""

_AT_ONCE = 1000
_COPIES_AT_ONCE = 2000  # rows of the ledger: they are dropped by range, in a few milliseconds
_PAUSE_SECONDS = 0.02  # without it other writers of a SQLite file starve between two steps
_DAY = timedelta(days=1)
_COUNTED = 2 * _DAY  # no limit counts for longer than a day
_FOLLOWED = _DAY  # whoever follows the feed of changes has read it long before
_LINKS = CONFIRM_LIFE + _DAY  # until then a notice's key keeps a link from being answered twice
_TYPED = 7 * _DAY  # until then a form that was opened in a session is known by it
_UNDER_WAY = 3 * _DAY  # until then a message that was on its way may bring words of its server


@dataclass(frozen=True, slots=True)
class Keep:
    """How long each kind is kept; the names are those of [readers] keep in digest.toml."""

    ip: timedelta = timedelta(days=90)
    unconfirmed: timedelta = timedelta(days=30)
    notices: timedelta = timedelta(days=30)
    attempts: timedelta = timedelta(days=180)
    changes: timedelta = timedelta(days=90)
    deliveries: timedelta = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Gone:
    """How many of each kind were let go."""

    ips: int = 0
    readers: int = 0
    notices: int = 0
    attempts: int = 0
    deliveries: int = 0
    changes: int = 0
    answers: int = 0
    windows: int = 0
    sessions: int = 0
    sign_in_links: int = 0
    changes_of_address: int = 0
    late_words: int = 0
    """Readers erased while a message of theirs was on its way, of whom a server still spoke."""
    pages: int = 0
    """Free pages by which a SQLite file became shorter."""

    @property
    def facts(self) -> dict[str, int]:
        """Give the kinds of which anything went."""
        return {name: count for name, count in asdict(self).items() if count}


@dataclass(frozen=True, slots=True)
class _Chore:
    """One kind of thing: how the next that are due are found, and how these are let go."""

    find: Callable[[Connection], Sequence[Any]]
    drop: Callable[[Connection, Sequence[Any]], int]


def retain(
    database: Database,
    keep: Keep,
    now: datetime,
    *,
    stop: Callable[[], bool] = lambda: False,
    operators: Iterable[str] = (),
    rules: SessionRules = SessionRules(),  # noqa: B008 - frozen, and the same for all
) -> Gone:
    """Let go of everything that is older than it may be; give the counts.

    `stop` takes effect between two steps: the next round goes on. Where nothing is due, nothing
    is written, and the one lock of SQLite is not taken. The copies of an edition whose counts do
    not say the same as its rows are left, and the `operators` told of it, once a day. `rules` say
    when a session at the desk is over.
    """
    miscounted: set[int] = set()
    chores = {
        **_of_readers(database, keep, now),
        **_of_rooms(keep, now),
        **_of_people(rules, now),
        "deliveries": _of_ended_editions(now - keep.deliveries, miscounted),
    }
    gone = {name: _do(database, chore, stop) for name, chore in chores.items()}
    if miscounted:
        _tell_of(database, miscounted, tuple(operators), now)
    return Gone(**gone, pages=_do(database, _of_the_file(database), stop))


def _do(database: Database, chore: _Chore, stop: Callable[[], bool]) -> int:
    done = 0
    while not stop():
        with database.read() as connection:
            due = chore.find(connection)
        if not due:
            break
        with database.write() as connection:
            done += chore.drop(connection, due)
        time.sleep(_PAUSE_SECONDS)
    return done


def _of_readers(database: Database, keep: Keep, now: datetime) -> dict[str, _Chore]:
    most = _AT_ONCE
    ips, changes = now - keep.ip, now - max(keep.changes, _FOLLOWED)
    moves, windows = now - LIVES[Purpose.ADDRESS], now - _COUNTED
    return {
        "ips": _Chore(
            lambda connection: readers.old_ips(connection, before=ips, most=most),
            readers.empty_ips,
        ),
        "readers": _never_confirmed(database, now - keep.unconfirmed, now),
        "changes": _Chore(
            lambda connection: readers.old_changes(connection, before=changes, most=most),
            readers.drop_changes,
        ),
        "windows": _Chore(
            lambda connection: readers.old_windows(connection, before=windows, most=most),
            lambda connection, due: readers.drop_windows(connection, due, before=windows),
        ),
        "changes_of_address": _Chore(
            lambda connection: readers.old_changes_of_address(connection, before=moves, most=most),
            lambda connection, due: readers.drop_changes_of_address(connection, due, before=moves),
        ),
    }


def _never_confirmed(database: Database, before: datetime, now: datetime) -> _Chore:
    """Go through all who are unconfirmed, once: most of them are young."""
    with database.read() as connection:
        newsletters = store.newsletters_in(connection, EVERYTHING)
    last = 0

    def find(connection: Connection) -> Sequence[int]:
        nonlocal last
        while newsletters:
            page = readers.unconfirmed_after(connection, newsletters[0], last, most=_AT_ONCE)
            last = page[-1] if page else 0
            if not page:
                newsletters.pop(0)
            elif due := readers.never_confirmed(connection, page, before=before):
                return due
        return ()

    def drop(connection: Connection, due: Sequence[int]) -> int:
        still = readers.never_confirmed(connection, due, before=before, for_update=True)
        return readers.forget(connection, still, at=now)

    return _Chore(find, drop)


def _of_rooms(keep: Keep, now: datetime) -> dict[str, _Chore]:
    most = _AT_ONCE
    notices, attempts, answers = now - keep.notices, now - keep.attempts, now - _DAY
    gone = min(notices, now - _LINKS)
    return {
        "notices": _Chore(
            lambda connection: outbox.old_notices(
                connection, before=notices, gone_before=gone, most=most
            ),
            lambda connection, due: outbox.empty_notices(connection, due, gone_before=gone),
        ),
        "attempts": _Chore(
            lambda connection: ledger.old_attempts(connection, before=attempts, most=most),
            ledger.drop_attempts,
        ),
        "answers": _Chore(
            lambda connection: people.old_answers(connection, before=answers, most=most),
            lambda connection, due: people.drop_answers(connection, due, before=answers),
        ),
        "late_words": _Chore(
            lambda connection: ledger.late_words(connection, since=now - _UNDER_WAY),
            _scrub_attempts,
        ),
    }


def _of_people(rules: SessionRules, now: datetime) -> dict[str, _Chore]:
    most, over, late = _AT_ONCE, now - _TYPED, now - _DAY
    return {
        "sessions": _Chore(
            lambda connection: users.old_sessions(connection, before=over, rules=rules, most=most),
            users.drop_sessions,
        ),
        "sign_in_links": _Chore(
            lambda connection: users.old_tokens(connection, before=late, most=most),
            users.drop_tokens,
        ),
    }


def _scrub_attempts(connection: Connection, subscriber_ids: Sequence[int]) -> int:
    for each in subscriber_ids:
        ledger.scrub_attempts(connection, each)
    return len(subscriber_ids)


def _of_ended_editions(before: datetime, miscounted: set[int]) -> _Chore:
    """Go by edition: what its rows say must stand in its counts before the first of them goes."""

    def find(connection: Connection) -> Sequence[int]:
        for each in ledger.past_editions(connection, before=before):
            if each in miscounted:
                continue
            if ledger.is_counted(connection, each):
                return [each]
            miscounted.add(each)
        return ()

    def drop(connection: Connection, due: Sequence[int]) -> int:
        most = _COPIES_AT_ONCE
        return sum(ledger.drop_rows(connection, each, before=before, most=most) for each in due)

    return _Chore(find, drop)


def _tell_of(
    database: Database, miscounted: Iterable[int], operators: Sequence[str], now: datetime
) -> None:
    with database.read() as connection:
        addresses = [edition_by_id(connection, each).address for each in sorted(miscounted)]
    event(_LOG, "copies kept: their counts are not theirs", logging.ERROR, editions=addresses)
    notices = operators_notices(
        operators,
        key="miscounted",
        what="the ledger's counts are not what its rows say",
        detail=f"Old copies of {', '.join(addresses)} would be dropped by now. They are kept, as"
        " nothing else says how many were sent.",
        remedy="Nothing is lost, and nothing more happens to them. This is a mistake in the"
        " program: report it.",
        now=now,
    )
    with database.write() as connection:
        for notice in notices:
            put(connection, notice)


def _of_the_file(database: Database) -> _Chore:
    """Make a SQLite file shorter where much of it is free; PostgreSQL sees to its own."""

    def find(connection: Connection) -> Sequence[int]:
        spare = file_store.spare_pages(connection) if database.is_sqlite else 0
        return [spare] if spare else ()

    def drop(connection: Connection, due: Sequence[int]) -> int:
        return file_store.give_back(connection, due[0])

    return _Chore(find, drop)
