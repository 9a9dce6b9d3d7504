"""The never-mail list by the publisher's own hand: put on it, taken off it, and why, in the audit.

What stands there for another reason (a complaint, a dead mailbox, the reader's own wish) is not
theirs to lift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from digest.db import Database
from digest.people.store import append_audit
from digest.workflow.erase import subjects
from subscribers import directory_store, leaving, rights_store, store
from subscribers.address import read_address
from subscribers.change_store import What, tell_change
from subscribers.departures import Departure, Departures
from subscribers.directory_store import NeverMailed
from subscribers.model import EVERYTHING, Act, Consent, ConsentKind, Outcome, SuppressionReason
from subscribers.suppression import address_hash
from subscribers.tokens import Keys

_OURS = SuppressionReason.PUBLISHER


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was taken off the list, by scope, and what stays on it."""

    scopes: tuple[str, ...]
    left: Sequence[NeverMailed]


def forbid(
    database: Database,
    address_text: str,
    act: Act,
    *,
    keys: Keys,
    scope: str = EVERYTHING,
    why: str = "",
    reason: SuppressionReason = _OURS,
    departures: Departures | None = None,
) -> Outcome:
    """Put an address, known or not, on the never-mail list, and note why in the audit.

    Raises AddressError, and NotFoundError for a scope that is no newsletter.
    """
    outcome = leaving.suppress(
        database,
        address_text,
        act,
        keys=keys,
        reason=reason,
        scope=scope,
        departures=departures,
    )
    key = read_address(address_text).key
    _note(database, key, keys, act, verb="subscriber.suppress", detail=_detail(scope, why))
    return outcome


def lift(
    database: Database,
    address_text: str,
    act: Act,
    *,
    keys: Keys,
    why: str,
    scope: str = EVERYTHING,
    departures: Departures | None = None,
) -> Lifted:
    """Take an address off the list where the publisher put it there; nobody is subscribed by it.

    The scope of everything means each newsletter's too. Raises AddressError.
    """
    key = read_address(address_text).key
    hashed = address_hash(keys.suppression, key)
    with database.write() as connection:
        scopes = rights_store.take_off(connection, hashed, scope, reason=_OURS)
        left = directory_store.never_mailed(connection, hashed)
        reader = store.lock_subscriber(connection, address_key=key)
        if scopes and reader is not None:
            line = Consent(ConsentKind.LIFTED, None, act)
            store.append_consent(connection, reader.id, line)
            tell_change(connection, reader.id, [None], What.CHANGED, at=act.at)
    if not scopes:
        return Lifted((), left)
    _note(database, key, keys, act, verb="subscriber.lift", detail=_detail(scope, why))
    if departures is not None and scope == EVERYTHING:
        # After the act, not before it: a backup put back may forbid too much, never too little.
        public_id = reader.public_id if reader else ""
        gone = Departure(ConsentKind.LIFTED, act.at, public_id, hashed, None, _OURS)
        leaving.keep(departures, gone)
    return Lifted(tuple(scopes), left)


def _detail(scope: str, why: str) -> dict[str, str]:
    return {"scope": scope, **({"reason": why} if why else {})}


def _note(
    database: Database, key: str, keys: Keys, act: Act, *, verb: str, detail: dict[str, str]
) -> None:
    with database.write() as connection:
        reader = store.find_subscriber(connection, address_key=key)
        public_id = reader.public_id if reader else ""
        names = subjects(public_id, address_hash(keys.suppression, key))
        subject = next(filter(None, names))
        append_audit(
            connection, at=act.at, actor=act.via, verb=verb, subject=subject, detail=detail
        )
