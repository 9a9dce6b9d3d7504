"""Pure. The demo's pictures of streets, rooms and the yard."""

from __future__ import annotations

import math
from random import Random

from PIL import Image

from digest.demo.brushes import (
    HEIGHT,
    WIDTH,
    Colour,
    Pen,
    Point,
    clouds,
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
    wash,
    water,
)
from digest.demo.light import NIGHT, Light

_BLACK = (0, 0, 0)


def terraces(light: Light, *, seed: int, lit: float) -> Image.Image:
    """Draw rows of slate roofs climbing a hill; `lit` is the share of lamps that burn."""
    canvas = open_sky(light.sky, light.cloud, seed=seed, depth=520)
    glow(canvas, light.sun, (380, 330), (620, 330), 0.55)
    skyline = ridge(seed, 420, 130)
    hills(canvas, skyline, 430, [(0, mix(light.far, light.near, 0.25)), (1, light.far)])
    throw = dice(seed)
    with pen(canvas, (0, 200, WIDTH, HEIGHT)) as draw:
        for row in range(5):
            size = 0.52 + 0.19 * row
            share = 0.15 + 0.2 * row
            base = 430 + row * 96 + row * row * 13
            _terrace(draw, light, base, size=size, near=share, throw=throw, lit=lit)
    return canvas


def _terrace(
    draw: Pen, light: Light, base: float, *, size: float, near: float, throw: Random, lit: float
) -> None:
    x = -throw.uniform(0, 120) * size
    brick = mix(mix((150, 104, 86), light.far, 0.35), light.near, near * 0.62)
    while x < WIDTH:
        width = throw.uniform(104, 120) * size
        wall = mix(brick, _BLACK, throw.uniform(0, 0.13))
        slate = mix(mix((92, 98, 112), light.far, 0.4), light.near, near * 0.8)
        roof = mix(slate, _BLACK, throw.uniform(0, 0.12))
        top = base - 74 * size
        draw.block(x, top, x + width, base + 150, wall)
        draw.fill(
            [
                (x - 4, top),
                (x + 12 * size, top - 46 * size),
                (x + width - 12 * size, top - 46 * size),
                (x + width + 4, top),
            ],
            roof,
        )
        draw.block(x, top - 1, x + width, top + 4 * size, mix(roof, _BLACK, 0.35))
        _chimney(draw, x + width - 12 * size, top - 30 * size, size, mix(wall, _BLACK, 0.16))
        for column in (0.24, 0.68):
            pane = light.lamp if throw.random() < lit else mix(wall, (34, 42, 58), 0.72)
            left = x + width * column - 9 * size
            draw.block(
                left - 2 * size,
                top + 16 * size,
                left + 20 * size,
                top + 50 * size,
                mix(wall, (236, 230, 220), 0.5),
            )
            draw.block(left, top + 18 * size, left + 18 * size, top + 48 * size, pane)
            draw.block(
                left,
                top + 32 * size,
                left + 18 * size,
                top + 34 * size,
                mix(wall, (236, 230, 220), 0.5),
            )
        x += width


def _chimney(draw: Pen, x: float, y: float, size: float, colour: Colour) -> None:
    draw.block(x - 14 * size, y - 44 * size, x + 12 * size, y + 14 * size, colour)
    draw.block(
        x - 17 * size, y - 46 * size, x + 15 * size, y - 40 * size, mix(colour, _BLACK, 0.25)
    )
    for pot in (-9, 3):
        draw.block(
            x + pot * size,
            y - 60 * size,
            x + (pot + 7) * size,
            y - 46 * size,
            mix(colour, (170, 92, 66), 0.5),
        )


