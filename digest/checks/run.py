"""Pure. Ask every rule about an edition, and put what they found in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from digest.checks import (
    accessibility,
    clients,
    content,
    images,
    inbox,
    links,
    sending,
    size,
    text,
)
from digest.checks.model import Facts, Family, Finding, Found, Limits, Report, Rule, Severity

ALL: Final[tuple[Rule, ...]] = (
    *content.RULES,
    *inbox.RULES,
    *size.RULES,
    *links.RULES,
    *images.RULES,
    *accessibility.RULES,
    *clients.RULES,
    *text.RULES,
    *sending.RULES,
)
"""Every rule that needs no network."""

_SEVERITIES = tuple(Severity)
_FAMILIES = tuple(Family)


def run(
    facts: Facts,
    limits: Limits | None = None,
    ignores: Mapping[str, str] | None = None,
    rules: Sequence[Rule] = ALL,
) -> Report:
    """Look at an edition with these rules; `ignores` maps codes to the reasons to let them be.

    What a rule says of every language alike is told once.
    """
    limits = limits or Limits()
    by_rule = [_asked(rule, facts, limits) for rule in rules]
    return report_of((found for each in by_rule for found in each), by_rule.count(()), ignores)


def report_of(
    findings: Iterable[Finding], passed: int, ignores: Mapping[str, str] | None = None
) -> Report:
    """Put findings in order and mark those that the settings let be."""
    reasons = ignores or {}
    marked = (replace(each, ignored=reasons.get(each.code, "")) for each in findings)
    return Report(tuple(sorted(marked, key=_order)), passed)


def finding_of(rule: Rule, found: Found, *, language: str = "") -> Finding:
    """Give what a rule found with the rule's code, name and severity."""
    return Finding(
        code=rule.code,
        severity=found.severity or rule.severity,
        sentence=found.sentence,
        fix=found.fix,
        place=found.place,
        language=language,
        name=rule.name,
    )


def _asked(rule: Rule, facts: Facts, limits: Limits) -> tuple[Finding, ...]:
    """Ask one rule; one that fails is told as a finding, and keeps no edition from its readers."""
    try:
        return tuple(_findings(rule, facts, limits))
    except Exception as error:  # noqa: BLE001 - our mistake in a check must not stop a letter
        what = f"The check itself failed ({type(error).__name__}: {error})."
        found = Found(what, "This is a mistake in the program: report it.", severity=Severity.WARN)
        return (finding_of(rule, found),)


def _findings(rule: Rule, facts: Facts, limits: Limits) -> Iterator[Finding]:
    if rule.look is not None:
        yield from (finding_of(rule, found) for found in rule.look(facts, limits))
    if rule.look_at_page is None:
        return
    by_found: dict[Found, list[str]] = {}
    for page in facts.pages:
        for found in dict.fromkeys(rule.look_at_page(facts, page, limits)):
            by_found.setdefault(found, []).append(page.composition.language)
    for found, languages in by_found.items():
        everywhere = len(languages) == len(facts.pages)
        for language in [""] if everywhere else languages:
            yield finding_of(rule, found, language=language)


def _order(finding: Finding) -> tuple[int, int, str, str, int, int]:
    place = finding.place
    return (
        _SEVERITIES.index(finding.severity),
        _FAMILIES.index(finding.family),
        finding.code,
        finding.language,
        place.number or 0,
        place.line or 0,
    )
