"""Pure. The tools the demo's pictures are drawn with: washes, noise, water, and a smooth pen."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1600, 900

Colour = tuple[int, int, int]
Point = tuple[float, float]
Stops = Sequence[tuple[float, Colour]]
"""Colours by height: 0.0 is the top, 1.0 the bottom."""

_SCALE = 2  # the pen draws twice as large and is brought down again: that is its antialiasing
_RESAMPLE = Image.Resampling


def dice(seed: int) -> Random:
    """Give a generator that always throws the same numbers for a seed."""
    return Random(seed)  # noqa: S311 - for drawing, not for secrets


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Give the colour that is `share` of the way from one to the other."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def wash(stops: Stops, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Image.Image:
    """Lay colours from top to bottom."""
    width, height = size
    strip = Image.new("RGB", (1, height))
    strip.putdata([_at(stops, y / max(1, height - 1)) for y in range(height)])
    return strip.resize((width, height), _RESAMPLE.NEAREST)


def _at(stops: Stops, place: float) -> Colour:
    for (low, first), (high, second) in pairwise(stops):
        if place <= high:
            return mix(first, second, max(0.0, (place - low) / (high - low)))
    return stops[-1][1]


@lru_cache(maxsize=16)
def _specks(seed: int, columns: int, rows: int) -> bytes:
    return dice(seed).randbytes(columns * rows)


def noise(seed: int, columns: int, rows: int, size: tuple[int, int]) -> Image.Image:
    """Give soft grey noise, one blot a cell: few rows and many columns make it fine, or streaky."""
    specks = Image.frombytes("L", (columns, rows), _specks(seed, columns, rows))
    return specks.resize(size, _RESAMPLE.BICUBIC)


def levels(mask: Image.Image, low: int, high: int, strength: float = 1.0) -> Image.Image:
    """Stretch a mask so that `low` is nothing and `high` is `strength`, smoothly between."""

    def bend(value: int) -> int:
        share = min(1.0, max(0.0, (value - low) / (high - low)))
        return round(255 * strength * share * share * (3 - 2 * share))

    return mask.point([bend(value) for value in range(256)])


def veil(
    canvas: Image.Image, colour: Colour, mask: Image.Image, corner: tuple[int, int] = (0, 0)
) -> None:
    """Lay one colour over the canvas where the mask is light."""
    canvas.paste(colour, (*corner, corner[0] + mask.width, corner[1] + mask.height), mask)


def fade(size: tuple[int, int], stops: Sequence[tuple[float, float]]) -> Image.Image:
    """Give a mask from top to bottom: heights and shares, both 0.0 to 1.0."""
    grey = [(place, (round(255 * share),) * 3) for place, share in stops]
    return wash(grey, size).getchannel(0)


def clouds(canvas: Image.Image, colour: Colour, *, seed: int, depth: int, strength: float) -> None:
    """Draw long thin clouds over the upper `depth` pixels, thinning out towards the horizon."""
    size = (WIDTH // 2, depth // 2)
    broad, fine = noise(seed, 4, 10, size), noise(seed + 1, 13, 34, size)
    bank = levels(Image.blend(broad, fine, 0.32), 122, 205, strength)
    bank = ImageChops.multiply(bank, fade(size, [(0.0, 1.0), (0.75, 0.8), (1.0, 0.0)]))
    veil(canvas, colour, bank.resize((WIDTH, depth), _RESAMPLE.BILINEAR))


def glow(
    canvas: Image.Image, colour: Colour, centre: Point, radius: Point, strength: float
) -> None:
    """Let light spread around a point."""
    across, down = radius
    spot = Image.radial_gradient("L").point([round(strength * _falloff(v)) for v in range(256)])
    spot = spot.resize((round(2 * across), round(2 * down)), _RESAMPLE.BILINEAR)
    veil(canvas, colour, spot, (round(centre[0] - across), round(centre[1] - down)))


def _falloff(distance: int) -> float:
    """Give 255 in the middle and nothing from the edge of the inscribed circle on."""
    share = max(0.0, 1 - distance / 180)
    return 255 * share * share


def ridge(seed: int, base: float, height: float, *, rough: float = 2.0) -> list[Point]:
    """Give the skyline of a range of hills that stands on `base`, from edge to edge."""
    throw = dice(seed)
    waves = [
        (throw.uniform(0.6, 1.0) / n, n * throw.uniform(0.7, 1.3), throw.uniform(0, math.tau))
        for n in (1, 2, 3, 5, 9)
    ]
    total = sum(amount for amount, _, _ in waves)
    points = []
    for x in range(0, WIDTH + 1, 5):
        turn = math.tau * x / WIDTH
        swell = sum(amount * math.sin(times * turn + start) for amount, times, start in waves)
        rise = height * (0.5 + 0.5 * swell / total)
        points.append((float(x), base - rise - throw.uniform(0, rough)))
    return points


def hills(canvas: Image.Image, skyline: Sequence[Point], base: int, colours: Stops) -> None:
    """Fill from a skyline down to `base`; the colours run from its highest point down."""
    top = max(0, math.floor(min(y for _, y in skyline)) - 2)
    mask = Image.new("L", (WIDTH * _SCALE, (base - top) * _SCALE))
    edge = [(x * _SCALE, (y - top) * _SCALE) for x, y in skyline]
    ends = [(WIDTH * _SCALE, mask.height), (0, mask.height)]
    ImageDraw.Draw(mask).polygon([*edge, *ends], fill=255)
    canvas.paste(wash(colours, (WIDTH, base - top)), (0, top), mask.reduce(_SCALE))


def ripples(seed: int, depth: int, *, rows: int = 70, columns: int = 26) -> Image.Image:
    """Give the streaks of a surface seen flat: fine at the top (far), broad at the bottom."""
    source = noise(seed, columns, rows, (columns * 10, rows * 8))
    width, height = source.size
    mesh = []
    step = max(6, depth // 36)
    for top in range(0, depth, step):
        bottom = min(depth, top + step)
        ends = [(_row(y / depth, height), _reach(y / depth, width)) for y in (top, bottom)]
        (upper, wide), (lower, less) = ends
        middle = width / 2
        quad = (
            middle - wide,
            upper,
            middle - less,
            lower,
            middle + less,
            lower,
            middle + wide,
            upper,
        )
        mesh.append(((0, top, WIDTH // 2, bottom), quad))
    drawn = source.transform((WIDTH // 2, depth), Image.Transform.MESH, mesh, _RESAMPLE.BILINEAR)
    return drawn.resize((WIDTH, depth), _RESAMPLE.BILINEAR)


def _row(place: float, height: int) -> float:
    return (height - 1) * math.sqrt(place)


def _reach(place: float, width: int) -> float:
    return width / 2 * (1 - 0.62 * place) - 1


def water(
    canvas: Image.Image, horizon: int, colours: Stops, *, seed: int, light: Colour, dark: Colour,
    strength: float = 0.5,
) -> Image.Image:  # fmt: skip
    """Lay the sea from `horizon` down; give its ripples, for light to fall on."""
    depth = HEIGHT - horizon
    canvas.paste(wash(colours, (WIDTH, depth)), (0, horizon))
    waves = ripples(seed, depth)
    grow = fade((WIDTH, depth), [(0.0, 0.25), (0.3, 0.7), (1.0, 1.0)])
    crests = ImageChops.multiply(levels(waves, 140, 235, strength), grow)
    troughs = ImageChops.multiply(levels(ImageChops.invert(waves), 140, 235, strength), grow)
    veil(canvas, light, crests, (0, horizon))
    veil(canvas, dark, troughs, (0, horizon))
    return waves


def glitter(
    canvas: Image.Image, waves: Image.Image, colour: Colour, *, x: int, spread: float,
    strength: float = 0.9,
) -> None:  # fmt: skip
    """Break the light of a low sun on the water below it."""
    depth = waves.height
    horizon = HEIGHT - depth
    path = Image.new("L", (WIDTH // 4, depth // 4))
    near = spread * 2.2
    edges = [(x - spread, 0), (x + spread, 0), (x + near, depth), (x - near, depth)]
    ImageDraw.Draw(path).polygon([(a / 4, b / 4) for a, b in edges], fill=255)
    path = path.filter(ImageFilter.GaussianBlur(spread / 9)).resize(waves.size, _RESAMPLE.BILINEAR)
    lit = ImageChops.multiply(levels(waves, 96, 190, strength), path)
    veil(canvas, colour, lit, (0, horizon))


def reflect(
    canvas: Image.Image, horizon: int, height: int, *, seed: int, strength: float = 0.6,
    sway: float = 5.0, squash: float = 1.0,
) -> None:  # fmt: skip
    """Mirror what stands on the horizon (its lowest `height` pixels) in the water below."""
    depth = min(round(height * squash), HEIGHT - horizon)
    above = canvas.crop((0, horizon - round(depth / squash), WIDTH, horizon))
    mirrored = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((WIDTH, depth))
    # Rows sway past the edges of the canvas: a little wider, so that no black comes in.
    mirrored = mirrored.resize((WIDTH + 40, depth)).crop((20, 0, WIDTH + 20, depth))
    mirrored = mirrored.transform(
        mirrored.size, Image.Transform.MESH, list(_sway(seed, depth, sway)), _RESAMPLE.BILINEAR
    )
    mirrored = mirrored.filter(ImageFilter.BoxBlur((1.5, 3)))
    mask = fade((WIDTH, depth), [(0.0, strength), (0.6, strength * 0.7), (1.0, 0.0)])
    canvas.paste(mirrored, (0, horizon), mask)


def _sway(
    seed: int, depth: int, sway: float
) -> Iterator[tuple[tuple[int, int, int, int], tuple[float, ...]]]:
    throw = dice(seed)
    last = 0.0
    for top in range(0, depth, 6):
        bottom = min(depth, top + 6)
        shift = throw.uniform(-sway, sway) * (0.25 + top / depth)
        yield (
            (0, top, WIDTH, bottom),
            (last, top, shift, bottom, WIDTH + shift, bottom, WIDTH + last, top),
        )
        last = shift


def mist(
    canvas: Image.Image, colour: Colour, *, top: int, bottom: int, strength: float, seed: int
) -> None:
    """Lay a bank of mist, thickest in its middle."""
    size = (WIDTH // 4, (bottom - top) // 4)
    bank = fade(size, [(0.0, 0.0), (0.5, strength), (1.0, 0.0)])
    broken = levels(noise(seed, 5, 4, size), 0, 200)
    drawn = Image.blend(bank, ImageChops.multiply(bank, broken), 0.5)
    veil(canvas, colour, drawn.resize((WIDTH, bottom - top), _RESAMPLE.BILINEAR), (0, top))


def texture(
    canvas: Image.Image, colour: Colour, box: tuple[int, int, int, int], *, seed: int,
    cells: tuple[int, int], strength: float,
) -> None:  # fmt: skip
    """Work a second colour into a part of the canvas, as grass into a field."""
    size = (box[2] - box[0], box[3] - box[1])
    veil(canvas, colour, levels(noise(seed, *cells, size), 110, 230, strength), box[:2])


def paper(canvas: Image.Image, *, seed: int = 3, strength: float = 9.0) -> Image.Image:
    """Give the finished picture the slight tooth of printed paper."""
    grain = noise(seed, WIDTH * 5 // 8, HEIGHT * 5 // 8, (WIDTH, HEIGHT))
    grain = grain.point([round(128 + (value - 128) * strength / 128) for value in range(256)])
    return ImageChops.overlay(canvas, Image.merge("RGB", (grain,) * 3))


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws smooth shapes in the canvas's own coordinates."""

    _draw: ImageDraw.ImageDraw
    _left: int
    _top: int

    def _to(self, points: Iterable[Point]) -> list[Point]:
        return [((x - self._left) * _SCALE, (y - self._top) * _SCALE) for x, y in points]

    def fill(self, points: Iterable[Point], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon(self._to(points), fill=colour)

    def block(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an upright rectangle."""
        self._draw.rectangle(self._to([(left, top), (right, bottom)]), fill=colour)

    def disc(self, x: float, y: float, across: float, down: float, colour: Colour) -> None:
        """Fill an ellipse around a point."""
        ends = self._to([(x - across, y - down), (x + across, y + down)])
        self._draw.ellipse(ends, fill=colour)

    def stroke(self, points: Iterable[Point], colour: Colour, width: float) -> None:
        """Draw a line through points, with round joints."""
        broad = max(1, round(width * _SCALE))
        self._draw.line(self._to(points), fill=colour, width=broad, joint="curve")


@contextmanager
def pen(
    canvas: Image.Image, box: tuple[int, int, int, int] = (0, 0, WIDTH, HEIGHT), *, soft: float = 0
) -> Iterator[Pen]:
    """Draw within a box of the canvas; `soft` blurs the whole box afterwards, for far things."""
    part = canvas.crop(box)
    large = part.resize((part.width * _SCALE, part.height * _SCALE), _RESAMPLE.NEAREST)
    yield Pen(ImageDraw.Draw(large), box[0], box[1])
    drawn = large.reduce(_SCALE)
    if soft:
        drawn = drawn.filter(ImageFilter.GaussianBlur(soft))
    canvas.paste(drawn, box[:2])


def curve(start: Point, end: Point, lift: float, *, steps: int = 16) -> list[Point]:
    """Give points of a bow from start to end, lifted (up is positive) in its middle."""
    points = []
    for n in range(steps + 1):
        share = n / steps
        x = start[0] + (end[0] - start[0]) * share
        y = start[1] + (end[1] - start[1]) * share - lift * 4 * share * (1 - share)
        points.append((x, y))
    return points


def tree(
    draw: Pen,
    foot: Point,
    length: float,
    angle: float,
    colour: Colour,
    *,
    throw: Random,
    depth: int = 8,
) -> None:
    """Draw a bare tree: each bough ends in two or three thinner ones."""
    turn = math.radians(angle)
    tip = (foot[0] + length * math.cos(turn), foot[1] - length * math.sin(turn))
    draw.stroke([foot, tip], colour, max(1.0, length / 11))
    if depth == 0 or length < 5:  # noqa: PLR2004 - a twig
        return
    for side in (-1, 1):
        spread = throw.uniform(13, 34) * side
        tree(
            draw,
            tip,
            length * throw.uniform(0.68, 0.82),
            angle + spread,
            colour,
            throw=throw,
            depth=depth - 1,
        )


def open_sky(
    stops: Stops, cloud: Colour, *, seed: int, depth: int = HEIGHT, clouding: float = 0.75
) -> Image.Image:
    """Begin a picture: a sky of `depth` pixels with its clouds, black below."""
    canvas = Image.new("RGB", (WIDTH, HEIGHT))
    canvas.paste(wash(stops, (WIDTH, depth)))
    clouds(canvas, cloud, seed=seed, depth=depth, strength=clouding)
    return canvas


Scene = Callable[[], Image.Image]
