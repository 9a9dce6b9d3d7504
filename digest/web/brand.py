"""Pure. The publisher's accent as a style sheet, mended where it could not be read."""

from __future__ import annotations

import re

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_PAGE_LIGHT, _PAGE_DARK = "#F4F4F1", "#1B1B1B"
_INK_LIGHT, _INK_DARK = "#FFFFFF", "#101418"
_READABLE = 4.5  # WCAG 2.2, 1.4.3
_STEP = 0.06


def brand_css(accent: str, accent_dark: str) -> str:
    """Give the sheet that sets the accent for light and dark; empty when neither is a colour."""
    light = _rules(accent, against=_PAGE_LIGHT, towards="#000000")
    dark = _rules(accent_dark, against=_PAGE_DARK, towards="#FFFFFF")
    return (f":root{{{light}}}\n" if light else "") + (
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n" if dark else ""
    )


def contrast(one: str, other: str) -> float:
    """Give the contrast ratio of two colours `#RRGGBB`, 1 to 21, as WCAG defines it."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _rules(accent: str, *, against: str, towards: str) -> str:
    if not _COLOUR.fullmatch(accent):
        return ""
    readable = accent.upper()
    while contrast(readable, against) < _READABLE:
        readable = _mix(readable, towards)
    ink = max((_INK_LIGHT, _INK_DARK), key=lambda colour: contrast(colour, readable))
    return f"--accent:{readable};--on-accent:{ink}"


def _channels(colour: str) -> list[int]:
    return list(bytes.fromhex(colour[1:]))


def _mix(colour: str, towards: str) -> str:
    pairs = zip(_channels(colour), _channels(towards), strict=True)
    mixed = [_nearer(value, goal) for value, goal in pairs]
    return "#" + bytes(mixed).hex().upper()


def _nearer(value: int, goal: int) -> int:
    step = (goal - value) * _STEP
    return value + (int(step - 1) if step < 0 else int(step + 1) if step > 0 else 0)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - sRGB
