"""Door to the publisher's logo: two files in, two pictures of ours out, or a sentence why not."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageOps, ImageStat, UnidentifiedImageError

from digest.clock import Clock
from digest.composition.colour import CARD, CARD_DARK, contrast
from digest.composition.images import JPEG, PNG, MadeImage
from digest.composition.model import Logo
from digest.composition.store import image_for, save_image
from digest.db import Database
from digest.errors import CompositionError

SHOWN_HEIGHT: Final = 40
MAX_SHOWN_WIDTH: Final = 240
_DENSITY = 2
_SHARP_HEIGHT = 100
"""Pixels: below it a logo looks soft on a phone."""
_MAX_BYTES = 5 * 1024 * 1024
_MAX_PIXELS = 20_000_000
_SEEN = 3.0
"""WCAG 2.2, 1.4.11: the contrast that a drawing needs."""
_BARELY_SEEN = 1.5
"""On white a brand's bright colour is its own affair, yellow as well; nearly white is a mistake."""
_SHAPE = "logo"
_LOST = (
    "site.brand.logo: dark on a transparent ground: in dark mode it is hardly seen; give a light"
    " one as site.brand.logo_dark"
)
_LOST_ON_WHITE = (
    "site.brand.logo: light on a transparent ground: on white paper it is hardly seen; give a dark"
    " one, and this as site.brand.logo_dark"
)
_DARK_LOST = (
    "site.brand.logo_dark: dark on a transparent ground: in dark mode it is hardly seen; give a"
    " light one"
)
_REMEDY = "Export the logo as a PNG, 200 pixels high, its ground transparent."


@dataclass(frozen=True, slots=True)
class MadeLogo:
    """A logo as we serve it, the size it is shown at, and whether its ground is transparent."""

    image: MadeImage
    width: int
    height: int
    source_height: int
    is_lost_on_dark: bool
    """Dark on nothing: in dark mode it cannot be told from the card."""
    is_lost_on_light: bool
    """Light on nothing: it cannot be told from the white card."""


@dataclass(frozen=True, slots=True)
class Brand:
    """What letters show of the logo, and what people should know about it."""

    logo: Logo | None = None
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Logos:
    """The logo and its dark variant as made, where they could be, and what is amiss."""

    light: MadeLogo | None = None
    dark: MadeLogo | None = None
    told: tuple[str, ...] = ()


def keep_logo(
    database: Database,
    logo: Path | None,
    logo_dark: Path | None,
    *,
    public_url: str,
    clock: Clock,
) -> Brand:
    """Put the logo's pictures on our shelf; one that cannot be used is told, and left out."""
    made = read_logos(logo, logo_dark)
    if made.light is None:
        return Brand(told=made.told)
    address = f"{public_url}/images/"
    shown = Logo(
        url=address + _kept(database, "logo", made.light.image, clock),
        width=made.light.width,
        height=made.light.height,
        dark_url=address + _kept(database, "logo_dark", made.dark.image, clock)
        if made.dark
        else "",
    )
    return Brand(shown, made.told)


def read_logos(logo: Path | None, logo_dark: Path | None) -> Logos:
    """Read both files, and say in sentences what is wrong with them or should be better."""
    if logo is None:
        alone = "site.brand.logo_dark: without site.brand.logo it is not shown"
        return Logos(told=(alone,) if logo_dark else ())
    light, told = _tried(logo, "logo")
    dark, told_dark = _tried(logo_dark, "logo_dark") if logo_dark else (None, ())
    if light is not None and light.is_lost_on_light:
        told = (*told, _LOST_ON_WHITE)
    if light is not None and light.is_lost_on_dark and dark is None:
        told = (*told, _LOST)
    if dark is not None and dark.is_lost_on_dark:
        told_dark = (*told_dark, _DARK_LOST)
    return Logos(light, dark, (*told, *told_dark))


def make_logo(path: Path, setting: str) -> MadeLogo:
    """Read a logo and shrink it to twice the size it is shown at.

    Raises:
        CompositionError: for what is no PNG or JPEG, is too big, or cannot be read.
    """
    if path.is_fifo():
        raise _refused(setting, path, "is no file")  # opening it would wait for ever
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise _refused(setting, path, f"cannot be read ({error.strerror})") from error
    if len(content) > _MAX_BYTES:
        raise _refused(setting, path, f"has more than {_MAX_BYTES // 1024 // 1024} MB")
    try:
        return _made(content, setting, path)
    except UnidentifiedImageError as error:
        raise _refused(setting, path, _what_else(content)) from error
    except (
        *(Image.DecompressionBombError, Image.DecompressionBombWarning, OSError, ValueError),
        *(SyntaxError, EOFError, ArithmeticError, MemoryError),
    ) as error:
        raise _refused(setting, path, "is broken, or unpacks to too much") from error


