"""Leave: unsubscribe, by a link, a mail or a command, and the never-mail list. At once, and once.

Whoever has left is not mailed again, whatever was planned: the row changes before we answer, and
every sender looks at it right before each message. With `departures`, who left stands in a file on
the disk before the database says so.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from digest.db import Connection, Database, Together
from digest.errors import NotFoundError, TokenError
from digest.log import event
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice, NoticeKind
from subscribers import replay_store, store
from subscribers.address import read_address
from subscribers.departures import Departure, Departures
from subscribers.limit_store import take
from subscribers.mailto import Wish, read_wish
from subscribers.model import (
    EVERYTHING,
    Act,
    ConsentKind,
    Outcome,
    Subscriber,
    SuppressionReason,
)
from subscribers.record import current, end
from subscribers.suppression import NORM_VERSION, address_hash
from subscribers.tokens import Keys, Purpose

_LOG = logging.getLogger(__name__)
_AT_ONCE = 32
_GOODBYES_APART = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Goodbye:
    """What the one last mail to who has left says; without one none is written."""

    newsletter_names: Mapping[int, str]
    back_url: str
    """The page where they can subscribe again."""
    language: str = ""
    """The language of who has told none."""


def unsubscribe(
    database: Database,
    token: str,
    act: Act,
    *,
    keys: Keys,
    everything: bool = False,
    departures: Departures | None = None,
    goodbye: Goodbye | None = None,
) -> Outcome:
    """Stop what a link stands for, at once; with `everything`, all the reader gets.

    Works for ever, whatever became of editions and newsletters; twice is the same as once.
    Raises TokenError only for a forged or damaged link.
    """
    grant = keys.links.read(Purpose.UNSUBSCRIBE, token)
    which = None if everything else grant.newsletter_ids
    who = {"public_id": grant.reader}
    reader, changed = _Leaver(database, act, which, who, departures, goodbye).leave()
    return Outcome(reader.id if reader else None, grant.newsletter_ids, changed)


@dataclass(frozen=True, slots=True)
class LeftByMail:
    """What a mail to the address in List-Unsubscribe did."""

    wish: Wish
    outcomes: tuple[Outcome, ...] = ()
    """One for each genuine token."""
    ask: str = ""
    """Who is to be sent a fresh link, as their mail proved nothing; the caller mails it."""
    reason: str = ""
    """Why it was no wish."""


def leave_by_mail(
    database: Database,
    message: bytes,
    act: Act,
    *,
    keys: Keys,
    departures: Departures | None = None,
    goodbye: Goodbye | None = None,
) -> LeftByMail:
    """Stop what the tokens in the subject of a mail stand for; without one, nothing is changed."""
    wanted = read_wish(message)
    outcomes = []
    for token in wanted.tokens:
        with contextlib.suppress(TokenError):
            outcomes.append(
                unsubscribe(database, token, act, keys=keys, departures=departures, goodbye=goodbye)
            )
    if outcomes:
        return LeftByMail(Wish.LEAVE, tuple(outcomes))
    if wanted.sender:  # without a token, or with one of a key that is lost
        return LeftByMail(Wish.ASK, ask=wanted.sender)
    return LeftByMail(Wish.NONE, reason=wanted.reason or "no link of ours")


def unsubscribe_address(
    database: Database,
    address_text: str,
    newsletter_ids: Collection[int] | None,
    act: Act,
    *,
    departures: Departures | None = None,
) -> Outcome:
    """Stop some newsletters (None: all) for an address, by the publisher's command.

    Raises AddressError, and NotFoundError when nobody has this address.
    """
    address = read_address(address_text)
    who = {"address_key": address.key}
    reader, changed = _Leaver(database, act, newsletter_ids, who, departures).leave()
    if reader is None:
        raise NotFoundError(
            f"reader: {address.mailed}: no such subscriber",
            hint="Look for the spelling with: digest subscribers list",
        )
    return Outcome(reader.id, changed if newsletter_ids is None else tuple(newsletter_ids), changed)


def suppress(
    database: Database,
    address_text: str,
    act: Act,
    *,
    keys: Keys,
    reason: SuppressionReason,
    scope: str = EVERYTHING,
    departures: Departures | None = None,
) -> Outcome:
    """Put an address, known or not, on the never-mail list, and end what it gets.

    Raises AddressError, and NotFoundError for a scope that is no newsletter.
    """
    address = read_address(address_text)
    hashed = address_hash(keys.suppression, address.key)
    with database.read() as connection:
        covered = store.newsletters_in(connection, scope)
        reader = store.find_subscriber(connection, address_key=address.key)
    if scope != EVERYTHING and not covered:
        raise NotFoundError(f"newsletter: {scope}: there is none of this name")
    gone = Departure(
        kind=ConsentKind.SUPPRESSED,
        at=act.at,
        public_id=reader.public_id if reader else "",
        address_hmac=hashed,
        newsletters=None if scope == EVERYTHING else (scope,),
        reason=reason,
    )
    keep(departures, gone)
    with database.write() as connection:
        store.insert_suppression(
            connection, hashed, scope=scope, reason=reason, norm_version=NORM_VERSION, at=act.at
        )
        reader = store.lock_subscriber(connection, address_key=address.key)
        if reader is None:
            return Outcome(None, tuple(covered))
        changed = end(connection, reader, covered, act, ConsentKind.SUPPRESSED)
    return Outcome(reader.id, tuple(covered), changed)


@dataclass(frozen=True, slots=True)
class Leaving:
    """What is about to end, and the line for the file; both empty when nothing does."""

    newsletter_ids: frozenset[int] = frozenset()
    line: Departure | None = None


def about_to_leave(
    connection: Connection, reader: Subscriber, which: Collection[int] | None, act: Act
) -> Leaving:
    """Find what ends when a reader leaves these newsletters (None: all).

    The line goes to `keep` when the connection is given back, and before anything is written:
    nobody else should wait for the disk.
    """
    ending = frozenset(
        each.newsletter_id
        for each in current(connection, reader).values()
        if not each.ended and (which is None or each.newsletter_id in which)
    )
    if not ending:
        return Leaving()
    names = None if which is None else replay_store.slugs(connection, ending)
    return Leaving(ending, _left(act, reader.public_id, reader.address_hmac, names))


def keep(departures: Departures | None, *gone: Departure | None) -> None:
    """Put departures on the disk; a file that cannot be written keeps nobody from leaving."""
    lines = [each for each in gone if each is not None]
    if departures is None or not lines:
        return
    try:
        departures.append(lines)
    except OSError as error:
        cause = type(error).__name__ if error.strerror is None else error.strerror
        event(_LOG, "departure not kept in its file", logging.ERROR, error=cause, lines=len(lines))


@dataclass(frozen=True, slots=True)
class _Leaver:
    """One act of leaving: of whom, what, and where it is written."""

    database: Database
    act: Act
    which: Collection[int] | None
    who: Mapping[str, str]
    departures: Departures | None = None
    goodbye: Goodbye | None = None

    def leave(self) -> _Left:
        """End what a reader gets, together with others who leave at this moment."""
        return _doors.setdefault(self.database, Together(_leave_all, most=_AT_ONCE)).do(self)

    def look(self, connection: Connection) -> tuple[Subscriber | None, Leaving]:
        """Find the reader and what is about to end."""
        reader = store.find_subscriber(connection, **self.who)
        if reader is None:
            return None, Leaving(line=self._unknown(connection, **self.who))
        return reader, about_to_leave(connection, reader, self.which, self.act)

    def end(self, connection: Connection, noted: frozenset[int]) -> _Left:
        """Write it, now that nobody else can write; `noted` is in the file of departures."""
        reader = store.lock_subscriber(connection, **self.who)
        if reader is None:  # erased between our two looks
            return None, ()
        changed = end(connection, reader, self.which, self.act, ConsentKind.UNSUBSCRIBED)
        self._note_late(connection, reader, frozenset(changed) - noted)
        self._say_goodbye(connection, reader, changed)
        return reader, changed

    def _note_late(self, connection: Connection, reader: Subscriber, late: Collection[int]) -> None:
        """Keep what was confirmed between our two looks, and so is not in the file yet."""
        if late:
            names = replay_store.slugs(connection, late)
            line = _left(self.act, reader.public_id, reader.address_hmac, names)
            keep(self.departures, line)

    def _unknown(
        self, connection: Connection, *, public_id: str = "", address_key: str = ""
    ) -> Departure | None:
        """Say that a reader left whom a restored backup has forgotten: a newer may know them."""
        del address_key
        if not public_id or store.standing_of(connection, public_id) is not None:  # erased
            return None
        which = self.which
        names = None if which is None else replay_store.slugs(connection, which)
        return _left(self.act, public_id, "", names)

    def _say_goodbye(
        self, connection: Connection, reader: Subscriber, changed: Collection[int]
    ) -> None:
        if self.goodbye is None:
            return
        known, now = self.goodbye.newsletter_names, self.act.at
        names = [known[each] for each in changed if each in known]
        key = f"goodbye:{reader.address_hmac}"
        if names and take(connection, key, most=1, within=_GOODBYES_APART, now=now) is None:
            outbox.put(connection, _goodbye_notice(reader, names, self.goodbye, at=now))


_Left = tuple[Subscriber | None, tuple[int, ...]]
"""Who it was (None: nobody we know), and which newsletters ended."""

_doors: WeakKeyDictionary[Database, Together[_Leaver, _Left]] = WeakKeyDictionary()


def _leave_all(leavers: list[_Leaver]) -> list[_Left]:
    """Let some readers of one database leave: one look, one wait for the disk, one transaction."""
    database = leavers[0].database
    with database.read() as connection:
        looks = [leaver.look(connection) for leaver in leavers]
    for departures in dict.fromkeys(leaver.departures for leaver in leavers):
        lines = [
            look[1].line
            for each, look in zip(leavers, looks, strict=True)
            if each.departures is departures
        ]
        keep(departures, *lines)
    left: list[_Left] = [(reader, ()) for reader, _ in looks]
    if any(about.newsletter_ids for _, about in looks):
        with database.write() as connection:
            # In one order: two processes that lock readers crosswise would stop each other.
            for at in sorted(
                range(len(looks)), key=lambda at: leavers[at].who.get("public_id", "")
            ):
                if noted := looks[at][1].newsletter_ids:
                    left[at] = leavers[at].end(connection, noted)
    return left


def _left(act: Act, public_id: str, address_hmac: str, names: tuple[str, ...] | None) -> Departure:
    return Departure(ConsentKind.UNSUBSCRIBED, act.at, public_id, address_hmac, names)


def _goodbye_notice(
    reader: Subscriber, names: list[str], goodbye: Goodbye, *, at: datetime
) -> NewNotice:
    language = reader.language or goodbye.language
    return NewNotice(
        dedupe_key=f"goodbye:{reader.public_id}:{at:%Y%m%dT%H%M%S.%f}",
        kind=NoticeKind.GOODBYE,
        to_address=reader.address,
        facts={
            "newsletter": names,
            "address": reader.address,
            "back_url": goodbye.back_url,
            **({"language": language} if language else {}),
        },
        next_at=at,
    )
