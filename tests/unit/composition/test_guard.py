"""The guards around MRML and libxml2, on strings alone."""

from __future__ import annotations

import contextlib
import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.composition.guard import (
    MAX_HTML_DEPTH,
    MAX_MJML_DEPTH,
    after_inlining,
    before_inlining,
    check_depth,
    check_inlined,
    escape_tags,
    lint,
    mjml_error,
)
from digest.composition.slots import Slot, Slots, nonce_for
from digest.errors import CompositionError

NONCE = nonce_for(b"secret", edition_id=1, revision=1, language="en")


def letter_of(body: str) -> str:
    return (
        "<mjml>\n<mj-body>\n<mj-section><mj-column>\n<mj-text>"
        f"{body}</mj-text>\n</mj-column></mj-section>\n</mj-body>\n</mjml>"
    )


# Attributes


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ('<a href="x">', '<a href="x">'),
        ("<a href='x'>", '<a href="x">'),
        ("""<a href='a" onclick="x'>""", '<a href="a&quot; onclick=&quot;x">'),
        ("""<a title="it's">""", """<a title="it's">"""),
        ('<a title="a\u00a0b">', '<a title="a&#160;b">'),
        ('<a title="a\\b">', '<a title="a&#92;b">'),
        ('<a title="a\n b">', '<a title="a  b">'),
        ('<br><img alt="é" />', '<br><img alt="&#233;" />'),
        ("words é 'single' stay", "words é 'single' stay"),
        ("\x00NUL\ud800", "NUL"),
    ],
)
def test_attribute_values_become_double_quoted_ascii(tag: str, expected: str) -> None:
    assert escape_tags(tag) == expected


@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc"))))
def test_a_value_reads_the_same_after_escaping(value: str) -> None:
    source = f'<img alt="{html.escape(value)}">'
    escaped = escape_tags(source)
    found = re.fullmatch(r'<img alt="([ -~]*)">', escaped)
    assert found is not None
    # Python's own reader drops references to what Unicode calls no character.
    expected = re.sub("[\ufdd0-\ufdef]", "", "".join(c for c in value if ord(c) & 0xFFFE != 0xFFFE))
    assert html.unescape(found[1]) == expected


# The lint


def test_a_sound_letter_passes() -> None:
    lint(letter_of('<h1>x</h1><br><img src="a" alt=""/><!-- <p> -->'), template="t")


@pytest.mark.parametrize(
    ("source", "cause", "line"),
    [
        ("<mjml><mj-foo/></mjml>", "<mj-foo> is not known", 1),
        ("<mjml>\n<MJ-BODY></MJ-BODY></mjml>", "<MJ-BODY> is not known", 2),
        ("<div></div>", "<div> is not known", 1),
        ("<mjml><mj-body><mj-text/></mj-body></mjml>", "<mj-text> may not stand in <mj-body>", 1),
        ("<mj-body></mj-body>", "<mj-body> may not stand in <nothing>", 1),
        (
            '<mjml><mj-body>\n\n<mj-section colour="x"/></mj-body></mjml>',
            "<mj-section> has no attribute 'colour'",
            3,
        ),
        ("<mjml>words</mjml>", "text stands directly in <mjml>", 1),
        ("words<mjml></mjml>", "text stands outside <mjml>", 1),
        ("<mjml></mjml> more", "text stands outside <mjml>", 1),
        (letter_of("<p>unclosed"), "</mj-text> closes nothing; <p> is open", 4),
        (letter_of("</p>"), "</p> closes nothing; <mj-text> is open", 4),
        (letter_of("a < b"), 'a stray "<" (write &lt;)', 4),
        (letter_of("<mj-section/>"), "<mj-section> may not stand in text", 4),
        ("<mjml>\n<mj-body>", "<mj-body> is never closed", 2),
        ("</mjml>", "</mjml> closes nothing", 1),
        (
            letter_of("<p>\n" * MAX_MJML_DEPTH + "</p>" * MAX_MJML_DEPTH),
            f"elements nest more than {MAX_MJML_DEPTH} deep",
            4 + MAX_MJML_DEPTH - 5,
        ),
    ],
)
def test_what_mrml_would_print_in_silence_is_an_error(source: str, cause: str, line: int) -> None:
    with pytest.raises(CompositionError) as caught:
        lint(source, template="daily/body.mjml")
    assert f"template: daily/body.mjml: {cause}" in str(caught.value)
    assert (caught.value.template, caught.value.line) == ("daily/body.mjml", line)


def test_the_lint_tells_the_column() -> None:
    with pytest.raises(CompositionError, match=r"line 2, column 3 of the MJML"):
        lint("<mjml>\n  <mj-foo/></mjml>", template="t")


def test_a_class_may_have_a_name_and_any_attribute() -> None:
    lint(
        "<mjml><mj-head><mj-attributes>"
        '<mj-class name="wide" padding="0" background-color="#FFFFFF" /><mj-all color="#111111"/>'
        "</mj-attributes></mj-head></mjml>",
        template="t",
    )


@given(st.text(alphabet="<>/ab\"'= mj-!\n", max_size=60))
def test_the_lint_says_yes_or_no_to_anything(soup: str) -> None:
    with contextlib.suppress(CompositionError):
        lint(soup, template="t")


# MRML's own complaints


def test_byte_offsets_become_lines_and_columns() -> None:
    source = "<mjml>\né <x>"
    error = mjml_error(source, "unexpected token in root template at position 10:13", template="t")
    assert str(error).startswith("template: t: MJML: unexpected token (line 2, column 3")
    assert error.line == 2


