from __future__ import annotations

import random
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.model import (
    Candidate,
    Newsletter,
    Orders,
    Place,
    Selection,
    Sponsor,
    StoryPolicy,
    Verdict,
    Window,
    Wording,
)
from digest.editions.selection import select, used_up
from digest.sources.model import Article, Picture
from tests.unit.editions.editions_builders import (
    CUT_OFF,
    EPOCH,
    LAST_CUT_OFF,
    SPORT,
    TOWN,
    WINDOW,
    article,
    headline_only,
    newsletter,
    utc,
)
from tests.unit.editions.sentences import is_a_known_sentence

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


def _of(story: Article, **parts: Any) -> Article:
    return replace(story, story=replace(story.story, **parts))


def test_priority_goes_before_date() -> None:
    old = _of(article(1, published=utc("2026-01-08 09:00")), priority=5)
    new, newest = (article(n, published=utc(f"2026-01-09 0{n}:00")) for n in (4, 5))
    selection = _select(old, new, newest, stories=StoryPolicy(most=2, top=1))
    lead = "Lead: the first by priority with a link and a standfirst."
    assert [(c.article.id, c.reason) for c in selection.candidates] == [
        (1, f"{lead} Published 8 Jan 2026 at 09:00."),
        (5, "Top story. Published 9 Jan 2026 at 05:00."),
        (4, "Number 3 by priority and date; an edition has at most 2."),
    ]


# Folding

WALL = "Council approves harbour wall"
WALL_AGAIN = "Harbour wall approved by council"


def _outs(selection: Selection) -> list[tuple[int, Verdict, str, int | None]]:
    return [(c.article.id, c.verdict, c.reason, c.duplicate_of) for c in selection.left_out]


def test_of_stories_that_tell_the_same_the_newest_stays() -> None:
    selection = _select(
        article(1, headline=WALL),
        article(2, headline=WALL_AGAIN),
        article(3, headline="Ferry fares rise"),
        article(4, headline=WALL),
    )
    assert [c.article.id for c in selection.chosen] == [1, 3]
    reason = "The same story as “Council approves harbour wall”, which is newer."
    assert _outs(selection) == [
        (2, Verdict.DUPLICATE, reason, 1),
        (4, Verdict.DUPLICATE, reason, 1),
    ]
    assert [c.article.id for c in used_up(selection)] == [1, 3, 2, 4]


def test_the_same_from_two_sources_at_the_same_minute_folds_under_the_one_known_first() -> None:
    seen = utc("2026-01-09 05:00")
    ours, theirs = (article(n, headline=WALL, seen=seen) for n in (1, 2))
    selection = _select(replace(theirs, source="agency"), ours)
    assert _outs(selection) == [
        (
            2,
            Verdict.DUPLICATE,
            "The same story as “Council approves harbour wall”, which we knew first.",
            1,
        )
    ]


def test_a_bare_headline_folds_under_the_story_even_when_it_is_newer() -> None:
    selection = _select(headline_only(1, WALL), article(2, headline=WALL_AGAIN))
    assert [c.article.id for c in selection.chosen] == [2]
    assert [c.reason for c in selection.left_out] == [
        "The same story as “Harbour wall approved by council”, which has more than a headline."
    ]


def test_folding_makes_room_for_another_story() -> None:
    stories = [article(1, headline=WALL), article(2, headline=WALL_AGAIN), article(3), article(4)]
    selection = _select(*stories, stories=StoryPolicy(most=2))
    assert [c.article.id for c in selection.chosen] == [1, 3]
    assert [c.verdict for c in selection.left_out] == [Verdict.DUPLICATE, Verdict.OVER_LIMIT]


def test_what_folds_under_a_story_over_the_limit_is_free_for_next_time() -> None:
    stories = [article(3), article(5, headline=WALL), article(6, headline=WALL_AGAIN)]
    selection = _select(*stories, stories=StoryPolicy(most=1))
    assert [(c.article.id, c.verdict) for c in selection.left_out] == [
        (5, Verdict.OVER_LIMIT),
        (6, Verdict.DUPLICATE),
    ]
    assert [c.article.id for c in used_up(selection)] == [3]


