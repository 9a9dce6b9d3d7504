from __future__ import annotations

import pytest

from digest.sources.cleaning import clean_body
from digest.sources.model import RecordingKind
from digest.sources.story_parts import (
    MAX_GUID,
    categories_of,
    guid_of,
    is_of,
    recording_kind_of,
    seconds_of,
    standfirst_and_body,
)


@pytest.mark.parametrize(
    ("summary", "content", "standfirst", "body"),
    [
        ("Short.", "<p>One.</p><p>Two.</p>", "Short.", "One.\n\nTwo."),
        ("<p>One.</p><p>Two.</p>", "", "", "One.\n\nTwo."),
        ("<p>One.</p><p>Read more</p>", "", "One. Read more", ""),
        ("<p>One.</p><p>Two.</p>", "<p>One.</p><p>Two.</p>", "", "One.\n\nTwo."),
        ("<p>Three.</p><p>Four.</p>", "<p>One.</p>", "Three.", "One."),
        ("word " * 200, "<p>One.</p>", ("word " * 200).strip(), "One."),
        ("word " * 900, "<p>One.</p>", ("word " * 399).strip() + "…", "One."),
    ],
)
def test_a_standfirst_is_told_from_a_whole_story(
    summary: str, content: str, standfirst: str, body: str
) -> None:
    told, kept = standfirst_and_body(clean_body(summary), clean_body(content))
    assert (told, kept.text) == (standfirst, body)


def test_the_picture_of_the_one_is_the_others() -> None:
    pictured = clean_body('Short.<img src="https://e.example/a.jpg" alt="A">')
    _, body = standfirst_and_body(pictured, clean_body("<p>One.</p>"))
    assert body.image == ("https://e.example/a.jpg", "A")


def test_a_branch_of_categories_is_its_parts_as_well() -> None:
    assert categories_of(["News &gt; Local", "Local", "", " Sport » Sailing"]) == (
        "News > Local",
        "News",
        "Local",
        "Sport » Sailing",
        "Sport",
        "Sailing",
    )


def test_a_guid_of_thousands_of_signs_is_no_name() -> None:
    assert guid_of(" g\x001\n") == "g1"
    assert guid_of("x" * MAX_GUID) == "x" * MAX_GUID
    assert [guid_of(written) for written in ("x" * (MAX_GUID + 1), "", None, "\x00")] == [None] * 4


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("754", 754),
        ("754.9", 754),
        ("12:34", 754),
        ("0:12:34", 754),
        ("1:02:03", 3723),
        ("PT12M34S", 754),
        ("pt1h2m3.5s", 3723),
        (754, 754),
        (754.2, 754),
        ("PT", None),
        ("0", None),
        ("-5", None),
        ("1e9", None),
        ("9999999", None),
        ("25:00:00", None),
        ("an hour", None),
        (None, None),
        ([12], None),
    ],
)
def test_the_length_of_a_recording_is_read_as_written(written: object, seconds: int | None) -> None:
    assert seconds_of(written) == seconds


@pytest.mark.parametrize(
    ("url", "kind", "medium", "recorded"),
    [
        ("/a.mp3", "", "", RecordingKind.AUDIO),
        ("/a.mp3?x=1#t", "application/octet-stream", "", RecordingKind.AUDIO),
        ("/a", "audio/mpeg", "", RecordingKind.AUDIO),
        ("/a", "video", "", RecordingKind.VIDEO),
        ("/a.mp3", "video/mp4", "", RecordingKind.VIDEO),
        ("/a.mp3", "audio/mpeg", "video", RecordingKind.VIDEO),
        ("/a.mp4", "", "", RecordingKind.VIDEO),
        ("/a.mp4", "text/html", "", None),
        ("/a.mp4", "", "document", None),
        ("/a.jpg", "", "", None),
    ],
)
def test_what_a_link_plays_is_told_by_medium_then_type_then_name(
    url: str, kind: str, medium: str, recorded: RecordingKind | None
) -> None:
    assert recording_kind_of(url=url, kind=kind, medium=medium) is recorded
    assert not (recorded and is_of("image", url=url, kind=kind, medium=medium))
