from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.engine import Connection

from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.model import (
    Edition,
    EditionState,
    Newsletter,
    Section,
    Slot,
    SlotRow,
    SlotState,
    StoryPolicy,
    Verdict,
    Window,
)
from digest.errors import NotFoundError, SettingsError
from tests.integration.editions_room import (
    FRIDAY,
    MONDAY,
    OPENED,
    THURSDAY,
    keep,
    make,
    open_newsletter,
    slot_of,
)
from tests.unit.editions.editions_builders import (
    SPORT,
    TOWN,
    article,
    cadence,
    headline_only,
    spec,
    utc,
)

ONE_IS_ENOUGH = spec(stories=StoryPolicy(least=1))


def _edition(database: Database, number: int = 1) -> Edition:
    newsletter = open_newsletter(database, ONE_IS_ENOUGH)
    keep(database, article(number, seen=utc("2026-01-08 05:00")))
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    return edition


def test_a_new_newsletter_begins_a_period_before_its_last_cut_off_and_wakes_at_its_next(
    database: Database,
) -> None:
    newsletter = open_newsletter(database)
    assert newsletter.epoch_at == utc("2026-01-06 06:30")
    assert newsletter.first_slot_after == utc("2026-01-07 12:00")
    assert newsletter.next_run_at == utc("2026-01-08 06:30")
    assert newsletter.slug == "daily"


def test_syncing_again_changes_only_what_the_settings_changed(database: Database) -> None:
    first = open_newsletter(database)
    assert open_newsletter(database) == first
    renamed = replace(spec(), name="The Evening Post", cadence=cadence("America/Tortola"))
    later = open_newsletter(database, renamed, at=OPENED + timedelta(hours=1))
    assert later == replace(first, spec=renamed, next_run_at=utc("2026-01-08 10:30"))
    with database.read() as connection:
        row = connection.execute(store.newsletter.select()).one()
    assert (row.name, row.zone, row.version) == ("The Evening Post", "America/Tortola", 2)


def test_a_wake_up_that_nobody_saw_stays_due(database: Database) -> None:
    open_newsletter(database)
    a_week_later = open_newsletter(database, at=OPENED + timedelta(days=7))
    assert a_week_later.next_run_at == utc("2026-01-08 06:30")
    with database.write() as connection:
        store.set_next_run(connection, a_week_later.id, None)
    again = open_newsletter(database, at=OPENED + timedelta(days=7))
    assert again.next_run_at == utc("2026-01-15 06:30")


def test_a_newsletter_that_the_database_does_not_know_is_not_loaded(database: Database) -> None:
    newsletter = open_newsletter(database)
    with database.read() as connection:
        loaded = store.load_newsletters(connection, [spec("weekly"), spec()])
    assert loaded == [newsletter]


def test_a_section_keeps_its_bit_for_ever(database: Database) -> None:
    culture = Section("culture", "Culture")
    bits = []
    for sections in ((TOWN, SPORT), (SPORT,), (culture, SPORT), (TOWN, replace(SPORT, title="S"))):
        newsletter = open_newsletter(database, spec(sections=sections))
        with database.read() as connection:
            bits.append(store.topic_bits(connection, newsletter.id))
    assert bits[1] == {"town": 0, "sport": 1}
    assert bits[3] == {"town": 0, "sport": 1, "culture": 2}
    with database.read() as connection:
        titles = [row.title for row in connection.execute(store.topic.select())]
    assert sorted(titles) == ["Culture", "S", "Town"]


def test_more_sections_than_a_mask_has_bits_are_refused(database: Database) -> None:
    sections = tuple(Section(f"s{n}", f"S{n}") for n in range(64))
    with pytest.raises(SettingsError, match=r"\[newsletters.daily\] sections: s63: .* 63 sections"):
        open_newsletter(database, spec(sections=sections))


