from __future__ import annotations

import pytest

from digest.errors import SourceError
from digest.sources.discover import FeedLink, SiteFacts, read_site
from tests.unit.sources.page_builders import ADDRESS, an_article, ld, meta, page

FRONT = "https://www.harbourpost.example/"
USUAL = tuple(
    f"{FRONT}{place}"
    for place in ("feed/", "rss", "feed.xml", "rss.xml", "atom.xml", "index.xml", "feed.json")
)


def _site(head: str = "", body: str = "", *, address: str = FRONT, **more: str) -> SiteFacts:
    return read_site(page(head, body, **more).encode(), address=address)


def _feed(href: str, title: str = "", kind: str = "application/rss+xml") -> str:
    return f'<link rel="alternate" type="{kind}" title="{title}" href="{href}">'


def test_a_site_tells_everything_about_itself() -> None:
    owner = {
        "@type": "NewsMediaOrganization",
        "name": "Harbour Post",
        "logo": {"@type": "ImageObject", "url": "/brand/logo.png"},
    }
    head = (
        _feed("/comments/feed/", "Harbour Post » Comments Feed")
        + _feed("/category/sport/feed/", "Harbour Post » Sport Feed")
        + _feed("/feed/json", "Harbour Post", "application/feed+json; charset=utf-8")
        + _feed("/feed/", "Harbour Post &raquo; Feed")
        + _feed("https://feeds.harbourpost.example/atom", "", "APPLICATION/ATOM+XML")
        + _feed("/wp-json/oembed/1.0/embed?url=x", "", "application/json")
        + _feed("/osd.xml?opensearch", "", "application/xml")
        + _feed("javascript:x", "no")
        + '<link rel="alternate" hreflang="de" href="/de/">'
        + '<meta name="theme-color" content="#0b4f8a">'
        + '<meta name="generator" content="WordPress 6.8">'
        + ld(owner)
    )
    assert _site(head, lang="en-GB", title="Home – Harbour Post") == SiteFacts(
        address=FRONT,
        feeds=(
            FeedLink(f"{FRONT}feed/", "Harbour Post » Feed"),
            FeedLink("https://feeds.harbourpost.example/atom", "", "atom"),
            FeedLink(f"{FRONT}feed/json", "Harbour Post", "json"),
            FeedLink(f"{FRONT}category/sport/feed/", "Harbour Post » Sport Feed"),
            FeedLink(f"{FRONT}comments/feed/", "Harbour Post » Comments Feed", is_comments=True),
        ),
        name="Harbour Post",
        language="en-GB",
        logo=f"{FRONT}brand/logo.png",
        accent="#0B4F8A",
        generator="WordPress 6.8",
        platform="wordpress",
        to_try=USUAL,
    )


def test_a_page_that_tells_nothing_leaves_the_usual_places_to_try() -> None:
    text = "<html><body><p>Hello.</p></body></html>"
    assert read_site(text.encode(), address=FRONT) == SiteFacts(address=FRONT, to_try=USUAL)
    assert read_site(text.encode(), address="saved.html") == SiteFacts()


def test_what_the_pages_own_links_call_a_feed_is_tried_first_and_a_folder_of_its_own() -> None:
    body = (
        '<a href="/news/">News</a> <a href="https://other.example/feed/">Theirs</a>'
        '<a href="/comments/feed/">c</a> <a href="/service/rss/top.xml">RSS</a>'
        '<a href="https://feeds.harbourpost.example/all.rss">All</a> <a>none</a>'
    ) + '<a href="/rss/x.xml">x</a>' * 9
    facts = _site("", body, address=f"{FRONT}news/")
    assert facts.to_try == (
        f"{FRONT}service/rss/top.xml",
        "https://feeds.harbourpost.example/all.rss",
        f"{FRONT}rss/x.xml",
        f"{FRONT}news/feed/",
        f"{FRONT}news/rss",
        *USUAL,
    )


@pytest.mark.parametrize(
    ("head", "address", "is_article"),
    [
        (ld(an_article()), ADDRESS, True),
        (meta(og__type="article"), ADDRESS, True),
        ('<body itemscope itemtype="https://schema.org/NewsArticle">', ADDRESS, True),
        (ld(an_article()), FRONT, False),
        (meta(og__type="article"), FRONT, False),
        (ld(an_article(), an_article(headline="Crane")), ADDRESS, False),
        (meta(og__type="website"), ADDRESS, False),
        ("", ADDRESS, False),
    ],
)
def test_an_article_is_told_from_a_site(head: str, address: str, is_article: bool) -> None:  # noqa: FBT001 - the expectation
    assert _site(head, address=address).is_article is is_article


@pytest.mark.parametrize(
    ("head", "title", "name"),
    [
        (meta(og__site_name="The Post"), "x", "The Post"),
        ('<meta name="application-name" content="The Post">', "x", "The Post"),
        (ld({"@type": "WebSite", "name": "The Post"}), "x", "The Post"),
        (ld({"@type": "WebSite", "x": 1}), "The Post", "The Post"),
        (_feed("/feed/", "The Post » Feed"), "Home", "The Post"),
        (_feed("/feed/", "The Post - RSS"), "Home", "The Post"),
        (_feed("/feed/", "RSS"), "The Post", "The Post"),
        (_feed("/category/x/feed/", "Sport » Feed"), "The Post", "The Post"),
        ("", "News from the quay | Harbour Post", "Harbour Post"),
        ("", "The Gazette – news from the quay", "The Gazette"),
        ("", "", ""),
    ],
)
def test_the_name_of_the_site_is_found(head: str, title: str, name: str) -> None:
    assert _site(head, title=title).name == name


