"""MJML and premailer themselves, behind their door."""

from __future__ import annotations

import html
import re
import threading

import pytest
from lxml import html as lxml_html
from premailer.cache import cache
from premailer.merge_style import csstext_to_pairs

from digest.composition.markup import _inline, to_html
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


def test_a_style_equal_to_a_selector_poisons_no_later_letter() -> None:
    cache.clear()
    csstext_to_pairs("p")  # what an article's style="p" would leave in premailer's one cache
    made = to_html(mjml_of("<p>words</p>"), css="p { color: #123456 }")
    assert 'style="color:#123456"' in made
    assert "color:#123456" in to_html(mjml_of("<p>again</p>"), css="p { color: #123456 }")


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
