"""Pure. An edition as the desk shows it: facts in, the values of the template out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.composition.dates import date_words
from digest.composition.language import ENGLISH
from digest.composition.text import clusters
from digest.editions.abandon import is_unsent, may_be_mended
from digest.editions.cadence import next_slots
from digest.editions.choice_words import in_words
from digest.editions.choices import Standing, may_redo, may_undo
from digest.editions.model import EditionState
from digest.editions.wording import count_of
from digest.people.presence_store import Present
from digest.web.desk import times
from digest.web.desk.edition_rows import (
    Asked,
    CandidateRow,
    Editor,
    StoryRow,
    candidate_row,
    editor_of,
    stories_of,
)
from digest.workflow.edition_look import EditionLook, InboxRow

FILTERS = ("out", "in", "all")
_RUNS_SHOWN = 3
_CLASSES = {
    EditionState.DRAFT: "draft",
    EditionState.IN_REVIEW: "review",
    EditionState.APPROVED: "approved",
    EditionState.SENDING: "sending",
    EditionState.SENT: "sent",
    EditionState.HELD: "held",
    EditionState.STOPPED: "held",
    EditionState.SKIPPED: "skipped",
    EditionState.EXPIRED: "skipped",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One of the next runs."""

    day: str
    local: str
    utc: str


@dataclass(frozen=True, slots=True)
class Words:
    """The words of the edition as a whole in one language, as its forms show them."""

    language: str
    """As choices name it: "" is the newsletter's own."""
    tag: str
    subject: str
    preheader: str
    subject_signs: int
    preheader_signs: int
    by_hand: bool
    """A person wrote one of them."""
    note: str
    note_words: int


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One line of what was chosen."""

    seq: int
    who: str
    words: str
    at: str
    standing: str


@dataclass(frozen=True, slots=True)
class EditionView:
    """All that the template of the page says."""

    title: str
    state: str
    state_class: str
    facts: tuple[str, ...]
    why: str
    stories: tuple[StoryRow, ...]
    stories_line: str
    ledger: tuple[CandidateRow, ...]
    filter: str
    counts: tuple[tuple[str, str, int], ...]
    """Filter, its name, how many it shows."""
    editor: Editor | None
    languages: tuple[tuple[str, str], ...]
    """(as choices name it, tag); more than one where there are several."""
    words: Words
    sponsor: tuple[str, str]
    undo: str
    """What Undo would take back, in words; "" for nothing."""
    redo: str
    history: tuple[HistoryRow, ...]
    runs: tuple[Run, ...]
    place: str
    readers: str
    readers_more: str
    may_choose: bool
    others: tuple[str, ...]
    """Who else is here, and what they are at."""


def view_of(
    look: EditionLook, asked: Asked, *, me: str, may_choose: bool, tags: Sequence[str]
) -> EditionView:
    """Say an edition in the words of its page.

    `me` is who looks, as `Present.who` names them; `tags` are the languages the newsletter is made
    in, its own first.
    """
    zone = ZoneInfo(look.newsletter.spec.cadence.zone)
    chooses = may_choose and can_be_chosen_for(look)
    undo, redo = _undo_and_redo(look)
    ins, outs = look.selection.chosen, look.selection.left_out
    ledger = {"in": ins, "out": outs}.get(asked.filter, (*ins, *outs))
    languages = tuple(("" if n == 0 else tag, tag) for n, tag in enumerate(tags))
    return EditionView(
        title=f"{look.newsletter.spec.name}, {day_words(look)}",
        state=state_words(look),
        state_class="draft" if not look.exists else _CLASSES[look.edition.state],
        facts=facts_of(look, zone),
        why=look.reason or (look.edition.reason if look.exists else ""),
        stories=stories_of(look),
        stories_line=count_of(len(ins), "story", "stories"),
        ledger=tuple(candidate_row(each) for each in ledger),
        filter=asked.filter if asked.filter in FILTERS else "all",
        counts=(
            ("all", "All", len(ins) + len(outs)),
            ("in", "In", len(ins)),
            ("out", "Out", len(outs)),
        ),
        editor=editor_of(look, asked) if chooses else None,
        languages=languages if len(languages) > 1 else (),
        words=_words(look, asked.language, tags),
        sponsor=_sponsor(look),
        undo=undo if chooses else "",
        redo=redo if chooses else "",
        history=_history(look, zone),
        runs=_runs(look, zone),
        place=times.place(zone),
        readers=f"{look.readers:,}",
        readers_more=_more(look),
        may_choose=chooses,
        others=others_here(look.present, me),
    )


def can_be_chosen_for(look: EditionLook) -> bool:
    """Tell whether anything can still be chosen: it is to come, unsent, or stopped half-way."""
    if not look.exists:
        return not look.closed
    return is_unsent(look.edition) or may_be_mended(look.edition, look.now)


def day_words(look: EditionLook) -> str:
    """Say the edition's date; the year only where it is not the present one."""
    words = date_words(look.edition.local_date, ENGLISH.tag)
    return words.removesuffix(f" {look.now.year}")


