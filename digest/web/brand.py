"""Pure. The publisher's accent, mended where it could not be read, and typeface as a sheet."""

from __future__ import annotations

from digest.composition.colour import is_colour, palette_of
from digest.composition.model import Typeface


def brand_css(accent: str, accent_dark: str, *, typeface: Typeface = Typeface.SERIF) -> str:
    """Give the sheet that sets the accent for light and dark, unless one is none, and headings."""
    headings = ":root{--serif:var(--sans)}\n" if typeface is Typeface.SANS else ""
    if not (is_colour(accent) and is_colour(accent_dark)):
        return headings
    palette = palette_of(accent, accent_dark)
    light = f"--accent:{palette.accent};--on-accent:{palette.on_accent}"
    dark = f"--accent:{palette.accent_dark};--on-accent:{palette.on_accent_dark}"
    scheme = f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
    return f"{scheme}{headings}"
