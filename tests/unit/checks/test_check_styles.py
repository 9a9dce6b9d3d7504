"""How elements look: sheets, selectors, colours and the cascade, each by itself."""

from __future__ import annotations

import pytest

from digest.checks.css_colour import Colour, read_colour
from digest.checks.markup_tree import Tree
from digest.checks.selectors import read_selector
from digest.checks.sheet import AtRule, Declaration, StyleRule, read_declarations, read_sheet
from digest.checks.styles import DARK, LIGHT, PHONE, View, applies

_PAGE = (
    '<html><head><style>{}</style></head><body class="page"><div class="card"><p class="a b"'
    ' id="x" style="{}"><a href="y">words</a></p></div></body></html>'
)


def test_a_sheet_is_taken_apart_with_the_line_of_each_rule() -> None:
    sheet = read_sheet(
        '/* a { b } */\n@import "x;y.css";\np, .a { color: red !important; margin:0 }\n'
        "@media (min-width:1px) {\n  a:hover { background: url(data:image/png;base64,AA==) }\n}\n",
        line=10,
    )
    assert sheet.rules == (
        StyleRule(
            ("p", ".a"),
            (Declaration("color", "red", is_important=True), Declaration("margin", "0")),
            (),
            12,
        ),
        StyleRule(
            ("a:hover",),
            (Declaration("background", "url(data:image/png;base64,AA==)"),),
            ("@media (min-width:1px)",),
            14,
        ),
    )
    assert sheet.at_rules == (
        AtRule("@import", '"x;y.css"', 0, 10),
        AtRule("@media", "(min-width:1px)", 0, 13),
    )
    assert sheet.has_comments


@pytest.mark.parametrize("css", ["}", "{{{", "a{b:c", "@media{", 'a{b:"', "a{:;;b:}", "", "\0é{}"])
def test_a_broken_sheet_is_read_as_far_as_it_goes(css: str) -> None:
    assert read_sheet(css).nested == ()


def test_rules_within_rules_are_kept_apart() -> None:
    sheet = read_sheet("p { color: red; & a { color: blue } }")
    assert [rule.selectors for rule in sheet.rules] == [("p",)]
    assert [rule.selectors for rule in sheet.nested] == [("& a",)]


def test_declarations_are_read_in_lower_case_but_for_custom_names() -> None:
    assert read_declarations("COLOR:Red;--Ink: 1;; x ;font-family:'a;b'") == (
        Declaration("color", "Red"),
        Declaration("--Ink", "1"),
        Declaration("font-family", "'a;b'"),
    )


@pytest.mark.parametrize(
    ("selector", "specificity"),
    [
        ("p", (0, 0, 1)),
        ("*", (0, 0, 0)),
        (".page p.a.b", (0, 3, 1)),
        ("#x", (1, 0, 0)),
        (".card > p", (0, 1, 1)),
        ("body .card>p[id=x]", (0, 2, 2)),
        ("[class~=b]", (0, 1, 0)),
        ("[id^='x']", (0, 1, 0)),
        (":root p", (0, 1, 1)),
    ],
)
def test_a_selector_means_the_paragraph(selector: str, specificity: tuple[int, int, int]) -> None:
    paragraph = next(Tree(_PAGE.format("", "")).all("p"))
    read = read_selector(selector)
    assert read is not None
    assert read.means(paragraph)
    assert read.specificity == specificity


@pytest.mark.parametrize("selector", [".c", "a", ".page > p", "div p.c", "#y", ":root", "[id=y]"])
def test_a_selector_does_not_mean_the_paragraph(selector: str) -> None:
    read = read_selector(selector)
    assert read is not None
    assert not read.means(next(Tree(_PAGE.format("", "")).all("p")))


@pytest.mark.parametrize(
    "selector",
    ["a:hover", "p::before", "h1 + p", "h1 ~ p", "p:nth-child(2)", "& a", "", ">", "a >"],
)
def test_what_no_element_is_at_rest_is_passed_over(selector: str) -> None:
    assert read_selector(selector) is None


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ("#0b4f8a", Colour(11, 79, 138)),
        ("#FFF", Colour(255, 255, 255)),
        ("#00000080", Colour(0, 0, 0, 128 / 255)),
        ("rgb(1, 2, 3)", Colour(1, 2, 3)),
        ("rgb(100% 0% 0% / 50%)", Colour(255, 0, 0, 0.5)),
        ("rgba(1,2,3,.25)", Colour(1, 2, 3, 0.25)),
        ("hsl(0, 100%, 50%)", Colour(255, 0, 0)),
        ("RebeccaPurple", Colour(102, 51, 153)),
        ("transparent", Colour(0, 0, 0, 0.0)),
        ("inherit", None),
        ("var(--ink)", None),
        ("rgb(1, 2)", None),
        ("#12345", None),
        ("hsl(a, b, c)", None),
    ],
)
def test_colours_are_read(text: str, colour: Colour | None) -> None:
    assert read_colour(text) == colour