def test_a_slot_is_taken_once_and_keeps_what_became_of_it(database: Database) -> None:
    newsletter = open_newsletter(database)
    slot = slot_of(newsletter, FRIDAY)
    with database.write() as connection:
        assert store.slot_row(connection, newsletter.id, FRIDAY) is None
        assert store.take_slot(connection, newsletter.id, slot, SlotState.MISSED)
        assert not store.take_slot(connection, newsletter.id, slot, SlotState.DUE)
        noon = replace(slot, name="noon", cut_off_at=utc("2026-01-09 06:59"))
        assert store.take_slot(connection, newsletter.id, noon, SlotState.DUE)
        store.set_slot(connection, newsletter.id, noon, SlotState.SKIPPED, "too\nfew\0")
    with database.read() as connection:
        main = store.slot_row(connection, newsletter.id, FRIDAY)
        extra = store.slot_row(connection, newsletter.id, FRIDAY, "noon")
    assert main == SlotRow(slot, SlotState.MISSED)
    assert extra == SlotRow(noon, SlotState.SKIPPED, "too few")


def test_the_current_edition_is_the_newest_unfinished_else_the_newest(database: Database) -> None:
    newsletter = open_newsletter(database, ONE_IS_ENOUGH)
    with database.read() as connection:
        assert store.find_edition(connection, newsletter) is None
    keep(
        database,
        article(1, seen=utc("2026-01-08 05:00")),
        article(2, seen=utc("2026-01-09 05:00")),
    )
    first, second = (make(database, newsletter, day).edition for day in (THURSDAY, FRIDAY))
    assert first is not None
    assert second is not None
    with database.write() as connection:
        assert store.find_edition(connection, newsletter) == second
        _finish(connection, second)
        assert store.find_edition(connection, newsletter) == first
        _finish(connection, first)
        current = store.find_edition(connection, newsletter)
        assert current is not None
        assert current.id == second.id
        found = store.find_edition(connection, newsletter, number=1)
        assert found is not None
        assert found.local_date == THURSDAY
        assert store.find_edition(connection, newsletter, number=3) is None
        assert store.find_edition(connection, newsletter, local_date=MONDAY) is None
        newest = store.recent_editions(connection, limit=5)
        assert [edition.number for edition in newest] == [2, 1]
        assert [edition.number for edition in store.recent_editions(connection, limit=1)] == [2]


def _finish(connection: Connection, edition: Edition) -> None:
    draft, sent = EditionState.DRAFT, EditionState.SENT
    assert store.change_state(connection, edition.id, expect=[draft], to=sent, at=edition.send_at)


def test_a_state_changes_only_from_where_we_think_it_is(database: Database) -> None:
    edition = _edition(database)
    at = edition.send_at
    with database.write() as connection:
        assert not store.change_state(
            connection, edition.id, expect=[EditionState.HELD], to=EditionState.SENT, at=at
        )
        assert not store.change_state(connection, edition.id, expect=[], to=EditionState.SENT)
        assert store.change_state(
            connection,
            edition.id,
            expect=[EditionState.DRAFT, EditionState.HELD],
            to=EditionState.HELD,
            reason="no\r\nlead\0 \ud800",
            at=at,
        )
        held = store.edition_by_id(connection, edition.id)
        assert held == replace(edition, state=EditionState.HELD, reason="no lead ?")
        assert store.editions_in(connection, [EditionState.HELD]) == [held]
        assert store.editions_in(connection, [EditionState.DRAFT]) == []
        row = connection.execute(store.edition.select()).one()
        assert (row.version, row.finished_at) == (2, None)
        assert store.change_state(
            connection, edition.id, expect=[EditionState.HELD], to=EditionState.EXPIRED, at=at
        )
        assert connection.execute(store.edition.select()).one().finished_at == at


def test_when_the_editors_were_told_is_kept(database: Database) -> None:
    edition = _edition(database)
    told_at = utc("2026-01-08 06:31")
    with database.write() as connection:
        store.mark_told(connection, edition.id, told_at)
        assert store.edition_by_id(connection, edition.id) == replace(edition, told_at=told_at)


