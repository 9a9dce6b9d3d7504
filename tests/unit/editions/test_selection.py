from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.model import (
    Candidate,
    Newsletter,
    Place,
    Selection,
    StoryPolicy,
    Verdict,
    Window,
)
from digest.editions.selection import select
from digest.sources.model import Article, Picture
from tests.unit.editions.editions_builders import (
    CUT_OFF,
    EPOCH,
    SPORT,
    TOWN,
    WINDOW,
    article,
    headline_only,
    newsletter,
    utc,
)

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def _select(*articles: Article, stories: StoryPolicy | None = None, **used: str) -> Selection:
    return select(
        articles,
        newsletter=newsletter(stories=stories),
        window=WINDOW,
        used={int(key[1:]): address for key, address in used.items()},
    )


def _places(selection: Selection) -> list[tuple[int, Place | None]]:
    return [(candidate.article.id, candidate.place) for candidate in selection.chosen]


def test_stories_stand_as_they_are_read() -> None:
    stories = [
        article(1, categories=["Sport"]),
        article(2, standfirst=""),
        article(3, categories=["Sport"]),
        article(4, categories=["Sport"]),
        article(5, categories=["Local"]),
        article(6, categories=["Sport"]),
        article(7, categories=["Sport"]),
        article(8),
        headline_only(9),
    ]
    selection = _select(*stories, stories=StoryPolicy(top=2, per_section=2))
    assert _places(selection) == [
        (1, Place.LEAD),
        (2, Place.TOP),
        (3, Place.TOP),
        (5, Place.SECTION),
        (4, Place.SECTION),
        (6, Place.SECTION),
        (7, Place.BRIEF),
        (8, Place.BRIEF),
        (9, Place.BRIEF),
    ]
    assert [candidate.position for candidate in selection.chosen] == list(range(9))
    assert selection.candidates == selection.chosen


def test_each_place_says_why() -> None:
    stories = [
        article(1, published=utc("2026-01-09 05:00")),
        article(2, published=utc("2026-01-09 04:00")),
        article(3, categories=["Sport"], published=utc("2026-01-09 03:00")),
        article(4, categories=["Sport"], published=utc("2026-01-09 02:00")),
        article(5, published=utc("2026-01-08 02:00")),
        headline_only(6),
    ]
    selection = _select(*stories, stories=StoryPolicy(top=1, per_section=1, most=6))
    assert {candidate.article.id: candidate.reason for candidate in selection.chosen} == {
        1: "Lead: the newest with a link and a standfirst. Published 9 Jan 2026 at 05:00.",
        2: "Top story. Published 9 Jan 2026 at 04:00.",
        3: "Sport. Published 9 Jan 2026 at 03:00.",
        4: "In brief: Sport is full. Published 9 Jan 2026 at 02:00.",
        5: "In brief: in no section of this newsletter. Published 8 Jan 2026 at 02:00."
        " Late: dated before the last cut-off.",
        6: "In brief: a headline without link or text. First seen 9 Jan 2026 at 05:24.",
    }


def test_the_lead_is_the_newest_that_has_most_to_show() -> None:
    bare = headline_only(1)
    text = article(2, url=None, standfirst="", body="Text.")
    told = article(3, url=None, body="Text.")
    linked = article(4, standfirst="")
    whole = article(5)
    leads = [
        _select(*stories).chosen[0].article.id
        for stories in (
            (bare, text, told, linked, whole),
            (bare, text, told, linked),
            (bare, text, told),
            (bare, text),
            (bare,),
        )
    ]
    assert leads == [5, 4, 3, 2, 1]


def test_a_picture_makes_no_lead() -> None:
    pictured = replace(article(2).story, picture=Picture("https://post.example/p.jpg"))
    assert _select(article(1), replace(article(2), story=pictured)).chosen[0].article.id == 1


def test_what_is_over_the_limit_says_so_and_comes_first_of_those_left_out() -> None:
    stories = [article(n) for n in range(1, 6)]
    selection = _select(*stories, article(9, withdrawn=CUT_OFF), stories=StoryPolicy(most=3))
    assert [c.article.id for c in selection.chosen] == [1, 2, 3]
    assert [(c.article.id, c.verdict, c.reason) for c in selection.left_out] == [
        (4, Verdict.OVER_LIMIT, "Number 4 by date; an edition has at most 3."),
        (5, Verdict.OVER_LIMIT, "Number 5 by date; an edition has at most 3."),
        (9, Verdict.WITHDRAWN, "Withdrawn 9 Jan 2026 at 06:30."),
    ]


def test_of_the_same_moment_the_one_known_first_comes_first() -> None:
    moment = utc("2026-01-09 05:00")
    selection = _select(article(2, published=moment), article(1, published=moment))
    assert [candidate.article.id for candidate in selection.chosen] == [1, 2]


def test_of_the_same_moment_a_story_goes_before_a_bare_headline() -> None:
    seen = utc("2026-01-09 05:00")
    bare = replace(headline_only(1), first_seen_at=seen)
    selection = _select(bare, article(2, seen=seen), stories=StoryPolicy(most=1))
    assert [candidate.article.id for candidate in selection.chosen] == [2]


def test_late_is_a_label_and_no_limit() -> None:
    at_the_bound = article(1, published=WINDOW.after)
    inside = article(2, published=WINDOW.after + timedelta(seconds=1))
    undated = article(3, seen=WINDOW.after - HOUR)
    selection = _select(at_the_bound, inside, undated)
    assert {c.article.id: c.late for c in selection.chosen} == {1: True, 2: False, 3: False}


