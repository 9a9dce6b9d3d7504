"""The rules of alarms: what is one, what is none, and when a spell begins and ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.workflow.alarms import (
    Alarm,
    AlarmKind,
    AlarmRules,
    Changes,
    Facts,
    FailingSource,
    HeldEdition,
    Letter,
    MissedSlot,
    Spell,
    Verdict,
    changes,
    is_told_over,
    judge,
    over,
    silent,
)
from digest.workflow.store import Heartbeat
from digest.workflow.vitals import Mark, Vitals

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
RULES = AlarmRules()
CALM = Facts(NOON, NOON, "Europe/London")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FRIDAY = "daily/2026-01-09"


def _beat(process: str, silence: timedelta) -> Heartbeat:
    return Heartbeat(process, "press", 77, "0.1.0", NOON - DAY, NOON - silence)


def _queue(due: timedelta, moved: timedelta, looked: timedelta = MINUTE) -> Vitals:
    mark = Mark("x", NOON - moved, NOON - looked)
    return Vitals(copy_due_at=NOON - due, mark=mark)


def _letter(accepted: int, refused: int, complained: int = 0) -> Letter:
    return Letter(7, "daily", FRIDAY, accepted, refused, complained)


def _found(**facts: object) -> list[tuple[str, str, str]]:
    verdict = judge(replace(CALM, **facts), RULES)  # type: ignore[arg-type]
    return [(each.key, each.what, each.detail) for each in verdict.alarms]


def test_where_nothing_is_known_nothing_is_wrong() -> None:
    assert judge(CALM, RULES) == Verdict(())


@pytest.mark.parametrize(
    ("silence", "told"),
    [
        (MINUTE, False),
        (2 * MINUTE, True),
        (6 * DAY, True),
        (7 * DAY, False),
    ],
)
def test_a_process_that_falls_silent_is_told_until_nobody_expects_it(
    silence: timedelta, told: int
) -> None:
    found = _found(vitals=Vitals(beats=[_beat("sender press 1a2b", silence)]))
    assert [key for key, _, _ in found] == ["process:sender press 1a2b"] * told


def test_a_silent_process_is_named_with_its_machine_and_hour() -> None:
    (alarm,) = silent(
        replace(CALM, vitals=Vitals(beats=[_beat("scheduler", HOUR), _beat("sender", HOUR)])),
        kind="scheduler",
    )
    assert alarm == Alarm(
        AlarmKind.PROCESS,
        "process:scheduler",
        "the scheduler on press gives no sign of life",
        "The last was on 9 Jan 2026 at 11:00, by process 77.",
        "Start it again (digest serve, or its service); its log says why it ended.",
    )


@pytest.mark.parametrize(("late", "told"), [(4 * MINUTE, False), (5 * MINUTE, True)])
def test_a_slot_that_nobody_takes_is_told(late: timedelta, told: int) -> None:
    found = _found(vitals=Vitals(slot_due_at=NOON - late))
    words = "An edition was to be made on 9 Jan 2026 at 11:55, and nobody has begun with it."
    assert found == [("late", "the scheduler is late", words)] * told


@pytest.mark.parametrize(
    ("vitals", "told"),
    [
        (_queue(3 * HOUR, MINUTE), False),
        (_queue(3 * HOUR, 14 * MINUTE), False),
        (_queue(14 * MINUTE, 3 * HOUR), False),
        (_queue(3 * HOUR, 15 * MINUTE), True),
        (_queue(3 * HOUR, 3 * HOUR, looked=HOUR), True),
        (Vitals(), False),
    ],
)
def test_a_queue_is_stuck_when_copies_are_due_and_nothing_comes_of_any(
    vitals: Vitals, told: int
) -> None:
    words = "Copies are due since 9 Jan 2026 at 09:00, and for 15 minutes nothing came of any."
    assert _found(vitals=vitals) == [("queue", "the queue does not move", words)] * told
    assert _found(vitals=vitals, held_back=True) == []


def test_a_missed_slot_and_a_held_edition_are_told() -> None:
    missed = MissedSlot("daily", "daily/2026-01-08", "Nothing was running at its hour.", 3)
    held = HeldEdition(FRIDAY, "550 <ann@reader.example> said no.", begun=False)
    verdict = judge(replace(CALM, missed=[missed], held=[held]), RULES)
    assert verdict.alarms == (
        Alarm(
            AlarmKind.MISSED,
            "missed:daily/2026-01-08",
            "daily/2026-01-08 was missed",
            "Nothing was running at its hour. It is one of 3 in a month.",
            "Its stories wait for the next edition. What kept the scheduler from running?",
        ),
        Alarm(
            AlarmKind.HELD,
            f"held:{FRIDAY}",
            f"{FRIDAY} is held",
            "550 <(address)> said no.",
            f"Let it go: digest approve {FRIDAY}",
        ),
    )


def test_what_is_held_while_it_is_sent_was_told_by_the_step_that_held_it() -> None:
    (alarm,) = judge(replace(CALM, held=[HeldEdition(FRIDAY, "", begun=True)]), RULES).alarms
    assert (alarm.mailed, alarm.remedy) == (False, f"Let it go: digest resume {FRIDAY}")


@pytest.mark.parametrize(("hours", "told"), [(23, False), (24, True)])
def test_a_source_is_an_alarm_after_a_day(hours: int, told: int) -> None:
    found = _found(sources=[FailingSource("site", NOON - hours * HOUR, "no answer")])
    assert found == [("source:site", "the source site has failed for 24 hours", "no answer")] * told


@pytest.mark.parametrize(
    ("letter", "told"),
    [
        (_letter(95, 5), False),
        (_letter(94, 6), True),
        (_letter(16, 4), False),
        (_letter(15, 5), True),
        (_letter(0, 30), True),
        (_letter(0, 0), False),
    ],
)
def test_a_letter_that_too_many_servers_refuse_is_told(letter: Letter, told: int) -> None:
    assert [key for key, _, _ in _found(letters=[letter])] == ["bounces:daily"] * told


@pytest.mark.parametrize(
    ("complained", "accepted", "told"),
    [(2, 100, False), (3, 100, True), (3, 3000, False), (4, 3000, True)],
)
def test_a_letter_that_too_many_call_spam_is_told(
    complained: int, accepted: int, told: int
) -> None:
    found = _found(letters=[_letter(accepted, 0, complained)])
    assert [key for key, _, _ in found] == ["complaints:daily"] * told


def test_rates_are_said_with_their_figures() -> None:
    assert _found(letters=[_letter(900, 100, 9)]) == [
        (
            "bounces:daily",
            f"10.0% of {FRIDAY} was refused",
            (
                "100 of 1000 copies; the limit is 5.0%."
                " Providers turn against who writes to old addresses."
            ),
        ),
        (
            "complaints:daily",
            f"1.00% of the readers of {FRIDAY} call it spam",
            "9 of 900 readers; the limit is 0.10%. Providers turn against who is complained of.",
        ),
    ]


ALARM = Alarm(AlarmKind.QUEUE, "queue", "the queue does not move", "d", "r")
SPELL = Spell(3, ALARM, NOON - HOUR, NOON - HOUR)


def test_a_spell_begins_once() -> None:
    assert changes([], Verdict((ALARM,)), NOON) == Changes(begin=(ALARM,))
    assert not changes([SPELL], Verdict((ALARM,)), NOON).any


def test_a_spell_ends_when_it_has_been_clear_for_a_while() -> None:
    assert changes([SPELL], Verdict(()), NOON) == Changes(clear=(SPELL,))
    seems = replace(SPELL, clear_at=NOON)
    assert not changes([seems], Verdict(()), NOON + 9 * MINUTE).any
    assert changes([seems], Verdict((ALARM,)), NOON + 9 * MINUTE) == Changes(back=(seems,))
    assert changes([seems], Verdict(()), NOON + 10 * MINUTE) == Changes(end=(seems,))
    assert changes([seems], Verdict(()), NOON - HOUR) == Changes(end=(seems,))


def test_what_cannot_be_judged_stays_as_it_is() -> None:
    bounced = Alarm(AlarmKind.BOUNCES, "bounces:daily", "w", "d", "r")
    spell = Spell(1, bounced, NOON)
    for letters in ([], [_letter(1, 0)]):
        few = judge(replace(CALM, letters=letters), RULES)
        assert not changes([spell], few, NOON + 31 * DAY).any
        assert changes([spell], few, NOON + 32 * DAY) == Changes(clear=(spell,))
    enough = judge(replace(CALM, letters=[_letter(1000, 0)]), RULES)
    assert changes([spell], enough, NOON) == Changes(clear=(spell,))


def test_its_end_is_told_with_how_long_it_lasted() -> None:
    assert over(replace(SPELL, clear_at=NOON + 30 * MINUTE), "Europe/London") == (
        "it is over: the queue does not move",
        "It lasted from 9 Jan 2026 at 11:00 to 9 Jan 2026 at 12:30, for 90 minutes.",
        "There is nothing to do.",
    )


def test_the_end_of_what_nobody_was_told_or_of_what_merely_happened_is_no_news() -> None:
    missed = replace(ALARM, kind=AlarmKind.MISSED)
    spells = [SPELL, replace(SPELL, told_at=None), replace(SPELL, alarm=missed)]
    assert [is_told_over(each) for each in spells] == [True, False, False]
