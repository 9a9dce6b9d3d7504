from __future__ import annotations

import contextlib
import json
import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.model import DateOrigin, FoundStory, Picture, Reading
from digest.sources.wordpress import MAX_STORIES, first_address, read_wordpress

SITE = "https://post.example"
ADDRESS = first_address(SITE)
ROUTE = ADDRESS.partition("?")[0]
SINCE = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)


def a_post(**more: Any) -> dict[str, Any]:
    return {
        "id": 123,
        "status": "publish",
        "link": "https://post.example/2026/01/ferry/",
        "guid": {"rendered": "https://post.example/?post_type=post&#038;p=123"},
        "title": {"rendered": "Ferry &#8220;sails&#8221; again &amp; again"},
        "excerpt": {
            "rendered": "<p>Nine weeks are over. "
            '<a class="more-link" href="/x">Continue reading <span>Ferry</span></a></p>\n'
        },
        "content": {
            "rendered": '<p>The first boat left at <a href="/six">six</a>.</p><script>x()</script>',
            "protected": False,
        },
        "date": "2026-01-09T06:15:00",
        "date_gmt": "2026-01-09T05:15:00",
        "modified": "2026-01-09T07:00:00",
        "modified_gmt": "2026-01-09T06:00:00",
        "sticky": False,
        "_embedded": {
            "author": [{"name": "Ann Teller"}, {"code": "rest_user_invalid_id"}],
            "wp:featuredmedia": [a_picture()],
            "wp:term": [
                [{"taxonomy": "post_tag", "name": "Harbour &amp; sea", "slug": "harbour"}],
                [
                    {"taxonomy": "category", "name": "Local", "slug": "local"},
                    {"taxonomy": "category", "name": "Allgemein", "slug": "uncategorized"},
                ],
                [{"taxonomy": "author", "name": "cap-ann"}],
            ],
        },
        **more,
    }


def a_picture(**sizes: Any) -> dict[str, Any]:
    return {
        "alt_text": "The ferry &amp; its crew",
        "source_url": "https://post.example/ferry-4000.jpg",
        "media_details": {
            "width": 4000,
            "sizes": {
                "thumbnail": {"width": 150, "source_url": "https://post.example/ferry-150.jpg"},
                "large": {"width": 1024, "source_url": "https://post.example/ferry-1024.jpg"},
                "1536x1536": {"width": 1536, "source_url": "https://post.example/ferry-1536.jpg"},
                **sizes,
            },
        },
    }


def read(*posts: Any, address: str = ADDRESS, **more: Any) -> Reading:
    return read_wordpress(json.dumps(posts).encode(), address=address, **more)


def read_one(**more: Any) -> FoundStory:
    (story,) = read(a_post(**more)).stories
    return story


def refused(content: bytes | str, address: str = ADDRESS) -> SourceError:
    raw = content if isinstance(content, bytes) else content.encode()
    with pytest.raises(SourceError) as error:
        read_wordpress(raw, address=address)
    return error.value


def asked(address: str | None) -> dict[str, str]:
    assert address is not None
    return dict(parse_qsl(urlsplit(address).query))


def test_a_story_takes_every_field_it_is_given() -> None:
    assert read(a_post(), language="en") == Reading(
        stories=(
            FoundStory(
                headline="Ferry “sails” again & again",
                url="https://post.example/2026/01/ferry/",
                guid="https://post.example/?post_type=post&p=123",
                standfirst="Nine weeks are over.",
                body_html='<p>The first boat left at <a href="https://post.example/six"'
                ' rel="noopener noreferrer">six</a>.</p>',
                body_text="The first boat left at six.",
                authors=("Ann Teller",),
                categories=("Local", "Harbour & sea"),
                picture=Picture("https://post.example/ferry-1536.jpg", "The ferry & its crew"),
                published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                published_from=DateOrigin.FEED,
                updated_at=datetime(2026, 1, 9, 6, 0, tzinfo=UTC),
                language="en",
            ),
        )
    )


def test_a_sticky_story_goes_first_and_its_own_language_counts() -> None:
    story = read_one(sticky=True, lang="fr_FR")
    assert (story.priority, story.language) == (1, "fr-FR")


@pytest.mark.parametrize(
    ("media", "url"),
    [
        ([a_picture(full={"width": 1200, "source_url": "/w.jpg"})], "https://post.example/w.jpg"),
        ([{"source_url": "https://post.example/only.jpg"}], "https://post.example/only.jpg"),
        (
            [{"media_details": {"sizes": {"a": {"width": 9, "source_url": "/9.jpg"}, "b": 7}}}],
            "https://post.example/9.jpg",
        ),
        ([{"code": "rest_forbidden"}], "https://post.example/body.jpg"),
        ("none", "https://post.example/body.jpg"),
    ],
)
def test_the_smallest_picture_that_fills_the_letter_is_taken(media: Any, url: str) -> None:
    body = {"rendered": '<p>x</p><img src="/body.jpg" alt="">'}
    story = read_one(content=body, _embedded={"wp:featuredmedia": media})
    assert story.picture is not None
    assert story.picture.url == url


