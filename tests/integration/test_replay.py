from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.db import Connection, Database
from subscribers import forget_store, leaving, reader_store, replay_store, signup, store
from subscribers.address import read_address
from subscribers.change_store import What, changes_after
from subscribers.departures import Departure, Departures
from subscribers.model import (
    Act,
    Consent,
    ConsentKind,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.replay import Replayed, replay
from subscribers.suppression import address_hash
from subscribers.tokens import Key, KeyRing, Keys
from tests.integration.newsletters import DAILY, WEEKLY, all_rows, make_newsletters

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
KEYS = Keys(KeyRing((Key(1, b"k" * 32),)), b"s" * 32)
MARIA, BOB = "maria@reader.example.org", "bob@reader.example.org"
CONFIRMED, LEFT = SubscriptionState.CONFIRMED, SubscriptionState.UNSUBSCRIBED


@pytest.fixture(autouse=True)
def _newsletters(database: Database) -> None:
    make_newsletters(database)


@pytest.fixture
def kept(tmp_path: Path) -> Departures:
    return Departures(tmp_path / "unsubscribes.ndjson")


def act(minutes: int = 0) -> Act:
    return Act(NOON + timedelta(minutes=minutes), "command")


def join(database: Database, address: str = MARIA, minutes: int = 0) -> None:
    signup.add(database, address, [DAILY, WEEKLY], act(minutes), keys=KEYS, again=True)


def gone(
    database: Database,
    address: str = MARIA,
    *,
    kind: str = "unsubscribed",
    slugs: tuple[str, ...] | None = ("daily",),
    reason: str = "",
    minutes: int = 10,
) -> Departure:
    """Say that somebody left, by their public id if the database knows them."""
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=address)
    public_id = reader.public_id if reader else ""
    return Departure(kind, act(minutes).at, public_id, hash_of(address), slugs, reason)


def hash_of(address: str) -> str:
    return address_hash(KEYS.suppression, address)


def states(database: Database, address: str = MARIA) -> dict[int, SubscriptionState]:
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=address)
        assert reader is not None
        found = store.subscriptions_of(connection, reader.id)
    return {each.newsletter_id: each.state for each in found}


def never(database: Database, address: str = MARIA) -> dict[int, SuppressionReason]:
    with database.read() as connection:
        return store.suppressed_newsletters(connection, hash_of(address), [DAILY, WEEKLY])


def run(database: Database, kept: Departures, *, whole: bool = False) -> Replayed:
    return replay(database, kept, now=NOON + timedelta(hours=1), whole=whole)


def test_who_left_and_is_still_in_the_database_is_out_once(
    database: Database, kept: Departures
) -> None:
    join(database)
    left = gone(database)
    kept.append([left])
    assert run(database, kept) == Replayed(lines=1, applied=1)
    assert states(database) == {DAILY: LEFT, WEEKLY: CONFIRMED}
    with database.read() as connection:
        reader = store.find_subscriber(connection, public_id=left.public_id)
        assert reader is not None
        log = store.consents_of(connection, reader.id)
        told = changes_after(connection, 0)
    assert log[-1] == Consent(ConsentKind.UNSUBSCRIBED, DAILY, Act(left.at, "file"))
    assert (told[-1].subscriber_id, told[-1].newsletter_id, told[-1].what) == (
        reader.id,
        DAILY,
        What.LEFT,
    )
    before = all_rows(database)
    assert run(database, kept) == Replayed()
    assert all_rows(database) == before
    assert run(database, kept, whole=True) == Replayed(lines=1)
    assert states(database) == {DAILY: LEFT, WEEKLY: CONFIRMED}


def test_no_file_and_an_empty_one_are_no_news(database: Database, kept: Departures) -> None:
    assert run(database, kept) == Replayed()
    kept.path.touch()
    assert run(database, kept) == Replayed()


def test_leaving_everything_ends_what_was_joined_before_and_nothing_else(
    database: Database, kept: Departures
) -> None:
    signup.add(database, MARIA, [DAILY], act(), keys=KEYS)
    signup.add(database, MARIA, [WEEKLY], act(20), keys=KEYS)
    kept.append([gone(database, slugs=None)])
    assert run(database, kept) == Replayed(lines=1, applied=1)
    assert states(database) == {DAILY: LEFT, WEEKLY: CONFIRMED}


def test_who_came_back_after_leaving_stays_in(database: Database, kept: Departures) -> None:
    join(database, minutes=20)
    names = {DAILY: "The Daily Brief"}
    signup.subscribe(
        database,
        BOB,
        [DAILY],
        Act(NOON + timedelta(minutes=20), "form"),
        keys=KEYS,
        newsletter_names=names,
        confirm_link=str,
    )
    kept.append([gone(database, each, slugs=None) for each in (MARIA, BOB)])
    assert run(database, kept) == Replayed(lines=2)
    assert states(database) == {DAILY: CONFIRMED, WEEKLY: CONFIRMED}
    assert states(database, BOB) == {DAILY: SubscriptionState.UNCONFIRMED}


