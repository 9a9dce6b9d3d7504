from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources import merging
from digest.sources.merging import content_hash, filled, index_terms, is_bare, seen_again, storable
from digest.sources.model import DateOrigin, FoundStory, Picture, Recording, RecordingKind
from tests.unit.sources.source_builders import a_story

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=20)
MOMENTS = st.datetimes(timezones=st.sampled_from([UTC, timezone(5 * HOUR), timezone(-5 * HOUR)]))

WHOLE = FoundStory(
    headline="Ferry sails again",
    url="https://e.example/ferry",
    guid="g1",
    standfirst="Nine weeks are over.",
    body_html="<p>It sails.</p>",
    body_text="It sails.",
    authors=("Ann Teller",),
    categories=("Local",),
    picture=Picture("https://e.example/a.jpg", "A ferry", "R. Pixel"),
    recording=Recording("https://e.example/a.mp3", 12),
    published_at=NOON - HOUR,
    published_from=DateOrigin.FEED,
    updated_at=NOON,
    seen_on=NOON.date(),
    language="en",
    priority=2,
    reads=40,
)
BARE = a_story("FERRY sails again")


def _again(known: FoundStory, found: FoundStory) -> FoundStory:
    return seen_again(known, found, first_seen_at=NOON, now=NOON + 9 * DAY)


def _filled(known: FoundStory, found: FoundStory) -> FoundStory:
    return filled(known, found, first_seen_at=NOON, now=NOON + 9 * DAY)


def _dated(at: datetime | None, origin: DateOrigin | None = DateOrigin.FEED) -> FoundStory:
    return replace(WHOLE, published_at=at, published_from=origin if at else None)


def test_its_own_source_rewrites_an_article_and_a_poorer_sighting_empties_nothing() -> None:
    other = FoundStory(
        headline="Ferry sails twice",
        url="https://e.example/twice",
        guid="g2",
        standfirst="Ten weeks.",
        body_html="<p>Twice.</p>",
        body_text="Twice.",
        reads=0,
    )
    assert _again(WHOLE, other) == replace(
        WHOLE,
        headline="Ferry sails twice",
        url="https://e.example/twice",
        guid="g2",
        standfirst="Ten weeks.",
        body_html="<p>Twice.</p>",
        body_text="Twice.",
        priority=0,
        reads=0,
    )
    poor = a_story("Ferry", guid="g1", priority=2)
    assert _again(WHOLE, poor) == replace(WHOLE, headline="Ferry")
    assert _again(WHOLE, replace(poor, body_text="New.")) == replace(
        WHOLE, headline="Ferry", body_text="New.", body_html=""
    )


def test_a_bare_headline_says_nothing() -> None:
    assert _again(WHOLE, BARE) == WHOLE
    assert is_bare(BARE)
    assert not any(map(is_bare, (a_story(guid="1"), a_story(url="u"), a_story(standfirst="s"))))


def test_a_new_spelling_of_guid_or_address_is_no_change_but_the_plainest_link_is_taken() -> None:
    known = replace(WHOLE, guid="http://e.example/?p=1", url="http://e.example/ferry?utm_source=x")
    found = replace(WHOLE, guid="https://e.example/?p=1&PHPSESSID=2", url="http://e.example/ferry/")
    assert _again(known, found) == replace(known, url="http://e.example/ferry/")
    secure = replace(found, url="https://www.e.example/ferry?utm_source=x")
    assert _again(known, secure).url == secure.url
    assert _again(secure, known).url == secure.url
    assert content_hash(known) == content_hash(found) == content_hash(secure)


def test_somebody_elses_copy_fills_gaps_and_rewrites_nothing() -> None:
    copy = replace(
        WHOLE,
        headline="Ferry, copied",
        url="https://e.example/ferry?x=1",
        guid="p1",
        standfirst="Copied.",
        body_html="<p>Copied.</p>",
        body_text="Copied.",
        priority=9,
    )
    assert _filled(WHOLE, copy) == WHOLE
    assert _filled(BARE, copy) == replace(copy, headline=BARE.headline, guid=None, priority=0)
    no_text = replace(WHOLE, body_text="", body_html="<p>Old.</p>")
    assert _filled(no_text, copy) == replace(WHOLE, body_text="Copied.", body_html="<p>Copied.</p>")
    assert _filled(no_text, BARE) == no_text


