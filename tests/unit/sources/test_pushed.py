from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Picture,
    Recording,
    RecordingKind,
)
from digest.sources.pushed import story_of


def facts(**more: Any) -> dict[str, Any]:
    return {
        "headline": "Ferry <i>sails</i> again",
        "url": "https://post.example/ferry",
        "guid": "f-1",
        "standfirst": "Nine weeks are over.",
        "body_html": '<p>It left at <a href="/six">six</a>.</p><script>x()</script>',
        "authors": ["Ann Teller"],
        "categories": "Local",
        "picture": {"url": "https://post.example/f.jpg", "alt": "The ferry", "credit": "Bo Lens"},
        "recording": {"url": "https://post.example/f.mp4", "seconds": 90, "kind": "video"},
        "published_at": "2026-01-09T06:15:00",
        "updated_at": "2026-01-09T07:00:00Z",
        "language": "en_GB",
        "priority": 5,
        "reads": 12,
        **more,
    }


def refused(**more: Any) -> SourceError:
    with pytest.raises(SourceError) as error:
        story_of({"headline": "Ferry", **more})
    return error.value


def test_a_story_takes_every_field_it_is_given() -> None:
    assert story_of(facts(), zone="Europe/Berlin", language="de") == FoundStory(
        headline="Ferry sails again",
        url="https://post.example/ferry",
        guid="f-1",
        standfirst="Nine weeks are over.",
        body_html='<p>It left at <a href="https://post.example/six"'
        ' rel="noopener noreferrer">six</a>.</p>',
        body_text="It left at six.",
        authors=("Ann Teller",),
        categories=("Local",),
        picture=Picture("https://post.example/f.jpg", "The ferry", "Bo Lens"),
        recording=Recording("https://post.example/f.mp4", 90, RecordingKind.VIDEO),
        published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
        published_from=DateOrigin.EDITOR,
        updated_at=datetime(2026, 1, 9, 7, 0, tzinfo=UTC),
        language="en-GB",
        priority=5,
        reads=12,
    )


def test_a_headline_is_enough() -> None:
    assert story_of({"headline": "Ferry"}, language="en") == FoundStory("Ferry", language="en")


def test_a_plain_body_keeps_its_signs_and_its_paragraphs() -> None:
    story = story_of({"headline": "T", "body_text": "1 < 2 &amp; <b>\n\nTwo\nlines"})
    assert story.body_text == "1 < 2 &amp; <b>\n\nTwo lines"
    assert story.body_html == "<p>1 &lt; 2 &amp;amp; &lt;b&gt;</p><p>Two lines</p>"


def test_the_first_picture_of_the_body_stands_in() -> None:
    body = '<p>x</p><img src="https://a.example/b.jpg" alt="Boat">'
    story = story_of({"headline": "T", "body_html": body})
    assert story.picture == Picture("https://a.example/b.jpg", "Boat")


@pytest.mark.parametrize(
    "given",
    [
        "2026-01-09T05:15:00Z",
        1767935700,
        datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
        "Fri, 09 Jan 2026 06:15:00 +0100",
    ],
)
def test_a_date_may_be_written_in_many_ways(given: Any) -> None:
    story = story_of({"headline": "T", "published_at": given})
    assert story.published_at == datetime(2026, 1, 9, 5, 15, tzinfo=UTC)


def test_a_day_alone_is_its_beginning_in_the_zone() -> None:
    story = story_of({"headline": "T", "published_at": date(2026, 1, 9)}, zone="Europe/Berlin")
    assert story.published_at == datetime(2026, 1, 8, 23, 0, tzinfo=UTC)


def test_every_wrong_field_is_named_at_once() -> None:
    error = refused(
        head_line="x",
        stand_first="x",
        url="ferry",
        published_at="soon",
        language="english, please",
        priority=1000,
        reads=-1,
        authors=[7],
        picture={"src": "x"},
        recording={"url": "https://a.example/x", "kind": "game"},
    )
    assert str(error) == (
        "pushed: 'Ferry': head_line: no such field (did you mean 'headline'?);"
        " stand_first: no such field (did you mean 'standfirst'?);"
        " url: not a whole http or https address;"
        " authors.0: Input should be a valid string;"
        " picture.url: is needed; picture.src: no such field;"
        " recording.kind: Input should be 'audio' or 'video';"
        " published_at: not a date; write it as 2026-01-09T06:30:00+00:00;"
        " language: not a language; write it as en or en-GB;"
        " priority: Input should be less than or equal to 100;"
        " reads: Input should be greater than or equal to 0"
    )
    assert error.hint.startswith("A story has these fields: headline, url, guid, ")


@pytest.mark.parametrize(
    ("more", "cause"),
    [
        ({"headline": ""}, "headline: String should have at least 1 character"),
        ({"headline": "<b></b>"}, "headline: no words in it"),
        ({"headline": None}, "headline: Input should be a valid string"),
        ({"body_html": "x", "body_text": "y"}, "give body_html or body_text, not both"),
        ({"priority": True}, "priority: Input should be a valid integer"),
        ({"url": 7}, "url: Input should be a valid string"),
        ({"language": 7}, "language: Input should be a valid string"),
        ({"nothing near": 1}, "nothing near: no such field"),
    ],
)
def test_what_is_wrong_is_said_in_words(more: dict[str, Any], cause: str) -> None:
    headline = "'Ferry'" if "headline" not in more else "'a story'"
    assert str(refused(**more)) == f"pushed: {headline}: {cause}"


def test_a_story_without_a_headline_is_refused() -> None:
    with pytest.raises(SourceError, match=r"^pushed: 'a story': headline: is needed$"):
        story_of({})


def test_hundreds_of_wrong_fields_make_a_short_message() -> None:
    message = str(refused(**{f"x{n}": n for n in range(500)}))
    assert message.endswith("; x19: no such field; and 480 more")


def test_hostile_texts_come_out_clean_and_short() -> None:
    story = story_of(
        {
            "headline": "\ud800Ferry\u202e \x00" + "word " * 2_000,
            "standfirst": "\udfff" + "word " * 3_000,
            "authors": ["ann@post.example", "\ud800Ann"],
            "picture": {"url": "https://a.example/x", "alt": "\ud800a"},
        }
    )
    assert story.headline.startswith("Ferry word")
    assert (len(story.headline) <= 500, len(story.standfirst) <= 2_000) == (True, True)
    assert (story.authors, story.picture) == (("Ann",), Picture("https://a.example/x", "a"))


ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=4)
    | st.sampled_from(["https://a.example/x", "audio", "en", "2026-01-09"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "alt", "kind"]) | st.text(max_size=3), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from([*facts(), "body_text"]) | st.text(max_size=5), ANY))
def test_any_facts_end_in_a_story_or_in_one_kind_of_error(given_facts: dict[str, Any]) -> None:
    try:
        story = story_of({"headline": "Ferry", **given_facts})
    except SourceError:
        return
    assert story.headline
    (story.headline + story.body_html + story.standfirst).encode()
