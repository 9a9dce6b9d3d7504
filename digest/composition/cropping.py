"""Pure. Where a picture is cut: the part that people look at stays in."""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageChops, ImageFilter

_SIDE: Final = 128
"""Pixels of the sketch that is looked at: what matters is as large as a face, not as an eyelash."""
_SKIN_BLUE: Final = range(77, 128)
_SKIN_RED: Final = range(133, 174)
"""Of people of all colours, in YCbCr. Source: Chai and Ngan, IEEE CSVT 9(4), 1999."""
_EDGE: Final = 1.0
_COLOUR: Final = 0.35
_SKIN: Final = 0.9
_AIR: Final = 5
"""Pixels of the sketch around what matters that matter a little, too: no face ends at the cut."""
_TO_THE_MIDDLE: Final = 0.25
"""How much of its worth a cut loses at the far end: of equal parts the middle one stays."""

Centre = tuple[float, float]


def centre_of_interest(picture: Image.Image, size: tuple[int, int]) -> Centre:
    """Give the centring for `ImageOps.fit`: (0, 0) is top left, (0.5, 0.5) the middle.

    `picture` is RGB, `size` the shape it is cut to. Edges, strong colours and skin are what the eye
    goes to; only the side that is too long is looked along.
    """
    wide = picture.width * size[1] > picture.height * size[0]
    kept = _kept(picture.size, size, wide=wide)
    if kept >= 1:
        return 0.5, 0.5
    at = _best(_profile(_interest(picture), wide=wide), kept)
    return (at, 0.5) if wide else (0.5, at)


def _kept(given: tuple[int, int], size: tuple[int, int], *, wide: bool) -> float:
    """Give which part of the too long side stays."""
    ratio = size[0] / size[1]
    return given[1] * ratio / given[0] if wide else given[0] / ratio / given[1]


def _interest(picture: Image.Image) -> Image.Image:
    sketch = picture.copy()
    sketch.thumbnail((_SIDE, _SIDE))
    grey = sketch.convert("L")
    # The filter draws a frame along the border of the picture, which is nothing to look at.
    edges = _without_border(grey.filter(ImageFilter.FIND_EDGES))
    _, colour, _ = sketch.convert("HSV").split()
    lively = ImageChops.multiply(colour, grey)
    found = ImageChops.add(_weighed(edges, _EDGE), _weighed(lively, _COLOUR))
    whole = ImageChops.add(found, _weighed(_skin(sketch), _SKIN))
    return whole.filter(ImageFilter.BoxBlur(_AIR))


def _without_border(edges: Image.Image) -> Image.Image:
    framed = Image.new("L", edges.size)
    inner = (1, 1, max(edges.width - 1, 1), max(edges.height - 1, 1))
    framed.paste(edges.crop(inner), inner[:2])
    return framed


def _skin(sketch: Image.Image) -> Image.Image:
    _, blue, red = sketch.convert("YCbCr").split()
    in_blue = blue.point(lambda level: 255 if level in _SKIN_BLUE else 0)
    in_red = red.point(lambda level: 255 if level in _SKIN_RED else 0)
    return ImageChops.multiply(in_blue, in_red)


def _weighed(layer: Image.Image, weight: float) -> Image.Image:
    return layer.point(lambda level: level * weight)


def _profile(interest: Image.Image, *, wide: bool) -> list[float]:
    """Give the interest along the too long side, from its beginning."""
    shape = (interest.width, 1) if wide else (1, interest.height)
    return [float(level) for level in interest.resize(shape, Image.Resampling.BOX).tobytes()]


def _best(profile: list[float], kept: float) -> float:
    """Give the beginning of the best window, as a part (0 to 1) of the way it can be moved."""
    length = max(1, round(len(profile) * kept))
    ways = len(profile) - length
    if ways < 1 or not any(profile):
        return 0.5
    sums = [sum(profile[:length])]
    for n in range(ways):
        sums.append(sums[-1] - profile[n] + profile[n + length])
    worth = [total * (1 - _TO_THE_MIDDLE * abs(2 * n / ways - 1)) for n, total in enumerate(sums)]
    best = max(range(ways + 1), key=lambda n: (worth[n], -abs(2 * n - ways)))
    return best / ways
