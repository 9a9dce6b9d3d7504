from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from digest.errors import SourceError
from digest.sources.model import (
    DateOrigin,
    FoundStory,
    Picture,
    Reading,
    Recording,
    RecordingKind,
)
from tests.unit.sources.page_builders import (
    ADDRESS,
    BODY,
    PARAGRAPHS,
    TEXT,
    an_article,
    ld,
    meta,
    page,
    read,
    story,
)

BODY_HTML = "\n".join(f"<p>{text}</p>" for text in PARAGRAPHS)
SIX_FIFTEEN = datetime(2026, 1, 9, 6, 15, tzinfo=UTC)


def test_a_story_takes_every_field_that_its_json_ld_gives() -> None:
    said = an_article(
        url="/town/ferry-sails-again",
        description="Nine weeks in dry dock are <b>over</b>.",
        datePublished="2026-01-09T07:15:00+01:00",
        dateModified="2026-01-09T08:00:00Z",
        author=[{"@type": "Person", "name": "By Ann Teller"}, {"@id": "#bob"}],
        publisher={"@type": "NewsMediaOrganization", "name": "Harbour Post"},
        articleSection=["Town", "Harbour"],
        keywords="Ferries, Town, Council",
        inLanguage="en_GB",
        image={
            "@type": "ImageObject",
            "url": "/pics/ferry.jpg",
            "width": 1200,
            "height": 675,
            "caption": "The ferry at the quay",
            "creditText": "Bob Lens",
        },
        audio={
            "@type": "AudioObject",
            "contentUrl": "/audio/ferry.mp3",
            "duration": "PT12M30S",
        },
    )
    bob = {"@type": "Person", "@id": "#bob", "name": "Bob Scribe"}
    assert read(page(ld(said, bob), title="Ferry sails again | Harbour Post")) == Reading(
        title="Harbour Post",
        language="en-GB",
        stories=(
            FoundStory(
                headline="Ferry sails again",
                url=ADDRESS,
                standfirst="Nine weeks in dry dock are over.",
                body_html=BODY_HTML,
                body_text=TEXT,
                authors=("Ann Teller", "Bob Scribe"),
                categories=("Town", "Harbour", "Ferries", "Council"),
                picture=Picture(
                    "https://www.post.example/pics/ferry.jpg", "The ferry at the quay", "Bob Lens"
                ),
                recording=Recording("https://www.post.example/audio/ferry.mp3", 750),
                published_at=SIX_FIFTEEN,
                published_from=DateOrigin.JSON_LD,
                updated_at=datetime(2026, 1, 9, 8, tzinfo=UTC),
                language="en-GB",
            ),
        ),
    )


def test_a_story_takes_every_field_that_its_meta_elements_give() -> None:
    head = "".join(
        (
            meta(
                og__type="article",
                og__title="Ferry sails again - Harbour Post",
                og__site_name="Harbour Post",
                og__description="Nine weeks are over.",
                og__locale="en_GB",
                og__image="/pics/ferry.jpg",
                og__image__alt="The ferry",
                og__video="https://video.example/ferry.mp4",
                video__duration="95",
                article__published_time="2026-01-09T06:15:00Z",
                article__modified_time="2026-01-09T07:00:00Z",
                article__section="Town",
                article__tag="Ferries",
            ),
            '<meta name="author" content="Ann Teller; ann@post.example">',
            '<link rel="canonical" href="https://post.example/town/ferry?utm_source=x">',
        )
    )
    assert story(page(head)) == FoundStory(
        headline="Ferry sails again",
        url="https://post.example/town/ferry?utm_source=x",
        standfirst="Nine weeks are over.",
        body_html=BODY_HTML,
        body_text=TEXT,
        authors=("Ann Teller",),
        categories=("Town", "Ferries"),
        picture=Picture("https://www.post.example/pics/ferry.jpg", "The ferry"),
        recording=Recording("https://video.example/ferry.mp4", 95, RecordingKind.VIDEO),
        published_at=SIX_FIFTEEN,
        published_from=DateOrigin.META,
        updated_at=datetime(2026, 1, 9, 7, tzinfo=UTC),
        language="en-GB",
    )


