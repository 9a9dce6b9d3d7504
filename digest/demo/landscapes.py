"""Pure. The demo's pictures of the moor, the fields, and the river."""

from __future__ import annotations

import math

from PIL import Image, ImageDraw, ImageFilter

from digest.demo.brushes import (
    HEIGHT,
    WIDTH,
    Colour,
    Pen,
    Point,
    Stops,
    curve,
    dice,
    glow,
    hills,
    mist,
    mix,
    open_sky,
    pen,
    reflect,
    ridge,
    texture,
    tree,
    veil,
    wash,
    water,
)
from digest.demo.light import BRIGHT, DAWN, GREY

_BLACK = (0, 0, 0)


def moor() -> Image.Image:
    """Draw snow over dark moorland, with walls and a line of bare trees."""
    light = GREY
    canvas = open_sky(light.sky, light.cloud, seed=26, depth=520, clouding=0.85)
    glow(canvas, (246, 232, 208), (1200, 430), (620, 300), 0.6)
    snow, shade = (236, 239, 240), (176, 190, 202)
    for seed, base, height, share in (
        (51, 470, 190, 0.62),
        (66, 560, 170, 0.3),
        (78, 690, 180, 0.05),
    ):
        skyline = ridge(seed, base, height)
        top = mix(snow, shade, share)
        hills(canvas, skyline, HEIGHT, [(0, top), (0.4, mix(top, shade, 0.55)), (1, snow)])
        texture(
            canvas,
            mix((86, 84, 84), shade, share),
            (0, base - 90, WIDTH, base + 160),
            seed=seed,
            cells=(22, 34),
            strength=0.2 - share * 0.2,
        )
    wall = (84, 86, 92)
    with pen(canvas, (0, 280, WIDTH, HEIGHT)) as draw:
        for line in (
            curve((-20, 690), (1640, 540), 60, steps=100),
            curve((1060, 905), (1640, 690), -20, steps=50),
        ):
            throw = dice(round(line[0][1]))
            near = 1.0 if line[0][1] < 800 else 1.9  # noqa: PLR2004 - the wall in front
            for n, (x, y) in enumerate(line[:-1]):
                high = near * throw.uniform(9, 13)
                draw.fill(
                    [
                        (x, y - high),
                        (line[n + 1][0], line[n + 1][1] - high),
                        (line[n + 1][0], line[n + 1][1] + 5 * near),
                        (x, y + 5 * near),
                    ],
                    mix(wall, _BLACK, throw.uniform(0, 0.3)),
                )
                draw.stroke(
                    [(x, y - high), (line[n + 1][0], line[n + 1][1] - high)], snow, 3.4 * near
                )
        throw = dice(14)
        for x, y, size in (
            (1090, 540, 36),
            (1160, 534, 46),
            (1236, 530, 42),
            (1300, 526, 54),
            (1384, 524, 40),
            (250, 700, 92),
        ):
            tree(
                draw,
                (x, y + 4),
                size,
                90 + throw.uniform(-6, 6),
                (58, 60, 68),
                throw=throw,
                depth=7,
            )
        draw.fill(
            [
                (760, 910),
                (900, 740),
                (940, 660),
                (925, 620),
                (950, 620),
                (975, 662),
                (960, 745),
                (1010, 910),
            ],
            (206, 214, 220),
        )
        for foot, left, tall in (
            (884, 742, 1.5),
            (800, 842, 1.1),
            (728, 896, 0.8),
            (672, 930, 0.55),
        ):
            draw.block(left, foot - 58 * tall, left + 7 * tall, foot, (70, 62, 60))
            draw.block(left, foot - 58 * tall, left + 7 * tall, foot - 46 * tall, (186, 66, 54))
    _snowfall(canvas)
    return canvas


def _snowfall(canvas: Image.Image) -> None:
    throw = dice(77)
    flakes = Image.new("L", (WIDTH, HEIGHT))
    brush = ImageDraw.Draw(flakes)
    for _ in range(260):
        x, y, size = throw.uniform(0, WIDTH), throw.uniform(0, HEIGHT), throw.uniform(1.2, 3)
        brush.ellipse((x - size, y - size, x + size, y + size), fill=255)
    veil(canvas, (246, 248, 250), flakes.filter(ImageFilter.GaussianBlur(0.8)))


