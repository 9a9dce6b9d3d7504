"""Replay: bring in from the file of departures what a database does not know, as a backup put back.

Nothing is applied twice, and who has come back since stays: what is in the database already is the
usual case, as every departure is written to both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.db import Connection, Database
from subscribers import replay_store, store
from subscribers.departures import Departure, Departures, Line
from subscribers.model import (
    EVERYTHING,
    Act,
    ConsentKind,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.record import JOINED, end
from subscribers.replay_store import Addressees, Known, Picture
from subscribers.suppression import NORM_VERSION

_FOUND_AT_ONCE = 20_000
"""Lines whose addresses are looked for in one pass over all readers; they are kept in memory."""
_LOOKED_UP_AT_ONCE = 500
_WRITTEN_AT_ONCE = 16  # other writers wait for no more than these
_NEVER_AGAIN = frozenset({ConsentKind.SUPPRESSED, ConsentKind.ERASED})
_KINDS = _NEVER_AGAIN | {ConsentKind.UNSUBSCRIBED, ConsentKind.LIFTED}
_UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What reading a file did: its new lines, those that changed anything, those we cannot read."""

    lines: int = 0
    applied: int = 0
    damaged: int = 0


def replay(
    database: Database,
    departures: Departures,
    *,
    now: datetime,
    on_erased: Callable[[int, Departure], object] = lambda _reader, _gone: None,
    whole: bool = False,
) -> Replayed:
    """Apply what a file says and this database has not read yet; with `whole`, all of it again.

    A reader who confirmed after they left stays in. `on_erased` blanks what we know of a reader
    (by id, and as the line has it) before the line counts as read, and again after a crash. A
    damaged line is counted and passed over, and one without its end waits until it is whole.
    Raises OSError when the file is there and cannot be read.
    """
    size = departures.size()
    if size == 0:
        return Replayed()
    name = departures.name() or _UNNAMED
    with database.read() as connection:
        mark = replay_store.mark_of(connection, name)
    if mark == size and not whole:
        return Replayed()
    start = 0 if whole or mark > size else mark  # a shorter file is an older copy of it
    return _Replaying(database, name, now, on_erased).run(departures.after(start), mark)


@dataclass(slots=True)
class _Replaying:
    """One reading of a file, and its counts."""

    database: Database
    name: str
    now: datetime
    on_erased: Callable[[int, Departure], object]
    lines: int = 0
    applied: int = 0
    damaged: int = 0

    def run(self, lines: Iterable[Line], mark: int) -> Replayed:
        reached = mark
        for chunk in _chunks(lines, _FOUND_AT_ONCE):
            self.lines += len(chunk)
            known = [each for each in chunk if _is_known(each)]
            self.damaged += len(chunk) - len(known)
            found = self._addressees(known)
            for some in _chunks(known, _LOOKED_UP_AT_ONCE):
                for part in _chunks(self._news(some, found), _WRITTEN_AT_ONCE):
                    self._apply(part, found)
            reached = chunk[-1].end
        if reached != mark:
            with self.database.write() as connection:
                replay_store.set_mark(connection, self.name, reached, at=self.now)
        return Replayed(self.lines, self.applied, self.damaged)

    def _addressees(self, known: Sequence[Line]) -> Addressees:
        """Find who has the addresses of these lines; what is lifted is so by the hash alone."""
        told = [each for each in _departures(known) if each.kind != ConsentKind.LIFTED]
        with self.database.read() as connection:
            return replay_store.addressees(connection, told)

    def _news(self, known: Sequence[Line], found: Addressees) -> list[Line]:
        """Keep the lines that say what the database does not know yet."""
        told = _departures(known)
        with self.database.read() as connection:
            replay_store.keep_up(connection, found)
            picture = replay_store.picture_of(connection, told, found)
        lifted = {each.address_hmac for each in told if each.kind == ConsentKind.LIFTED}
        return [
            line
            for line, gone in zip(known, told, strict=True)
            if gone.address_hmac in lifted or _is_news(picture, gone)
        ]

    def _apply(self, part: Sequence[Line], found: Addressees) -> None:
        """Write what some lines say, and that they were read, in one transaction."""
        told = _departures(part)
        erased = self._erase([each for each in told if each.kind == ConsentKind.ERASED], found)
        with self.database.write() as connection:
            replay_store.keep_up(connection, found)
            for gone in told:
                picture = replay_store.picture_of(connection, [gone], found, lock=True)
                self.applied += _bring_in(connection, picture, gone) or gone in erased
            replay_store.set_mark(connection, self.name, part[-1].end, at=self.now)

    def _erase(self, told: Sequence[Departure], found: Addressees) -> set[Departure]:
        """Have those blanked who were erased; give the lines that meant anybody."""
        blanked: set[Departure] = set()
        if not told:
            return blanked
        with self.database.read() as connection:
            replay_store.keep_up(connection, found)
            picture = replay_store.picture_of(connection, told, found)
        for gone in told:
            if not _came_back(picture, gone):
                for reader in _meant(picture, gone):
                    if not reader.erased:
                        self.on_erased(reader.id, gone)
                        blanked.add(gone)
        return blanked


