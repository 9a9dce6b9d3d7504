from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from digest.db import Database
from subscribers.limit_store import next_turn, take

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def _take(database: Database, minutes: float, *, key: str = "a", most: int = 2) -> timedelta | None:
    with database.write() as connection:
        return take(connection, key, most=most, within=HOUR, now=_at(minutes))


def test_a_window_begins_with_its_first_event_and_tells_how_long_to_wait(
    database: Database,
) -> None:
    assert [_take(database, minutes) for minutes in (0, 10, 20, 59.5)] == [
        None,
        None,
        timedelta(minutes=40),
        timedelta(seconds=30),
    ]
    assert [_take(database, minutes) for minutes in (60, 61)] == [None, None]
    assert _take(database, 62) == timedelta(minutes=58)
    assert _take(database, 20, key="b") is None


def test_of_many_at_once_only_so_many_are_taken(database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        waits = list(pool.map(lambda _: _take(database, 0, most=3), range(12)))
    assert sum(wait is None for wait in waits) == 3


def _turn(database: Database, minutes: float) -> tuple[float, bool]:
    with database.write() as connection:
        at, taken = next_turn(connection, "mail:a", apart=HOUR, now=_at(minutes))
    return (at - NOON).total_seconds() / 60, taken


def test_turns_are_never_closer_than_they_may_be_and_one_to_come_serves_all(
    database: Database,
) -> None:
    assert [_turn(database, minutes) for minutes in (0, 1, 30, 59, 60.5, 61, 121, 500)] == [
        (0, True),
        (60, True),
        (60, False),
        (60, False),
        (120, True),
        (120, False),
        (180, True),
        (500, True),
    ]


def test_of_many_at_once_each_turn_is_taken_once(database: Database) -> None:
    with ThreadPoolExecutor(6) as pool:
        turns = list(pool.map(lambda _: _turn(database, 0), range(8)))
    assert sorted(turns) == sorted([(0, True), (60, True), *[(60, False)] * 6])
