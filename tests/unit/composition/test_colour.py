"""Colours that can be read, by WCAG's arithmetic and by what forced dark mode does."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.composition.colour import (
    CARD,
    CARD_DARK,
    PAGE,
    PAGE_DARK,
    READABLE,
    Palette,
    contrast,
    derived_dark,
    forced_ground,
    forced_words,
    from_lch,
    ink_on,
    is_colour,
    palette_of,
    to_lch,
)

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06X}".format)


def test_contrast_is_wcags() -> None:
    assert round(contrast("#000000", "#FFFFFF"), 2) == 21
    assert round(contrast("#777777", "#FFFFFF"), 2) == 4.48
    assert round(contrast("#0B4F8A", CARD), 1) == 8.4


def test_a_colour_is_six_digits() -> None:
    assert is_colour("#0b4F8a")
    assert not any(map(is_colour, ("", "red", "#FFF", "#12345G", "#000000;}")))


@given(COLOURS)
def test_lightness_chroma_and_hue_give_the_colour_back(colour: str) -> None:
    assert from_lch(to_lch(colour)) == colour


def test_lightness_is_that_of_cie_lab() -> None:
    assert round(to_lch("#FFFFFF").lightness, 1) == 100
    assert round(to_lch("#777777").lightness, 1) == 50.0
    assert to_lch("#000000").lightness == pytest.approx(0, abs=1e-6)
    blue = to_lch("#0000FF")
    assert (round(blue.lightness, 1), round(blue.chroma, 1)) == (32.3, 133.8)


def test_forced_dark_turns_grounds_and_words_as_the_design_measured() -> None:
    assert (forced_ground(PAGE), forced_ground(CARD)) == ("#272725", "#212121")
    card = forced_ground(CARD)
    measured = {"#1A1A1A": 9.6, "#5A5A57": 4.9, "#0B4F8A": 5.6, "#8A1C1C": 5.9}
    found = {words: round(contrast(forced_words(words), card), 1) for words in measured}
    assert found == measured


def test_forced_dark_leaves_dark_grounds_and_light_words() -> None:
    assert forced_ground("#111111") == "#111111"
    assert forced_words("#ededea") == "#EDEDEA"


def test_the_houses_own_accent_is_kept_and_has_its_own_dark_one() -> None:
    assert palette_of("#0b4f8a") == Palette("#0B4F8A", "#8EC1F5", "#FFFFFF", "#101418")


@pytest.mark.parametrize(
    ("accent", "dark", "used", "told"),
    [
        (
            "#FFCC00",
            None,
            ("#705800", "#FFCC00"),
            "accent: #FFCC00 has 1.3:1 on the page; #705800 is used in mail and pages",
        ),
        (
            "#757575",
            None,
            ("#5B5B5B", "#BBBBBB"),
            "accent: #757575 has 3.3:1 on forced dark; #5B5B5B is used in mail and pages",
        ),
        (
            "#0B4F8A",
            "#0B4F8A",
            ("#0B4F8A", "#5885C5"),
            "accent_dark: #0B4F8A has 2.0:1 on the dark card; #5885C5 is used in dark mode",
        ),
    ],
)
def test_what_cannot_be_read_is_corrected_and_told(
    accent: str, dark: str | None, used: tuple[str, str], told: str
) -> None:
    palette = palette_of(accent, dark)
    assert (palette.accent, palette.accent_dark) == used
    assert palette.told == (f"site.brand.{told}",)


@settings(deadline=None)  # a mended colour takes some milliseconds more on a busy machine
@given(COLOURS, st.none() | COLOURS)
def test_every_accent_ends_readable_everywhere(accent: str, dark: str | None) -> None:
    palette = palette_of(accent, dark)
    for ground in (PAGE, CARD):
        assert contrast(palette.accent, ground) >= READABLE
        forced = contrast(forced_words(palette.accent), forced_ground(ground))
        assert forced >= READABLE
    for ground in (PAGE_DARK, CARD_DARK):
        assert contrast(palette.accent_dark, ground) >= READABLE
    assert contrast(palette.on_accent, palette.accent) >= READABLE
    assert contrast(palette.on_accent_dark, palette.accent_dark) >= READABLE
    assert palette_of(palette.accent, palette.accent_dark).told == ()


@given(COLOURS)
def test_a_dark_accent_is_derived_light_enough_not_to_need_correcting(accent: str) -> None:
    derived = derived_dark(accent)
    assert min(contrast(derived, CARD_DARK), contrast(derived, PAGE_DARK)) >= READABLE


def test_ink_is_whichever_reads_better() -> None:
    assert (ink_on("#0B4F8A"), ink_on("#8EC1F5")) == ("#FFFFFF", "#101418")
