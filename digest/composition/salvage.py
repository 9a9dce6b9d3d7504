"""Pure. An edition is never lost for one story: find those that cannot be shown, and do without."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from digest.editions import reasons
from digest.editions.model import Candidate, Place, Selection, Verdict
from digest.errors import DigestError, TemplateLimitError

Made = TypeVar("Made")
_LONGEST = 300
_MOST_DEAR = 3
"""Of stories that exhaust the template's time or memory: each try costs seconds, and so many of
them are no story's fault."""


@dataclass(frozen=True, slots=True)
class Salvaged(Generic[Made]):
    """What was made, of which selection, and the causes by article id of the stories left out."""

    made: Made
    selection: Selection
    left_out: Mapping[int, str]


def salvage(selection: Selection, make: Callable[[Selection], Made]) -> Salvaged[Made]:
    """Make something of a selection; when that fails, of the selection without what fails.

    Whatever `make` raises for a story counts: a mistake of ours in one of them must not stop the
    others. When there is nothing to blame a story for (the same fails without any), when nothing
    would be left, or when the rest fails too, the first error is raised.
    """
    try:
        return Salvaged(make(selection), selection, {})
    except Exception as error:
        causes = _causes(selection, make)
        rest = leave_out(selection, causes)
        if not causes or not rest.chosen:
            raise
        try:
            return Salvaged(make(rest), rest, causes)
        except Exception:  # noqa: BLE001 - the first error names the trouble, whatever came after
            raise error from None


def leave_out(selection: Selection, causes: Mapping[int, str]) -> Selection:
    """Give the selection without these stories; their candidates say why.

    Another story takes the place of a lead that goes: a letter begins with something.
    """
    kept = [_without(one, causes) for one in selection.candidates]
    rest = replace(selection, candidates=tuple(kept))
    if not causes or any(one.place is Place.LEAD for one in rest.chosen):
        return rest
    first = next((one for one in rest.chosen if one.place is not Place.BRIEF), None)
    if first is None:
        return rest
    lead = replace(first, place=Place.LEAD, reason=_as_lead(first))
    return replace(rest, candidates=tuple(lead if one is first else one for one in kept))


def cause_of(error: Exception) -> str:
    """Say in one line what went wrong."""
    words = str(error) if isinstance(error, DigestError) else f"{type(error).__name__}: {error}"
    return " ".join(words.split())[:_LONGEST].rstrip(".")


def _causes(selection: Selection, make: Callable[[Selection], Made]) -> dict[int, str]:
    """Try each story alone; if none fails so, look for those that fail beside others."""
    if _fault(selection, (), make) is not None:
        return {}
    causes: dict[int, str] = {}
    dear = 0
    for one in selection.chosen:
        fault = _fault(selection, (one,), make)
        if fault is not None:
            causes[one.article.id] = cause_of(fault)
            dear += isinstance(fault, TemplateLimitError)
        if dear >= _MOST_DEAR:
            return {}
    return causes or _beside_others(selection, make)


def _beside_others(selection: Selection, make: Callable[[Selection], Made]) -> dict[int, str]:
    """Add one story after the other; one that breaks what held before is to blame."""
    kept: list[Candidate] = []
    causes: dict[int, str] = {}
    dear = 0
    for one in selection.chosen:
        fault = _fault(selection, (*kept, one), make)
        if fault is None:
            kept.append(one)
            continue
        causes[one.article.id] = cause_of(fault)
        dear += isinstance(fault, TemplateLimitError)
        if dear >= _MOST_DEAR:
            return {}
    return causes


def _fault(
    selection: Selection, chosen: Sequence[Candidate], make: Callable[[Selection], Made]
) -> Exception | None:
    try:
        make(replace(selection, candidates=tuple(chosen)))
    except Exception as error:  # noqa: BLE001 - what it raises is what is asked here
        return error
    return None


def _without(one: Candidate, causes: Mapping[int, str]) -> Candidate:
    cause = causes.get(one.article.id)
    if cause is None:
        return one
    reason = reasons.CANNOT_BE_SHOWN.format(cause=cause)
    return replace(one, verdict=Verdict.UNSHOWABLE, reason=reason, place=None, position=None)


def _as_lead(one: Candidate) -> str:
    """Say why it leads, in place of the sentence about its place."""
    date = one.reason.partition(". ")[2]
    return f"{reasons.LEAD_STANDS_IN} {date}".strip()
