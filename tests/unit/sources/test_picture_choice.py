from __future__ import annotations

from typing import Any

import pytest

from digest.sources.model import Picture
from digest.sources.picture_choice import (
    NamedPicture,
    Place,
    choose_picture,
    described,
    is_sensible,
)

SITE = "https://gazette.example"


def _named(path: str, place: Place = Place.MEDIA, **fields: Any) -> NamedPicture:
    return NamedPicture(f"{SITE}/{path}", place, **fields)


def test_the_place_decides_before_the_size() -> None:
    places = [
        _named("body.jpg", Place.BODY),
        _named("own.jpg", Place.OWN, width=3000),
        _named("thumb.jpg", Place.THUMBNAIL, width=150),
        _named("media.jpg", Place.MEDIA, width=1200),
        _named("enclosed.jpg", Place.ENCLOSED),
    ]
    chosen = []
    while places:
        picture = choose_picture(places)
        assert picture is not None
        chosen.append(picture.url.rpartition("/")[2])
        places = [one for one in places if one.url != picture.url]
    assert chosen == ["enclosed.jpg", "media.jpg", "thumb.jpg", "own.jpg", "body.jpg"]


@pytest.mark.parametrize(
    ("sizes", "chosen"),
    [
        ({"a": 320, "b": 1280, "c": 640}, "b"),
        ({"a": 320, "b": 6000, "c": 1920}, "c"),
        ({"a": 9000, "b": 6000}, "b"),
        ({"a": 0, "b": 0}, "a"),
    ],
)
def test_of_several_the_largest_that_a_mail_can_use(sizes: dict[str, int], chosen: str) -> None:
    named = [_named(name, width=width) for name, width in sizes.items()]
    assert choose_picture(named) == Picture(f"{SITE}/{chosen}")


def test_the_default_of_a_group_goes_before_a_larger_one() -> None:
    named = [_named("a", width=2000), _named("b", width=600, is_default=True, alt="x", credit="y")]
    assert choose_picture(named) == Picture(f"{SITE}/b", "x", "y")


def test_in_a_body_the_first_counts_whatever_the_sizes() -> None:
    named = [_named("a", Place.BODY, width=300), _named("b", Place.BODY, width=900)]
    assert choose_picture(named) == Picture(f"{SITE}/a")


@pytest.mark.parametrize(
    ("path", "sizes"),
    [
        ("a.jpg", {"width": 1, "height": 1}),
        ("a.jpg", {"width": 99}),
        ("a.jpg", {"height": 40}),
        ("a.jpg", {"width": 1200, "height": 120}),
        ("a.jpg", {"width": 100, "height": 700}),
        ("a-48x48.jpg", {}),
        ("a.jpg?w=64&q=80", {}),
        ("emoji/1f600.png", {}),
        ("images/smilies/wink.gif", {}),
        ("avatar/9f2b?s=512&d=mm", {}),
        ("feeds/~r/gazette/~4/x.jpg", {}),
        ("pixel.gif", {}),
        ("1x1.png?id=7", {}),
        ("track", {}),
        ("b.gif?host=e.example&post=1&t=2", {}),
    ],
)
def test_what_decorates_or_counts_is_no_picture(path: str, sizes: dict[str, Any]) -> None:
    assert not is_sensible(_named(path, **sizes))
    assert choose_picture([_named(path, **sizes)]) is None


@pytest.mark.parametrize("host", ["pixel.e.example", "secure.gravatar.example", "stats.wp.example"])
def test_hosts_that_count_or_portray_give_no_pictures(host: str) -> None:
    assert not is_sensible(NamedPicture(f"https://{host}/a/b.jpg", Place.BODY))


@pytest.mark.parametrize(
    ("path", "sizes"),
    [
        ("google-pixel-9-review.jpg", {}),
        ("icon-of-the-seas.jpg", {}),
        ("tracking-the-storm.jpg", {}),
        ("harbour-16x9.jpg", {}),
        ("harbour-1200x675.jpg", {}),
        ("harbour.jpg?w=1200&h=675&fit=crop", {}),
        ("harbour.gif", {}),
        ("harbour.jpg", {"width": 100, "height": 100}),
        ("image/4b1f", {}),
    ],
)
def test_a_picture_of_a_story_is_one_whatever_its_name_is_about(
    path: str, sizes: dict[str, Any]
) -> None:
    assert is_sensible(_named(path, **sizes))


@pytest.mark.parametrize(
    ("alt", "words"),
    [
        ("The ferry at its berth", "The ferry at its berth"),
        ("IMG_2034", ""),
        ("harbour-1200x675.jpg", ""),
        ("Image 3", ""),
        ("", ""),
        ("word " * 100, "word " * 58 + "word…"),
        ("x" * 400, "x" * 299 + "…"),
    ],
)
def test_a_description_can_be_read_out(alt: str, words: str) -> None:
    assert described(alt) == words
