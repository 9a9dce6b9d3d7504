"""Every template with every sample, and what the samples are."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from digest.composition.catalogs import load_languages
from digest.composition.environment import MailTemplates, in_process, load_templates
from digest.composition.language import ENGLISH
from digest.composition.model import Letter
from digest.composition.samples import LETTERS, NOTICES, sample_site
from digest.composition.trials import (
    HOSTILE,
    USUAL,
    Sample,
    letters_and_notices,
    made,
    samples_of,
    strays,
    unseen,
)
from digest.errors import CompositionError


def own(folder: Path, **files: str) -> MailTemplates:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(content, encoding="utf-8")
    return in_process(folder)


@pytest.mark.parametrize("tag", ["en", "ar"])
@pytest.mark.parametrize("template", [*LETTERS, *NOTICES])
def test_ours_are_made_of_every_sample(template: str, tag: str) -> None:
    language, site = load_languages().of(tag), sample_site(tag)
    templates = load_templates()
    for sample in samples_of(template, language, site=site):
        mail = made(template, sample, language, site=site, templates=templates)
        assert mail.subject
        assert mail.html.endswith("</html>")
        assert "Zq" not in mail.text


def test_a_letter_is_tried_with_little_with_much_and_with_awful_words() -> None:
    found = {s.name: s.content for s in samples_of("daily", ENGLISH, site=sample_site("en"))}
    assert list(found) == [USUAL, HOSTILE, "only a title", "80 stories, no picture"]
    letters = [letter for letter in found.values() if isinstance(letter, Letter)]
    usual, hostile, little, much = letters
    assert hostile.lead is not None
    assert usual.lead is not None
    assert hostile.lead.url == usual.lead.url
    assert hostile.lead.headline != usual.lead.headline
    assert hostile.site == usual.site
    assert little.story_count == 1
    assert much.story_count >= 80


def test_awful_words_reach_the_reader_as_words_and_break_nothing() -> None:
    templates, site = load_templates(), sample_site("en")
    samples = {s.name: s for s in samples_of("daily", ENGLISH, site=site)}
    mail = made("daily", samples[HOSTILE], ENGLISH, site=site, templates=templates)
    assert "&lt;/mj-text&gt;" in mail.html
    assert "{{ 7 * 7 }}" in mail.text
    assert "W" * 169 in mail.text.replace("\n", "")


def test_a_letter_of_ones_own_is_tried_like_the_daily(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        noon__subject_txt="Noon",
        noon__body_mjml='{% extends "house/daily/body.mjml" %}',
        noon__body_txt='{% extends "house/daily/body.txt" %}',
        half__body_txt="x",
    )
    assert letters_and_notices(templates) == (*LETTERS, *NOTICES, "correction", "noon")
    site = sample_site("en")
    for sample in samples_of("noon", ENGLISH, site=site):
        assert made("noon", sample, ENGLISH, site=site, templates=templates).subject == "Noon"


def test_a_fault_of_the_template_is_raised(tmp_path: Path) -> None:
    templates, site = own(tmp_path, confirm__subject_txt="{{ facts.nothing }}"), sample_site("en")
    sample = next(samples_of("confirm", ENGLISH, site=site))
    with pytest.raises(CompositionError, match=r"confirm/subject\.txt, line 1: there is no"):
        made("confirm", sample, ENGLISH, site=site, templates=templates)


def test_files_that_nobody_uses_are_strays(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        dayly__body_mjml="x",
        parts__foot_mjml="x",
        daily__body_mjml='{% extends "house/daily/body.mjml" %}{% include "parts/foot.mjml" %}',
        bad__body_txt="x",
    )
    (tmp_path / "bad" / "body.txt").write_bytes(b"\xff")
    assert strays(templates) == ("dayly/body.mjml",)
    assert strays(load_templates()) == ()


@pytest.mark.parametrize("template", LETTERS)
def test_a_fault_far_down_in_a_letter_is_traced_to_its_line(template: str, tmp_path: Path) -> None:
    extends = f'{{% extends "house/{template}/body.mjml" %}}\n'
    templates = own(
        tmp_path,
        mine__subject_txt="x",
        mine__body_mjml=extends + "{% block foot %}\n{{ super() }}\n<mj-stray/>{% endblock %}",
        mine__body_txt="x",
    )
    site = sample_site("en")
    content = next(samples_of(template, ENGLISH, site=site)).content
    assert isinstance(content, Letter)
    sample = Sample(USUAL, replace(content, template="mine"))
    with pytest.raises(CompositionError) as caught:
        made("mine", sample, ENGLISH, site=site, templates=templates)
    assert (caught.value.template, caught.value.line) == ("mine/body.mjml", 4)
    assert "<mj-stray> may not stand in text" in str(caught.value)


def test_a_block_under_another_name_is_told_with_its_line(tmp_path: Path) -> None:
    templates = own(
        tmp_path,
        daily__body_mjml='{% extends "house/daily/body.mjml" %}\n{% block fooot %}x{% endblock %}',
        weekly__body_txt='{% extends "no/such.txt" %}{% block x %}{% endblock %}',
        single__body_txt='{% extends "house/single/body.txt" %}{% block foot %}x{% endblock %}',
    )
    assert unseen(templates) == (
        (
            "daily/body.mjml, line 2: nothing shows the block 'fooot' (did you mean 'foot'?): what"
            " it extends has none of that name"
        ),
    )
