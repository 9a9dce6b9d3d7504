"""The log of choices in real databases: appended in order, kept by slot, never overwritten."""

from __future__ import annotations

import logging
import threading
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.editions.choice_store import append, choice, history, load_log, orders_for
from digest.editions.choices import Standing
from digest.editions.model import (
    MAIN_SLOT,
    NO_ORDERS,
    Act,
    Choice,
    NewChoice,
    Newsletter,
    Orders,
    Wording,
)
from digest.errors import ConflictError, NotFoundError
from tests.integration.editions_room import FRIDAY, MONDAY, OPENED, keep, open_newsletter
from tests.unit.editions.editions_builders import article, spec

FERRY, CHOIR = 17, 18
PIN, UNDO = NewChoice(Act.PIN, FERRY), NewChoice(Act.UNDO)
FOR_GOOD = NewChoice(Act.DROP_ALWAYS, FERRY)


def _newsletter(database: Database) -> Newsletter:
    newsletter = open_newsletter(database)
    keep(
        database,
        article(FERRY, headline="Ferry returns"),
        article(CHOIR, headline="Choir wins"),
    )
    return newsletter


def _choose(
    database: Database,
    newsletter: Newsletter,
    *made: NewChoice,
    day: date = FRIDAY,
    slot: str = MAIN_SLOT,
    by: str = "Ann",
    at: datetime = OPENED,
    expect_seq: int | None = None,
) -> list[Choice]:
    with database.write() as connection:
        return [
            append(connection, newsletter.id, day, slot, what, by=by, at=at, expect_seq=expect_seq)
            for what in made
        ]


def _log(database: Database, newsletter: Newsletter, day: date = FRIDAY) -> tuple[Choice, ...]:
    with database.read() as connection:
        return load_log(connection, newsletter.id, day, MAIN_SLOT)


def _orders(database: Database, newsletter: Newsletter, day: date = FRIDAY) -> Orders:
    with database.read() as connection:
        return orders_for(connection, newsletter.id, day, MAIN_SLOT)


def test_choices_come_back_as_they_were_written_in_their_order(database: Database) -> None:
    newsletter = _newsletter(database)
    made = _choose(
        database,
        newsletter,
        PIN,
        NewChoice(Act.HEADLINE, FERRY, language="fr", text="Le bac “revient” 👩\u200d🍳"),
        NewChoice(Act.PICTURE, FERRY, url="https://e.example/a.jpg", alt="A ferry"),
        NewChoice(Act.MOVE, CHOIR, place="before 17"),
        NewChoice(Act.NOTE, text="Good morning.\n\nAnn"),
        UNDO,
    )
    assert [each.seq for each in made] == [1, 2, 3, 4, 5, 6]
    assert _log(database, newsletter) == tuple(made)
    assert _log(database, newsletter, MONDAY) == ()
    orders = _orders(database, newsletter)
    assert orders.pinned == {FERRY}
    assert orders.wording == {FERRY: (Wording("fr", "Le bac “revient” 👩\u200d🍳"),)}
    assert _orders(database, newsletter, MONDAY) == NO_ORDERS


def test_every_slot_and_newsletter_counts_its_own(database: Database) -> None:
    daily = _newsletter(database)
    weekly = open_newsletter(database, spec("weekly"))
    for newsletter, day, slot in (
        (daily, FRIDAY, MAIN_SLOT),
        (daily, FRIDAY, "extra"),
        (daily, MONDAY, MAIN_SLOT),
        (weekly, FRIDAY, MAIN_SLOT),
    ):
        assert [c.seq for c in _choose(database, newsletter, PIN, day=day, slot=slot)] == [1]
    assert _choose(database, daily, UNDO)[0].seq == 2


def test_a_newsletter_that_is_not_there_takes_no_choices(database: Database) -> None:
    newsletter = _newsletter(database)
    with database.write() as connection, pytest.raises(NotFoundError):
        append(connection, 999, FRIDAY, MAIN_SLOT, PIN, by="Ann", at=OPENED)
    assert _log(database, newsletter) == ()


def test_who_has_not_seen_the_last_choice_is_told_of_it_and_writes_nothing(
    database: Database,
) -> None:
    newsletter = _newsletter(database)
    _choose(database, newsletter, PIN, expect_seq=0)
    _choose(database, newsletter, NewChoice(Act.DROP, CHOIR), by="Bob", expect_seq=1)
    with pytest.raises(ConflictError) as conflict:
        _choose(database, newsletter, UNDO, by="Cat", expect_seq=1)
    assert str(conflict.value) == (
        "choose: in the meantime Bob dropped “Choir wins” from this edition"
        " (7 Jan 2026 at 12:00): nothing was written"
    )
    with pytest.raises(ConflictError, match=r"12:00, after 1 other choice\): nothing was written"):
        _choose(database, newsletter, UNDO, by="Cat", expect_seq=0)
    with pytest.raises(ConflictError, match="there is no choice number 3 yet"):
        _choose(database, newsletter, UNDO, by="Cat", expect_seq=3)
    assert len(_log(database, newsletter)) == 2


