from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.json_feed import MAX_STORIES, is_json_feed, read_json_feed
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Picture,
    Reading,
    Recording,
    RecordingKind,
)

ADDRESS = "https://gazette.example/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"
AT = datetime(2026, 1, 9, 6, 15, tzinfo=UTC)


def _feed(*items: Any, **fields: Any) -> bytes:
    return json.dumps({"version": VERSION, "title": "Gazette", "items": items, **fields}).encode()


def _read(content: bytes, **options: Any) -> Reading:
    return read_json_feed(content, address=ADDRESS, **options)


def _read_one(**fields: Any) -> FoundStory:
    (story,) = _read(_feed({"title": "T", **fields})).stories
    return story


def test_a_feed_without_items_is_a_feed() -> None:
    assert _read(_feed()) == Reading(title="Gazette")


def test_a_story_takes_every_field_it_is_given() -> None:
    item = {
        "id": 101,
        "url": "/ferry",
        "external_url": "https://other.example/",
        "title": "Ferry &amp; <b>tide</b>",
        "summary": "Short.",
        "content_html": '<p>Long <i>one</i>.</p><script>x</script><p><a href="more">More</a></p>',
        "content_text": "not this",
        "image": "/large.jpg",
        "banner_image": "/banner.jpg",
        "date_published": "2026-01-09T07:15:00+01:00",
        "date_modified": "2026-01-09T08:00:00Z",
        "authors": [{"name": "Ann Teller"}, {"url": "x"}, None, {"name": "Jo"}],
        "tags": ["Local", "News > Council", 7, None],
        "language": "en-GB",
        "attachments": [{"url": "/a.mp3", "mime_type": "audio/mpeg", "duration_in_seconds": 754.4}],
    }
    reading = _read(
        _feed(item, language="en", home_page_url="https://gazette.example/", next_url="?page=2")
    )
    assert reading == Reading(
        title="Gazette",
        language="en",
        next_address="https://gazette.example/feed.json?page=2",
        stories=(
            FoundStory(
                headline="Ferry & tide",
                url="https://gazette.example/ferry",
                guid="101",
                standfirst="Short.",
                body_html='<p>Long <i>one</i>.</p><p><a href="https://gazette.example/more"'
                ' rel="noopener noreferrer">More</a></p>',
                body_text="Long one.\n\nMore",
                authors=("Ann Teller", "Jo"),
                categories=("Local", "News > Council", "News", "Council", "7"),
                picture=Picture("https://gazette.example/large.jpg"),
                recording=Recording("https://gazette.example/a.mp3", 754),
                published_at=AT,
                published_from=DateOrigin.FEED,
                updated_at=datetime(2026, 1, 9, 8, 0, tzinfo=UTC),
                language="en-GB",
            ),
        ),
    )


def test_version_1_names_one_author_and_may_have_only_text() -> None:
    story = _read_one(author={"name": "Ann"}, content_text="1 < 2\n\nTwo\nlines")
    assert (story.authors, story.body_html, story.body_text) == (
        ("Ann",),
        "<p>1 &lt; 2</p><p>Two lines</p>",
        "1 < 2\n\nTwo lines",
    )


@pytest.mark.parametrize(
    ("fields", "picture"),
    [
        ({"attachments": [{"url": "/a.png", "mime_type": "image/png"}]}, "a.png"),
        ({"banner_image": "/b.png", "content_html": '<img src="/c.png">'}, "b.png"),
        ({"content_html": '<p>x</p><img src="/c.png" alt="C">'}, "c.png"),
        ({"image": "/pixel.gif"}, None),
        ({"image": ["x"], "attachments": "x"}, None),
        ({"attachments": [{"mime_type": "image/png"}, "x", None]}, None),
    ],
)
def test_a_picture_is_found_by_the_same_rule_as_in_other_feeds(
    fields: dict[str, Any], picture: str | None
) -> None:
    found = _read_one(**fields).picture
    assert (found and found.url) == (picture and f"https://gazette.example/{picture}")


def test_a_video_is_a_recording_of_its_kind() -> None:
    attachments = [{"url": "/t.txt"}, {"url": "javascript:x.mp4"}, {"url": "/v.mp4"}]
    assert _read_one(attachments=attachments).recording == Recording(
        "https://gazette.example/v.mp4", None, RecordingKind.VIDEO
    )


def test_zone_and_language_of_the_source_are_those_of_what_names_none() -> None:
    item = {"title": "T", "date_published": "2026-07-09 06:15"}
    (story,) = _read(_feed(item), zone="Europe/Berlin", language="de").stories
    assert (story.published_at, story.language) == (datetime(2026, 7, 9, 4, 15, tzinfo=UTC), "de")


def test_without_a_date_of_its_own_a_story_has_that_of_its_change_or_its_address() -> None:
    changed = _read_one(date_modified="2026-01-09T06:15:00Z", url="/2020/01/01/x")
    assert (changed.published_at, changed.published_from) == (AT, DateOrigin.FEED)
    named = _read_one(url="/2026/01/09/x")
    assert (named.published_at, named.published_from) == (
        datetime(2026, 1, 9, tzinfo=UTC),
        DateOrigin.URL,
    )