def test_a_reader_under_a_new_public_id_is_found_by_their_address(
    database: Database, kept: Departures
) -> None:
    join(database)
    kept.append([replace(gone(database), public_id="99" * 12)])
    assert run(database, kept).applied == 1
    assert states(database)[DAILY] is LEFT


def test_an_unknown_reader_and_an_unknown_newsletter_are_no_news(
    database: Database, kept: Departures
) -> None:
    join(database)
    unknown = Departure("unsubscribed", NOON, "99" * 12, "", None)
    kept.append([unknown, gone(database, slugs=("closed-in-march",))])
    before = all_rows(database)
    assert run(database, kept) == Replayed(lines=2)
    after = all_rows(database)
    assert before.pop("replayed_file") != after.pop("replayed_file")
    assert before == after


def test_an_address_that_was_suppressed_is_so_again_known_or_not(
    database: Database, kept: Departures
) -> None:
    join(database)
    bounced = SuppressionReason.BOUNCED
    kept.append(
        [
            gone(database, kind="suppressed", slugs=("weekly",), reason=bounced),
            gone(database, BOB, kind="suppressed", slugs=None, reason="a word of tomorrow"),
        ]
    )
    assert run(database, kept) == Replayed(lines=2, applied=2)
    assert states(database) == {DAILY: CONFIRMED, WEEKLY: LEFT}
    assert never(database) == {WEEKLY: bounced}
    assert never(database, BOB) == dict.fromkeys((DAILY, WEEKLY), SuppressionReason.PUBLISHER)
    assert run(database, kept, whole=True).applied == 0


def test_who_was_let_in_again_is_not_put_back_on_the_list(
    database: Database, kept: Departures
) -> None:
    join(database, minutes=20)
    kept.append([gone(database, kind="suppressed", slugs=None)])
    assert run(database, kept) == Replayed(lines=1)
    assert never(database) == {}
    assert states(database) == {DAILY: CONFIRMED, WEEKLY: CONFIRMED}


def test_an_address_taken_off_the_list_stays_off_and_put_on_again_stays_on(
    database: Database, kept: Departures
) -> None:
    publisher = SuppressionReason.PUBLISHER
    on = gone(database, kind="suppressed", slugs=None, reason=publisher)
    off = replace(on, kind=ConsentKind.LIFTED, at=act(20).at)
    again = replace(on, at=act(30).at)
    kept.append([on, off])
    run(database, kept)
    assert never(database) == {}
    kept.append([again])
    run(database, kept)
    assert never(database) == dict.fromkeys((DAILY, WEEKLY), publisher)
    run(database, kept, whole=True)
    assert never(database) == dict.fromkeys((DAILY, WEEKLY), publisher)


def test_who_was_erased_is_handed_to_whoever_erases_before_the_line_counts_as_read(
    database: Database, kept: Departures
) -> None:
    join(database)
    line = gone(database, kind="erased", slugs=None, reason="erased")
    kept.append([line])
    told: list[tuple[int, Departure]] = []

    def fail(_reader: int, _gone: Departure) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        replay(database, kept, now=NOON, on_erased=fail)
    with database.read() as connection:
        assert replay_store.mark_of(connection, kept.name()) == 0
        reader = store.find_subscriber(connection, address_key=MARIA)
    assert reader is not None
    done = replay(database, kept, now=NOON, on_erased=lambda *what: told.append(what))
    assert done == Replayed(lines=1, applied=1)
    assert told == [(reader.id, line)]
    assert never(database) == dict.fromkeys((DAILY, WEEKLY), SuppressionReason.ERASED)
    assert set(states(database).values()) == {LEFT}


def test_damaged_lines_are_counted_and_stop_nothing(database: Database, kept: Departures) -> None:
    join(database)
    left = gone(database)
    tomorrow = replace(left, kind="went to the moon")
    kept.append([tomorrow])
    with kept.path.open("ab") as file:
        file.write(b"\x00\xff\n")
    kept.append([left])
    with kept.path.open("ab") as file:
        file.write(b'{"at": "2026-0')
    assert run(database, kept) == Replayed(lines=3, applied=1, damaged=2)
    assert states(database)[DAILY] is LEFT
    assert run(database, kept) == Replayed()


def test_a_file_put_back_from_a_copy_that_is_shorter_is_read_from_its_beginning(
    database: Database, kept: Departures
) -> None:
    join(database)
    kept.append([gone(database)])
    shorter = kept.path.read_bytes()
    join(database, BOB)
    kept.append([gone(database, BOB)])
    run(database, kept)
    kept.path.write_bytes(shorter)
    assert run(database, kept) == Replayed(lines=1)
    assert run(database, kept) == Replayed()


def test_files_of_two_machines_have_marks_of_their_own(
    database: Database, kept: Departures, tmp_path: Path
) -> None:
    join(database)
    join(database, BOB)
    other = Departures(tmp_path / "of-another-machine")
    kept.append([gone(database)])
    other.append([gone(database, BOB)])
    assert (run(database, kept).applied, run(database, other).applied) == (1, 1)
    assert (run(database, kept), run(database, other)) == (Replayed(), Replayed())


