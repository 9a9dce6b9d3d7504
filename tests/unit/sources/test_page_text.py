from __future__ import annotations

import lxml.html

from digest.sources.page_text import main_text, said_body
from tests.unit.sources.page_builders import BODY, PARAGRAPHS, page


def _read(text: str) -> tuple[str, bool]:
    return main_text(lxml.html.document_fromstring(text))


def test_the_text_is_found_among_the_furniture_with_its_form() -> None:
    body = (
        f'{BODY}<h2>Why</h2><p>A <a href="/x">link</a> and <b>more</b> of it.</p><ul><li>One</ul>'
    )
    found, with_care = _read(page(body=body))
    assert with_care
    for piece in ('<a href="/x">link</a>', "<h2>Why</h2>", "<li>One</li>", *PARAGRAPHS):
        assert piece in found
    for furniture in ("Sign up", "Town", "© Harbour Post"):
        assert furniture not in found


def test_of_a_short_text_the_articles_own_parts_are_taken() -> None:
    text = page(body="<figure><img src=a.jpg></figure><p>It <b>sails</b>.</p><aside><p>No</aside>")
    assert _read(text) == ('<figure><img src="a.jpg"></figure><p>It <b>sails</b>.</p>', True)
    assert _read("<body><ul><li>No</li></ul><p>Yes.</p><footer><p>No</footer>") == (
        "<p>Yes.</p>",
        True,
    )
    assert _read("<body><article><p>No.</article><div itemprop=articleBody><p>Yes.</div>") == (
        "<p>Yes.</p>",
        True,
    )


def test_of_a_page_too_large_to_search_the_paragraphs_are_taken() -> None:
    for much in (
        "<i>x</i>" * 13_000,
        "<i>" * 200 + "<b></b>" * 3_000 + "</i>" * 200,
        "x" * 1_000_001,
    ):
        assert _read(f"<body><article>{BODY}</article><div>{much}") == (BODY, False)
    found, _ = _read("<body><article>" + f"<p>{'x' * 90_000}</p>" * 20)
    assert 1_000_000 < len(found) < 1_200_000


def test_what_only_costs_time_or_counts_readers_is_taken_off_the_tree() -> None:
    root = lxml.html.document_fromstring(
        f"<body><p id={'i' * 2_000} class={'c' * 2_000}>"
        f"<a href=/x class=k {' '.join(f'a{n}=1' for n in range(40))}>x</a>"
        "<img src=/1 width=1 height=1>tail<img src=/2 width=10>"
    )
    main_text(root)
    (paragraph,) = root.iter("p")
    assert len(paragraph.attrib) == 0
    assert [dict(each.attrib) for each in paragraph] == [
        {"class": "k", "href": "/x"},
        {"src": "/2", "width": "10"},
    ]
    assert "tail" in list(paragraph.itertext())


def test_a_said_text_is_lines_html_or_html_escaped() -> None:
    for said in (
        "One.\r\n\nTwo &amp; more.",
        "<p>One.</p><p>Two &amp; more.</p>",
        "&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two &amp;amp; more.&lt;/p&gt;",
    ):
        assert said_body(said, base="").paragraphs == ("One.", "Two & more.")
