"""Pure. What people chose for a slot: what a whole log of it comes to, and what may be undone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from digest.editions.model import Act, Choice, NewChoice, Orders, Sponsor, Wording
from digest.editions.placing import BEFORE, FIRST, LAST
from digest.sources.model import Picture

_PLACE_BEFORE = re.compile(rf"{BEFORE}(\d{{1,18}})", re.ASCII)


class Standing(StrEnum):
    """What has become of one row of the log."""

    IN_FORCE = "in force"
    UNDONE = "undone"
    GIVEN_BACK = "given back"
    """Its story was given back to the rules later."""
    DONE = "done"
    """An undo or a redo: it did its work and is no choice itself."""


@dataclass(frozen=True, slots=True)
class Told:
    """A row of the log with what has become of it; `of` is the row that it undid or redid."""

    choice: Choice
    standing: Standing
    of: int | None = None


# What is in force


def effective(log: Sequence[Choice]) -> tuple[Choice, ...]:
    """Give the choices in force, oldest first: no undone ones, none before their story's reset.

    UNDO takes back the last act still in force, a RESET too; REDO brings the last undone back,
    unless another act came since. Acts of a newer version are in force like any other: what takes
    the last act back must not take back the one before it.
    """
    return tuple(told.choice for told in told_of(log) if told.standing is Standing.IN_FORCE)


def may_undo(log: Sequence[Choice]) -> Choice | None:
    """Give the choice that UNDO would take back now, or None when there is none."""
    played = _Played(log)
    return log[played.done[-1]] if played.done else None


def may_redo(log: Sequence[Choice]) -> Choice | None:
    """Give the choice that REDO would bring back now, or None when there is none."""
    played = _Played(log)
    return log[played.undone[-1]] if played.undone else None


def told_of(log: Sequence[Choice]) -> tuple[Told, ...]:
    """Give every row of the log, oldest first, with what has become of it."""
    played = _Played(log)
    standing = dict.fromkeys(played.done, Standing.IN_FORCE)
    reset = set[int | None]()
    for n in reversed(played.done):
        what = log[n].what
        if what.article_id in reset:
            standing[n] = Standing.GIVEN_BACK
        if what.act is Act.RESET and what.article_id is not None:
            reset.add(what.article_id)
    return tuple(
        Told(choice, Standing.DONE, of=played.meant[n])
        if n in played.meant
        else Told(choice, standing.get(n, Standing.UNDONE))
        for n, choice in enumerate(log)
    )


def lasting(log: Sequence[Choice]) -> tuple[Choice, ...]:
    """Give what the newsletter's other slots must know of this one: drops for good, and resets.

    Only where it is the last word about its story here: who pins what was dropped for good has
    changed his mind.
    """
    last = {c.what.article_id: c for c in effective(log) if c.what.act in _LAST_WORDS}
    return tuple(c for c in last.values() if c.what.act in {Act.DROP_ALWAYS, Act.RESET})


def orders_of(log: Sequence[Choice], always: Sequence[Choice] = ()) -> Orders:
    """Give what a slot's log comes to.

    `always` is what is `lasting` in the newsletter's other slots, oldest first. Of a drop for good
    there and a word about the same story here the later counts. Whatever the log holds, this
    raises nothing: what only a newer version understands is left out.
    """
    sheet, last = _Sheet(), {choice.what.article_id: choice for choice in always}
    elsewhere = sorted(last.values(), key=lambda choice: choice.made_at, reverse=True)
    for choice in effective(log):
        while elsewhere and elsewhere[-1].made_at <= choice.made_at:
            sheet.put(elsewhere.pop())
        sheet.put(choice)
    while elsewhere:
        sheet.put(elsewhere.pop())
    return sheet.orders()


_LAST_WORDS = frozenset({Act.PIN, Act.LEAD, Act.DROP, Act.DROP_ALWAYS, Act.RESET})
"""What says of a story whether it is in."""


class _Played:
    """A log played from its beginning; all numbers are places in the log."""

    def __init__(self, log: Sequence[Choice]) -> None:
        self.done: list[int] = []
        self.undone: list[int] = []
        self.meant: dict[int, int | None] = {}
        """What each undo and redo was about, as a choice's `seq`."""
        for n, choice in enumerate(log):
            if choice.what.act is Act.UNDO:
                self._carry(log, n, self.done, self.undone)
            elif choice.what.act is Act.REDO:
                self._carry(log, n, self.undone, self.done)
            else:
                self.done.append(n)
                self.undone.clear()

    def _carry(self, log: Sequence[Choice], n: int, source: list[int], target: list[int]) -> None:
        """Bring one choice from the one side to the other; with none there, nothing happens."""
        self.meant[n] = log[source[-1]].seq if source else None
        if source:
            target.append(source.pop())