def test_a_clear_colour_is_laid_over_its_ground() -> None:
    assert Colour(0, 0, 0, 0.5).over(Colour(255, 255, 255)) == Colour(128, 128, 128)


@pytest.mark.parametrize(
    ("at_rule", "view", "holds"),
    [
        ("@media (max-width:520px)", PHONE, True),
        ("@media (max-width:520px)", LIGHT, False),
        ("@media only screen and (min-width:480px)", LIGHT, True),
        ("@media (prefers-color-scheme: dark)", DARK, True),
        ("@media (prefers-color-scheme: dark)", LIGHT, False),
        ("@media print, (max-width: 30em)", PHONE, True),
        ("@media print", LIGHT, False),
        ("@media not print", LIGHT, True),
        ("@media (hover)", LIGHT, False),
        ("@supports (display:grid)", LIGHT, True),
        ("@font-face", LIGHT, False),
    ],
)
def test_what_stands_in_an_at_rule_holds_or_not(at_rule: str, view: View, *, holds: bool) -> None:
    assert applies(at_rule, view) is holds


def _look(css: str, style: str = "", tag: str = "p", view: View = LIGHT) -> tuple[str, str, float]:
    tree = Tree(_PAGE.format(css, style))
    look = tree.looks(view)[next(tree.all(tag)).index]
    return look.colour.hex, look.ground.hex, look.size


@pytest.mark.parametrize(
    ("css", "style", "expected"),
    [
        ("", "", ("#000000", "#FFFFFF", 16.0)),
        ("p{color:#111111}.a{color:#222222}", "", ("#222222", "#FFFFFF", 16.0)),
        (".a{color:#222222}p{color:#111111}", "color:#333333", ("#333333", "#FFFFFF", 16.0)),
        ("p{color:#111111!important}", "color:#333333", ("#111111", "#FFFFFF", 16.0)),
        (".a{color:#111111}.b{color:#222222}", "", ("#222222", "#FFFFFF", 16.0)),
        (".card{font-size:20px}p{font-size:150%}", "", ("#000000", "#FFFFFF", 30.0)),
        (".card{background:#222222}", "background:rgba(0,0,0,.5)", ("#000000", "#111111", 16.0)),
        ("", "font:bold 18px/1.5 serif;background:url(x) #EEEEEE", ("#000000", "#EEEEEE", 18.0)),
    ],
)
def test_the_cascade_comes_to_what_a_browser_shows(
    css: str, style: str, expected: tuple[str, str, float]
) -> None:
    assert _look(css, style) == expected


def test_links_are_blue_and_underlined_unless_it_is_said_otherwise() -> None:
    tree = Tree(_PAGE.format("p a{text-decoration:none}", ""))
    look = tree.looks(LIGHT)[next(tree.all("a")).index]
    assert (look.colour.hex, look.is_underlined) == ("#0000EE", False)
    tree = Tree(_PAGE.format("", "color:#123456"))
    look = tree.looks(LIGHT)[next(tree.all("a")).index]
    assert (look.colour.hex, look.is_underlined) == ("#0000EE", True)


def test_what_is_hidden_hides_what_stands_in_it() -> None:
    for css in ("display:none", "visibility:hidden", "opacity:0", "overflow:hidden;max-height:0"):
        tree = Tree(_PAGE.format("", css))
        looks = tree.looks(LIGHT)
        assert [looks[node.index].is_hidden for node in tree.all("div", "p", "a")] == [
            False,
            True,
            True,
        ]


def test_any_bytes_are_a_page_that_can_be_walked() -> None:
    for source in ("", "\0", "words", "<!-- x", "<p", "&#xD800;", "<a" * 50, "<div>" * 200):
        tree = Tree(source)
        assert tree.looks(LIGHT) is tree.looks(LIGHT)
