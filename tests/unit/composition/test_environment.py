"""The templates' environment: escaping, errors with their place, a publisher's own folder."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from digest.composition.environment import MailTemplates, in_process, load_templates
from digest.composition.markup import to_html
from digest.composition.model import Piece
from digest.errors import CompositionError, SettingsError
from tests.unit.composition.letter_builders import a_site


def own(folder: Path, **files: str) -> MailTemplates:
    for name, content in files.items():
        path = folder / "mine" / name.replace("_", ".")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content, encoding="utf-8")
    return in_process(folder)


def cause_of(templates: MailTemplates, name: str = "mine/body.mjml", **facts: Any) -> str:
    with pytest.raises(CompositionError) as caught:
        templates.render(name, **facts)
    return str(caught.value).removeprefix("template: ")


def test_values_are_escaped_in_mjml_and_not_in_plain_text(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml="{{ it }}", body_txt="{{ it }}")
    assert templates.render("mine/body.mjml", it='<b>"x"') == "&lt;b&gt;&#34;x&#34;"
    assert templates.render("mine/body.txt", it='<b>"x"') == '<b>"x"'


def test_a_missing_value_is_an_error_with_template_and_line(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml="one\ntwo {{ letter.nothing }}")
    with pytest.raises(CompositionError) as caught:
        templates.render("mine/body.mjml", letter={})
    assert (caught.value.template, caught.value.line) == ("mine/body.mjml", 2)
    assert "mine/body.mjml, line 2: there is no 'nothing' in these facts" in str(caught.value)


def test_a_fault_in_an_included_template_names_that_one(tmp_path: Path) -> None:
    templates = own(
        tmp_path, body_mjml='{% include "mine/part.mjml" %}', part_mjml="\n\n{{ 1 // 0 }}"
    )
    with pytest.raises(CompositionError) as caught:
        templates.render("mine/body.mjml")
    assert (caught.value.template, caught.value.line) == ("mine/part.mjml", 3)


def test_a_template_that_includes_itself_is_an_error(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml='{% include "mine/body.mjml" %}')
    with pytest.raises(CompositionError, match=r"mine/body.mjml, line 1: "):
        templates.render("mine/body.mjml")


def test_a_fault_of_syntax_names_template_and_line(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml="\n{% if %}")
    with pytest.raises(CompositionError, match=r"mine/body.mjml, line 2: "):
        templates.render("mine/body.mjml")
    assert templates.has("mine/body.mjml")


def test_a_template_that_is_not_there_is_named() -> None:
    templates = load_templates()
    with pytest.raises(CompositionError, match=r"template: nowhere/body.mjml: not found"):
        templates.render("nowhere/body.mjml")
    assert not templates.has("nowhere/body.mjml")
    assert templates.has("daily/body.mjml")


def test_a_template_that_is_not_there_is_named_where_it_is_asked_for(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml='\n{% include "mine/lost.mjml" %}')
    assert cause_of(templates) == "mine/body.mjml, line 2: there is no template 'mine/lost.mjml'"


# A publisher's own folder


def test_a_publishers_template_comes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "daily").mkdir()
    (tmp_path / "daily" / "subject.txt").write_text("Ours: {{ it }}")
    templates = in_process(tmp_path)
    assert templates.render("daily/subject.txt", it="x") == "Ours: x"
    assert templates.has("weekly/body.mjml")
    assert templates.own == ("daily/subject.txt",)
    assert set(templates.own) < set(templates.house) <= set(templates.names)


def test_one_block_is_overridden_and_the_rest_stays_ours(tmp_path: Path) -> None:
    (tmp_path / "confirm").mkdir()
    (tmp_path / "confirm" / "body.txt").write_text(
        '{% extends "house/confirm/body.txt" %}\n'
        "{% block words %}Mine first.\n{{ super() }}{% endblock %}\n"
    )
    around: dict[str, Any] = {
        "facts": {"newsletter": "N", "address": "a@b.example", "confirm_url": "https://h.example/c"}
        | {"valid_days": 7},
        "site": a_site(),
        "title": "T",
    }
    ours = load_templates().render("confirm/body.txt", **around)
    mine = in_process(tmp_path).render("confirm/body.txt", **around)
    assert "Mine first." not in ours
    assert mine.replace("Mine first.\n", "") == ours


def test_what_ours_include_may_be_the_publishers_too(tmp_path: Path) -> None:
    (tmp_path / "_base").mkdir()
    (tmp_path / "_base" / "phone.css").write_text(
        '.mine { padding: 0 }\n{% include "house/_base/phone.css" %}'
    )
    shared: dict[str, Any] = {"rtl": False}
    mine = in_process(tmp_path).render("_base/phone.css", **shared)
    assert mine == ".mine { padding: 0 }\n" + load_templates().render("_base/phone.css", **shared)


def test_a_folder_of_that_name_does_not_hide_ours(tmp_path: Path) -> None:
    (tmp_path / "house" / "daily").mkdir(parents=True)
    (tmp_path / "house" / "daily" / "subject.txt").write_text("not ours")
    assert in_process(tmp_path).source("house/daily/subject.txt") == load_templates().source(
        "daily/subject.txt"
    )


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "mine/../../secret.txt", ".."])
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    templates = own(tmp_path / "own", body_txt=f'{{% include "{name}" %}}')
    assert "there is no template" in cause_of(templates, "mine/body.txt")
    assert not templates.has(name)


def test_no_link_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    templates = own(tmp_path / "own", part_txt="x")
    (tmp_path / "own" / "mine" / "body.txt").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "own" / "mine" / "again.txt").symlink_to("part.txt")
    assert cause_of(templates, "mine/body.txt") == "mine/body.txt: it leads out of the folder own"
    assert templates.has("mine/body.txt")
    assert templates.render("mine/again.txt") == "x"


def test_a_template_that_is_no_text_or_too_big_is_named(tmp_path: Path) -> None:
    templates = own(tmp_path, body_txt="x")
    path = tmp_path / "mine" / "body.txt"
    path.write_bytes(b"\xff\xfe\x00")
    assert cause_of(templates, "mine/body.txt").startswith("mine/body.txt: it cannot be read: ")
    path.write_bytes(b"x" * 1_000_001)
    assert cause_of(templates, "mine/body.txt") == "mine/body.txt: it has more than 1 MB"


def test_a_template_is_read_again_when_it_changed_and_when_it_came_or_went(tmp_path: Path) -> None:
    templates = own(tmp_path, body_txt="one")
    path = tmp_path / "mine" / "body.txt"
    assert templates.render("mine/body.txt") == "one"
    path.write_text("another")
    assert templates.render("mine/body.txt") == "another"
    path.unlink()
    assert cause_of(templates, "mine/body.txt") == "mine/body.txt: not found"
    subject = templates.render("daily/subject.txt", letter={"subject": "ours"})
    (tmp_path / "daily").mkdir()
    (tmp_path / "daily" / "subject.txt").write_text("mine")
    assert (subject, templates.render("daily/subject.txt")) == ("ours\n", "mine")


def test_a_folder_that_is_not_there_is_a_wrong_setting(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"site\.templates: .*nowhere: there is no such folder"):
        load_templates(tmp_path / "nowhere")


# What is known


def test_an_unknown_name_tells_what_is_known_there(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        body_mjml="{% set inner = 1 %}{% for piece in pieces %}\n{{ peace }}{% endfor %}",
    )
    cause = cause_of(templates, pieces=[1], headline="x")
    assert cause == (
        "mine/body.mjml, line 2: there is no 'peace' here (did you mean 'piece'?);"
        " known here: headline, inner, language, ngettext, piece, pieces, plural"
    )


def test_an_unknown_name_in_a_macro_tells_what_the_macro_knows(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        body_txt='{% import "mine/macros.txt" as parts %}\n{{ parts.line("x") }}',
        macros_txt="{% macro line(words) %}\n{{ wrds }}{% endmacro %}",
    )
    cause = cause_of(templates, "mine/body.txt")
    assert cause.startswith(
        "mine/macros.txt, line 2: there is no 'wrds' here (did you mean 'words'"
    )
    assert "words" in cause.partition("known here: ")[2]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        (
            "{{ piece.headlin }}",
            (
                "there is no 'headlin' in Piece (did you mean 'headline'?); it has: also,"
                " article_id, day, headline, label, language, minutes, recording_label,"
                " recording_url, related, shot, standfirst, url"
            ),
        ),
        ("{{ facts.urk }}", "there is no 'urk' in these facts (did you mean 'url'?); it has: url"),
        ("{{ piece.headline.text }}", "there is no 'text' in a text"),
        (
            "{{ piece.shot.url }}",
            (
                "there is nothing to take 'url' from: the value before it is empty (none);"
                " ask first with {% if … %}"
            ),
        ),
        ("{{ many.a }}", "there is no 'a' in dict_values"),
        ("{{ piece|colr }}", "No filter named 'colr' (did you mean 'colour'?)"),
        ("{{ piece is oddd }}", "No test named 'oddd'"),
        ("{{ 1 // 0 }}", "integer division or modulo by zero"),
        ("{{ colour|colour }}", "colour: 'red': not of the form #rrggbb"),
    ],
)
def test_a_fault_says_what_would_have_been_right(tmp_path: Path, source: str, cause: str) -> None:
    templates = own(tmp_path, body_txt=source)
    facts = {"piece": Piece("Rain"), "facts": {"url": "x"}, "many": {}.values(), "colour": "red"}
    assert cause_of(templates, "mine/body.txt", **facts).startswith(
        f"mine/body.txt, line 1: {cause}"
    )


def test_unknown_macros_and_endless_names_are_told_in_measure(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        body_txt='{% import "mine/macros.txt" as parts %}{{ parts.lin() }}',
        macros_txt="{% macro line() %}{% endmacro %}",
        long_txt="{{ nothing }}",
    )
    cause = cause_of(templates, "mine/body.txt")
    assert cause.endswith("there is no 'lin' in these macros (did you mean 'line'?); it has: line")
    many = {f"name{n:03}": n for n in range(100)}
    assert cause_of(templates, "mine/long.txt", **many).endswith("name037, name038 and 63 more")


# From the MJML back to the template


MACROS = "{% macro wrong() %}\n<p>\n<mj-wrong/></p>\n{% endmacro %}"


@pytest.mark.parametrize(
    ("source", "line", "column", "origin"),
    [
        ("one\ntwo\nthree", 3, 2, ("mine/body.mjml", 3)),
        ("{{ it }}\n{% if it %}\nhere{% endif %}", 2, 1, ("mine/body.mjml", 3)),
        ("\n\n{{ it }}", 3, 1, ("mine/body.mjml", 3)),
        ("\n{% include 'mine/part.mjml' %}\nafter", 4, 1, ("mine/part.mjml", 3)),
        ("\n{% include 'mine/part.mjml' %}\nafter", 5, 1, ("mine/body.mjml", 3)),
        (
            "{% import 'mine/macros.mjml' as parts %}\n<p>{{ parts.wrong() }}</p>",
            2,
            1,
            ("mine/macros.mjml", 3),
        ),
    ],
)
def test_a_fault_in_the_mjml_is_traced_to_the_line_that_made_it(
    tmp_path: Path, source: str, line: int, column: int, origin: tuple[str, int]
) -> None:
    templates = own(tmp_path, body_mjml=source, part_mjml="1\n2\n3\n", macros_mjml=MACROS)
    made = templates.render("mine/body.mjml", it="<x>")
    error = CompositionError("m", template="mine/body.mjml", line=line, column=column, hint="h")
    found = templates.located(error, "mine/body.mjml", made, it="<x>")
    assert (found.template, found.line) == origin
    assert str(found) == f"m; it comes from {origin[0]}, line {origin[1]}"
    assert (found.column, found.hint) == (None, "h")


def test_a_fault_without_a_place_of_its_own_stays_as_it_is(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml="{% if '\x02' in it %}{% endif %}{{ it|length }}x")
    nowhere = CompositionError("m", template="mine/body.mjml")
    elsewhere = CompositionError("m", template="other", line=1)
    before = CompositionError("m", template="mine/body.mjml", line=1, column=1)
    for error in (nowhere, elsewhere):
        assert templates.located(error, "mine/body.mjml", "1x", it="1") is error
    assert templates.located(before, "mine/body.mjml", "something else", it="1") is before


def test_the_lint_and_the_trace_together_name_the_macro(tmp_path: Path) -> None:
    source = (
        '{% import "mine/macros.mjml" as parts %}<mjml><mj-body><mj-section><mj-column>\n'
        "<mj-text>{{ parts.wrong() }}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    templates = own(tmp_path, body_mjml=source, macros_mjml=MACROS)
    made = templates.render("mine/body.mjml")
    with pytest.raises(CompositionError) as caught:
        to_html(made, css="", template="mine/body.mjml")
    found = templates.located(caught.value, "mine/body.mjml", made)
    assert (found.template, found.line) == ("mine/macros.mjml", 3)


# The sandbox


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ things.append(1) }}",
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * [1] }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ range(1000000) }}",
    ],
)
def test_a_publishers_template_runs_in_a_sandbox(tmp_path: Path, source: str) -> None:
    with pytest.raises(CompositionError, match=r"mine/body.txt, line 1: "):
        own(tmp_path, body_txt=source).render("mine/body.txt", things=[])


def test_the_sandbox_lets_small_products_through(tmp_path: Path) -> None:
    templates = own(tmp_path, body_txt="{{ 'ab' * 2 }}{{ 3 * 4 }}")
    assert templates.render("mine/body.txt") == "abab12"


def test_a_colour_is_six_digits_or_an_error(tmp_path: Path) -> None:
    templates = own(tmp_path, body_txt="{{ it|colour }}")
    assert templates.render("mine/body.txt", it="#0B4F8A") == "#0B4F8A"
    with pytest.raises(CompositionError, match="not of the form #rrggbb"):
        templates.render("mine/body.txt", it="red;background:url(x)")


def test_the_filters_do_what_their_names_say(tmp_path: Path) -> None:
    source = (
        "{{ 'a b c'|shorten(3) }}|{{ 'javascript:x'|link }}|{{ 'a@b.example'|mailto }}|"
        "{{ day|date_words('en') }}|{{ 'ar'|direction }}|{{ 'Town'|ruled|length }}|"
        "{{ 'l'|spread('r')|length }}|{{ 'x'|hang('* ') }}|{{ 'a  b'|clean }}|{{ 'w'|wrap72 }}"
    )
    assert own(tmp_path, body_txt=source).render("mine/body.txt", day=date(2026, 1, 9)) == (
        "a…|None|mailto:a@b.example|Friday 9 January 2026|rtl|72|72|* x|a b|w"
    )


# What stands where a template should


@pytest.mark.parametrize("what", ["fifo", "folder", "loop", "nowhere", "device"])
def test_what_is_no_file_is_told_and_ours_does_not_go_in_its_place(
    tmp_path: Path, what: str
) -> None:
    path = tmp_path / "daily" / "subject.txt"
    path.parent.mkdir()
    if what == "fifo":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to({"loop": path, "nowhere": tmp_path / "gone"}.get(what, "/dev/zero"))
    with pytest.raises(CompositionError, match=r"daily/subject\.txt: it is no file") as caught:
        in_process(tmp_path).render("daily/subject.txt")
    assert caught.value.template == "daily/subject.txt"


def test_a_folder_that_is_gone_is_told_and_ours_does_not_go_in_its_place(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    (folder / "daily").mkdir(parents=True)
    (folder / "daily" / "subject.txt").write_text("mine")
    templates = in_process(folder)
    assert templates.render("daily/subject.txt") == "mine"
    shutil.rmtree(folder)
    with pytest.raises(CompositionError, match=r"daily/subject\.txt: the folder own is gone"):
        templates.render("daily/subject.txt")
