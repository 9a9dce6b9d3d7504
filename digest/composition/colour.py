"""Pure. Colours that can be read: WCAG contrast, what forced dark mode does, a brand's palette.

A mail program that forces dark mode keeps hues and turns lightness around (CIE LCH, as Outlook and
some Android programs do): light grounds and dark words are mirrored at half lightness, and three
quarters of the distance and four fifths of the chroma remain.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

READABLE: Final = 4.5
"""WCAG 2.2, 1.4.3: the contrast that words need."""

PAGE, CARD = "#F4F4F1", "#FFFFFF"
PAGE_DARK, CARD_DARK = "#111111", "#1B1B1B"
_INKS = ("#FFFFFF", "#101418")
"""What stands on a ground of the accent: whichever reads better."""

_OURS = {"#0B4F8A": "#8EC1F5"}
"""The house's own pair, chosen by eye."""

_DARK_LIGHTNESS = 76.0
_STEP = 0.5
_MIDDLE = 50.0
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")

_WHITE_POINT = (0.95047, 1.0, 1.08883)
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_FROM_XYZ = (
    (3.2404542, -1.5371385, -0.4985314),
    (-0.9692660, 1.8760108, 0.0415560),
    (0.0556434, -0.2040259, 1.0572252),
)
_KNEE = 6 / 29


@dataclass(frozen=True, slots=True)
class Lch:
    """A colour by lightness (0 to 100), chroma, and hue (radians), in CIE Lab of D65."""

    lightness: float
    chroma: float
    hue: float


@dataclass(frozen=True, slots=True)
class Palette:
    """A brand's accent for light and dark surfaces, what stands on it, and what was corrected."""

    accent: str
    accent_dark: str
    on_accent: str
    on_accent_dark: str
    told: tuple[str, ...] = ()


def palette_of(accent: str, accent_dark: str | None = None) -> Palette:
    """Give the accents that can be read everywhere a letter is shown, and say what was changed.

    The accent is darkened until its words can be read on page and card, in light and in forced
    dark; the dark one is lightened until they can in our own dark; without one it is derived.
    """
    light = _darkened(accent)
    wanted = accent_dark or derived_dark(accent)
    dark = _lightened(wanted)
    told = [_told("accent", accent, light, _light_surfaces(accent), "mail and pages")]
    if accent_dark is not None:
        told.append(
            _told("accent_dark", accent_dark, dark, _dark_surfaces(accent_dark), "dark mode")
        )
    return Palette(
        accent=light,
        accent_dark=dark,
        on_accent=ink_on(light),
        on_accent_dark=ink_on(dark),
        told=tuple(filter(None, told)),
    )


