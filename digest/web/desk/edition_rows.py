"""Pure. An edition's stories as the desk shows them: running order, ledger, one story's form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.composition.links import safe_link
from digest.editions.model import Candidate, Place, Verdict
from digest.web.desk.edition_acts import place_of, wording_in
from digest.workflow.edition_look import EditionLook

_link = lru_cache(maxsize=4096)(safe_link)
"""Hundreds of stories are shown again and again."""
_PLACES = {Place.LEAD: "Lead", Place.TOP: "Top", Place.BRIEF: "In brief"}
_NEVER = frozenset({Verdict.ALREADY_USED, Verdict.WITHDRAWN})
"""What no wish brings in."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address asked the page for."""

    filter: str = "out"
    edit: int | None = None
    language: str = ""
    view: str = "desktop"


@dataclass(frozen=True, slots=True)
class Move:
    """Where the arrows bring a story: the `place` of MOVE, empty where it cannot go."""

    up: str
    down: str


@dataclass(frozen=True, slots=True)
class StoryRow:
    """A story of the running order."""

    id: int
    number: int
    slot: str
    """Where it stands, said of the first one there; else empty."""
    headline: str
    url: str | None
    pinned: bool
    reworded: bool
    move: Move
    why: str
    marks: tuple[str, ...]
    """What an editor should see at once: `Late`, `Repeats another`, `Changed at its source`."""


@dataclass(frozen=True, slots=True)
class CandidateRow:
    """A story of the ledger, with its reason."""

    id: int
    headline: str
    url: str | None
    verdict: str
    reason: str
    button: str
    """`pin`, `reset`, or nothing where no wish helps."""
    button_words: str


@dataclass(frozen=True, slots=True)
class Editor:
    """The open form of one story, in one language."""

    id: int
    number: int
    language: str
    headline: str
    own_headline: str
    standfirst: str
    own_standfirst: str
    picture: str
    alt: str
    own_picture: str
    section: str
    sections: tuple[tuple[str, str], ...]
    restorable: bool


def stories_of(look: EditionLook) -> tuple[StoryRow, ...]:
    """List the running order."""
    chosen = look.selection.chosen
    titles = {section.key: section.title for section in look.newsletter.spec.sections}
    changed = {each.article_id: each.withdrawn for each in look.changed}
    rows, before = [], ""
    for n, one in enumerate(chosen):
        slot = _slot(one, titles)
        rows.append(
            StoryRow(
                id=one.article.id,
                number=n + 1,
                slot=slot if slot != before else "",
                headline=one.story_in().headline,
                url=_link(one.article.story.url),
                pinned=one.pinned,
                reworded=bool(one.wording or one.picture),
                move=_move(chosen, n),
                why=one.reason,
                marks=_marks(one, changed),
            )
        )
        before = slot
    return tuple(rows)


def _slot(one: Candidate, titles: dict[str, str]) -> str:
    if one.place is Place.SECTION:
        return titles.get(one.section or "", "Unsorted")
    return _PLACES[one.place] if one.place else "In brief"


def _move(chosen: Sequence[Candidate], n: int) -> Move:
    """Give the places one up and one down: before the one above, before the one after the next."""
    up = f"before {chosen[n - 1].article.id}" if n else ""
    if n + 2 < len(chosen):
        return Move(up, f"before {chosen[n + 2].article.id}")
    return Move(up, "last" if n + 1 < len(chosen) else "")


def _marks(one: Candidate, changed: dict[int, bool]) -> tuple[str, ...]:
    said = []
    if one.article.id in changed:
        gone = changed[one.article.id]
        said.append("Withdrawn by its source" if gone else "Changed at its source")
    if one.late:
        said.append("Late")
    if one.duplicate_of is not None:
        said.append("Repeats another")
    return tuple(said)


def candidate_row(one: Candidate) -> CandidateRow:
    """Say a story of the ledger, with the button that helps."""
    button, words = "pin", "Put in"
    if one.verdict is Verdict.SELECTED:
        button, words = "drop", "Leave out"
    elif one.verdict in _NEVER:
        button, words = "", ""
    elif one.verdict is Verdict.DROPPED:
        button, words = "reset", "Unhide"
    verdict = str(one.verdict) if one.verdict is not Verdict.SELECTED else "in"
    return CandidateRow(
        id=one.article.id,
        headline=one.article.story.headline,
        url=_link(one.article.story.url),
        verdict=verdict[:1].upper() + verdict[1:],
        reason=one.reason,
        button=button,
        button_words=words,
    )


def editor_of(look: EditionLook, asked: Asked) -> Editor | None:
    """Fill in the form of the story that is asked for; None where none is, or it is not in."""
    chosen = look.selection.chosen
    found = next(
        ((n, c) for n, c in enumerate(chosen, 1) if c.article.id == asked.edit),
        None,
    )
    if found is None:
        return None
    number, one = found
    source, said = one.article.story, wording_in(one, asked.language)
    picture, own = one.story_in().picture, source.picture
    here = not asked.language
    sections = look.newsletter.spec.sections
    known = (
        ("lead", "Lead"),
        ("top", "Top stories"),
        *((each.key, each.title) for each in sections),
        ("brief", "In brief"),
    )
    section = place_of(one)
    if section not in {key for key, _ in known}:
        known = (("", "As its source says"), *known)
    return Editor(
        id=one.article.id,
        number=number,
        language=asked.language,
        headline=said.headline or (source.headline if here else ""),
        own_headline=source.headline,
        standfirst=said.standfirst or (source.standfirst if here else ""),
        own_standfirst=source.standfirst,
        picture=picture.url if picture else "",
        alt=picture.alt if picture else "",
        own_picture=own.url if own else "",
        section=section,
        sections=known,
        restorable=bool(said.headline or said.standfirst),
    )
