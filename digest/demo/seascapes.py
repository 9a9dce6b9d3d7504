"""Pure. The demo's pictures of the sea and of what floats, stands or flies beside it."""

from __future__ import annotations

from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

from digest.demo.brushes import (
    HEIGHT,
    WIDTH,
    Colour,
    Pen,
    Point,
    Stops,
    clouds,
    curve,
    dice,
    glitter,
    glow,
    hills,
    levels,
    mist,
    mix,
    noise,
    open_sky,
    pen,
    reflect,
    ridge,
    texture,
    veil,
    wash,
    water,
)
from digest.demo.light import BRIGHT, DAWN, GREY, NIGHT, Light


def _sea(
    light: Light, horizon: int, *, seed: int, clouding: float = 0.7
) -> tuple[Image.Image, Image.Image]:
    canvas = open_sky(light.sky, light.cloud, seed=seed, depth=horizon, clouding=clouding)
    bright = mix(light.sea[0][1], light.sun, 0.3)
    waves = water(canvas, horizon, light.sea, seed=seed + 5, light=bright, dark=light.sea[-1][1])
    return canvas, waves


def _shore(canvas: Image.Image, light: Light, horizon: int, *, seed: int, height: float) -> None:
    for step, share in enumerate((0.75, 0.45, 0.15)):
        colour = mix(light.near, light.far, share)
        haze = mix(colour, light.sky[-1][1], 0.38)
        skyline = ridge(seed + step, horizon, height * (1 - 0.27 * step))
        hills(canvas, skyline, horizon, [(0, colour), (1, haze if step < 2 else colour)])  # noqa: PLR2004 - the nearest has no haze


def harbour(light: Light, *, seed: int) -> Image.Image:
    """Draw moored boats off a row of quay houses."""
    horizon = 470
    canvas, waves = _sea(light, horizon, seed=seed)
    glow(canvas, light.sun, (1130, horizon - 20), (620, 330), 0.75)
    _shore(canvas, light, horizon, seed=seed, height=150)
    with pen(canvas, (0, 250, WIDTH, horizon)) as draw:
        _quay(draw, light, horizon, dice(seed))
    reflect(canvas, horizon, 210, seed=seed, strength=0.62)
    glitter(canvas, waves, light.sun, x=1130, spread=80, strength=0.75)
    with pen(canvas, (0, 170, WIDTH, HEIGHT)) as draw:
        for x, y, size in (
            (1240, 530, 0.6),
            (905, 548, 0.7),
            (1445, 600, 0.95),
            (250, 610, 0.9),
            (620, 700, 1.45),
        ):
            _moored(draw, light, x, y, size)
    return canvas


def _quay(draw: Pen, light: Light, base: int, throw: Random) -> None:
    x = -20.0
    while x < 760:  # noqa: PLR2004 - where the quay ends
        width, height = throw.uniform(54, 92), throw.uniform(70, 128)
        wall = mix(light.near, light.far, throw.uniform(0.05, 0.4))
        _house(
            draw,
            (x, base - 14),
            (width, height),
            wall,
            lamp=light.lamp,
            throw=throw,
        )
        x += width
    draw.block(-10, base - 16, 800, base, mix(light.near, (0, 0, 0), 0.25))
    draw.fill([(800, base - 16), (860, base), (800, base)], mix(light.near, (0, 0, 0), 0.25))


