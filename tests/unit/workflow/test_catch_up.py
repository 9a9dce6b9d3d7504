from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from digest.editions.model import Slot
from digest.workflow.catch_up import split_due


def _slot(day: int, *, holiday: bool = False) -> Slot:
    cut_off = datetime(2026, 1, day, 6, 30, tzinfo=UTC)
    return Slot(date(2026, 1, day), cut_off, cut_off + timedelta(minutes=30), holiday=holiday)


def test_nothing_due_is_nothing_to_do() -> None:
    assert split_due([]) == ([], [])


def test_one_due_slot_is_taken() -> None:
    assert split_due([_slot(9)]) == ([], [_slot(9)])


def test_after_an_absence_only_the_latest_is_made_and_the_rest_are_missed() -> None:
    week = [_slot(day) for day in (5, 6, 7)]
    assert split_due(week) == ([_slot(5), _slot(6)], [_slot(7)])


def test_holidays_are_recorded_and_hide_no_slot() -> None:
    days = [_slot(5), _slot(6, holiday=True), _slot(7), _slot(8, holiday=True)]
    assert split_due(days) == (
        [_slot(5)],
        [_slot(6, holiday=True), _slot(7), _slot(8, holiday=True)],
    )
