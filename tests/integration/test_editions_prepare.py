from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.abandon import abandon
from digest.editions.model import (
    DayRange,
    EditionState,
    Newsletter,
    Place,
    Prepared,
    Slot,
    SlotRow,
    SlotState,
    StoryPolicy,
    Verdict,
    Window,
)
from digest.editions.prepare import prepare
from digest.errors import NotFoundError
from digest.sources import article_store
from digest.sources.model import Article
from tests.integration.editions_room import (
    FRIDAY,
    MONDAY,
    THURSDAY,
    chosen_ids,
    count,
    keep,
    make,
    open_newsletter,
    slot_of,
    used_ids,
)
from tests.unit.editions.editions_builders import EVERY_DAY, article, cadence, spec, utc

HOUR = timedelta(hours=1)
TABLES = (store.slot, store.edition, candidate_store.candidate, candidate_store.article_use)


def _thursdays() -> list[Article]:
    return [article(n, seen=utc("2026-01-08 05:00") - n * HOUR) for n in (1, 2, 3)]


def test_an_edition_is_made_with_its_stories_reasons_and_uses(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays(), article(4, seen=utc("2026-01-08 06:31")))
    prepared = make(database, newsletter, THURSDAY, at=utc("2026-01-08 06:31"))
    edition = prepared.edition
    assert edition is not None
    assert chosen_ids(prepared) == [1, 2, 3]
    assert [c.verdict for c in prepared.selection.left_out] == [Verdict.AFTER_CUT_OFF]
    assert (edition.address, edition.number, edition.state, edition.revision) == (
        "daily/2026-01-08",
        1,
        EditionState.DRAFT,
        1,
    )
    assert edition.window == Window(newsletter.epoch_at, utc("2026-01-08 06:30"))
    assert edition.send_at == utc("2026-01-08 07:00")
    assert edition.prepared_at == utc("2026-01-08 06:31")
    assert edition.expires_at == utc("2026-01-09 06:30")
    assert used_ids(database, newsletter, [1, 2, 3, 4]) == dict.fromkeys(
        [1, 2, 3], "daily/2026-01-08"
    )
    with database.read() as connection:
        row = store.slot_row(connection, newsletter.id, THURSDAY)
    assert row == SlotRow(slot_of(newsletter, THURSDAY), SlotState.PREPARED)


