"""The templates' environment: escaping, errors with their place, a publisher's own folder."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from digest.composition.environment import MailTemplates, load_templates
from digest.errors import CompositionError


def own(folder: Path, **files: str) -> MailTemplates:
    for name, content in files.items():
        path = folder / "mine" / name.replace("_", ".")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return load_templates(folder)


def test_values_are_escaped_in_mjml_and_not_in_plain_text(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml="{{ it }}", body_txt="{{ it }}")
    assert templates.render("mine/body.mjml", it='<b>"x"') == "&lt;b&gt;&#34;x&#34;"
    assert templates.render("mine/body.txt", it='<b>"x"') == '<b>"x"'


def test_a_missing_value_is_an_error_with_template_and_line(tmp_path: Path) -> None:
    templates = own(tmp_path, body_mjml="one\ntwo {{ letter.nothing }}")
    with pytest.raises(CompositionError) as caught:
        templates.render("mine/body.mjml", letter={})
    assert (caught.value.template, caught.value.line) == ("mine/body.mjml", 2)
    assert "mine/body.mjml, line 2: 'dict object' has no attribute 'nothing'" in str(caught.value)


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


def test_a_publishers_template_comes_before_ours(tmp_path: Path) -> None:
    (tmp_path / "daily").mkdir()
    (tmp_path / "daily" / "subject.txt").write_text("Ours: {{ it }}")
    templates = load_templates(tmp_path)
    assert templates.render("daily/subject.txt", it="x") == "Ours: x"
    assert templates.has("weekly/body.mjml")


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
