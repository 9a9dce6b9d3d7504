from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources.identity import (
    IdentityKind,
    canonical_url,
    folded_headline,
    headline_is_enough,
    keys_of,
    shared_urls,
    without_shared_names,
)
from digest.sources.model import FoundStory
from tests.unit.sources.source_builders import a_story

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=60)


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://e.example/a", "https://e.example/a"),
        ("HTTP://E.Example:80/a/", "https://e.example/a"),
        ("https://e.example:443/a?utm_source=x&UTM_Medium=y#top", "https://e.example/a"),
        ("https://e.example/a?id=1&fbclid=x&gclid=y&b", "https://e.example/a?id=1&b"),
        ("https://e.example:8443/a", "https://e.example:8443/a"),
        ("https://e.example./a%c3%a9", "https://e.example/a%C3%A9"),
        ("https://e.example/aé", "https://e.example/a%C3%A9"),
        ("https://e.example/?p=12", "https://e.example/?p=12"),
        ("https://old.example/a", "https://e.example/a"),
        ("https://e.example/", ""),
        ("https://e.example/?utm_source=x", ""),
        ("nonsense", ""),
    ],
)
def test_two_spellings_of_one_address_are_equal(url: str, canonical: str) -> None:
    assert canonical_url(url, former_hosts={"old.example": "e.example"}) == canonical


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("U.S. seizes tanker", "US Seizes Tanker"),
        ("The site’s ‘tragic’ end", 'The site\'s "tragic" end'),
        ("BYD profit falls 33 %", "BYD  profit falls 33%"),
        ("Trump–Putin summit", "Trump - Putin summit"),
        ("Straße", "STRASSE"),
        ("ﬁne\u200b wine", "fine wine"),
    ],
)
def test_two_spellings_of_one_headline_are_equal(one: str, other: str) -> None:
    assert folded_headline(one) == folded_headline(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Part 1", "Part 2"),
        ("???", "!!!"),
        ("हिन्दी", "हन्द"),
        ("a.b", "ab"),
        ("No. 3 it is", "it is"),
    ],
)
def test_other_headlines_are_not(one: str, other: str) -> None:
    assert folded_headline(one) != folded_headline(other)


def test_guid_and_headline_hold_within_a_source_and_the_address_everywhere() -> None:
    story = a_story(guid="1", url="https://e.example/a")
    here, there = keys_of(story, source="here"), keys_of(story, source="there")
    assert [(key.kind, key.scope) for key in here] == [
        (IdentityKind.GUID, "here"),
        (IdentityKind.URL, ""),
        (IdentityKind.HEADLINE, "here"),
    ]
    assert set(here) & set(there) == {here[1]}
    assert len({key.value_hash for key in here}) == 3


def test_a_story_has_only_the_keys_it_has_names_for() -> None:
    kinds = [key.kind for key in keys_of(a_story(url="https://e.example/"), source="s")]
    assert kinds == [IdentityKind.HEADLINE]


NAMED = a_story("Weather", guid="1", url="https://e.example/1", body_text="Rain.")


@pytest.mark.parametrize(
    ("found", "is_enough"),
    [
        (a_story("Weather"), True),
        (a_story("Weather", body_text="Sun."), True),
        (a_story("Weather", guid="2", url="https://e.example/2", body_text="Sun."), False),
        (a_story("Weather", guid="2", body_text="Sun."), False),
        (a_story("Weather", url="https://e.example/2", body_text="Sun."), False),
        (a_story("Weather", guid="2", url="https://e.example/2", body_text="Rain."), True),
        (a_story("Weather", guid="2", url="https://e.example/2"), False),
    ],
)
def test_a_headline_is_enough_without_other_names_or_with_the_same_text(
    found: FoundStory,
    is_enough: bool,  # noqa: FBT001 - a column of the table
) -> None:
    assert headline_is_enough(found, NAMED) is is_enough
    assert headline_is_enough(NAMED, found) is is_enough


def test_two_stories_without_text_are_not_the_same_text() -> None:
    assert not headline_is_enough(a_story("Weather", guid="1"), a_story("Weather", guid="2"))


def test_a_guid_or_address_that_names_several_stories_names_none() -> None:
    stories = (
        a_story("One", guid="0", url="https://e.example/show"),
        a_story("Two", guid="0", url="https://e.example/show"),
        a_story("Three", guid="3", url="https://e.example/3"),
        a_story("Three", guid="3", url="https://e.example/3"),
        a_story("Four"),
    )
    kept, warnings = without_shared_names(stories, source="s")
    assert [story.guid for story in kept] == [None, None, "3", "3", None]
    assert [story.url for story in kept] == [story.url for story in stories]
    assert warnings == ("several stories have the same guid; it was ignored",)
    (shared,) = shared_urls(stories, source="s")
    assert shared == keys_of(a_story(url="https://e.example/show"), source="s")[0]


def test_stories_with_names_of_their_own_stay_as_they_are() -> None:
    stories = (a_story("One", guid="1"), a_story("Two", guid="2"))
    assert without_shared_names(stories, source="s") == (stories, ())
    assert shared_urls(stories, source="s") == frozenset()


@settings(deadline=None)
@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_story_has_keys(headline: str, url: str, guid: str) -> None:
    keys = keys_of(a_story(headline, url=url, guid=guid), source="s")
    assert all(len(key.value_hash) == 64 for key in keys)


@settings(deadline=None)
@given(ANY_TEXT)
def test_folding_twice_is_folding_once(headline: str) -> None:
    assert folded_headline(folded_headline(headline)) == folded_headline(headline)
