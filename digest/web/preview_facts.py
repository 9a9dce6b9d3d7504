"""Pure. What a page of the preview says: the values that its templates lay out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from digest.checks.model import Finding, Part, Report, Severity
from digest.composition.fixtures import FIXTURES
from digest.composition.text import COLUMNS
from digest.errors import DigestError
from digest.web import preview_words as words
from digest.web.preview_looks import Shown
from digest.web.preview_problem import problem_of
from digest.web.preview_wish import MODES, VIEWS, WIDTHS, Look, Problem, Seen
from digest.workflow.preview import Copy

_VIEW_OF: Final = {Part.HTML: "source", Part.TEXT: "text", Part.HEADERS: "headers"}
"""Where a place of a finding can be looked at."""
_WORDS: Final = {Severity.BLOCK: "Blocks", Severity.WARN: "Warns", Severity.INFO: "Note"}


@dataclass(frozen=True, slots=True)
class Said:
    """A finding as the panel shows it; `url` leads to its place, if that can be looked at."""

    word: str
    severity: str
    code: str
    sentence: str
    fix: str
    url: str = ""
    where: str = ""
    ignored: str = ""


def own_language(seen: Seen) -> str:
    """Give the language that an edition is shown in first."""
    if seen.preview.copies:
        return seen.preview.copies[0].composition.language
    return seen.preview.newsletter.spec.language or seen.site.language


def unforeseen(error: Exception) -> Problem:
    """Say that something went wrong of which nothing is known."""
    return problem_of(error, read=lambda _name: None, good_at=None)


def page_facts(
    shown: Shown, copy: Copy | None, *, view: str, look: Look, checked: bool
) -> dict[str, object]:
    """Gather what the page of an edition says, in one view; `checked` runs the checks, too."""
    seen = shown.seen
    if seen is None:
        raise ValueError("there is nothing to show")
    preview = seen.preview
    zone = preview.newsletter.spec.cadence.zone
    tags = [each.composition.language for each in preview.copies]
    language = copy.composition.language if copy else own_language(seen)
    return {
        "site": seen.site,
        "count": shown.count,
        "problem": shown.problem,
        "title": words.title(preview),
        "state": words.state(preview),
        "preview": preview,
        "copy": copy,
        "how_made": words.how_made(preview, zone),
        "hour": words.hour_there(preview.edition.send_at, zone),
        "sends": words.sends(preview, zone),
        "until": words.until(preview),
        "runs": words.next_runs(preview),
        "views": VIEWS,
        "view": view,
        "widths": WIDTHS,
        "modes": MODES,
        "look": look,
        "languages": [(tag, words.language_name(tag)) for tag in tags],
        "language": language,
        "facts": list(words.facts(preview, copy)),
        "hashes": list(words.hashes(preview, copy)),
        "stories": words.running_order(preview, language),
        "left_out": words.left_out(preview),
        "fixtures": FIXTURES.values(),
        "newsletters": seen.newsletters,
        "chosen": look.wish.edition or preview.newsletter.slug,
        "topics": [(each.key, each.title) for each in preview.newsletter.spec.sections],
        "checks": check_facts(shown, language=language, look=look) if checked else None,
        **(_letter_facts(copy, view) if copy else {}),
    }


def check_facts(shown: Shown, *, language: str, look: Look) -> dict[str, object]:
    """Run the checks on what is shown, and say what they found for one language."""
    check = shown.seen.check if shown.seen else None
    report, failed = None, ""
    try:
        report = check() if check else None
    except DigestError as error:
        failed = str(error)
    except Exception as error:  # noqa: BLE001 - a check that breaks must not hide the letter
        failed = f"{type(error).__name__}"
    return {
        "report": report,
        "failed": failed,
        "findings": _said(report, language, look) if report else [],
        "verdict": _verdict(report) if report else "",
    }


def _verdict(report: Report) -> str:
    blocked = len(report.blocks)
    warned = sum(f.severity is Severity.WARN and not f.ignored for f in report.findings)
    return f"{blocked} blocked, {warned} warned, {report.passed} passed"


def _said(report: Report, language: str, look: Look) -> Sequence[Said]:
    return [
        Said(
            word=_WORDS[found.severity],
            severity=found.severity,
            code=found.code,
            sentence=found.sentence,
            fix=found.fix,
            url=_url(found, language, look),
            where=_where(found),
            ignored=found.ignored,
        )
        for found in report.findings
        if found.language in {"", language}
    ]


def _url(found: Finding, language: str, look: Look) -> str:
    """Lead to the line that a finding is about."""
    view = _VIEW_OF.get(found.place.part)
    if view is None or found.place.line is None:
        return f"#story-{found.place.number}" if found.place.number else ""
    return f"/{language}/{view}{look.query()}#L{found.place.line}"


def _where(found: Finding) -> str:
    place = found.place
    if place.line is not None:
        return f"{place.part}, line {place.line}"
    return f"story {place.number}" if place.number else str(place.part)


def _letter_facts(copy: Copy, view: str) -> dict[str, object]:
    composition = copy.composition
    return {
        "sender": words.sender(copy.message),
        "subject_signs": words.count(composition.subject),
        "preheader_signs": words.count(composition.preheader),
        "size": words.size_of(copy.html) if copy.html else None,
        "cuts": words.cuts(composition.subject, composition.preheader),
        "columns": COLUMNS,
        "fields": words.fields(copy.message),
        "raw": copy.message.decode("utf-8", "backslashreplace") if view == "raw" else "",
        "lines": _lines(copy, view),
    }


def _lines(copy: Copy, view: str) -> Sequence[str]:
    """Give the lines of a view that numbers them."""
    shown = {"source": copy.html or "", "text": copy.text}.get(view, "")
    return shown.removesuffix("\n").split("\n") if shown else ()
