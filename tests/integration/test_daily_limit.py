"""However much goes wrong in a day, one operator gets so many mails and one last."""

from __future__ import annotations

from datetime import datetime, timedelta

from digest.db import Database
from digest.outbox import store
from digest.outbox.model import Notice
from digest.workflow.telling import operators_notices
from tests.unit.delivery.delivery_builders import NOON

ADA, BEA = "ada@ops.example", "bea@ops.example"


def _tell(database: Database, what: str, *people: str, at: datetime = NOON) -> list[bool]:
    notices = operators_notices(
        people or (ADA,), key=what, what=what, detail="d", remedy="r", now=at, a_day=3
    )
    with database.write() as connection:
        return [store.put(connection, notice) for notice in notices]


def _whats(database: Database, address: str) -> list[object]:
    with database.read() as connection:
        found: list[Notice] = store.due(connection, now=NOON + timedelta(days=9), limit=99)
    return [notice.facts["what"] for notice in found if notice.to_address == address]


def test_after_so_many_mails_there_comes_one_last(database: Database) -> None:
    told = [_tell(database, f"trouble {n}") for n in range(7)]
    assert told == [[True]] * 3 + [[False]] * 4
    assert _whats(database, ADA) == [
        "trouble 0",
        "trouble 1",
        "trouble 2",
        "more is wrong than is mailed in a day",
    ]


def test_what_was_told_before_is_no_reason_for_the_last_one(database: Database) -> None:
    for n in (0, 1, 2, 0, 1, 2):
        _tell(database, f"trouble {n}")
    assert _whats(database, ADA) == ["trouble 0", "trouble 1", "trouble 2"]


def test_each_operator_and_each_day_has_a_limit_of_its_own(database: Database) -> None:
    for n in range(4):
        _tell(database, f"trouble {n}")
    assert _tell(database, "trouble 4", ADA, BEA) == [False, True]
    midnight = NOON.replace(hour=0) + timedelta(days=1)
    assert _tell(database, "late", at=midnight - timedelta(seconds=1)) == [False]
    assert _tell(database, "early", at=midnight) == [True]
    assert _whats(database, BEA) == ["trouble 4"]