def test_of_many_who_saw_the_same_one_gets_through_and_nobody_is_overwritten(
    database: Database,
) -> None:
    newsletter = _newsletter(database)
    gate, refused = threading.Barrier(4), list[str]()

    def run(name: str) -> None:
        gate.wait()
        try:
            _choose(database, newsletter, PIN, by=name, expect_seq=0)
        except ConflictError as conflict:
            refused.append(str(conflict))

    threads = [threading.Thread(target=run, args=(name,)) for name in "ABCD"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (made,) = _log(database, newsletter)
    assert len(refused) == 3
    assert all(f"in the meantime {made.actor} pinned “Ferry returns”" in each for each in refused)


def test_without_a_number_all_get_through_one_after_the_other(database: Database) -> None:
    newsletter = _newsletter(database)
    gate = threading.Barrier(4)

    def run() -> None:
        gate.wait()
        _choose(database, newsletter, PIN)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each.seq for each in _log(database, newsletter)] == [1, 2, 3, 4]


def test_a_drop_for_good_holds_in_every_slot_of_its_newsletter_until_it_is_undone(
    database: Database,
) -> None:
    newsletter = _newsletter(database)
    weekly = open_newsletter(database, spec("weekly"))
    _choose(database, newsletter, FOR_GOOD, by="Bob")
    dropped = Orders(dropped_always={FERRY: "by Bob"})
    assert _orders(database, newsletter) == dropped
    assert _orders(database, newsletter, MONDAY) == dropped
    assert _orders(database, weekly) == NO_ORDERS
    _choose(database, newsletter, UNDO)
    assert _orders(database, newsletter, MONDAY) == NO_ORDERS
    _choose(database, newsletter, NewChoice(Act.REDO))
    assert _orders(database, newsletter, MONDAY) == dropped


def test_a_story_dropped_for_good_is_given_back_from_a_later_slot(database: Database) -> None:
    newsletter = _newsletter(database)
    later = OPENED + timedelta(days=1)
    _choose(database, newsletter, NewChoice(Act.RESET, FERRY), day=date(2026, 1, 7))
    _choose(database, newsletter, NewChoice(Act.RESET, CHOIR), day=date(2026, 1, 8))
    _choose(database, newsletter, FOR_GOOD, at=OPENED + timedelta(hours=1))
    assert _orders(database, newsletter, MONDAY).dropped_always == {FERRY: "by Ann"}
    _choose(database, newsletter, NewChoice(Act.RESET, FERRY), day=MONDAY, at=later)
    for day in (FRIDAY, MONDAY, date(2026, 1, 13)):
        assert _orders(database, newsletter, day).dropped_always == {}, day


def test_a_pin_lifts_a_drop_for_good_for_its_own_slot_only(database: Database) -> None:
    newsletter = _newsletter(database)
    _choose(database, newsletter, FOR_GOOD)
    _choose(database, newsletter, PIN, day=MONDAY, at=OPENED + timedelta(days=1))
    assert _orders(database, newsletter, MONDAY) == Orders(pinned=frozenset({FERRY}))
    assert _orders(database, newsletter, date(2026, 1, 13)).dropped_always == {FERRY: "by Ann"}


def test_the_history_says_what_was_done_and_what_of_it_is_in_force(database: Database) -> None:
    newsletter = _newsletter(database)
    _choose(database, newsletter, PIN, NewChoice(Act.MOVE, CHOIR, place="before 17"), UNDO)
    with database.read() as connection:
        lines = history(connection, newsletter.id, FRIDAY, MAIN_SLOT)
        assert history(connection, newsletter.id, MONDAY, MAIN_SLOT) == ()
    assert [(line.told.choice.seq, line.told.standing, line.words) for line in lines] == [
        (1, Standing.IN_FORCE, "pinned “Ferry returns”"),
        (2, Standing.UNDONE, "moved “Choir wins” before “Ferry returns”"),
        (3, Standing.DONE, "took back no. 2"),
    ]


def test_rows_of_a_newer_version_are_kept_told_and_left_out_with_a_warning(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    newsletter = _newsletter(database)
    _choose(database, newsletter, PIN)
    rows = [
        {"seq": 2, "act": "translate", "article_id": CHOIR, "facts": {"to": {"fr": 1}}},
        {"seq": 3, "act": "note", "article_id": None, "facts": ["no table"]},
        {"seq": 4, "act": "note", "article_id": None, "facts": {"text": 5}},
    ]
    with database.write() as connection:
        for row in rows:
            connection.execute(
                sa.insert(choice).values(
                    newsletter_id=newsletter.id,
                    local_date=FRIDAY,
                    slot_name=MAIN_SLOT,
                    actor="Bob",
                    made_at=OPENED,
                    **row,
                )
            )
    with caplog.at_level(logging.WARNING):
        orders = _orders(database, newsletter)
    assert orders == Orders(pinned=frozenset({FERRY}), note={"": "5"})
    (record,) = caplog.records
    assert record.getMessage() == "choices of a newer version are left out"
    assert record.__dict__["facts"] == {"acts": ["translate"]}
    with database.read() as connection:
        lines = history(connection, newsletter.id, FRIDAY, MAIN_SLOT)
    assert lines[1].words == "chose “translate”, which only a newer version understands"
