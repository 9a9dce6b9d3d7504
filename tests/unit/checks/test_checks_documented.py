"""Every check has its entry in docs/reference/checks, with all that an entry must say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from digest.checks.answers import RULES as OF_NETWORK
from digest.checks.model import Family, Rule, Severity
from digest.checks.run import ALL

PAGES = Path(__file__).resolve().parents[3] / "docs" / "reference" / "checks"
WORDS = {Severity.BLOCK: "Blocks", Severity.WARN: "Warns", Severity.INFO: "Tells"}
# A rule that is asked offline and over the network has one entry, under its name offline.
RULES = {rule.code: rule for rule in (*OF_NETWORK, *ALL)}


def _entries(family: Family) -> dict[str, tuple[str, str]]:
    """Give the name and the words of each entry of a family's page, by code."""
    page = (PAGES / f"{family}.md").read_text("utf-8")
    parts = re.split(r"^## ([A-Z]\d\d) (.+)$", page, flags=re.MULTILINE)[1:]
    return {parts[n]: (parts[n + 1], parts[n + 2].strip()) for n in range(0, len(parts), 3)}


@pytest.mark.parametrize("rule", RULES.values(), ids=list(RULES))
def test_a_check_is_documented(rule: Rule) -> None:
    name, words = _entries(rule.family)[rule.code]
    assert name == rule.name
    assert words.startswith(WORDS[rule.severity])
    paragraphs = [each.split(":")[0] for each in words.split("\n\n")[1:]]
    assert paragraphs == ["Why", "Source", "To mend", "To let it be"]
    assert "](" in words.partition("Source:")[2].partition("\n\n")[0], "a source is a link"
    assert f'To let it be: `{rule.code} = "' in words


def test_nothing_is_documented_that_no_check_looks_at() -> None:
    documented = {code for family in Family for code in _entries(family)}
    assert documented == set(RULES)


def test_each_family_is_named_on_the_first_page() -> None:
    first = (PAGES / "index.md").read_text("utf-8")
    assert [each for each in Family if f"]({each}.md)" not in first] == []
