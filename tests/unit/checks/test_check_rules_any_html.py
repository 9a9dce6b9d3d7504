"""Whatever a template makes, no check of the HTML fails on it: a draft must not hang on that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from digest.checks import accessibility, clients, images, links, size
from digest.checks.model import Limits
from tests.unit.checks.page_builders import facts, letter, page, story

RULES = [
    rule
    for module in (size, links, images, accessibility, clients)
    for rule in module.RULES
    if rule.look_at_page is not None
]
_PIECES = st.sampled_from(
    [
        *("<", ">", '"', "'", "&amp;", "&#0;", "\x00", "\x85", "é", "ب", "\u202e", "<!--", "-->"),
        *("<p>", "</p>", "<a href='", "<a href=x>", "</a>", "<a>", "<img src='", "<img>", "<h1>"),
        *("<h3>", "</h3>", "<table>", "<tr>", "<td width=", "<style>", "</style>", "<div style='"),
        *("color:", "color:#12", "rgb(1,2", "hsl(", "font-size:", "font:0/0 a", "1e9px", "-1em"),
        *("padding:1px 2px", "background:", "url(", ")", ";", "{", "}", "@media", "(min-width:x)"),
        *("var(--a)", "calc(1px + 2em)", "line-height:0", "http://[::1", "https://a b", "mailto:"),
        *("javascript:", "//x", "?utm_=&sig=", "#", "#top", "width='0'", " alt=''", "dir=rtl "),
        *("<body>", "<html lang=>", "<meta name=viewport content='", "maximum-scale=1.", "10" * 9),
        *(
            "display:none",
            "direction:rtl",
            "<mj-text css-class='x'>",
            "!important",
            "::before",
            "*",
        ),
    ]
)


@given(
    st.lists(st.one_of(_PIECES, st.text(max_size=4)), max_size=60), st.sampled_from(["en", "ar"])
)
def test_no_check_fails_on_any_page(pieces: list[str], language: str) -> None:
    source = "".join(pieces)
    one = page(source, of=letter(story(1, url=source[:20] or None)), language=language)
    one_of = facts(one)
    for rule in RULES:
        assert rule.look_at_page is not None
        for found in rule.look_at_page(one_of, one, Limits(html_warn=10)):
            assert found.sentence
