from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from digest.editions.cadence import expiry
from digest.editions.model import CatchUp, NewsletterSpec, Slot
from digest.workflow.catch_up import MISSED, Miss, Split, split_due
from tests.unit.editions.editions_builders import spec

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
"""A Friday."""
LATEST = spec()
ALL = replace(LATEST, catch_up=CatchUp.ALL)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def _slot(day: int, *, holiday: bool = False) -> Slot:
    cut_off = datetime(2026, 1, day, 6, 30, tzinfo=UTC)
    return Slot(date(2026, 1, day), cut_off, cut_off + timedelta(minutes=30), holiday=holiday)


def _late(age: str) -> str:
    return f"Nothing was running within {age} of its hour; a later edition takes its stories."


def test_nothing_due_is_nothing_to_do() -> None:
    assert split_due([], LATEST, NOON) == Split()
    assert split_due([], ALL, NOON) == Split()


def test_one_due_slot_is_taken() -> None:
    assert split_due([_slot(9)], LATEST, NOON) == Split(taken=(_slot(9),))


def test_after_an_absence_only_the_latest_is_made_and_the_rest_are_missed() -> None:
    assert split_due([_slot(7), _slot(8), _slot(9)], LATEST, NOON) == Split(
        missed=(Miss(_slot(7), MISSED), Miss(_slot(8), MISSED)), taken=(_slot(9),)
    )


def test_the_latest_is_made_however_late_it_is() -> None:
    assert split_due([_slot(9)], LATEST, NOON + 99 * DAY) == Split(taken=(_slot(9),))


def test_holidays_are_recorded_and_hide_no_slot() -> None:
    days = [_slot(5), _slot(6, holiday=True), _slot(7), _slot(8, holiday=True)]
    assert split_due(days, LATEST, NOON) == Split(
        missed=(Miss(_slot(5), MISSED),),
        taken=(_slot(6, holiday=True), _slot(7), _slot(8, holiday=True)),
    )
    none = replace(LATEST, catch_up_within=timedelta(0))
    assert split_due(days[3:], none, NOON) == Split(taken=(_slot(8, holiday=True),))


def test_with_all_each_is_made_in_order_with_the_present_as_its_hour() -> None:
    due = [_slot(7), _slot(8, holiday=True), _slot(9)]
    assert split_due(due, ALL, NOON) == Split(
        taken=(
            replace(_slot(7), send_at=NOON),
            _slot(8, holiday=True),
            replace(_slot(9), send_at=NOON),
        )
    )


def test_with_all_none_is_over_because_the_next_is_due_too() -> None:
    split = split_due([_slot(7), _slot(8), _slot(9)], ALL, NOON)
    monday = datetime(2026, 1, 12, 6, 30, tzinfo=UTC)
    assert [expiry(ALL, slot) for slot in split.taken] == [monday] * 3
    assert expiry(ALL, _slot(8)) == _slot(9).cut_off_at, "by its own hour it would be over"


def test_with_all_a_slot_whose_hour_is_still_to_come_keeps_it() -> None:
    early = _slot(9).cut_off_at + timedelta(minutes=10)
    assert split_due([_slot(8), _slot(9)], ALL, early) == Split(
        taken=(replace(_slot(8), send_at=early), _slot(9))
    )


def test_all_goes_back_for_a_week_and_makes_the_latest_even_later() -> None:
    at = _slot(9).send_at
    assert split_due([_slot(1), _slot(2), _slot(3)], ALL, at) == Split(
        missed=(Miss(_slot(1), _late("7 days")), Miss(_slot(2), _late("7 days"))),
        taken=(replace(_slot(3), send_at=at),),
    )
    months_later = at + 90 * DAY
    assert split_due([_slot(3)], ALL, months_later) == Split(
        taken=(replace(_slot(3), send_at=months_later),)
    )


@pytest.mark.parametrize("newsletter", [LATEST, ALL])
def test_nothing_is_made_that_is_later_than_asked_for(newsletter: NewsletterSpec) -> None:
    asked = replace(newsletter, catch_up_within=5 * HOUR)
    assert split_due([_slot(9)], asked, NOON) == Split(missed=(Miss(_slot(9), _late("5 hours")),))
    in_time = split_due([_slot(9)], asked, NOON - timedelta(seconds=1))
    assert [slot.local_date.day for slot in in_time.taken] == [9]


def test_an_age_of_nothing_makes_up_nothing() -> None:
    never = replace(LATEST, catch_up_within=timedelta(0))
    slot = _slot(9)
    assert split_due([slot], never, slot.cut_off_at) == Split(taken=(slot,))
    assert split_due([slot], never, slot.send_at) == Split(missed=(Miss(slot, MISSED),))


@pytest.mark.parametrize("newsletter", [LATEST, ALL])
def test_what_would_be_given_up_at_once_is_not_made(newsletter: NewsletterSpec) -> None:
    short = replace(newsletter, expires_after=5 * HOUR, catch_up_within=DAY)
    assert split_due([_slot(9)], short, NOON) == Split(missed=(Miss(_slot(9), _late("5 hours")),))
    made = split_due([_slot(9)], short, NOON - HOUR)
    assert made == Split(taken=(_slot(9),)), "its end counts from its own hour"