def test_jetpack_names_the_picture_where_the_media_are_hidden() -> None:
    story = read_one(_embedded=[], jetpack_featured_media_url="https://i0.wp.example/a.jpg")
    assert story.picture == Picture("https://i0.wp.example/a.jpg")


def test_a_story_without_any_picture_has_none() -> None:
    assert read_one(_embedded={}).picture is None


@pytest.mark.parametrize("zeros", [None, "0000-00-00 00:00:00", "0000-00-00T00:00:00", 7, {}])
def test_a_post_without_its_utc_date_is_dated_in_the_sites_zone(zeros: Any) -> None:
    (story,) = read(a_post(date_gmt=zeros), zone="Europe/Berlin").stories
    assert story.published_at == datetime(2026, 1, 9, 5, 15, tzinfo=UTC)


def test_a_post_without_any_date_is_read_with_a_warning() -> None:
    reading = read(a_post(date_gmt=None, date="soon", modified=None, modified_gmt=None))
    assert reading.warnings == ("story 1 has no date that can be read",)
    (story,) = reading.stories
    assert (story.published_at, story.published_from, story.updated_at) == (None, None, None)


def test_what_is_not_for_everybody_is_left_out_with_a_warning() -> None:
    hidden = {"rendered": "<form></form>", "protected": True}
    reading = read(a_post(content=hidden), a_post(status="future"), a_post())
    assert len(reading.stories) == 1
    assert reading.warnings == (
        "story 1 is behind a password; left out",
        "story 2 is not published (future); left out",
    )


def test_a_story_without_a_headline_is_called_by_its_first_words_or_left_out() -> None:
    empty = {"rendered": ""}
    reading = read(a_post(title=empty), a_post(title=empty, excerpt=empty, content=empty))
    assert [story.headline for story in reading.stories] == ["Nine weeks are over."]
    assert reading.warnings == ("story 2 has no headline and no text; left out",)


@pytest.mark.parametrize(
    ("site", "route"),
    [
        ("https://post.example", "https://post.example/wp-json/wp/v2/posts?"),
        ("https://post.example/blog/", "https://post.example/blog/wp-json/wp/v2/posts?"),
        ("https://post.example/wp-json/", "https://post.example/wp-json/wp/v2/posts?"),
        (
            "https://post.example/wp-json/wp/v2/notices?categories=3&per_page=9&tags=1&tags=2",
            "https://post.example/wp-json/wp/v2/notices?categories=3&tags=1&tags=2&",
        ),
        (
            "https://post.example/?rest_route=/&lang=fr",
            "https://post.example/?lang=fr&rest_route=/wp/v2/posts&",
        ),
    ],
)
def test_every_way_to_name_a_site_leads_to_its_posts(site: str, route: str) -> None:
    address = first_address(site, per_page=20)
    assert address.startswith(route)
    assert "_embed=author,wp:featuredmedia,wp:term&" in address
    assert asked(address)["per_page"] == "20"
    assert {"_links", "_embedded", "date_gmt"} <= {*asked(address)["_fields"].split(",")}


def test_what_is_no_web_address_is_refused_with_an_example() -> None:
    with pytest.raises(SourceError, match=r"^wordpress: post: not a web address$") as error:
        first_address("post")
    assert "https://harbourpost.example" in error.value.hint


def test_the_first_reading_asks_for_the_latest_stories() -> None:
    given = asked(first_address(SITE))
    assert given["orderby"] == "date"
    assert "after" not in given
    assert read(a_post()).next_address is None


def test_later_readings_ask_for_new_stories_and_then_for_changed_ones() -> None:
    first = first_address(SITE, since=SINCE)
    assert (asked(first)["orderby"], asked(first)["after"]) == ("date", "2026-01-08T06:30:00Z")
    second = read(a_post(), address=first).next_address
    assert asked(second) == {
        **{name: value for name, value in asked(first).items() if name != "after"},
        "orderby": "modified",
        "modified_after": "2026-01-08T06:30:00Z",
    }
    assert second is not None
    assert read(a_post(), address=second).next_address is None


def test_a_full_page_leads_to_the_next_by_offset_which_never_is_an_error() -> None:
    first = first_address(SITE, since=SINCE, per_page=2)
    page = [a_post(), a_post()]
    second = read(*page, address=first).next_address
    assert asked(second) == {**asked(first), "offset": "2"}
    assert second is not None
    assert asked(read(*page, address=second).next_address)["offset"] == "4"
    assert "modified_after" in asked(read(address=second).next_address)


@pytest.mark.parametrize("address", ["https://post.example/x", f"{ADDRESS}&offset=99999999"])
def test_an_address_that_is_not_ours_or_has_no_end_leads_nowhere(address: str) -> None:
    assert read(*[a_post()] * 50, address=address).next_address is None