def test_a_long_file_is_applied_in_short_transactions(database: Database, kept: Departures) -> None:
    readers = [f"reader{n}@reader.example.org" for n in range(20)]
    for each in readers:
        signup.add(database, each, [DAILY], act(), keys=KEYS)
    lines = [gone(database, each) for each in readers]
    kept.append([line for line in lines for _ in range(26)])
    assert run(database, kept) == Replayed(lines=520, applied=20)
    assert {states(database, each)[DAILY] for each in readers} == {LEFT}


def test_what_the_verbs_write_is_what_is_replayed(
    database: Database, kept: Departures, at: Callable[[str], datetime]
) -> None:
    join(database)
    join(database, BOB)
    before_they_left = at("2026-01-09 12:30")
    leaving.unsubscribe_address(
        database, MARIA, [WEEKLY], Act(before_they_left, "command"), departures=kept
    )
    leaving.suppress(
        database,
        BOB,
        Act(before_they_left, "command"),
        keys=KEYS,
        reason=SuppressionReason.COMPLAINED,
        departures=kept,
    )
    found = [line.departure for line in kept.after(0)]
    maria = gone(database, slugs=("weekly",), minutes=30)
    bob = gone(database, BOB, kind="suppressed", slugs=None, minutes=30)
    assert found == [maria, replace(bob, reason=SuppressionReason.COMPLAINED)]
    assert run(database, kept) == Replayed(lines=2)


def test_who_was_erased_and_is_back_under_a_new_public_id_is_not_sent_away_again(
    database: Database, kept: Departures
) -> None:
    join(database)
    erased = gone(database, kind="erased", slugs=None, reason="erased")
    with database.write() as connection:
        reader = store.find_subscriber(connection, public_id=erased.public_id)
        assert reader is not None
        forget_store.blank(connection, [reader.id], at=erased.at)
    join(database, minutes=20)
    kept.append([erased])
    assert run(database, kept) == Replayed(lines=1)
    assert never(database) == {}
    assert states(database) == {DAILY: CONFIRMED, WEEKLY: CONFIRMED}


def test_who_joins_while_the_file_is_read_is_not_put_on_the_list(
    database: Database, kept: Departures
) -> None:
    join(database)
    kept.append(
        [
            gone(database, kind="erased", slugs=None, reason="erased"),
            gone(database, BOB, kind="suppressed", slugs=None),
        ]
    )

    def meanwhile(_reader: int, _gone: Departure) -> None:
        join(database, BOB, minutes=20)

    done = replay(database, kept, now=NOON, on_erased=meanwhile)
    assert done == Replayed(lines=2, applied=1)
    assert never(database, BOB) == {}
    assert states(database, BOB) == {DAILY: CONFIRMED, WEEKLY: CONFIRMED}


def test_who_gets_the_address_while_the_file_is_read_is_meant_by_it(
    database: Database, kept: Departures
) -> None:
    join(database)
    join(database, "bobby@reader.example.org")
    kept.append(
        [
            gone(database, kind="erased", slugs=None, reason="erased"),
            gone(database, BOB, kind="suppressed", slugs=None),
        ]
    )

    def meanwhile(_reader: int, _gone: Departure) -> None:
        with database.write() as connection:
            reader = store.find_subscriber(connection, address_key="bobby@reader.example.org")
            assert reader is not None
            reader_store.change_address(connection, reader.id, read_address(BOB), hash_of(BOB))
            moved = Consent(ConsentKind.MOVED, None, act(5))
            store.append_consent(connection, reader.id, moved)

    replay(database, kept, now=NOON, on_erased=meanwhile)
    assert states(database, BOB) == {DAILY: LEFT, WEEKLY: LEFT}


def test_all_readers_are_looked_through_once_for_many_lines_and_never_while_others_wait(
    database: Database, kept: Departures
) -> None:
    readers = [f"reader{n}@reader.example.org" for n in range(20)]
    for each in readers:
        signup.add(database, each, [DAILY], act(), keys=KEYS)
    lines = [replace(gone(database, each), public_id=f"{n:024}") for n, each in enumerate(readers)]
    kept.append([line for line in lines for _ in range(26)])
    asked: list[bool] = []

    def note(connection: Connection, *statement: object) -> None:
        if re.search(r"FROM subscriber\s+WHERE subscriber.address_hmac", str(statement[1])):
            asked.append(bool(connection.get_execution_options().get("digest_writer")))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    assert run(database, kept) == Replayed(lines=520, applied=20)
    assert asked == [False]
    assert {states(database, each)[DAILY] for each in readers} == {LEFT}


def test_lines_of_known_readers_and_of_what_was_lifted_need_no_look_at_all_readers(
    database: Database, kept: Departures
) -> None:
    join(database)
    kept.append([gone(database), gone(database, BOB, kind=ConsentKind.LIFTED, slugs=None)])
    asked: list[str] = []

    def note(_connection: Connection, *statement: object) -> None:
        asked.append(str(statement[1]))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    assert run(database, kept) == Replayed(lines=2, applied=1)
    assert not [each for each in asked if "WHERE subscriber.address_hmac" in each]
