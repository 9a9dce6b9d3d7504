from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.composition.colour import contrast
from digest.composition.model import Typeface
from digest.web.brand import brand_css

_ACCENT = re.compile(r"--accent:(#[0-9A-F]{6});--on-accent:(#[0-9A-F]{6})")
_COLOURS = st.integers(0, 0xFFFFFF).map("#{:06X}".format)


def test_a_readable_accent_is_kept() -> None:
    assert brand_css("#0B4F8A", "#8EC1F5") == (
        ":root{--accent:#0B4F8A;--on-accent:#FFFFFF}\n"
        "@media (prefers-color-scheme:dark){:root{--accent:#8EC1F5;--on-accent:#101418}}\n"
    )


def test_headings_take_the_typeface_of_the_letters() -> None:
    sheet = brand_css("#0B4F8A", "#8EC1F5")
    sans = ":root{--serif:var(--sans)}\n"
    assert brand_css("#0B4F8A", "#8EC1F5", typeface=Typeface.SANS) == sheet + sans
    assert brand_css("red", "red", typeface=Typeface.SANS) == sans


@pytest.mark.parametrize("accent", ["", "red", "#FFF", "#12345G", "#000000;}body{display:none"])
def test_what_is_no_colour_leaves_ours(accent: str) -> None:
    assert brand_css(accent, accent) == ""


@settings(deadline=None)  # a mended colour takes some milliseconds more on a busy machine
@given(_COLOURS, _COLOURS)
def test_every_accent_ends_readable_on_the_page_and_under_its_words(light: str, dark: str) -> None:
    (on_light, on_dark) = _ACCENT.findall(brand_css(light, dark))
    assert contrast(on_light[0], "#F4F4F1") >= 4.5
    assert contrast(on_light[0], "#FFFFFF") >= 4.5
    assert contrast(on_dark[0], "#111111") >= 4.5
    assert contrast(on_dark[0], "#1B1B1B") >= 4.5
    assert contrast(*on_light) >= 4.5
    assert contrast(*on_dark) >= 4.5
