from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.ghost import MAX_STORIES, first_address, masked, read_ghost
from digest.sources.model import DateOrigin, FoundStory, Picture, Reading

KEY = "22444f78447824223cefc48062"
SITE = "https://post.example"
ADDRESS = first_address(SITE, key=KEY)
SHOWN = ADDRESS.partition("?")[0]


def a_post(**more: Any) -> dict[str, Any]:
    return {
        "id": "5f3a",
        "title": "Ferry sails again & again",
        "url": "https://post.example/ferry/",
        "html": '<p>The first boat left at <a href="/six">six</a>.</p>',
        "custom_excerpt": "Nine weeks are over.",
        "excerpt": "The first boat left at si",
        "feature_image": "https://post.example/content/ferry.jpg",
        "feature_image_alt": "The ferry",
        "feature_image_caption": 'Photo: <a href="https://bo.example">Bo Lens</a>',
        "featured": False,
        "visibility": "public",
        "published_at": "2026-01-09T06:15:00.000+01:00",
        "updated_at": "2026-01-09T06:00:00.000Z",
        "primary_author": {"name": "Ann Teller"},
        "authors": [{"name": "Bob Roe"}, {"name": "Ann Teller"}],
        "primary_tag": {"name": "Local", "visibility": "public"},
        "tags": [
            {"name": "Local", "visibility": "public"},
            {"name": "#short", "visibility": "internal"},
            {"name": "#from-wp"},
            {"name": "Harbour"},
        ],
        **more,
    }


def answer(*posts: Any, **pagination: Any) -> bytes:
    return json.dumps({"posts": posts, "meta": {"pagination": pagination}}).encode()


def read(*posts: Any, address: str = ADDRESS) -> Reading:
    return read_ghost(answer(*posts), address=address, language="en")


def read_one(**more: Any) -> FoundStory:
    (story,) = read(a_post(**more)).stories
    return story


def asked(address: str | None) -> dict[str, str]:
    assert address is not None
    return dict(parse_qsl(urlsplit(address).query))


def test_a_story_takes_every_field_it_is_given() -> None:
    assert read(a_post()) == Reading(
        stories=(
            FoundStory(
                headline="Ferry sails again & again",
                url="https://post.example/ferry/",
                guid="5f3a",
                standfirst="Nine weeks are over.",
                body_html='<p>The first boat left at <a href="https://post.example/six"'
                ' rel="noopener noreferrer">six</a>.</p>',
                body_text="The first boat left at six.",
                authors=("Ann Teller", "Bob Roe"),
                categories=("Local", "Harbour"),
                picture=Picture(
                    "https://post.example/content/ferry.jpg", "The ferry", "Photo: Bo Lens"
                ),
                published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                updated_at=datetime(2026, 1, 9, 6, 0, tzinfo=UTC),
                language="en",
            ),
        )
    )


def test_a_featured_story_goes_first_and_its_own_language_counts() -> None:
    story = read_one(featured=True, locale="de")
    assert (story.priority, story.language) == (1, "de")


def test_ghosts_own_excerpt_is_used_only_where_there_is_no_text() -> None:
    assert read_one(custom_excerpt=None).standfirst == ""
    assert read_one(custom_excerpt=None, html=None).standfirst == "The first boat left at si"


@pytest.mark.parametrize(
    "more", [{"visibility": "members"}, {"visibility": "paid"}, {"access": False}]
)
def test_what_only_members_may_read_gives_its_standfirst_and_no_text(more: dict[str, Any]) -> None:
    story = read_one(**more)
    assert (story.standfirst, story.body_html, story.body_text) == ("Nine weeks are over.", "", "")


def test_the_first_picture_of_the_text_stands_in_and_a_story_may_have_none() -> None:
    text = '<p>x</p><img src="/b.jpg" alt="Boat">'
    assert read_one(feature_image=None, html=text).picture == Picture(
        "https://post.example/b.jpg", "Boat"
    )
    assert read_one(feature_image=None).picture is None


def test_a_story_without_a_place_a_date_or_a_headline_is_told() -> None:
    empty = a_post(title="", html="", custom_excerpt="", excerpt="")
    reading = read(a_post(url="https://post.example/404/", published_at=None), empty)
    (story,) = reading.stories
    assert (story.url, story.published_at, story.published_from) == (None, None, None)
    assert reading.warnings == (
        "story 1 has no date that can be read",
        "story 2 has no headline and no text; left out",
    )


