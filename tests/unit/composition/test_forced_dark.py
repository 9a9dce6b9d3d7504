"""A light letter in the hands of a program that forces dark mode."""

from __future__ import annotations

import re

import pytest

from digest.composition.colour import contrast, forced_ground, forced_words
from digest.composition.forced_dark import forced_dark

DARK, LIGHT = forced_ground("#FFFFFF"), forced_words("#1A1A1A")


def in_tag(style: str) -> str:
    made = forced_dark(f'<html><head></head><body><p style="{style}">x</p></body></html>')
    found = re.search(r'<p style="([^"]*)">', made)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(
    ("style", "made"),
    [
        ("background-color:#FFFFFF", f"background-color:{DARK}"),
        ("background:#fff", f"background:{DARK}"),
        ("background: white url(x.png)", f"background: {DARK} url(x.png)"),
        ("color:#1A1A1A", f"color:{LIGHT}"),
        ("color: rgb(26, 26, 26)", f"color: {LIGHT}"),
        ("border-top:2px solid #1A1A1A", f"border-top:2px solid {LIGHT}"),
        ("border-color:#D9D9D6", "border-color:#D9D9D6"),
        ("color:#FFFFFF", "color:#FFFFFF"),
        ("background-color:#111111", "background-color:#111111"),
        ("color:inherit;font-family:Georgia", "color:inherit;font-family:Georgia"),
        ("font-family:Black", "font-family:Black"),
        ("background:transparent", "background:transparent"),
        ("COLOR:BLACK", f"COLOR:{forced_words('#000000')}"),
    ],
)
def test_light_grounds_and_dark_words_are_turned_and_nothing_else(style: str, made: str) -> None:
    assert in_tag(style) == made


def test_sheets_and_old_attributes_are_turned_and_words_are_not() -> None:
    made = forced_dark(
        "<html><head><style>.a { color: #1A1A1A } /* white */ .b{background:#FFFFFF}</style></head>"
        '<body bgcolor="#FFFFFF"><font color=#1A1A1A title="color: black">color: black</font>'
    )
    assert f".a {{ color: {LIGHT} }}" in made
    assert f".b{{background:{DARK}}}" in made
    assert f'bgcolor="{DARK}"' in made
    assert f"<font color={LIGHT}" in made
    assert 'title="color: black">color: black</font>' in made


def test_what_has_no_ground_stands_on_the_dark_of_the_program() -> None:
    sheet = f"<style>html{{background-color:{DARK};color:{forced_words('#000000')}}}</style>"
    assert sheet in forced_dark("<html><head></head><body></body></html>")
    assert forced_dark("bare") == f"{sheet}bare"
    assert contrast(forced_words("#000000"), DARK) > 4.5


def test_a_colour_that_lets_through_goes_on_doing_so() -> None:
    assert in_tag("color:#1A1A1A80").startswith("color:rgba(")
    assert in_tag("color:#zzzzzz") == "color:#zzzzzz"
