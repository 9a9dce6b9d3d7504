"""Pure. Which of the pictures that a source names is the story's.

The order: a picture enclosed (or JSON Feed's `image`), then media:content (its attachments), then
media:thumbnail, then the item's own image (itunes:image, `<image>`, `banner_image`), then the first
in the body.
Among several of one kind the one marked as default goes first, then the largest that is no larger
than a mail can use. What is too small, too long and narrow, or has the address of a counter, an
emoji or a writer's portrait is nobody's picture.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import urlsplit

from digest.sources.model import Picture

FEWEST_PIXELS = 100
"""A narrower picture is an icon, a portrait of the writer or a counter."""

_LOWEST_PIXELS = 60
_MOST_PIXELS = 2_400
"""Of width: a larger one is taken only when there is no other, as it may be too many bytes."""
_LONGEST_SIDES = 5
_MOST_ALT = 300
_LARGEST_RATIO = 32
_MANY_PARAMETERS = 3

# Whole names of folders or files, never parts: a story may well be about a Pixel or an icon.
_NO_FOLDERS = re.compile(
    r"/(?:emojis?|smil(?:ies|eys?)|avatars?|gravatars?|favicons?|sprites?|pixels?|spacers?"
    r"|~(?:r|f|ff|a|4))/",
    re.IGNORECASE,
)
_NO_FILES = re.compile(
    r"(?:pixel|spacer|blank|empty|transparent|clear|dot|1x1|beacon|track(?:er|ing)?|count(?:er)?"
    r"|open|impression|imp|hit|stats?|avatar|favicon)(?:\.(?:gif|png|svg|php|aspx?|ashx))?",
    re.IGNORECASE,
)
_NO_HOSTS = re.compile(
    r"(?:^|\.)(?:pixels?|beacons?|track(?:er|ing)?|stats?|counter|(?:[a-z0-9-]*\.)?gravatar)\.",
    re.IGNORECASE,
)
_SIZE_IN_NAME = re.compile(r"[-_]([0-9]{1,4})x([0-9]{1,4})\.[a-z]{3,4}$", re.IGNORECASE)
_WIDTH_ASKED = re.compile(r"(?:^|[&;])(?:w|width)=([0-9]{1,4})(?:$|[&;])", re.IGNORECASE)
_FILE_NAME = re.compile(
    r"\S{1,200}\.(?:jpe?g|png|gif|webp|avif)"
    r"|(?:img|dsc|dscn|image|photo|picture|pxl)[ _-]?[0-9_-]*",
    re.IGNORECASE,
)


class Place(IntEnum):
    """Where a source names a picture; the first is asked first."""

    ENCLOSED = 1
    MEDIA = 2
    THUMBNAIL = 3
    OWN = 4
    BODY = 5


@dataclass(frozen=True, slots=True)
class NamedPicture:
    """A picture as named: an absolute address, what is said of it, its pixels (0 when unknown)."""

    url: str
    place: Place
    alt: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0
    is_default: bool = False


def choose_picture(named: Iterable[NamedPicture]) -> Picture | None:
    """Choose a story's picture by the rule above; None when none is fit."""
    fit = [picture for picture in named if is_sensible(picture)]
    if not fit:
        return None
    # `min` keeps the source's own order among equals.
    first = min(fit, key=_rank)
    return Picture(first.url, first.alt, first.credit)


def _rank(picture: NamedPicture) -> tuple[int, bool, bool, int]:
    width = picture.width if picture.place is not Place.BODY else 0
    too_large = width > _MOST_PIXELS
    return picture.place, not picture.is_default, too_large, width if too_large else -width


def is_sensible(picture: NamedPicture) -> bool:
    """Tell whether a picture can stand beside a story, as far as address and size tell."""
    width, height = _size(picture)
    if (0 < width < FEWEST_PIXELS) or (0 < height < _LOWEST_PIXELS):
        return False
    if width and height and max(width, height) > _LONGEST_SIDES * min(width, height):
        return False
    return not _counts_or_decorates(picture.url)


def described(alt: str) -> str:
    """Give a description as one that can be read out: none for the name of a file, never long."""
    if _FILE_NAME.fullmatch(alt):
        return ""
    if len(alt) <= _MOST_ALT:
        return alt
    return (alt[: _MOST_ALT - 1].rpartition(" ")[0] or alt[: _MOST_ALT - 1]) + "…"


def _size(picture: NamedPicture) -> tuple[int, int]:
    if picture.width or picture.height:
        return picture.width, picture.height
    parts = urlsplit(picture.url)
    if found := _SIZE_IN_NAME.search(parts.path):
        size = int(found[1]), int(found[2])
        # "harbour-16x9.jpg" tells its form and not its size.
        return size if max(size) > _LARGEST_RATIO else (0, 0)
    asked = _WIDTH_ASKED.search(parts.query)
    return (int(asked[1]), 0) if asked else (0, 0)


def _counts_or_decorates(url: str) -> bool:
    parts = urlsplit(url)
    file = parts.path.rpartition("/")[2]
    is_call = file.lower().endswith(".gif") and parts.query.count("=") >= _MANY_PARAMETERS
    return bool(
        _NO_HOSTS.search(parts.hostname or "")
        or _NO_FOLDERS.search(parts.path)
        or _NO_FILES.fullmatch(file)
        or (is_call and not _WIDTH_ASKED.search(parts.query))
    )
