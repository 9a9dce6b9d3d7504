from __future__ import annotations

import pytest
from PIL import Image

from digest.demo.brushes import HEIGHT, WIDTH, curve, fade, levels, mix, noise, pen, ridge, wash


def test_a_mix_lies_between_its_colours() -> None:
    assert mix((0, 100, 200), (100, 0, 200), 0.25) == (25, 75, 200)


def test_a_wash_runs_from_its_first_colour_to_its_last() -> None:
    drawn = wash([(0, (0, 0, 0)), (0.5, (200, 100, 0)), (1, (200, 100, 50))], (3, 101))
    assert [drawn.getpixel((1, y)) for y in (0, 50, 100)] == [
        (0, 0, 0),
        (200, 100, 0),
        (200, 100, 50),
    ]


def test_a_wash_that_ends_early_stays_at_its_last_colour() -> None:
    assert wash([(0, (9, 9, 9)), (0.4, (5, 5, 5))], (1, 11)).getpixel((0, 10)) == (5, 5, 5)


def test_noise_depends_on_its_seed_alone() -> None:
    one, again, other = (noise(seed, 4, 4, (16, 16)).tobytes() for seed in (1, 1, 2))
    assert one == again != other


def test_levels_stretch_a_mask_between_two_greys() -> None:
    grey = Image.frombytes("L", (3, 1), bytes([40, 100, 160]))
    assert levels(grey, 50, 150, 0.5).tobytes() == bytes([0, 64, 128])


def test_a_fade_is_a_mask_from_top_to_bottom() -> None:
    assert [fade((1, 3), [(0, 0.0), (1, 1.0)]).getpixel((0, y)) for y in range(3)] == [0, 128, 255]


def test_a_ridge_goes_from_edge_to_edge_and_stays_over_its_base() -> None:
    points = ridge(5, 500, 100)
    assert (points[0][0], points[-1][0]) == (0, WIDTH)
    assert all(395 <= y <= 500 for _, y in points)


def test_a_curve_is_highest_in_its_middle() -> None:
    points = curve((0, 10), (10, 10), 4, steps=2)
    assert points == [(0, 10), (5, 6), (10, 10)]


@pytest.mark.parametrize("soft", [0, 2])
def test_the_pen_changes_nothing_outside_of_its_box(soft: float) -> None:
    canvas = Image.new("RGB", (WIDTH, HEIGHT), (10, 20, 30))
    with pen(canvas, (100, 100, 200, 200), soft=soft) as draw:
        draw.block(0, 0, 500, 500, (255, 255, 255))
    assert canvas.getpixel((99, 150)) == (10, 20, 30)
    assert canvas.getpixel((150, 150)) == (255, 255, 255)