def test_an_edition_that_is_not_there_is_an_error(database: Database) -> None:
    with (
        database.read() as connection,
        pytest.raises(NotFoundError, match="edition: number 7 of all: not in the database"),
    ):
        store.edition_by_id(connection, 7)


def test_a_newsletter_that_is_not_there_cannot_be_locked(database: Database) -> None:
    with (
        database.write() as connection,
        pytest.raises(NotFoundError, match="newsletter: number 7: not in the database"),
    ):
        store.lock_newsletter(connection, 7)


def test_a_selection_is_loaded_as_it_was_made(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1, most=3, top=1)))
    keep(
        database,
        article(1, headline="Council approves harbour wall", seen=utc("2026-01-08 05:00")),
        article(2, headline="Harbour wall approved by council", seen=utc("2026-01-08 04:00")),
        article(3, seen=utc("2026-01-08 03:00"), categories=["Sport"], url=None),
        headline_only(4, "line\nbreak"),
        article(5, seen=utc("2026-01-08 02:00"), published=utc("2026-01-07 01:00")),
        article(6, seen=utc("2026-01-08 02:00"), published=utc("2021-10-05 08:55")),
        article(7, seen=utc("2026-01-08 06:31")),
    )
    prepared = make(database, newsletter, THURSDAY, at=utc("2026-01-09 06:00"))
    assert prepared.edition is not None
    assert {c.verdict for c in prepared.selection.candidates} >= {
        Verdict.SELECTED,
        Verdict.TOO_OLD,
        Verdict.AFTER_CUT_OFF,
    }
    with database.read() as connection:
        assert candidate_store.load_selection(connection, prepared.edition.id) == prepared.selection


def test_candidates_saved_again_replace_the_first(database: Database) -> None:
    edition = _edition(database)
    with database.write() as connection:
        [kept] = candidate_store.load_selection(connection, edition.id).candidates
        reworded = replace(kept, reason="Because.")
        candidate_store.save_candidates(connection, edition.id, [reworded])
        assert candidate_store.load_selection(connection, edition.id).candidates == (reworded,)
        candidate_store.save_candidates(connection, edition.id, [])
        candidate_store.record_uses(connection, edition.newsletter_id, edition.id, [])
        assert candidate_store.load_selection(connection, edition.id).candidates == ()


def test_uses_are_found_for_any_number_of_articles(database: Database) -> None:
    edition = _edition(database, number=700)
    with database.read() as connection:
        found = candidate_store.uses(connection, edition.newsletter_id, range(1, 2000))
        assert found == {700: "daily/2026-01-08"}
        assert candidate_store.uses(connection, edition.newsletter_id, []) == {}
        assert candidate_store.uses(connection, edition.newsletter_id + 1, [700]) == {}


def test_a_dates_regular_edition_comes_before_its_extras(database: Database) -> None:
    newsletter = open_newsletter(database, ONE_IS_ENOUGH)
    main = slot_of(newsletter, THURSDAY)
    evening = Slot(THURSDAY, utc("2026-01-08 18:00"), utc("2026-01-08 18:30"), "evening")
    with database.write() as connection:
        made = [_insert(connection, newsletter, slot) for slot in (main, evening)]
        assert [edition.number for edition in made] == [1, 2]
        assert store.find_edition(connection, newsletter, local_date=THURSDAY) == made[0]
        assert made[1].address == "daily/2026-01-08/evening"
        assert (
            store.find_edition(connection, newsletter, local_date=THURSDAY, slot_name="evening")
            == made[1]
        )


def _insert(connection: Connection, newsletter: Newsletter, slot: Slot) -> Edition:
    return store.insert_edition(
        connection,
        newsletter,
        slot,
        window=Window(after=newsletter.epoch_at, until=slot.cut_off_at),
        prepared_at=slot.cut_off_at,
        expires_at=None,
    )