def test_a_page_that_says_nothing_of_itself_is_its_headline_and_its_text() -> None:
    text = page(body=f"<p>By <a rel='author' href='/ann'>Ann Teller</a></p>{BODY}", title="Ferry")
    found = story(text, language="en")
    assert (found.headline, found.authors, found.language) == (
        "Ferry sails again",
        ("Ann Teller",),
        "en",
    )
    assert found.body_text.endswith(TEXT)
    assert (found.published_at, found.published_from, found.seen_on) == (None, None, None)


def test_a_page_saved_as_a_file_is_read_and_bears_the_address_it_names() -> None:
    head = ld(an_article()) + '<link rel="canonical" href="https://post.example/town/ferry">'
    body = BODY + '<p>See <a href="/town/crane">the crane</a> <img src="x_files/a.jpg"></p>'
    found = story(page(head, body), "/pages/ferry.html")
    assert found.url == "https://post.example/town/ferry"
    assert "src=" not in found.body_html
    assert "<a>the crane</a>" in found.body_html.replace(' rel="noopener noreferrer"', "")
    assert story(page(ld(an_article())), "ferry.html").url is None


# JSON-LD in the forms it has in the wild


@pytest.mark.parametrize(
    "script",
    [
        '{"@type":"NewsArticle","headline":"The ferry\tsails\nagain","datePublished":"2026-01-09"}',
        '{"@type":"NewsArticle","headline":"The ferry sails again","datePublished":"2026-01-09",}',
        (
            "<!--\n"
            '{"@type":"Article","headline":"The ferry sails again",'
            '"datePublished":"2026-01-09"};\n-->'
        ),
        (
            '//<![CDATA[\n{"@type":["Thing","https://schema.org/NewsArticle"],'
            '"name":"The ferry sails again","datePublished":["2026-01-09"]}\n//]]>'
        ),
        (
            '{"@graph":[{"@type":"WebSite","name":"x"},{"@type":"WebPage","mainEntity":'
            '{"@type":"BlogPosting","headline":"The ferry sails again",'
            '"datePublished":{"@type":"Date","@value":"2026-01-09"}}}]}'
        ),
        (
            '[[],{"@type":"schema:ReportageNewsArticle","headline":"The ferry sails again",'
            '"datePublished":"2026-01-09"}]'
        ),
        r'{"@type":"NewsArticle","headline":"The ferry\x20sails again\'","a":"\q"}'.replace(
            r"\x20", " "
        ).replace(r"\'", "")[:-1]
        + ',"datePublished":"2026-01-09"}',
        (
            "{&quot;@type&quot;:&quot;NewsArticle&quot;,&quot;headline&quot;:"
            "&quot;The ferry sails again&quot;,&quot;datePublished&quot;:&quot;2026-01-09&quot;}"
        ),
        (
            '{"@type":"BreadcrumbList","x":1}{"@type":"NewsArticle",'
            '"headline":"The ferry sails again",'
            '"datePublished":"2026-01-09"} and a remark'
        ),
    ],
)
def test_json_ld_is_read_in_any_form(script: str) -> None:
    found = read(page(ld(script)))
    assert [one.headline for one in found.stories] == ["The ferry sails again"]
    assert found.stories[0].published_at == datetime(2026, 1, 9, tzinfo=UTC)
    assert found.warnings == ()


@pytest.mark.parametrize(
    "script", ['{"@type":"NewsArticle",', "nonsense", "[" * 10_000, '{"a":' * 60 + "1" + "}" * 60]
)
def test_json_ld_that_cannot_be_read_is_a_warning_and_the_rest_is_believed(script: str) -> None:
    found = read(page(ld(script) + meta(article__published_time="2026-01-09T06:15:00Z")))
    assert found.stories[0].published_from is DateOrigin.META
    assert found.warnings == ("what it says of itself in JSON-LD is broken and was not read",)


