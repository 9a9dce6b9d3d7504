from __future__ import annotations

import time
from io import BytesIO

import pytest
from PIL import Image

from digest.demo.newsroom import MORNING, PICTURE_SIZE, stories_at
from digest.demo.pictures import SCENES, draw
from digest.errors import NotFoundError


@pytest.mark.parametrize("name", sorted(SCENES))
def test_a_picture_is_small_quick_and_always_the_same(name: str) -> None:
    body = draw(name)
    started = time.process_time()
    again = draw.__wrapped__(name)
    took = time.process_time() - started
    picture = Image.open(BytesIO(body))
    assert (picture.format, picture.size) == ("JPEG", PICTURE_SIZE)
    assert len(body) < 250_000
    assert again == body
    assert took < 0.6, "it takes a tenth of a second where nothing else runs"


def test_no_two_pictures_are_the_same() -> None:
    assert len({draw(name) for name in SCENES}) == len(SCENES)


def test_every_picture_stands_beside_a_story() -> None:
    used = {story.picture.name for story in stories_at(MORNING) if story.picture}
    assert used == set(SCENES)


def test_an_unknown_picture_is_named_with_those_there_are() -> None:
    with pytest.raises(NotFoundError, match=r"picture: '\.\./etc': the demo draws none") as caught:
        draw("../etc")
    assert "lighthouse" in caught.value.hint
