from __future__ import annotations

import pytest

from digest.sources.html_page import decode_page, links, metas, open_page, text_of_element
from tests.unit.sources.page_builders import ADDRESS

GREEK = "Δύο πλοία σαλπάρουν"
RUSSIAN = "Паром снова ходит"
FRENCH = "Le bac repart à l’été – 5 €"


@pytest.mark.parametrize(
    ("content", "content_type", "text"),
    [
        (FRENCH.encode(), "", FRENCH),
        (FRENCH.encode(), "text/html; charset=ISO-8859-1", FRENCH),
        (FRENCH.encode("utf-8-sig"), "text/html; charset=koi8-r", FRENCH),
        (FRENCH.encode("utf-16"), "", FRENCH),
        (FRENCH.encode("cp1252"), "", FRENCH),
        (FRENCH.encode("cp1252"), "text/html; charset=iso-8859-1", FRENCH),
        (FRENCH.encode("cp1252"), "text/html; charset=utf-7", FRENCH),
        (FRENCH.encode("cp1252"), "text/html; charset=utf-8", FRENCH),
        (FRENCH.encode("cp1252"), "text/html; charset=no-such", FRENCH),
        (RUSSIAN.encode("koi8-r"), "text/html; charset='KOI8-R'", RUSSIAN),
        (RUSSIAN.encode("cp1251"), "text/html; charset=windows-1251", RUSSIAN),
        ("日本の港".encode("iso-2022-jp"), "text/html; charset=iso-2022-jp", "日本の港"),
        ("日本の港".encode("cp932"), "text/html; charset=Shift_JIS", "日本の港"),
        ("港口".encode("gb18030"), "text/html; charset=gb2312", "港口"),
        (b"a\x00b", "", "ab"),
    ],
)
def test_a_page_is_decoded_as_it_was_meant(content: bytes, content_type: str, text: str) -> None:
    assert decode_page(content, content_type) == text


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<meta charset=windows-1253>", "cp1253"),
        ('<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=iso-8859-7">', "iso-8859-7"),
        ('<?xml version="1.0" encoding="windows-1253"?>', "cp1253"),
        ('<html class=x lang="el-GR">', "cp1253"),
        ("<meta charset=utf-16><html lang=el>", "cp1253"),
    ],
)
def test_a_page_tells_its_own_encoding_or_its_language_does(head: str, encoding: str) -> None:
    assert decode_page((head + GREEK).encode(encoding)) == head + GREEK


def test_a_page_of_utf_8_with_a_few_broken_bytes_stays_one() -> None:
    content = FRENCH.encode() + b"\xff" + RUSSIAN.encode()[:-1]
    text = decode_page(content, "text/html; charset=utf-8")
    assert text.startswith(FRENCH)
    assert text.endswith("\ufffd")


def test_scripts_styles_and_comments_are_taken_out_and_json_ld_and_styles_kept_apart() -> None:
    text = (
        "<title>A <b> title</title><style>a{}</style><script>if (a<b) '</p>'</script>"
        "<script type='application/ld+json'>{\"a\":1}</script ><!-- <p>no</p> --!><!--><p>Yes<?x?>"
        "<![CDATA[ x ]]></ x></p><textarea><p>No</textarea><iframe><p>No</iframe>"
        '</script><p title="a > b" class=x/>And yes<script>never closed <p>no'
    )
    page = open_page(text.encode(), address=ADDRESS)
    assert (page.data, page.styles) == (('{"a":1}',), "a{}")
    assert text_of_element(page.root) == "A <b> titleYesAnd yes"
    assert [element.get("title") for element in page.root.iter("p")] == [None, "a > b"]


def test_a_title_that_is_never_closed_does_not_hide_the_page() -> None:
    page = open_page(b"<title>x<title>y<p>Yes", address=ADDRESS)
    assert text_of_element(page.root).endswith("Yes")


def test_json_ld_without_end_is_left_out() -> None:
    script = f"<script type=application/ld+json>[{'1,' * 300_000}1]</script>"
    page = open_page((script * 3 + "<p>x").encode(), address=ADDRESS)
    assert len(page.data) == 1
    page = open_page(("<style>a{}</style>" * 90 + "<p>x").encode(), address=ADDRESS)
    assert page.styles.count("a{}") == 50


def test_meta_and_link_elements_are_found_by_each_of_their_names() -> None:
    text = (
        '<meta property="OG:Title og:headline" content="A"><meta name=x><meta name=x content=1>'
        '<meta itemprop=x content=2><link rel="Icon shortcut" href=/a><link href=/b>'
    )
    root = open_page(text.encode(), address=ADDRESS).root
    assert metas(root) == {"og:title": ["A"], "og:headline": ["A"], "x": ["1", "2"]}
    assert [element.get("href") for element in links(root, "icon")] == ["/a"]


@pytest.mark.parametrize(
    ("head", "address", "base"),
    [
        ("", ADDRESS, ADDRESS),
        ("", "saved.html", ""),
        ("<base href='/x/'>", ADDRESS, "https://www.post.example/x/"),
        ("<base target=a>", ADDRESS, ADDRESS),
        ("<base href='javascript:x'>", ADDRESS, ADDRESS),
        ("<base href='https://post.example/'>", "saved.html", "https://post.example/"),
        ("<base href='/x/'>", "saved.html", ""),
    ],
)
def test_the_base_of_links_is_what_the_page_says_or_where_it_came_from(
    head: str, address: str, base: str
) -> None:
    assert open_page(f"{head}<p>x".encode(), address=address).base == base