def test_of_several_stories_in_json_ld_the_page_is_the_one_with_its_address() -> None:
    other = an_article(headline="Crane sold", url="https://www.post.example/crane")
    own = an_article(
        headline="Ferry sails", mainEntityOfPage={"@type": "WebPage", "@id": f"{ADDRESS}#top"}
    )
    assert story(page(ld(other, own))).headline == "Ferry sails"


def test_of_several_stories_in_json_ld_the_page_is_the_one_with_its_title() -> None:
    other, own = an_article(headline="Crane sold"), an_article(description="Glad.")
    found = story(page(ld(other, own) + meta(og__title="Ferry sails again!")))
    assert (found.headline, found.standfirst) == ("Ferry sails again", "Glad.")


def test_references_that_go_in_circles_end() -> None:
    said = an_article(author={"@id": "#a"}, image=[{"@id": "#nowhere"}])
    circle = [
        {"@id": "#a", "@type": "Person"},
        {"@id": "#a", "name": "Ann", "knows": {"@id": "#a"}},
    ]
    assert story(page(ld(said, circle))).authors == ("Ann",)


# Dates


def test_what_json_ld_says_goes_before_meta_and_meta_before_the_address() -> None:
    address = "https://post.example/2025/11/04/ferry"
    said = ld(an_article(datePublished="2026-01-09T06:15:00Z"))
    named = meta(article__published_time="2026-01-08T06:15:00Z")
    dates = [
        (found.published_at, found.published_from)
        for text in (page(said + named), page(named), page())
        for found in [story(text, address)]
    ]
    assert dates == [
        (SIX_FIFTEEN, DateOrigin.JSON_LD),
        (datetime(2026, 1, 8, 6, 15, tzinfo=UTC), DateOrigin.META),
        (datetime(2025, 11, 4, tzinfo=UTC), DateOrigin.URL),
    ]


@pytest.mark.parametrize(
    "mark", ['itemprop="datePublished"', "pubdate", 'class="entry-date published"']
)
def test_a_moment_that_the_markup_calls_the_publication_is_one(mark: str) -> None:
    body = f'<time {mark} datetime="2026-01-09T06:15:00Z">today</time>{BODY}'
    found = story(page(body=body))
    assert (found.published_at, found.published_from) == (SIX_FIFTEEN, DateOrigin.META)


def test_a_printed_date_never_dates_the_story() -> None:
    body = (
        f"<p>Friday, Jan 09, 2026</p><time datetime='2026-01-09'>9 January</time>{BODY}"
        "<p>Published on 2026-01-09</p>"
    )
    found = story(page(body=body))
    assert (found.published_at, found.published_from) == (None, None)


def test_the_date_line_of_the_masthead_is_the_day_of_the_visit() -> None:
    text = page().replace("<nav>", "<p>Friday, Jan 09, 2026</p><nav>")
    found = story(text)
    assert (found.seen_on, found.published_at) == (date(2026, 1, 9), None)


def test_a_date_without_a_zone_is_local_to_the_source() -> None:
    text = page(ld(an_article(datePublished="2026-07-09T06:15:00")))
    assert story(text, zone="Europe/Berlin").published_at == datetime(2026, 7, 9, 4, 15, tzinfo=UTC)


@pytest.mark.parametrize("written", ["", "soon", "0000-00-00", "1970-01-01T00:00:00Z", "9" * 9_000])
def test_a_date_that_is_none_is_passed_over(written: str) -> None:
    said = ld(an_article(datePublished=written, dateModified=written))
    found = story(page(said + meta(article__published_time="2026-01-09T06:15:00Z")))
    assert (found.published_at, found.updated_at) == (SIX_FIFTEEN, None)


def test_an_update_before_the_publication_is_none() -> None:
    said = an_article(datePublished="2026-01-09T06:15:00Z", dateModified="2026-01-08")
    assert story(page(ld(said))).updated_at is None


# The page's own address


