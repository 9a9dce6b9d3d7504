"""Every letter and notice in every language, as it was looked at and approved.

REWRITE_GOLDEN=1 writes them anew: look at their diff before you commit it.
"""

from __future__ import annotations

import os
import re
from itertools import product
from pathlib import Path

import pytest

from digest.composition.catalogs import load_languages
from digest.composition.compose import compose, compose_notice
from digest.composition.environment import load_templates
from digest.composition.samples import (
    LANGUAGES,
    LETTERS,
    NOTICES,
    sample_facts,
    sample_letter,
    sample_site,
)
from tests.unit.composition.letter_builders import SECRET

GOLDEN = Path(__file__).resolve().parents[1] / "data" / "golden"
REWRITE = bool(os.environ.get("REWRITE_GOLDEN"))
TEMPLATES = load_templates()
SPOKEN = load_languages()


def mail(template: str, tag: str) -> tuple[str, str, str]:
    """Give subject, HTML and text of a sample."""
    language = SPOKEN.of(tag)
    if template in NOTICES:
        made = compose_notice(
            template,
            sample_facts(template, language),
            site=sample_site(tag),
            language=language,
            environment=TEMPLATES,
        )
        return made.subject, made.html, made.text
    letter = sample_letter(template, language)
    composed = compose(
        letter,
        edition_id=7,
        revision=1,
        language=language,
        secret=SECRET,
        environment=TEMPLATES,
    )
    return composed.subject, composed.html, composed.text


@pytest.mark.parametrize(("template", "tag"), list(product((*LETTERS, *NOTICES), LANGUAGES)))
def test_a_mail_looks_as_it_was_approved(template: str, tag: str) -> None:
    subject, html, text = mail(template, tag)
    by_line = re.sub(r"(?<=>)(?=<(?!/))", "\n", html)
    folder = GOLDEN / tag
    if REWRITE:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{template}.html").write_text(by_line, encoding="utf-8")
        (folder / f"{template}.txt").write_text(f"{subject}\n\n{text}", encoding="utf-8")
    assert (folder / f"{template}.html").read_text(encoding="utf-8") == by_line, __doc__
    assert (folder / f"{template}.txt").read_text(encoding="utf-8") == f"{subject}\n\n{text}"


def test_there_is_no_golden_mail_that_nobody_makes() -> None:
    made = {
        GOLDEN / tag / f"{template}.{part}"
        for template, tag, part in product((*LETTERS, *NOTICES), LANGUAGES, ("html", "txt"))
    }
    assert {path for path in GOLDEN.rglob("*") if path.is_file()} == made
