"""Pure. The publisher's accent as a style sheet, mended where it could not be read."""

from __future__ import annotations

from digest.composition.colour import is_colour, palette_of


def brand_css(accent: str, accent_dark: str) -> str:
    """Give the sheet that sets the accent for light and dark; empty when one is no colour."""
    if not (is_colour(accent) and is_colour(accent_dark)):
        return ""
    palette = palette_of(accent, accent_dark)
    light = f"--accent:{palette.accent};--on-accent:{palette.on_accent}"
    dark = f"--accent:{palette.accent_dark};--on-accent:{palette.on_accent_dark}"
    return f":root{{{light}}}\n@media (prefers-color-scheme:dark){{:root{{{dark}}}}}\n"