@pytest.mark.parametrize(
    ("href", "address", "url"),
    [
        ("https://post.example/a", ADDRESS, "https://post.example/a"),
        ("https://news.post.example/a", ADDRESS, "https://news.post.example/a"),
        ("/a", ADDRESS, "https://www.post.example/a"),
        ("https://post.example/a", "https://amp.post.example/a", "https://post.example/a"),
        ("https://www.post.co.uk/a", "https://m.post.co.uk/b", "https://www.post.co.uk/a"),
        ("https://post.example/", ADDRESS, ADDRESS),
        ("https://other.example/a", ADDRESS, ADDRESS),
        ("https://evilpost.example/a", ADDRESS, ADDRESS),
        ("https://co.uk/a", "https://post.co.uk/b", "https://post.co.uk/b"),
        ("javascript:alert(1)", ADDRESS, ADDRESS),
        ("", ADDRESS, ADDRESS),
        ("http://[", ADDRESS, ADDRESS),
    ],
)
def test_a_page_names_its_own_address_within_its_site(href: str, address: str, url: str) -> None:
    head = f'<link rel="shortlink canonical" href="{href}">'
    assert story(page(head), address).url == url
    assert story(page(meta(og__url=href)), address).url == url


def test_links_are_relative_to_the_base_that_the_page_names() -> None:
    body = f'{BODY}<p>See <a href="crane">the crane</a> of the town, which was sold on Friday.</p>'
    found = story(page('<base href="/news/">', body))
    assert 'href="https://www.post.example/news/crane"' in found.body_html


# Headline and standfirst


@pytest.mark.parametrize(
    ("head", "title", "headline"),
    [
        ("", "A title – Harbour Post", "Ferry sails again"),
        (meta(og__title="Ferry &amp;amp; tide"), "", "Ferry & tide"),
        (meta(og__title="Ferry: sails | Harbour Post"), "", "Ferry: sails"),
        (meta(og__title="Ferry sails – at last – Harbour Post"), "", "Ferry sails – at last"),
        (ld(an_article(headline="Ferry sai…")), "", "Ferry sails again"),
        (ld(an_article(headline="<b>Boat</b> &lt;i&gt;back&lt;/i&gt;")), "", "Boat back"),
        (ld(an_article(headline={"@value": "Boat"})), "", "Boat"),
        (ld(an_article(headline="", name="Boat")), "", "Boat"),
        (ld(an_article(headline=["Boat", "Ship"])), "", "Boat"),
    ],
)
def test_a_headline_is_words_without_the_sites_name(head: str, title: str, headline: str) -> None:
    head += meta(og__site_name="Harbour Post", og__type="article")
    assert story(page(head, title=title)).headline == headline


def test_the_title_is_the_headline_of_a_page_without_one() -> None:
    text = page(meta(og__site_name="Harbour Post"), title="Boat back — Harbour Post")
    assert story(text.replace("<h1>Ferry sails again</h1>", "")).headline == "Boat back"


def test_an_endless_headline_is_cut_at_a_word() -> None:
    headline = story(page(ld(an_article(headline="word " * 2_000)))).headline
    assert headline.endswith("word…")
    assert len(headline) <= 500


@pytest.mark.parametrize(
    ("described", "standfirst", "first"),
    [
        ("Glad faces.", "Glad faces.", PARAGRAPHS[0]),
        ("Ferry sails again!", "", PARAGRAPHS[0]),
        (PARAGRAPHS[0], PARAGRAPHS[0], PARAGRAPHS[1]),
        (PARAGRAPHS[0][:40] + "…", "", PARAGRAPHS[0]),
        (PARAGRAPHS[0] + " " + PARAGRAPHS[1][:30] + "...", "", PARAGRAPHS[0]),
    ],
)
def test_a_standfirst_repeats_neither_headline_nor_body(
    described: str, standfirst: str, first: str
) -> None:
    found = story(page(meta(og__description=described)))
    assert found.standfirst == standfirst
    assert found.body_text.startswith(first)
    assert found.body_html.startswith(f"<p>{first}</p>")


