"""Whether a site is at work, judged from a few facts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.workflow.store import Heartbeat
from digest.workflow.vitals import (
    Life,
    Mark,
    Standing,
    Vitals,
    age,
    is_stuck,
    life_of,
    next_mark,
    standing,
)

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
NONE = timedelta(0)
PATIENCE = 15 * MINUTE


def _beat(process: str, silence: timedelta) -> Heartbeat:
    return Heartbeat(process, "press", 77, "0.1.0", NOON - HOUR, NOON - silence)


@pytest.mark.parametrize(
    ("beats", "life"),
    [
        ([], Life.NONE),
        ([_beat("scheduler", SECOND)], Life.NONE),
        ([_beat("sender", 29 * SECOND)], Life.OK),
        ([_beat("sender", 30 * SECOND)], Life.SILENT),
        ([_beat("sender east 1", HOUR), _beat("sender west 2", SECOND)], Life.OK),
        ([_beat("sender", timedelta(days=7))], Life.NONE),
        ([_beat("sender", -HOUR)], Life.OK),
    ],
)
def test_a_kind_of_process_lives_while_one_of_them_does(beats: list[Heartbeat], life: Life) -> None:
    assert life_of(beats, "sender", NOON) is life


def _standing(vitals: Vitals, *, held_back: bool = False) -> Standing:
    return standing(vitals, now=NOON, wall=NOON, patience=PATIENCE, held_back=held_back)


def test_where_nothing_ever_ran_all_is_well() -> None:
    found = _standing(Vitals())
    assert found == Standing(Life.NONE, Life.NONE, False, False, NONE, NONE)  # noqa: FBT003 - read in the order of its fields
    assert found.good


def test_each_part_alone_makes_a_site_unwell() -> None:
    alive = [_beat("scheduler", SECOND), _beat("sender", SECOND)]
    mark = Mark("x", NOON - HOUR, NOON)
    stuck = Vitals(beats=alive, copy_due_at=NOON - HOUR, mark=mark)
    unwell = [
        Vitals(beats=[_beat("scheduler", MINUTE)]),
        Vitals(beats=[_beat("sender", MINUTE)]),
        Vitals(beats=alive, slot_due_at=NOON - PATIENCE),
        stuck,
    ]
    assert [_standing(each).good for each in unwell] == [False] * 4
    assert _standing(Vitals(beats=alive, slot_due_at=NOON - PATIENCE + SECOND)).good
    assert _standing(stuck, held_back=True).good


def test_where_no_scheduler_looks_the_queue_is_stuck_only_when_nobody_sends() -> None:
    for mark in (None, Mark("x", NOON - HOUR, NOON - HOUR)):
        vitals = Vitals(copy_due_at=NOON - HOUR, mark=mark)
        assert is_stuck(vitals, NOON, patience=PATIENCE)
        assert not is_stuck(vitals, NOON, patience=PATIENCE, sending=True)


def test_the_mark_moves_with_every_result_and_after_a_sleep() -> None:
    first = next_mark(None, "a", NOON)
    assert first == Mark("a", NOON, NOON)
    assert next_mark(first, "a", NOON + MINUTE) == Mark("a", NOON, NOON + MINUTE)
    assert next_mark(first, "b", NOON + MINUTE) == Mark("b", NOON + MINUTE, NOON + MINUTE)
    assert next_mark(first, "a", NOON + HOUR) == Mark("a", NOON + HOUR, NOON + HOUR)
    assert next_mark(first, "a", NOON - HOUR) == Mark("a", NOON - HOUR, NOON - HOUR)


def test_what_is_still_to_come_has_no_age() -> None:
    assert [age(at, NOON) for at in (None, NOON + HOUR, NOON - HOUR)] == [NONE, NONE, HOUR]
