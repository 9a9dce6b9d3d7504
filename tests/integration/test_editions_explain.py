from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.editions import candidate_store, choice_store, store
from digest.editions.abandon import abandon
from digest.editions.explain import explain
from digest.editions.model import (
    Act,
    EditionExplanation,
    EditionState,
    Explanation,
    NewChoice,
    SlotRow,
    SlotState,
    StoryPolicy,
    Verdict,
)
from digest.errors import NotFoundError
from tests.integration.editions_room import (
    FRIDAY,
    THURSDAY,
    count,
    keep,
    make,
    open_newsletter,
    slot_of,
)
from tests.unit.editions.editions_builders import article, cadence, spec, utc

NOON = fixed(utc("2026-01-08 12:00"))
WALL = article(1, headline="Council approves harbour wall", seen=utc("2026-01-08 05:00"))
FERRY = article(2, headline="Ferry fares rise", seen=utc("2026-01-08 04:00"))
OLD = article(
    3, headline="Old harbour map", seen=utc("2026-01-08 05:00"), published=utc("2021-10-05 08:55")
)
TABLES = (store.slot, store.edition, candidate_store.candidate, candidate_store.article_use)


def test_an_edition_lists_what_is_in_and_why_the_rest_is_out(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1)))
    keep(database, WALL, FERRY, OLD)
    prepared = make(database, newsletter, THURSDAY)
    expected = EditionExplanation(
        newsletter=newsletter,
        edition=prepared.edition,
        slot=SlotRow(slot_of(newsletter, THURSDAY), SlotState.PREPARED),
        selection=prepared.selection,
    )
    for query in ("daily", "daily/1", "daily/2026-01-08", "daily/2026-01-08/main"):
        answer = explain(database, [newsletter], query, clock=NOON)
        assert answer == Explanation(query=query, edition=expected)
    assert [c.verdict for c in expected.selection.left_out] == [Verdict.TOO_OLD]


def test_an_abandoned_edition_says_its_own_reason(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1)))
    keep(database, WALL)
    edition = make(database, newsletter, THURSDAY).edition
    assert edition is not None
    abandon(database, edition, to=EditionState.SKIPPED, reason="Wrong lead.", clock=NOON)
    answer = explain(database, [newsletter], "daily/1", clock=NOON).edition
    assert answer is not None
    assert answer.reason == "Wrong lead."


def test_a_slot_without_edition_says_why(database: Database) -> None:
    newsletter = open_newsletter(database)
    keep(database, WALL)
    make(database, newsletter, THURSDAY)
    answer = explain(database, [newsletter], "daily/2026-01-08", clock=NOON)
    slot = SlotRow(slot_of(newsletter, THURSDAY), SlotState.SKIPPED, "1 new story, 3 needed")
    assert answer.edition == EditionExplanation(
        newsletter=newsletter, edition=None, slot=slot, reason="1 new story, 3 needed"
    )


@pytest.mark.parametrize("query", ["daily", "daily/7", "daily/2026-01-09"])
def test_an_edition_that_never_was_is_an_error(database: Database, query: str) -> None:
    newsletter = open_newsletter(database)
    with pytest.raises(NotFoundError, match=f"edition: {query}: there is none"):
        explain(database, [newsletter], query, clock=NOON)


def test_a_story_says_what_each_newsletter_did_with_it(database: Database) -> None:
    daily = open_newsletter(database, spec(stories=StoryPolicy(least=1)))
    weekly_settings = spec(
        "weekly",
        when=cadence(days=frozenset({5})),
        stories=StoryPolicy(least=1, max_age=timedelta(days=8)),
    )
    weekly = open_newsletter(database, weekly_settings)
    by_hand = open_newsletter(
        database, spec("breaking", when=cadence(days=frozenset()), stories=StoryPolicy(most=1))
    )
    keep(database, WALL, FERRY, OLD)
    edition = make(database, daily, THURSDAY).edition
    assert edition is not None
    before = count(database, *TABLES)

    answer = explain(database, [daily, weekly, by_hand], "harbour wall", clock=NOON)

    assert count(database, *TABLES) == before
    [story] = answer.stories
    assert answer.edition is None
    assert story.article == WALL
    in_daily, in_weekly, in_breaking = story.fates
    [weighing] = in_daily.weighings
    assert weighing.edition == edition
    assert weighing.candidate.verdict is Verdict.SELECTED
    assert weighing.candidate.position == 0
    assert in_daily.cut_off_at == utc("2026-01-09 06:30")
    assert in_daily.forecast.reason == "Sent in daily/2026-01-08."
    assert in_weekly.weighings == ()
    assert in_weekly.cut_off_at == utc("2026-01-10 06:30")
    assert in_weekly.forecast.verdict is Verdict.SELECTED
    assert in_breaking.cut_off_at == utc("2026-01-08 12:00")
    assert in_breaking.forecast.verdict is Verdict.SELECTED


def test_a_story_too_old_to_be_a_candidate_is_explained_too(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1)))
    ancient = replace(OLD, first_seen_at=utc("2021-10-06 00:00"))
    keep(database, WALL, ancient)
    edition = make(database, newsletter, FRIDAY).edition
    assert edition is not None
    [story] = explain(database, [newsletter], "harbour map", clock=NOON).stories
    [fate] = story.fates
    assert fate.weighings == ()
    assert fate.forecast.verdict is Verdict.TOO_OLD
    assert fate.forecast.reason == "Published 5 Oct 2021, older than 48 hours."


def test_words_that_no_headline_holds_find_nothing(database: Database) -> None:
    newsletter = open_newsletter(database)
    answer = explain(database, [newsletter], "no/such words", clock=NOON)
    assert answer == Explanation(query="no/such words")


def test_the_forecast_knows_what_was_chosen_for_the_next_edition(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1)))
    keep(database, WALL, FERRY)
    with database.write() as connection:
        for day, what in ((THURSDAY, Act.LEAD), (FRIDAY, Act.DROP)):
            choice_store.append(
                connection,
                newsletter.id,
                day,
                "main",
                NewChoice(what, FERRY.id),
                by="ann",
                at=utc("2026-01-07 20:00"),
            )
    [story] = explain(database, [newsletter], "ferry", clock=NOON).stories
    assert [fate.forecast.reason for fate in story.fates] == ["Dropped by ann."]


def test_a_folded_story_says_under_which(database: Database) -> None:
    newsletter = open_newsletter(database, spec(stories=StoryPolicy(least=1)))
    again = article(4, headline="Harbour wall: council approves", seen=utc("2026-01-08 04:30"))
    keep(database, WALL, again)
    make(database, newsletter, THURSDAY)
    [story] = explain(database, [newsletter], "wall: council", clock=NOON).stories
    [fate] = story.fates
    assert [weighing.candidate.reason for weighing in fate.weighings] == [
        "The same story as “Council approves harbour wall”, which is newer."
    ]
    assert fate.forecast.reason == (
        "Sent in daily/2026-01-08, folded under “Council approves harbour wall”."
    )
