"""Whole letters and notices, from the values to the bytes that are approved."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import html as lxml_html

from digest.composition.catalogs import load_languages
from digest.composition.compose import compose, compose_notice, content_hash, set_hash
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.language import ENGLISH
from digest.composition.letter import write_letter
from digest.composition.model import Composition, Letter, Note, Rendered, Twin
from digest.composition.slots import Slot, Slots, count
from digest.editions.model import Place, Section, Selection
from digest.errors import CompositionError
from digest.sources.model import Picture
from tests.unit.composition.letter_builders import (
    SECRET,
    a_newsletter,
    a_selection,
    a_site,
    a_slot,
    a_story,
    an_edition,
    chosen,
    copy_of,
    picture_url,
    shots_at,
)

LANGUAGES = load_languages()

HOSTILE = (
    "</mj-text><mj-raw><b>out</b></mj-raw><mj-text>",
    "</h3></td></tr></table><script>alert(1)</script>",
    '<mj-include path="/etc/passwd" />',
    "<mj-section>",
    "{{ 7*7 }}",
    "{% for x in range(9) %}{{ x }}{% endfor %}",
    "{# gone #}",
    "double \"quotes\" and 'single' ones",
    '" onmouseover="alert(1)',
    "' onmouseover='alert(1)",
    "a --> b <!-- c",
    "<![CDATA[ raw ]]>",
    "<!--[if mso]><p>Outlook</p><![endif]-->",
    "<style>p{display:none}</style>",
    "&lt;b&gt; &amp; &#60; &nbsp;",
    "AT&T & Sons; R&amp;D",
    "NUL\x00 and bell\x07 within",
    "lone \ud800 surrogate",
    "\u202eright to left\u202c and \u2066isolated\u2069",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 heart \u2764\ufe0f",
    "no\u00a0break, narrow\u202fspace",
    "soft\u00adhyphen, zero\u200bwidth, BOM \ufeff",
    "back\\slash \\n \\u{a0} $1 %s",
    "two\r\nlines\u2028and\ta tab",
)


@pytest.fixture(scope="module")
def templates() -> MailTemplates:
    return load_templates()


def letter_for(
    template: str = "daily", *, selection: Selection | None = None, language: str = "en"
) -> Letter:
    names = {"daily": "The Morning Post", "weekly": "The Week", "single": "Breaking"}
    day = date(2026, 1, 10) if template == "weekly" else date(2026, 1, 9)
    return write_letter(
        an_edition(template, day=day),
        a_newsletter(template, name=names[template]),
        a_selection() if selection is None else selection,
        site=a_site(language=language),
        language=LANGUAGES.of(language),
        shots=shots_at(),
        next_slot=a_slot(),
    )


def composed(letter: Letter, templates: MailTemplates, *, revision: int = 1) -> Composition:
    return compose(
        letter,
        edition_id=7,
        revision=revision,
        language=LANGUAGES.of(letter.language),
        secret=SECRET,
        environment=templates,
    )


def notice(kind: str, templates: MailTemplates, **facts: object) -> Rendered:
    return compose_notice(kind, facts, site=a_site(), language=ENGLISH, environment=templates)


def words_of(html: str) -> str:
    body = lxml_html.fromstring(html).find("body")
    assert body is not None
    return " ".join("".join(str(part) for part in body.itertext()).split())


# What is said


def test_a_note_of_two_paragraphs_is_two_paragraphs(templates: MailTemplates) -> None:
    made = composed(replace(letter_for(), note=Note(("Good <i>morning</i>.", "Ann"))), templates)
    paragraphs = [p.text for p in lxml_html.fromstring(made.html).iter("p")]
    at = paragraphs.index("Good <i>morning</i>.")
    assert paragraphs[at : at + 2] == ["Good <i>morning</i>.", "Ann"]
    assert "\n\nGood <i>morning</i>.\n\nAnn\n\n\n" in made.text


# The same each time


def test_composing_twice_gives_the_same_bytes_and_hash(templates: MailTemplates) -> None:
    letter = letter_for()
    first = composed(letter, templates)
    assert composed(letter, load_templates()) == first
    assert first.content_hash == content_hash(
        first.subject, first.preheader, first.html, first.text
    )


def test_anything_that_changes_changes_the_hash(templates: MailTemplates) -> None:
    letter = letter_for()
    hashes = {
        composed(letter, templates).content_hash,
        composed(letter, templates, revision=2).content_hash,
        composed(replace(letter, preheader="Another"), templates).content_hash,
        composed(replace(letter, subject="Another"), templates).content_hash,
        composed(replace(letter, next_line=""), templates).content_hash,
    }
    assert len(hashes) == 5


def test_an_approval_covers_all_languages_in_whatever_order(templates: MailTemplates) -> None:
    english = composed(letter_for(), templates)
    german = replace(english, language="de", content_hash="0" * 64)
    assert set_hash([english, german]) == set_hash([german, english])
    assert set_hash([english]) != set_hash([english, german])


# Hostile words


@pytest.mark.parametrize("title", HOSTILE)
@pytest.mark.parametrize("place", [Place.LEAD, Place.TOP, Place.BRIEF])
def test_hostile_titles_stay_words(title: str, place: Place, templates: MailTemplates) -> None:
    story = a_story(title, title, picture=Picture(picture_url("sea"), title + "!", title))
    letter = letter_for(selection=Selection((chosen(story, place, at=1),)))
    made = composed(letter, templates)
    headline = (letter.lead or [*letter.top, *letter.brief][0]).headline
    page = lxml_html.fromstring(made.html)
    assert headline in [link.text for link in page.iter("a")]
    assert page.findtext("head/title") == f"{made.subject} · The Morning Post, {letter.date_line}"
    assert not list(page.iter("script"))
    assert not {str(name) for e in page.iter() for name in e.attrib} & {"onmouseover", "onclick"}
    expected = headline.upper() if place is Place.LEAD else headline
    assert "".join(expected.split()) in "".join(made.text.split())
    made.html.encode()
    made.text.encode()


def test_a_picture_says_its_description_whatever_it_holds(templates: MailTemplates) -> None:
    for words in HOSTILE:
        story = a_story("The wall", picture=Picture(picture_url("ferry"), words))
        letter = letter_for(selection=Selection((chosen(story, Place.TOP, at=1),)))
        shot = letter.top[0].shot
        assert shot is not None
        page = lxml_html.fromstring(composed(letter, templates).html)
        assert [picture.get("alt") for picture in page.iter("img")] == [shot.alt]


def test_hostile_facts_stay_words_in_notices(templates: MailTemplates) -> None:
    for words in HOSTILE:
        made = notice("operators", templates, what=words, detail=words, remedy=words)
        assert not list(lxml_html.fromstring(made.html).iter("script"))
        made.text.encode()
        assert "\n" not in made.subject
    with pytest.raises(CompositionError, match="the fact 'confirm_url' is not a link"):
        notice("confirm", templates, newsletter="x", confirm_url="javascript:1", address="a@b.c")


# Readers


def test_every_slot_stands_in_both_parts_and_topics_wrap_their_sections(
    templates: MailTemplates,
) -> None:
    made = composed(replace(letter_for(), twin=Twin.WEEKLY), templates)
    slots = Slots(made.nonce)
    for part in (made.html, made.text):
        marks = count(part, made.nonce)
        assert marks[""] == 0
        for slot in Slot:
            assert slots.value(slot) in part
        for topic in ("town", "sport", "culture"):
            assert part.count(slots.topic_open(topic)) == 1
            assert part.count(slots.topic_close(topic)) == 1


def test_a_readers_copy_lacks_the_topics_they_switched_off_and_counts_the_rest(
    templates: MailTemplates,
) -> None:
    made = composed(letter_for(), templates)
    for source in (made.html, made.text):
        whole = copy_of(source, made.nonce)
        part = copy_of(source, made.nonce, topics=frozenset({"sport"}))
        assert "12 stories · 1 min" in whole
        assert "9 stories · 1 min" in part
        assert "Bakers fall out over the price of rye" in whole
        assert "Bakers fall out over the price of rye" not in part
        assert "Rowers win by a length" in part
        assert "maria@reader.example" in part
        assert made.nonce not in part
    html = copy_of(made.html, made.nonce, topics=frozenset())
    assert html.count("<!--[if mso | IE]>") == html.count("<![endif]-->") - html.count(
        "<!--[if mso]>"
    ) - html.count("<!--[if lte mso 11]>") - html.count("<!--<![endif]-->")


def test_the_plain_text_has_no_hole_where_a_topic_was(templates: MailTemplates) -> None:
    made = composed(letter_for(), templates)
    for topics in (frozenset[str](), frozenset({"sport"}), frozenset({"town", "culture"}), None):
        text = copy_of(made.text, made.nonce, topics=topics)
        assert "\n\n\n\n" not in text
        assert re.search(r"[^\n]\n\n\nIN BRIEF", text)


def test_the_page_online_has_nothing_of_the_readers(templates: MailTemplates) -> None:
    made = composed(letter_for(), templates)
    for source in (made.html, made.text):
        page = copy_of(source, made.nonce, online=True)
        assert "Unsubscribe" not in page
        assert "maria@reader.example" not in page
        assert "Read online" not in page
        assert "12 Quay Street" in page


def test_no_line_of_prose_is_too_long_and_every_address_has_its_own(
    templates: MailTemplates,
) -> None:
    made = composed(letter_for(), templates)
    text = copy_of(made.text, made.nonce)
    assert max(len(line) for line in text.splitlines()) <= 72
    addresses = [line.strip() for line in text.splitlines() if "://" in line]
    assert all(line.startswith("<") and line.endswith(">") for line in addresses)
    html = copy_of(made.html, made.nonce)
    links = {a.get("href") for a in lxml_html.fromstring(html).iter("a")}
    in_html = {link for link in links if link and link.startswith("http")}
    assert in_html == {line[1:-1] for line in addresses if "mailto:" not in line}


# Standing orders of the house: what mail clients and screen readers need


@pytest.mark.parametrize("template", ["daily", "weekly"])
def test_the_letter_is_accessible(template: str, templates: MailTemplates) -> None:
    page = lxml_html.fromstring(composed(letter_for(template), templates).html)
    assert (page.get("lang"), page.get("dir")) == ("en", "ltr")
    wrapper = next(e for e in page.iter("div") if e.get("role") == "article")
    assert (wrapper.get("lang"), wrapper.get("dir")) == ("en", "ltr")
    assert page.findtext("head/title")
    assert len(list(page.iter("h1"))) == 1
    assert {table.get("role") for table in page.iter("table")} == {"presentation"}
    assert all(picture.get("alt") is not None for picture in page.iter("img"))
    assert all((picture.get("width") or "").isdecimal() for picture in page.iter("img"))
    assert all("".join(map(str, link.itertext())).strip() for link in page.iter("a"))
    first = next(e for e in wrapper.iter("div") if "display:none" in (e.get("style") or ""))
    assert first is wrapper[0]


def test_dark_mode_and_phones_have_their_rules(templates: MailTemplates) -> None:
    html = composed(letter_for(), templates).html
    assert '<meta name="color-scheme" content="light dark">' in html
    assert "@media (prefers-color-scheme: dark)" in html
    assert "#1B1B1B !important" in html
    assert "@media only screen and (max-width:520px)" in html


def test_a_site_written_from_right_to_left_is_mirrored(templates: MailTemplates) -> None:
    html = composed(letter_for(language="ar"), templates).html
    page = lxml_html.fromstring(html)
    assert (page.get("lang"), page.get("dir")) == ("ar", "rtl")
    assert "direction:ltr" not in html
    assert "padding-right:20px" in html.replace("; ", ";")


def test_a_story_in_another_language_says_so(templates: MailTemplates) -> None:
    story = chosen(a_story("חדשות", "טקסט", language="he"), Place.TOP, at=1)
    page = lxml_html.fromstring(composed(letter_for(selection=Selection((story,))), templates).html)
    cell = next(e for e in page.iter("td") if e.get("lang") == "he")
    assert cell.get("dir") == "rtl"


def test_a_headline_without_a_page_is_plain_text(templates: MailTemplates) -> None:
    made = composed(letter_for(), templates)
    page = lxml_html.fromstring(made.html)
    assert "Lost: one grey cat, answers to Admiral" in words_of(made.html)
    assert not [link for link in page.iter("a") if "grey cat" in (link.text or "")]


def test_an_edition_of_fifty_headlines_stays_far_below_the_clip(templates: MailTemplates) -> None:
    brief = tuple(
        chosen(a_story(f"Headline {n} of a long day, and of a longer night"), Place.BRIEF, at=n)
        for n in range(100, 150)
    )
    many = Selection(a_selection().candidates + brief)
    assert len(composed(letter_for(selection=many), templates).html.encode()) < 60_000


def test_an_empty_edition_can_be_looked_at(templates: MailTemplates) -> None:
    for template in ("daily", "weekly", "single"):
        made = composed(letter_for(template, selection=Selection()), templates)
        assert "0 stories" in copy_of(made.text, made.nonce)


# A publisher's own templates


def own_template(folder: Path, **files: str) -> MailTemplates:
    (folder / "daily").mkdir(parents=True)
    for name, content in files.items():
        (folder / "daily" / name.replace("_", ".")).write_text(content, encoding="utf-8")
    return load_templates(folder)


def test_a_publishers_template_inherits_ours(tmp_path: Path) -> None:
    templates = own_template(
        tmp_path,
        body_mjml=('{% extends "_base/letter.mjml" %}{% set closing = "Good night." %}'),
    )
    assert "Good night." in composed(letter_for(), templates).html


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("subject_txt", "  \n", r"daily/subject.txt: it gives an empty subject"),
        ("body_txt", "No way out.", r"daily/body.txt: no unsubscribe link"),
        (
            "body_mjml",
            "<mjml><mj-body></mj-body></mjml>",
            r"daily/body.mjml: no unsubscribe link",
        ),
        (
            "body_txt",
            '{{ slots.value("unsubscribe") }}{{ slots.value("address")[:-1] }}',
            r"daily/body.txt: a reader's slot is broken",
        ),
        ("body_mjml", "<mjml><mj-foo/></mjml>", r"daily/body.mjml: <mj-foo> is not known"),
    ],
)
def test_a_publishers_template_that_would_harm_is_refused(
    tmp_path: Path, name: str, content: str, cause: str
) -> None:
    templates = own_template(tmp_path, **{name: content})
    with pytest.raises(CompositionError, match=cause):
        composed(letter_for(), templates)


def test_an_accent_that_is_no_colour_is_refused(templates: MailTemplates) -> None:
    letter = letter_for()
    site = replace(letter.site, accent="red;background:url(x)")
    with pytest.raises(CompositionError, match="not of the form #rrggbb"):
        composed(replace(letter, site=site), templates)


def test_a_notice_without_a_fact_it_needs_is_an_error(templates: MailTemplates) -> None:
    with pytest.raises(CompositionError, match="notice: confirm: the fact 'newsletter' is missing"):
        notice("confirm", templates, address="a@b.example", confirm_url="https://h.example/c")
    with pytest.raises(CompositionError, match="notice: birthday: there is none of this kind"):
        notice("birthday", templates)


def test_a_sections_key_may_hold_anything(templates: MailTemplates) -> None:
    section = Section("what's on & élan", "What’s on")
    letter = write_letter(
        an_edition(),
        a_newsletter(sections=(section,)),
        Selection((chosen(a_story("One"), Place.SECTION, at=1, section=section.key),)),
        site=a_site(),
        language=ENGLISH,
        shots={},
        next_slot=None,
    )
    made = composed(letter, templates)
    assert "One" not in words_of(copy_of(made.html, made.nonce, topics=frozenset()))
    assert "One" in words_of(copy_of(made.html, made.nonce, topics=frozenset({section.key})))