def test_the_same_in_another_language_is_another_story() -> None:
    english = _of(article(1, headline=WALL), language="en-GB")
    german = _of(article(2, headline=WALL), language="de")
    unknown = _of(article(3, headline=WALL), language=None)
    assert [c.article.id for c in _select(english, german).chosen] == [1, 2]
    assert [c.article.id for c in _select(english, unknown).chosen] == [1]


def test_a_very_long_headline_is_cut_in_the_sentence() -> None:
    line = "harbour wall council " + "very " * 2000
    selection = _select(article(1, headline=line), article(2, headline=line))
    [folded] = selection.left_out
    assert len(folded.reason) < 200
    assert folded.reason.endswith("very …”, which is newer.")


# What people choose


def _ordered(
    *articles: Article, stories: StoryPolicy | None = None, **orders: Any
) -> list[tuple[int, str | None, str]]:
    made = newsletter(stories=stories)
    selection = select(articles, newsletter=made, window=WINDOW, used={}, orders=Orders(**orders))
    return [
        (c.article.id, c.place, c.reason.split(". First")[0].split(". Published")[0])
        for c in selection.chosen
    ]


def test_a_pinned_story_is_in_whatever_speaks_against_it_but_what_cannot_be_undone() -> None:
    far = utc("2020-01-01 00:00")
    ahead = CUT_OFF + DAY
    pool = [
        article(1),
        article(2),
        article(3, seen=far, published=far),
        article(4, seen=ahead),
        article(5, published=ahead),
        article(6, seen=far, backlog=True),
        article(7, withdrawn=CUT_OFF),
        article(8),
        article(9),
    ]
    selection = select(
        pool,
        newsletter=newsletter(stories=StoryPolicy(most=2)),
        window=WINDOW,
        used={8: "daily/2026-01-08"},
        orders=Orders(pinned=frozenset({3, 4, 5, 6, 7, 8, 99}), dropped_always={3: "by ann"}),
    )
    assert sorted(c.article.id for c in selection.chosen) == [3, 4, 5, 6]
    assert {c.article.id: c.reason for c in selection.left_out} == {
        1: "Number 5 by date; an edition has at most 2.",
        2: "Number 6 by date; an edition has at most 2.",
        7: "Pinned, but withdrawn 9 Jan 2026 at 06:30.",
        8: "Pinned, but sent in daily/2026-01-08.",
        9: "Number 7 by date; an edition has at most 2.",
    }
    assert {c.reason for c in selection.chosen if c.article.id == 4} == {
        "Pinned. Lead: the newest with a link and a standfirst. First seen 10 Jan 2026 at 06:30."
    }


def test_a_pinned_story_takes_one_of_the_places() -> None:
    pool = [article(n) for n in (1, 2, 3)]
    chosen = _ordered(*pool, stories=StoryPolicy(most=2), pinned=frozenset({3}))
    assert [number for number, *_ in chosen] == [1, 3]


def test_a_pinned_story_stays_and_the_others_fold_under_it() -> None:
    pool = [article(n, headline=WALL) for n in (1, 2, 3)]
    selection = select(
        pool,
        newsletter=newsletter(),
        window=WINDOW,
        used={},
        orders=Orders(pinned=frozenset({2, 3})),
    )
    assert [(c.article.id, c.duplicate_of) for c in selection.chosen] == [(2, None), (3, 2)]
    assert [c.reason for c in selection.left_out] == [
        "The same story as “Council approves harbour wall”, which is pinned."
    ]


def test_a_dropped_story_says_who_dropped_it() -> None:
    selection = select(
        [article(n) for n in (1, 2, 3)],
        newsletter=newsletter(),
        window=WINDOW,
        used={},
        orders=Orders(dropped={1: "by ann@post.example"}, dropped_always={2: "by bob"}),
    )
    assert _outs(selection) == [
        (1, Verdict.DROPPED, "Dropped by ann@post.example.", None),
        (2, Verdict.DROPPED, "Dropped for good by bob.", None),
    ]


