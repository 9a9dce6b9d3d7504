"""The letter templates in every language: what stands where, in both parts, for every client."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise

import pytest
from lxml import html as lxml_html
from lxml.html import HtmlElement

from digest.composition.catalogs import load_languages
from digest.composition.compose import compose
from digest.composition.environment import MailTemplates, load_templates
from digest.composition.language import Language
from digest.composition.model import (
    Composition,
    Letter,
    LetterSection,
    Link,
    Logo,
    Note,
    Piece,
    Shot,
    Twin,
    Typeface,
)
from digest.composition.samples import LANGUAGES, LETTERS, sample_letter, sample_site
from digest.composition.text import width
from tests.unit.composition.letter_builders import READER, SECRET, copy_of

CATALOGS = load_languages()
EVERY = [(template, tag) for template in LETTERS for tag in LANGUAGES]
ISOLATES = {ord("\u2068"): None, ord("\u2069"): None}
UNBROKEN = "Donaudampfschifffahrtsgesellschaftskapitänspatent" * 3 + "Hafenmeistereigebäude"


@pytest.fixture(scope="module")
def templates() -> MailTemplates:
    return load_templates()


@cache
def letter_of(template: str, tag: str = "en") -> Letter:
    return sample_letter(template, language(tag))


def language(tag: str) -> Language:
    return CATALOGS.of(tag)


def composed(letter: Letter, templates: MailTemplates) -> Composition:
    return compose(
        letter,
        edition_id=7,
        revision=1,
        language=language(letter.language),
        secret=SECRET,
        environment=templates,
    )


def copies(
    letter: Letter, templates: MailTemplates, topics: frozenset[str] | None = None
) -> tuple[HtmlElement, str]:
    made = composed(letter, templates)
    html = copy_of(made.html, made.nonce, topics=topics)
    return lxml_html.fromstring(html), copy_of(made.text, made.nonce, topics=topics)


def words_of(element: HtmlElement) -> str:
    return " ".join("".join(map(str, element.itertext())).split())


def body_words(page: HtmlElement) -> str:
    body = page.find("body")
    assert body is not None
    return words_of(body)


def elements(page: HtmlElement, name: str, *, words: str = "") -> list[HtmlElement]:
    return [each for each in page.iter(name) if words in words_of(each)]


def spaced(page: HtmlElement) -> str:
    """Give all words, those of neighbouring cells and lines apart."""
    return " ".join(" ".join(map(str, page.itertext())).split())


def style(element: HtmlElement) -> str:
    return re.sub(r"\s*([:;])\s*", r"\1", element.get("style") or "")


def addresses_in_text(text: str) -> list[str]:
    return re.findall(r"^ *<(\S+)>$", text, re.MULTILINE)


def last_of_each(values: Iterable[str]) -> list[str]:
    """Give each value once, in the order in which they are said for the last time."""
    return list(dict.fromkeys(reversed(list(values))))[::-1]


def told(letter: Letter) -> Iterator[str]:
    """Give the headlines of a letter in the order they are read."""
    plain = letter.template == "headlines"
    pieces = [*filter(None, [letter.lead]), *letter.top]
    pieces += [piece for section in letter.sections for piece in section.pieces]
    for piece in (*pieces, *letter.brief):
        yield piece.headline
        if not plain:
            yield from (link.words for link in (*piece.also, *piece.related))
    yield from (link.words for link in (*letter.most_read, *letter.missed))


def assert_in_order(parts: Iterable[str], text: str) -> None:
    at, whole = 0, "".join(text.casefold().split())
    for part in parts:
        sought = "".join(part.casefold().split())
        found = whole.find(sought, at)
        assert found >= 0, f"{part!r} is not said, or not here"
        at = found + len(sought)


def everything(letter: Letter) -> Letter:
    """Give the letter all that one can have."""
    missed = (Link("A night on the old mole", "https://harbourpost.example/n/7001"), Link("Fog"))
    related = (Link("Storm Ada", "https://harbourpost.example/n/5011", note="October 2021"),)
    top = tuple(replace(piece, related=related, also=missed) for piece in letter.top)
    return replace(letter, missed=missed, most_read=(*letter.most_read, *missed), top=top)


# Every template in every language


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_a_letter_is_built_for_screen_readers(
    template: str, tag: str, templates: MailTemplates
) -> None:
    page, _ = copies(everything(letter_of(template, tag)), templates)
    way = language(tag).direction
    assert (page.get("lang"), page.get("dir")) == (tag, way)
    wrapper = next(each for each in page.iter("div") if each.get("role") == "article")
    assert (wrapper.get("lang"), wrapper.get("dir")) == (tag, way)
    assert page.findtext("head/title")
    assert len(elements(page, "h1")) == 1
    assert {table.get("role") for table in page.iter("table")} == {"presentation"}
    assert all(picture.get("alt") is not None for picture in page.iter("img"))
    assert all(words_of(link) for link in page.iter("a"))
    assert all(
        "text-decoration:underline" in style(link)
        or words_of(link) == letter_of("daily", tag).site.name
        for link in page.iter("a")
    )


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_headings_go_down_one_step_at_a_time(
    template: str, tag: str, templates: MailTemplates
) -> None:
    page, _ = copies(everything(letter_of(template, tag)), templates)
    steps = [int(str(each.tag)[1]) for each in page.iter("h1", "h2", "h3", "h4")]
    assert steps[0] == 1
    assert all(after <= before + 1 for before, after in pairwise(steps))


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_both_parts_lead_to_the_same_addresses_in_the_same_order(
    template: str, tag: str, templates: MailTemplates
) -> None:
    page, text = copies(everything(letter_of(template, tag)), templates)
    in_html = last_of_each(link.get("href") or "" for link in page.iter("a"))
    assert in_html == last_of_each(addresses_in_text(text))
    assert in_html[-3:] == [
        f"https://letters.harbourpost.example/{template}/{letter_of(template, tag).local_date}",
        "https://harbourpost.example",
        "https://letters.harbourpost.example/privacy",
    ]


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_both_parts_tell_the_same_stories_in_the_same_order(
    template: str, tag: str, templates: MailTemplates
) -> None:
    letter = everything(letter_of(template, tag))
    page, text = copies(letter, templates)
    assert_in_order(told(letter), body_words(page))
    assert_in_order(told(letter), text.translate(ISOLATES))


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_the_text_keeps_to_its_columns_and_addresses_to_their_lines(
    template: str, tag: str, templates: MailTemplates
) -> None:
    _, text = copies(everything(letter_of(template, tag)), templates)
    assert max(width(line) for line in text.splitlines()) <= 72
    assert all(re.fullmatch(r" *<\S+>", line) for line in text.splitlines() if "://" in line)
    assert "\n\n\n\n" not in text


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_the_foot_has_the_ways_out_each_a_row_of_forty_four_pixels(
    template: str, tag: str, templates: MailTemplates
) -> None:
    say = language(tag).say
    less = {
        None: [],
        Twin.WEEKLY: [say("Get one e-mail a week instead")],
        Twin.DAILY: [say("Get one every weekday instead")],
    }
    for twin, row in less.items():
        page, text = copies(replace(letter_of(template, tag), twin=twin), templates)
        ways = [
            link
            for link in page.iter("a")
            if "padding:12px 0" in style(link)
            and "block" in style(link)
            and "inline" not in style(link)
        ]
        assert all("line-height:20px" in style(link) for link in ways)
        expected = [
            say("Unsubscribe"),
            *row,
            say("Pause, or choose your topics"),
            say("Read this edition online"),
        ]
        assert [words_of(link) for link in ways] == expected
        assert_in_order(expected, text)
        address, since = READER["address"], READER["since"]  # type: ignore[index]
        for part in (body_words(page), " ".join(text.translate(ISOLATES).split())):
            assert address in part
            assert since in part
            assert letter_of(template, tag).site.postal_address in part


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_our_own_words_are_those_of_the_catalog(
    template: str, tag: str, templates: MailTemplates
) -> None:
    page, text = copies(everything(letter_of(template, tag)), templates)
    say = language(tag).say
    common = ("In case you missed it", "Most read", "Write to the editor", "Privacy")
    for part in (body_words(page), " ".join(text.split())):
        for words in (*common, "We do not track whether you open this."):
            assert say(words).casefold() in part.casefold()
    assert say("Read online") in body_words(page)


@pytest.mark.parametrize("template", LETTERS)
def test_a_letter_from_right_to_left_is_mirrored(template: str, templates: MailTemplates) -> None:
    letter = everything(letter_of(template, "ar"))
    native = replace(
        letter,
        sections=tuple(
            replace(each, pieces=tuple(replace(piece, language=None) for piece in each.pieces))
            for each in letter.sections
        ),
    )
    page, text = copies(native, templates)
    ours = [each for each in page.iter("td", "p", "h1", "h2", "h3", "li") if each.get("style")]
    for wrong in ("text-align:left", "border-left:2px", "letter-spacing", "direction:ltr"):
        assert not [each for each in ours if wrong in style(each)]
    assert not [
        each
        for each in page.iter("td")
        if "thumb" in each.classes and "padding-left:" in style(each)
    ]
    assert {each.get("align") for each in page.iter("td") if "side" in each.classes} == {"left"}
    assert "maria@reader.example" in [words_of(each) for each in page.iter("span")]
    assert "\u2068maria@reader.example\u2069" in text


@pytest.mark.parametrize("tag", LANGUAGES)
def test_text_that_runs_the_other_way_says_so_and_nothing_else_is_isolated(
    tag: str, templates: MailTemplates
) -> None:
    letter = letter_of("daily", tag)
    foreign = [piece for each in letter.sections for piece in each.pieces if piece.language]
    assert foreign
    page, text = copies(letter, templates)
    for piece in foreign:
        cell = next(each for each in page.iter("td") if each.get("lang") == piece.language)
        way = language(piece.language or "").direction
        assert cell.get("dir") == way
        assert f"text-align:{'right' if way == 'rtl' else 'left'}" in style(cell)
        turned = way != language(tag).direction
        assert (f"\u2068{piece.headline}\u2069" in text) is turned
    if not any(language(piece.language or "").direction == "rtl" for piece in foreign):
        assert ("\u2068" in text) is (tag == "ar")


# The parts of a letter


@pytest.mark.parametrize("template", LETTERS)
def test_the_editor_speaks_or_the_headlines_do_never_both(
    template: str, templates: MailTemplates
) -> None:
    lines = (Link("One line"), Link("Another line"), Link("A third line"))
    note = Note(("The wall has filled our postbag.", "So <be> it."), "Good morning.", "Alma Penn")
    letter = letter_of(template)
    page, text = copies(replace(letter, note=note, headlines=lines), templates)
    opening = next(each for each in page.iter("p") if "Good morning." in words_of(each))
    assert words_of(opening) == "Good morning. The wall has filled our postbag."
    assert [words_of(bold) for bold in opening.iter("b")] == ["Good morning."]
    assert elements(page, "p", words="So <be> it.")
    assert "font-size:14px" in style(elements(page, "p", words="Alma Penn")[0])
    assert "Good morning. The wall has filled our postbag.\n\nSo <be> it.\n\n— Alma Penn\n" in text
    assert "Another line" not in body_words(page) + text
    page, text = copies(replace(letter, note=None, headlines=lines), templates)
    is_shown = template != "headlines"
    assert ("Another line" in body_words(page)) is is_shown
    assert ("-  Another line\n" in text) is is_shown


PLACES = ("lead", "top", "town", "sport", "culture", "end", "no such section")


@pytest.mark.parametrize("template", LETTERS)
def test_a_sponsor_stands_marked_at_its_place_and_is_no_story(
    template: str, templates: MailTemplates
) -> None:
    letter = letter_of("headlines" if template == "headlines" else "daily")
    letter = replace(letter, template=template, sponsor=None)
    without = spaced(copies(letter, templates)[0])
    assert re.search(r"\d+ stor\w+ · \d+ min", without)
    for place in PLACES:
        sponsor = Link("Quay Street Books", "https://qsb.example/")
        page, text = copies(replace(letter, sponsor=sponsor, sponsor_after=place), templates)
        words = spaced(page)
        assert words.replace(" Sponsor Quay Street Books", "", 1) == without
        assert text.count("Quay Street Books\n<https://qsb.example/>") == 1
        assert_in_order(around(letter, place), words)
        assert_in_order(around(letter, place), text.translate(ISOLATES))


def around(letter: Letter, place: str) -> list[str]:
    """Give what stands before a sponsor at this place, the sponsor, and what stands after it."""
    assert letter.lead is not None
    town, sport, culture = (each.pieces[-1].headline for each in letter.sections)
    closing = "Something wrong, or missing?"
    before, after = {
        "lead": (letter.lead.headline, letter.top[0].headline),
        "top": (letter.top[-1].headline, letter.sections[0].pieces[0].headline),
        "town": (town, letter.sections[1].pieces[0].headline),
        "sport": (sport, letter.sections[2].pieces[0].headline),
        "culture": (culture, letter.brief[0].headline),
    }.get(place, (letter.brief[-1].headline, closing))
    if (letter.template, place) == ("headlines", "lead"):
        before = letter.newsletter
    return [before, "Quay Street Books", after]


def test_a_sponsor_after_a_section_stays_for_those_who_do_not_get_the_section(
    templates: MailTemplates,
) -> None:
    letter = replace(letter_of("daily"), sponsor_after="sport")
    page, text = copies(letter, templates, frozenset({"town"}))
    assert letter.sponsor is not None
    for part in (body_words(page), text):
        assert letter.sponsor.words in part
        assert "Rowers win" not in part


def test_a_sponsor_without_an_address_is_words_alone(templates: MailTemplates) -> None:
    page, text = copies(replace(letter_of("daily"), sponsor=Link("Be kind")), templates)
    assert not elements(page, "a", words="Be kind")
    assert elements(page, "p", words="Be kind")
    assert "Be kind\n\n\n" in text


def test_lines_under_a_story_say_what_they_are(templates: MailTemplates) -> None:
    page, text = copies(everything(letter_of("daily")), templates)
    assert "Related, from our archive Storm Ada October 2021" in spaced(page)
    assert "Also: A night on the old mole · Fog" in body_words(page)
    assert (
        "Also: A night on the old mole\n<https://harbourpost.example/n/7001>\nAlso: Fog\n\n"
        "   Related, from our archive\n   Storm Ada (October 2021)\n"
        "   <https://harbourpost.example/n/5011>\n" in text
    )
    archive = elements(page, "td", words="Storm Ada")[-1]
    assert "border-left:2px solid #0B4F8A" in style(archive)
    listen = elements(page, "a", words="Listen · 12 min")
    assert [link.get("href") for link in listen] == [
        "https://harbourpost.example/listen/keeper.mp3"
    ]


def test_the_most_read_have_numerals(templates: MailTemplates) -> None:
    lines = tuple(Link(f"Story {word}", f"https://x.example/{word}") for word in ("A", "B"))
    page, text = copies(replace(letter_of("weekly"), most_read=(*lines, Link("C"))), templates)
    assert "Most read 1 Story A 2 Story B 3 C" in spaced(page)
    assert "1. Story A\n   <https://x.example/A>\n\n2. Story B\n" in text


def test_headlines_only_have_neither_pictures_nor_standfirsts(templates: MailTemplates) -> None:
    letter = letter_of("headlines")
    page, text = copies(letter, templates)
    assert not list(page.iter("img"))
    assert not list(page.iter("h3"))
    assert letter.top[0].standfirst
    assert letter.top[0].standfirst[:30] not in body_words(page) + " ".join(text.split())


def test_a_picture_is_named_by_its_maker_and_fills_the_width(templates: MailTemplates) -> None:
    letter = letter_of("daily")
    assert letter.lead is not None
    shot = Shot("https://x.example/a.jpg", 600, 338, "A wet quay.", "Ines Roy")
    page, _ = copies(replace(letter, lead=replace(letter.lead, shot=shot)), templates)
    picture = next(each for each in page.iter("img") if each.get("alt") == "A wet quay.")
    assert (picture.get("width"), picture.get("height")) == ("600", "338")
    assert "width:100%" in style(picture)
    assert elements(page, "p", words="Picture: Ines Roy")


def test_a_mark_stands_beside_the_name_and_its_dark_twin_waits_hidden(
    templates: MailTemplates,
) -> None:
    logo = Logo("https://x.example/l.png", 96, 48, "https://x.example/d.png")
    letter = letter_of("daily")
    page, _ = copies(replace(letter, site=replace(letter.site, logo=logo)), templates)
    light, dark = [each for each in page.iter("img") if each.get("alt") == ""][:2]
    assert (light.get("src"), light.get("width"), light.get("height")) == (logo.url, "96", "48")
    assert dark.get("src") == logo.dark_url
    assert "display:none" in style(dark)
    html = composed(replace(letter, site=replace(letter.site, logo=logo)), templates).html
    assert re.search(r"<!--\[if !mso\]><!--><img[^>]*d\.png[^>]*><!--<!\[endif\]-->", html)
    assert ".bydark { display: block !important }" in html
    assert elements(page, "p", words=letter.site.name)
    only = replace(letter.site, logo=replace(logo, dark_url=""))
    assert "d.png" not in composed(replace(letter, site=only), templates).html


def test_headlines_are_set_in_the_typeface_of_the_house(templates: MailTemplates) -> None:
    letter = letter_of("daily")
    assert "Georgia" in composed(letter, templates).html
    sans = replace(letter, site=replace(letter.site, typeface=Typeface.SANS))
    assert "Georgia" not in composed(sans, templates).html


def test_an_address_that_begins_with_the_name_is_not_given_it_twice(
    templates: MailTemplates,
) -> None:
    site = sample_site("en", postal_address="Harbour Post, 12 Quay Street")
    page, text = copies(replace(letter_of("daily"), site=site), templates)
    for part in (body_words(page), text):
        assert "Harbour Post, 12 Quay Street" in part
        assert "Harbour Post, Harbour Post" not in part
    whole = [words_of(span) for span in page.iter("span") if span.get("dir") == "auto"]
    assert "Harbour Post, 12 Quay Street" in whole  # in one piece within a line of Arabic as well
    nowhere = replace(site, url="", reply_to="")
    page, text = copies(replace(letter_of("daily"), site=nowhere), templates)
    assert "Something wrong" not in body_words(page) + text
    assert "Harbour Post, 12 Quay Street" in body_words(page)


# What a day may bring


@pytest.mark.parametrize("template", LETTERS)
def test_stories_with_only_a_title_make_a_letter(template: str, templates: MailTemplates) -> None:
    letter = letter_of(template)

    def bare(piece: Piece) -> Piece:
        return Piece(piece.headline)

    assert letter.lead is not None
    letter = replace(
        letter,
        lead=bare(letter.lead),
        top=tuple(map(bare, letter.top)),
        sections=tuple(
            replace(each, pieces=tuple(map(bare, each.pieces))) for each in letter.sections
        ),
        sponsor=None,
        most_read=(),
        missed=(),
    )
    page, text = copies(letter, templates)
    assert not list(page.iter("img"))
    assert len(elements(page, "h1")) == 1
    assert_in_order(told(letter), text.translate(ISOLATES))


@pytest.mark.parametrize("template", LETTERS)
def test_a_letter_without_a_lead_or_any_story_has_its_heading(
    template: str, templates: MailTemplates
) -> None:
    letter = replace(letter_of(template), lead=None)
    empty = replace(letter, top=(), sections=(), brief=(), headlines=(), most_read=(), missed=())
    for each in (letter, empty):
        page, _ = copies(each, templates)
        expected = letter.week_title if template == "weekly" else letter.newsletter
        assert [words_of(head) for head in page.iter("h1")] == [expected]


@pytest.mark.parametrize("template", LETTERS)
def test_a_headline_without_a_space_may_break_anywhere(
    template: str, templates: MailTemplates
) -> None:
    assert len(UNBROKEN) > 160
    letter = letter_of(template)
    assert letter.lead is not None
    letter = replace(letter, lead=replace(letter.lead, headline=UNBROKEN), newsletter=UNBROKEN)
    page, _ = copies(letter, templates)
    for each in page.iter():
        if (
            isinstance(each.tag, str)
            and each.text
            and UNBROKEN in each.text
            and each.tag != "title"
        ):
            around = [style(above) for above in each.iterancestors()]
            assert any("overflow-wrap:anywhere" in one for one in around)
            assert any("word-break:break-word" in one for one in around)


TRACKED = "?utm_source=morning-post&utm_medium=email&utm_campaign=2026-01-09&utm_content="


def long_address(name: str) -> str:
    return f"https://harbourpost.example/news/2026/{name}{TRACKED}{name}"


def a_long_letter(template: str, tag: str) -> Letter:
    """Give a letter of fifty-seven stories: a lead, six with pictures, fifty headlines."""

    def piece(at: int, wide: int = 160, high: int = 120) -> Piece:
        return Piece(
            headline=f"Story {at}: the ferry, the mill and the price of rye",
            url=long_address(f"story-{at}"),
            standfirst="The junior eight beat the county side on its own water; " * 2 + "they say.",
            shot=Shot(f"https://letters.example/images/{at:064x}.jpg", wide, high, "A wet day."),
        )

    stories = [piece(at) for at in range(1, 7)]
    return replace(
        letter_of(template, tag),
        lead=piece(0, 600, 338),
        top=tuple(stories[:3]),
        sections=(
            LetterSection("town", "Town", tuple(stories[3:5])),
            LetterSection("sport", "Sport", (stories[5],)),
        ),
        brief=tuple(
            Piece(f"Headline {at}: high water at eleven, and again later", long_address(f"b-{at}"))
            for at in range(50)
        ),
        headlines=tuple(Link(story.headline) for story in stories[:4]),
        note=None,
        twin=Twin.WEEKLY,
    )


@pytest.mark.parametrize(("template", "tag"), EVERY)
def test_fifty_seven_stories_stay_below_sixty_kilobytes(
    template: str, tag: str, templates: MailTemplates
) -> None:
    letter = a_long_letter(template, tag)
    assert letter.story_count - len(letter.missed) == 57
    made = composed(letter, templates)
    assert len(copy_of(made.html, made.nonce).encode()) <= 60_000


def test_eighty_stories_are_all_there(templates: MailTemplates) -> None:
    letter = a_long_letter("daily", "en")
    more = tuple(Piece(f"Late headline {at}") for at in range(23))
    page, text = copies(replace(letter, brief=letter.brief + more), templates)
    assert "80 stories" in body_words(page)
    assert_in_order((piece.headline for piece in more), text)


# Colours


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("template", LETTERS)
def test_words_stand_out_from_every_ground_in_light_and_in_dark(
    template: str, templates: MailTemplates
) -> None:
    html = composed(everything(letter_of(template)), templates).html
    head, _, body = html.partition("</head>")
    light = set(re.findall(r"(?<![-\w])color:\s*(#[0-9A-Fa-f]{6})", body))
    assert {"#1A1A1A", "#5A5A57", "#0B4F8A"} <= light
    assert min(contrast(ink, ground) for ink in light for ground in ("#FFFFFF", "#F4F4F1")) >= 4.5
    dark = set(re.findall(r"(?<![-\w])color:\s*(#[0-9A-Fa-f]{6})", head)) - {"#101418"}
    assert {"#EDEDEA", "#B5B5B0", "#8EC1F5"} <= dark
    assert min(contrast(ink, ground) for ink in dark for ground in ("#1B1B1B", "#111111")) >= 4.5


@pytest.mark.parametrize("template", LETTERS)
def test_nothing_is_smaller_than_fourteen_pixels(template: str, templates: MailTemplates) -> None:
    page, _ = copies(everything(letter_of(template)), templates)
    small = [
        each
        for each in page.iter()
        if isinstance(each.tag, str)
        and (size := re.search(r"font-size:(\d+)px", style(each)))
        and int(size[1]) < 14
        and words_of(each)
    ]
    # MJML's frames have none (0px) and the band's own line one; words in them say their size.
    assert not [
        each for each in small if each.text and each.text.strip(" \u00a0\n") and each.tag != "div"
    ]