def test_a_slot_is_prepared_once_however_often_it_is_asked_for(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    first = make(database, newsletter, THURSDAY)
    keep(database, article(9, seen=utc("2026-01-08 06:00")))
    assert make(database, newsletter, THURSDAY) == replace(first, already=True)


def test_too_few_stories_make_no_edition_and_wait(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays()[:1])
    skipped = make(database, newsletter, THURSDAY)
    assert skipped == Prepared(edition=None, reason="1 new story, 3 needed")
    assert make(database, newsletter, THURSDAY) == replace(skipped, already=True)
    with database.read() as connection:
        row = store.slot_row(connection, newsletter.id, THURSDAY)
    assert row == SlotRow(slot_of(newsletter, THURSDAY), SlotState.SKIPPED, "1 new story, 3 needed")
    keep(database, *_thursdays()[1:])
    friday = make(database, newsletter, FRIDAY)
    assert chosen_ids(friday) == [1, 2, 3]
    assert friday.edition is not None
    assert friday.edition.number == 1
    assert friday.edition.window.after == newsletter.epoch_at


def test_on_a_holiday_the_stories_wait(database: Database) -> None:
    off = cadence(not_on=(DayRange(THURSDAY, THURSDAY),))
    newsletter = open_newsletter(database, spec(when=off))
    keep(database, *_thursdays())
    assert make(database, newsletter, THURSDAY) == Prepared(None, reason="8 Jan 2026 is a holiday")
    with database.read() as connection:
        row = store.slot_row(connection, newsletter.id, THURSDAY)
    assert row is not None
    assert row.state is SlotState.HOLIDAY
    assert chosen_ids(make(database, newsletter, FRIDAY)) == [1, 2, 3]


def test_the_edition_before_a_holiday_expires_at_the_next_real_cut_off(database: Database) -> None:
    off = cadence(not_on=(DayRange(FRIDAY, FRIDAY),))
    newsletter = open_newsletter(database, spec(when=off))
    keep(database, *_thursdays())
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    assert edition.expires_at == utc("2026-01-12 06:30")


def test_a_story_whose_row_was_committed_late_is_taken_next_time(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    make(database, newsletter, THURSDAY)
    # Seen and published before Thursday's cut-off, but its transaction ended after.
    late = utc("2026-01-08 06:00")
    keep(
        database,
        article(8, seen=late, published=late - HOUR),
        *(article(n, seen=utc("2026-01-09 05:00")) for n in (9, 10)),
    )
    friday = make(database, newsletter, FRIDAY)
    assert chosen_ids(friday) == [9, 10, 8]
    assert {c.article.id: c.late for c in friday.selection.chosen} == {9: False, 10: False, 8: True}
    assert {c.article.id: c.reason for c in friday.selection.left_out} == dict.fromkeys(
        [1, 2, 3], "Sent in daily/2026-01-08."
    )


def test_a_story_dated_ahead_is_found_when_its_day_comes(database: Database) -> None:
    every_day = cadence(days=EVERY_DAY)
    policy = StoryPolicy(least=1, max_age=timedelta(hours=24))
    newsletter = open_newsletter(database, spec(when=every_day, stories=policy))
    embargoed = article(1, seen=utc("2026-01-07 20:00"), published=utc("2026-01-12 05:00"))
    keep(database, embargoed)
    outcomes = [chosen_ids(make(database, newsletter, date(2026, 1, day))) for day in range(8, 14)]
    assert outcomes == [[], [], [], [], [1], []]


def test_another_newsletter_may_repeat_what_the_daily_had(database: Database) -> None:
    daily = open_newsletter(database)
    settings = spec("weekly", stories=StoryPolicy(max_age=timedelta(days=8)))
    weekly = open_newsletter(database, settings)
    keep(database, *_thursdays())
    assert chosen_ids(make(database, daily, THURSDAY)) == [1, 2, 3]
    assert chosen_ids(make(database, weekly, FRIDAY)) == [1, 2, 3]
    assert used_ids(database, weekly, [1]) == {1: "weekly/2026-01-09"}


def test_an_extra_needs_one_story_and_has_a_name_of_its_own(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    make(database, newsletter, THURSDAY)
    keep(database, article(9, seen=utc("2026-01-08 13:00")))
    noon = Slot(THURSDAY, utc("2026-01-08 14:00"), utc("2026-01-08 14:10"))
    extra = prepare(database, newsletter, noon, clock=fixed(noon.cut_off_at), extra="afternoon")
    assert extra.edition is not None
    assert (extra.edition.address, extra.edition.number) == ("daily/2026-01-08/afternoon", 2)
    assert extra.edition.window == Window(utc("2026-01-08 06:30"), utc("2026-01-08 14:00"))
    assert chosen_ids(extra) == [9]
    empty = prepare(database, newsletter, noon, clock=fixed(noon.cut_off_at), extra="evening")
    assert empty.reason == "0 new stories, 1 needed"


def test_an_edition_made_early_by_hand_does_not_expire_before_its_hour(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    early = replace(slot_of(newsletter, MONDAY), cut_off_at=utc("2026-01-08 12:00"))
    edition = prepare(database, newsletter, early, clock=fixed(early.cut_off_at)).edition
    assert edition is not None
    assert edition.send_at == utc("2026-01-12 07:00")
    assert edition.expires_at == utc("2026-01-13 06:30")
    assert make(database, newsletter, MONDAY).already


def test_a_newsletter_that_is_not_in_the_database_is_an_error(database: Database) -> None:
    newsletter = open_newsletter(database)
    with pytest.raises(NotFoundError):
        make(database, replace(newsletter, id=99), THURSDAY)
    assert count(database, *TABLES) == [0, 0, 0, 0]


@pytest.fixture
def elsewhere(database: Database) -> Iterator[Callable[[], Database]]:
    """Open the same database as another process would."""
    opened: list[Database] = []

    def again() -> Database:
        opened.append(Database(database.url.render_as_string(hide_password=False)))
        return opened[-1]

    yield again
    for other in opened:
        other.close()


def test_of_many_schedulers_one_makes_the_edition(
    database: Database, elsewhere: Callable[[], Database]
) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    others = [elsewhere() for _ in range(6)]
    start = Barrier(len(others))

    def race(other: Database) -> Prepared:
        start.wait()
        return make(other, newsletter, THURSDAY)

    with ThreadPoolExecutor(len(others)) as pool:
        results = list(pool.map(race, others))
    assert sorted(result.already for result in results) == [False, *[True] * 5]
    assert {result.edition for result in results} == {results[0].edition}
    assert len({result.selection for result in results}) == 1
    assert count(database, *TABLES) == [1, 1, 3, 3]


def test_two_slots_made_at_once_share_no_story_and_no_number(
    database: Database, elsewhere: Callable[[], Database]
) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1, most=2)))
    keep(database, *(article(n, seen=utc("2026-01-08 05:00")) for n in range(1, 9)))
    names = ["a", "b", "c", "d"]
    start = Barrier(len(names))
    slot = slot_of(newsletter, THURSDAY)

    def race(name: str) -> Prepared:
        other = elsewhere()
        start.wait()
        return prepare(other, newsletter, slot, clock=fixed(slot.cut_off_at), extra=name)

    with ThreadPoolExecutor(len(names)) as pool:
        results = list(pool.map(race, names))
    assert sorted(number for r in results if r.edition for number in [r.edition.number]) == [
        1,
        2,
        3,
        4,
    ]
    assert sorted(n for result in results for n in chosen_ids(result)) == list(range(1, 9))


@contextmanager
def _power_cut_before(database: Database, statement: str) -> Iterator[None]:
    def cut(*arguments: object) -> None:
        if str(arguments[2]).startswith(statement):
            raise ConnectionError(statement)

    sa.event.listen(database.engine, "before_cursor_execute", cut)
    try:
        with pytest.raises(ConnectionError):
            yield
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", cut)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO edition",
        "INSERT INTO candidate",
        "INSERT INTO article_use",
        "UPDATE slot",
    ],
)
def test_a_failure_half_way_leaves_nothing_and_the_next_try_makes_it_whole(
    database: Database, statement: str
) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    with _power_cut_before(database, statement):
        make(database, newsletter, THURSDAY)
    assert count(database, *TABLES) == [0, 0, 0, 0]
    again = make(database, newsletter, THURSDAY)
    assert again.edition is not None
    assert again.edition.number == 1
    assert count(database, *TABLES) == [1, 1, 3, 3]


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from digest.db import Database
from tests.integration.editions_room import THURSDAY, make, open_newsletter