FEED, META = DateOrigin.FEED, DateOrigin.META


@pytest.mark.parametrize(
    ("known", "known_from", "found", "found_from", "is_taken"),
    [
        (None, None, NOON - DAY, META, True),
        (None, None, NOON + HOUR, META, True),
        (None, None, NOON + 2 * DAY, META, False),
        (NOON - DAY, FEED, None, None, False),
        (NOON - DAY, FEED, NOON - 2 * DAY, FEED, True),
        (NOON - DAY, FEED, NOON - HOUR, FEED, False),
        (NOON - 900 * DAY, FEED, NOON + 5 * DAY, FEED, False),
        (NOON - DAY, FEED, NOON - 2 * DAY, META, False),
        (NOON - DAY, META, NOON - HOUR, FEED, True),
        (NOON - DAY, META, NOON + 5 * DAY, FEED, False),
        (NOON - DAY, FEED, NOON + 5 * DAY, DateOrigin.EDITOR, True),
        (NOON - DAY, DateOrigin.EDITOR, NOON - 2 * DAY, FEED, False),
        (NOON + 365 * DAY, FEED, NOON, FEED, True),
        (NOON + 365 * DAY, FEED, NOON + 366 * DAY, FEED, True),
        (NOON + 365 * DAY, FEED, NOON, META, False),
        (datetime(1970, 1, 1, tzinfo=UTC), FEED, NOON - DAY, META, True),
        (NOON - DAY, FEED, datetime(1970, 1, 1, tzinfo=UTC), FEED, False),
    ],
)
def test_a_date_moves_back_or_to_a_surer_one_and_never_makes_old_news_new(
    known: datetime | None,
    known_from: DateOrigin | None,
    found: datetime | None,
    found_from: DateOrigin | None,
    is_taken: bool,  # noqa: FBT001 - a column of the table
) -> None:
    old, new = _dated(known, known_from), _dated(found, found_from)
    wanted = new if is_taken else old
    for after in (_again(old, new), _filled(old, new)):
        assert (after.published_at, after.published_from) == (
            wanted.published_at,
            wanted.published_from,
        )


def test_a_date_that_a_feed_rewrites_says_when_the_story_was_changed() -> None:
    known = replace(_dated(NOON - 9 * DAY), updated_at=None)
    again = replace(_dated(NOON + DAY), updated_at=None)
    after = _again(known, again)
    assert after == replace(known, updated_at=NOON + DAY)
    assert _again(after, again) == after
    assert _again(after, replace(again, published_at=NOON + 2 * DAY)).updated_at == NOON + 2 * DAY
    assert _again(after, known).updated_at == NOON + DAY
    assert _again(known, replace(again, updated_at=NOON)).updated_at == NOON
    assert _filled(known, again) == known


@settings(deadline=None)
@given(st.lists(st.integers(0, 200), min_size=1, max_size=6), st.randoms())
def test_the_date_does_not_depend_on_the_order_of_sightings(hours: list[int], random: Any) -> None:
    shuffled = random.sample(hours, len(hours))
    ends = []
    for order in (hours, shuffled):
        first, *others = (_dated(NOON - n * HOUR) for n in order)
        for other in others:
            first = _again(first, other)
        ends.append(first.published_at)
    assert ends[0] == ends[1] == NOON - max(hours) * HOUR


def test_a_story_as_it_should_be_is_kept_as_it_is() -> None:
    assert storable(WHOLE) == WHOLE
    assert storable(BARE) == BARE


