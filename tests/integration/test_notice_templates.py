"""Every notice in every language: both parts say the same, whatever the facts hold."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import groupby
from urllib.parse import urlsplit

import pytest
from lxml import html as lxml_html
from lxml.html import HtmlElement

from digest.composition import samples
from digest.composition.catalogs import load_languages
from digest.composition.compose import compose_notice
from digest.composition.environment import load_templates
from digest.composition.model import Logo, Rendered, Site, Typeface
from digest.composition.notices import facts_for, title_of
from digest.composition.text import COLUMNS, width
from digest.errors import CompositionError
from tests.unit.composition.letter_builders import a_site
from tests.unit.composition.notice_builders import EVENTS, FULL, LEAST, LINKS, ONE_LETTER

LANGUAGES = load_languages()
TEMPLATES = load_templates()
READER_NOTICES = ("confirm", "welcome", "goodbye", "address", "link")
CASES: Mapping[str, tuple[str, Mapping[str, object]]] = {
    **{kind: (kind, facts) for kind, facts in FULL.items()},
    **{f"{kind}, least": (kind, facts) for kind, facts in LEAST.items()},
    **{f"editors, {event}": ("editors", facts) for event, facts in EVENTS.items()},
    **{f"link, {what}": ("link", facts) for what, facts in LINKS.items()},
    "welcome, one": ("welcome", ONE_LETTER),
}
TAGS = tuple(dict.fromkeys((*LANGUAGES.tags, "ar", "he")))
"""Also where there is no catalog: the frame is right even where the words are English."""

HOSTILE = (
    "</mj-text><mj-raw><b>out</b></mj-raw><mj-text>",
    "</p></td></tr></table><script>alert(1)</script>",
    "{{ 7*7 }} {% raw %} {# gone #}",
    "100 % sure, %(address)s and %s",
    "double \"quotes\" and 'single' ones\\",
    '" onmouseover="alert(1)',
    "a --> b <!-- c <![CDATA[ raw ]]>",
    "<!--[if mso]><p>Outlook</p><![endif]-->",
    "&lt;b&gt; &amp; &#60; AT&T",
    "\u202eright to left\u202c and \u2066isolated\u2069",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 heart \u2764\ufe0f",
    "no\u00a0break, narrow\u202fspace, soft\u00adhyphen",
    "two\r\nlines\u2028and\ta tab\r\nBcc: all@reader.example",
    "حيّ على النشرة",
    "हिन्दी और ไทย 中文",
    "x" * 169,
)


def render(case: str, tag: str = "en", *, site: Site | None = None) -> Rendered:
    kind, facts = CASES[case]
    return rendered(kind, facts, tag, site=site)


def rendered(
    kind: str, facts: Mapping[str, object], tag: str = "en", *, site: Site | None = None
) -> Rendered:
    return compose_notice(
        kind,
        facts,
        site=site or a_site(language=tag),
        language=LANGUAGES.of(tag),
        environment=TEMPLATES,
    )


def page_of(made: Rendered) -> HtmlElement:
    return lxml_html.fromstring(made.html)


def body_of(made: Rendered) -> HtmlElement:
    return next(e for e in page_of(made).iter("div") if e.get("role") == "article")


def addresses_in_html(made: Rendered) -> list[str]:
    """Give where the links lead, one after the other; twice the same in a row counts once."""
    return [url for url, _ in groupby(str(a.get("href")) for a in page_of(made).iter("a"))]


def addresses_in_text(made: Rendered) -> list[str]:
    return re.findall(r"^<((?:https|mailto):\S+)>$", made.text, re.MULTILINE)


def words_of(element: HtmlElement) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def buttons_of(made: Rendered) -> list[HtmlElement]:
    return [a for a in page_of(made).iter("a") if "padding:10px 24px" in style(a)]


def style(element: HtmlElement) -> str:
    return (element.get("style") or "").replace(": ", ":").replace("; ", ";")


def facts_of(case: str, tag: str) -> Iterator[str]:
    """Give what the reader must find of the facts, as it is said to them."""
    kind, facts = CASES[case]
    given = facts_for(kind, facts, language=LANGUAGES.of(tag))
    if kind == "link":  # what it is about chooses the words, and is none of them
        del given["what"]
    if given.pop("event", "draft") != "draft":  # then the title says it, and which edition
        del given["headline"]
    for value in given.values():
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from (getattr(each, "words", None) or each.name for each in value)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("case", CASES)
def test_both_parts_lead_to_the_same_places_in_the_same_order(case: str, tag: str) -> None:
    made = render(case, tag)
    assert addresses_in_text(made) == addresses_in_html(made)
    assert all(urlsplit(url).scheme in {"https", "mailto"} for url in addresses_in_text(made))
    outside = re.sub(r"^<\S+>$", "", made.text, flags=re.MULTILINE)
    assert "://" not in outside


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("case", CASES)
def test_both_parts_say_every_fact(case: str, tag: str) -> None:
    made = render(case, tag)
    shown = words_of(body_of(made)) + " ".join(addresses_in_html(made))
    told = " ".join(made.text.split()) + made.subject
    for fact in facts_of(case, tag):
        assert fact in shown
        assert fact in told


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("case", CASES)
def test_the_text_has_at_most_72_columns_but_for_addresses(case: str, tag: str) -> None:
    lines = render(case, tag).text.split("\n")
    assert max(width(line) for line in lines if not line.startswith("<")) <= COLUMNS
    assert not [line for line in lines if line != line.rstrip()]
    assert "\n\n\n\n" not in "\n".join(lines)


@pytest.mark.parametrize("tag", TAGS)
@pytest.mark.parametrize("case", CASES)
def test_the_page_is_sound(case: str, tag: str) -> None:
    made = render(case, tag)
    page = page_of(made)
    way = "rtl" if tag in {"ar", "he"} else "ltr"
    assert (page.get("lang"), page.get("dir")) == (tag, way)
    assert len(list(page.iter("h1"))) == 1
    assert page.findtext("head/title")
    assert {table.get("role") for table in page.iter("table")} == {"presentation"}
    assert all(words_of(link) for link in page.iter("a"))
    assert "text-align:center" not in "".join(
        style(e) for e in page.iter("p", "a", "h1", "h2", "td") if e.get("class") is not None
    )
    assert "\n" not in made.subject.strip()
    assert len(made.html.encode()) < 30_000


@pytest.mark.parametrize("tag", samples.LANGUAGES)
@pytest.mark.parametrize("kind", samples.NOTICES)
def test_the_sample_of_each_notice_says_the_same_in_both_parts(kind: str, tag: str) -> None:
    language = LANGUAGES.of(tag)
    facts = samples.sample_facts(kind, language)
    made = rendered(kind, facts, tag, site=samples.sample_site(tag))
    assert addresses_in_text(made) == addresses_in_html(made)
    title = title_of(kind, facts_for(kind, facts, language=language), language=language)
    assert " ".join(title.split()) in words_of(body_of(made))
    assert " ".join(title.split()) in " ".join(made.text.split())


@pytest.mark.parametrize("case", CASES)
def test_there_is_one_button_at_most_and_its_address_stands_below_it(case: str) -> None:
    made = render(case)
    buttons = buttons_of(made)
    with_button = {"confirm", "welcome", "address", "link", "sign-in", "editors"} | {
        *(f"link, {what}" for what in LINKS),
        "confirm, least",
        "address, least",
        "sign-in, least",
        "welcome, one",
    }
    assert len(buttons) == (case in with_button)
    for button in buttons:
        assert "line-height:24px" in style(button), "24 and two times 10: 44 px high"
        url = str(button.get("href"))
        assert url in words_of(body_of(made)), "for whoever cannot press it"
        cell = button.getparent()
        assert cell is not None
        assert cell.get("bgcolor") == "#0B4F8A", "Outlook paints cells, not links"


@pytest.mark.parametrize("tag", [tag for tag in TAGS if LANGUAGES.speaks(tag) and tag != "en"])
@pytest.mark.parametrize("case", CASES)
def test_what_the_catalog_has_is_not_said_in_english(case: str, tag: str) -> None:
    made = render(case, tag)
    said = "\n".join((made.subject, words_of(page_of(made)), " ".join(made.text.split())))
    for english, forms in LANGUAGES.of(tag).messages.items():
        pieces = [part.strip(" .,:") for part in re.split(r"%\(\w+\)s|#", english)]
        told = [piece for piece in pieces if len(piece.split()) > 2]
        for piece in told:
            assert piece not in said or any(piece in form for form in forms)


def test_a_goodbye_offers_one_way_back_and_asks_nothing() -> None:
    made = render("goodbye")
    assert buttons_of(made) == []
    assert (
        made.text
        == """\
