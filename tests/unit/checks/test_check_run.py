"""How findings are put together: in order, once for all languages, with what is let be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from digest.checks.bounds import ADDRESS_MOST, bounds_of, longest_address, longest_day
from digest.checks.model import (
    Facts,
    Family,
    Finding,
    Found,
    Limits,
    Page,
    Place,
    Report,
    Rule,
    Severity,
    family_of,
)
from digest.checks.run import run
from digest.cli.checking import annotation
from digest.composition.samples import LANGUAGES, LETTERS
from digest.config.model import CheckSettings
from digest.workflow.findings import objection, rows
from tests.unit.checks.checks_builders import facts_in, longest, page_in


def _edition(_facts: Facts, _limits: Limits) -> Iterator[Found]:
    yield Found("It is thin.", "Fill it.", severity=Severity.BLOCK)


def _everywhere(_facts: Facts, _page: Page, _limits: Limits) -> Iterator[Found]:
    yield Found("It is wide.", "Cut it.", Place(number=2))


def _in_german(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    if page.composition.language == "de":
        yield Found("It is long.", "Cut it.")


def _nothing(_facts: Facts, _limits: Limits) -> Iterator[Found]:
    return iter(())


RULES = (
    Rule("T04", "Wide", Severity.WARN, look_at_page=_everywhere),
    Rule("C13", "Long", Severity.WARN, look_at_page=_in_german),
    Rule("D01", "Thin", Severity.INFO, look=_edition),
    Rule("C01", "Sound", Severity.BLOCK, look=_nothing),
)


@pytest.fixture
def both() -> Facts:
    return replace(facts_in(), pages=(page_in("daily", "en"), page_in("daily", "de")))


def test_what_blocks_is_told_first_and_all_languages_once(both: Facts) -> None:
    wide = Finding("T04", Severity.WARN, "It is wide.", "Cut it.", Place(number=2), name="Wide")
    long = Finding("C13", Severity.WARN, "It is long.", "Cut it.", language="de", name="Long")
    thin = Finding("D01", Severity.BLOCK, "It is thin.", "Fill it.", name="Thin")
    assert run(both, rules=RULES) == Report((thin, long, wide), passed=1)


def test_what_is_let_be_shows_with_its_reason_and_holds_nothing(both: Facts) -> None:
    report = run(both, ignores={"D01": "It is August."}, rules=RULES)
    assert (report.blocks, [each.code for each in report.warnings]) == ([], ["C13", "T04"])
    assert [(each.code, each.ignored) for each in report.ignored] == [("D01", "It is August.")]
    assert objection(report.blocks) == ""
    assert rows(report) == ["C13 (de): It is long. Cut it.", "T04: It is wide. Cut it."]


def test_a_check_that_fails_is_told_and_stops_no_letter() -> None:
    def fails(_facts: Facts, _limits: Limits) -> Iterator[Found]:
        raise LookupError("no such word")

    (found,) = run(facts_in(), rules=[Rule("C01", "Few", Severity.BLOCK, look=fails)]).findings
    assert (found.severity, found.sentence) == (
        Severity.WARN,
        "The check itself failed (LookupError: no such word).",
    )


def test_a_mail_to_editors_is_no_longer_than_twenty_lines() -> None:
    thin = Finding("D01", Severity.BLOCK, "It is thin.", "Fill it.")
    report = Report((thin,) * 30, passed=0)
    assert len(rows(report)) == 21
    assert rows(report)[-1] == "And 10 things more."
    assert objection(report.blocks) == (
        "A check holds it. D01: It is thin. D01: It is thin. D01: It is thin. And 27 things more."
    )


def test_an_annotation_stays_on_its_line_whatever_was_quoted() -> None:
    finding = Finding(
        "C09", Severity.WARN, "100 %: “a\nb”.", "Mend: it, now.", language="de", name="A: b, c"
    )
    assert annotation(finding) == (
        "::warning title=C09 A%3A b%2C c::de: 100 %25: “a%0Ab”. Mend: it, now."
    )
    assert annotation(replace(finding, ignored="Why not")) == ""


def test_a_code_tells_its_family() -> None:
    assert [family_of(letter) for letter in "CISLMAKTD"] == list(Family)


def test_every_threshold_is_a_setting_with_the_same_default() -> None:
    settings = CheckSettings().model_dump(exclude={"ignore"})
    assert Limits(**settings) == Limits()


# Size by block, and the bounds of readers' values


@pytest.mark.parametrize("template", LETTERS)
def test_the_blocks_of_a_letter_are_the_whole_of_it(template: str) -> None:
    page = page_in(template, "en")
    assert sum(page.blocks.values()) == len(page.html.encode())
    assert next(iter(page.blocks)) == "styles"
    assert list(page.blocks)[-1] == "foot"
    assert min(page.blocks.values()) > 500


def test_a_daily_has_its_blocks_in_the_order_they_are_read() -> None:
    assert list(page_in("daily", "en").blocks) == [
        *("styles", "masthead", "lead", "top", "Town", "Sport", "Culture & letters"),
        *("brief", "foot"),
    ]


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_worst_reader_is_as_long_as_mail_allows(tag: str) -> None:
    values = longest(tag)
    bounds = bounds_of(values)
    assert len(longest_address().encode()) == ADDRESS_MOST == bounds.address
    assert max(len(label) for label in longest_address().partition("@")[2].split(".")) <= 63
    assert values.since == longest_day(tag)
    assert bounds.exceeded_by(values) == ()
    longer = replace(values, since=f"{values.since}!", twin_url=f"{values.twin_url}x")
    assert bounds.exceeded_by(longer) == ("since", "twin")