def test_a_site_too_old_to_know_the_filter_is_not_read_back_to_its_beginning() -> None:
    first = first_address(SITE, since=SINCE, per_page=1)
    old = a_post(date_gmt="2020-01-01T00:00:00", modified_gmt="2020-01-01T00:00:00")
    changed = read(old, address=first).next_address
    assert asked(changed)["orderby"] == "modified"
    assert changed is not None
    assert read(old, address=changed).next_address is None


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (
            {"code": "rest_no_route", "message": "No route <b>was</b> found."},
            "No route was found. (rest_no_route)",
            "The REST API has no such route here: is it off? Name the site's feed instead",
        ),
        (
            {"code": "rest_not_logged_in", "message": "You are not logged in."},
            "You are not logged in. (rest_not_logged_in)",
            "A plugin closes the REST API to visitors: open wp/v2/posts.",
        ),
        (
            {"code": "rest_invalid_param", "message": "Invalid parameter(s): categories"},
            "Invalid parameter(s): categories (rest_invalid_param)",
            "Take the filters out of the address, and try again.",
        ),
        (
            {"name": "Post", "namespaces": ["wp/v2"], "routes": {}},
            "the API's front page, not its posts",
            "Name the site's address alone.",
        ),
        ({"code": 7}, "an answer that is no list of posts", "Name the site's feed instead"),
        ("posts", "no list of posts", "The REST API is off or hidden."),
    ],
)
def test_a_refusal_of_the_api_is_told_with_its_remedy(answer: Any, message: str, hint: str) -> None:
    error = refused(json.dumps(answer))
    assert str(error) == f"wordpress: {ROUTE}: {message}"
    assert error.hint.startswith(hint)


def test_a_page_too_many_is_the_end_and_no_error() -> None:
    answer = json.dumps({"code": "rest_post_invalid_page_number", "message": "too large"})
    assert read_wordpress(answer.encode(), address=ADDRESS) == Reading()


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"<!doctype html><title>Post</title>", "a web page, not the answer of the API"),
        (b" \n", "the answer is empty"),
        (b"{'code': 1}", "not JSON: line 1: Expecting property name enclosed in double quotes"),
        (b"[" * 5_000, "JSON nested deeper than 50"),
        (b"[" + b"1," * 400_000 + b"1]", "JSON of more than 300,000 values"),
        (b"[" + b"1" * 10_000 + b"]", "JSON with a number of thousands of digits"),
        (b"1" * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_answer_is_refused_in_words(content: bytes, cause: str) -> None:
    assert str(refused(content)) == f"wordpress: {ROUTE}: {cause}"


def test_a_web_page_in_place_of_the_api_names_the_feed_as_remedy() -> None:
    error = refused("<html>")
    assert error.hint == (
        "The REST API is off or hidden. Name the site's feed instead, often"
        ' feed = "https://post.example/feed/".'
    )


def test_brackets_in_texts_are_not_depth_and_any_utf_is_read() -> None:
    story = a_post(title={"rendered": "[" * 100 + 'a "quoted\\" one'})
    raw = json.dumps([story]).encode("utf-16")
    (found,) = read_wordpress(raw, address=ADDRESS).stories
    assert found.headline.endswith('a "quoted\\" one')


def test_hostile_texts_come_out_clean_and_short() -> None:
    story = read_one(
        title={"rendered": "\ud800<b>Ferry\u202e</b>\x00 " + "word " * 9_000},
        link="javascript:alert(1)",
        content={"rendered": "<div>" * 50_000 + "\udfff<img src=x onerror=y>"},
        excerpt={"rendered": "<i>" * 20_000},
    )
    assert story.headline.startswith("Ferry word")
    assert len(story.headline) <= 500
    assert (story.url, story.standfirst, story.body_html) == (None, "", "")
    story.headline.encode()


def test_an_answer_with_thousands_of_posts_is_read_as_far_as_makes_sense() -> None:
    assert len(read(*[{"title": "T"}] * (MAX_STORIES + 5)).stories) == MAX_STORIES


@pytest.mark.parametrize(
    "content",
    [
        b'[{"title":"' + b'\\"' * 2_400_000,
        b'"' + b"\\\\" * 2_400_000 + b'"',
        b"[]" * 2_400_000,
        b'[{"excerpt":{"rendered":"' + b"<a more-link " * 300_000 + b'"}}]',
        b'[{"content":{"rendered":"' + b"&#38;" * 900_000 + b'"}}]',
    ],
)
def test_an_answer_built_to_hurt_costs_little(content: bytes) -> None:
    begun = time.process_time()
    with contextlib.suppress(SourceError):
        read_wordpress(content, address=ADDRESS)
    assert time.process_time() - begun < 3


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["<p>x</p>", "2026-01-09T06:00:00", "publish", "https://a.example/x"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["rendered", "protected", "name", "sizes", "author", "source_url"])
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from([*a_post(), "wp:term", "wp:featuredmedia", "code", "message"])


@settings(deadline=None)
@given(st.lists(st.dictionaries(FIELDS, ANY, max_size=8) | ANY, max_size=4) | ANY)
def test_any_json_ends_in_stories_or_in_one_kind_of_error(answer: Any) -> None:
    try:
        reading = read_wordpress(json.dumps(answer).encode(), address=ADDRESS)
    except SourceError:
        return
    for story in reading.stories:
        assert story.headline
        story.headline.encode()
        story.body_html.encode()
