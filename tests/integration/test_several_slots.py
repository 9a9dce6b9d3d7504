"""Newsletters with several editions a day, monthly ones, and cut-offs given as a lead."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.db import Database
from digest.workflow.status import overview
from tests.builders import OpenPaper, a_newsletter, moment, opening, url_of

STORIES = {"min": 1, "top": 1, "max": 6, "max_age": "48h"}
TWICE = {
    "morning": {"cut_off": "06:30", "send_at": "07:00"},
    "evening": {"cut_off": "30m", "send_at": "17:00"},
}
MORNING, EVENING = "daily/2026-01-09/morning", "daily/2026-01-09/evening"


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    yield from opening(tmp_path, url_of(database))


def twice_a_day(**more: object) -> dict[str, object]:
    daily = a_newsletter(slots=TWICE, stories=STORIES, release="auto", **more)
    del daily["cut_off"], daily["send_at"]
    return {"daily": daily}


def test_each_slot_of_a_day_has_an_edition_of_its_own(opened: OpenPaper) -> None:
    paper = opened(newsletters=twice_a_day())
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish("Ferry returns to the harbour")
    assert ("prepared", MORNING) in paper.go("2026-01-09 06:30")
    assert paper.go("2026-01-09 07:00") == [("sending", MORNING)]
    paper.watch.at = moment("2026-01-09 12:00")
    paper.publish("Council votes on the market square")
    assert paper.go("2026-01-09 16:29") == []
    assert paper.go("2026-01-09 16:30")[0] == ("prepared", EVENING)
    assert paper.headlines(MORNING) == {"Ferry returns to the harbour"}
    assert paper.headlines(EVENING) == {"Council votes on the market square"}
    assert list(paper.editions()) == [MORNING, EVENING]


def test_after_an_absence_the_latest_slot_of_the_day_is_made(opened: OpenPaper) -> None:
    paper = opened(newsletters=twice_a_day())
    paper.watch.at = moment("2026-01-09 05:00")
    paper.publish("Ferry returns to the harbour")
    steps = paper.go("2026-01-09 16:45")
    assert ("missed", MORNING) in steps
    assert ("prepared", EVENING) in steps
    lines = {line.address: line.state for line in overview(paper.app.newsroom).editions}
    assert lines[MORNING].startswith("missed: Nothing was running at its hour")
    assert lines[EVENING] == "approved"


def test_an_evening_without_news_is_skipped_under_its_own_name(opened: OpenPaper) -> None:
    paper = opened(newsletters=twice_a_day())
    paper.watch.at = moment("2026-01-08 18:00")
    paper.publish("Ferry returns to the harbour")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 07:00")
    assert paper.go("2026-01-09 16:30") == [("skipped", EVENING)]
    lines = {line.address: line.state for line in overview(paper.app.newsroom).editions}
    assert lines[EVENING] == "skipped: 0 new stories, 1 needed"


def test_a_monthly_review_comes_on_the_last_friday_in_its_own_zone(opened: OpenPaper) -> None:
    monthly = a_newsletter(
        days=[], monthly=["last fri"], stories={**STORIES, "max_age": "40d"}, timezone="Asia/Tokyo"
    )
    paper = opened(newsletters={"daily": monthly})
    paper.watch.at = moment("2026-01-20 12:00")
    paper.publish("Choir wins at last")
    assert paper.go("2026-01-29 21:29") == []
    assert paper.go("2026-01-29 21:30")[0] == ("prepared", "daily/2026-01-30")