def _is_known(line: Line) -> bool:
    return line.departure is not None and line.departure.kind in _KINDS


def _departures(lines: Iterable[Line]) -> list[Departure]:
    return [each.departure for each in lines if each.departure is not None]


def _is_news(picture: Picture, gone: Departure) -> bool:
    if _ending(picture, gone) or _scopes(picture, gone):
        return True
    wants = gone.kind == ConsentKind.ERASED and not _came_back(picture, gone)
    return wants and any(not each.erased for each in _meant(picture, gone))


def _bring_in(connection: Connection, picture: Picture, gone: Departure) -> bool:
    """Write what one line says; tell whether that changed anything."""
    if gone.kind == ConsentKind.LIFTED:
        return replay_store.lift(connection, gone.address_hmac, gone.reason, upto=gone.at)
    changed = False
    for scope in _scopes(picture, gone):
        changed |= store.insert_suppression(
            connection,
            gone.address_hmac,
            scope=scope,
            reason=_reason(gone),
            norm_version=NORM_VERSION,
            at=gone.at,
        )
    act = Act(at=gone.at, via="file")
    for reader, newsletter_ids in _ending(picture, gone):
        found = store.lock_subscriber(connection, public_id=reader.public_id)
        if found is not None:
            changed |= bool(end(connection, found, newsletter_ids, act, ConsentKind(gone.kind)))
    return changed


def _meant(picture: Picture, gone: Departure) -> list[Known]:
    """Find whom a line is about: by public id, or under a new one by their address."""
    named = picture.by_public_id.get(gone.public_id)
    found = [] if named is None else [named]
    return found + [
        each for each in picture.by_hash.get(gone.address_hmac, ()) if each is not named
    ]


def _ending(picture: Picture, gone: Departure) -> list[tuple[Known, tuple[int, ...]]]:
    """Find what has not ended and was not joined since."""
    if gone.kind == ConsentKind.LIFTED:
        return []
    covered = _covered(picture, gone)
    found = (
        (
            reader,
            tuple(
                each.newsletter_id
                for each in reader.standings
                if not each.ended
                and (covered is None or each.newsletter_id in covered)
                and not _joined_since(each, gone.at)
            ),
        )
        for reader in _meant(picture, gone)
        if not reader.erased
    )
    return [(reader, ids) for reader, ids in found if ids]


def _scopes(picture: Picture, gone: Departure) -> list[str]:
    """Find where an address should stand on the never-mail list and does not."""
    if gone.kind not in _NEVER_AGAIN or not gone.address_hmac or _came_back(picture, gone):
        return []
    scopes = [EVERYTHING] if gone.newsletters is None else gone.newsletters
    return [scope for scope in scopes if (gone.address_hmac, scope) not in picture.listed]


def _came_back(picture: Picture, gone: Departure) -> bool:
    """Tell whether somebody who was never to be mailed was let in again later."""
    covered = _covered(picture, gone)
    return any(
        (reader.lifted_at is not None and reader.lifted_at > gone.at)
        or any(
            each.state in JOINED
            and (covered is None or each.newsletter_id in covered)
            and _joined_since(each, gone.at)
            for each in reader.standings
        )
        for reader in _meant(picture, gone)
    )


def _covered(picture: Picture, gone: Departure) -> set[int] | None:
    if gone.newsletters is None:
        return None
    known = picture.newsletters
    return {known[slug] for slug in gone.newsletters if slug in known}


def _joined_since(standing: Subscription, at: datetime) -> bool:
    """Tell whether they confirmed, or asked once more, after a moment."""
    asked = standing.state is SubscriptionState.UNCONFIRMED
    joined_at = standing.requested_at if asked else standing.confirmed_at
    return joined_at is not None and joined_at > at


def _reason(gone: Departure) -> SuppressionReason:
    known = {each.value: each for each in SuppressionReason}
    erased = gone.kind == ConsentKind.ERASED
    return known.get(
        gone.reason, SuppressionReason.ERASED if erased else SuppressionReason.PUBLISHER
    )


def _chunks(lines: Iterable[Line], size: int) -> Iterator[list[Line]]:
    rest = iter(lines)
    while chunk := list(itertools.islice(rest, size)):
        yield chunk
