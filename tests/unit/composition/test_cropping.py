"""Where a picture is cut, on pictures drawn for it."""

from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from digest.composition.cropping import centre_of_interest

LEAD, THUMB = (1200, 675), (320, 240)
FACE = (224, 172, 105)


def a_wall(size: tuple[int, int]) -> Image.Image:
    """Draw something with nothing to look at: a slow gradient."""
    return (
        Image.linear_gradient("L").resize(size).point(lambda level: 90 + level // 8).convert("RGB")
    )


def checks(picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    """Draw small checks into a box: something to look at."""
    draw = ImageDraw.Draw(picture)
    for x in range(box[0], box[2], 12):
        for y in range(box[1], box[3], 12):
            if (x + y) % 24:
                draw.rectangle((x, y, x + 12, y + 12), fill="black")


@pytest.mark.parametrize(
    ("left", "expected"), [(0, 0.0), (600, 0.5), (1200, 1.0)], ids=["left", "middle", "right"]
)
def test_a_wide_picture_keeps_the_side_where_something_is(left: int, expected: float) -> None:
    picture = a_wall((1600, 400))
    checks(picture, (left, 100, left + 400, 300))
    across, down = centre_of_interest(picture, THUMB)
    assert across == pytest.approx(expected, abs=0.13)
    assert down == 0.5


def test_a_portrait_keeps_its_face() -> None:
    picture = a_wall((800, 1200))
    ImageDraw.Draw(picture).ellipse((300, 100, 500, 360), fill=FACE)
    across, down = centre_of_interest(picture, LEAD)
    assert across == 0.5
    top = down * (1200 - 450)  # of the 450 rows that stay
    assert top <= 100
    assert top + 450 >= 360


@pytest.mark.parametrize("size", [(1200, 675), (2400, 1350), (120, 67)])
def test_a_picture_of_the_right_shape_is_left_in_the_middle(size: tuple[int, int]) -> None:
    assert centre_of_interest(a_wall(size), LEAD) == pytest.approx((0.5, 0.5), abs=0.5)


@pytest.mark.parametrize("size", [(1600, 400), (400, 1600), (3000, 1), (1, 3000), (2, 2)])
def test_where_nothing_stands_out_the_middle_stays(size: tuple[int, int]) -> None:
    black = Image.new("RGB", size)
    assert centre_of_interest(black, LEAD) == (0.5, 0.5)


def test_the_same_picture_is_always_cut_at_the_same_place() -> None:
    picture = a_wall((1600, 400))
    checks(picture, (200, 0, 500, 400))
    assert centre_of_interest(picture, THUMB) == centre_of_interest(picture.copy(), THUMB)