def market(light: Light, *, seed: int, lanterns: bool) -> Image.Image:
    """Draw a row of stalls with striped awnings, and people before them."""
    canvas = open_sky(light.sky, light.cloud, seed=seed, depth=560)
    throw = dice(seed)
    stone = mix(light.far, light.near, 0.3)
    with pen(canvas, (0, 90, WIDTH, 660)) as draw:
        x = -30.0
        while x < WIDTH:
            width, top = throw.uniform(150, 210), throw.uniform(150, 230)
            wall = mix(stone, (196, 160, 130), throw.uniform(0.05, 0.3))
            _front(
                draw,
                (x, top, x + width, 620),
                wall,
                light.lamp,
                throw,
                lit=0.35 if lanterns else 0.06,
            )
            x += width
    mist(canvas, light.sky[-1][1], top=300, bottom=720, strength=0.3, seed=2)
    ground = mix(light.near, (170, 160, 146), 0.22 if lanterns else 0.5)
    with pen(canvas, (0, 610, WIDTH, HEIGHT)) as draw:
        draw.block(0, 620, WIDTH, HEIGHT, ground)
    texture(
        canvas,
        mix(ground, _BLACK, 0.3),
        (0, 640, WIDTH, HEIGHT),
        seed=seed,
        cells=(50, 26),
        strength=0.5,
    )
    stripes = ((176, 62, 52), (44, 88, 112), (60, 104, 84), (196, 134, 52))
    with pen(canvas, (0, 240, WIDTH, HEIGHT)) as draw:
        for n in range(4):
            _stall(draw, light, 40 + n * 400, stripes[n], throw, lanterns=lanterns)
    if lanterns:
        for x in range(60, WIDTH, 74):
            glow(canvas, light.lamp, (x, 300 + 26 * math.sin(x / 90)), (44, 44), 0.75)
        glow(canvas, light.lamp, (800, 610), (980, 250), 0.32)
    with pen(canvas, (0, 240, WIDTH, HEIGHT)) as draw:
        if lanterns:
            wire = [(float(x), 292 + 26 * math.sin(x / 90)) for x in range(0, WIDTH + 1, 10)]
            draw.stroke(wire, mix(light.near, _BLACK, 0.3), 2)
            for x in range(60, WIDTH, 74):
                draw.disc(
                    x, 300 + 26 * math.sin(x / 90), 9, 11, mix(light.lamp, (255, 255, 255), 0.4)
                )
        coats = (
            (58, 66, 84),
            (104, 58, 58),
            (70, 84, 76),
            (46, 48, 58),
            (120, 98, 72),
            (86, 76, 100),
        )
        for n, x in enumerate((150, 236, 470, 690, 752, 960, 1130, 1216, 1470)):
            _person(
                draw,
                x,
                800 + 26 * math.sin(n * 2.1),
                1.0 + 0.1 * math.sin(n),
                mix(coats[n % 6], light.near, 0.35),
                facing=1 if n % 2 else -1,
            )
    return canvas


def _front(
    draw: Pen,
    box: tuple[float, float, float, float],
    wall: Colour,
    lamp: Colour,
    throw: Random,
    *,
    lit: float,
) -> None:
    left, top, right, bottom = box
    draw.block(left, top, right, bottom, wall)
    draw.fill(
        [(left - 4, top), ((left + right) / 2, top - 62), (right + 4, top)],
        mix(wall, (40, 44, 56), 0.45),
    )
    for row in range(3):
        for column in range(3):
            x, y = left + (right - left) * (column + 0.5) / 3 - 13, top + 34 + row * 96
            draw.block(x - 3, y - 3, x + 29, y + 51, mix(wall, (240, 234, 224), 0.35))
            draw.block(
                x, y, x + 26, y + 48, lamp if throw.random() < lit else mix(wall, (36, 46, 62), 0.6)
            )


