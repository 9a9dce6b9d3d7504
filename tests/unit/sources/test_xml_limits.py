from __future__ import annotations

import pytest

from digest.sources.feed_extras import FeedExtras
from digest.sources.xml_limits import Limited, check, decode


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        ("<a>é’</a>".encode(), ""),
        (b"\xef\xbb\xbf" + "<a>é’</a>".encode(), "text/xml; charset=iso-8859-1"),
        ("<a>é’</a>".encode("utf-16"), ""),
        ("<?xml version='1.0'?><a>é’</a>".encode("utf-16-le"), ""),
        ("<?xml version='1.0'?><a>é’</a>".encode("utf-16-be"), ""),
        ("<a>é’</a>".encode("utf-32"), ""),
        (b"<?xml version='1.0' encoding='windows-1252'?><a>\xe9\x92</a>", "text/xml"),
        (b"<a>\xe9\x92</a>", 'text/xml; charset="windows-1252"'),
        (b"<a>\xe9\x92</a>", "text/xml; charset=no-such"),
        (b"<?xml version='1.0' encoding='zlib'?><a>\xe9\x92</a>", ""),
    ],
)
def test_a_feed_is_decoded_by_mark_header_declaration_or_guess(
    content: bytes, content_type: str
) -> None:
    assert decode(content, content_type) == "<a>é’</a>"


def test_what_xml_does_not_allow_is_left_out() -> None:
    assert decode(b"\n <?xml version='1.0'\n?><a>\x00x\x0b\ty</a>") == "\n\n<a>x\ty</a>"


def test_a_sane_feed_passes_and_loses_its_document_type() -> None:
    text = '<!DOCTYPE rss PUBLIC "a"\n "b">\n<!-- hello -->\n<rss><item/></rss>'
    assert check(text) == Limited(
        "<!-- hello -->\n<rss><item/></rss>", extras=FeedExtras(media=((),))
    )


def test_words_about_a_picture_are_not_taken_for_the_storys() -> None:
    text = '<a xmlns:media="m"><media:title>x</media:title><media:description/></a>'
    assert check(text).text.strip() == (
        '<a xmlns:media="m"><media:heading>x</media:heading><media:caption/></a>'
    )


def test_broken_xml_names_the_line_of_the_file() -> None:
    limited = check("\n<!DOCTYPE rss>\n\n<rss>\n<item>&nbsp;</item></rss>")
    assert (limited.broken, limited.refused) == ("line 5: undefined entity", "")
    assert check("plain words").broken == "line 1: syntax error"


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "declares entities or"),
        ("<!DOCTYPE a [<!ATTLIST a b CDATA 'c'>]><a/>", "declares entities or"),
        ("<!-- " + "x" * 20_000 + "--><a/>", "too much before the first element"),
        ("<a>" * 101 + "</a>" * 101, "tags nested deeper than 100"),
        ("<a " + " ".join(f"a{n}='1'" for n in range(101)) + "/>", "a tag with more than 100 attr"),
        ("<a>" + "<b/>" * 100_000 + "</a>", "more than 100,000 tags"),
        ("<a>&nbsp;" + "<b>" * 50_000, "broken, with more than 50,000 tags and entities"),
        (
            "<a><item>" + "<category>x</category>" * 201 + "</item></a>",
            "a story with more than 200 names and keywords",
        ),
        ("<a><author>" + "x" * 2_001 + "</author></a>", "names or keywords too long"),
        (
            "<a>" + f"<item><author>{'x' * 1_900}</author></item>" * 60 + "</a>",
            "names or keywords too long",
        ),
        ("<a>&nbsp;<author>" + "x" * 2_001 + "</author></a>", "names or keywords too long"),
        ("<a>&nbsp;" + "x" * 2_001 + "</author></a>", "names or keywords too long"),
        (
            "<a>&nbsp;<item>" + "<category term='x'/>" * 201,
            "a story with more than 200 names and keywords",
        ),
    ],
)
def test_xml_built_to_hurt_is_refused(text: str, cause: str) -> None:
    assert check(text).refused.startswith(cause)


def test_many_stories_may_have_many_names() -> None:
    item = "<item>" + "<category>News</category>" * 100 + "</item>"
    assert check("<a>" + item * 50 + "</a>").refused == ""
    assert check("<a>&nbsp;" + item * 50 + "</a>").refused == ""
