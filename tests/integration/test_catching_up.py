"""Slots that nobody was there for, clocks that jump, and machines with different zones."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.editions import store as editions
from digest.workflow.due import take
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of, write_settings
from tests.unit.editions.editions_builders import slot_on

ROOT = Path(__file__).resolve().parents[2]
FRIDAY, MONDAY = "daily/2026-01-09", "daily/2026-01-12"
_OLD = {"min": 1, "top": 1, "max": 6, "max_age": "10d"}


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


def _daily(**more: object) -> dict[str, object]:
    return {"daily": a_newsletter(**{"release": "auto", "stories": _OLD, **more})}


def _slots(paper: Paper) -> dict[str, tuple[str, str]]:
    query = sa.select(editions.slot).order_by(editions.slot.c.cut_off_at)
    with paper.app.database.read() as connection:
        rows = connection.execute(query).all()
    return {f"daily/{row.local_date}": (row.state, row.reason) for row in rows}


def _next_run(paper: Paper) -> str:
    with paper.app.database.read() as connection:
        at = connection.scalar(sa.select(editions.newsletter.c.next_run_at))
    return f"{at:%Y-%m-%d %H:%M}"


def test_with_all_each_missed_edition_is_made_of_its_own_stories_and_goes_in_order(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters=_daily(catch_up="all"))
    paper.reader("ann@reader.example")
    for day in ("2026-01-08", "2026-01-11", "2026-01-12"):
        paper.news(day, 2)
    assert paper.go("2026-01-13 09:00") == [
        ("prepared", FRIDAY),
        ("prepared", MONDAY),
        ("prepared", "daily/2026-01-13"),
        *(
            (what, address)
            for address in (FRIDAY, MONDAY, "daily/2026-01-13")
            for what in ("drafted", "approved", "sending")
        ),
    ]
    assert paper.headlines(FRIDAY) == {
        "Ferry returns to the harbour 2026-01-08",
        "Council votes on the market square 2026-01-08",
    }
    assert {word.rpartition(" ")[2] for word in paper.headlines(MONDAY)} == {"2026-01-11"}
    assert paper.go("2026-01-13 09:01") == []
    assert paper.editions() == dict.fromkeys((FRIDAY, MONDAY, "daily/2026-01-13"), "sending")
    ends = {each: paper.edition(each).expires_at for each in paper.editions()}
    assert ends == dict.fromkeys(ends, moment("2026-01-14 06:30")), "none is given up at once"
    assert _next_run(paper) == "2026-01-14 06:30"


def test_with_all_what_nobody_approved_waits_for_the_next_that_is_still_to_come(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve", catch_up="all")})
    paper.news("2026-01-08", 4)
    paper.news("2026-01-11", 4)
    paper.go("2026-01-12 09:00")
    assert paper.editions() == dict.fromkeys((FRIDAY, MONDAY), "held")
    assert paper.go("2026-01-12 23:00") == []
    over = [step for step in paper.go("2026-01-13 06:30") if step[0] == "expired"]
    assert over == [("expired", FRIDAY), ("expired", MONDAY)]


def test_a_slot_that_is_too_late_is_recorded_and_told_with_its_age(opened: OpenPaper) -> None:
    paper = opened(newsletters=_daily(catch_up="all", catch_up_within="24h"))
    paper.news("2026-01-08", 2)
    steps = paper.go("2026-01-13 06:59")
    assert steps[0] == ("missed", FRIDAY)
    too_late = "Nothing was running within 24 hours of its hour; a later edition takes its stories."
    assert _slots(paper) == {
        FRIDAY: ("missed", too_late),
        MONDAY: ("prepared", ""),
        "daily/2026-01-13": ("skipped", "0 new stories, 1 needed"),
    }
    assert paper.headlines(MONDAY) == {
        "Ferry returns to the harbour 2026-01-08",
        "Council votes on the market square 2026-01-08",
    }
    (first, *_) = paper.notices()
    assert first.facts["headline"] == f"{FRIDAY} is missed"
    assert first.facts["reason"] == too_late


def test_with_an_age_of_nothing_no_hour_that_is_over_is_made_up(opened: OpenPaper) -> None:
    paper = opened(newsletters=_daily(catch_up_within="0s"))
    paper.news("2026-01-08", 2)
    assert paper.go("2026-01-09 07:00") == [("missed", FRIDAY)]
    assert paper.go("2026-01-12 06:59")[0] == ("prepared", MONDAY)


def test_an_edition_made_late_ends_as_long_after_its_own_hour_as_the_settings_say(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters=_daily(expires_after="6h"))
    paper.news("2026-01-08", 2)
    assert paper.go("2026-01-09 12:59")[0] == ("prepared", FRIDAY)
    assert paper.edition(FRIDAY).expires_at == moment("2026-01-09 13:00")
    assert paper.go("2026-01-12 13:00") == [("missed", MONDAY)], "its copies would be given up"


def test_a_crash_between_two_slots_that_are_made_up_forgets_none(opened: OpenPaper) -> None:
    paper = opened(newsletters=_daily(catch_up="all"))
    paper.news("2026-01-08", 2)
    paper.news("2026-01-11", 2)
    paper.watch.at = moment("2026-01-13 05:00")
    newsletter = paper.app.newsroom.newsletters[0]
    friday = slot_on(newsletter.spec.cadence, moment("2026-01-09 00:00").date())
    assert friday is not None
    take(paper.app.newsroom, newsletter, friday)  # and then it was killed
    assert _next_run(paper) == "2026-01-09 06:30", "the promise stays until all is done"
    assert ("prepared", MONDAY) in paper.go("2026-01-13 05:01")
    assert _next_run(paper) == "2026-01-13 06:30"
    assert list(_slots(paper)) == [FRIDAY, MONDAY]


# Clocks that jump


def test_a_clock_set_back_makes_nothing_twice_and_brings_the_promise_back(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters=_daily())
    paper.news("2026-01-08", 2)
    paper.go("2026-01-09 06:30")
    assert _next_run(paper) == "2026-01-12 06:30"
    assert paper.go("2026-01-08 22:00") == []
    assert _next_run(paper) == "2026-01-09 06:30"
    assert paper.go("2026-01-09 06:31") == []
    assert list(paper.editions()) == [FRIDAY]
    assert _next_run(paper) == "2026-01-12 06:30"


def test_what_a_clock_far_ahead_recorded_as_missed_is_made_when_its_hour_comes(
    opened: OpenPaper,
) -> None:
    paper = opened(newsletters={"daily": a_newsletter(release="approve", stories=_OLD)})
    assert paper.go("2026-01-19 06:30")[-1] == ("skipped", "daily/2026-01-19")  # ten days ahead
    assert _slots(paper)[FRIDAY][0] == "missed"
    paper.news("2026-01-08", 2)
    assert paper.go("2026-01-09 06:29") == []
    assert _slots(paper)[FRIDAY][0] == "missed", "now the clock may be behind: nothing is undone"
    assert paper.go("2026-01-09 06:30") == [("prepared", FRIDAY), ("drafted", FRIDAY)]
    assert ("needs you", "the clock has been ahead") in paper.told()
    assert paper.go("2026-01-09 06:31") == []
    assert _next_run(paper) == "2026-01-12 06:30"


def test_a_miss_that_is_true_stays_one(opened: OpenPaper) -> None:
    paper = opened(newsletters=_daily(catch_up_within="10m"))
    paper.news("2026-01-08", 2)
    assert paper.go("2026-01-09 07:15") == [("missed", FRIDAY)]
    assert paper.go("2026-01-09 07:05") == []
    assert _slots(paper)[FRIDAY][0] == "missed"


def test_a_clock_far_behind_undoes_nothing_and_records_nothing(opened: OpenPaper) -> None:
    paper = opened(newsletters=_daily(release="approve"))
    paper.news("2026-01-11", 2)
    paper.go("2026-01-12 06:30")
    before = _slots(paper), paper.editions(), paper.told()
    assert before[0][FRIDAY][0] == "missed"
    assert paper.go("2010-01-01 00:00") == []
    assert (_slots(paper), paper.editions(), paper.told()) == before
    assert paper.go("2026-01-12 06:31") == []
    assert (_slots(paper), paper.editions(), paper.told()) == before
    assert _next_run(paper) == "2026-01-13 06:30"


# Two machines


class _Machine:
    """A scheduler in a process of its own, with a zone and a clock of its own."""

    def __init__(self, settings: Path, zone: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.acceptance.living_child", str(settings)],
            cwd=ROOT,
            env={**os.environ, "TZ": zone},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, words: str) -> None:
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write(f"{words}\n")
        stdin.flush()

    def hear(self) -> str:
        stdout: IO[str] | None = self._process.stdout
        assert stdout is not None
        return stdout.readline().strip()

    def end(self) -> None:
        """Let it leave; it is killed when it does not."""
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@contextmanager
def _machines(settings: Path, zones: Sequence[str]) -> Iterator[list[_Machine]]:
    machines = [_Machine(settings, zone) for zone in zones]
    try:
        assert [machine.hear() for machine in machines] == ["ready"] * len(machines)
        yield machines
    finally:
        for machine in machines:
            machine.end()


def test_two_machines_whose_own_zones_are_a_day_apart_make_one_edition_of_each_slot(
    opened: OpenPaper, database: Database, tmp_path: Path
) -> None:
    """Kiritimati is 22 hours ahead of Los Angeles: on most hours they have different dates."""
    newsletters = {
        "daily": a_newsletter(release="auto", stories=_OLD),
        "far": a_newsletter(release="auto", stories=_OLD, timezone="Pacific/Apia"),
    }
    paper = opened("2026-03-15 12:00", newsletters=newsletters)
    paper.news("2026-03-15", 3)
    settings = write_settings(tmp_path, database=url_of(database), newsletters=newsletters)
    hours = ("16T06:30", "16T07:00", "16T17:29", "16T17:30", "17T06:30", "17T17:31")
    with _machines(settings, ["Pacific/Kiritimati", "America/Los_Angeles"]) as machines:
        for hour in hours:
            for machine in machines:
                machine.say(f"advance 2026-03-{hour}:00+00:00")
            assert [machine.hear() for machine in machines] == ["done", "done"]
    query = sa.select(editions.slot).order_by(editions.slot.c.cut_off_at)
    with database.read() as connection:
        rows = connection.execute(query).all()
    assert [(f"{row.cut_off_at:%d %H:%M}", row.newsletter_id, row.state) for row in rows] == [
        ("15 17:30", 2, "skipped"),
        ("16 06:30", 1, "prepared"),
        ("16 17:30", 2, "prepared"),
        ("17 06:30", 1, "skipped"),
        ("17 17:30", 2, "skipped"),
    ]
    assert paper.editions() == {"daily/2026-03-16": "sent", "far/2026-03-17": "sent"}
    told = paper.told()
    assert len(told) == len(set(told)) == 5, "each once, whoever took it"