def _tried(path: Path, setting: str) -> tuple[MadeLogo | None, tuple[str, ...]]:
    try:
        made = make_logo(path, setting)
    except CompositionError as error:
        return None, (f"{error}: letters go without it. {error.hint}",)
    soft = f"site.brand.{setting}: {made.source_height} pixels high: it looks soft on phones"
    if made.source_height < _SHARP_HEIGHT:
        return made, (f"{soft}; give one of {_SHARP_HEIGHT} or more",)
    return made, ()


def _kept(database: Database, setting: str, made: MadeImage, clock: Clock) -> str:
    key = f"site.brand.{setting}"
    with database.read() as connection:
        known = image_for(connection, key, _SHAPE)
    if not database.read_only and (known is None or known.image_hash != made.hash):
        with database.write() as connection:
            save_image(connection, key, _SHAPE, made, at=clock())
    return made.name


def _made(content: bytes, setting: str, path: Path) -> MadeLogo:
    picture: Image.Image = Image.open(io.BytesIO(content), formats=("PNG", "JPEG"))
    if picture.width * picture.height > _MAX_PIXELS:
        pixels = f"{picture.width} x {picture.height} pixels"
        raise _refused(setting, path, f"has {pixels}, which are too many")
    if getattr(picture, "is_animated", False):
        raise _refused(setting, path, "moves")
    is_photograph = picture.format == "JPEG"
    upright = ImageOps.exif_transpose(picture)
    clear = upright.has_transparency_data
    plain = upright.convert("RGBA" if clear else "RGB")
    width, height = _shown(plain.size)
    size = min(plain.width, width * _DENSITY), min(plain.height, height * _DENSITY)
    small = plain.resize(size, Image.Resampling.LANCZOS)
    media_type = JPEG if is_photograph else PNG
    written = _written(small, media_type)
    image = MadeImage(
        hashlib.sha256(written).hexdigest(), small.width, small.height, media_type, written
    )
    drawn = _drawn_colour(small) if clear else None
    return MadeLogo(
        image,
        width,
        height,
        plain.height,
        is_lost_on_dark=drawn is not None and contrast(drawn, CARD_DARK) < _SEEN,
        is_lost_on_light=drawn is not None and contrast(drawn, CARD) < _BARELY_SEEN,
    )


def _shown(size: tuple[int, int]) -> tuple[int, int]:
    width = round(size[0] * SHOWN_HEIGHT / size[1])
    if width <= MAX_SHOWN_WIDTH:
        return max(width, 1), SHOWN_HEIGHT
    return MAX_SHOWN_WIDTH, max(round(size[1] * MAX_SHOWN_WIDTH / size[0]), 1)


def _drawn_colour(picture: Image.Image) -> str | None:
    """Give the mean colour of what is drawn on a transparent ground; None without such a ground."""
    drawn = picture.getchannel("A").point(lambda level: 255 if level > 127 else 0)  # noqa: PLR2004 - half
    if not drawn.getbbox() or drawn.getextrema() == (255, 255):
        return None
    mean = ImageStat.Stat(picture.convert("RGB"), mask=drawn).mean
    return "#" + bytes(round(level) for level in mean).hex().upper()


def _written(picture: Image.Image, media_type: str) -> bytes:
    bare = Image.new(picture.mode, picture.size)
    bare.paste(picture)  # a fresh picture carries no metadata along
    file = io.BytesIO()
    if media_type == JPEG:
        bare.save(file, "JPEG", quality=90, optimize=True)
    else:
        bare.save(file, "PNG", optimize=True)
    return file.getvalue()


def _what_else(content: bytes) -> str:
    if b"<svg" in content[:1024].lower():
        return "is SVG, which mail programs do not show"
    return "is empty" if not content else "is neither PNG nor JPEG"


def _refused(setting: str, path: Path, cause: str) -> CompositionError:
    return CompositionError(f"site.brand.{setting}: {path.name}: it {cause}", hint=_REMEDY)
