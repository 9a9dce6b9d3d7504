from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources.cleaning import (
    MAX_HTML_BYTES,
    CleanBody,
    clean_body,
    has_words,
    one_line,
    plain_line,
    safe_link,
    without_paragraphs,
    without_tags,
)

ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=80)
MARKUP = st.text(st.sampled_from("<>/&;#!?ab=\"' \n\x00\ud800lt"), max_size=60)
TAG = re.compile(r"<[A-Za-z/!?][^<>]*>")


def test_one_line_folds_whitespace_and_drops_what_cannot_be_seen_but_keeps_typography() -> None:
    text = "  “Quoted”\u00a0\r\n\tone\x00\x07\x85two\u2028\u202ethree\ud800\ufeff —\x9f "
    assert one_line(text) == "“Quoted” one twothree —".replace("twothree", "two three")


@settings(deadline=None)
@given(ANY_TEXT)
def test_one_line_never_holds_a_control_or_surrogate(text: str) -> None:
    line = one_line(text)
    assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
    assert one_line(line) == line


@settings(deadline=None)
@given(ANY_TEXT | MARKUP, st.booleans())
def test_a_plain_line_never_holds_a_tag_or_a_control(text: str, escaped: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    line = plain_line(text, escaped=escaped)
    assert not TAG.search(line)
    assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cs"}]


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("a <b>bold</b> wo<i>r</i>d", "a bold word"),
        ("one<br/>two", "one two"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "alert(1)"),
        ("<<b>script>x", "x"),
        ("1 < 2 and 3 > 2, I <3 it", "1 < 2 and 3 > 2, I <3 it"),
        ("caf&eacute; &#8217; &#0;", "café ’ �"),
        ("\u200b\u200e", ""),
        ("<b></b>", ""),
    ],
)
def test_a_plain_line_is_the_words_of_the_markup(markup: str, words: str) -> None:
    assert plain_line(markup) == words


def test_a_text_that_is_not_escaped_keeps_its_ampersands() -> None:
    assert plain_line("Tom &amp; Jerry <i>x</i>", escaped=False) == "Tom &amp; Jerry x"


def test_words_are_what_can_be_seen() -> None:
    assert has_words("…")
    assert not has_words(" \u200b\u00ad")


def test_a_body_keeps_its_paragraphs_links_and_first_picture_and_loses_what_acts() -> None:
    body = clean_body(
        "<div onclick='x()'><p>One <b>bold</b>\nline &amp; <a href='/x'>link</a></p>"
        "Two<br><br>Three<script>alert(1)</script><svg><text>four</text></svg>"
        "<a href='javascript:x'>five</a>"
        "<img src='pixel.gif' width='1' height='1'><figure>"
        "<img src='p.png' alt='A &quot;pier&quot;'>"
        "<figcaption>Caption</figcaption></figure></div>",
        base="https://e.example/news/1.html",
    )
    assert body == CleanBody(
        html='<div><p>One <b>bold</b>\nline &amp; <a href="https://e.example/x"'
        ' rel="noopener noreferrer">link</a></p>Two<br><br>Three'
        '<a rel="noopener noreferrer">five</a>'
        '<img src="https://e.example/news/pixel.gif" width="1" height="1">'
        '<figure><img src="https://e.example/news/p.png" alt="A &quot;pier&quot;">'
        "<figcaption>Caption</figcaption></figure></div>",
        paragraphs=("One bold line & link", "Two", "Threefive"),
        image=("https://e.example/news/p.png", 'A "pier"'),
    )
    assert body.text == "One bold line & link\n\nTwo\n\nThreefive"


def test_a_body_without_a_base_loses_relative_links() -> None:
    assert clean_body('<p><a href="/x">a</a></p>', base="feeds/a.xml").html == (
        '<p><a rel="noopener noreferrer">a</a></p>'
    )