def test_a_story_that_a_person_placed_is_not_over_the_limit_nor_folded_away() -> None:
    pool = [article(1), article(2, headline=WALL), article(3, headline=WALL), article(4)]
    selection = select(
        pool,
        newsletter=newsletter(stories=StoryPolicy(most=2)),
        window=WINDOW,
        used={},
        orders=Orders(lead=4, moves=((3, "last"),)),
    )
    assert [c.article.id for c in selection.chosen] == [4, 3]
    assert [c.reason for c in selection.left_out] == [
        "Number 3 by date; an edition has at most 2.",
        "The same story as “Council approves harbour wall”, which was chosen by hand.",
    ]


def test_places_are_taken_as_a_person_named_them() -> None:
    pool = [article(n, categories=["Sport"] if n > 4 else []) for n in range(1, 8)]
    chosen = _ordered(
        *pool,
        stories=StoryPolicy(top=1, per_section=1),
        lead=3,
        sections={1: "town", 2: "brief", 6: "top", 7: "gone"},
    )
    assert chosen == [
        (3, Place.LEAD, "Lead: chosen by hand"),
        (6, Place.TOP, "Top story: chosen by hand"),
        (1, Place.SECTION, "Town: chosen by hand"),
        (5, Place.SECTION, "Sport"),
        (2, Place.BRIEF, "In brief: chosen by hand"),
        (4, Place.BRIEF, "In brief: in no section of this newsletter"),
        (7, Place.BRIEF, "In brief: Sport is full"),
    ]


def test_more_than_the_settings_allow_may_be_named_for_a_place() -> None:
    pool = [article(n) for n in range(1, 6)]
    policy = StoryPolicy(top=1, per_section=1)
    tops = _ordered(*pool, stories=policy, sections={4: "top", 5: "top"})
    assert [number for number, place, _ in tops if place is Place.TOP] == [4, 5]
    town = _ordered(*pool, stories=policy, sections={3: "town", 4: "town", 5: "town"})
    assert [number for number, place, _ in town if place is Place.SECTION] == [3, 4, 5]


def test_a_section_named_by_hand_is_the_storys_section() -> None:
    selection = select(
        [article(1), article(2, categories=["Sport"])],
        newsletter=newsletter(),
        window=WINDOW,
        used={},
        orders=Orders(sections={2: "town"}),
    )
    assert [(c.article.id, c.section) for c in selection.chosen] == [(1, None), (2, "town")]


MOVED = StoryPolicy(top=1, per_section=1)


def _moved(*moves: tuple[int, str]) -> list[tuple[int, str | None, str]]:
    categories = {3: ["Local"], 4: ["Sport"]}
    pool = [article(n, categories=categories.get(n, [])) for n in range(1, 6)]
    return _ordered(*pool, stories=MOVED, moves=moves)


def test_a_moved_story_takes_the_place_it_goes_to() -> None:
    assert _moved((5, "before 4")) == [
        (1, Place.LEAD, "Lead: the newest with a link and a standfirst"),
        (2, Place.TOP, "Top story"),
        (3, Place.SECTION, "Town"),
        (5, Place.SECTION, "Sport: moved by hand"),
        (4, Place.SECTION, "Sport"),
    ]
    assert _moved((2, "last"))[-1] == (2, Place.BRIEF, "In brief: moved by hand")
    assert _moved((5, "before 2"))[1] == (5, Place.TOP, "Top story: moved by hand")


def test_there_is_one_lead_after_any_move() -> None:
    assert _moved((5, "first"))[:2] == [
        (5, Place.LEAD, "Lead: moved by hand"),
        (1, Place.TOP, "Top story: another was moved before it"),
    ]
    assert _moved((1, "last"))[0] == (2, Place.LEAD, "Lead: the first after a move by hand")
    assert _moved((1, "before 2"))[0] == (1, Place.LEAD, "Lead: moved by hand")


def test_moves_are_made_one_after_the_other() -> None:
    assert [number for number, *_ in _moved((5, "first"), (1, "last"), (3, "before 5"))] == [
        3,
        5,
        2,
        4,
        1,
    ]


def test_a_section_that_a_story_is_moved_out_of_has_room_for_the_next() -> None:
    pool = [article(n, categories=["Sport"] if n > 2 else []) for n in range(1, 7)]
    assert _ordered(*pool, stories=MOVED, moves=((3, "first"), (4, "last"))) == [
        (3, Place.LEAD, "Lead: moved by hand"),
        (1, Place.TOP, "Top story: another was moved before it"),
        (2, Place.TOP, "Top story"),
        (5, Place.SECTION, "Sport"),
        (6, Place.BRIEF, "In brief: Sport is full"),
        (4, Place.BRIEF, "In brief: moved by hand"),
    ]


