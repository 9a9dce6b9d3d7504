"""A year of four newsletters in forty zones, lived through by two schedulers: each slot once.

`dev.py year` runs all of it and prints what happened; here are weeks of it, on both databases.
"""

from __future__ import annotations

import os
import time as stopwatch
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.db import Database
from digest.editions.model import SlotState
from tests.acceptance.year_site import (
    ENDS,
    RHYTHMS,
    ZONES,
    Span,
    Taken,
    Year,
    dates_of,
    is_at,
    is_end_of_gap,
    open_year,
    slots_taken,
    told_of,
)
from tests.builders import url_of

DAYS = int(os.environ.get("TEST_YEAR_DAYS", "9"))
COUNT = int(os.environ.get("TEST_YEAR_ZONES", "1"))
_WITHOUT_EDITION = (SlotState.SKIPPED, SlotState.HOLIDAY, SlotState.MISSED)
_STATES = (SlotState.PREPARED, *_WITHOUT_EDITION)
_AFTER_GAP = "at the end of a gap"
_EVERYTHING = (*_STATES, _AFTER_GAP)


@pytest.mark.parametrize(
    ("begins", "zones"),
    [
        # Berlin's clocks go forward, Lord Howe's back by half an hour.
        ("2011-03-20", ("Europe/Berlin", "Australia/Lord_Howe")),
        # Samoa has no 30 December.
        ("2011-12-21", ("Pacific/Apia", "Asia/Kathmandu")),
        # Sao Paulo shows the last hour of a Saturday twice, and there is a 29 February.
        ("2012-02-17", ("America/Sao_Paulo",)),
    ],
)
def test_two_weeks_of_a_simulated_year_have_each_slot_once(
    database: Database, tmp_path: Path, begins: str, zones: tuple[str, ...]
) -> None:
    first = datetime.fromisoformat(begins).replace(tzinfo=UTC)
    asleep = Span(first + timedelta(days=4, hours=5), first + timedelta(days=7, hours=20))
    year = open_year(
        tmp_path,
        url_of(database),
        zones=zones,
        begins=first,
        ends=first + timedelta(days=16),
        seed=20110301,
        outages=(asleep,),
    )
    with year.closing():
        year.live()
        found = _check(year)
    assert found[SlotState.MISSED] > 0
    assert found[SlotState.PREPARED] > found[SlotState.MISSED]


@pytest.mark.long
def test_a_whole_simulated_year_has_each_slot_once(tmp_path: Path) -> None:
    begun = stopwatch.monotonic(), stopwatch.process_time()
    begins = ENDS - timedelta(days=DAYS)
    year = open_year(
        tmp_path, "", zones=ZONES[:COUNT], begins=begins, ends=ENDS, seed=2011, whole=ZONES[0]
    )
    with year.closing():
        year.live()
        lived = stopwatch.monotonic(), stopwatch.process_time()
        found = _check(year)
    wall, cpu = (after - before for before, after in zip(begun, lived, strict=True))
    _print(year, found, wall, cpu)
    for what in _EVERYTHING if len(ZONES) == COUNT else (SlotState.PREPARED,):
        assert found[what] > 0, f"no slot is {what}: that way was not tried"


def _check(year: Year) -> Counter[str]:
    """Compare the slots with a calendar of its own; count what became of them."""
    assert year.failures == []
    by_newsletter = defaultdict(list)
    for each in slots_taken(year.database):
        by_newsletter[each.slug].append(each)
    told, found = told_of(year.database), Counter[str]()
    for number, zone in enumerate(year.zones):
        dates = dates_of(zone, year.begins, year.ends)
        asked = {day for day in dates if year.asks_for(day)}
        for rhythm in RHYTHMS:
            slug = f"{rhythm.name}-{number}"
            rows = [each for each in by_newsletter[slug] if year.asks_for(each.day)]
            assert [each.day for each in rows] == sorted(filter(rhythm.on, asked)), slug
            for each in rows:
                _check_one(year, each, told)
                found[each.state] += 1
                if is_end_of_gap(zone, each.day, rhythm.cut_off, each.cut_off_at):
                    found[_AFTER_GAP] += 1
                else:
                    assert is_at(zone, each.day, rhythm.cut_off, each.cut_off_at), each
            numbers = [each.number for each in by_newsletter[slug] if each.number]
            assert numbers == list(range(1, len(numbers) + 1)), f"{slug}: out of order"
    return found


def _check_one(year: Year, each: Taken, told: frozenset[str]) -> None:
    if each.state == SlotState.PREPARED:
        assert each.editions == 1, each
        assert each.prepared_at is not None
        in_time = each.prepared_at - each.cut_off_at < timedelta(minutes=1)
        assert in_time or year.is_away(each.cut_off_at), f"late, and nobody was away: {each}"
        return
    missed = each.state == SlotState.MISSED
    assert not missed or year.is_away(each.cut_off_at), f"missed, and nobody was away: {each}"
    assert each.state in _WITHOUT_EDITION, each
    assert each.editions == 0, each
    assert each.reason, each
    if each.state != SlotState.HOLIDAY:
        assert f"{each.slug}/{each.day}" in told, f"nobody was told: {each}"


_HEAD = (
    "{count} newsletters in {zones} zones, {begins:%d %b %Y} to {ends:%d %b %Y}:"
    " {wall:.0f} s ({cpu:.0f} s of a core)"
)
_HONEST = (
    "Slots, stories, reasons and notices are real in all zones. Only the weekday, weekly and\n"
    "monthly editions of {whole} were drafted, released and planned; the others count as\n"
    "sent as soon as they are prepared."
)


def _print(year: Year, found: Counter[str], wall: float, cpu: float) -> None:
    """Write what `dev.py year` prints."""
    name = os.environ.get("TEST_YEAR_TABLE")
    if not name:
        return
    lines = [
        _HEAD.format(
            count=len(year.zones) * len(RHYTHMS),
            zones=len(year.zones),
            begins=year.begins,
            ends=year.ends,
            wall=wall,
            cpu=cpu,
        ),
        f"{sum(found[state] for state in _STATES):>8,}  slots, each once:",
        *(f"{found[state]:>8,}  {state}" for state in _STATES),
        f"{found[_AFTER_GAP]:>8,}  at the first minute after an hour that was skipped",
        "On the way:",
        *(f"{count:>8,}  {what}" for what, count in sorted(year.counts.items())),
        _HONEST.format(whole=year.whole),
    ]
    Path(name).write_text("\n".join(lines) + "\n", encoding="utf-8")
