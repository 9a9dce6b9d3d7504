"""Whether a reason is one of the sentences that the manual quotes, filled in."""

from __future__ import annotations

import re

from digest.editions import reasons
from digest.editions.model import Candidate, Place, Verdict


def is_a_known_sentence(candidate: Candidate) -> bool:
    """Tell whether the reason has exactly one of the forms of its verdict and place."""
    if candidate.verdict is Verdict.SELECTED:
        return _says_its_place(candidate.reason, candidate.place)
    known = reasons.REASONS[candidate.verdict]
    spoken_against = (
        reasons.against_a_wish(wish, template)
        for wish in (reasons.PINNED_BUT, reasons.ASKED_FOR_BUT)
        for template in known
    )
    return any(matches(template, candidate.reason) for template in (*known, *spoken_against))


def matches(template: str, reason: str) -> bool:
    return re.fullmatch(_pattern(template), reason, re.DOTALL) is not None


def _says_its_place(reason: str, place: Place | None) -> bool:
    assert place is not None
    wish = f"(?:{_pattern(reasons.PINNED)} |{_pattern(reasons.ASKED_FOR)} )?"
    stands = "|".join(map(_pattern, reasons.PLACES[place]))
    dated = "|".join(map(_pattern, reasons.REASONS[Verdict.SELECTED]))
    late = f"(?: {_pattern(reasons.LATE)})?"
    return re.fullmatch(f"{wish}(?:{stands}) (?:{dated}){late}", reason, re.DOTALL) is not None


def _pattern(template: str) -> str:
    parts = re.split(r"\{\w+\}", template)
    return ".+".join(map(re.escape, parts))