@pytest.mark.parametrize(
    "site",
    ["https://post.example", "https://post.example/", "https://post.example/ghost/#/dashboard"],
)
def test_every_way_to_name_a_site_leads_to_its_posts(site: str) -> None:
    address = first_address(site, key=KEY)
    assert address.startswith(f"https://post.example/ghost/api/content/posts/?key={KEY}&")
    assert asked(address) == {
        "key": KEY,
        "include": "authors,tags",
        "formats": "html",
        "limit": "50",
        "order": "published_at desc",
    }


def test_a_site_in_a_folder_keeps_it_and_a_name_that_begins_like_ghost_is_none() -> None:
    address = first_address("https://post.example/ghosts/news/", key=KEY)
    assert address.startswith("https://post.example/ghosts/news/ghost/api/content/posts/?")


def test_later_readings_ask_for_new_and_changed_stories_at_once() -> None:
    given = asked(first_address(SITE, key=KEY, since=datetime(2026, 1, 9, 6, tzinfo=UTC)))
    assert given["filter"] == (
        "updated_at:>'2026-01-09 06:00:00',published_at:>'2026-01-09 06:00:00'"
    )
    assert given["order"] == "updated_at desc"


def test_a_wrong_address_or_the_admin_key_is_refused_without_telling_it() -> None:
    with pytest.raises(SourceError, match=r"^ghost: post\?key=…: not a web address$"):
        first_address(f"post?key={KEY}", key=KEY)
    with pytest.raises(SourceError, match=r"^ghost: https://post.example: this is a key") as error:
        first_address(SITE, key=f"5f3a:{KEY}")
    assert KEY not in str(error.value) + error.value.hint


def test_pages_are_followed_by_what_the_answer_says() -> None:
    reading = read_ghost(answer(a_post(), next=2), address=ADDRESS)
    assert asked(reading.next_address) == {**asked(ADDRESS), "page": "2"}


@pytest.mark.parametrize("following", [None, 0, 1, "x", -3, {}, True])
def test_a_page_that_does_not_go_on_leads_nowhere(following: Any) -> None:
    content = answer(a_post(), next=following)
    assert read_ghost(content, address=ADDRESS).next_address is None


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            {"message": "Unknown Content API Key", "type": "UnauthorizedError"},
            "Unknown Content API Key",
            "Copy the Content API key anew: Settings, Integrations, your integration.",
        ),
        (
            {"message": "Resource not found", "context": "no <b>posts</b>"},
            "Resource not found: no posts",
            "Name the address under which Ghost itself runs; it may differ from the site's.",
        ),
        (
            {"message": 7, "context": f"asked ?key={KEY}&x"},
            "refused without a reason: asked ?key=…&x",
            "Ghost's own log says more; tried again at the next poll.",
        ),
    ],
)
def test_a_refusal_is_told_with_its_remedy_and_never_with_the_key(
    error: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(SourceError) as refused:
        read_ghost(json.dumps({"errors": [error]}).encode(), address=ADDRESS)
    assert str(refused.value) == f"ghost: {SHOWN}: {message}"
    assert refused.value.hint == hint


@pytest.mark.parametrize("content", [b"<html>", b"{}", b"[]", b'{"posts": 7}', b"{", b""])
def test_what_is_no_list_of_posts_is_refused_without_telling_the_key(content: bytes) -> None:
    with pytest.raises(SourceError) as refused:
        read_ghost(content, address=ADDRESS)
    assert str(refused.value).startswith(f"ghost: {SHOWN}: ")
    assert KEY not in str(refused.value) + refused.value.hint


def test_a_key_is_masked_wherever_it_stands() -> None:
    assert masked(f"GET https://a.example/?x=1&key={KEY}&y=2 failed") == (
        "GET https://a.example/?x=1&key=…&y=2 failed"
    )


def test_an_answer_with_thousands_of_posts_is_read_as_far_as_makes_sense() -> None:
    assert len(read(*[{"title": "T"}] * (MAX_STORIES + 5)).stories) == MAX_STORIES


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)
POSTS = st.lists(st.dictionaries(st.sampled_from([*a_post()]), ANY, max_size=8) | ANY, max_size=3)


@settings(deadline=None)
@given(st.fixed_dictionaries({}, optional={"posts": POSTS | ANY, "meta": ANY, "errors": ANY}) | ANY)
def test_any_json_ends_in_stories_or_in_one_kind_of_error(content: Any) -> None:
    try:
        reading = read_ghost(json.dumps(content).encode(), address=ADDRESS)
    except SourceError:
        return
    for story in reading.stories:
        assert story.headline
        (story.headline + story.body_html + story.standfirst).encode()
