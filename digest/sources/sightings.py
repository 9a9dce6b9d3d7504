"""Pure. What a poll comes to: which articles its stories are, and what these say then.

All of it is worked out before anything is written, so that a poll which changes nothing writes
nothing, and so that it can be worked out again once the writer's lock is held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from digest.sources.identity import (
    IdentityKey,
    IdentityKind,
    is_same_story,
    is_same_url,
    likeliest_first,
)
from digest.sources.merging import content_hash, filled, is_bare, seen_again
from digest.sources.model import FoundStory

MISSING = "it is no longer in its source"
DELETED = "its source says that it was deleted"
WITHDRAWN_BY_SOURCE = frozenset({MISSING, DELETED})
"""What a source took back it gives back by showing it again. What was withdrawn for its page, or by
a person, is not restored by a feed that goes on listing it."""
PAGE_ANSWERS = "its page answers "
"""The status follows, as in "its page answers 410"."""

Sighting = tuple[FoundStory, tuple[IdentityKey, ...]]
"""A story as it may be kept, and its names."""


@dataclass(slots=True)
class Poll:
    """One poll of one source, and what has come of it so far."""

    source_id: int
    now: datetime
    backlog: bool
    new: int = 0
    updated: int = 0
    ids: list[int] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    """The articles that this poll has told all about: only its first word on each rewrites it."""


@dataclass(frozen=True, slots=True)
class Known:
    """An article as far as sightings change it; with a number below 0 it is not written yet."""

    id: int
    source_id: int
    story: FoundStory
    first_seen_at: datetime
    revision: int = 1
    withdrawn_at: datetime | None = None
    withdrawn_why: str = ""
    visited_at: datetime | None = None

    def revised_since(self, before: Known) -> Known:
        """Count a revision if the words, or where they lead, are not those of before.

        Nobody has looked at the page that a changed address leads to.
        """
        old, new = before.story, self.story
        if old == new or content_hash(old) == content_hash(new):
            return replace(self, revision=before.revision)
        has_moved = old.url is not None and not is_same_url(old.url, new.url)
        visited_at = None if has_moved else self.visited_at
        return replace(self, revision=before.revision + 1, visited_at=visited_at)


@dataclass(slots=True)
class Plan:
    """What one part of a poll comes to, worked out before anything is written."""

    poll: Poll
    owners: dict[IdentityKey, int]
    """Which article each name leads to, as far as the poll asks."""
    before: Mapping[int, Known]
    after: dict[int, Known] = field(default_factory=dict)
    names: dict[IdentityKey, int] = field(default_factory=dict)
    """Names to write."""
    ids: list[int] = field(default_factory=list)
    told: set[int] = field(default_factory=set)
    claimed: dict[int, int] = field(default_factory=dict)
    """Article to the place of the story that is led to it by more than its guid."""

    def work_out(self, sightings: Sequence[Sighting]) -> None:
        """Find each story's article or add one, and say what it says after this sighting."""
        for place, (_, names) in enumerate(sightings):
            for number, kinds in self._leads(names).items():
                if kinds != {IdentityKind.GUID}:
                    self.claimed.setdefault(number, place)
        for place, (story, names) in enumerate(sightings):
            known = self._find(place, story, names)
            number = self._add(story) if known is None else known
            if known is not None:
                self._see(number, story)
            if not is_bare(story):
                self.told.add(number)
            self._name(number, names, is_new=known is None)
            self.ids.append(number)

    @property
    def changes(self) -> list[tuple[Known, Known]]:
        """The known articles that change, each before and after."""
        pairs = ((self.before[number], one) for number, one in self.after.items() if number > 0)
        return [(before, after) for before, after in pairs if before != after]

    @property
    def added(self) -> list[Known]:
        """The articles to add, in the order of their stories."""
        return [one for number, one in self.after.items() if number < 0]

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.names or self.added or self.changes)

    def _leads(self, names: Iterable[IdentityKey]) -> dict[int, set[IdentityKind]]:
        leads: dict[int, set[IdentityKind]] = {}
        for key in names:
            if key in self.owners:
                leads.setdefault(self.owners[key], set()).add(key.kind)
        return leads

    def _article(self, number: int) -> Known:
        return self.after.get(number) or self.before[number]

    def _find(self, place: int, story: FoundStory, names: Sequence[IdentityKey]) -> int | None:
        leads = self._leads(names)
        for number in likeliest_first(leads):
            known, kinds = self._article(number), leads[number]
            if kinds == {IdentityKind.GUID} and self.claimed.get(number, place) != place:
                continue  # the guid stands over another story now, and this poll shows both
            same_source = known.source_id == self.poll.source_id
            if is_same_story(story, known.story, kinds, same_source=same_source):
                return number
        return None

    def _add(self, story: FoundStory) -> int:
        number = -1 - len(self.added)
        self.after[number] = Known(number, self.poll.source_id, story, self.poll.now)
        return number

    def _see(self, number: int, story: FoundStory) -> None:
        known = self._article(number)
        is_owner = known.source_id == self.poll.source_id
        is_first = number not in self.told and number not in self.poll.told
        says = seen_again if is_owner and is_first else filled
        told = says(known.story, story, first_seen_at=known.first_seen_at, now=self.poll.now)
        after = replace(known, story=told)
        if is_owner and known.withdrawn_why in WITHDRAWN_BY_SOURCE:
            after = replace(after, withdrawn_at=None, withdrawn_why="")
        if number in self.before:
            after = after.revised_since(self.before[number])
        if after != known:
            self.after[number] = after

    def _name(self, number: int, names: Iterable[IdentityKey], *, is_new: bool) -> None:
        """Give an article the story's names. A new one takes them from whoever had them.

        A headline names the latest story under it, so that a river's "Weather" is today's; no
        other name moves to an article that was known already.
        """
        for key in names:
            owner = self.owners.get(key)
            if owner == number:
                continue
            is_later = owner is not None and _age(owner) < _age(number)
            if owner is None or is_new or (is_later and key.kind is IdentityKind.HEADLINE):
                self.owners[key] = self.names[key] = number


def _age(number: int) -> tuple[bool, int]:
    """Order articles by when they were made; those not written yet come last."""
    return number < 0, abs(number)