def test_what_cannot_be_used_is_left_out_with_a_warning() -> None:
    items = [
        "x",
        {"id": "1"},
        {"title": "A", "date_published": "soon"},
        {"title": "B", "date_published": ["x"], "language": {}, "id": None, "url": 5},
        {"title": "C", "content_html": "word " * 60_000},
    ]
    reading = _read(_feed(*items, expired=True))
    assert [story.headline for story in reading.stories] == ["A", "B", "C"]
    assert reading.warnings == (
        "says that it is finished: no new stories will come",
        "story 1 is no object; left out",
        "story 2 has no headline and no text; left out",
        "story 3 has a date that cannot be read (date_published: soon)",
        "story 4 has a date that cannot be read (date_published: no text)",
        "story 5 is longer than 256 KB; cut",
    )
    assert (reading.complete, reading.gone) == (False, ())


def test_a_key_that_stands_twice_counts_once() -> None:
    content = b'{"version": "x", "items": [{"title": "A", "title": "B"}], "items": [{"title":"C"}]}'
    assert [story.headline for story in _read(content).stories] == ["C"]


def test_a_page_that_names_itself_as_the_next_is_the_last() -> None:
    assert _read(_feed(next_url=ADDRESS)).next_address is None


def test_too_many_stories_are_cut_with_a_warning() -> None:
    reading = _read(_feed(*[{"title": "T"}] * (MAX_STORIES + 1)))
    assert len(reading.stories) == MAX_STORIES
    assert reading.warnings == (
        f"only the first {MAX_STORIES} of {MAX_STORIES + 1} stories were read",
    )


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "the answer is empty"),
        (b"[1]", "JSON, but no JSON Feed"),
        (b'{"items": 5}', "JSON, but no JSON Feed"),
        (b'{"version": "https://jsonfeed.org/version/1"', "not JSON: line 1"),
        (b"<rss/>", "a web page"),
        (b'{"items": [' + b"[" * 200_000, "JSON nested deeper than"),
        (b'{"items": ' + b'{"a":' * 200_000, "JSON nested deeper than"),
        (b'{"items": [' + b"1," * 400_000 + b"1]}", "JSON of more than"),
        (b'{"items": [' + b"9" * 5_000 + b"]}", "JSON with a number of thousands of digits"),
        (b" " * 5_000_001, "larger than 5 MB"),
    ],
)
def test_what_is_no_json_feed_is_refused_in_words(content: bytes, cause: str) -> None:
    with pytest.raises(SourceError) as refused:
        _read(content)
    assert str(refused.value).startswith(f"feed: {ADDRESS}: {cause}")


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (_feed(), True),
        (b'\xef\xbb\xbf\n {"version":"https:\\/\\/jsonfeed.org\\/version\\/1","items":[]}', True),
        (b'{"title": "x", "version" : "https://www.jsonfeed.org/version/1.1"}', True),
        (b'{"version": "1.0", "items": []}', False),
        (b'["https://jsonfeed.org/version/1"]', False),
        (b'<rss>"version":"https://jsonfeed.org/version/1"</rss>', False),
        (b"", False),
    ],
)
def test_a_json_feed_is_told_by_its_beginning_and_version(content: bytes, answer: bool) -> None:  # noqa: FBT001 - the expected answer
    assert is_json_feed(content) is answer


@pytest.mark.parametrize(
    "content",
    [
        _feed({"title": "T", "content_text": "\n" * 2_000_000}),
        _feed(*[{"title": "T" * 10_000}] * 400),
        _feed({"title": "T", "tags": ["x"] * 200_000, "attachments": [{"url": "x"}] * 40_000}),
        _feed({"title": "T", "content_html": "<b>" * 80_000}),
        b'{"version": "' + b"\\" * 4_000_000,
        b'{"items": ["' + b'"' * 4_000_000,
        b'"version" ' * 400_000,
    ],
)
def test_a_json_feed_built_to_hurt_is_over_soon(content: bytes) -> None:
    began = time.process_time()
    is_json_feed(content)
    try:
        stories = _read(content).stories
    except SourceError:
        stories = ()
    assert {story.headline[:1] for story in stories} <= {"T"}
    assert time.process_time() - began < 2


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=[]), max_size=8)
    | st.sampled_from(
        ["2026-01-09", "https://e.example/2026/01/09/x", "/a.mp3", "<b>x</b>", VERSION]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
KEYS = (
    "id url external_url title summary content_html content_text image banner_image date_published"
    " date_modified author authors tags language attachments"
)


@settings(deadline=None)
@given(
    st.lists(JSON | st.dictionaries(st.sampled_from(KEYS.split()), JSON), max_size=4),
    st.dictionaries(st.sampled_from(["language", "home_page_url", "next_url", "expired"]), JSON),
)
def test_any_json_ends_in_stories_that_can_be_used(
    items: list[Any], fields: dict[str, Any]
) -> None:
    for story in _read(_feed(*items, **fields)).stories:
        assert story.headline.isprintable() or story.headline.split()
        assert story.url is None or story.url.startswith(("http://", "https://"))
        for at in (story.published_at, story.updated_at):
            assert at is None or at.utcoffset() == timedelta(0)
