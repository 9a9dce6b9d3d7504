"""Each rule on the HTML with a sample that passes and one that does not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from digest.checks import accessibility, clients, images, links, size
from digest.checks.markup_tree import tree_of
from digest.checks.model import Limits, Severity
from digest.checks.where import place_of
from digest.composition.model import Link, Shot
from tests.unit.checks.page_builders import ENOUGH, WAYS_OUT, found, html, letter, page, story

RULES = {
    rule.code: rule
    for module in (size, links, images, accessibility, clients)
    for rule in module.RULES
}
_SHOT = Shot("https://news.example/a.jpg", 600, 338)
_STYLE = "<title>x</title><style>{}</style>"
_URL = "https://harbourpost.example/n/1"


@dataclass(frozen=True)
class Case:
    """What a rule finds in `fails` and not in `passes`: values for `page`, HTML by itself."""

    code: str
    passes: str | dict[str, Any]
    fails: str | dict[str, Any]
    says: tuple[str, ...]
    severity: Severity | None = None
    """Of the first, when it is not the rule's."""
    limits: Limits = field(default_factory=Limits)


def _link(words: str, href: str = _URL) -> str:
    return f'<p>See <a href="{href}">{words}</a> today.</p>'


def _styled(css: str, inner: str = "") -> str:
    return html(inner, head=_STYLE.format(css))


def _words(style: str, words: str = "Rain", around: str = "background-color:#FFFFFF") -> str:
    return f'<div style="{around}"><p style="{style}">{words}</p></div>'


def _picture(attributes: str) -> str:
    return html(f"{ENOUGH}<img {attributes}>")