@pytest.mark.parametrize(
    "move", [(99, "first"), (1, "before 99"), (1, "before 1"), (1, "sideways")]
)
def test_a_move_of_nothing_or_to_nowhere_changes_nothing(move: tuple[int, str]) -> None:
    assert _moved(move) == _moved()


def test_a_story_alone_is_not_moved() -> None:
    assert _ordered(article(1), moves=((1, "last"),)) == _ordered(article(1))


def test_words_pictures_note_and_sponsor_go_with_the_stories() -> None:
    words = (Wording("", "Wall!", "At last."),)
    picture = Picture("")
    sponsor = Sponsor("Holm’s rye", "https://bakery.example")
    selection = select(
        [article(1), article(2)],
        newsletter=newsletter(),
        window=WINDOW,
        used={},
        orders=Orders(
            wording={1: words, 99: words},
            pictures={2: picture},
            note={"": "Good morning."},
            sponsor=sponsor,
        ),
    )
    assert [(c.wording, c.picture) for c in selection.chosen] == [(words, None), ((), picture)]
    assert (selection.note, selection.sponsor) == ({"": "Good morning."}, sponsor)


# Other letters, and editions for one story


def test_what_another_letter_carried_gets_one_line() -> None:
    pool = [article(1, categories=["Sport"]), article(2), article(3), article(4)]
    carried = dict.fromkeys([1, 2, 3], "breaking/2026-01-08")
    orders = Orders(pinned=frozenset({2}), sections={3: "town"})
    selection = select(
        pool, newsletter=newsletter(), window=WINDOW, used={}, orders=orders, carried=carried
    )
    assert _places(selection) == [
        (2, Place.LEAD),
        (4, Place.TOP),
        (3, Place.SECTION),
        (1, Place.BRIEF),
    ]
    reason = "In brief: sent in breaking/2026-01-08. First seen 9 Jan 2026 at 05:29."
    assert selection.chosen[-1].reason == reason


def test_of_carried_stories_alone_none_leads() -> None:
    selection = select(
        [article(1)], newsletter=newsletter(), window=WINDOW, used={}, carried={1: "breaking/1"}
    )
    assert _places(selection) == [(1, Place.BRIEF)]


def test_an_edition_for_named_stories_has_these_alone_whatever_their_age() -> None:
    old = article(1, seen=utc("2025-01-01 00:00"))
    pool = [old, article(2), article(3), article(4)]
    selection = select(
        pool,
        newsletter=newsletter(),
        window=WINDOW,
        used={3: "daily/2026-01-08"},
        orders=Orders(pinned=frozenset({4})),
        carried={1: "breaking/2026-01-08"},
        only={1, 3},
    )
    lead = "Pinned. Lead: the newest with a link and a standfirst."
    assert [(c.article.id, c.reason) for c in selection.candidates] == [
        (4, f"{lead} First seen 9 Jan 2026 at 05:26."),
        (1, "Asked for by name. Top story. First seen 1 Jan 2025 at 00:00."),
        (2, "Not asked for: this edition was made by hand for other stories."),
        (3, "Asked for, but sent in daily/2026-01-08."),
    ]


# Most read


def test_the_most_read_of_the_window_are_told_sent_or_not() -> None:
    reads = {1: 10, 2: 70, 3: 40, 4: 20, 5: 30, 6: 50, 7: 0}
    pool = [_of(article(n), reads=count) for n, count in reads.items()]
    pool += [
        _of(article(20, seen=LAST_CUT_OFF), reads=999),
        _of(article(21, withdrawn=CUT_OFF), reads=999),
        _of(article(22, url=None), reads=999),
        _of(article(23), reads=999),
    ]
    selection = select(
        pool,
        newsletter=newsletter(),
        window=WINDOW,
        used={6: "daily/2026-01-08"},
        orders=Orders(dropped={23: "by ann"}),
    )
    assert [story.id for story in selection.most_read] == [2, 6, 3, 5, 4]


