"""Blocks of our templates, and the file that overrides one of them."""

from __future__ import annotations

import pytest

from digest.composition.environment import load_templates
from digest.composition.own_templates import blocks_of, one_block, unseen_blocks

SOURCES = {
    "daily/body.mjml": '{% extends "_base/letter.mjml" %}{% block kind %}daily{% endblock %}',
    "_base/letter.mjml": (
        "{%- extends '_base/shell.mjml' -%}\n{% block outer %}a{% block inner %}b{% endblock %}c"
        "{%- endblock outer -%}{% block kind %}letter{% endblock %}{% endblock %}"
    ),
    "_base/shell.mjml": "{% block outer %}{% endblock %}{% block foot scoped %}\nf\n{% endblock %}",
    "ring.txt": '{% extends "ring.txt" %}',
}


def test_a_template_has_its_own_blocks_and_those_of_what_it_extends() -> None:
    assert blocks_of("daily/body.mjml", SOURCES.__getitem__) == {
        "kind": "daily",
        "inner": "b",
        "outer": "a{% block inner %}b{% endblock %}c",
        "foot": "\nf\n",
    }
    assert blocks_of("ring.txt", SOURCES.__getitem__) == {}


@pytest.mark.parametrize(("content", "inner"), [("\nf\n", "f\n"), ("", ""), ("f", "f\n")])
def test_a_block_of_ones_own_begins_as_ours_is(content: str, inner: str) -> None:
    assert one_block("daily/body.mjml", "foot", content) == (
        '{% extends "house/daily/body.mjml" %}\n{% block foot %}\n' + inner + "{% endblock %}\n"
    )


def test_every_letter_of_ours_has_a_foot() -> None:
    templates = load_templates()
    for letter in ("daily", "weekly", "single", "headlines"):
        assert "unsubscribe" in blocks_of(f"{letter}/body.mjml", templates.source)["foot"]


@pytest.mark.parametrize(
    ("text", "unseen"),
    [
        ('{% extends "daily/body.mjml" %}\n{% block foot %}a{% endblock %}', []),
        ('{% extends "daily/body.mjml" %}\n{% block fot %}a{% endblock %}', [("fot", 2)]),
        (
            (
                '{% extends "daily/body.mjml" %}{% block foot %}\n{% block mine %}{% endblock %}'
                "{% endblock %}\n\n{% block inne %}{% endblock %}"
            ),
            [("inne", 4)],
        ),
        ("{% block fot %}a{% endblock %}", []),
    ],
)
def test_a_block_that_stands_in_nothing_it_extends_is_found_with_its_line(
    text: str, unseen: list[tuple[str, int]]
) -> None:
    sources = {**SOURCES, "mine/body.mjml": text}
    assert list(unseen_blocks("mine/body.mjml", sources.__getitem__)) == unseen
