"""A letter in a frame: light or dark as asked, its words untouched."""

from __future__ import annotations

import pytest

from digest.web.frames import (
    Scheme,
    in_new_window,
    in_scheme,
    pictures_in,
    with_pictures_from,
    without_pictures,
    without_sheet,
    without_styles,
)

LETTER = """<html><head><meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark"><style type="text/css">
:root { color-scheme: light dark; supported-color-schemes: light dark }
@media ( prefers-color-scheme:Dark ) and (max-width:520px) { body { color: #EDEDEA } }
@media (prefers-color-scheme: light) { b { color: #111 } }
</style></head><body><picture><source media="(prefers-color-scheme: dark)" srcset="x"></picture>
<p>Write @media (prefers-color-scheme: dark) and color-scheme: light dark.</p></body></html>"""


@pytest.mark.parametrize(
    ("scheme", "dark", "light"),
    [
        (Scheme.DARK, "(min-width:0)", "(max-width:0)"),
        (Scheme.LIGHT, "(max-width:0)", "(min-width:0)"),
    ],
)
def test_the_rules_of_one_face_hold_and_those_of_the_other_do_not(
    scheme: Scheme, dark: str, light: str
) -> None:
    assert in_scheme(LETTER, scheme) == (
        f"""<html><head><meta name="color-scheme" content="{scheme}">
<meta name="supported-color-schemes" content="{scheme}"><style type="text/css">
:root {{ color-scheme: {scheme}; supported-color-schemes: {scheme}}}
@media {dark} and (max-width:520px) {{ body {{ color: #EDEDEA }} }}
@media {light} {{ b {{ color: #111 }} }}
</style></head><body><picture><source media="{dark}" srcset="x"></picture>
<p>Write @media (prefers-color-scheme: dark) and color-scheme: light dark.</p></body></html>"""
    )


def test_links_lead_out_of_the_frame() -> None:
    assert in_new_window("<html><HEAD lang=en><title>") == (
        '<html><HEAD lang=en><base target="_blank"><title>'
    )
    assert in_new_window("<p>") == '<base target="_blank"><p>'


def test_only_our_own_pictures_are_taken_from_beside_the_page() -> None:
    ours, other = f"{'a' * 64}.jpg", f"{'b' * 64}.png"
    html = (
        f'<img src="https://l.example/images/{ours}"><img src="https://l.example/images/{ours}">'
        f'<img src="https://l.example/images/{other}"><a href="https://l.example/images/cats">'
        f'<img src="https://elsewhere.example/images/{ours}">'
    )
    assert pictures_in(html, "https://l.example") == (ours, other)
    assert with_pictures_from(html, "https://l.example", "images/") == (
        f'<img src="images/{ours}"><img src="images/{ours}">'
        f'<img src="images/{other}"><a href="https://l.example/images/cats">'
        f'<img src="https://elsewhere.example/images/{ours}">'
    )


def test_without_pictures_only_their_words_are_left() -> None:
    html = (
        '<style>td{background:url(a.png) #FFF}</style><td background="b.png" style="background:'
        'url(c.png)"><img src="https://x.example/d.png" alt="Sea > shore" width="9"></td>'
    )
    assert without_pictures(html) == (
        '<style>td{background:none #FFF}</style><td style="background:none">'
        '<img alt="Sea > shore" width="9"></td>'
    )


def test_a_sheet_goes_and_inline_styles_stay_and_then_they_go_too() -> None:
    html = '<style media="all">p{color:red}</style><p style="margin:0" id="a">style="x"</p>'
    assert without_sheet(html) == '<p style="margin:0" id="a">style="x"</p>'
    assert without_styles(html) == '<p id="a">style="x"</p>'
