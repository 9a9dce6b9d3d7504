"""What the desk's home says of editions that were, are, and are to come."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.delivery.model import Tally
from digest.editions.model import DayRange, Edition, EditionState, SlotState, Window
from digest.web.desk.home_words import (
    Day,
    Entry,
    Run,
    Shelf,
    State,
    lines_of,
    monday_of,
    runs_of,
    short,
    state_of,
    waits,
    week_of,
)
from digest.workflow.calendar_store import Approved
from digest.workflow.store import EmptySlot
from tests.unit.editions.editions_builders import cadence, newsletter, spec, utc

LONDON, TORTOLA = ZoneInfo("Europe/London"), ZoneInfo("America/Tortola")
NOW = utc("2026-01-09 12:00")
MONDAY = date(2026, 1, 5)


def edition(
    state: EditionState = EditionState.SENT, *, day: date = date(2026, 1, 9), **more: object
) -> Edition:
    at = datetime(day.year, day.month, day.day, 7, tzinfo=UTC)
    made = Edition(
        id=day.day,
        newsletter_id=1,
        slug="daily",
        local_date=day,
        slot_name="main",
        number=day.day,
        state=state,
        window=Window(at - timedelta(days=1), at),
        send_at=at,
        prepared_at=at,
    )
    return replace(made, **more)  # type: ignore[arg-type]


def empty(state: SlotState, reason: str, day: date = date(2026, 1, 6)) -> EmptySlot:
    at = datetime(day.year, day.month, day.day, 6, 30, tzinfo=UTC)
    return EmptySlot("daily", "The daily", day, "main", state, reason, at)


@pytest.mark.parametrize(
    ("asked", "monday"),
    [
        ("", "2026-01-05"),
        ("2026-01-11", "2026-01-05"),
        ("2026-01-12", "2026-01-12"),
        ("2026-02-30", "2026-01-05"),
        ("0001-01-01", "2026-01-05"),
        ("9999-12-31", "2026-01-05"),
    ],
)
def test_a_week_begins_on_its_monday_and_what_is_no_date_means_this_week(
    asked: str, monday: str
) -> None:
    assert monday_of(asked, date(2026, 1, 9)) == date.fromisoformat(monday)


def test_a_week_is_laid_out_by_day_with_what_is_to_come_by_the_cadence() -> None:
    daily = newsletter()
    sent = edition(day=date(2026, 1, 5))
    shelf = Shelf(
        [sent],
        [empty(SlotState.SKIPPED, "1 new story, 3 needed.")],
        tallies={sent.id: Tally(accepted=9)},
        stories={sent.id: 12},
    )
    week = week_of(MONDAY, [daily], shelf, now=utc("2026-01-07 06:00"), zone=LONDON)
    coming = Entry(State("To come", "draft"), "Draft at 06:30")
    assert week.title == "5 January to 11 January 2026"
    assert week.days[2] == Day("Wed 7", is_today=True)
    assert (week.before, week.after, week.is_now) == (date(2025, 12, 29), date(2026, 1, 12), True)
    (row,) = week.rows
    assert row.cells == (
        (Entry(State("Sent", "sent"), "12 stories", "editions/daily/2026-01-05"),),
        (Entry(State("Skipped", "skipped"), "1 new story, 3 needed"),),
        (coming,),
        (coming,),
        (coming,),
        (),
        (),
    )


def test_a_holiday_is_said_and_an_hour_that_is_over_promises_nothing() -> None:
    days = cadence(not_on=(DayRange(date(2026, 1, 9), date(2026, 1, 9)),))
    daily = replace(newsletter(), spec=spec(when=days))
    week = week_of(MONDAY, [daily], Shelf([]), now=utc("2026-01-08 12:00"), zone=LONDON)
    assert [len(cell) for cell in week.rows[0].cells] == [0, 0, 0, 0, 1, 0, 0]
    assert week.rows[0].cells[4][0] == Entry(State("Holiday", "skipped"), "Stories wait")


def test_today_is_the_days_of_the_sites_own_zone() -> None:
    week = week_of(MONDAY, [], Shelf([]), now=utc("2026-01-09 02:00"), zone=TORTOLA)
    assert [day.words for day in week.days if day.is_today] == ["Thu 8"]


def test_what_is_being_sent_says_how_far_it_is_in_its_cell() -> None:
    moving = edition(EditionState.SENDING)
    shelf = Shelf([moving], tallies={moving.id: Tally(accepted=43, planned=57)})
    week = week_of(MONDAY, [newsletter()], shelf, now=NOW, zone=LONDON)
    assert week.rows[0].cells[4][0].detail == "43%"


def test_sent_is_said_only_when_every_copy_is_final() -> None:
    moving = edition(EditionState.SENDING)
    assert state_of(moving, Tally(accepted=9, deferred=5)).word == "Sending, 5 to retry"
    assert state_of(moving, Tally(accepted=9, deferred=5, planned=1)).word == "Sending"
    assert state_of(edition(), Tally(accepted=14)) == State("Sent", "sent")


def test_the_list_has_editions_and_empty_slots_the_newest_first() -> None:
    approved = edition(EditionState.APPROVED, day=date(2026, 1, 12))
    held = edition(EditionState.HELD, day=date(2026, 1, 8), reason="Held by Ann.")
    sent = edition(day=date(2026, 1, 5))
    shelf = Shelf(
        [approved, held, sent],
        [empty(SlotState.HOLIDAY, "6 Jan 2026 is a holiday")],
        tallies={sent.id: Tally(accepted=4770, failed=28)},
        subjects={approved.id: "Wine falls again"},
        approvals={approved.id: Approved("Alma Penn", utc("2026-01-09 06:52"))},
    )
    lines = lines_of(shelf, {1: "The Morning Post"}, shown="", zone=LONDON, now=NOW)
    assert [(line.when, line.state.word, line.detail, line.action) for line in lines] == [
        ("Mon 12 Jan, 07:00", "Approved", "By Alma Penn, Fri 9 Jan, 06:52", "Open"),
        ("Thu 8 Jan, 07:00", "Held", "Held by Ann", "Edit"),
        ("Tue 6 Jan, 06:30", "Holiday", "6 Jan 2026 is a holiday", ""),
        ("Mon 5 Jan, 07:00", "Sent", "4,770 of 4,798 accepted", "Open"),
    ]
    assert (lines[0].utc, lines[0].subject) == ("07:00 UTC", "Wine falls again")
    assert len(lines_of(shelf, {}, shown="sent", zone=LONDON, now=NOW)) == 3


def test_a_year_that_is_another_is_said() -> None:
    sent = edition(day=date(2025, 1, 6))
    (line,) = lines_of(Shelf([sent]), {}, shown="", zone=LONDON, now=NOW)
    assert (line.when, line.newsletter) == ("Mon 6 Jan 2025, 07:00", "daily")


def test_the_next_runs_are_in_the_sites_zone_in_utc_and_in_the_letters_own() -> None:
    tortola = spec("island", when=cadence("America/Tortola"))
    daily, island = newsletter(), replace(newsletter(), id=2, spec=tortola)
    assert runs_of([daily, island], now=NOW, zone=LONDON) == [
        Run("The daily", "Mon 12 Jan, 07:00", "07:00 UTC", "draft at 06:30", "in 2 days"),
        Run(
            "The island",
            "Mon 12 Jan, 11:00 (07:00 in Tortola)",
            "11:00 UTC",
            "draft at 10:30",
            "in 2 days",
        ),
    ]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (timedelta(seconds=-5), "in 0 min"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(hours=24, minutes=55), "in 24 h 55 min"),
        (timedelta(hours=48), "in 2 days"),
    ],
)
def test_how_long_it_is_until_then(left: timedelta, words: str) -> None:
    assert waits(left) == words


def test_a_long_reason_is_cut_at_a_word() -> None:
    assert short("Held by Ann.") == "Held by Ann"
    assert short("word " * 30) == f"{'word ' * 17}word…"
