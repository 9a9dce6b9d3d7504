"""Who is at the desk, as their pages said a moment ago."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from digest.db import Database
from digest.people.presence_store import HERE_FOR, Present, be_here, leave, who_is_here

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"


def test_somebody_is_here_until_they_leave_or_fall_silent(database: Database) -> None:
    with database.write() as connection:
        be_here(connection, FRIDAY, "1", name="Alma", now=NOON, doing="rewords a story")
        be_here(connection, FRIDAY, "2", name="Ben", now=NOON - HERE_FOR - timedelta(seconds=1))
        be_here(connection, MONDAY, "3", name="Cleo", now=NOON)
    with database.read() as connection:
        assert who_is_here(connection, FRIDAY, now=NOON) == [
            Present("1", "Alma", "rewords a story")
        ]
    with database.write() as connection:
        leave(connection, FRIDAY, "1")
        assert who_is_here(connection, FRIDAY, now=NOON) == []


def test_a_sign_of_life_keeps_what_somebody_is_at(database: Database) -> None:
    later = NOON + timedelta(seconds=15)
    with database.write() as connection:
        be_here(connection, FRIDAY, "1", name="Alma", now=NOON, doing="rewords a story")
        be_here(connection, FRIDAY, "1", name="Alma", now=later)
        assert who_is_here(connection, FRIDAY, now=later)[0].doing == "rewords a story"
        be_here(connection, FRIDAY, "1", name="Alma", now=later, doing="")
        assert who_is_here(connection, FRIDAY, now=later)[0].doing == ""


def test_rows_of_long_ago_go_by_themselves(database: Database) -> None:
    with database.write() as connection:
        be_here(connection, FRIDAY, "1", name="Alma", now=NOON)
        be_here(connection, FRIDAY, "2", name="Ben", now=NOON + timedelta(hours=1))
        assert [each.who for each in who_is_here(connection, FRIDAY, now=NOON)] == ["2"]
