from __future__ import annotations

import time
from xml.parsers import expat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.sources.xml_mending import MAX_REFERENCES, mend

MEDIA = 'xmlns:media="http://search.yahoo.com/mrss/"'


def _is_xml(text: str) -> bool:
    try:
        expat.ParserCreate(namespace_separator=" ").Parse(text.encode(), True)  # noqa: FBT003 - expat's own signature
    except expat.ExpatError:
        return False
    return True


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("<rss>Fish & chips</rss>", "<rss>Fish &amp; chips</rss>"),
        ("<rss>a&nbsp;&eacute;&lt;</rss>", "<rss>a&#160;&#233;&lt;</rss>"),
        ("<rss>&unheardof;</rss>", "<rss>&amp;unheardof;</rss>"),
        ('<rss a="x&y=1"/></rss>', '<rss a="x&amp;y=1"/></rss>'),
        ("<rss>&#0;&#x1f;&#55296;&#1114112;&#9;&#XE9;</rss>", "<rss>    &#9;&#233;</rss>"),
        ("<rss>1 < 2 <3</rss>", "<rss>1 &lt; 2 &lt;3</rss>"),
        (
            "<rss><![CDATA[a & b&nbsp;]]>&<!-- & --><?php & ?></rss>",
            "<rss><![CDATA[a & b&nbsp;]]>&amp;<!-- & --><?php & ?></rss>",
        ),
        (
            "<rss><media:group x:y='1'/></rss>",
            f"<rss {MEDIA} xmlns:x=\"urn:undeclared:x\"><media:group x:y='1'/></rss>",
        ),
        (
            "<rss xmlns:a='b'><a:c xml:lang='en'/></rss>",
            "<rss xmlns:a='b'><a:c xml:lang='en'/></rss>",
        ),
        ("<rss>x</rss>\n<script>y", "<rss>x</rss>"),
        (
            "<rss><channel><item>x</item><item>y",
            "<rss><channel><item>x</item></channel></rss>",
        ),
        ("<feed><entry>x</entry><ent", "<feed><entry>x</entry></feed>"),
        ("<r:RDF xmlns:r='r'><item>x</item>", "<r:RDF xmlns:r='r'><item>x</item></r:RDF>"),
    ],
)
def test_what_browsers_forgive_is_mended(broken: str, mended: str) -> None:
    assert mend(broken) == mended


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain & words",
        "<html>a & b</html>",
        "<rss>" + "&" * (MAX_REFERENCES + 1) + "</rss>",
        "<rss><channel><item>half a story",
    ],
)
def test_what_is_no_feed_or_past_mending_stays(text: str) -> None:
    assert mend(text) == text


def test_an_open_section_is_mended_no_further_than_it_is_sure() -> None:
    assert mend("<rss>&<![CDATA[ & </rss>") == "<rss>&amp;&lt;![CDATA[ &amp; </rss>".replace(
        "&lt;!", "<!"
    )


PIECES = st.sampled_from(
    ["<item>", "</item>", "<a:b/>", "<b c:d='1'/>", "&", "&nbsp;", "&#0;", "<", ">", "x", " ",
     "<![CDATA[", "]]>", "<!--", "-->", "<?x", "?>", "</rss>", "&lt;", "\u00e9"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=15).map("".join))
def test_mending_never_breaks_what_is_whole_and_twice_is_once(inside: str) -> None:
    text = f"<rss>{inside}</rss>"
    mended = mend(text)
    assert mend(mended) == mended
    if _is_xml(text):
        assert _is_xml(mended)


@pytest.mark.parametrize("signs", ["<![CDATA[", "<!--", "&", "<a:", "<a b:c='", "</item>", "<rss "])
def test_mending_takes_time_by_length(signs: str) -> None:
    began = time.process_time()
    mend("<rss>" + signs * (MAX_REFERENCES - 1))
    assert time.process_time() - began < 2