def test_the_headline_is_not_said_again_in_the_body() -> None:
    found = story(page(body=f"<p>FERRY SAILS AGAIN</p><h2>Why</h2>{BODY}"))
    assert found.body_text.startswith("Why\n\nThe first boat")
    other = story(page(ld(an_article(headline="Boat back"))))
    assert other.body_html.startswith(("<h2>Ferry sails again</h2>", "<p>The first boat"))


def test_the_text_of_json_ld_stands_in_for_one_that_a_script_draws() -> None:
    for said in ("\n\n".join(PARAGRAPHS), BODY, BODY.replace("<", "&lt;").replace(">", "&gt;")):
        found = story(page(ld(an_article(articleBody=said)), "<div id='app'></div>"))
        assert found.body_text == TEXT


# Picture and recording


@pytest.mark.parametrize(
    ("head", "body", "picture"),
    [
        (meta(og__image="/a.jpg"), "", ("a.jpg", "")),
        (meta(og__image="/a.jpg"), '<p><img src="/a.jpg" alt="A boat"></p>', ("a.jpg", "A boat")),
        (meta(og__image__url="/a.jpg", og__image__alt="Boat"), "", ("a.jpg", "Boat")),
        (meta(og__image="/img/logo.png", twitter__image="/a.jpg"), "", ("a.jpg", "")),
        (meta(og__image="/a.svg", twitter__image="/b.jpg"), "", ("b.jpg", "")),
        (meta(og__image="data:image/png;base64,AA"), "", None),
        (
            meta(og__image="/a.jpg", og__image__width="50", og__image__height="50"),
            '<p><img src="/b.jpg" width="1200" height="675"></p>',
            ("b.jpg", ""),
        ),
        (ld(an_article(image=["/a.jpg", "/b.jpg"])), "", ("a.jpg", "")),
        (ld(an_article(image={"@id": "#p"}), {"@id": "#p", "url": "/p.jpg"}), "", ("p.jpg", "")),
        (
            ld(
                an_article(
                    image="/house.png",
                    publisher={"@type": "Organization", "logo": {"url": "/house.png"}},
                )
            ),
            "",
            None,
        ),
        (
            "",
            '<p><img src="/1.gif" width="1" height="1"><img src="/b.jpg" alt="B"></p>',
            ("b.jpg", "B"),
        ),
    ],
)
def test_the_picture_is_the_storys_own(
    head: str, body: str, picture: tuple[str, str] | None
) -> None:
    expected = picture and Picture(f"https://www.post.example/{picture[0]}", picture[1])
    assert story(page(head, BODY + body)).picture == expected


@pytest.mark.parametrize(
    ("head", "recording"),
    [
        (meta(og__audio="/a.mp3"), Recording("https://www.post.example/a.mp3")),
        (meta(og__video="/a.swf", og__video__type="application/x-shockwave-flash"), None),
        (
            ld(an_article(video=[{"@type": "VideoObject", "embedUrl": "/v", "duration": "PT1H"}])),
            Recording("https://www.post.example/v", 3_600, RecordingKind.VIDEO),
        ),
        (
            ld(an_article(), {"@type": "AudioObject", "contentUrl": "/a.mp3", "duration": "P2D"}),
            Recording("https://www.post.example/a.mp3"),
        ),
        (
            ld(an_article(), *({"@type": "VideoObject", "contentUrl": f"/{n}"} for n in "ab")),
            None,
        ),
        (ld(an_article(audio={"@type": "ImageObject", "contentUrl": "/a.mp3"})), None),
        (ld(an_article(audio="/a.mp3")), None),
    ],
)
def test_the_recording_is_the_storys_own(head: str, recording: Recording | None) -> None:
    assert story(page(head)).recording == recording


# Language


@pytest.mark.parametrize(
    ("head", "lang", "language"),
    [
        (meta(og__locale="en_US"), "de-AT", "de-AT"),
        (ld(an_article(inLanguage={"@type": "Language", "name": "fr"})), "de", "fr"),
        ('<meta http-equiv="content-language" content="es, en">', "", "es"),
        (meta(og__locale="pt_BR"), "", "pt-BR"),
        (meta(og__locale="the English language"), "", "en"),
        ("", "", "en"),
    ],
)
def test_the_language_is_the_pages_or_else_the_sources(head: str, lang: str, language: str) -> None:
    assert story(page(head, lang=lang), language="en").language == language