def state_words(look: EditionLook) -> str:
    """Say where the edition is; sent is said when every row is final."""
    if not look.exists:
        return "To come"
    state = str(look.edition.state).capitalize()
    if look.edition.state is EditionState.SENDING and look.counts.deferred:
        return f"{state}, {look.counts.deferred:,} to retry"
    return state


def facts_of(look: EditionLook, zone: ZoneInfo) -> tuple[str, ...]:
    """Say when it is locked and when it goes, in the newsletter's zone and in UTC."""
    edition = look.edition
    cut_off = times.hour(edition.window.until, zone)
    if edition.state in {EditionState.SENT, EditionState.SENDING, EditionState.STOPPED}:
        began = edition.sending_at or edition.send_at
        return (f"Began at {times.hour(began, zone)} ({times.utc(began)})",)
    if edition.state in {EditionState.SKIPPED, EditionState.EXPIRED}:
        return ()
    goes = edition.leaves_at
    when = f"{times.hour(goes, zone)} ({times.utc(goes)}), {distance(look.now, goes)}"
    locked = "Stories locked at" if look.exists else "Made at"
    day = times.day(goes, zone, look.now)
    return (f"{locked} {cut_off} · sends at {when}", f"{day}, hours of {times.place(zone)}")


def distance(now: datetime, at: datetime) -> str:
    """Say how far off a moment is: `in 24 min`, `in 2 h 10 min`, `in 3 days`, `20 min ago`."""
    minutes = round(abs((at - now).total_seconds()) / 60)
    hours, rest = divmod(minutes, 60)
    days = hours // 24
    if days > 1:
        said = f"{days} days"
    elif hours:
        said = f"{hours} h {rest} min" if rest else f"{hours} h"
    else:
        said = f"{minutes} min"
    return f"in {said}" if at >= now else f"{said} ago"


def count(text: str) -> int:
    """Count signs as readers do."""
    return sum(1 for _ in clusters(text))


def others_here(present: Sequence[Present], me: str) -> tuple[str, ...]:
    """Name who else is here: `Ben, rewords “Ferry returns”`."""
    return tuple(
        f"{each.name}, {each.doing}" if each.doing else each.name
        for each in present
        if each.who != me
    )


def _words(look: EditionLook, language: str, tags: Sequence[str]) -> Words:
    tag = language or tags[0]
    row = next((each for each in look.rows if each.language == tag), InboxRow(tag, "", ""))
    said = look.selection
    subject = said.subject.get(language) or row.subject
    preheader = said.preheader.get(language) or row.preheader
    note = said.note.get(language, "")
    return Words(
        language=language,
        tag=tag,
        subject=subject,
        preheader=preheader,
        subject_signs=count(subject),
        preheader_signs=count(preheader),
        by_hand=bool(said.subject.get(language) or said.preheader.get(language)),
        note=note,
        note_words=len(note.split()),
    )


def _sponsor(look: EditionLook) -> tuple[str, str]:
    sponsor = look.selection.sponsor
    return (sponsor.text, sponsor.url) if sponsor else ("", "")


def _undo_and_redo(look: EditionLook) -> tuple[str, str]:
    log = tuple(line.told.choice for line in look.log)
    lines = {line.told.choice.seq: line.words for line in look.log}
    undo, redo = may_undo(log), may_redo(log)
    begun = look.edition.sending_at if look.exists else None
    if undo is not None and begun is not None and undo.made_at < begun:
        undo = None  # what some readers have already cannot be taken back
    return (
        f"{undo.actor} {lines.get(undo.seq, in_words(undo.what))}" if undo else "",
        f"{redo.actor} {lines.get(redo.seq, in_words(redo.what))}" if redo else "",
    )


_STANDINGS = {
    Standing.UNDONE: "undone",
    Standing.GIVEN_BACK: "given back to the rules",
}


def _history(look: EditionLook, zone: ZoneInfo) -> tuple[HistoryRow, ...]:
    """List what was chosen, the latest first."""
    return tuple(
        HistoryRow(
            seq=line.told.choice.seq,
            who=line.told.choice.actor,
            words=line.words,
            at=times.hour(line.told.choice.made_at, zone),
            standing=_STANDINGS.get(line.told.standing, ""),
        )
        for line in reversed(look.log)
    )


def _runs(look: EditionLook, zone: ZoneInfo) -> tuple[Run, ...]:
    return tuple(
        Run(
            times.day(slot.send_at, zone, look.now),
            times.hour(slot.send_at, zone),
            times.utc(slot.send_at),
        )
        for slot in next_slots(look.newsletter.spec.cadence, look.now, _RUNS_SHOWN)
    )


def _more(look: EditionLook) -> str:
    """Compare with the last edition."""
    if look.readers_before is None:
        return ""
    more = look.readers - look.readers_before
    if not more:
        return "as many as the last"
    return f"{abs(more):,} {'more' if more > 0 else 'fewer'} than the last"