def test_a_picture_of_odd_size_keeps_only_numbers() -> None:
    assert clean_body('<img src="https://e.example/a.png" width="100%" height="20">').html == (
        '<img src="https://e.example/a.png" height="20">'
    )


@pytest.mark.parametrize(
    ("markup", "image"),
    [
        ('<img src="/e.gif" width="1" height="1"><img src="/a.jpg" alt="A">', ("a.jpg", "A")),
        ('<img src="/emoji/1.png"><img src="/a.jpg" alt="IMG_3.jpg">', ("a.jpg", "")),
        ('<img src="/i.jpg" width="64"><img src="/a.jpg" width="640">', ("a.jpg", "")),
        ('<img src="/e.gif" data-src="/a.jpg">', ("a.jpg", "")),
        ("<img src='data:image/gif;base64,x' data-lazy-src='/a\".jpg'>", ("a%22.jpg", "")),
        ("<img data-original=/a.jpg>", ("a.jpg", "")),
        ('<img srcset="/s.jpg 300w, /a.jpg 1200w, /l.jpg 5000w">', ("a.jpg", "")),
        ('<img srcset="/l.jpg 5000w, /xl.jpg 9000w">', ("l.jpg", "")),
        ('<img srcset="/a.jpg 2x, /b.jpg">', ("a.jpg", "")),
        ('<img src="/a.jpg" data-src="/a.jpg" srcset="/b.jpg 900w">', ("a.jpg", "")),
        ('<img alt="none">', None),
        ('<img src="data:x" srcset="">', None),
        ('<img src="/a.jpg" width="" height="0">', None),
    ],
)
def test_a_bodys_picture_is_the_first_sensible_one_however_it_is_loaded(
    markup: str, image: tuple[str, str] | None
) -> None:
    found = clean_body(f"<p>x</p>{markup}", base="https://e.example/").image
    assert found == (image and (f"https://e.example/{image[0]}", image[1]))


def test_too_long_a_body_is_cut_and_says_so() -> None:
    body = clean_body("<p>" + "é" * MAX_HTML_BYTES)
    assert body.was_cut
    assert len(body.text.encode()) < MAX_HTML_BYTES


@pytest.mark.parametrize("tag", ["div", "b", "blockquote"])
def test_a_deeply_nested_body_keeps_its_words_only(tag: str) -> None:
    body = clean_body(f"<{tag}>" * 31 + "a &amp; b" + f"</{tag}>" * 31)
    assert (body.html, body.text) == ("<p>a &amp; b</p>", "a & b")


def test_paragraphs_that_are_never_closed_are_not_nested() -> None:
    body = clean_body("".join(f"<p>number {n}" for n in range(200)))
    assert len(body.paragraphs) == 200
    assert body.html.startswith("<p>number 0</p>")


@pytest.mark.parametrize(
    "markup",
    [
        "<div>" * 50_000,
        "<" * MAX_HTML_BYTES,
        "<a " * 80_000,
        "&" * MAX_HTML_BYTES,
        "<a " + " ".join(f"a{n}=1" for n in range(40_000)) + ">x",
        "<!--" * 60_000,
        ("<b>" * 30 + "x" + "</b>" * 30) * 1_000,
        "<img " + "src='" * 60_000,
        "<img srcset='" + "a 1w," * 50_000 + "'>",
        "<table>" + "<b>x" * 29 + "<p>" * 60_000,
    ],
)
def test_a_hostile_body_is_over_soon(markup: str) -> None:
    began = time.monotonic()
    clean_body(markup)
    assert time.monotonic() - began < 5


@settings(deadline=None)
@given(ANY_TEXT | MARKUP)
def test_any_body_is_survived(markup: str) -> None:
    body = clean_body(markup, base="https://e.example/")
    assert all(one_line(text) == text for text in body.paragraphs)
    assert clean_body(body.html).paragraphs == body.paragraphs