def test_what_no_database_takes_is_cleaned_away() -> None:
    bad = "\ud800a\x00"
    worst = FoundStory(
        headline=bad,
        url=f"https://e.example/{bad};jsessionid=1",
        guid=bad,
        standfirst=bad,
        body_html=bad,
        body_text=f"{bad}\n\nb",
        authors=(bad, "\x00"),
        categories=(bad,),
        picture=Picture(f"https://e.example/{bad}", bad, bad),
        recording=Recording(f"https://e.example/{bad}", -1, RecordingKind.VIDEO),
        published_at=datetime.min.replace(tzinfo=timezone(5 * HOUR)),
        published_from=FEED,
        updated_at=datetime(2026, 1, 9),  # noqa: DTZ001 - a time without its zone is none
        language=bad,
        priority=-(2**70),
        reads=2**70,
    )
    assert storable(worst) == FoundStory(
        headline="a",
        url="https://e.example/a",
        guid="a",
        standfirst="a",
        body_html="a",
        body_text="a\n\nb",
        authors=("a",),
        categories=("a",),
        picture=Picture("https://e.example/a", "a", "a"),
        recording=Recording("https://e.example/a", None, RecordingKind.VIDEO),
        language="a",
        priority=-(2**31 - 1),
        reads=2**31 - 1,
    )


def test_what_is_over_long_is_cut_and_what_cannot_be_cut_is_left_out() -> None:
    long = "x" * 2_000_000
    huge = storable(
        FoundStory(
            headline=long,
            url=f"https://e.example/{long}",
            standfirst=long,
            body_html=f"<p>{long}</p>",
            body_text=long,
            authors=(long,) * 1_000,
            picture=Picture(f"https://e.example/{long}"),
            recording=Recording(long),
            language=long,
        )
    )
    assert (len(huge.headline), len(huge.standfirst), len(huge.body_text)) == (
        10_000,
        10_000,
        2**20,
    )
    assert huge.body_html == f"<p>{huge.body_text}</p>"
    assert (len(huge.authors), len(huge.authors[0])) == (100, 500)
    assert (huge.url, huge.picture, huge.recording, huge.language) == (None,) * 4
    assert storable(a_story(body_html=long, body_text="a\n\nb")).body_html == "<p>a</p><p>b</p>"


def test_two_long_guids_that_differ_at_their_end_stay_two() -> None:
    one, other = (storable(a_story(guid="x" * 5_000 + end)).guid for end in "ab")
    assert one != other
    assert len(one or "") < 600


def test_a_story_never_lacks_a_headline() -> None:
    assert storable(a_story("\x00 ")).headline == merging.NO_HEADLINE


@settings(deadline=None)
@given(
    st.builds(
        FoundStory,
        headline=ANY_TEXT,
        url=st.none() | ANY_TEXT,
        guid=st.none() | ANY_TEXT,
        standfirst=ANY_TEXT,
        body_html=ANY_TEXT,
        body_text=ANY_TEXT,
        authors=st.lists(ANY_TEXT, max_size=2).map(tuple),
        picture=st.none() | st.builds(Picture, ANY_TEXT, ANY_TEXT),
        recording=st.none() | st.builds(Recording, ANY_TEXT, st.none() | st.integers()),
        published_at=st.none() | MOMENTS,
        published_from=st.none() | st.sampled_from(DateOrigin),
        updated_at=st.none() | MOMENTS,
        language=st.none() | ANY_TEXT,
        priority=st.integers(),
        reads=st.none() | st.integers(),
    )
)
def test_making_storable_twice_is_making_it_once(story: FoundStory) -> None:
    once = storable(story)
    assert storable(once) == once
    content_hash(once).encode()
    assert _again(once, once) == once
    assert _filled(once, once) == once


def test_a_story_is_indexed_under_its_headlines_words_first_and_not_under_too_many() -> None:
    story = a_story(
        "Zebra ferry returns", standfirst=" ".join(f"word{n}" for n in range(100)), language="en"
    )
    terms = index_terms(story)
    assert len(terms) == merging.MOST_TERMS == len(set(terms))
    assert terms[:3] == sorted(index_terms(a_story("Zebra ferry returns", language="en")))
    assert index_terms(a_story("And the")) == []


def test_the_words_and_where_they_lead_are_what_a_reader_sees_changed() -> None:
    changes: list[dict[str, Any]] = [
        {"headline": "x"},
        {"standfirst": "x"},
        {"url": "https://e.example/x"},
        {"body_text": "x"},
    ]
    hashes = {content_hash(replace(WHOLE, **change)) for change in changes}
    assert len(hashes | {content_hash(WHOLE)}) == 5
    unseen: dict[str, Any] = {"guid": "x", "categories": (), "picture": None, "priority": 7}
    assert content_hash(replace(WHOLE, **unseen)) == content_hash(WHOLE)