def test_a_chosen_story_that_repeats_another_is_marked_and_stays() -> None:
    selection = _select(
        article(1, headline="Council approves harbour wall"),
        article(2, headline="Harbour wall approved by council"),
        article(3, headline="Ferry fares rise"),
    )
    assert {c.article.id: c.duplicate_of for c in selection.chosen} == {1: None, 2: 1, 3: None}


def test_a_chosen_story_that_repeats_yesterdays_is_marked() -> None:
    selection = _select(
        article(1, headline="Council approves harbour wall"),
        article(2, headline="Harbour wall approved by council"),
        n2="daily/2026-01-08",
    )
    assert {c.article.id: c.duplicate_of for c in selection.candidates} == {1: 2, 2: None}


def test_a_weekly_differs_by_its_age_alone() -> None:
    stories = [article(1), article(2, seen=CUT_OFF - 7 * DAY), article(3, seen=CUT_OFF - 9 * DAY)]
    weekly = StoryPolicy(max_age=8 * DAY)
    began_long_ago = newsletter(stories=weekly, epoch_at=CUT_OFF - 90 * DAY)
    selection = select(stories, newsletter=began_long_ago, window=WINDOW, used={})
    assert [c.article.id for c in selection.chosen] == [1, 2]
    assert [c.reason for c in selection.left_out] == ["First seen 31 Dec 2025, older than 8 days."]


MOMENTS = st.integers(-100, 30).map(lambda hours: CUT_OFF + hours * HOUR)
ARTICLES = st.builds(
    article,
    st.integers(1, 40),
    headline=st.sampled_from(["Harbour wall approved by council", "Ferry", "", "a\nb\0c"]),
    seen=MOMENTS,
    published=st.none() | MOMENTS,
    standfirst=st.sampled_from(["", "What happened."]),
    body=st.sampled_from(["", "Text."]),
    url=st.sampled_from(["", None, "https://post.example/town/1", "http://[bad"]),
    categories=st.lists(st.sampled_from(["Sport", "Local", "Weather"]), max_size=2),
    backlog=st.booleans(),
    withdrawn=st.none() | MOMENTS,
)
POOLS = st.lists(ARTICLES, max_size=30, unique_by=lambda story: story.id)
POLICIES = st.builds(
    StoryPolicy,
    least=st.integers(0, 3),
    top=st.integers(0, 3),
    most=st.integers(0, 12),
    per_section=st.integers(0, 3),
    max_age=st.sampled_from([6 * HOUR, 2 * DAY, 8 * DAY]),
)
USED = st.sets(st.integers(1, 40)).map(lambda ids: dict.fromkeys(ids, "daily/2026-01-08"))


def _eligible(story: Article, made: Newsletter, cut_off: datetime, used: dict[int, str]) -> bool:
    """DATA.md's sentence, written a second time."""
    published, seen = story.story.published_at, story.first_seen_at
    if story.backlog and published is None:
        return False
    reference = published if story.backlog and published else seen
    return (
        story.id not in used
        and seen <= cut_off
        and (published is None or published <= cut_off)
        and cut_off - (published or seen) <= made.spec.stories.max_age
        and story.withdrawn_at is None
        and reference > made.epoch_at
    )


@given(POOLS, POLICIES, USED, st.randoms(use_true_random=False))
@settings(max_examples=300, deadline=None)
def test_exactly_the_eligible_stories_are_in_whatever_their_order(
    pool: list[Article], stories: StoryPolicy, used: dict[int, str], shuffler: random.Random
) -> None:
    made = newsletter(stories=stories, epoch_at=EPOCH + 5 * DAY)
    selection = select(pool, newsletter=made, window=WINDOW, used=used)
    shuffled = shuffler.sample(pool, len(pool))
    assert select(shuffled, newsletter=made, window=WINDOW, used=used) == selection

    weighed = [candidate.article.id for candidate in selection.candidates]
    assert sorted(weighed) == sorted(story.id for story in pool)
    fit = {story.id for story in pool if _eligible(story, made, CUT_OFF, used)}
    over = {c.article.id for c in selection.left_out if c.verdict is Verdict.OVER_LIMIT}
    chosen = {c.article.id for c in selection.chosen}
    assert chosen | over == fit
    assert len(chosen) == min(stories.most, len(fit))
    assert [c.position for c in selection.chosen] == list(range(len(chosen)))
    assert all(c.reason.endswith(".") for c in selection.candidates)
    assert _grouped(selection.chosen, stories)


def _grouped(chosen: tuple[Candidate, ...], stories: StoryPolicy) -> bool:
    order = [c.place for c in chosen]
    ranks = [list(Place).index(place) for place in order if place]
    sections = [c.section or "" for c in chosen if c.place is Place.SECTION]
    keys = [TOWN.key, SPORT.key]
    return (
        ranks == sorted(ranks)
        and order.count(Place.LEAD) == min(1, len(chosen))
        and order.count(Place.TOP) <= stories.top
        and sections == sorted(sections, key=keys.index)
        and all(sections.count(key) <= stories.per_section for key in keys)
    )


@given(POOLS, POLICIES)
@settings(max_examples=300, deadline=None)
def test_two_editions_running_repeat_nothing_and_miss_nothing_that_fits(
    pool: list[Article], stories: StoryPolicy
) -> None:
    made = newsletter(stories=stories)
    known = [story for story in pool if story.first_seen_at <= CUT_OFF]
    first = select(known, newsletter=made, window=WINDOW, used={})
    used = {c.article.id: "daily/2026-01-09" for c in first.chosen}
    window = Window(after=CUT_OFF, until=CUT_OFF + DAY)
    second = select(pool, newsletter=made, window=window, used=used)
    taken = {c.article.id for c in second.chosen}
    assert taken.isdisjoint(used)
    fit = {story.id for story in pool if _eligible(story, made, window.until, used)}
    assert taken == fit if len(fit) <= stories.most else taken < fit
