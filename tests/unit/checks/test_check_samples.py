"""The shipped templates pass every check, in every language, and every check has its samples."""

from __future__ import annotations

import pytest

from digest.checks.model import Report, family_of
from digest.checks.run import ALL, run
from digest.composition.samples import LANGUAGES, LETTERS
from digest.config.check_codes import CODES
from tests.unit.checks import test_check_rules_of_html as of_html
from tests.unit.checks import test_check_rules_of_words as of_words
from tests.unit.checks.checks_builders import facts_in


@pytest.mark.parametrize("tag", LANGUAGES)
@pytest.mark.parametrize("template", LETTERS)
def test_a_shipped_template_passes_every_check(template: str, tag: str) -> None:
    assert run(facts_in(template, tag)) == Report((), passed=len(ALL))


def test_every_check_has_a_sample_that_passes_and_one_that_does_not() -> None:
    codes = [rule.code for rule in ALL]
    assert sorted(codes) == sorted({*of_html.RULES, *of_words.RULES})
    assert len(codes) == len(set(codes))


def test_a_code_is_one_that_settings_may_name() -> None:
    assert [rule.code for rule in ALL if rule.code not in CODES] == []
    assert all(rule.family is family_of(rule.code) for rule in ALL)
    assert all((rule.look is None) != (rule.look_at_page is None) for rule in ALL)