class _Move(NamedTuple):
    story: int
    place: str
    by_lead: bool = False
    """A lead named after other moves goes before them all."""


@dataclass(slots=True)
class _Sheet:
    """What has been put down so far; later words replace earlier ones."""

    pinned: set[int] = field(default_factory=set)
    dropped: dict[int, str] = field(default_factory=dict)
    dropped_always: dict[int, str] = field(default_factory=dict)
    moves: list[_Move] = field(default_factory=list)
    lead: int | None = None
    sections: dict[int, str] = field(default_factory=dict)
    wording: dict[int, dict[str, Wording]] = field(default_factory=dict)
    pictures: dict[int, Picture] = field(default_factory=dict)
    note: dict[str, str] = field(default_factory=dict)
    sponsor: Sponsor | None = None
    subject: dict[str, str] = field(default_factory=dict)
    preheader: dict[str, str] = field(default_factory=dict)

    def put(self, choice: Choice) -> None:
        what, story = choice.what, choice.what.article_id
        if what.act in {Act.NOTE, Act.SUBJECT, Act.PREHEADER}:
            self._say(what)
        elif what.act is Act.SPONSOR:
            self.sponsor = Sponsor(what.text, what.url) if what.text else None
        elif story is not None and what.act in _LAST_WORDS:
            self._last_word(story, what.act, f"by {choice.actor}")
        elif story is not None:
            self._detail(story, what)

    def _say(self, what: NewChoice) -> None:
        said = {Act.SUBJECT: self.subject, Act.PREHEADER: self.preheader}.get(what.act, self.note)
        said.pop(what.language, None)
        said |= {what.language: what.text} if what.text else {}

    def _last_word(self, story: int, act: Act, by: str) -> None:
        self.dropped_always.pop(story, None)
        if act is Act.RESET:  # what was chosen here before it is not in force any more
            return
        self.dropped.pop(story, None)
        if act is Act.PIN:
            self.pinned.add(story)
        elif act is Act.LEAD:
            self._make_lead(story)
        else:
            self.pinned.discard(story)
            self._forget_place(story)
            (self.dropped if act is Act.DROP else self.dropped_always)[story] = by

    def _make_lead(self, story: int) -> None:
        self.moves = [move for move in self.moves if not move.by_lead]
        if self.moves:
            self.moves.append(_Move(story, FIRST, by_lead=True))
        self.lead = story

    def _forget_place(self, story: int) -> None:
        self.lead = None if self.lead == story else self.lead
        self.moves = [move for move in self.moves if move.story != story]

    def _detail(self, story: int, what: NewChoice) -> None:
        if what.act is Act.UNPIN:
            self.pinned.discard(story)
        elif what.act is Act.MOVE and is_move(what.place):
            self.moves.append(_Move(story, what.place))
        elif what.act is Act.SECTION and what.place:
            self._forget_place(story)
            self.sections[story] = what.place
        elif what.act is Act.PICTURE:
            self.pictures[story] = Picture(what.url, what.alt)
        elif what.act in {Act.HEADLINE, Act.STANDFIRST}:
            words = self.wording.setdefault(story, {})
            before = words.get(what.language, Wording(what.language))
            words[what.language] = (
                replace(before, headline=what.text)
                if what.act is Act.HEADLINE
                else replace(before, standfirst=what.text)
            )

    def orders(self) -> Orders:
        wording = {
            story: tuple(each for each in words.values() if each.headline or each.standfirst)
            for story, words in self.wording.items()
        }
        return Orders(
            pinned=frozenset(self.pinned),
            dropped=self.dropped,
            dropped_always=self.dropped_always,
            moves=tuple((move.story, move.place) for move in self.moves),
            lead=self.lead,
            sections=self.sections,
            wording={story: words for story, words in wording.items() if words},
            pictures=self.pictures,
            note=self.note,
            sponsor=self.sponsor,
            subject=self.subject,
            preheader=self.preheader,
        )


def is_move(place: str) -> bool:
    """Tell whether a place is one of MOVE's: first, last, or before a story."""
    return place in {FIRST, LAST} or _PLACE_BEFORE.fullmatch(place) is not None


def story_before(place: str) -> int | None:
    """Give the story before which a MOVE puts another, if its place is one of these."""
    found = _PLACE_BEFORE.fullmatch(place)
    return int(found[1]) if found else None


def stories_of(what: NewChoice) -> tuple[int, ...]:
    """Give the ids of the stories that are named in a choice."""
    return tuple(n for n in (what.article_id, story_before(what.place)) if n is not None)
