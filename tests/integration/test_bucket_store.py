from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

from digest.clock import fixed, utc_now
from digest.db import Database
from digest.delivery.bucket_store import Bucket, forget, lock, save, seconds_now, slowed, used


def _saved(database: Database, *buckets: Bucket) -> None:
    with database.write() as connection:
        lock(connection, [bucket.key for bucket in buckets])
        save(connection, buckets)


def _locked(database: Database, *keys: str) -> dict[str, Bucket]:
    with database.write() as connection:
        return lock(connection, keys)


def test_a_row_is_made_when_it_is_asked_for_and_kept_to_the_last_bit(database: Database) -> None:
    assert _locked(database, "way:smtp", "all") == {
        "all": Bucket("all"),
        "way:smtp": Bucket("way:smtp"),
    }
    at = 1_800_000_000.123456
    full = Bucket("all", at + 0.1 / 3, 7, 0.1 + 0.2, at)
    _saved(database, full)
    assert _locked(database, "all") == {"all": full}
    assert _locked(database) == {}


def test_senders_who_lock_the_same_rows_never_lose_a_change(database: Database) -> None:
    keys = ["all", "group:a", "group:b"]

    def add(order: int) -> None:
        for _ in range(10):
            with database.write() as connection:
                rows = lock(connection, keys if order % 2 else keys[::-1])
                save(connection, [replace(row, used=row.used + 1) for row in rows.values()])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert [row.used for row in _locked(database, *keys).values()] == [40, 40, 40]


def test_the_slowed_are_listed_and_can_be_forgotten(database: Database) -> None:
    slow = Bucket("group:google", 5.0, 0, 0.5, 1000.0)
    _saved(database, slow, Bucket("all", 3.0), Bucket("group:yahoo", 3.0, 0, 0.25, 900.0))
    with database.write() as connection:
        assert slowed(connection) == [slow, Bucket("group:yahoo", 3.0, 0, 0.25, 900.0)]
        forget(connection, ["group:yahoo", "group:none"])
        assert slowed(connection) == [slow]


def test_how_much_of_a_day_is_used_can_be_read_by_anybody(database: Database) -> None:
    _saved(database, Bucket("day:example.org:2026-11-22", used=120))
    with database.read() as connection:
        assert used(connection, "day:example.org:2026-11-22") == 120
        assert used(connection, "day:example.org:2026-11-23") == 0


def test_the_clock_is_one_for_all_senders_and_moves_within_a_transaction(
    database: Database,
) -> None:
    with database.write() as connection:
        first = seconds_now(connection, utc_now)
        time.sleep(0.01)
        second = seconds_now(connection, utc_now)
    assert first < second
    assert abs(second - datetime.now(UTC).timestamp()) < 60
    if database.is_sqlite:
        with database.read() as connection:
            assert seconds_now(connection, fixed(datetime(2026, 1, 9, tzinfo=UTC))) == 1767916800