CASES = (
    Case(
        "S01",
        html("x" * 70_000),
        html("x" * 76_000),
        ("The HTML has 76 KB for the reader with the most in it: the 100 KB it may have.",),
    ),
    Case(
        "S01",
        html("x" * 70_000),
        html("x" * 92_000),
        ("The HTML has 92 KB for the reader with the most in it: nearly the 100 KB it may have.",),
    ),
    Case(
        "S01",
        html("x" * 70_000),
        html("é" * 50_000),
        (
            (
                "The HTML has 100 KB for the reader with the most in it; from 100 KB on Gmail may"
                " cut it off before its end."
            ),
        ),
        Severity.BLOCK,
    ),
    Case(
        "S02",
        _styled("p{margin:0}" * 1000),
        _styled("p{margin:0}" * 1100),
        ("The style sheets have 12 KB; Gmail drops them all at about 16 KB.",),
    ),
    Case(
        "S02",
        _styled("p{margin:0}"),
        _styled("p{margin:0}" * 1500),
        ("The style sheets have 16 KB; Gmail drops them all at about 16 KB.",),
        Severity.BLOCK,
    ),
    Case(
        "S03",
        _styled("@media print{p{margin:0}}@media (min-width:1px){p{margin:0}}"),
        _styled("@supports (a:b){@media print{p{margin:0}}}"),
        (
            (
                "@media stands inside another rule of a style sheet, for which Gmail drops the"
                " whole sheet."
            ),
        ),
    ),
    Case(
        "S04",
        {"message": b"a" * 998 + b"\r\n"},
        {"message": b"From: x\r\n" + b"a" * 999 + b"\r\n"},
        (
            (
                "Line 2 of the message has 999 bytes; mail servers refuse or break lines of more"
                " than 998."
            ),
        ),
    ),
    Case(
        "S06",
        {"message": b"a" * 10_000_000},
        {"message": b"a" * 10_100_000},
        ("The whole message has 10.1 MB; many servers refuse more than 10.0 MB.",),
    ),
    Case(
        "S07",
        {"source": html("x" * 70_000), "blocks": {"lead": 60_000, "foot": 10_000}},
        {
            "source": html("x" * 80_000),
            "blocks": {"head": 1_000, "lead": 60_000, "foot": 10_000, "brief": 9_900},
        },
        ("The largest blocks of the HTML are lead 60 KB, foot 10 KB, brief 9.9 KB.",),
    ),
    Case(
        "L01",
        html(_link("a", "mailto:x@y.example") + _link("b") + _link("c", "tel:+44")),
        html(
            _link("none", "")
            + _link("hash", "#")
            + _link("short", "/n/1")
            + _link("script", "javascript:alert(1)")
            + _link("file", "file:///etc/passwd")
            + _link("data", "data:text/html,x")
            + _link("nowhere", "https:///n/1")
        ),
        (
            "The link “none” has no address.",
            "The link “hash” has no address.",
            "The link “short” leads to '/n/1', which is no whole address.",
            "The link “script” leads to 'javascript:alert(1)', which mail programs do not open.",
            "The link “file” leads to 'file:///etc/passwd', which mail programs do not open.",
            "The link “data” leads to 'data:text/html,x', which mail programs do not open.",
            "The link “nowhere” leads to 'https:///n/1', which mail programs do not open.",
        ),
    ),
    Case(
        "L02",
        html(_link("a", "https://test.de/x") + _link("b", "https://dev.to/y") + _link("c")),
        html(
            _link("a", "http://localhost:8000/")
            + _link("b", "https://10.0.0.7/x")
            + _link("c", "https://[::1]/x")
            + _link("d", "https://cms.internal/x")
            + _link("e", "https://staging.harbourpost.example/n/1")
            + _link("f", "https://www-dev.harbourpost.example/n/1")
        ),
        (
            "The link “a” leads to localhost, which no reader can reach.",
            "The link “b” leads to 10.0.0.7, which no reader can reach.",
            "The link “c” leads to ::1, which no reader can reach.",
            "The link “d” leads to cms.internal, which no reader can reach.",
            "The link “e” leads to staging.harbourpost.example, which looks like a site on trial.",
            "The link “f” leads to www-dev.harbourpost.example, which looks like a site on trial.",
        ),
    ),
    Case(
        "L03",
        html(_link("a", "https://old.example/1")),
        html(_link("a", "http://old.example/1") + _link("b", "http://old.example/2")),
        ("The link “a” leads to old.example by http, unencrypted.",),
    ),
    Case(
        "L05",
        html(_link("Here come the rowers") + _link("More bread for less")),
        html(_link("Click here") + _link("READ MORE »") + _link("here.")),
        (
            "The link “Click here” does not say where it leads.",
            "The link “READ MORE »” does not say where it leads.",
            "The link “here.” does not say where it leads.",
        ),
    ),
    Case(
        "L05",
        {"source": html(_link("Alle Züge stehen")), "language": "de"},
        {"source": html(_link("Weiterlesen …")), "language": "de"},
        ("The link “Weiterlesen …” does not say where it leads.",),
    ),
    Case(
        "L06",
        {
            "source": html(
                _link("Story 1") * 2
                + _link("Listen", "https://a.example/1")
                + _link("Listen", "https://a.example/2")
                + _link("Story 1", "https://other.example/1")
            ),
            "of": letter(
                story(
                    1,
                    recording_url="https://a.example/1",
                    also=(Link("Story 1", "https://other.example/1"),),
                ),
                story(2, recording_url="https://a.example/2"),
            ),
        },
        {
            "source": html(
                _link("Rain") + _link("rain", "https://b.example/") + _link("Snow, at last")
            ),
            "of": letter(story(1)),
        },
        (
            "Two links are called “rain” and lead to different pages.",
            "The links “Rain” and “Snow, at last” lead to the same page.",
        ),
    ),
    Case(
        "L07",
        html(_link("a", "https://notbit.ly/x")),
        html(_link("a", "https://bit.ly/x") + _link("b", "https://bit.ly/y")),
        ("The link “a” goes through bit.ly, which hides where it leads.",),
    ),
    Case(
        "L08",
        html(_link("a", "https://s3.example/f?X-Amz-Signature=1") + _link("b", f"{_URL}?utm_id=1")),
        html(_link("a", "https://s3.example/f?X-Amz-Signature=1&utm_source=x")),
        (
            (
                "The link “a” is signed by s3.example, and utm_ fields were added to it, which may"
                " break it."
            ),
        ),
        Severity.BLOCK,
    ),
    Case(
        "L08",
        {
            "source": html("".join(_link(f"s{n}", f"{_URL}{n}?utm_id=1") for n in range(3))),
            "of": letter(*(story(n, url=f"{_URL}{n}?utm_id=1") for n in range(3))),
        },
        {
            "source": html(
                "".join(_link(f"s{n}", f"{_URL}{n}?utm_id=1") for n in range(3)) + _link("bare")
            ),
            "of": letter(*(story(n, url=f"{_URL}{n}?utm_id=1") for n in range(3)), story(1)),
        },
        ("The link “bare” has no utm_ fields; the other stories of the site have.",),
    ),
    Case(
        "L09",
        {"composed": WAYS_OUT, "text": WAYS_OUT},
        {"composed": "", "text": WAYS_OUT.partition("<a href")[2].partition("</a>")[0]},
        (
            "The HTML has no unsubscribe link.",
            "The HTML has no preferences link.",
            "The plain text has no preferences link.",
        ),
    ),
    Case(
        "L10",
        html(_link("a") + '<a name="top"></a><!-- <a href=x><a href=y> -->' + _link("b")),
        html('<a href="https://a.example/">one <a href="https://b.example/">two</a></a><a>x</a>'),
        (
            "A link stands inside another link; mail programs make of it what they like.",
            "The link “x” has no address and is no place to jump to.",
        ),
    ),
    Case(
        "L11",
        html(_link("a")),
        html(_link("Sport", "#sport")),
        ("The link “Sport” jumps within the letter.",),
    ),
    Case(
        "L12",
        html(_link("a") * 100),
        html(_link("a") * 101),
        ("The letter has 101 links, more than 100.",),
    ),
    Case(
        "M01",
        _picture('src="https://a.example/a.jpg" alt="" width="600"'),
        _picture('src="https://a.example/quay.jpg?x=1" width="600"'),
        ("The picture quay.jpg has no alt attribute.",),
    ),
    Case(
        "M02",
        _picture('src="https://a.example/a.jpg" alt="Rowers at dawn"'),
        html(
            '<img src="a" alt="IMG_2034"><img src="a" alt="quay-north.jpeg">'
            f'<img src="a" alt="{"long " * 26}"><a href="x"><img src="a" alt="Rain"> Rain</a>'
        ),
        (
            "The description of the picture, “IMG_2034”, is the name of a file.",
            "The description of the picture, “quay-north.jpeg”, is the name of a file.",
            "The description of the picture, “" + ("long " * 12).strip() + " ”, has 129"
            " characters, more than 125.",
            "The description of the picture, “Rain”, says the same as the words in the same link.",
        ),
    ),
    Case(
        "M03",
        _picture('src="a.jpg" alt="" width="600"'),
        _picture('src="a.jpg" alt="" width="100%"><img src="b.jpg" alt="B"'),
        (
            "The picture a.jpg has the width '100%'; Outlook then shows it as large as its file.",
            "The picture “B” has no width attribute; Outlook then shows it as large as its file.",
        ),
    ),
    Case(
        "M05",
        _picture('src="https://a.example/a.jpg"><img src="https://a.example/b.PNG?x=.webp"'),
        _picture(
            'src="https://a.example/a.webp?w=1"><img src="data:image/png;base64,AA">'
            '<img src="cid:a@b"><img src="https://a.example/a.svg"><img alt="Nothing"'
        ),
        (
            "The picture a.webp is a WEBP file, which some mail programs do not show.",
            (
                "The picture png;base64,AA is written into the message (data:), which Gmail and"
                " Outlook do not show."
            ),
            (
                "The picture cid:a@b is written into the message (cid:), which Gmail and Outlook do"
                " not show."
            ),
            "The picture a.svg is a SVG file, which some mail programs do not show.",
            "The picture “Nothing” has no address.",
        ),
    ),
    Case(
        "M05",
        _picture('src="https://a.example/a.jpg"'),
        _picture('src="https://a.example/a.webp"'),
        ("The picture a.webp is a WEBP file, which some mail programs do not show.",),
        Severity.WARN,
        Limits(clients=("gmail", "apple-mail")),
    ),
    Case(
        "M07",
        {
            "source": _picture(f'src="{_SHOT.url}" width="600" height="338"'),
            "of": letter(story(1, shot=_SHOT)),
        },
        {
            "source": _picture(f'src="{_SHOT.url}" width="600" height="600"'),
            "of": letter(story(1, shot=_SHOT)),
        },
        ("The picture a.jpg is 600 by 338 and shown 600 by 600: it is squeezed.",),
    ),
    Case(
        "M08",
        _picture('src="a.jpg"'),
        html('<img src="a.jpg"><img src="b.jpg">'),
        ("The letter has 2 pictures and only 13 characters of text.",),
    ),
    Case(
        "A01",
        html(),
        html(html_attributes='dir="ltr"', wrapper='role="article" lang="fr" dir="ltr"'),
        (
            "The page does not say its language.",
            "The element around the whole letter says that its language is 'fr', and it is 'en'.",
        ),
    ),
    Case(
        "A02",
        {
            "source": html(html_attributes='dir="rtl"', wrapper='role="article" dir="rtl"'),
            "language": "ar",
        },
        {
            "source": html(html_attributes='dir="ltr"', wrapper='role="article"'),
            "language": "ar",
        },
        (
            "The page says that it is written 'ltr', and it is 'rtl'.",
            "The element around the whole letter does not say which way it is written.",
        ),
    ),
    Case(
        "A03",
        html(
            '<table role="presentation"><tr><td>a</td></tr></table><table><tr><th>b</th></tr>'
            '</table><!--[if mso]><table role="presentation"><![endif]-->'
        ),
        html("<table><tr><td>a</td></tr></table><!--[if mso]><table width=600><![endif]-->"),
        (
            "A table that only holds the layout does not say so.",
            "A table for Outlook alone, which only holds the layout, does not say so.",
        ),
    ),
    Case("A04", html(), html(head="<title> </title>"), ("The page has no title.",)),
    Case(
        "A05",
        html("<h2>a</h2><h3>b</h3><h2>c</h2>"),
        html("<h2> </h2><h1>two</h1>"),
        (
            "The letter has 2 h1 among its headings; it needs exactly one.",
            "An h2 is empty.",
        ),
    ),
    Case(
        "A05",
        html("<h2>a</h2>"),
        html("<h3>Deep</h3>"),
        ("The heading “Deep” is an h3 below an h1.",),
        Severity.WARN,
    ),
    Case(
        "A05",
        html(),
        html(h1=""),
        ("The letter has no h1 among its headings; it needs exactly one.",),
    ),
    Case(
        "A06",
        html('<a href="x"><img alt="The quay"></a><a href="y" aria-label="Next"></a>'),
        html('<a href="https://a.example/"><img src="a.jpg" alt=""></a>'),
        ("The link to https://a.example/ has no name.",),
    ),
    Case(
        "A07",
        html(_words("color:#5A5A57") + _words("color:#888888;font-size:24px")),
        html(_words("color:#888888", "Rain</p><p style='color:#888888'>Snow")),
        (
            (
                "The words “Rain” and one other have 3.5:1 of contrast on a light screen (#888888"
                " on #FFFFFF); 4.5:1 is needed."
            ),
            (
                "The words “Rain” and one other have 3.5:1 of contrast in the letter's own dark"
                " mode (#888888 on #FFFFFF); 4.5:1 is needed."
            ),
        ),
    ),
    Case(
        "A08",
        html(_words("font-size:14px")),
        html(_words("font-size:0.8em")),
        ("The words “Rain” are 12.8 px high, less than 14.",),
    ),
    Case(
        "A08",
        _styled("@media (max-width:500px){p{font-size:15px!important}}", "<p>a</p>"),
        _styled("@media (max-width:500px){p{font-size:12px!important}}", "<p>a</p>"),
        ("The words “a” are 12 px high on a phone, less than 14.",),
    ),
    Case(
        "A09",
        html(_link("a") + f'<p><a href="{_URL}" style="text-decoration:none">Alone</a></p>'),
        html(f'<p>See <a href="{_URL}" style="text-decoration:none">this story</a> now.</p>'),
        ("The link “this story” is told from the words around it by colour alone.",),
    ),
    Case(
        "A10",
        html(_words("text-align:left", "NATO MEETS IN BRUSSELS")),
        html(
            _words("text-align:justify", "A sentence of no more than a few words, and yet so wide.")
            + _words(
                "text-transform:uppercase",
                "A sentence of no more than a few words, but very loud indeed.",
            )
            + _words("", "THE WHOLE PARAGRAPH WAS WRITTEN WITH THE SAME KEY HELD DOWN.")
        ),
        (
            "The words “A sentence of no more than a few words,…” are justified on both sides.",
            "The words “A sentence of no more than a few words,…” are all in capitals.",
            "The words “THE WHOLE PARAGRAPH WAS WRITTEN WITH TH…” are all in capitals.",
        ),
    ),
    Case(
        "A11",
        html(head='<meta name="viewport" content="width=device-width, maximum-scale=5">'),
        html(head='<meta name="viewport" content="width=device-width,user-scalable=no">'),
        ("The letter forbids to zoom in.",),
    ),
    Case(
        "A12",
        html(
            f'<a href="{_URL}" style="display:block;padding:12px 0;line-height:20px">Leave</a>'
            f'<p>See <a href="{_URL}">this</a>.</p>'
        ),
        html(
            f'<a href="{_URL}" style="display:block;padding:8px;line-height:20px">Leave</a>'
            f'<ul><li style="line-height:24px"><a href="{_URL}">Rain</a></li></ul>'
        ),
        (
            "The link “Leave” is 36 px high on a phone; a thumb needs 44.",
            "The link “Rain” is 24 px high on a phone; a thumb needs 44.",
        ),
    ),
    Case(
        "A13",
        html('<p id="a">x</p><p id="b">y</p>'),
        html('<p id="a">x</p><p id="a">y</p>'),
        ("2 elements have the id 'a'.",),
    ),
    Case(
        "A14",
        {
            "source": html('<div style="display:none">Rain at noon &#847;</div>'),
            "of": letter(preheader="Rain at noon"),
        },
        {
            "source": html(outside='<div style="display:none">Rain at noon &#847;</div>'),
            "of": letter(preheader="Rain at noon"),
        },
        ("The preheader stands outside the element that says the letter's language.",),
    ),
    Case(
        "A15",
        html('<table><tr><td>a</td><td dir="rtl">ب</td></tr></table>'),
        html(
            '<table dir="rtl"><tr><td dir="ltr">a</td><td dir="ltr">b</td></tr></table>'
            '<p style="float:right">c</p>'
        ),
        (
            "The <tr> with “a b” is shown elsewhere than where it stands in the source.",
            "The <p> with “c” is shown elsewhere than where it stands in the source.",
        ),
    ),
    Case(
        "K01",
        _styled("@media (prefers-color-scheme:dark){img{filter:brightness(.9)}}"),
        _styled("img{filter:none}", "<video></video>"),
        (
            (
                "<video> element is not known to Gmail, Outlook (Android, iOS, Outlook.com,"
                " Windows, Windows Mail), Yahoo! Mail: see https://www.caniemail.com/features/html-video/."
            ),
            (
                "filter is not known to Gmail, Outlook, Yahoo! Mail: see"
                " https://www.caniemail.com/features/css-filter/."
            ),
        ),
        Severity.BLOCK,
    ),
    Case(
        "K01",
        html(),
        html(),
        ("checks.clients names 'outlok', of which caniemail.com knows nothing.",),
        limits=Limits(clients=("gmail", "outlok")),
    ),
    Case(
        "K02",
        html("<p style='display:block'>a</p>"),
        html("<p style='display:flex;position:absolute;color:var(--ink)'>a</p>"),
        (
            (
                "display:flex is not known to Outlook (Windows, Windows Mail): see"
                " https://www.caniemail.com/features/css-display-flex/."
            ),
            (
                "position is not known to Gmail, Outlook (iOS, Windows, Windows Mail): see"
                " https://www.caniemail.com/features/css-position/."
            ),
            (
                "CSS Variables (Custom Properties) is not known to Gmail, Outlook, Yahoo! Mail: see"
                " https://www.caniemail.com/features/css-variables/."
            ),
        ),
    ),
    Case(
        "K03",
        html("<p style='color:#112233'>a</p>"),
        html("<p style='color:hsl(210 50% 40%)'>a</p>"),
        ("The colour hsl(210 50% 40%) is not understood by Outlook on Windows.",),
    ),
    Case(
        "K04",
        html("<p style='padding:1em'>a</p>"),
        html("<p style='padding:1rem'>a</p>"),
        (
            (
                "rem unit is not known to Outlook (Windows, Windows Mail), Yahoo! Mail: see"
                " https://www.caniemail.com/features/css-unit-rem/."
            ),
        ),
    ),
    Case(
        "K05",
        _styled(
            "@media (prefers-color-scheme:dark){p{color:#FFF!important}}",
            "<p style='color:#1A1A1A'>a</p><b style='color:#FFF;background:#0B4F8A'>b</b>",
        ),
        html("<p style='color:#000000'>a</p>"),
        ("The colour of words is #000000, hard-coded.",),
    ),
    Case(
        "K06",
        html("<div style='background:#EEE url(https://a.example/a.jpg)'>a</div>"),
        html("<div style='background-image:url(https://a.example/a.jpg)'>a</div>"),
        ("The <div> has a picture behind it and no colour.",),
    ),
    Case(
        "K07",
        html("<p class='card'>a</p>"),
        html("<mj-txt>a</mj-txt><p css-class='card'>b</p>"),
        (
            (
                "Of MJML, the element <mj-txt> was left in the HTML: the compiler did not know it"
                " there."
            ),
            (
                "Of MJML, attribute 'css-class' was left in the HTML: the compiler did not know it"
                " there."
            ),
        ),
    ),
)


