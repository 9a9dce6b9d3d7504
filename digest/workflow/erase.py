"""Erase: take a reader out of every table; what stays is a number, its proof, and a keyed hash.

Unsubscribing ends letters, suppressing forbids them, erasing takes the person away. The hash keeps
everybody else from bringing the address back; its owner may come back by confirming, unless they
asked never to be mailed again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from digest.db import Connection, Database
from digest.delivery import domain_store as domains
from digest.delivery import forget_store as ledger
from digest.delivery.providers import domain_of
from digest.outbox import forget_store as outbox
from digest.people import store as people
from subscribers import forget_store, store
from subscribers.change_store import What, tell_change
from subscribers.departures import Departure, Departures
from subscribers.forget_store import Known
from subscribers.leaving import keep
from subscribers.model import Act, Consent, ConsentKind, SuppressionReason
from subscribers.tokens import Grant, KeyRing, Keys, Purpose

_NAMED = 32
_SAME = 18
"""A token's first characters hold its key's number and its reader, whatever else it says."""


def erase(
    database: Database,
    *,
    subscriber_id: int,
    act: Act,
    keys: Keys,
    departures: Departures | None = None,
    never_again: bool = False,
) -> bool:
    """Erase a reader in one transaction; False when that was done before, or there is no such.

    With `never_again` not even their own double opt-in brings the address back. The line in the
    file of departures is on the disk before anything is written here.
    """
    with database.read() as connection:
        reader = forget_store.known(connection, subscriber_id)
    if reader is None:
        return False
    reason = SuppressionReason.NEVER_AGAIN if never_again else SuppressionReason.ERASED
    if departures is not None:
        hashed = reader.address_hmac
        gone = Departure(ConsentKind.ERASED, act.at, reader.public_id, hashed, None, reason)
        keep(departures, gone)
    return _take_away(database, reader, act, keys, reason)


def _take_away(
    database: Database, reader: Known, act: Act, keys: Keys, reason: SuppressionReason
) -> bool:
    with database.read() as connection:
        told = outbox.notices_about(connection, reader.address, marks(reader.public_id, keys))
        own_domain = domain_of(reader.address)
        is_theirs = forget_store.is_only_one_at(connection, own_domain, reader)
    with database.write() as connection:
        still = forget_store.known(connection, reader.id, for_update=True)
        if still is None:
            return False
        _scrub_rooms(connection, still, told, act)
        if is_theirs:
            domains.forget(connection, own_domain)
        _blank(connection, still, act)
        forget_store.never_mail(connection, still.address_hmac, reason=reason, at=act.at)
    forget_store.shrink_log(database)
    return True


def marks(public_id: str, keys: Keys) -> list[str]:
    """Give what marks a notice as a reader's: their id, and how links begin, one for each key."""
    grant = Grant(public_id, (1,))
    rings = (KeyRing((key,)) for key in keys.links.keys)
    return [public_id, *(ring.sign(Purpose.UNSUBSCRIBE, grant)[:_SAME] for ring in rings)]


def subjects(public_id: str, address_hmac: str) -> tuple[str, str]:
    """Give the names of a reader in the audit: as a reader, and as an entry of the never-list."""
    return public_id, address_hmac[:_NAMED]


def _scrub_rooms(connection: Connection, reader: Known, told: Collection[int], act: Act) -> None:
    """Take the reader's words out of the other rooms: each that keeps any has its line here."""
    ledger.scrub_attempts(connection, reader.id)
    outbox.scrub(connection, told, reader.address, at=act.at)
    for subject in subjects(reader.public_id, reader.address_hmac):
        people.scrub_reader(connection, subject)


def _blank(connection: Connection, reader: Known, act: Act) -> None:
    line = Consent(ConsentKind.ERASED, None, replace(act, ip=None))
    store.append_consent(connection, reader.id, line)
    forget_store.drop_wishes_for(connection, reader.id)
    forget_store.blank(connection, [reader.id], at=act.at)
    tell_change(connection, reader.id, [None], What.ERASED, at=act.at)
