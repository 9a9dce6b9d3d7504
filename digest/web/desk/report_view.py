"""Pure. What the checks found, and the size of a letter, as the edition page shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from digest.checks.model import Finding, Part, Place, Report, Severity
from digest.editions.wording import count_of
from digest.workflow.edition_look import EditionLook

CLIPPED_KB = 102
"""Gmail shows no more of a letter; the bar is as wide as that."""
MARKS_KB = (75, 90, 100)
_KB = 1024
_MARKS = {Severity.BLOCK: ("✕", "err"), Severity.WARN: ("!", "wrn"), Severity.INFO: ("i", "muted")}
_NAMES = {
    "styles": "styles",
    "masthead": "masthead",
    "lead": "lead",
    "top": "top stories",
    "brief": "in brief",
    "more": "more to read",
    "foot": "foot",
}


@dataclass(frozen=True, slots=True)
class FindingRow:
    """One finding: what is wrong, where, what helps, and where its link leads."""

    mark: str
    kind: str
    name: str
    code: str
    words: str
    where: str
    edit: int | None
    """The story whose form it leads to."""
    anchor: str
    """The place of the page it leads to."""
    jump: str
    """The words of its link; empty: it leads nowhere."""
    quote: str
    """By which the place in the letter is found."""
    ignored: str


@dataclass(frozen=True, slots=True)
class ReportView:
    """What all checks came to."""

    rows: tuple[FindingRow, ...]
    let_be: tuple[FindingRow, ...]
    errors: str
    rest: str
    is_bad: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A block of the letter in the size bar, in hundredths of its width."""

    name: str
    start: float
    width: float
    kilobytes: str


@dataclass(frozen=True, slots=True)
class Size:
    """How large a letter's HTML is."""

    kilobytes: int
    blocks: tuple[Block, ...]
    marks: tuple[tuple[int, float], ...]
    largest: str


def report_of(report: Report, look: EditionLook) -> ReportView:
    """Put a report into words, errors first."""
    numbers = {one.article.id: n for n, one in enumerate(look.selection.chosen, 1)}
    counted = [each for each in report.findings if not each.ignored]
    errors = sum(each.severity is Severity.BLOCK for each in counted)
    warnings = sum(each.severity is Severity.WARN for each in counted)
    return ReportView(
        rows=tuple(_row(each, numbers) for each in counted),
        let_be=tuple(_row(each, numbers) for each in report.findings if each.ignored),
        errors=count_of(errors, "error", "errors"),
        rest=f"{count_of(warnings, 'warning', 'warnings')} · {report.passed} passed",
        is_bad=errors > 0,
    )


def size_of(look: EditionLook, blocks: Mapping[str, int], language: str = "") -> Size | None:
    """Measure a letter against where Gmail clips it; None where nothing is composed."""
    row = next((each for each in look.rows if each.language == language), None)
    row = row or (look.rows[0] if look.rows else None)
    whole = sum(blocks.values()) or (row.html_bytes if row else 0)
    if not whole:
        return None
    parts = _blocks(blocks)
    largest = max(parts, key=lambda each: each.width, default=None)
    return Size(
        kilobytes=max(1, round(whole / _KB)),
        blocks=parts or (Block("letter", 0.0, _share(whole), ""),),
        marks=tuple((mark, round(100 * mark / CLIPPED_KB, 1)) for mark in MARKS_KB),
        largest=f"Largest: {largest.name}, {largest.kilobytes}" if largest else "",
    )


def _blocks(blocks: Mapping[str, int]) -> tuple[Block, ...]:
    found, at = [], 0.0
    for name, size in blocks.items():
        width = min(_share(size), 100.0 - at)
        found.append(Block(_NAMES.get(name, name), round(at, 2), round(width, 2), _kb(size)))
        at = min(100.0, at + width)
    return tuple(found)


def _share(size: int) -> float:
    return min(100.0, 100 * size / (CLIPPED_KB * _KB))


def _kb(size: int) -> str:
    return f"{size / _KB:.1f} KB"


def _row(finding: Finding, numbers: Mapping[int, int]) -> FindingRow:
    place = finding.place
    mark, kind = _MARKS[finding.severity]
    edit, anchor, jump = _jump(place, numbers)
    return FindingRow(
        mark=mark,
        kind=kind,
        name=finding.name or finding.code,
        code=finding.code,
        words=f"{finding.sentence} {finding.fix}".strip(),
        where=_where(place, numbers, finding.language),
        edit=edit,
        anchor=anchor,
        jump=jump,
        quote=place.quote,
        ignored=finding.ignored,
    )


def _jump(place: Place, numbers: Mapping[int, int]) -> tuple[int | None, str, str]:
    if place.article_id in numbers:
        return place.article_id, f"s{place.article_id}", "Mend"
    if place.part in {Part.SUBJECT, Part.PREHEADER}:
        return None, place.part.value, "Mend"
    if place.part is Part.HTML and place.quote:
        return None, "letter", "Show"
    return None, "", ""


def _where(place: Place, numbers: Mapping[int, int], language: str) -> str:
    number = numbers.get(place.article_id or 0)
    said: Sequence[str] = (f"No. {number}" if number else "", language)
    return ", ".join(each for each in said if each)