def fields() -> Image.Image:
    """Draw rolling winter fields and hedges with one bare tree."""
    light = DAWN
    canvas = open_sky(light.sky, light.cloud, seed=47, depth=520, clouding=0.8)
    glow(canvas, light.sun, (420, 380), (620, 280), 0.7)
    greens = ((150, 164, 150), (128, 144, 112), (150, 142, 98), (108, 126, 84), (132, 112, 76))
    for n, green in enumerate(greens):
        base = 400 + n * 72 + n * n * 5
        skyline = ridge(90 + n * 3, base + 70, 92, rough=1)
        hills(
            canvas,
            skyline,
            min(HEIGHT, base + 300),
            [
                (0, mix(green, light.sky[-1][1], 0.34 - n * 0.07)),
                (0.35, green),
                (1, mix(green, _BLACK, 0.22)),
            ],
        )
        _hedge(canvas, skyline, n)
        texture(
            canvas,
            mix(green, _BLACK, 0.3),
            (0, base + 60, WIDTH, min(HEIGHT, base + 300)),
            seed=n + 1,
            cells=(12 + 6 * n, 40),
            strength=0.22,
        )
    mist(canvas, (244, 236, 222), top=380, bottom=640, strength=0.42, seed=5)
    with pen(canvas, (880, 180, 1460, 720)) as draw:
        tree(draw, (1180, 690), 104, 91, (58, 52, 50), throw=dice(12), depth=9)
    with pen(canvas, (0, 640, WIDTH, HEIGHT)) as draw:
        for x, y, size in (
            (300, 760, 1.0),
            (380, 776, 1.1),
            (520, 748, 0.9),
            (690, 800, 1.25),
            (450, 838, 1.4),
        ):
            _goat(draw, x, y, size)
    return canvas


def _hedge(canvas: Image.Image, skyline: list[Point], row: int) -> None:
    throw = dice(row + 60)
    size = 2.2 + row * 2.1
    box = (
        0,
        int(min(y for _, y in skyline)) - 20,
        WIDTH,
        min(HEIGHT, int(max(y for _, y in skyline)) + 24),
    )
    with pen(canvas, box) as draw:
        for x, y in skyline[:: max(1, row)]:
            if throw.random() < 0.86:  # noqa: PLR2004 - the rest are gateways
                tint = mix((62, 72, 58), (214, 210, 196), max(0.0, 0.5 - row * 0.13))
                draw.disc(x, y + 1, size * 1.7, size * throw.uniform(0.7, 1.5), tint)


def _goat(draw: Pen, x: float, y: float, size: float) -> None:
    coat, dark = (232, 224, 208), (110, 98, 86)
    for leg in (-24, -14, 14, 24):
        draw.block(x + leg * size, y - 22 * size, x + (leg + 5) * size, y, dark)
    draw.disc(x, y - 34 * size, 36 * size, 18 * size, coat)
    draw.stroke([(x + 26 * size, y - 40 * size), (x + 44 * size, y - 60 * size)], coat, 15 * size)
    draw.fill(
        [
            (x + 34 * size, y - 72 * size),
            (x + 66 * size, y - 56 * size),
            (x + 60 * size, y - 46 * size),
            (x + 36 * size, y - 54 * size),
        ],
        coat,
    )
    draw.stroke(
        curve((x + 40 * size, y - 70 * size), (x + 24 * size, y - 92 * size), 6 * size),
        dark,
        3.4 * size,
    )
    draw.stroke([(x - 34 * size, y - 42 * size), (x - 44 * size, y - 52 * size)], coat, 6 * size)


def oak() -> Image.Image:
    """Draw a great bare oak in a misty field."""
    fog = (206, 208, 202)
    canvas = wash(
        [(0, (182, 188, 190)), (0.55, (222, 220, 210)), (0.72, fog), (1, (128, 134, 112))]
    )
    texture(canvas, (196, 200, 200), (0, 0, WIDTH, 560), seed=3, cells=(6, 7), strength=0.7)
    glow(canvas, (252, 242, 216), (560, 330), (520, 360), 0.7)
    for seed, base, share in ((7, 640, 0.86), (11, 690, 0.7)):
        skyline = ridge(seed, base, 70, rough=16)
        hills(
            canvas,
            skyline,
            HEIGHT,
            [(0, mix((84, 92, 86), fog, share)), (0.3, fog), (1, (138, 144, 120))],
        )
    texture(canvas, (96, 106, 82), (0, 690, WIDTH, HEIGHT), seed=8, cells=(50, 34), strength=0.3)
    throw = dice(52)
    with pen(canvas, (240, 20, WIDTH, 860)) as draw:
        dark = (58, 58, 56)
        draw.fill(
            [
                (862, 800),
                (898, 740),
                (906, 600),
                (940, 560),
                (1000, 560),
                (1016, 610),
                (1022, 740),
                (1066, 802),
            ],
            dark,
        )
        for angle, length in (
            (96, 150),
            (64, 158),
            (124, 160),
            (38, 150),
            (148, 150),
            (80, 120),
            (18, 120),
            (164, 112),
        ):
            tree(draw, (966 + (angle - 90) * -0.5, 590), length, angle, dark, throw=throw, depth=7)
    mist(canvas, (226, 226, 218), top=560, bottom=860, strength=0.55, seed=3)
    return canvas


