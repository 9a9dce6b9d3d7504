"""Pure. What comes of the checks' findings: which hold an edition, and the words for them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from digest.checks.model import Facts, Finding, Report
from digest.editions.wording import count_of
from digest.workflow.model import Newsroom

HELD_BY_CHECKS = "A check holds it. "
"""How the reason of an edition begins that nobody but a check has held."""

_MOST_TOLD = 3
_MOST_IN_MAIL = 20


def check_facts(newsroom: Newsroom, facts: Facts) -> Report:
    """Ask the rules about facts, with the thresholds and ignores of their newsletter."""
    # The rules and what they know of mail clients: only who checks has them in memory.
    from digest.checks.run import run  # noqa: PLC0415 - as just said

    book = newsroom.rulebook_of(facts.newsletter.slug)
    return run(facts, book.limits, book.ignores)


def said(finding: Finding) -> str:
    """Say a finding in one line: its code, what is wrong, what to do; the language, if in one."""
    language = f" ({finding.language})" if finding.language else ""
    return f"{finding.code}{language}: {finding.sentence} {finding.fix}"


def objection(blocks: Sequence[Finding]) -> str:
    """Say what stands in the way, the first few of it; nothing when nothing does."""
    if not blocks:
        return ""
    more = len(blocks) - _MOST_TOLD
    told = [f"{each.code}: {each.sentence}" for each in islice(blocks, _MOST_TOLD)]
    if more > 0:
        told.append(f"And {count_of(more, 'thing', 'things')} more.")
    return HELD_BY_CHECKS + " ".join(told)


def rows(report: Report) -> Sequence[str]:
    """Give the lines of the editors' mail: what blocks, then what warns, the first twenty."""
    found = [
        *(f"BLOCKS {said(each)}" for each in report.blocks),
        *(said(each) for each in report.warnings),
    ]
    more = len(found) - _MOST_IN_MAIL
    if more > 0:
        return [*found[:_MOST_IN_MAIL], f"And {count_of(more, 'thing', 'things')} more."]
    return found