def test_of_fewer_than_three_counts_there_is_no_list() -> None:
    pool = [_of(article(n), reads=n) for n in (1, 2)]
    assert _select(*pool, article(3)).most_read == ()
    pool = [_of(article(n), reads=n) for n in (1, 2, 3)]
    assert len(_select(*pool).most_read) == 3
    selection = select(pool, newsletter=newsletter(), window=WINDOW, used={}, only={1})
    assert selection.most_read == ()


# Whatever comes

MOMENTS = st.integers(-100, 30).map(lambda hours: CUT_OFF + hours * HOUR)
RECENT = st.integers(-40, 2).map(lambda hours: CUT_OFF + hours * HOUR)
HEADLINES = (WALL, WALL_AGAIN, "Ferry", "", "a\nb\0c", "{0} {headline} {", "Ferry fares rise again")


@st.composite
def _articles(draw: st.DrawFn) -> Article:
    number = draw(st.integers(1, 40))
    moments = RECENT if draw(st.integers(0, 3)) else MOMENTS
    withdrawn = draw(MOMENTS) if draw(st.integers(0, 9)) == 0 else None
    plain = article(
        number,
        headline=draw(st.sampled_from((*HEADLINES, *(f"Number {number} of many",) * 4))),
        seen=draw(moments),
        published=draw(st.none() | moments),
        standfirst=draw(st.sampled_from(["", "What happened.", "3 came, 4 left."])),
        body=draw(st.sampled_from(["", "Text."])),
        url=draw(st.sampled_from(["", "", None, "https://post.example/town/1", "http://[bad"])),
        categories=draw(st.lists(st.sampled_from(["Sport", "Local", "Weather"]), max_size=2)),
        backlog=draw(st.integers(0, 5)) == 0,
        withdrawn=withdrawn,
    )
    return _of(
        plain,
        language=draw(st.sampled_from([None, "en", "en-GB", "de"])),
        priority=draw(st.sampled_from([0, 0, 0, 1, -1])),
        reads=draw(st.sampled_from([None, None, 0, 7, 8])),
    )


POOLS = st.lists(_articles(), max_size=30, unique_by=lambda story: story.id)
POLICIES = st.builds(
    StoryPolicy,
    least=st.integers(0, 3),
    top=st.integers(0, 3),
    most=st.integers(0, 12),
    per_section=st.integers(0, 3),
    max_age=st.sampled_from([6 * HOUR, 2 * DAY, 8 * DAY]),
)
IDS = st.integers(1, 42)
USED = st.sets(IDS, max_size=10).map(lambda ids: dict.fromkeys(ids, "daily/2026-01-08"))
BY = st.dictionaries(IDS, st.just("by ann"), max_size=3)
WHERE = st.just("first") | st.just("last") | IDS.map("before {}".format)
ORDERS = st.builds(
    Orders,
    pinned=st.frozensets(IDS, max_size=4),
    dropped=BY,
    dropped_always=BY,
    moves=st.lists(st.tuples(IDS, WHERE), max_size=5).map(tuple),
    lead=st.none() | IDS,
    sections=st.dictionaries(
        IDS, st.sampled_from(["town", "sport", "top", "brief", "gone"]), max_size=6
    ),
)
CARRIED = st.dictionaries(IDS, st.just("breaking/2026-01-08"), max_size=5)


def _eligible(story: Article, made: Newsletter, cut_off: datetime, used: Collection[int]) -> bool:
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
def test_exactly_the_eligible_stories_are_in_whatever_their_order(
    pool: list[Article], stories: StoryPolicy, used: dict[int, str], shuffler: random.Random
) -> None:
    made = newsletter(stories=stories, epoch_at=EPOCH + 5 * DAY)
    selection = select(pool, newsletter=made, window=WINDOW, used=used)
    shuffled = shuffler.sample(pool, len(pool))
    assert select(shuffled, newsletter=made, window=WINDOW, used=used) == selection

    _every_story_has_its_reason(selection, pool)
    fit = {story.id for story in pool if _eligible(story, made, CUT_OFF, used)}
    over, folded = (_with(selection, each) for each in (Verdict.OVER_LIMIT, Verdict.DUPLICATE))
    chosen = {c.article.id for c in selection.chosen}
    assert chosen | over | folded == fit
    assert len(chosen) == min(stories.most, len(fit) - len(folded))
    assert _grouped(selection.chosen)
    order = [c.place for c in selection.chosen]
    sections = [c.section for c in selection.chosen if c.place is Place.SECTION]
    assert order.count(Place.LEAD) == min(1, len(chosen))
    assert order.count(Place.TOP) <= stories.top
    assert all(sections.count(key) <= stories.per_section for key in sections)