def is_colour(text: str) -> bool:
    """Tell whether it is of the form #RRGGBB."""
    return bool(_COLOUR.fullmatch(text))


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours `#RRGGBB`, 1 to 21, as WCAG defines it."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    """Give the relative luminance of `#RRGGBB`, 0 to 1."""
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ink_on(ground: str) -> str:
    """Give the colour of words on a ground of the accent."""
    return max(_INKS, key=lambda ink: contrast(ink, ground))


def forced_ground(colour: str) -> str:
    """Give what forced dark mode makes of a ground: a light one turns dark."""
    lch = to_lch(colour)
    return _forced(lch) if lch.lightness >= _MIDDLE else colour.upper()


def forced_words(colour: str) -> str:
    """Give what forced dark mode makes of words: dark ones turn light."""
    lch = to_lch(colour)
    return _forced(lch) if lch.lightness < _MIDDLE else colour.upper()


def derived_dark(accent: str) -> str:
    """Give an accent for dark surfaces of the same hue."""
    ours = _OURS.get(accent.upper())
    if ours:
        return ours
    lch = to_lch(accent)
    return from_lch(Lch(max(lch.lightness, _DARK_LIGHTNESS), lch.chroma, lch.hue))


def to_lch(colour: str) -> Lch:
    """Give lightness, chroma and hue of `#RRGGBB`."""
    linear = [_linear(channel / 255) for channel in _channels(colour)]
    xyz = (
        _curved(sum(weight * part for weight, part in zip(row, linear, strict=True)) / white)
        for row, white in zip(_TO_XYZ, _WHITE_POINT, strict=True)
    )
    x, y, z = xyz
    a, b = 500 * (x - y), 200 * (y - z)
    return Lch(116 * y - 16, math.hypot(a, b), math.atan2(b, a))


def from_lch(lch: Lch) -> str:
    """Give `#RRGGBB`; a chroma that a screen does not have is lowered until it has."""
    found = _on_screen(lch)
    if found is not None:
        return found
    found = _on_screen(Lch(lch.lightness, 0.0, lch.hue)) or "#000000"
    low, high = 0.0, lch.chroma
    while high - low > _STEP:
        middle = (low + high) / 2
        seen = _on_screen(Lch(lch.lightness, middle, lch.hue))
        if seen is None:
            high = middle
        else:
            low, found = middle, seen
    return found


def _forced(lch: Lch) -> str:
    return from_lch(Lch(_MIDDLE - (lch.lightness - _MIDDLE) * 0.75, lch.chroma * 0.8, lch.hue))


def _light_surfaces(accent: str) -> Iterator[tuple[float, str]]:
    yield contrast(accent, CARD), "white"
    yield contrast(accent, PAGE), "the page"
    forced = forced_words(accent)
    for ground in (CARD, PAGE):
        yield contrast(forced, forced_ground(ground)), "forced dark"


def _dark_surfaces(accent: str) -> Iterator[tuple[float, str]]:
    yield contrast(accent, CARD_DARK), "the dark card"
    yield contrast(accent, PAGE_DARK), "the dark page"


def _darkened(accent: str) -> str:
    lch, found = to_lch(accent), accent.upper()
    while min(_light_surfaces(found))[0] < READABLE:
        lch = Lch(lch.lightness - _STEP, lch.chroma, lch.hue)
        found = from_lch(lch)
    return found


def _lightened(accent: str) -> str:
    lch, found = to_lch(accent), accent.upper()
    while min(_dark_surfaces(found))[0] < READABLE:
        lch = Lch(lch.lightness + _STEP, lch.chroma, lch.hue)
        found = from_lch(lch)
    return found


def _told(
    setting: str, given: str, used: str, surfaces: Iterator[tuple[float, str]], where: str
) -> str:
    if used == given.upper():
        return ""
    ratio, ground = min(surfaces)
    return (
        f"site.brand.{setting}: {given.upper()} has {_down(ratio)}:1 on {ground};"
        f" {used} is used in {where}"
    )


def _down(ratio: float) -> str:
    """Write a ratio rounded down: 4.46 must not read as the 4.5 it misses."""
    return f"{math.floor(ratio * 10) / 10:.1f}"


def _on_screen(lch: Lch) -> str | None:
    y = (lch.lightness + 16) / 116
    x = y + lch.chroma * math.cos(lch.hue) / 500
    z = y - lch.chroma * math.sin(lch.hue) / 200
    xyz = [_straight(part) * white for part, white in zip((x, y, z), _WHITE_POINT, strict=True)]
    linear = [
        sum(weight * part for weight, part in zip(row, xyz, strict=True)) for row in _FROM_XYZ
    ]
    levels = [round(_gamma(part) * 255) for part in linear]
    if min(levels) < 0 or max(levels) > 255:  # noqa: PLR2004 - a byte
        return None
    return "#" + bytes(levels).hex().upper()


def _channels(colour: str) -> bytes:
    return bytes.fromhex(colour[1:])


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB


def _gamma(value: float) -> float:
    if value <= 0.0031308:  # noqa: PLR2004 - sRGB
        return value * 12.92
    return float(1.055 * value ** (1 / 2.4) - 0.055)


def _curved(part: float) -> float:
    return float(part ** (1 / 3)) if part > _KNEE**3 else part / (3 * _KNEE**2) + 4 / 29


def _straight(part: float) -> float:
    return float(part**3) if part > _KNEE else 3 * _KNEE**2 * (part - 4 / 29)