def _page(given: str | dict[str, Any]) -> Any:
    return page(given) if isinstance(given, str) else page(**given)


@pytest.mark.parametrize("case", CASES, ids=[f"{n}-{case.code}" for n, case in enumerate(CASES)])
def test_a_rule_finds_what_it_is_for_and_nothing_else(case: Case) -> None:
    rule = RULES[case.code]
    usual = case.limits if case.code != "K01" else Limits()
    assert found(rule, _page(case.passes), limits=usual) == []
    told = found(rule, _page(case.fails), limits=case.limits)
    assert tuple(each.sentence for each in told) == case.says
    assert told[0].severity == case.severity
    assert all(each.fix.endswith(".") for each in told)


def test_every_rule_has_its_samples() -> None:
    assert {case.code for case in CASES} == set(RULES)


# What a table has no column for


def test_a_site_on_trial_may_lead_to_itself() -> None:
    one = page(html(_link("a", "http://localhost/")))
    assert [each.severity for each in found(RULES["L02"], one, production=False)] == [Severity.WARN]
    assert [each.severity for each in found(RULES["L02"], one)] == [None]


def test_a_finding_names_the_story_it_stands_in() -> None:
    shot = Shot("https://news.example/b.jpg", 160, 120)
    inner = (
        '<p><a href="https://harbourpost.example/">Harbour Post</a></p>'
        f'<table><tr><td><a href="{_URL}">Story 1</a></td></tr></table>'
        '<table><tr><td><a href="https://harbourpost.example/n/2">Story 2</a><p>words</p></td>'
        f'<td><img src="{shot.url}"></td></tr></table><img src="https://news.example/x.jpg">'
    )
    one = page(html(inner), of=letter(story(1), story(2, shot=shot)))
    places = [each.place for each in found(RULES["M01"], one)]
    assert [(each.article_id, each.number, each.line) for each in places] == [
        (402, 2, 4),
        (None, None, 4),
    ]
    links_ = [
        node for node in tree_of(one).all("a", "p") if node.words in {"Harbour Post", "words"}
    ]
    assert [place_of(one, node).number for node in links_] == [None, None, 2]
