"""Pure. Colours as style sheets write them, and how one lies over another."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from PIL import ImageColor

_FUNCTION = re.compile(r"(rgba?|hsla?)\(([^()]*)\)")
_PARTS = re.compile(r"[\s,/]+")
_MOST = 1024


class Colour(NamedTuple):
    """Red, green and blue (0 to 255), and how much it covers (0 to 1)."""

    red: int
    green: int
    blue: int
    alpha: float = 1.0

    @property
    def hex(self) -> str:
        """As `#RRGGBB`, without its alpha."""
        return f"#{self.red:02X}{self.green:02X}{self.blue:02X}"

    def over(self, ground: Colour) -> Colour:
        """Lay it over an opaque ground."""
        if self.alpha >= 1:
            return self
        mixed = (
            round(own * self.alpha + under * (1 - self.alpha))
            for own, under in zip(self[:3], ground[:3], strict=True)
        )
        return Colour(*mixed)


BLACK, WHITE, LINK = Colour(0, 0, 0), Colour(255, 255, 255), Colour(0, 0, 238)
CLEAR = Colour(0, 0, 0, 0.0)


@lru_cache(maxsize=_MOST)
def read_colour(text: str) -> Colour | None:
    """Read a colour; None for what is none, or stands for another one (`inherit`, `var()`)."""
    said = text.strip().lower()
    if said == "transparent":
        return CLEAR
    if said.startswith("#"):
        return _of_hex(said[1:])
    if found := _FUNCTION.fullmatch(said):
        return _of_function(found[1], _PARTS.split(found[2].strip()))
    named = ImageColor.colormap.get(said)
    return _of_hex(named[1:]) if isinstance(named, str) else None


def _of_hex(digits: str) -> Colour | None:
    if not re.fullmatch(r"[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8}", digits):
        return None
    wide = digits if len(digits) >= 6 else "".join(each * 2 for each in digits)  # noqa: PLR2004 - #rgb
    red, green, blue, *alpha = bytes.fromhex(wide)
    return Colour(red, green, blue, alpha[0] / 255 if alpha else 1.0)


def _of_function(name: str, parts: list[str]) -> Colour | None:
    try:
        alpha = _share(parts[3]) if len(parts) > 3 else 1.0  # noqa: PLR2004 - the fourth is alpha
        if name.startswith("hsl"):
            hue = parts[0].removesuffix("deg")
            found = ImageColor.getrgb(f"hsl({hue},{parts[1]},{parts[2]})")
            return Colour(found[0], found[1], found[2], alpha)
        red, green, blue = (_level(each) for each in parts[:3])
    except (ValueError, IndexError):
        return None
    return Colour(red, green, blue, alpha)


def _level(text: str) -> int:
    level = float(text[:-1]) * 2.55 if text.endswith("%") else float(text)
    return min(255, max(0, round(level)))


def _share(text: str) -> float:
    share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    return min(1.0, max(0.0, share))