@given(
    pool=POOLS,
    stories=POLICIES,
    used=USED,
    orders=ORDERS,
    carried=CARRIED,
    only=st.none() | st.frozensets(IDS, max_size=6),
)
def test_whatever_is_chosen_no_story_comes_twice_and_none_lacks_its_reason(
    *,
    pool: list[Article],
    stories: StoryPolicy,
    used: dict[int, str],
    orders: Orders,
    carried: dict[int, str],
    only: frozenset[int] | None,
) -> None:
    made = newsletter(stories=stories, epoch_at=EPOCH + 5 * DAY)
    selection = select(
        pool,
        newsletter=made,
        window=WINDOW,
        used=used,
        orders=orders,
        carried=carried,
        only=only,
    )
    _every_story_has_its_reason(selection, pool)
    wanted = orders.pinned | (only or frozenset())
    out = {*used, *orders.dropped, *(story.id for story in pool if story.withdrawn_at)}
    chosen = {c.article.id for c in selection.chosen}
    here = {story.id for story in pool}
    assert chosen.isdisjoint(out)
    assert chosen >= (wanted & here) - out
    assert len(chosen) <= max(stories.most, len(wanted & here))
    assert only is None or chosen <= wanted
    assert _grouped(selection.chosen)
    for one in selection.chosen:
        by_hand = one.article.id in {*wanted, *orders.sections, orders.lead}
        moved = bool(orders.moves)
        carries = one.article.id in carried and only is None
        assert one.place is Place.BRIEF or by_hand or moved or not carries
    taken = [c.article.id for c in used_up(selection)]
    assert len(set(taken)) == len(taken)
    assert set(taken) - chosen <= _with(selection, Verdict.DUPLICATE)


def _with(selection: Selection, verdict: Verdict) -> set[int]:
    return {c.article.id for c in selection.left_out if c.verdict is verdict}


def _every_story_has_its_reason(selection: Selection, pool: list[Article]) -> None:
    weighed = [candidate.article.id for candidate in selection.candidates]
    assert sorted(weighed) == sorted(story.id for story in pool)
    assert [c.position for c in selection.chosen] == list(range(len(selection.chosen)))
    assert all(is_a_known_sentence(c) for c in selection.candidates)
    heads = {c.article.id for c in selection.candidates} - _with(selection, Verdict.DUPLICATE)
    folded = [c for c in selection.left_out if c.verdict is Verdict.DUPLICATE]
    assert all(c.duplicate_of in heads for c in folded)


def _grouped(chosen: tuple[Candidate, ...]) -> bool:
    ranks = [list(Place).index(one.place) for one in chosen if one.place]
    sections = [c.section or "" for c in chosen if c.place is Place.SECTION]
    return (
        ranks == sorted(ranks)
        and len(ranks) == len(chosen)
        and ranks.count(0) <= 1
        and sections == sorted(sections, key=[TOWN.key, SPORT.key].index)
    )


@given(POOLS, POLICIES)
def test_two_editions_running_repeat_nothing_and_miss_nothing_that_fits(
    pool: list[Article], stories: StoryPolicy
) -> None:
    made = newsletter(stories=stories)
    known = [story for story in pool if story.first_seen_at <= CUT_OFF]
    first = select(known, newsletter=made, window=WINDOW, used={})
    used = {c.article.id: "daily/2026-01-09" for c in used_up(first)}
    window = Window(after=CUT_OFF, until=CUT_OFF + DAY)
    second = select(pool, newsletter=made, window=window, used=used)
    taken = {c.article.id for c in used_up(second)}
    assert taken.isdisjoint(used)
    fit = {story.id for story in pool if _eligible(story, made, window.until, used)}
    assert taken == fit if len(fit) <= stories.most else taken <= fit
