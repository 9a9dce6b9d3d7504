"""MJML and premailer themselves, behind their door."""

from __future__ import annotations

import html
import re
import threading
import unicodedata
from itertools import zip_longest

import mjml
import pytest
from lxml import html as lxml_html
from premailer import Premailer
from premailer.cache import cache
from premailer.merge_style import csstext_to_pairs

from digest.composition import guard
from digest.composition.markup import _OPTIONS, _inline, _Inliner, to_html
from digest.composition.slots import Slot, Slots, count, nonce_for
from digest.errors import CompositionError

NONCE = nonce_for(b"secret", edition_id=1, revision=1, language="en")
CSS = "p { color: #ffffff } .x { padding: 0px 4px }"


def mjml_of(body: str, *, head: str = "") -> str:
    return (
        f"<mjml><mj-head>{head}</mj-head><mj-body><mj-section><mj-column>"
        f"<mj-text>{body}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )


def test_rules_are_inlined_and_what_premailer_drops_is_kept() -> None:
    head = "<mj-style>@media (max-width:9px){.x{color:red !important}}</mj-style>"
    made = to_html(mjml_of('<p class="x">words</p>', head=head), css=CSS)
    assert made.startswith("<!DOCTYPE html>")
    assert made.endswith("</html>")
    assert "@media (max-width:9px){.x{color:red !important}}" in made
    assert re.search(r'<p class="x" style="color:#ffffff; padding:0(px)? 4px">words</p>', made)
    assert "data-premailer" not in made
    assert "<!--[if mso" in made


def test_no_font_and_no_style_is_pulled_from_elsewhere() -> None:
    head = '<mj-attributes><mj-all font-family="Ubuntu, Roboto" /></mj-attributes>'
    made = to_html(mjml_of("words", head=head), css="")
    assert "fonts.googleapis.com" not in made
    assert "<link" not in made


@pytest.mark.parametrize(
    "value",
    [
        "no\u00a0break",
        "soft\u00adhyphen",
        "back\\slash",
        'double "quotes"',
        "it's",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f",
        "\u202eleft\u202c",
        "हिन्दी ไทย தமிழ் عَرَبِيّ",
        "e\u0301 \u202f \ufeff",
        "<b>&amp;</b>",
    ],
)
def test_attribute_values_come_out_as_they_went_in(value: str) -> None:
    escaped = html.escape(value)
    made = to_html(mjml_of(f'<img src="x" alt="{escaped}">{escaped}'), css="")
    picture = next(lxml_html.fromstring(made).iter("img"))
    assert (picture.get("alt"), picture.tail) == (value, value)


def test_slots_survive_in_text_and_in_addresses() -> None:
    slots = Slots(NONCE)
    body = f'<a href="{slots.value(Slot.UNSUBSCRIBE)}">x</a>{slots.tally(3, 1)}'
    made = to_html(mjml_of(body), css=CSS, nonce=NONCE)
    assert count(made, NONCE) == count(body, NONCE)
    assert f'href="{slots.value(Slot.UNSUBSCRIBE)}"' in made


def test_every_character_there_is_comes_out_of_an_attribute_as_it_went_in() -> None:
    characters = _all_characters()
    assert len(characters) > 63_000
    pieces = ["".join(characters[at : at + 200]) for at in range(0, len(characters), 200)]
    body = "".join(f'<img src="x" alt="a{html.escape(each)}z">' for each in pieces)
    made = lxml_html.fromstring(to_html(mjml_of(body), css=""))
    found = [picture.get("alt", "")[1:-1] for picture in made.iter("img")]
    wrong = {
        f"U+{ord(one):04X}"
        for piece, seen in zip(pieces, found, strict=True)
        for one, other in zip_longest(piece, seen)
        if one != other
    }
    assert wrong == set()


def _all_characters() -> list[str]:
    """Give Unicode's first plane but controls and what is no character, and some of the others."""
    plane = [chr(code) for code in range(0x20, 0xFFFE) if not 0xFDD0 <= code <= 0xFDEF]
    kept = [one for one in plane if unicodedata.category(one) not in {"Cc", "Cs"}]
    return [*kept, *"𐌀𝒳𝟘😀🏳🇬🇧🦄𠀀𪘂𫝀🫠", *map(chr, (0xE0061, 0xE007F, 0xE0100, 0xF0000, 0x10FFFD))]


# The four bugs of the libraries, each shown by itself and then held off, and C1 controls


NBSP_EMOJI_HINDI = "a\u00a0b \U0001f468\u200d\U0001f469 हिन्दी \\ \u202f"


def test_bug_1_mrml_writes_attribute_values_with_rusts_escapes() -> None:
    source = mjml_of(f'<img src="x" alt="{NBSP_EMOJI_HINDI}">')
    assert r"a\u{a0}b" in mjml.mjml2html(source, fonts={})
    assert _alt_of(to_html(source, css="")) == NBSP_EMOJI_HINDI


def test_bug_1_mrml_lets_a_value_in_single_quotes_add_attributes() -> None:
    source = mjml_of("""<img src="x" alt='a" onerror="alert(1)'>""")
    assert lxml_html.fromstring(mjml.mjml2html(source, fonts={})).xpath("//img/@onerror")
    made = to_html(source, css="")
    assert not lxml_html.fromstring(made).xpath("//img/@onerror")
    assert _alt_of(made) == 'a" onerror="alert(1)'


def test_bug_3_premailer_loses_a_lower_case_doctype_and_importance() -> None:
    head = "<mj-style>@media (max-width:9px){.x{color:red !important}}</mj-style>"
    compiled = mjml.mjml2html(mjml_of('<p class="x">words</p>', head=head), fonts={})
    assert compiled.startswith("<!doctype html>")
    assert "color:red !important" in compiled
    bare = Premailer(compiled, css_text=CSS, allow_network=False).transform()
    assert "doctype" not in bare.lower()
    assert "color:red !important" not in bare
    made = to_html(mjml_of('<p class="x">words</p>', head=head), css=CSS)
    assert made.startswith("<!DOCTYPE html>")
    assert "color:red !important" in made


def test_bug_3_a_style_equal_to_a_selector_poisons_premailer_for_every_later_letter() -> None:
    css = "p { color: #123456 }"
    cache.clear()
    csstext_to_pairs("p")  # what an article's style="p" would leave in premailer's one cache
    with pytest.raises(TypeError, match=r"is not iterable|not callable"):
        Premailer("<p>words</p>", css_text=css).transform()
    made = to_html(mjml_of("<p>words</p>"), css=css)
    assert 'style="color:#123456"' in made
    assert "color:#123456" in to_html(mjml_of("<p>again</p>"), css=css)


def test_bug_4_what_lies_deep_disappears_from_premailer_without_a_word() -> None:
    deep = 300
    source = "<div>" * deep + "deep" + "</div>" * deep + "<p>Unsubscribe</p>"
    page = f"<!DOCTYPE html><html><body>{source}</body></html>"
    bare = Premailer(page, css_text=CSS, allow_network=False).transform()
    assert "Unsubscribe" not in bare
    with pytest.raises(CompositionError, match="deep"):
        to_html(mjml_of(source), css=CSS)
    with pytest.raises(CompositionError, match="nest more than 200 deep"):
        guard.check_depth(page, template="t")
    before = guard.before_inlining(page)
    with pytest.raises(CompositionError, match="lost a reader's slot"):
        guard.check_inlined(before + Slots(NONCE).value("since"), bare, nonce=NONCE, template="t")


@pytest.mark.parametrize("control", ["\x80", "\x85", "\x9f"])
def test_c1_controls_survive_neither_as_they_are_nor_as_references(control: str) -> None:
    source = mjml_of(f'<img src="x" alt="a{control}b">')
    assert rf"\u{{{ord(control):x}}}" in mjml.mjml2html(source, fonts={})
    assert html.unescape(f"&#{ord(control)};") != control  # HTML takes it for Windows-1252
    assert _alt_of(to_html(source, css="")) == "ab"


def _alt_of(made: str) -> str:
    return str(next(lxml_html.fromstring(made).iter("img")).get("alt"))


# What premailer is trusted with


def test_a_style_sheet_is_read_once_and_gives_what_premailer_itself_gives() -> None:
    """Fails when premailer changes what we lean on: the sheet would be read for each letter."""
    html_ = '<!DOCTYPE html><html><body><p class="x">words</p></body></html>'
    css = "p { color: #0A0B0C } .x { padding: 1px 2px }"
    plain = Premailer(html_, css_text=css, **_OPTIONS).transform(pretty_print=False)
    _Inliner._known.clear()
    assert [_inline(html_, css, "t") for _ in range(2)] == [plain, plain]
    assert [sheet for sheet, _ in _Inliner._known] == [css]
    ((rules, leftover),) = _Inliner._known.values()
    again = Premailer(html_, **_OPTIONS)._parse_style_rules(css, 0)
    assert (rules, leftover) == again


def test_mjml_that_is_wrong_is_an_error_with_its_place() -> None:
    with pytest.raises(CompositionError, match="line 1, column"):
        to_html(mjml_of("<p>unclosed"), css="", template="daily/body.mjml")


def test_what_only_mrml_refuses_is_told_in_its_words() -> None:
    with pytest.raises(CompositionError, match="template: t: MJML: "):
        to_html(mjml_of("<p class=x>words</p>"), css="", template="t")


def test_html_that_premailer_cannot_read_is_an_error() -> None:
    with pytest.raises(CompositionError, match="template: t: the styles cannot be inlined: "):
        _inline("<!-- nothing -->", "p { color: #000001 }", "t")


def test_deep_nesting_is_refused_before_anything_is_cut_off() -> None:
    with pytest.raises(CompositionError, match="deep"):
        to_html(mjml_of("<div>" * 10_000 + "</div>" * 10_000), css="")


def test_many_style_sheets_are_not_kept_for_ever() -> None:
    for number in range(20):
        made = to_html(mjml_of("<p>x</p>"), css=f"p {{ padding: {number}px }}")
        assert f"padding:{number}" in made


def test_letters_composed_at_the_same_time_do_not_mix() -> None:
    made: dict[int, str] = {}

    def run(number: int) -> None:
        for _ in range(5):
            css = f"p {{ color: #00000{number} }}"
            made[number] = to_html(mjml_of(f"<p>{number}</p>"), css=css)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f'<p style="color:#00000{n}">{n}</p>' in made[n] for n in range(6))


@pytest.mark.parametrize(
    "title", ["a\u00a0b \\ 'c'", "أهلًا بكم", "family \U0001f468\u200d\U0001f469 home"]
)
def test_the_title_is_the_label_of_the_letter_whatever_it_holds(title: str) -> None:
    source = (
        f"<mjml><mj-head><mj-title>{title}</mj-title></mj-head>"
        "<mj-body><mj-section><mj-column><mj-text>x</mj-text></mj-column></mj-section></mj-body>"
        "</mjml>"
    )
    bare = mjml.mjml2html(source, fonts={})
    page = lxml_html.fromstring(to_html(source, css=""))
    labels = [each.get("aria-label") for each in page.iter("div") if each.get("aria-label")]
    assert (labels, page.findtext("head/title")) == ([title], title)
    assert f'aria-label="{title}"' not in bare, "the compiler does it right: the guard may go"


def test_a_control_hides_no_tag_from_the_lint() -> None:
    source = (
        "<mjml><mj-body><mj-section><mj-column><mj-text><scr\x00ipt>x</scr\x00ipt></mj-text>"
        "</mj-column></mj-section></mj-body></mjml>"
    )
    with pytest.raises(CompositionError, match="<script> may not stand in a letter"):
        to_html(source, css="")