@pytest.mark.parametrize(
    ("source", "reported", "place"),
    [
        ("<mjml>\n<a title='x'>\n <p a=b>", "<p a=b>", (3, 2)),
        ('<mjml>\n<a title="\u00a0\u00a0">é<p a=b>', "<p a=b>", (2, 16)),
        ('<mjml>\n<a title="é">', 'title="&#233;"', (2, 1)),
        ('<mjml>\n<a title="1\n2">\n<p a=b>', "<p a=b>", (4, 1)),
    ],
)
def test_a_place_is_that_in_what_the_template_made_and_not_in_what_we_made_of_it(
    source: str, reported: str, place: tuple[int, int]
) -> None:
    at = escape_tags(source).encode().index(reported.encode())
    reason = f"unexpected token in root template at position {at}:{at + 1}"
    error = mjml_error(source, reason, template="t")
    assert (error.line, error.column) == place


def test_a_complaint_without_a_place_is_passed_on() -> None:
    error = mjml_error("<mjml>", "unable to parse next template", template="t")
    assert (str(error), error.line) == ("template: t: MJML: unable to parse next template", None)


# Depth


def test_html_that_libxml2_would_cut_off_is_refused() -> None:
    deep = "<div>" * (MAX_HTML_DEPTH + 1) + "</div>" * (MAX_HTML_DEPTH + 1)
    with pytest.raises(CompositionError, match=f"nest more than {MAX_HTML_DEPTH} deep"):
        check_depth(deep, template="t")


def test_void_elements_and_comments_have_no_depth() -> None:
    check_depth("<br><!-- <div> --><img/>" * 500 + "<p></p>" * 500, template="t")


# Before and after premailer

STYLED = (
    "<!doctype html><html><head><style>@media x{a{b:c !important}}</style>"
    '<style media="print"></style><!--[if mso]><style>x</style><![endif]--></head>'
    "<body>SLOT</body></html>"
)


def test_style_sheets_are_marked_outside_comments_and_the_doctype_is_saved() -> None:
    marked = before_inlining(STYLED)
    assert marked.startswith("<!DOCTYPE html>")
    assert marked.count('<style data-premailer="ignore"') == 2
    assert "<!--[if mso]><style>x" in marked
    assert after_inlining(marked) == STYLED.replace("<!doctype", "<!DOCTYPE")


def test_outlooks_comments_are_joined_but_not_across_a_slot() -> None:
    seam = "<td><![endif]--><!--[if mso | IE]></td>"
    assert after_inlining(seam) == "<td></td>"
    slot = f"<![endif]-->{Slots(NONCE).topic_open('town')}<!--[if mso | IE]>"
    assert after_inlining(slot) == slot


def test_a_letter_that_kept_everything_passes() -> None:
    whole = before_inlining(STYLED.replace("SLOT", Slots(NONCE).value(Slot.ADDRESS)))
    check_inlined(whole, whole, nonce=NONCE, template="t")


@pytest.mark.parametrize(
    ("lost", "instead", "named"),
    [
        (Slots(NONCE).value(Slot.ADDRESS), "", "a reader's slot"),
        (NONCE + "V", "", "a reader's slot"),
        ("</html>", "", "the end of the letter"),
        ("<!DOCTYPE html>", "", "the doctype"),
        ("@media", "", "@media"),
        (" !important", "", "!important"),
        ("<!--[if", "<!--", "<!--[if"),
    ],
)
def test_anything_lost_is_an_error_that_names_it(lost: str, instead: str, named: str) -> None:
    before = before_inlining(STYLED.replace("SLOT", Slots(NONCE).value(Slot.ADDRESS)))
    with pytest.raises(CompositionError, match=re.escape(f"lost {named}")):
        check_inlined(before, before.replace(lost, instead), nonce=NONCE, template="t")


# What acts


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("<script>alert(1)</script>", "<script> may not stand in a letter"),
        ("<SCRIPT src='x'></SCRIPT>", "<script> may not stand in a letter"),
        ('<iframe src="https://x.example/"></iframe>', "<iframe> may not stand in a letter"),
        ('<form action="https://x.example/"></form>', "<form> may not stand in a letter"),
        ('<base href="https://x.example/">', "<base> may not stand in a letter"),
        ("<!--[if mso]><script>x</script><![endif]-->", "<script> may not stand in a letter"),
        ('<p onclick="x">x</p>', "<p> may not have this onclick"),
        ("<img src='x' OnError=alert(1)>", "<img> may not have this onerror"),
        ('<a href="javascript:x">x</a>', "<a> may not have this href"),
        ('<a href=" java\tscript:x">x</a>', "<a> may not have this href"),
        ('<a href="&#106;avascript:x">x</a>', "<a> may not have this href"),
        ('<a href="data:text/html,x">x</a>', "<a> may not have this href"),
        ('<img src="file:///etc/passwd">', "<img> may not have this src"),
        ('<meta http-equiv="refresh" content="0">', "<meta> may not have this http-equiv"),
    ],
)
def test_nothing_that_acts_stands_in_a_letter(body: str, cause: str) -> None:
    with pytest.raises(CompositionError, match=re.escape(cause)) as caught:
        lint(letter_of(f"\n{body}"), template="daily/body.mjml")
    assert (caught.value.template, caught.value.line) == ("daily/body.mjml", 5)


def test_words_and_links_that_only_look_so_may_stand() -> None:
    way_out = Slots(NONCE).value(Slot.UNSUBSCRIBE)
    lint(
        letter_of(
            '&lt;script&gt; javascript: <a href="https://x.example/?javascript:data:">on x=1</a>'
            f'<a href="{way_out}">x</a><a href="mailto:a@b.example">x</a><a href="#">x</a>'
            "<!--[if mso]><b>scripted</b><![endif]-->"
        ),
        template="t",
    )