def _stall(
    draw: Pen, light: Light, x: float, colour: Colour, throw: Random, *, lanterns: bool
) -> None:
    wood = mix((96, 72, 54), light.near, 0.3)
    cream = mix((240, 232, 214), light.near, 0.14 if not lanterns else 0.28)
    colour = mix(colour, light.near, 0.1 if not lanterns else 0.25)
    draw.block(
        x + 22,
        470,
        x + 298,
        640,
        mix(light.near, wood, 0.4) if not lanterns else mix(wood, light.lamp, 0.4),
    )
    for post in (x + 14, x + 298):
        draw.block(post, 440, post + 9, 762, wood)
    for n in range(8):
        left, right = x + n * 40, x + (n + 1) * 40
        lean = 22 - n * 5.5
        shade = colour if n % 2 == 0 else cream
        draw.fill([(left + lean, 396), (right + lean - 5.5, 396), (right, 480), (left, 480)], shade)
        draw.disc((left + right) / 2, 480, 20, 15, mix(shade, _BLACK, 0.12))
    draw.fill([(x + 4, 640), (x + 316, 640), (x + 308, 690), (x + 12, 690)], wood)
    draw.block(x + 12, 690, x + 308, 770, mix(wood, _BLACK, 0.3))
    goods = ((176, 78, 52), (208, 148, 70), (104, 128, 76), (188, 186, 180), (134, 70, 82))
    for n in range(18):
        kind = goods[(n // 4 + int(x / 400)) % 5]
        draw.disc(x + 28 + n * 15.5, 634 - throw.uniform(0, 9), 11, 10, mix(kind, light.near, 0.12))


def _person(draw: Pen, x: float, foot: float, size: float, coat: Colour, *, facing: int) -> None:
    dark = mix(coat, _BLACK, 0.45)
    skin = mix((206, 164, 134), coat, 0.25)
    draw.block(x - 15 * size, foot - 66 * size, x - 3 * size, foot, dark)
    draw.block(x + 3 * size, foot - 66 * size, x + 15 * size, foot - 3, dark)
    draw.fill(
        [
            (x - 24 * size, foot - 50 * size),
            (x - 21 * size, foot - 138 * size),
            (x - 11 * size, foot - 156 * size),
            (x + 11 * size, foot - 156 * size),
            (x + 21 * size, foot - 138 * size),
            (x + 24 * size, foot - 50 * size),
        ],
        coat,
    )
    draw.stroke(
        [(x + 16 * facing * size, foot - 138 * size), (x + 27 * facing * size, foot - 84 * size)],
        mix(coat, _BLACK, 0.2),
        12 * size,
    )
    draw.disc(x + 2 * facing, foot - 174 * size, 15 * size, 17 * size, skin)
    draw.fill(
        [*curve((x - 17 * size, foot - 174 * size), (x + 17 * size, foot - 174 * size), 24 * size)],
        dark,
    )
    draw.fill(
        [
            (x + 22 * facing * size, foot - 84 * size),
            (x + 42 * facing * size, foot - 84 * size),
            (x + 40 * facing * size, foot - 42 * size),
            (x + 24 * facing * size, foot - 42 * size),
        ],
        mix(coat, (196, 168, 120), 0.55),
    )


def quay(light: Light, *, seed: int, lit: float) -> Image.Image:
    """Draw the customs house and its neighbours along the quay, mirrored in the basin."""
    base = 600
    canvas = open_sky(light.sky, light.cloud, seed=seed, depth=base)
    glow(canvas, light.sun, (1300, 560), (700, 360), 0.5)
    throw = dice(seed)
    with pen(canvas, (0, 120, WIDTH, base + 70)) as draw:
        for left, right, top in (
            (-30, 190, 330),
            (190, 420, 290),
            (1130, 1330, 310),
            (1330, 1490, 350),
            (1490, 1640, 320),
        ):
            wall = mix(mix((186, 168, 150), light.far, 0.4), light.near, throw.uniform(0.1, 0.42))
            _warehouse(draw, (left, top, right, base), wall, light, throw=throw, lit=lit)
        _customs_house(draw, 420, base, light, throw=throw, lit=lit)
        stone = mix(light.near, (120, 112, 104), 0.25)
        draw.block(0, base, WIDTH, base + 44, stone)
        draw.block(0, base, WIDTH, base + 7, mix(stone, (230, 220, 204), 0.3))
    water(
        canvas,
        base + 44,
        light.sea,
        seed=seed + 2,
        light=mix(light.sea[0][1], light.sun, 0.3),
        dark=light.sea[-1][1],
        strength=0.35,
    )
    reflect(canvas, base + 44, 440, seed=seed, strength=0.72, sway=6, squash=0.58)
    with pen(canvas, (0, base - 40, WIDTH, base + 60)) as draw:
        for x in range(70, WIDTH, 190):
            draw.block(x, base - 22, x + 12, base + 2, mix(light.near, _BLACK, 0.4))
            draw.disc(x + 6, base - 22, 10, 5, mix(light.near, _BLACK, 0.4))
    return canvas


def _warehouse(
    draw: Pen,
    box: tuple[float, float, float, float],
    wall: Colour,
    light: Light,
    *,
    throw: Random,
    lit: float,
) -> None:
    left, top, right, base = box
    draw.block(left, top, right, base, wall)
    draw.fill([(left, top), ((left + right) / 2, top - 76), (right, top)], mix(wall, _BLACK, 0.16))
    across = int((right - left) // 62)
    for row in range(int((base - top) // 84)):
        for column in range(across):
            x = left + (right - left) * (column + 0.5) / across - 13
            y = top + 26 + row * 82
            pane = light.lamp if throw.random() < lit else mix(wall, (34, 44, 60), 0.62)
            draw.disc(x + 13, y + 2, 13, 11, pane)
            draw.block(x, y, x + 26, y + 42, pane)


def _customs_house(
    draw: Pen, x: float, base: float, light: Light, *, throw: Random, lit: float
) -> None:
    pale = mix(mix((226, 214, 194), light.far, 0.22), light.near, 0.12 if lit < 0.3 else 0.42)  # noqa: PLR2004 - by day
    shade = mix(pale, light.near, 0.35)
    draw.block(x, 256, x + 710, base, pale)
    draw.block(x - 10, 244, x + 720, 262, shade)
    draw.fill([(x + 225, 246), (x + 355, 172), (x + 485, 246)], pale)
    draw.fill([(x + 256, 240), (x + 355, 186), (x + 454, 240)], shade)
    draw.disc(x + 355, 222, 15, 15, mix(pale, light.lamp, 0.6))
    for row, (top, tall) in enumerate(((296, 92), (432, 108))):
        for n in range(9):
            left = x + 30 + n * 76
            if n == 4 and row:  # noqa: PLR2004 - the door stands here
                continue
            pane = light.lamp if throw.random() < lit else mix(shade, (34, 46, 64), 0.62)
            draw.block(left - 6, top - 8, left + 48, top + tall + 6, shade)
            draw.block(left, top, left + 42, top + tall, pane)
            draw.block(left + 19.5, top, left + 22.5, top + tall, pale)
            draw.block(left, top + tall * 0.45, left + 42, top + tall * 0.45 + 3, pale)
    draw.block(x + 318, 424, x + 392, base, shade)
    draw.block(x + 328, 440, x + 382, base, mix((36, 62, 92), light.near, 0.3))
    draw.block(x - 4, 404, x + 714, 412, shade)
    draw.block(x - 8, base - 26, x + 718, base, shade)


def library() -> Image.Image:
    """Draw winter light falling through a tall window across bookshelves."""
    canvas = wash([(0, (58, 48, 44)), (1, (78, 62, 52))])
    throw = dice(21)
    colours = (
        (122, 58, 48),
        (70, 84, 78),
        (176, 144, 96),
        (58, 66, 88),
        (146, 110, 74),
        (92, 54, 62),
        (196, 180, 150),
        (84, 92, 66),
    )
    with pen(canvas) as draw:
        for left, right in ((0, 520), (1080, 1600)):
            draw.block(left, 0, right, 780, (66, 46, 36))
            for row in range(6):
                shelf = 116 + row * 132
                draw.block(left + 16, shelf - 108, right - 16, shelf, (40, 30, 26))
                _books(draw, left + 20, right - 20, shelf, colours=colours, throw=throw)
                draw.block(left, shelf, right, shelf + 18, (104, 74, 54))
            for post in (left, (left + right) / 2 - 9, right - 18):
                draw.block(post, 0, post + 18, 790, (92, 64, 46))
        draw.block(540, 0, 1060, 800, (148, 130, 112))
    window = (600, 60, 1000, 640)
    view = wash([(0, (168, 192, 208)), (0.6, (224, 228, 222)), (1, (244, 232, 208))], (400, 580))
    canvas.paste(view, window[:2])
    with pen(canvas, (560, 0, 1040, 720)) as draw:
        tree(draw, (870, 640), 150, 90, (120, 128, 132), throw=dice(4))
        for x in (600, 696, 793, 890, 990):
            draw.block(x - 5, 60, x + 5, 640, (236, 230, 218))
        for y in (60, 176, 292, 408, 524, 640):
            draw.block(600, y - 5, 1000, y + 5, (236, 230, 218))
        arch = [
            (590.0, 40.0),
            (590, 190),
            *curve((600, 180), (1000, 180), 124, steps=24),
            (1010, 190),
            (1010, 40),
        ]
        draw.fill(arch, (148, 130, 112))
        draw.block(576, 640, 1024, 668, (196, 176, 150))
    with pen(canvas, (0, 760, WIDTH, HEIGHT)) as draw:
        draw.fill([(0, 790), (WIDTH, 790), (WIDTH, 900), (0, 900)], (112, 82, 60))
        for n in range(-6, 23):
            draw.stroke([(800 + (n - 8) * 66, 790), (800 + (n - 8) * 118, 900)], (92, 66, 48), 2)
    glow(canvas, (255, 240, 208), (800, 330), (760, 620), 0.42)
    _beam(canvas, [(610, 640), (990, 640), (1380, 900), (700, 900)])
    with pen(canvas, (500, 560, 1200, HEIGHT)) as draw:
        wood = (70, 46, 34)
        draw.fill([(560, 742), (1060, 742), (1110, 778), (520, 778)], (132, 92, 62))
        draw.block(520, 778, 1110, 794, wood)
        for x in (546, 1068):
            draw.block(x, 794, x + 18, 890, wood)
        draw.fill([(700, 752), (800, 742), (804, 756), (704, 766)], (244, 238, 224))
        draw.fill([(802, 742), (900, 752), (898, 766), (804, 756)], (232, 224, 208))
        for n, colour in enumerate(((122, 58, 48), (58, 66, 88), (176, 144, 96))):
            draw.block(930 + n * 3, 734 - n * 14, 1030 - n * 7, 746 - n * 14, colour)
        draw.fill([(600, 690), (652, 690), (664, 722), (588, 722)], (70, 104, 88))
        draw.block(622, 722, 630, 756, (150, 120, 74))
        draw.disc(626, 756, 24, 6, (150, 120, 74))
    glow(canvas, (255, 224, 160), (626, 742), (150, 90), 0.6)
    return canvas


def _books(
    draw: Pen,
    left: float,
    right: float,
    shelf: float,
    *,
    colours: tuple[Colour, ...],
    throw: Random,
) -> None:
    x = left
    while x < right - 10:
        width, tall = throw.uniform(11, 24), throw.uniform(66, 98)
        colour = mix(throw.choice(colours), (40, 30, 26), throw.uniform(0.05, 0.4))
        if throw.random() < 0.06:  # noqa: PLR2004 - a gap, where one is out
            x += width
            continue
        end = min(x + width - 1.5, right)
        draw.block(x, shelf - tall, end, shelf, colour)
        draw.block(
            x, shelf - tall * 0.82, end, shelf - tall * 0.76, mix(colour, (226, 198, 140), 0.5)
        )
        x += width


def _beam(canvas: Image.Image, corners: list[Point]) -> None:
    lit = canvas.copy()
    with pen(lit) as draw:
        draw.fill(corners, (255, 236, 196))
    canvas.paste(Image.blend(canvas, lit, 0.2))


def boatyard(light: Light, *, seed: int, hull: bool) -> Image.Image:
    """Draw a shed, a slip and a crane; with a wooden hull on the slip, or without."""
    canvas = open_sky(light.sky, light.cloud, seed=seed, depth=620)
    glow(canvas, light.sun, (420, 560), (640, 380), 0.75)
    hills(
        canvas,
        ridge(seed, 600, 90),
        620,
        [(0, light.far), (1, mix(light.far, light.sky[-1][1], 0.5))],
    )
    dark = mix(light.near, _BLACK, 0.1)
    water(
        canvas,
        600,
        light.sea,
        seed=seed,
        light=mix(light.sea[0][1], light.sun, 0.3),
        dark=light.sea[-1][1],
        strength=0.4,
    )
    with pen(canvas, (0, 60, WIDTH, HEIGHT)) as draw:
        _crane(draw, 360 if hull else 560, 640, dark)
        shed = mix(dark, light.far, 0.2)
        draw.block(960, 330, 1620, 700, shed)
        draw.fill([(930, 334), (1180, 190), (1430, 334)], mix(shed, _BLACK, 0.2))
        draw.fill([(1420, 334), (1640, 210), (1640, 334)], mix(shed, _BLACK, 0.2))
        for x in range(970, 1620, 22):
            draw.stroke([(x, 336), (x, 700)], mix(shed, _BLACK, 0.14), 2)
        draw.block(1060, 430, 1300, 700, mix(light.lamp, dark, 0.25 if not hull else 0.62))
        for x in (1120, 1180, 1240):
            draw.block(x - 3, 430, x + 3, 700, shed)
        for x in (1350, 1430, 1510):
            draw.block(x, 420, x + 50, 474, mix(light.lamp, dark, 0.3 if not hull else 0.7))
        ground = mix(light.near, (130, 120, 104), 0.3)
        draw.fill([(520, 640), (1620, 676), (1620, 920), (-20, 920), (-20, 780)], ground)
        draw.fill([(520, 640), (-20, 780), (-20, 800), (560, 652)], mix(ground, _BLACK, 0.3))
        for n in range(2):
            draw.stroke(
                [(80 + n * 90, 900), (820 + n * 60, 660)], mix(ground, _BLACK, 0.45), 9 - n * 2
            )
        if hull:
            _hull(draw, light, 700, 760)
    texture(
        canvas,
        mix(light.near, _BLACK, 0.2),
        (0, 800, WIDTH, HEIGHT),
        seed=seed,
        cells=(50, 12),
        strength=0.45,
    )
    return canvas


def _crane(draw: Pen, x: float, base: float, colour: Colour) -> None:
    for side in (-1, 1):
        draw.stroke([(x + side * 62, base + 60), (x + side * 18, base - 330)], colour, 11)
    for n in range(5):
        low, high = base + 50 - n * 76, base - 26 - n * 76
        wide, less = 60 - n * 9, 51 - n * 9
        draw.stroke([(x - wide, low), (x + less, high)], colour, 4)
        draw.stroke([(x + wide, low), (x - less, high)], colour, 4)
    top = base - 330.0
    draw.block(x - 34, top - 60, x + 40, top, colour)
    jib = [(x - 120, top - 30), (x + 470, top - 150)]
    draw.stroke(jib, colour, 9)
    draw.stroke([(x - 120, top - 52), (x + 470, top - 150)], colour, 5)
    for n in range(12):
        share = n / 12
        draw.stroke(
            [
                (x - 120 + 590 * share, top - 30 - 120 * share),
                (x - 120 + 590 * (share + 0.06), top - 50 - 104 * share),
            ],
            colour,
            3,
        )
    draw.stroke([(x, top - 60), (x + 30, top - 190), (x + 470, top - 150)], colour, 3)
    draw.block(x - 150, top - 56, x - 96, top - 10, colour)
    draw.stroke([(x + 440, top - 144), (x + 440, top + 110)], colour, 2.4)
    draw.disc(x + 440, top + 118, 9, 11, colour)


def _hull(draw: Pen, light: Light, x: float, base: float) -> None:
    wood = mix((168, 112, 70), light.near, 0.2)
    dark = mix(wood, _BLACK, 0.55)
    sheer = curve((x - 330, base - 250), (x + 360, base - 292), -46, steps=24)
    keel = [(x + 290, base - 30), (x - 220, base - 4), (x - 290, base - 60)]
    draw.fill([*sheer, *keel], wood)
    for n in range(1, 7):
        drop = n * 30
        plank = curve(
            (x - 326 + n * 6, base - 250 + drop),
            (x + 356 - n * 11, base - 290 + drop),
            -46 - n * 2,
            steps=24,
        )
        draw.stroke(plank, mix(wood, _BLACK, 0.25), 2)
    draw.fill(
        [(x - 290, base - 62), (x + 312, base - 84), (x + 290, base - 30), (x - 220, base - 4)],
        mix((120, 48, 44), light.near, 0.25),
    )
    draw.stroke(sheer, mix(wood, (250, 236, 210), 0.45), 6)
    draw.stroke([(x + 360, base - 292), (x + 290, base - 28)], dark, 8)
    for prop in (-240, -110, 30, 160, 260):
        draw.stroke([(x + prop, base - 110), (x + prop - 34, base + 66)], dark, 9)
        draw.block(x + prop - 54, base + 60, x + prop - 14, base + 74, dark)
    for n in range(5):
        draw.block(x - 250 + n * 130, base - 4 - n * 6, x - 170 + n * 130, base + 44, dark)


def pitch() -> Image.Image:
    """Draw a football pitch under floodlights in evening mist."""
    light = NIGHT
    canvas = wash(
        [(0, (16, 24, 46)), (0.5, (48, 66, 92)), (0.6, (96, 116, 132)), (1, (40, 70, 52))]
    )
    clouds(canvas, (88, 106, 130), seed=18, depth=480, strength=0.5)
    dark = (18, 26, 38)
    with pen(canvas, (0, 320, WIDTH, 620)) as draw:
        draw.fill(
            [(-10, 560), (-10, 440), (330, 420), (352, 398), (620, 398), (640, 560)],
            mix(dark, light.far, 0.3),
        )
        draw.fill([(640, 560), (640, 452), (1610, 430), (1610, 560)], mix(dark, light.far, 0.5))
        throw = dice(30)
        for _ in range(620):
            x = throw.uniform(0, WIDTH)
            coat = mix(
                throw.choice(((150, 60, 56), (70, 90, 120), (170, 160, 140), (60, 60, 70))),
                dark,
                0.45,
            )
            draw.disc(x, throw.uniform(486, 552), 4.4, 5.4, coat)
        draw.block(0, 552, WIDTH, 572, (150, 156, 150))
        for n in range(9):
            draw.block(
                n * 190 + 20,
                555,
                n * 190 + 160,
                570,
                mix((60, 92, 124), (200, 180, 120), (n * 3 % 5) / 5),
            )
    grass = wash([(0, (92, 138, 92)), (1, (34, 84, 54))], (WIDTH, HEIGHT - 572))
    canvas.paste(grass, (0, 572))
    with pen(canvas, (0, 560, WIDTH, HEIGHT)) as draw:
        for n in range(-6, 10, 2):
            draw.fill(
                [
                    (800 + (n - 1.5) * 150, 572),
                    (800 + (n - 0.5) * 150, 572),
                    (800 + (n - 0.5) * 330, 900),
                    (800 + (n - 1.5) * 330, 900),
                ],
                (60, 112, 72),
            )
        white = (222, 230, 222)
        draw.stroke([(0, 584), (WIDTH, 584)], white, 3)
        draw.stroke([(-100, 800), (WIDTH + 100, 716)], white, 6)
        draw.stroke([(520, 592), (-40, 720)], white, 4)
        _goal(draw, white)
    texture(canvas, (20, 58, 40), (0, 580, WIDTH, HEIGHT), seed=44, cells=(80, 50), strength=0.35)
    for x, tall, size in ((230, 90, 1.0), (1390, 60, 1.15), (800, 210, 0.62)):
        with pen(canvas, (x - 110, tall - 50, x + 110, 570)) as draw:
            draw.fill(
                [
                    (x - 9 * size, 560),
                    (x - 4 * size, tall + 40),
                    (x + 4 * size, tall + 40),
                    (x + 9 * size, 560),
                ],
                dark,
            )
            draw.block(x - 72 * size, tall - 30 * size, x + 72 * size, tall + 34 * size, dark)
            for row in range(3):
                for column in range(6):
                    draw.disc(
                        x + (column - 2.5) * 22 * size,
                        tall + (row - 1) * 20 * size + 2,
                        8.6 * size,
                        8.6 * size,
                        (255, 252, 232),
                    )
        glow(canvas, (236, 244, 240), (x, tall), (430 * size, 400 * size), 0.8)
    mist(canvas, (196, 210, 210), top=380, bottom=740, strength=0.6, seed=9)
    with pen(canvas, (0, 560, WIDTH, HEIGHT)) as draw:
        for n, (x, foot, size) in enumerate(
            (
                (430, 690, 0.62),
                (620, 660, 0.52),
                (700, 742, 0.84),
                (930, 668, 0.54),
                (1040, 720, 0.72),
                (1290, 680, 0.56),
            )
        ):
            _player(
                draw,
                x,
                foot,
                size,
                (176, 56, 52) if n % 2 else (232, 226, 208),
                facing=1 if n % 3 else -1,
            )
        draw.disc(820, 744, 7, 7, (248, 248, 242))
    return canvas


def _goal(draw: Pen, white: Colour) -> None:
    for x in range(70, 330, 15):
        draw.stroke(
            [(x, 548 - (x - 70) * 0.02), (x - 26, 640 - (x - 70) * 0.16)], (150, 168, 160), 1
        )
    for n in range(6):
        draw.stroke([(66 - n * 5, 562 + n * 14), (322 - n * 5, 560 + n * 8)], (150, 168, 160), 1)
    draw.stroke([(70, 656), (70, 548), (330, 540), (330, 616)], white, 5)


def _player(draw: Pen, x: float, foot: float, size: float, shirt: Colour, *, facing: int) -> None:
    skin, dark = (186, 142, 112), (30, 36, 48)

    def at(across: float, up: float) -> Point:
        return x + across * facing * size, foot - up * size

    draw.stroke([at(0, 72), at(24, 40), at(14, 4)], skin, 9 * size)
    draw.stroke([at(-4, 72), at(-18, 36), at(-44, 24)], skin, 9 * size)
    draw.stroke([at(14, 6), at(28, 2)], dark, 8 * size)
    draw.fill([at(-20, 56), at(-16, 88), at(14, 88), at(22, 56)], dark)
    draw.fill([at(-14, 84), at(-10, 136), at(22, 138), at(17, 84)], shirt)
    draw.stroke([at(14, 130), at(38, 106), at(30, 86)], shirt, 9 * size)
    draw.stroke([at(-6, 130), at(-30, 112), at(-44, 124)], shirt, 9 * size)
    draw.disc(*at(12, 154), 11 * size, 13 * size, skin)
    draw.disc(*at(9, 160), 11 * size, 9 * size, dark)
    draw.disc(x, foot + 5 * size, 40 * size, 4.5 * size, (30, 66, 46))


def theatre() -> Image.Image:
    """Draw a deep red curtain with footlights before an empty stage."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT))
    folds = Image.new("RGB", (WIDTH, 1))
    folds.putdata([_fold(x) for x in range(WIDTH)])
    canvas.paste(folds.resize((WIDTH, 720), Image.Resampling.NEAREST))
    shade = wash([(0, (10, 4, 8)), (0.5, (60, 22, 26)), (1, (120, 60, 44))], (WIDTH, 720))
    canvas.paste(Image.blend(canvas.crop((0, 0, WIDTH, 720)), shade, 0.38))
    with pen(canvas) as draw:
        gold, dark = (196, 152, 84), (34, 16, 18)
        for n in range(8):
            draw.fill(
                [*curve((n * 200, 96), (n * 200 + 200, 96), -84), (n * 200 + 200, 0), (n * 200, 0)],
                mix((112, 22, 30), dark, 0.1 * (n % 2)),
            )
            draw.stroke(curve((n * 200, 96), (n * 200 + 200, 96), -84), gold, 7)
            draw.stroke(curve((n * 200 + 30, 40), (n * 200 + 170, 40), -60), (84, 14, 22), 4)
        draw.block(0, 700, WIDTH, 720, gold)
        draw.fill([(0, 720), (WIDTH, 720), (WIDTH, 812), (0, 812)], (92, 62, 46))
        for n in range(-14, 15):
            draw.stroke([(800 + n * 74, 720), (800 + n * 92, 812)], (70, 46, 36), 2)
        draw.block(0, 812, WIDTH, HEIGHT, (28, 16, 18))
        draw.block(0, 808, WIDTH, 818, gold)
    for n in range(12):
        glow(canvas, (255, 214, 150), (78 + n * 131, 790), (150, 250), 0.42)
    with pen(canvas, (0, 740, WIDTH, HEIGHT)) as draw:
        for n in range(12):
            x = 78 + n * 131
            draw.disc(x, 800, 13, 12, (255, 240, 204))
            draw.fill([*curve((x - 26, 812), (x + 26, 812), -26)], (52, 36, 32))
        throw = dice(6)
        for n in range(17):
            x = 20 + n * 97
            draw.fill(
                [
                    *curve((x - 44, 912), (x + 44, 912), 66 + throw.uniform(0, 16)),
                    (x + 44, 920),
                    (x - 44, 920),
                ],
                (12, 8, 10),
            )
    return canvas


def _fold(x: int) -> Colour:
    wave = math.sin(x / 13.5 + 1.6 * math.sin(x / 97)) + 0.5 * math.sin(x / 31)
    return mix((70, 8, 18), (186, 38, 44), (wave + 1.5) / 3)
