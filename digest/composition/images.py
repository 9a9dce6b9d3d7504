"""Door to Pillow: somebody else's picture in, a small JPEG of ours out, or a sentence why not."""

from __future__ import annotations

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from digest.composition.cropping import centre_of_interest
from digest.errors import CompositionError

JPEG: Final = "image/jpeg"
PNG: Final = "image/png"
"""Outlook for Windows shows no WebP, and no mail program shows SVG."""

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 60_000_000
"""Some 180 MB when unpacked; press cameras give 45 to 50 million."""

_PHOTOGRAPHS = frozenset({"JPEG", "MPO"})
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "BMP", "TIFF")
_QUALITIES = (84, 76, 68, 60, 50, 40)
_SMALLER = 0.8
_LEAST_SIDE = 8
_FLAT_COLOURS = 64
"""A drawing, a map or a chart has no more: as PNG it stays sharp, and is smaller besides."""
_PALETTE = 256

Image.init()  # else a format may only be named once a picture of it was met

# Pillow only warns of a picture that unpacks to more than it likes; we want an error.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class MadeImage:
    """A picture as we serve it; `hash` (hex SHA-256 of the content) is its name."""

    hash: str
    width: int
    height: int
    media_type: str
    content: bytes

    @property
    def name(self) -> str:
        """The name it is served under."""
        return served_name(self.hash, self.media_type)


@dataclass(frozen=True, slots=True)
class Shape:
    """Pixels of the file (twice what is shown), pixels below which it is too coarse, bytes."""

    size: tuple[int, int]
    least: tuple[int, int]
    most_bytes: int
    shown: tuple[int, int]


SHAPES: Final[dict[str, Shape]] = {
    "lead": Shape((1200, 675), (300, 169), 200_000, (600, 338)),
    "thumb": Shape((320, 240), (120, 90), 40_000, (160, 120)),
}
"""The two shapes a letter has: full width, and beside a story."""


def served_name(hash_: str, media_type: str) -> str:
    """Give the name under which a picture of ours is served."""
    return f"{hash_}.{'png' if media_type == PNG else 'jpg'}"


def make_shot(content: bytes, shape: str) -> MadeImage:
    """Turn upright, crop around what matters, shrink, and write it without any metadata.

    Photographs become JPEG, drawings of few colours PNG. A picture smaller than the shape keeps
    its pixels and only takes the shape's proportions.

    Raises:
        CompositionError: for what is no picture, moves, is too big or too small.
    """
    wanted = SHAPES[shape]
    if len(content) > MAX_BYTES:
        raise _refused(f"it has more than {MAX_BYTES // 1024 // 1024} MB")
    try:
        picture, is_photograph = _open(content, wanted)
        size = _size_within(picture.size, wanted)
        fitted = ImageOps.fit(picture, size, centering=centre_of_interest(picture, size))
        if not is_photograph and picture.getcolors(_FLAT_COLOURS):
            drawing = _write_drawing(fitted)
            if len(drawing) <= wanted.most_bytes:
                return _made(fitted, PNG, drawing)
        return _write(fitted, wanted.most_bytes)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _refused("it unpacks to too many pixels") from error
    except UnidentifiedImageError as error:
        raise _refused(_what_else(content)) from error
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, MemoryError) as error:
        raise _refused("the file is broken") from error


def _open(content: bytes, wanted: Shape) -> tuple[Image.Image, bool]:
    """Give the picture upright in sRGB, and whether it came as a photograph does."""
    picture: Image.Image = Image.open(io.BytesIO(content), formats=_FORMATS)
    if picture.width * picture.height > MAX_PIXELS:
        raise _refused(f"{picture.width} x {picture.height} pixels are too many")
    # A camera's MPO holds a second view beside the photograph: that is no animation.
    if picture.format not in {"MPO", "TIFF"} and getattr(picture, "is_animated", False):
        raise _refused("it moves")
    profile = picture.info.get("icc_profile")
    picture.draft("RGB", (wanted.size[0] * 2, wanted.size[0] * 2))  # JPEG: decode no more
    upright = ImageOps.exif_transpose(picture)
    if upright.width < wanted.least[0] or upright.height < wanted.least[1]:
        raise _refused(f"{upright.width} x {upright.height} pixels are too few")
    return _in_srgb(upright, profile), picture.format in _PHOTOGRAPHS


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Give plain RGB on white; colours of a wider space would turn dull without their profile."""
    if profile and picture.mode in {"RGB", "CMYK"}:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            made = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except (ImageCms.PyCMSError, OSError):
            made = None
        if made is not None:
            return made
    if picture.mode.startswith("I"):
        picture = picture.point(lambda level: level / 256).convert("L")
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    layer = picture.convert("RGBA")
    ground = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(ground, layer).convert("RGB")


def _size_within(size: tuple[int, int], wanted: Shape) -> tuple[int, int]:
    scale = min(1.0, size[0] / wanted.size[0], size[1] / wanted.size[1])
    width, height = (round(side * scale) for side in wanted.size)
    return max(width, 1), max(height, 1)


def _write(picture: Image.Image, most_bytes: int) -> MadeImage:
    for quality in _QUALITIES:
        content = _jpeg(picture, quality)
        if len(content) <= most_bytes:
            return _made(picture, JPEG, content)
    smaller = [max(_LEAST_SIDE, round(side * _SMALLER)) for side in picture.size]
    return _write(picture.resize((smaller[0], smaller[1])), most_bytes)


def _write_drawing(picture: Image.Image) -> bytes:
    # Shrinking mixes colours where two meet; so many more than these the eye does not tell apart.
    flat = picture.quantize(_PALETTE, dither=Image.Dither.NONE)
    file = io.BytesIO()
    flat.save(file, "PNG", optimize=True)
    return file.getvalue()


def _made(picture: Image.Image, media_type: str, content: bytes) -> MadeImage:
    return MadeImage(
        hash=hashlib.sha256(content).hexdigest(),
        width=picture.width,
        height=picture.height,
        media_type=media_type,
        content=content,
    )


def _jpeg(picture: Image.Image, quality: int) -> bytes:
    bare = Image.new("RGB", picture.size)
    bare.paste(picture)  # a fresh picture carries no metadata along
    file = io.BytesIO()
    bare.save(file, "JPEG", quality=quality, optimize=True, progressive=True)
    return file.getvalue()


def _what_else(content: bytes) -> str:
    head = content[:1024].lstrip().lower()
    if b"<svg" in head:
        return "it is SVG, which mail programs do not show"
    if head.startswith((b"<!doctype", b"<html")):
        return "it is a web page, not a picture"
    return "it is empty" if not content else "it is no picture that we can read"


def _refused(cause: str) -> CompositionError:
    return CompositionError(
        f"picture: cannot be used: {cause}",
        hint="Give the story a JPEG or PNG of at least 1200 x 675 pixels.",
    )
