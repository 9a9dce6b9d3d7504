from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from digest.db import Database
from digest.delivery.domain_store import (
    Domain,
    domain,
    domain_ids,
    save_groups,
    slow,
    slowed,
)

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def _ids(database: Database, *names: str) -> dict[str, Domain]:
    with database.write() as connection:
        return domain_ids(connection, names)


def test_a_domain_has_one_number_for_ever_and_never_0(database: Database) -> None:
    first = _ids(database, "gmail.com", "firm.example")
    again = _ids(database, "firm.example", "gmail.com", "firm.example")
    assert first == again
    assert {name: each.mx_group for name, each in first.items()} == {
        "gmail.com": "google",
        "firm.example": "firm.example",
    }
    assert all(each.id > 0 and each.name == name for name, each in first.items())
    assert _ids(database) == {}


def test_thousands_of_domains_get_their_numbers_in_one_go(database: Database) -> None:
    names = [f"d{n}.example" for n in range(1300)]
    found = _ids(database, *names)
    assert sorted(found) == sorted(names)
    assert len({each.id for each in found.values()}) == 1300


def test_senders_who_meet_the_same_new_domains_agree(database: Database) -> None:
    names = [f"d{n}.example" for n in range(60)]

    def meet(turn: int) -> dict[str, Domain]:
        mine = names if turn % 2 else names[::-1]
        return _ids(database, *mine[turn : turn + 50])

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(meet, range(8)))
    with database.read() as connection:
        rows = connection.execute(sa.select(domain.c.name, domain.c.id))
        kept: dict[str, int] = {row.name: row.id for row in rows}
    assert len(kept) == len(set(kept.values()))
    assert all(kept[name] == each.id for found in told for name, each in found.items())


def test_a_group_that_was_looked_up_is_kept_with_its_moment(database: Database) -> None:
    before = _ids(database, "firm.example", "other.example")
    with database.write() as connection:
        save_groups(connection, {"firm.example": "google", "unknown.example": "x"}, NOON)
        save_groups(connection, {}, NOON)
    found = _ids(database, "firm.example", "other.example")
    assert found["firm.example"] == Domain(
        before["firm.example"].id, "firm.example", "google", NOON
    )
    assert found["other.example"] == before["other.example"]


def test_a_domain_is_looked_up_when_it_is_new_and_again_after_a_week(
    at: Callable[[str], datetime],
) -> None:
    new = Domain(1, "firm.example", "firm.example")
    looked = Domain(1, "firm.example", "google", NOON)
    assert new.wants_look_up(NOON)
    assert not Domain(2, "gmail.com", "google").wants_look_up(NOON)
    assert not looked.wants_look_up(at("2026-11-29 11:59"))
    assert looked.wants_look_up(at("2026-11-29 12:00"))
    assert looked.wants_look_up(at("2026-11-21 12:00"))  # the clock was wrong then, or is now


def test_a_group_rests_as_long_as_the_longest_was_asked_for(database: Database) -> None:
    _ids(database, "gmail.com", "googlemail.com", "firm.example")
    with database.write() as connection:
        assert slowed(connection, NOON) == {}
        slow(connection, "google", NOON + HOUR)
        slow(connection, "google", NOON + HOUR / 2)
        slow(connection, "nobody", NOON + HOUR)
    with database.read() as connection:
        assert slowed(connection, NOON) == {"google": NOON + HOUR}
        assert slowed(connection, NOON + HOUR) == {}