HARBOUR POST
<https://harbourpost.example>
========================================================================

You are unsubscribed

We no longer send The Morning Post to maria@reader.example.

Subscribe again
<https://letters.harbourpost.example/subscribe>

------------------------------------------------------------------------

12 Quay Street, Harbour Town HP1 1AA

Privacy. We do not track whether you open this.
<https://letters.harbourpost.example/privacy>
"""
    )


def test_a_draft_tells_its_warnings_before_its_stories() -> None:
    made = render("editors")
    assert made.subject == (
        "Draft of daily/2026-01-09: Council backs the new breakwater after a night of argument"
    )
    for part in (made.text.lower(), words_of(body_of(made)).lower()):
        assert part.index("1 warning") < part.index("it timed") < part.index("5 stories")
    assert "Top story:  Ferry returns to its winter timetable\n" in made.text


def test_without_a_page_to_look_at_a_draft_says_the_commands() -> None:
    made = render("editors, draft by command")
    for part in (made.text, words_of(body_of(made))):
        assert "digest preview daily/2026-01-09" in part
        assert "digest approve daily/2026-01-09" in part


@pytest.mark.parametrize(
    ("event", "subject"),
    [
        ("held", "daily/2026-01-09 is held"),
        ("skipped", "daily/2026-01-09 was skipped"),
        ("missed", "2 editions were missed"),
    ],
)
def test_the_editors_hear_what_happened_and_why(event: str, subject: str) -> None:
    made = render(f"editors, {event}")
    reason = str(EVENTS[event]["reason"])
    assert made.subject == subject
    assert reason in words_of(body_of(made))
    assert reason in " ".join(made.text.split())


def test_a_reader_may_leave_by_the_welcome_and_staff_are_told_why_they_are_written_to() -> None:
    assert "\nUnsubscribe\n<https://" in render("welcome").text
    for case, role in (("editors", "an editor"), ("operators", "an operator")):
        assert f"name you as {role}." in " ".join(render(case).text.split())
    for kind in FULL:
        assert ("/privacy>" in render(kind).text) == (kind in READER_NOTICES)


@pytest.mark.parametrize("words", HOSTILE)
@pytest.mark.parametrize("tag", ["en", "ar"])
def test_hostile_facts_stay_words(words: str, tag: str) -> None:
    for kind, facts in FULL.items():
        changed = {
            name: [[words, words]]
            if name == "rows"
            else [[words, "", ""], [words, "", ""]]
            if name == "letters"
            else [words, words]
            if name == "newsletter"
            else words
            for name, value in facts.items()
            if not name.endswith("url") and not isinstance(value, int)
        }
        site = a_site(language=tag, name=f"Post {words}", postal_address=words)
        made = rendered(kind, {**facts, **changed}, tag, site=site)
        page = page_of(made)
        assert not list(page.iter("script", "b", "mj-raw", "mj-text")) or kind == "welcome"
        assert not {str(name) for e in page.iter() for name in e.attrib} & {"onmouseover"}
        assert not [e for e in page.iter("p") if words_of(e) == "Outlook"]
        assert "49" not in words_of(page)
        assert "\n" not in made.subject
        assert addresses_in_text(made) == addresses_in_html(made)
        made.html.encode()
        made.text.encode()


def test_a_name_keeps_every_sign_of_it() -> None:
    for words in ("family \U0001f468\u200d\U0001f469", "हिन्दी और", "back\\slash \\u{a0} $1"):
        made = rendered("goodbye", {**FULL["goodbye"], "newsletter": words})
        assert f"We no longer send {words} to" in words_of(body_of(made))
        assert f"We no longer send {words} to" in " ".join(made.text.split())
        assert made.subject == f"Unsubscribed: {words}"


def test_in_a_language_from_right_to_left_the_frame_is_mirrored_and_code_is_not() -> None:
    html = render("editors", "ar").html.replace(": ", ":").replace("; ", ";")
    assert "direction:ltr" not in html
    assert "padding-right:16px" in html
    page = page_of(render("operators", "ar"))
    (code,) = [e for e in page.iter("p") if "monospace" in (e.get("style") or "")]
    assert (code.get("dir"), "text-align:left" in style(code)) == ("ltr", True)
    welcome = page_of(render("welcome", "ar"))
    shown = [a for a in welcome.iter("a") if (a.text or "").startswith("https://")]
    assert {a.get("dir") for a in shown} == {"ltr"}


def test_a_brand_shows_in_notices_as_in_letters() -> None:
    site = a_site(
        accent="#7A1F5C",
        typeface=Typeface.SANS,
        logo=Logo("https://letters.harbourpost.example/brand/logo.png", 120, 40),
    )
    made = render("confirm", site=site)
    (button,) = buttons_of(made)
    assert "background-color:#7A1F5C" in style(button)
    (mark,) = page_of(made).iter("img")
    assert (mark.get("src"), mark.get("alt")) == (site.logo and site.logo.url, "")
    assert "Georgia" not in made.html
    assert "Harbour Post" in words_of(body_of(made))


def test_a_site_without_address_or_mailbox_leaves_no_gap() -> None:
    made = render("welcome", site=a_site(url="", reply_to=""))
    assert addresses_in_text(made) == addresses_in_html(made)
    assert made.text.startswith("HARBOUR POST\n====")
    assert "reply" not in made.text


def test_a_link_that_no_mail_may_hold_is_told_by_name() -> None:
    with pytest.raises(CompositionError, match="notice: confirm: the fact 'confirm_url'"):
        rendered("confirm", {**FULL["confirm"], "confirm_url": "javascript:alert(1)"})