@pytest.mark.parametrize(
    ("first", "last", "html", "paragraphs"),
    [
        (1, 0, "<p>Two</p><p>Three</p>", ("Two", "Three")),
        (0, 1, "<h2>One</h2><p>Two</p>", ("One", "Two")),
        (1, 1, "<p>Two</p>", ("Two",)),
        (3, 0, "", ()),
        (2, 2, "<h2>One</h2><p>Two</p><p>Three</p>", ("One", "Two", "Three")),
        (4, 0, "<h2>One</h2><p>Two</p><p>Three</p>", ("One", "Two", "Three")),
    ],
)
def test_paragraphs_are_cut_from_both_forms_or_from_none(
    first: int, last: int, html: str, paragraphs: tuple[str, ...]
) -> None:
    body = clean_body("<h2>One</h2><p>Two</p><p>Three</p>")
    assert without_paragraphs(body, first=first, last=last) == CleanBody(html, paragraphs)


@pytest.mark.parametrize(
    "markup",
    ["One<br><br>Two", "<div><p>One</p></div>", "<p><img src='https://e.example/a'>One</p>"],
)
def test_a_first_paragraph_that_is_not_plain_stays(markup: str) -> None:
    body = clean_body(markup)
    assert without_paragraphs(body, first=1) == body
    assert without_paragraphs(body, last=1) == body


def test_empty_paragraphs_after_the_last_go_with_it() -> None:
    body = clean_body("<p>One</p><p>Two</p><p>&nbsp;</p>\n<p></p>")
    assert without_paragraphs(body, last=1) == CleanBody("<p>One</p>", ("One",))


def test_empty_paragraphs_before_the_first_go_with_it() -> None:
    body = clean_body("<p>&nbsp;</p>\n<p><br></p><p>One</p><p>Two</p>")
    assert without_paragraphs(body, first=1) == CleanBody("<p>Two</p>", ("Two",))


def test_a_paragraph_that_goes_on_after_a_line_break_stays() -> None:
    body = clean_body("<p>One<br><br>Two</p><p>Three</p>")
    assert without_paragraphs(body, first=1) == body


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://Gazette.example/a b?q=\"é'#f", "https://gazette.example/a%20b?q=%22%C3%A9%27#f"),
        ("//cdn.example/x", "https://cdn.example/x"),
        ("x?a=1&b=2", "https://gazette.example/news/x?a=1&b=2"),
        ("http://müller.example:8080/ü", "http://xn--mller-kva.example:8080/%C3%BC"),
        ("http://[2001:db8::1]/", "http://[2001:db8::1]/"),
        ("https://e.example/\r\nSet-Cookie:x\x00", "https://e.example/%20Set-Cookie:x"),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("mailto:a@b.example", None),
        ("ftp://e.example/", None),
        ("https://user:secret@e.example/", None),
        ("https://e.example\\@evil.example/", None),
        ("/\\evil.example", None),
        ("http://[::1", None),
        ("http://e.example:99999/", None),
        ("http://[v1.x]/", None),
        ("https://" + "a" * 300 + ".example/", None),
        ("https://" + "ü" * 100 + ".example/", None),
        ("https:///x", "https://gazette.example/x"),
        ("http://exa mple/", None),
        ("http://./", None),
        ("https://e.example/" + "a" * 3_000, None),
        ("", None),
    ],
)
def test_only_whole_http_addresses_are_links(address: str, link: str | None) -> None:
    assert safe_link(address, base="https://gazette.example/news/") == link


@settings(deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_any_address_is_survived_and_a_link_is_ascii(address: str, base: str) -> None:
    link = safe_link(address, base=base)
    assert link is None or (link.isascii() and link.startswith(("http://", "https://")))


@settings(deadline=None)
@given(st.text("<b>/ x", max_size=40))
def test_no_tag_is_left_when_tags_are_removed(text: str) -> None:
    assert not TAG.search(without_tags(text))