def _house(
    draw: Pen, corner: Point, size: Point, wall: Colour, *, lamp: Colour, throw: Random,
) -> None:  # fmt: skip
    lit, roof = 0.42, mix(wall, (0, 0, 0), 0.28)
    x, base = corner
    width, height = size
    top = base - height
    draw.block(x, top, x + width, base, wall)
    draw.fill([(x - 2, top), (x + width / 2, top - width * 0.42), (x + width + 2, top)], roof)
    draw.block(x + width * 0.7, top - width * 0.44, x + width * 0.84, top - 2, roof)
    across = 2 if width < 76 else 3  # noqa: PLR2004 - what fits
    for row in range(int(height // 40)):
        for column in range(across):
            left = x + width * (column + 0.5) / across - 5
            colour = lamp if throw.random() < lit else mix(wall, (0, 0, 0), 0.3)
            draw.block(left, top + 14 + row * 38, left + 10, top + 30 + row * 38, colour)


def _moored(draw: Pen, light: Light, x: float, y: float, size: float) -> None:
    hull = mix(light.near, (0, 0, 0), 0.15)
    rail = mix(light.near, light.sun, 0.5)
    mast = y - 330 * size
    tops = [(x - 92 * size, y - 26 * size), (x + 112 * size, y - 34 * size)]
    draw.fill([*curve(tops[0], tops[1], -7 * size), (x + 80 * size, y), (x - 78 * size, y)], hull)
    draw.stroke(curve(tops[0], tops[1], -7 * size), rail, 2.4 * size)
    draw.fill(
        [
            (x - 44 * size, y - 30 * size),
            (x - 36 * size, y - 50 * size),
            (x + 26 * size, y - 50 * size),
            (x + 44 * size, y - 31 * size),
        ],
        mix(hull, light.sun, 0.22),
    )
    draw.stroke([(x, y - 30 * size), (x, mast)], hull, 3.4 * size)
    draw.stroke([(x - 2, y - 74 * size), (x - 88 * size, y - 68 * size)], hull, 5.5 * size)
    for foot in tops:
        draw.stroke([foot, (x, mast)], mix(hull, light.far, 0.3), 1.0)
    for n in range(7):  # the reflection, broken by the ripples
        across, down = (74 - 7 * n) * size, y + (5 + 11 * n) * size
        draw.block(
            x - across,
            down,
            x + across * 0.9,
            down + 4.2 * size,
            mix(hull, light.sea[1][1], 0.25 + 0.09 * n),
        )


def lighthouse() -> Image.Image:
    """Draw a white tower on its headland on a pale morning."""
    light, horizon = DAWN, 560
    canvas, waves = _sea(light, horizon, seed=31, clouding=0.85)
    glow(canvas, light.sun, (330, horizon - 30), (640, 400), 0.8)
    _shore(canvas, light, horizon, seed=70, height=70)
    glitter(canvas, waves, light.sun, x=330, spread=110, strength=0.8)
    dark, green = (44, 52, 58), (74, 88, 80)
    head = [
        (820.0, 660.0),
        (880, 606),
        (940, 560),
        (1010, 520),
        (1080, 486),
        (1180, 456),
        (1320, 448),
        (1450, 440),
        (1600, 418),
        (1600, 720),
        (1200, 712),
        (960, 690),
    ]
    with pen(canvas, (640, 60, WIDTH, 800)) as draw:
        _tower(draw, 1210, 462, light)
        draw.fill(head, green)
        draw.fill(
            [
                (820, 660),
                (900, 640),
                (1000, 610),
                (1090, 630),
                (1190, 600),
                (1320, 640),
                (1450, 610),
                (1600, 640),
                (1600, 740),
                (1100, 722),
            ],
            dark,
        )
        for x, y, wide in (
            (790, 690, 60),
            (900, 716, 90),
            (1060, 742, 120),
            (1290, 752, 150),
            (1500, 760, 160),
        ):
            draw.disc(x, y, wide, 22, mix(dark, (0, 0, 0), 0.2))
    with pen(canvas, (600, 640, WIDTH, 820), soft=2.2) as draw:
        for x, y, wide in ((770, 706, 80), (920, 736, 130), (1120, 764, 170), (1400, 778, 240)):
            draw.disc(x, y, wide, 7, (226, 232, 230))
    _gulls(canvas, (60, 74, 88), ((640, 250, 17), (700, 222, 13), (560, 300, 12), (980, 190, 15)))
    return canvas


def _tower(draw: Pen, x: float, base: float, light: Light) -> None:
    white, shade = (244, 241, 234), (198, 204, 206)
    top = base - 270
    draw.fill([(x - 44, base + 20), (x - 28, top), (x + 28, top), (x + 44, base + 20)], white)
    draw.fill([(x + 6, base + 20), (x + 6, top), (x + 28, top), (x + 44, base + 20)], shade)
    for low, high in ((0.30, 0.45), (0.66, 0.8)):
        left = [44 - 16 * share for share in (low, high)]
        levels = [base + 20 - 290 * share for share in (low, high)]
        draw.fill(
            [
                (x - left[0], levels[0]),
                (x - left[1], levels[1]),
                (x + left[1], levels[1]),
                (x + left[0], levels[0]),
            ],
            (160, 62, 52),
        )
        draw.fill(
            [
                (x + 6, levels[0]),
                (x + 6, levels[1]),
                (x + left[1], levels[1]),
                (x + left[0], levels[0]),
            ],
            (128, 50, 46),
        )
    draw.block(x - 38, top - 8, x + 38, top, (52, 58, 64))
    draw.block(x - 22, top - 46, x + 22, top - 8, light.lamp)
    for post in (-22, -8, 7, 21):
        draw.block(x + post - 1.5, top - 46, x + post + 1.5, top - 8, (52, 58, 64))
    draw.fill(
        [(x - 28, top - 46), (x - 10, top - 70), (x + 10, top - 70), (x + 28, top - 46)],
        (52, 58, 64),
    )
    draw.block(x - 2, top - 90, x + 2, top - 70, (52, 58, 64))
    for cottage, wide in ((x + 84, 96), (x + 196, 74)):
        draw.block(cottage, base - 46, cottage + wide, base + 8, white)
        draw.fill(
            [
                (cottage - 5, base - 46),
                (cottage + 14, base - 74),
                (cottage + wide - 14, base - 74),
                (cottage + wide + 5, base - 46),
            ],
            (88, 92, 98),
        )
        draw.block(cottage + 16, base - 34, cottage + 28, base - 18, (96, 112, 124))


def _gulls(canvas: Image.Image, colour: Colour, birds: tuple[tuple[int, int, int], ...]) -> None:
    for x, y, span in birds:
        with pen(canvas, (x - span - 4, y - span, x + span + 4, y + span)) as draw:
            draw.stroke(curve((x - span, y - 2), (x, y), span * 0.32), colour, span / 8)
            draw.stroke(curve((x, y), (x + span, y - 4), span * 0.32), colour, span / 8)


def trawler(light: Light, *, seed: int, sun: int | None) -> Image.Image:
    """Draw a fishing boat at sea, with gulls."""
    horizon = 520
    canvas, waves = _sea(light, horizon, seed=seed, clouding=0.8)
    if sun is not None:
        glow(canvas, light.sun, (sun, horizon - 16), (560, 360), 0.95)
        with pen(canvas, (sun - 50, horizon - 70, sun + 50, horizon)) as draw:
            draw.disc(sun, horizon - 16, 34, 34, mix(light.sun, (255, 255, 255), 0.5))
        glitter(canvas, waves, light.sun, x=sun, spread=95)
    with pen(canvas, (560, 170, 1240, 640)) as draw:
        _fishing_boat(draw, light, 880, 588)
    with pen(canvas, (320, 560, 1320, 660), soft=1.6) as draw:
        for n in range(7):
            away = 22 * n
            draw.disc(
                690 - away * 0.9,
                596 + n * 3,
                70 + away,
                2.6,
                mix(light.sea[1][1], light.sun, 0.55 - 0.04 * n),
            )
        draw.disc(1110, 594, 66, 5, mix(light.sea[1][1], light.sun, 0.6))
    birds = (
        (560, 330, 26),
        (630, 280, 20),
        (500, 400, 17),
        (700, 350, 15),
        (430, 300, 13),
        (760, 240, 14),
        (590, 430, 12),
    )
    _gulls(canvas, mix(light.near, light.far, 0.15), birds)
    return canvas


def _fishing_boat(draw: Pen, light: Light, x: float, y: float) -> None:
    hull, dark = mix(light.near, (120, 40, 36), 0.28), mix(light.near, (0, 0, 0), 0.2)
    house = mix(light.near, light.sun, 0.34)
    sheer = [*curve((x - 190, y - 74), (x + 226, y - 116), -26)]
    draw.fill([*sheer, (x + 196, y - 40), (x + 160, y + 6), (x - 172, y + 6)], hull)
    draw.fill([(x + 184, y - 20), (x + 160, y + 6), (x - 172, y + 6), (x - 180, y - 20)], dark)
    draw.stroke(sheer, house, 4)
    draw.fill([(x + 20, y - 84), (x + 26, y - 178), (x + 122, y - 178), (x + 132, y - 88)], house)
    draw.block(x + 14, y - 188, x + 134, y - 176, dark)
    for left in (36, 66, 96):
        draw.block(x + left, y - 164, x + left + 20, y - 140, light.lamp if left == 66 else dark)  # noqa: PLR2004 - the middle window
    draw.stroke([(x + 76, y - 186), (x + 76, y - 330)], dark, 6)
    draw.stroke([(x + 52, y - 276), (x + 100, y - 276)], dark, 3)
    draw.stroke(
        [(x - 150, y - 76), (x - 140, y - 236), (x - 108, y - 236), (x - 98, y - 78)], dark, 8
    )
    draw.stroke([(x - 146, y - 200), (x - 102, y - 200)], dark, 4)
    draw.stroke([(x - 40, y - 70), (x - 84, y - 250)], dark, 5)
    for ends in (
        ((76, -326), (212, -116)),
        ((76, -326), (-124, -236)),
        ((-84, -250), (76, -280)),
        ((-124, -236), (-188, -74)),
    ):
        draw.stroke([(x + a, y + b) for a, b in ends], mix(dark, light.far, 0.25), 1.3)
    for n in range(6):
        across = 168 - 20 * n
        draw.block(
            x - across,
            y + 9 + 8 * n,
            x + across,
            y + 12.5 + 8 * n,
            mix(dark, light.sea[1][1], 0.3 + 0.1 * n),
        )


def regatta() -> Image.Image:
    """Draw dinghies racing on a bright day."""
    light, horizon = BRIGHT, 400
    canvas, _ = _sea(light, horizon, seed=12, clouding=0.9)
    _shore(canvas, light, horizon, seed=44, height=120)
    boats = (
        (300, 446, 0.34),
        (470, 436, 0.28),
        (1310, 452, 0.36),
        (980, 440, 0.3),
        (1480, 500, 0.6),
        (180, 560, 0.8),
        (1120, 590, 1.0),
        (640, 720, 1.75),
    )
    with pen(canvas, (0, 60, WIDTH, HEIGHT)) as draw:
        for n, (x, y, size) in enumerate(boats):
            _dinghy(draw, x, y, size, accent=((178, 58, 48), (36, 62, 96), (226, 170, 60))[n % 3])
    with pen(canvas, (0, 430, WIDTH, HEIGHT), soft=1.4) as draw:
        for x, y, size in boats[4:]:
            draw.disc(x - 60 * size, y + 3 * size, 105 * size, 4.5 * size, (226, 240, 242))
            draw.disc(x + 66 * size, y + 2 * size, 34 * size, 5 * size, (240, 248, 248))
    return canvas


def _dinghy(draw: Pen, x: float, y: float, size: float, *, accent: Colour) -> None:
    def at(across: float, up: float) -> tuple[float, float]:
        """Lean the boat away from the wind."""
        return x + (across + up * 0.2) * size, y - (up - across * 0.06) * size

    main = [
        at(-8, 30),
        *curve(at(-8, 36), at(12, 330), -16 * size),
        at(14, 330),
        *curve(at(14, 330), at(-112, 40), 34 * size),
    ]
    draw.fill(main, (250, 248, 242))
    draw.fill([at(-8, 30), at(13, 330), at(-20, 190), at(-60, 38)], (232, 234, 232))
    draw.fill([*curve(at(88, 22), at(10, 270), -12 * size), at(6, 46)], (238, 240, 238))
    for up in (110, 180, 250):
        draw.stroke([at(6, up), at(-96 + up * 0.3, up + 6)], (206, 212, 214), 1.6 * size)
    draw.stroke([at(4, 18), at(13, 336)], (60, 66, 72), 3.4 * size)
    draw.fill([at(-104, 22), at(104, 26), at(74, -2), at(-92, -4)], accent)
    draw.fill([at(-104, 22), at(104, 26), at(98, 18), at(-102, 14)], (246, 244, 238))
    for across in (-58, -34):
        draw.fill(
            [at(across - 8, 20), at(across - 20, 52), at(across - 4, 58), at(across + 8, 22)],
            (48, 54, 62),
        )
        draw.disc(*at(across - 12, 64), 7.5 * size, 8 * size, (200, 160, 130))


def ferry() -> Image.Image:
    """Draw a small car ferry at its slip under a grey sky."""
    light, horizon = GREY, 500
    canvas, _ = _sea(light, horizon, seed=88, clouding=0.9)
    _shore(canvas, light, horizon, seed=91, height=130)
    mist(canvas, light.cloud, top=380, bottom=540, strength=0.55, seed=4)
    white, dark, red = (236, 236, 230), (46, 56, 66), (150, 56, 48)
    with pen(canvas, (330, 190, WIDTH, HEIGHT)) as draw:
        draw.fill([(420, 556), (1190, 556), (1250, 500), (1236, 490), (404, 500)], white)
        draw.fill([(440, 612), (1150, 612), (1190, 556), (420, 556)], dark)
        draw.block(424, 548, 1196, 560, red)
        draw.fill([(404, 500), (352, 440), (362, 434), (424, 494)], dark)
        draw.fill([(560, 492), (574, 400), (1040, 400), (1060, 492)], white)
        draw.fill([(690, 400), (704, 322), (930, 322), (950, 400)], (226, 228, 224))
        draw.block(680, 314, 960, 324, dark)
        for left in range(712, 930, 31):
            draw.block(left, 338, left + 23, 366, (70, 88, 102))
        for left in range(596, 1030, 44):
            draw.block(left, 424, left + 24, 448, (92, 108, 120))
        draw.fill([(830, 314), (836, 240), (884, 240), (894, 314)], red)
        draw.block(834, 240, 886, 254, dark)
        draw.stroke([(760, 314), (760, 220)], dark, 5)
        draw.stroke([(736, 252), (784, 252)], dark, 3)
        for left in range(430, 1240, 26):
            draw.stroke([(left, 500), (left, 478)], mix(dark, white, 0.45), 1.6)
        draw.stroke([(424, 478), (1238, 478)], mix(dark, white, 0.45), 2)
    reflect(canvas, 612, 330, seed=3, strength=0.5, sway=7, squash=0.7)
    with pen(canvas, (1080, 500, WIDTH, HEIGHT)) as draw:
        stone = (98, 102, 102)
        draw.fill([(1150, 640), (1600, 560), (1600, 900), (1320, 900)], stone)
        draw.fill([(1150, 640), (1320, 900), (1240, 900), (1110, 660)], mix(stone, (0, 0, 0), 0.35))
        for n, x in enumerate((1250, 1360, 1480)):
            draw.block(x, 560 - 16 * n, x + 22, 632 - 18 * n, (62, 54, 48))
            draw.block(x - 4, 556 - 16 * n, x + 26, 564 - 16 * n, (82, 72, 62))
    texture(
        canvas, (120, 124, 122), (1330, 640, WIDTH, HEIGHT), seed=5, cells=(40, 30), strength=0.35
    )
    _gulls(canvas, (70, 80, 88), ((1290, 300, 18), (1370, 340, 14), (520, 260, 15)))
    return canvas


def cove() -> Image.Image:
    """Draw a quiet cove of pale sand between rocks."""
    light, horizon = DAWN, 380
    canvas, waves = _sea(light, horizon, seed=61, clouding=0.75)
    glow(canvas, light.sun, (820, horizon), (620, 320), 0.7)
    glitter(canvas, waves, light.sun, x=820, spread=150, strength=0.55)
    _shore(canvas, light, horizon, seed=21, height=60)
    sand = (224, 206, 174)
    edge = curve((-20, 760), (1620, 716), -70, steps=40)
    with pen(canvas, (0, 620, WIDTH, HEIGHT)) as draw:
        draw.fill(
            [*((x, y - 26) for x, y in edge), (1620, 900), (-20, 900)],
            mix(sand, light.sea[1][1], 0.5),
        )
        draw.fill([*edge, (1620, 900), (-20, 900)], sand)
    with pen(canvas, (0, 640, WIDTH, HEIGHT), soft=2.5) as draw:
        draw.stroke([(x, y - 27) for x, y in edge], (246, 244, 236), 7)
        draw.stroke([(x, y - 2) for x, y in edge], mix(sand, (120, 100, 80), 0.4), 5)
    texture(canvas, (198, 176, 142), (0, 770, WIDTH, HEIGHT), seed=6, cells=(40, 26), strength=0.5)
    rock = (62, 66, 74)
    left = [
        (0.0, 250.0),
        (70, 262),
        (150, 310),
        (210, 372),
        (270, 430),
        (330, 520),
        (350, 600),
        (300, 680),
        (220, 730),
        (0, 780),
    ]
    right = [
        (1600.0, 300.0),
        (1500, 322),
        (1430, 380),
        (1370, 450),
        (1290, 540),
        (1250, 610),
        (1300, 660),
        (1420, 700),
        (1600, 730),
    ]
    with pen(canvas, (0, 220, WIDTH, HEIGHT)) as draw:
        draw.fill(left, rock)
        draw.fill([(x * 0.62, y + (780 - y) * 0.3) for x, y in left], mix(rock, (0, 0, 0), 0.3))
        draw.fill(right, mix(rock, light.far, 0.25))
        draw.fill([(1600 - (1600 - x) * 0.66, y + (730 - y) * 0.28) for x, y in right], rock)
        draw.fill(
            [(0, 236), (70, 248), (150, 300), (210, 366), (130, 330), (60, 290), (0, 276)],
            (92, 112, 88),
        )
        draw.fill([(1600, 290), (1500, 312), (1420, 384), (1500, 356), (1600, 340)], (104, 122, 98))
        for x, y, wide, high in (
            (470, 650, 46, 26),
            (560, 690, 28, 15),
            (1130, 668, 40, 22),
            (1060, 704, 20, 10),
        ):
            draw.fill(
                [
                    (x - wide, y + high * 0.4),
                    (x - wide * 0.5, y - high * 0.8),
                    (x + wide * 0.2, y - high),
                    (x + wide, y + high * 0.4),
                ],
                rock,
            )
    _gulls(canvas, (84, 98, 110), ((690, 210, 16), (760, 176, 12), (960, 250, 11)))
    return canvas


def storm() -> Image.Image:
    """Draw waves breaking over a harbour wall."""
    light, horizon = GREY, 430
    dark = Light(
        sky=[(0, (54, 62, 74)), (0.6, (96, 106, 114)), (1, (150, 156, 154))],
        sea=[(0, (104, 118, 122)), (0.4, (66, 84, 92)), (1, (34, 46, 56))],
        cloud=(42, 48, 58), sun=light.sun, far=light.far, near=light.near, lamp=light.lamp,
    )  # fmt: skip
    canvas, _ = _sea(dark, horizon, seed=17, clouding=0.95)
    clouds(canvas, (168, 172, 170), seed=40, depth=horizon, strength=0.4)
    for seed, top, cells, strength in ((81, 440, (26, 60), 0.45), (83, 560, (14, 34), 0.5)):
        texture(
            canvas,
            (198, 208, 208),
            (0, top, WIDTH, HEIGHT),
            seed=seed,
            cells=cells,
            strength=strength,
        )
    with pen(canvas, (0, 440, WIDTH, HEIGHT)) as draw:
        draw.fill([(520, 560), (1600, 500), (1600, 700), (520, 690)], (70, 72, 74))
        draw.fill([(520, 560), (1600, 500), (1600, 528), (520, 580)], (112, 114, 112))
        for row in range(1, 6):
            y = 580 + row * 22
            draw.stroke([(520, y), (1600, y - 54 + row * 8)], (54, 56, 60), 1.6)
        draw.fill([(520, 540), (560, 536), (572, 692), (520, 694)], (58, 60, 64))
        draw.block(534, 462, 548, 540, (50, 54, 58))
        draw.fill([(524, 462), (541, 440), (558, 462)], (50, 54, 58))
        draw.block(532, 464, 550, 484, (236, 96, 70))
    glow(canvas, (255, 140, 100), (541, 474), (80, 60), 0.5)
    for x, wide, tall in ((740, 150, 230), (1030, 230, 420), (1370, 190, 290)):
        _spray(canvas, x, 600, wide, tall)
    return canvas


def _spray(canvas: Image.Image, x: int, foot: int, wide: int, tall: int) -> None:
    """Throw up a wave: a plume of noise, ragged at its edges, and drops around it."""
    size = (wide * 2 + 160, tall + 120)
    left, top = x - size[0] // 2, foot - tall - 60
    plume = Image.new("L", (size[0] // 4, size[1] // 4))
    middle, base = size[0] / 8, (tall + 60) / 4
    arch = curve((middle - wide / 4, base), (middle + wide / 4 + 6, base - 8), tall / 4.6, steps=24)
    ImageDraw.Draw(plume).polygon(
        [*arch, (middle + wide / 4, base + 8), (middle - wide / 4, base + 10)], fill=210
    )
    plume = plume.filter(ImageFilter.GaussianBlur(13)).resize(size, Image.Resampling.BICUBIC)
    foam = Image.blend(
        noise(x, size[0] // 44, size[1] // 52, size),
        noise(x + 1, size[0] // 11, size[1] // 17, size),
        0.35,
    )
    ragged = Image.blend(plume, ImageChops.multiply(plume, levels(foam, 60, 190)), 0.62)
    for colour, low, high, strength in (
        ((132, 146, 152), 10, 80, 0.7),
        ((196, 206, 208), 46, 120, 0.85),
        ((250, 251, 249), 92, 176, 0.95),
    ):
        veil(canvas, colour, levels(ragged, low, high, strength), (left, top))
    throw = dice(x)
    with pen(canvas, (max(0, left), max(0, top - 40), min(WIDTH, left + size[0]), foot)) as draw:
        for _ in range(90):
            up = throw.random()
            drop = throw.uniform(0.8, 2.6)
            draw.disc(
                x + throw.gauss(0, 0.5) * wide * (1.2 - 0.4 * up),
                foot - 40 - up * tall * 1.05,
                drop,
                drop,
                (232, 238, 238),
            )


def islands() -> Image.Image:
    """Draw low blue islands beyond a calm sea."""
    light, horizon = BRIGHT, 420
    canvas, waves = _sea(light, horizon, seed=52, clouding=0.95)
    glow(canvas, light.sun, (520, 330), (620, 330), 0.4)
    glitter(canvas, waves, (214, 238, 236), x=520, spread=190, strength=0.45)
    for seed, height, share in ((5, 150, 0.9), (16, 105, 0.6), (27, 60, 0.2)):
        colour = mix((48, 92, 96), (140, 172, 188), share)
        haze = mix(colour, (214, 230, 232), 0.45)
        hills(canvas, ridge(seed, horizon + 6, height), horizon, [(0, colour), (1, haze)])
    with pen(canvas, (0, 560, WIDTH, HEIGHT)) as draw:  # the farm's lines of floats
        for row in range(7):
            y = 600 + row * row * 6.2
            for n in range(34 - row * 2):
                x = 260 + row * 14 + n * (34 + row * 9) - row * 60
                draw.disc(
                    x,
                    y + (n % 3),
                    3 + row * 0.9,
                    2.4 + row * 0.7,
                    (240, 150, 70) if n % 6 else (250, 244, 232),
                )
    with pen(canvas, (1080, 380, 1330, 520)) as draw:
        draw.fill([(1110, 470), (1290, 462), (1262, 500), (1130, 500)], (46, 58, 70))
        draw.fill([(1180, 466), (1186, 420), (1236, 420), (1246, 464)], (238, 236, 228))
        draw.block(1194, 428, 1230, 442, (84, 104, 118))
        draw.stroke([(1170, 466), (1170, 396)], (46, 58, 70), 3)
    return canvas


def mudflats() -> Image.Image:
    """Draw waders on wide wet sands."""
    light, horizon = DAWN, 360
    canvas, _ = _sea(light, horizon, seed=73, clouding=0.9)
    _shore(canvas, light, horizon, seed=34, height=64)
    sand = (150, 140, 128)
    texture(canvas, sand, (0, horizon + 50, WIDTH, HEIGHT), seed=14, cells=(9, 26), strength=0.92)
    texture(
        canvas,
        (112, 104, 98),
        (0, horizon + 190, WIDTH, HEIGHT),
        seed=15,
        cells=(12, 34),
        strength=0.7,
    )
    texture(
        canvas,
        (246, 226, 200),
        (0, horizon + 120, WIDTH, HEIGHT),
        seed=19,
        cells=(10, 44),
        strength=0.5,
    )
    throw = dice(5)
    with pen(canvas, (0, 420, WIDTH, 880)) as draw:
        for n in range(74):
            near = throw.random() ** 1.6
            _wader(
                draw,
                throw.uniform(20, WIDTH - 20),
                452 + near * 380,
                0.35 + near * 1.5,
                facing=1 if n % 3 else -1,
            )
    for n in range(40):
        x, y = throw.gauss(900, 260), throw.gauss(210, 40)
        span = round(throw.uniform(6, 11))
        _gulls(
            canvas, (70, 78, 88), ((round(x) % (WIDTH - 60) + 30, round(y), span),)
        ) if n < 28 else None  # noqa: PLR2004 - enough birds
    return canvas


def _wader(draw: Pen, x: float, y: float, size: float, *, facing: int) -> None:
    black, white = (38, 40, 46), (236, 232, 224)
    draw.stroke([(x - 3 * size, y), (x - 2 * size, y - 16 * size)], (178, 108, 84), 1.6 * size)
    draw.stroke([(x + 4 * size, y), (x + 3 * size, y - 16 * size)], (178, 108, 84), 1.6 * size)
    draw.disc(x, y - 21 * size, 15 * size, 8 * size, white)
    draw.disc(x - 2 * facing * size, y - 25 * size, 15 * size, 6.4 * size, black)
    draw.disc(x + 13 * facing * size, y - 33 * size, 6 * size, 5.6 * size, black)
    draw.stroke(
        [(x + 18 * facing * size, y - 32 * size), (x + 31 * facing * size, y - 28 * size)],
        (214, 96, 56),
        2.4 * size,
    )
    draw.block(x - 12 * size, y + 2 * size, x + 12 * size, y + 3.4 * size, (110, 106, 104))


def bay() -> Image.Image:
    """Draw moonlight on a dark bay with lights along the shore."""
    light, horizon = NIGHT, 430
    canvas, waves = _sea(light, horizon, seed=64, clouding=0.5)
    moon = 1060
    throw = dice(2)
    with pen(canvas, (0, 0, WIDTH, 360)) as draw:
        for _ in range(120):
            size = throw.uniform(0.5, 1.5)
            draw.disc(
                throw.uniform(0, WIDTH),
                throw.uniform(0, 350),
                size,
                size,
                mix(light.sky[1][1], (255, 255, 250), throw.uniform(0.3, 0.9)),
            )
    glow(canvas, (160, 180, 200), (moon, 170), (330, 330), 0.7)
    with pen(canvas, (moon - 60, 110, moon + 60, 230)) as draw:
        draw.disc(moon, 170, 46, 46, (240, 240, 226))
        draw.disc(moon - 14, 160, 10, 8, (222, 224, 212))
        draw.disc(moon + 14, 184, 13, 9, (226, 228, 216))
    _shore(canvas, light, horizon, seed=29, height=140)
    with pen(canvas, (0, horizon - 60, WIDTH, horizon)) as draw:
        for _ in range(70):
            x = throw.gauss(380, 210)
            draw.disc(
                x,
                horizon - 4 - throw.random() ** 2 * 44,
                2.1,
                2.1,
                mix(light.lamp, (255, 255, 255), throw.uniform(0, 0.4)),
            )
    reflect(canvas, horizon, 120, seed=6, strength=0.6, sway=4, squash=1.4)
    glitter(canvas, waves, light.sun, x=moon, spread=70, strength=0.85)
    with pen(canvas, (640, 560, 1320, 760)) as draw:
        _gig(draw, 980, 670)
    return canvas


def _gig(draw: Pen, x: float, y: float) -> None:
    dark, rim = (9, 13, 24), (96, 116, 140)
    sheer = curve((x - 216, y - 30), (x + 226, y - 36), -22)
    for n in range(6):
        seat = x - 140 + n * 52
        draw.fill(
            [(seat - 14, y), (seat - 26, y - 46), (seat - 6, y - 52), (seat + 12, y - 2)], dark
        )
        draw.disc(seat - 20, y - 62, 9, 10, dark)
        draw.stroke([(seat - 12, y - 42), (seat + 16, y - 22)], dark, 7)
    draw.fill([*sheer, (x + 176, y + 14), (x - 176, y + 14)], dark)
    draw.stroke(sheer, rim, 2.4)
    for n in range(6):
        seat = x - 140 + n * 52
        draw.stroke([(seat + 10, y - 24), (seat + 44, y + 42)], rim, 2.2)
        draw.stroke([(seat + 34, y + 40), (seat + 56, y + 45)], rim, 3)
    draw.block(x + 188, y - 70, x + 191, y - 30, dark)
    draw.disc(x + 190, y - 74, 6, 7, (255, 214, 140))


def pier() -> Image.Image:
    """Draw a long pier whose lamps fade into fog."""
    fog = (196, 202, 202)
    canvas = wash([(0, (172, 182, 186)), (0.5, fog), (1, (206, 210, 206))])
    texture(canvas, (184, 192, 194), (0, 0, WIDTH, 560), seed=10, cells=(6, 6), strength=0.8)
    horizon = 560
    sea: Stops = [(0, (198, 204, 203)), (0.4, (164, 176, 180)), (1, (112, 130, 138))]
    water(canvas, horizon, sea, seed=77, light=(214, 220, 218), dark=(120, 138, 146), strength=0.45)
    spans = 15
    nearness = [(n / (spans - 1)) ** 1.9 for n in range(spans)]
    with pen(canvas, (520, 100, WIDTH, HEIGHT)) as draw:
        for near, following in zip(nearness, [*nearness[1:], 1.3], strict=True):
            _span(draw, fog, near, following)
    for near in nearness:
        size = 0.1 + 1.05 * near
        reach = 14 + 110 * size
        glow(
            canvas,
            (255, 238, 196),
            (560 + 980 * near, 556 - 170 * near - 190 * size),
            (reach, reach),
            0.5,
        )
    mist(canvas, fog, top=380, bottom=720, strength=0.45, seed=12)
    return canvas


def _span(draw: Pen, fog: Colour, near: float, following: float) -> None:
    (x, deck, size), (next_x, next_deck, next_size) = (
        (560 + 980 * at, 556 - 170 * at, 0.1 + 1.05 * at) for at in (near, following)
    )
    seen = 1 - 0.93 * (1 - near) ** 0.9
    foot = 572 + 270 * near
    dark = mix(fog, (40, 50, 58), min(1.0, 0.06 + 0.9 * seen))
    draw.fill(
        [
            (x, deck),
            (next_x, next_deck),
            (next_x, next_deck + 20 * next_size),
            (x, deck + 20 * size),
        ],
        dark,
    )
    for rail in (30, 54):
        draw.stroke(
            [(x, deck - rail * size), (next_x, next_deck - rail * next_size)], dark, 3 * size
        )
    draw.stroke([(x, deck), (x, foot)], dark, 15 * size)
    draw.stroke(
        [(x + 80 * size, deck + 6), (x + 80 * size, foot - 12 * size)],
        mix(dark, fog, 0.3),
        11 * size,
    )
    draw.stroke(
        [(x, deck + 40 * size), (x + 80 * size, foot - 60 * size)], mix(dark, fog, 0.35), 4 * size
    )
    draw.stroke([(x, deck - 56 * size), (x, deck - 176 * size)], dark, 6 * size)
    draw.disc(
        x, deck - 190 * size, 17 * size, 18 * size, mix(fog, (255, 236, 184), 0.35 + 0.65 * seen)
    )