# Pages that are something else


@pytest.mark.parametrize(
    ("text", "address", "what"),
    [
        (page(), "https://post.example/", "the site's front page, not an article"),
        (page(), "https://post.example", "the site's front page, not an article"),
        (
            page(ld(an_article(), an_article(headline="Crane"), an_article(headline="Tide"))),
            "https://post.example/town",
            "a list of stories, not an article",
        ),
        (
            page(ld({"@type": "CollectionPage", "name": "Town"})),
            ADDRESS,
            "a list of stories, not an article",
        ),
        (
            page(
                body=f"<article><h2><a href=x>Crane sold</a></h2><p>{PARAGRAPHS[0]}</p></article>"
                * 6
            ),
            ADDRESS,
            "a list of stories, not an article",
        ),
        (
            page(body="".join(f"<p><a href='/{n}'>{PARAGRAPHS[0]}</a></p>" for n in range(9))),
            ADDRESS,
            "a list of stories, not an article",
        ),
        (page(title="404 – Harbour Post"), ADDRESS, "an error page, not an article"),
        (page(title="Seite nicht gefunden"), ADDRESS, "an error page, not an article"),
        (
            page(body="<p>One moment.</p>", title="Just a moment..."),
            ADDRESS,
            "the site wants to see a person in place of a program",
        ),
        (
            page(body="<form><input name=u><input type=password></form>"),
            ADDRESS,
            "a page to sign in, without the story",
        ),
        (page(body="<p>Hi.</p>", title="Sign in"), ADDRESS, "a page to sign in, without the story"),
        (
            page(body="<p>We ask.</p>", title="Before you continue"),
            ADDRESS,
            "a question about cookies in place of the story",
        ),
        (page(body="<p>Hi.</p>"), ADDRESS, "no article: the page has hardly any text"),
        ("<p>" + TEXT, ADDRESS, "no article: the page has no headline"),
        (page(ld(an_article()), ""), ADDRESS, "no text can be found on the page"),
        (
            page(ld(an_article(isAccessibleForFree=False)), ""),
            ADDRESS,
            "its text is for paying readers only",
        ),
        ("", ADDRESS, "the page is empty"),
        ("<!-- x", ADDRESS, "the page is empty"),
    ],
)
def test_a_page_that_is_no_article_says_what_it_is(text: str, address: str, what: str) -> None:
    with pytest.raises(SourceError) as refused:
        read(text, address)
    assert str(refused.value) == f"page: {address}: {what}"
    assert refused.value.hint


def test_a_story_for_payers_keeps_its_headline_and_standfirst_and_says_so() -> None:
    said = an_article(description="Nine weeks are over.", isAccessibleForFree="False")
    found = read(page(ld(said), ""))
    assert [(one.headline, one.standfirst, one.body_text) for one in found.stories] == [
        ("Ferry sails again", "Nine weeks are over.", "")
    ]
    assert found.warnings == (
        "only its headline and standfirst can be read; the site asks for payment",
    )


def test_a_short_story_that_says_it_is_one_is_one_whatever_its_headline() -> None:
    said = an_article(headline="Cookies recalled; 404 tins sold, sign in the window")
    assert story(page(ld(said), "<p>They held glass.</p>")).body_text.endswith("They held glass.")


def test_an_article_with_related_stories_below_it_is_an_article() -> None:
    cards = f"<article><h3>Crane</h3><p>{PARAGRAPHS[1]}</p></article>" * 5
    text = page(ld(an_article())).replace("</main>", f"</main><section>{cards}</section>")
    assert story(text).headline == "Ferry sails again"


def test_a_text_in_another_script_is_long_in_fewer_letters() -> None:
    body = "<p>" + "港の渡し船は九週間ぶりに再び運航を始めた。" * 5 + "</p>"
    assert story(page(body=body, title="港の渡し船")).body_text.startswith("港の渡し船は")