def bridge() -> Image.Image:
    """Draw a stone bridge of three arches over a slow river."""
    light = BRIGHT
    canvas = open_sky(light.sky, light.cloud, seed=39, depth=560, clouding=0.9)
    horizon = 560
    for seed, height, share in ((23, 210, 0.62), (37, 130, 0.3)):
        colour = mix((76, 104, 78), (160, 184, 190), share)
        hills(
            canvas,
            ridge(seed, horizon, height, rough=5),
            horizon,
            [(0, colour), (1, mix(colour, (220, 226, 214), 0.3))],
        )
    river: Stops = [(0, (132, 158, 158)), (0.4, (90, 124, 128)), (1, (46, 78, 84))]
    water(canvas, horizon, river, seed=20, light=(178, 202, 204), dark=(38, 66, 72), strength=0.35)
    stone = (176, 160, 138)
    deck = curve((-20, 392), (1620, 392), 66, steps=50)
    with pen(canvas, (0, 290, WIDTH, horizon)) as draw:
        draw.fill([*deck, (1620, 580), (-20, 580)], stone)
        draw.fill(
            [*((x, y + 36) for x, y in deck), *((x, y + 46) for x, y in reversed(deck))],
            mix(stone, _BLACK, 0.22),
        )
        throw = dice(17)
        for _ in range(300):
            x, y = throw.uniform(0, WIDTH), throw.uniform(380, 556)
            draw.block(
                x,
                y,
                x + throw.uniform(18, 44),
                y + 11,
                mix(
                    stone, throw.choice(((120, 106, 92), (206, 192, 168))), throw.uniform(0.1, 0.4)
                ),
            )
        for x, wide, tall in ((390, 150, 128), (800, 176, 158), (1210, 150, 128)):
            _arch(draw, x, horizon, wide=wide, tall=tall, stone=stone)
        draw.stroke(deck, mix(stone, (246, 240, 224), 0.55), 9)
    reflect(canvas, horizon, 260, seed=12, strength=0.72, sway=6, squash=0.95)
    with pen(canvas, (0, 480, WIDTH, HEIGHT)) as draw:
        bank = (92, 112, 70)
        draw.fill([(-10, 540), (120, 566), (220, 640), (240, 760), (180, 905), (-10, 905)], bank)
        draw.fill(
            [(1610, 550), (1500, 570), (1420, 620), (1400, 690), (1450, 790), (1610, 850)],
            mix(bank, _BLACK, 0.12),
        )
        throw = dice(9)
        for _ in range(150):
            x, y = throw.uniform(-10, 230), throw.uniform(600, 900)
            draw.stroke(
                [(x, y), (x + throw.uniform(-8, 14), y - throw.uniform(20, 56))],
                mix(bank, (200, 190, 120), throw.uniform(0, 0.5)),
                2.4,
            )
    return canvas


def _arch(draw: Pen, x: float, base: float, *, wide: float, tall: float, stone: Colour) -> None:
    ring = [
        (
            x + (wide + 18) * math.cos(math.pi * n / 24),
            base - (tall + 18) * math.sin(math.pi * n / 24),
        )
        for n in range(25)
    ]
    hole = [
        (x + wide * math.cos(math.pi * n / 24), base - tall * math.sin(math.pi * n / 24))
        for n in range(25)
    ]
    draw.fill(ring, mix(stone, (236, 224, 200), 0.45))
    draw.fill(hole, (208, 222, 222))
    far = [point for point in hole if point[1] > base - tall * 0.36]
    draw.fill(far, (132, 156, 122))
    inner = [(px + 26, py) for px, py in hole]
    draw.fill([*hole[12:], *reversed(inner[12:])], mix(stone, _BLACK, 0.5))
    for n in range(0, 25, 2):
        draw.stroke([ring[n], hole[n]], mix(stone, _BLACK, 0.2), 2)
    for side in (-1, 1):
        left = x + side * (wide + 30)
        draw.fill(
            [(left - 26, base), (left - 18, base - 92), (left + 18, base - 92), (left + 26, base)],
            mix(stone, _BLACK, 0.14),
        )
