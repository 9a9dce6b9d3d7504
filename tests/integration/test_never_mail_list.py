"""Who is never mailed: the latest first, with the address where the reader is still known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.db import Database
from subscribers import leaving, signup
from subscribers.model import EVERYTHING, Act, SuppressionReason
from subscribers.rights_store import Listed, list_never_mailed
from subscribers.suppression import address_hash
from subscribers.tokens import Key, KeyRing, Keys
from tests.integration.newsletters import DAILY, make_newsletters

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
ANN, BOB = "ann@reader.example", "bob@reader.example"


def _suppressed(
    database: Database, address: str, minutes: int, scope: str = EVERYTHING, *, known: bool = True
) -> Listed:
    """Put an address on the list; give its line."""
    act, reason = Act(NOON + timedelta(minutes=minutes), "command"), SuppressionReason.PUBLISHER
    leaving.suppress(database, address, act, keys=KEYS, reason=reason, scope=scope)
    hashed = address_hash(KEYS.suppression, address)
    return Listed(hashed, scope, reason, act.at, address if known else None)


def test_the_latest_come_first_with_the_address_of_who_is_known(database: Database) -> None:
    make_newsletters(database)
    signup.add(database, ANN, [DAILY], Act(NOON, "command"), keys=KEYS)
    assert _listed(database, limit=9) == ([], 0)
    first = _suppressed(database, ANN, 1, "daily")
    second = _suppressed(database, BOB, 2, known=False)
    third = _suppressed(database, ANN, 3)
    assert _listed(database, limit=9) == ([third, second, first], 3)
    assert _listed(database, limit=2) == ([third, second], 3)


def _listed(database: Database, *, limit: int) -> tuple[list[Listed], int]:
    with database.read() as connection:
        return list_never_mailed(connection, limit=limit)