def kill(*arguments):
    if str(arguments[2]).startswith("UPDATE slot"):
        os.kill(os.getpid(), signal.SIGKILL)

database = Database(sys.argv[1])
newsletter = open_newsletter(database)
sa.event.listen(database.engine, "before_cursor_execute", kill)
make(database, newsletter, THURSDAY)
"""


def test_a_process_killed_at_its_last_write_leaves_nothing(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, database.url.render_as_string(hide_password=False)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert count(database, *TABLES) == [0, 0, 0, 0]
    assert chosen_ids(make(database, newsletter, THURSDAY)) == [1, 2, 3]


@pytest.mark.parametrize("end", [EditionState.SKIPPED, EditionState.EXPIRED])
def test_an_abandoned_edition_gives_its_stories_back(database: Database, end: EditionState) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    at = fixed(utc("2026-01-08 06:50"))
    assert abandon(database, edition, to=end, reason="Wrong lead.", clock=at)
    with database.read() as connection:
        abandoned = store.edition_by_id(connection, edition.id)
    assert abandoned == replace(edition, state=end, reason="Wrong lead.")
    assert not abandon(database, edition, to=end, reason="Again.", clock=at)
    assert used_ids(database, newsletter, [1, 2, 3]) == {}
    friday = make(database, newsletter, FRIDAY)
    assert chosen_ids(friday) == [1, 2, 3]
    assert friday.edition is not None
    assert (friday.edition.number, friday.edition.window.after) == (2, newsletter.epoch_at)
    # The abandoned one still says what it had chosen.
    with database.read() as connection:
        assert len(candidate_store.load_selection(connection, edition.id).chosen) == 3


def test_an_edition_that_is_on_its_way_keeps_its_stories(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    sending = EditionState.SENDING
    with database.write() as connection:
        store.change_state(connection, edition.id, expect=[EditionState.DRAFT], to=sending)
    at = fixed(edition.send_at)
    assert not abandon(database, edition, to=EditionState.SKIPPED, reason="", clock=at)
    with database.read() as connection:
        assert store.edition_by_id(connection, edition.id).state is sending
    assert len(used_ids(database, newsletter, [1, 2, 3])) == 3


def test_an_edition_is_not_abandoned_by_sending_it(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    with pytest.raises(ValueError, match="not abandoned by making it sent"):
        abandon(database, edition, to=EditionState.SENT, reason="", clock=fixed(edition.send_at))


def test_abandoning_that_fails_half_way_changes_nothing(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays())
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    with _power_cut_before(database, "DELETE FROM article_use"):
        abandon(database, edition, to=EditionState.EXPIRED, reason="", clock=fixed(edition.send_at))
    with database.read() as connection:
        assert store.edition_by_id(connection, edition.id) == edition
    assert len(used_ids(database, newsletter, [1, 2, 3])) == 3


@pytest.mark.parametrize("seed", range(4))
def test_in_weeks_of_any_fortune_no_story_is_repeated_and_none_is_missed(
    database: Database, seed: int
) -> None:
    fortune = random.Random(seed)  # noqa: S311 - a replayable story, no secret
    policy = StoryPolicy(least=2, most=6, max_age=timedelta(days=5))
    newsletter = open_newsletter(database, spec(when=cadence(days=EVERY_DAY), stories=policy))
    uncommitted: list[Article] = []
    sent: dict[int, str] = {}
    weighed: set[int] = set()
    days = [THURSDAY + timedelta(n) for n in range(18)]
    for number, day in enumerate(days):
        cut_off_at = slot_of(newsletter, day).cut_off_at
        arrived = _arrivals(fortune, number, cut_off_at) if number < 10 else []
        committed = [story for story in (*uncommitted, *arrived) if fortune.random() < 0.8]
        uncommitted = [story for story in (*uncommitted, *arrived) if story not in committed]
        if committed:
            keep(database, *committed)
        prepared = make(database, newsletter, day)
        weighed |= {c.article.id for c in prepared.selection.candidates}
        if prepared.edition is None:
            continue
        chosen = chosen_ids(prepared)
        assert sent.keys().isdisjoint(chosen)
        if fortune.random() < 0.2:
            end = EditionState.SKIPPED
            at = fixed(cut_off_at)
            abandon(database, prepared.edition, to=end, reason="A test.", clock=at)
        else:
            sent |= dict.fromkeys(chosen, prepared.edition.address)
    _nothing_is_left(database, newsletter, days[-1], sent)


def _arrivals(fortune: random.Random, number: int, cut_off_at: datetime) -> list[Article]:
    return [
        article(
            number * 10 + n,
            seen=cut_off_at - fortune.random() * 24 * HOUR,
            published=fortune.choice([None, cut_off_at - fortune.random() * 30 * HOUR]),
        )
        for n in range(fortune.randint(1, 5))
    ]


def _nothing_is_left(
    database: Database, newsletter: Newsletter, day: date, sent: dict[int, str]
) -> None:
    """Whatever was never sent has aged out; nothing that was kept is still waiting."""
    everything = range(1000)
    assert used_ids(database, newsletter, everything) == sent
    with database.read() as connection:
        articles = article_store.articles_by_id(connection, everything)
        last = store.find_edition(connection, newsletter)
    assert last is not None
    unsent = [a for a in articles if a.id not in sent]
    cut_off_at = slot_of(newsletter, day).cut_off_at
    assert all(cut_off_at - a.dated_at > newsletter.spec.stories.max_age for a in unsent)


def test_monday_takes_the_weekends_stories(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(max_age=timedelta(days=4))))
    keep(database, *_thursdays())
    make(database, newsletter, FRIDAY)
    keep(database, *(article(n, seen=utc("2026-01-10 12:00")) for n in (11, 12, 13)))
    monday = make(database, newsletter, MONDAY)
    assert chosen_ids(monday) == [11, 12, 13]
    assert monday.edition is not None
    assert monday.edition.window == Window(utc("2026-01-09 06:30"), utc("2026-01-12 06:30"))


# Editions for named stories, other letters, folding


def test_an_edition_for_named_stories_needs_one_and_takes_it_at_any_age(
    database: Database,
) -> None:
    newsletter = open_newsletter(database)
    keep(database, *_thursdays(), article(9, seen=utc("2025-06-01 05:00")))
    slot = slot_of(newsletter, THURSDAY)
    clock = fixed(slot.cut_off_at)
    prepared = prepare(database, newsletter, slot, clock=clock, only=[9])
    assert prepared.edition is not None
    assert chosen_ids(prepared) == [9]
    assert {c.verdict for c in prepared.selection.left_out} == {Verdict.NOT_ASKED_FOR}
    again = prepare(database, newsletter, slot, clock=clock, extra="extra", only=[9])
    reason = "Asked for, but sent in daily/2026-01-08"
    assert again == Prepared(edition=None, reason=reason)
    unknown = prepare(database, newsletter, slot, clock=clock, extra="other", only=[99])
    assert unknown.reason == "0 new stories, 1 needed"


@pytest.mark.parametrize(
    ("state", "chosen"),
    [
        (EditionState.IN_REVIEW, [1, 2, 3]),
        (EditionState.HELD, [1, 2, 3]),
        (EditionState.APPROVED, [2, 3, 1]),
        (EditionState.SENT, [2, 3, 1]),
        (EditionState.STOPPED, [2, 3, 1]),
    ],
)
def test_what_a_decided_edition_of_another_letter_carried_gets_one_line(
    database: Database, state: EditionState, chosen: list[int]
) -> None:
    policy = StoryPolicy(least=1)
    breaking = open_newsletter(database, spec("breaking", stories=policy))
    after_breaking = replace(spec(stories=policy), brief_if_sent_in=("breaking", "gone"))
    daily = open_newsletter(database, after_breaking)
    keep(database, *_thursdays())
    slot = slot_of(breaking, THURSDAY)
    carrying = prepare(database, breaking, slot, clock=fixed(slot.cut_off_at), only=[1]).edition
    assert carrying is not None
    with database.write() as connection:
        store.change_state(connection, carrying.id, expect=[EditionState.DRAFT], to=state)
    prepared = make(database, daily, THURSDAY)
    assert chosen_ids(prepared) == chosen
    brief = [c.reason for c in prepared.selection.chosen if c.place is Place.BRIEF]
    carried = "In brief: sent in breaking/2026-01-08. First seen 8 Jan 2026 at 04:00."
    assert brief == ([carried] if chosen[-1] == 1 else [])


def test_a_story_folded_away_never_comes_back_but_with_its_edition(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1, most=1)))
    wall = "Council approves new harbour wall"
    seen = utc("2026-01-08 05:00")
    keep(
        database,
        article(1, headline=wall, seen=seen),
        article(2, headline=wall, seen=seen - HOUR),
        article(3, headline="Ferry fares rise", seen=seen - HOUR),
    )
    thursday = make(database, newsletter, THURSDAY)
    assert [(c.article.id, c.verdict, c.duplicate_of) for c in thursday.selection.candidates] == [
        (1, Verdict.SELECTED, None),
        (2, Verdict.DUPLICATE, 1),
        (3, Verdict.OVER_LIMIT, None),
    ]
    friday = make(database, newsletter, FRIDAY)
    assert chosen_ids(friday) == [3]
    assert {c.reason for c in friday.selection.left_out} == {
        "Sent in daily/2026-01-08.",
        "Sent in daily/2026-01-08, folded under “Council approves new harbour wall”.",
    }
    assert used_ids(database, newsletter, [2]) == {
        2: "daily/2026-01-08, folded under “Council approves new harbour wall”"
    }
    assert thursday.edition is not None
    at = fixed(utc("2026-01-08 06:50"))
    abandon(database, thursday.edition, to=EditionState.SKIPPED, reason="", clock=at)
    assert used_ids(database, newsletter, [1, 2]) == {}


def test_candidates_are_found_by_two_ranges_of_an_index(sqlite_database: Database) -> None:
    plans: list[str] = []
    at = utc("2026-01-08 06:30")

    def explain(*arguments: Any) -> None:
        connection, _, statement, parameters = arguments[:4]
        if "UNION" in statement and not statement.startswith("EXPLAIN"):
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.extend(row.detail for row in rows)

    sa.event.listen(sqlite_database.engine, "before_cursor_execute", explain)
    with sqlite_database.read() as connection:
        since = at - 48 * HOUR
        candidate_store.candidates_for(connection, dated_from=since, seen_after=since, until=at)
    used = [plan for plan in plans if "article" in plan]
    assert [plan.rpartition(" INDEX ")[2].partition(" ")[0] for plan in used] == [
        "ix_article_published_at",
        "ix_article_first_seen_at",
    ]
