"""Pages of five megabytes built to cost time: read or refused within two seconds of processor."""

from __future__ import annotations

import contextlib
import time

import pytest

from digest.errors import SourceError
from digest.sources.discover import read_site
from digest.sources.html_page import MAX_BYTES
from digest.sources.page import read_article_page
from tests.unit.sources.page_builders import ADDRESS, BODY, an_article, ld, page, read

WORDS = "some words here in a row and more of them. "
_HEAD = f"<html><head>{ld(an_article())}</head><body>"


@pytest.mark.parametrize(
    "text",
    [
        _HEAD + "<div>" * 90_000 + "x" + "</div>" * 90_000,
        _HEAD + "<table><tr><td><b><i>" * 30_000,
        _HEAD + "<article>" * 250 + f"<p>{WORDS}</p>" * 20_000,
        _HEAD + ("<div>" * 200 + f"<p>{WORDS}</p>" + "</div>" * 200) * 150,
        _HEAD + f"<p>{WORDS}</p>" * 11_900,
        _HEAD + f"<p>{WORDS}" * 100_000,
        _HEAD + f"<p>{WORDS * 110_000}",
        _HEAD + "<p>" + "&amp;" * 900_000,
        _HEAD + f'<div class="{"x" * 500_000}">{WORDS}</div>' * 9,
        _HEAD + f'<p {" ".join(f"a{n}=1" for n in range(199))}>{WORDS}' * 3_000,
        _HEAD + "<!-->" * 900_000,
        _HEAD + "<title>" * 190_000,
        _HEAD + '<p a="' * 800 + '"' * 4_000_000,
        _HEAD + f'<p>{WORDS * 8}<img src="{"a" * 1_000_000}" alt="{"&lt;b&gt;" * 400_000}">',
        '<meta property="og:image" content="/a.jpg">' * 100_000 + BODY,
        "<html " * 190_000 + BODY,
        f'<meta property="article:published_time" content="{"9" * 9_000}">' * 400 + BODY,
        ld("[" * 900_000) + BODY,
        ld("[" + "1," * 450_000 + "1]") + BODY,
        ld('{"a":' + "1" * 900_000 + "}") + BODY,
        ld('{"@graph":[' + '{"@type":"Article","headline":"x"},' * 25_000 + "1]}") + BODY,
        ld('{"@type":"NewsArticle","author":[' + '{"@id":"x"},' * 70_000 + "1]}") + BODY,
        ld("//" * 450_000) + BODY,
        ld("{}") * 100_000 + BODY,
        ld(an_article(headline="a <b> " * 160_000)) + BODY,
        ld(an_article(articleBody="<p>" * 300_000)) + BODY,
    ],
    ids=range(26),
)  # fmt: skip
def test_what_is_built_to_hurt_is_over_in_two_seconds(text: str) -> None:
    content = text.encode()[:MAX_BYTES]
    read(page())  # loads what is loaded once
    for reader in (read_article_page, read_site):
        started = time.process_time()
        with contextlib.suppress(SourceError):
            reader(content, address=ADDRESS)
        assert time.process_time() - started < 2
