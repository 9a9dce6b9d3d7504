"""Pages built to hurt or to deceive, and pages that are merely broken."""

from __future__ import annotations

import contextlib
import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.errors import SourceError
from digest.sources.discover import read_site
from digest.sources.html_page import MAX_BYTES
from digest.sources.model import FoundStory
from digest.sources.page import read_article_page
from tests.unit.sources.page_builders import (
    ADDRESS,
    BODY,
    PARAGRAPHS,
    an_article,
    ld,
    meta,
    page,
    read,
    story,
)

TAG = re.compile(r"<(?!/?(?:a|p|b|strong|em|i|h[2-6]|ul|ol|li|img|blockquote|br|table|tbody|tr|td"
                 r"|figure|figcaption|code|pre|del|s|u|sub|sup|cite|q|hr|div|span)\b)")  # fmt: skip
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"


def _texts(found: FoundStory) -> list[str]:
    media = [found.picture.alt, found.picture.credit] if found.picture else []
    return [found.headline, found.standfirst, *found.authors, *found.categories, *media]


def _assert_harmless(found: FoundStory) -> None:
    for text in _texts(found):
        assert not re.search(r"<[A-Za-z/!?][^<>]*>", text), text
        assert not [c for c in text if unicodedata.category(c) in {"Cc", "Cs"}]
        assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert not TAG.search(found.body_html)
    assert not re.search(r"<[^<>]*\s(?:on\w+\s*=|(?:href|src)=.(?!https?://))", found.body_html)
    links = [
        found.url,
        found.picture and found.picture.url,
        found.recording and found.recording.url,
    ]
    assert [link for link in links if link and not link.startswith(("http://", "https://"))] == []


def test_scripts_in_every_field_are_words_at_most() -> None:
    said = an_article(
        headline=f"Ferry {SCRIPT}",
        description=f"Glad {SCRIPT}",
        author=[f"Ann {SCRIPT}", {"name": SCRIPT}],
        articleSection=SCRIPT,
        keywords=[SCRIPT],
        image={"url": "javascript:alert(1)", "caption": SCRIPT, "creditText": SCRIPT},
        audio={"@type": "AudioObject", "contentUrl": "data:audio/mp3,x"},
        inLanguage=SCRIPT,
        url="javascript:alert(3)",
        publisher={"name": SCRIPT},
    )
    for head in (
        ld(said).replace("</script><img", "<\\/script><img"),
        meta(og__title=SCRIPT, og__description=SCRIPT, article__author=SCRIPT, og__image=SCRIPT),
    ):
        found = story(page(head, f"{SCRIPT}<p onclick='x()'>{SCRIPT}{PARAGRAPHS[0]}</p>{BODY}"))
        _assert_harmless(found)


@pytest.mark.parametrize(
    "headline",
    [
        "Ferry \u202esnias\u202c again",
        "Fer\x00ry sails",
        "\ud83d\ude00 Ferry \ud800 sails",
        "Ferry\u2028sails\u0085again",
        "🛥️ 日本 العربية",
        "word " * 2_000,
        "x" * 10_000,
    ],
)
def test_odd_headlines_are_cleaned_or_survive(headline: str) -> None:
    for head in (
        ld(an_article(headline=headline)),
        meta(og__title=headline.encode("utf-8", "replace").decode()),
    ):
        found = story(page(head))
        _assert_harmless(found)
        assert 0 < len(found.headline) <= 500


def test_hardly_anything_is_one_kind_of_error() -> None:
    for content in (
        b"\0",
        b"<",
        b"<html>",
        b"<p>",
        b"\xff\xfe",
        b"&#0;",
        b"<title>",
        b"PK\x03\x04",
    ):
        with pytest.raises(SourceError):
            read(content)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("<div>" * 100_000 + "</div>" * 100_001, "more than 200,000 tags"),
        (f"<p {' '.join(f'a{n}' for n in range(200_000))}>", "a tag with more than 200 attributes"),
        ("<p " + 'a="1"' * 300 + ">", "a tag with more than 200 attributes"),
        ("x" * (MAX_BYTES + 1), "larger than 5 MB"),
    ],
)
def test_what_is_built_to_hurt_is_refused_in_words(text: str, cause: str) -> None:
    for reader in (read_article_page, read_site):
        with pytest.raises(SourceError, match=cause):
            reader(text.encode(), address=ADDRESS)


def test_what_is_nested_too_deep_is_read_as_far_as_the_parser_goes_and_told() -> None:
    found = read(page(ld(an_article()), BODY + "<div>" * 300 + "<p>Lost.</p>"))
    assert found.warnings == ("its tags are nested too deep; what stands behind that was not read",)
    assert "Lost." not in found.stories[0].body_text


def test_of_a_page_too_large_to_search_every_paragraph_is_taken_and_that_is_told() -> None:
    text = page(ld(an_article()), BODY).replace("</main>", "</main>" + "<i>x</i>" * 13_000)
    found = read(text)
    assert found.warnings == ("too large to tell its text from what stands around it",)
    assert found.stories[0].body_text == "\n\n".join(PARAGRAPHS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("</head>", ""),
        ("<body>", ""),
        ("</p>", ""),
        ("<p>", "<P\n\tclass = a>"),
        ("<html>", "<html lang=en lang=de><html>"),
        ("<main>", "<main><p></b></i></p><form><form>"),
        ("<article>", "<article><!-- <script> --><style><!-- p{} --></style>"),
        ("<article>", "<article><![CDATA[ x ]]><?php echo 1 ?>"),
        ("</main>", "</main></body></html><p>"),
        ("<title>", "<script>if (a<b && c>d) document.write('<p>')</script><title>"),
    ],
)
def test_what_browsers_forgive_is_forgiven(before: str, after: str) -> None:
    found = story(page(ld(an_article())).replace(before, after))
    assert found.body_text == "\n\n".join(PARAGRAPHS)


PIECES = st.sampled_from(
    [
        *("<", ">", "</p>", "<p>", "<div>" * 40, "<!--", "-->", "<script>", "</script>", '"', "'"),
        *("<b", "<a href=", "javascript:x", "&lt;script&gt;", "&#0;", "\x00", "\u202e", "\ufffe"),
        *(
            '<meta property="og:title" content="',
            '<meta name=date content="2026-01-09">',
            "<title>",
        ),
        *(ld({"@type": "NewsArticle"}), ld("{"), "<base href=//x>", "<h1>", "<article>", "<svg>"),
        *("<plaintext>", "<textarea>", "<noscript><img src=x>", "\ud83d", "&amp;lt;b&amp;gt;"),
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(0, 1_200), PIECES | st.text(max_size=8)), max_size=12),
    st.integers(0, 1_500),
)
def test_any_page_ends_in_a_harmless_story_or_in_one_kind_of_error(
    changes: list[tuple[int, str]], cut: int
) -> None:
    text = page(ld(an_article(description="Glad.", author="Ann")) + meta(og__image="/a.jpg"))
    for place, piece in changes:
        text = text[:place] + piece + text[place:]
    content = text[: max(cut, 200)].encode("utf-8", "surrogatepass")
    try:
        (found,) = read(content).stories
    except SourceError:
        pass
    else:
        _assert_harmless(found)
        assert found.headline
    with contextlib.suppress(SourceError):
        read_site(content, address=ADDRESS)