def test_the_title_of_a_story_is_not_the_name_of_the_site() -> None:
    assert _site(address=f"{FRONT}ferry", title="Ferry sails again").name == ""
    assert _site(address=f"{FRONT}ferry", title="Ferry – HarbourPost").name == "HarbourPost"


@pytest.mark.parametrize(
    ("head", "generator", "platform"),
    [
        ('<meta name="generator" content="Ghost 5.8">', "Ghost 5.8", "ghost"),
        ('<meta name="generator" content="Hugo 0.1">', "Hugo 0.1", ""),
        ('<link rel="https://api.w.org/" href="/wp-json/">', "", "wordpress"),
        ('<link rel="stylesheet" href="/wp-content/themes/x.css">', "", "wordpress"),
        ('<link rel="stylesheet" href="/x.css">', "", ""),
    ],
)
def test_the_program_behind_the_site_is_known_by_its_marks(
    head: str, generator: str, platform: str
) -> None:
    facts = _site(head)
    assert (facts.generator, facts.platform) == (generator, platform)


@pytest.mark.parametrize(
    ("head", "body", "logo"),
    [
        (ld(an_article(publisher={"logo": "/l.png"})), "", "l.png"),
        (
            ld({"@type": "Organization", "logo": {"@id": "#l"}}, {"@id": "#l", "url": "/l.png"}),
            "",
            "l.png",
        ),
        (
            ('<link rel="apple-touch-icon" sizes="57x57" href="/s.png">'
            '<link rel="apple-touch-icon" href="/m.png">'
            '<link rel="apple-touch-icon" sizes="192x192" href="/l.png">'),
            "",
            "l.png",
        ),
        (
            ('<link rel="icon" href="/i.ico"><link rel="icon" sizes="any" href="/a.svg">'
            '<link rel="shortcut icon" sizes="32x32" href="/32.png">'),
            None,
            "32.png",
        ),
        ("", '<div class="site-branding"><img src="/b.png"></div>', "logo.png"),
        ("", None, None),
    ],
)  # fmt: skip
def test_the_logo_is_what_the_site_calls_its_logo_or_else_an_icon(
    head: str, body: str | None, logo: str | None
) -> None:
    text = page(head, body or "")
    if body is None:
        text = text.replace("<img src='/logo.png' alt='Harbour Post'>", "")
    facts = read_site(text.encode(), address=FRONT)
    assert facts.logo == (logo and f"{FRONT}{logo}")


def test_a_partners_logo_is_not_the_sites() -> None:
    body = '<div class="sponsors"><img class="logo" src="/bank.png"></div>'
    text = page("", body).replace("<img src='/logo.png' alt='Harbour Post'>", "")
    assert read_site(text.encode(), address=FRONT).logo is None


@pytest.mark.parametrize(
    ("head", "accent"),
    [
        ('<meta name="theme-color" content="#08f">', "#0088FF"),
        ('<meta name="theme-color" content="#0088ffcc">', "#0088FF"),
        ('<meta name="theme-color" content="rgb(0, 136, 255)">', "#0088FF"),
        ('<meta name="theme-color" content="rgba(0 136 999 / 50%)">', "#0088FF"),
        ('<meta name="msapplication-TileColor" content="hsl(208, 100%, 50%)">', "#0088FF"),
        (
            ('<meta name="theme-color" content="#112233" media="(prefers-color-scheme: dark)">'
            '<meta name="theme-color" content="#0088FF" media="(prefers-color-scheme: light)">'),
            "#0088FF",
        ),
        (
            ('<meta name="theme-color" content="#ffffff">'
            "<style>:root{--text:#111;--color-primary: #00f; --ghost-accent-color: #08F}</style>"),
            "#0088FF",
        ),
        ('<meta name="theme-color" content="#111"><style>a{--brand:#08F}</style>', "#0088FF"),
        ('<meta name="theme-color" content="#111">', "#111111"),
        ("<style>:root{--wp--preset--color--primary:rgb(0,136,255)}</style>", "#0088FF"),
        ('<meta name="theme-color" content="#fff">', None),
        ('<meta name="theme-color" content="red; background: url(x)">', None),
        ('<meta name="theme-color" content="rgb(1,2)">', None),
        ('<meta name="theme-color" content="#12345">', None),
        ("", None),
    ],
)  # fmt: skip
def test_the_accent_is_the_first_colour_that_is_one(head: str, accent: str | None) -> None:
    assert _site(head).accent == accent


@pytest.mark.parametrize("content", [b"", b"<!-- x"])
def test_an_empty_page_is_refused(content: bytes) -> None:
    with pytest.raises(SourceError, match="the page is empty"):
        read_site(content, address=FRONT)
