from __future__ import annotations

import pytest

from digest.sources.model import Picture, Recording, RecordingKind
from tests.unit.sources.source_builders import read, read_one, rss


@pytest.mark.parametrize(
    ("item", "url"),
    [
        ('<media:content url="/a.mp4" medium="video"/><media:content url="/a.jpg"/>', "a.jpg"),
        (
            '<media:content url="/s.png"/><media:content url="/l" medium="image" width="640"/>',
            "l",
        ),
        ('<enclosure url="/e.JPG?v=3"/>', "e.JPG?v=3"),
        (
            '<enclosure url="javascript:x.jpg"/><description>&lt;img src="/d.png"></description>',
            "d.png",
        ),
        ('<content:encoded>&lt;p>x&lt;/p>&lt;img src="/c.png"></content:encoded>', "c.png"),
    ],
)
def test_a_picture_is_found_where_feeds_put_it(item: str, url: str) -> None:
    assert read_one(item).picture == Picture(f"https://gazette.example/{url}")


@pytest.mark.parametrize(
    ("media", "picture"),
    [
        # A group's sizes, its default, its own words, and those of the whole story.
        (
            (
                '<media:group><media:content url="/s.jpg" width="320"/>'
                '<media:content url="/l.jpg" width="1280"/>'
                "<media:description>A boat</media:description></media:group>"
            ),
            Picture("https://gazette.example/l.jpg", "A boat"),
        ),
        (
            (
                '<media:group><media:content url="/s.jpg" width="320" isDefault="true"/>'
                '<media:content url="/l.jpg" width="1280px"/></media:group>'
            ),
            Picture("https://gazette.example/s.jpg"),
        ),
        (
            (
                '<media:content url="/a.jpg"><media:description>One</media:description>'
                "<media:credit>Jo</media:credit></media:content>"
                '<media:content url="/b.jpg"><media:description>Two</media:description>'
                "</media:content><media:credit>Paper</media:credit>"
            ),
            Picture("https://gazette.example/a.jpg", "One", "Jo"),
        ),
        (
            (
                '<media:content url="/a.mp4" medium="video"><media:thumbnail url="/t.jpg"/>'
                "<media:title>Sailing</media:title></media:content>"
            ),
            Picture("https://gazette.example/t.jpg", "Sailing"),
        ),
        # What WordPress says of the writer, pixels, and the name of a file are not the picture's.
        (
            (
                '<media:content url="https://1.gravatar.example/avatar/9f" medium="image">'
                '<media:title>ann</media:title></media:content><media:content url="/a.jpg">'
                "<media:title>IMG_2034</media:title></media:content>"
            ),
            Picture("https://gazette.example/a.jpg"),
        ),
        (
            '<media:thumbnail url="/t.jpg" width="75" height="75"/><itunes:image href="/i.jpg"/>',
            Picture("https://gazette.example/i.jpg"),
        ),
        ("<image>https://cdn.example/i.jpg</image>", Picture("https://cdn.example/i.jpg")),
        (
            "<image><url>/i.jpg</url><title>Pier</title><link>/p</link></image>",
            Picture("https://gazette.example/i.jpg"),
        ),
        ("<enclosure url='javascript:a.jpg'/><image/>", None),
        ("<image>no address</image>", Picture("https://gazette.example/no%20address")),
        # An enclosure goes first, and has the words said of the same picture elsewhere.
        (
            (
                '<media:content url="/e.jpg"><media:title>A boat</media:title></media:content>'
                '<enclosure url="/e.jpg" type="image/jpeg"/>'
            ),
            Picture("https://gazette.example/e.jpg", "A boat"),
        ),
        ('<media:content url="javascript:a.jpg"/><media:thumbnail/>', None),
    ],
)
def test_words_and_sizes_belong_to_the_picture_they_stand_with(
    media: str, picture: Picture | None
) -> None:
    assert read_one(media).picture == picture


def test_a_picture_is_found_in_a_feed_that_cannot_be_mended() -> None:
    media = (
        "<media:content url='/a.jpg' width='900'/><media:credit>Jo</media:credit>"
        "<media:description>A boat</media:description>"
    )
    feed = read(rss(f"<title>Fish <br> chips</title>{media}"))
    assert feed.stories[0].picture == Picture("https://gazette.example/a.jpg", "A boat", "Jo")


@pytest.mark.parametrize(
    ("media", "recording"),
    [
        ('<enclosure url="/v.mp4" type="video/mp4"/>', ("v.mp4", None, RecordingKind.VIDEO)),
        (
            '<enclosure url="/v.mp4" type="video/mp4"/><itunes:duration>PT3M</itunes:duration>',
            ("v.mp4", 180, RecordingKind.VIDEO),
        ),
        (
            '<media:content url="/v" medium="video" duration="95"/>',
            ("v", 95, RecordingKind.VIDEO),
        ),
        (
            (
                '<media:content url="/a.mp3" type="audio/mpeg" duration="90"/>'
                '<media:content url="/b.mp3" type="audio/mpeg" duration="95" isDefault="true"/>'
            ),
            ("b.mp3", 95, RecordingKind.AUDIO),
        ),
        (
            '<enclosure url="javascript:a.mp3"/><enclosure url="/b.mp3"/>',
            ("b.mp3", None, RecordingKind.AUDIO),
        ),
        ('<media:content url="/v" type="application/x-shockwave-flash"/>', None),
    ],
)
def test_what_can_be_heard_or_watched_is_a_recording(
    media: str, recording: tuple[str, int | None, RecordingKind] | None
) -> None:
    found = read_one(media).recording
    expected = recording and Recording(f"https://gazette.example/{recording[0]}", *recording[1:])
    assert found == expected


@pytest.mark.parametrize(
    "described",
    [
        "<media:description>A boat</media:description>",
        '<media:description type="plain">A boat</media:description>',
        "<media:description type='text/plain' xml:lang=\"en\">A boat</media:description>",
        '<media:description type="plain"/><media:title type="plain">A boat</media:title>',
    ],
)
def test_a_pictures_description_is_its_words_whatever_attributes_it_has(described: str) -> None:
    media = f'<media:content url="/a.jpg" medium="image">{described}</media:content>'
    story = read_one(f"<description>What happened.</description>{media}")
    assert story.picture == Picture("https://gazette.example/a.jpg", "A boat")
    assert story.standfirst == "What happened."


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("754", 754),
        ("12:34", 754),
        ("1:00:00", 3600),
        ("0", None),
        ("1e9", None),
        ("9999999", None),
    ],
)
def test_the_length_of_a_recording_is_read_in_its_three_forms(
    duration: str, seconds: int | None
) -> None:
    story = read_one(f'<enclosure url="/a.ogg"/><itunes:duration>{duration}</itunes:duration>')
    assert story.recording == Recording("https://gazette.example/a.ogg", seconds)
