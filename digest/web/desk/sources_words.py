"""Pure. What the desk says of sources: how each fares, in which line of the file it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.sources.health import Health, HealthWord, health_of
from digest.sources.model import Origin, SourceKind, SourceSpec, SourceState
from digest.web.desk.troubles import sentence
from digest.workflow.calendar_store import LastStory

KINDS: Mapping[SourceKind, str] = {
    SourceKind.FEED: "feed",
    SourceKind.PAGE: "page of a story",
    SourceKind.WORDPRESS: "WordPress site",
    SourceKind.GHOST: "Ghost site",
    SourceKind.MARKDOWN: "Markdown files",
    SourceKind.SQL: "database",
    SourceKind.PUSHED: "pushed by a program",
}
_MARKS = {HealthWord.WELL: "sent", HealthWord.NEW: "draft"}
_BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Summary:
    """How the sources fare as a whole: how many there are, and the troubled ones."""

    count: int
    well: int
    troubled: tuple[tuple[str, Health], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One source as its page shows it."""

    name: str
    kind: str
    address: str
    word: str
    mark: str
    says: str
    remedy: str
    error: str
    where: str
    """Where it is named: the file with its line, or the desk."""
    is_ours: bool
    """Added by a person: it may be removed and may rest."""
    may_be_asked: bool
    last_ok_at: datetime | None
    next_at: datetime | None
    tried_at: datetime | None
    paused_at: datetime | None = None
    stories: tuple[LastStory, ...] = ()


def health_summary(
    specs: Sequence[SourceSpec], states: Sequence[SourceState], *, now: datetime
) -> Summary:
    """Say how many sources are well, and what is wrong with the others."""
    known = {state.name: state for state in states}
    found = [
        (spec.name, health_of(spec, known[spec.name], now=now))
        for spec in specs
        if spec.name in known
    ]
    troubled = tuple(each for each in found if each[1].is_trouble)
    return Summary(len(found), len(found) - len(troubled), troubled)


def shown_of(
    spec: SourceSpec,
    state: SourceState,
    *,
    now: datetime,
    file: str,
    line: int | None,
    stories: Sequence[LastStory] = (),
    paused_at: datetime | None = None,
) -> Shown:
    """Say of one source all there is; `file` and `line` are where the settings name it."""
    health = health_of(spec, state, now=now)
    rests = paused_at is not None
    return Shown(
        name=spec.name,
        kind=KINDS[spec.kind],
        address=state.address,
        word="Rests" if rests else str(health.word).capitalize(),
        mark="skipped" if rests else _MARKS.get(health.word, "trouble"),
        says="" if rests else sentence(health.sentence),
        remedy="" if rests else _remedy(health, spec),
        error=state.error or state.warning or "",
        where=_where(spec, file, line),
        is_ours=spec.origin is Origin.DESK and spec.kind is not SourceKind.PUSHED,
        may_be_asked=spec.kind is not SourceKind.PUSHED and not rests,
        last_ok_at=state.last_ok_at,
        next_at=None if rests else state.next_poll_at,
        tried_at=state.last_tried_at,
        paused_at=paused_at,
        stories=tuple(stories),
    )


def _remedy(health: Health, spec: SourceSpec) -> str:
    """Say what to do, without what is to be typed where the page has a button."""
    words = health.remedy.partition("; try it now with:")[0]
    if health.word is HealthWord.NEW:
        return "The collector reads it in its next round."
    if spec.origin is Origin.DESK:
        words = words.partition(" (digest sources remove")[0]
    return sentence(words) if words else ""


def _where(spec: SourceSpec, file: str, line: int | None) -> str:
    if spec.origin is Origin.FILE:
        return f"{file}, line {line}" if line else file
    return "Stories brought by hand" if spec.name == _BY_HAND else "Added here"
