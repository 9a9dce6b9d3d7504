from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.sources.identity import keys_of, names_in_poll
from digest.sources.model import FoundStory
from digest.sources.sightings import DELETED, MISSING, PAGE_ANSWERS, Known, Plan, Poll
from tests.unit.sources.source_builders import a_story

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
FERRY = a_story("Ferry late", guid="1", url="https://e.example/ferry", standfirst="By an hour.")
BUDGET = a_story("Budget cut", guid="2", url="https://e.example/budget", standfirst="By a tenth.")
SITE, OTHER = 1, 2


def _known(number: int, story: FoundStory, **fields: Any) -> Known:
    return replace(Known(number, SITE, story, NOON), **fields)


def _plan(known: Sequence[Known], *found: FoundStory, source_id: int = SITE) -> Plan:
    owners = {key: one.id for one in known for key in keys_of(one.story, source="site")}
    plan = Plan(Poll(source_id, LATER, backlog=False), owners, {one.id: one for one in known})
    plan.work_out(list(zip(found, names_in_poll(found, source="site"), strict=True)))
    return plan


def test_stories_nobody_knows_are_added_once_each_with_their_names() -> None:
    plan = _plan([], FERRY, BUDGET, FERRY)
    assert plan.added == [Known(-1, SITE, FERRY, LATER), Known(-2, SITE, BUDGET, LATER)]
    assert plan.ids == [-1, -2, -1]
    assert plan.names == {
        **dict.fromkeys(keys_of(FERRY, source="site"), -1),
        **dict.fromkeys(keys_of(BUDGET, source="site"), -2),
    }
    assert plan.changes == []


def test_what_is_known_and_says_the_same_leaves_nothing_to_write() -> None:
    plan = _plan([_known(7, FERRY), _known(8, BUDGET)], BUDGET, FERRY, a_story("FERRY late"))
    assert plan.is_empty
    assert plan.ids == [8, 7, 7]


def test_changed_words_are_a_revision_and_a_changed_address_wants_a_look() -> None:
    known = _known(7, FERRY, visited_at=NOON, revision=3)
    reworded = replace(FERRY, standfirst="By two hours.")
    moved = replace(FERRY, url="https://e.example/late")
    for found, visited_at in ((reworded, NOON), (moved, None)):
        after = replace(known, story=found, revision=4, visited_at=visited_at)
        assert _plan([known], found).changes == [(known, after)]


def test_a_first_word_rewrites_and_what_follows_in_the_poll_fills() -> None:
    known = _known(7, FERRY)
    first = replace(FERRY, standfirst="By two hours.")
    second = replace(FERRY, standfirst="By three hours.", language="en")
    after = replace(known, story=replace(first, language="en"), revision=2)
    assert _plan([known], first, second).changes == [(known, after)]
    assert _plan([after], first, second).is_empty


def test_another_source_only_fills() -> None:
    known = _known(7, FERRY)
    copy = replace(FERRY, headline="Ferry late, they say", language="en")
    after = replace(known, story=replace(FERRY, language="en"))
    assert _plan([known], copy, source_id=OTHER).changes == [(known, after)]


def test_a_guid_that_stands_over_another_story_now_does_not_lead_to_the_old_one() -> None:
    known = _known(7, FERRY)
    shifted = (replace(BUDGET, guid="1"), replace(FERRY, guid="2"))
    plan = _plan([known], *shifted)
    assert plan.ids == [-1, 7]
    assert plan.added[0].story == shifted[0]
    again = _plan([known, _known(8, shifted[0])], *shifted)
    assert again.ids == [8, 7]


@pytest.mark.parametrize(
    ("why", "is_restored"),
    [(MISSING, True), (DELETED, True), (f"{PAGE_ANSWERS}410", False), ("by the desk", False)],
)
def test_a_source_gives_back_what_it_took_back_and_nothing_else(
    why: str,
    is_restored: bool,  # noqa: FBT001 - a column of the table
) -> None:
    known = _known(7, FERRY, withdrawn_at=NOON, withdrawn_why=why)
    restored = [(known, replace(known, withdrawn_at=None, withdrawn_why=""))]
    assert _plan([known], FERRY).changes == (restored if is_restored else [])
    assert _plan([known], FERRY, source_id=OTHER).is_empty


def test_a_headline_names_the_latest_story_under_it() -> None:
    monday = replace(FERRY, headline="Weather", standfirst="Rain.")
    tuesday = replace(BUDGET, headline="Weather", standfirst="Sun.")
    [headline] = {key for key in keys_of(monday, source="site") if key.kind == "headline"}
    assert _plan([_known(7, monday)], tuesday).names[headline] == -1
    older = Plan(Poll(SITE, LATER, backlog=False), {headline: 7}, {7: _known(7, monday)})
    older.work_out([(a_story("Weather"), (headline,))])
    assert older.is_empty
