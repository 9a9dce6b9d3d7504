"""Pure. Which newsletters and topics of ours somebody's lists, groups and labels stand for."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from digest.errors import UsageError
from subscribers.topics import EVERYTHING, Topics
from subscribers.transfer.columns import NOT_USED, STRENGTH, State, fold
from subscribers.transfer.entries import Entry
from subscribers.transfer.values import as_tag


@dataclass(frozen=True, slots=True)
class Target:
    """A newsletter of ours that a file may bring readers to."""

    id: int
    slug: str
    name: str
    topics: Topics = field(default_factory=lambda: Topics({}))
    titles: Mapping[str, str] = field(default_factory=dict)
    """Folded titles of its topics, to their keys."""

    def topic(self, word: str) -> str:
        """Find the topic that a word names by key or title; nothing if none."""
        if word in self.topics.offered:
            return word
        return self.titles.get(fold(word), "")


class Place(NamedTuple):
    """What a word of a file stands for: a newsletter, or one topic of it."""

    newsletter_id: int
    topic: str = ""


class Wish(NamedTuple):
    """What somebody gets of one newsletter: the topics (0 is everything), and how they stand."""

    topic_mask: int = EVERYTHING
    state: State | None = None


class Placed(NamedTuple):
    """Where one reader belongs, which of their words are kept as tags, and which fit nowhere."""

    wishes: Mapping[int, Wish]
    tags: tuple[str, ...]
    unplaced: tuple[str, ...] = ()
    simple: bool = False
    """The newsletters are those for everybody: no list says how anybody stands with one."""


class Placing:
    """The newsletters an import is for, and what the file's words mean among them."""

    def __init__(
        self,
        targets: Sequence[Target],
        *,
        chosen: Collection[int] = (),
        words: Mapping[str, Place | None] | None = None,
        tags: Sequence[str] = (),
    ) -> None:
        """Bring everybody to the `chosen`, and to what their `words` (folded) stand for."""
        self.targets = {each.id: each for each in targets}
        self.chosen = tuple(dict.fromkeys(chosen))
        self.words = dict(words or {})
        self.tags = tuple(tags)
        self._usual = Placed(
            {each: Wish() for each in self.chosen}, self.tags, simple=bool(self.chosen)
        )
        named = (place.newsletter_id for place in self.words.values() if place is not None)
        self.all = tuple(dict.fromkeys([*self.chosen, *named])) or tuple(self.targets)
        """Every newsletter that somebody could be brought to: who leaves, leaves all of these."""

    def place(self, entry: Entry) -> Placed:
        """Find where a reader belongs."""
        if not (entry.lists or entry.topics or (entry.tags and self.words)):
            if not entry.tags:
                return self._usual
            return self._usual._replace(tags=tuple(dict.fromkeys((*entry.tags, *self.tags))))
        found = _Finding(self)
        for name, state in entry.lists:
            found.list(name, state)
        for word in entry.topics:
            found.topic(word)
        for tag in entry.tags:
            found.tag(tag)
        return found.placed()

    def listed(self, word: str) -> Place | None:
        """Find the newsletter that a list is by its name, where nobody said what it stands for."""
        folded = fold(word)
        for each in self.targets.values():
            if folded in {fold(each.slug), fold(each.name)}:
                return Place(each.id)
        return None


class _Finding:
    """The places of one reader while they are gathered."""

    def __init__(self, placing: Placing) -> None:
        self._placing = placing
        self._states: dict[int, State | None] = dict.fromkeys(placing.chosen)
        self._topics: dict[int, set[str]] = {}
        self._tags = list(placing.tags)
        self._unplaced: list[str] = []

    def list(self, name: str, state: State | None) -> None:
        """Take a list they are in, with how they stand with it alone."""
        folded = fold(name)
        if folded in self._placing.words:
            place = self._placing.words[folded]
        else:
            place = self._placing.listed(name)
            if place is None:
                self._keep(name)
        if place is not None:
            self._at(place, state)

    def topic(self, word: str) -> None:
        """Take a topic or group they chose: of the newsletters they get that have it."""
        folded = fold(word)
        if folded in self._placing.words:
            place = self._placing.words[folded]
            if place is not None:
                self._at(place, None)
            return
        known = False
        for newsletter_id in self._states:
            key = self._placing.targets[newsletter_id].topic(word)
            if key:
                self._topics.setdefault(newsletter_id, set()).add(key)
                known = True
        if not known:
            self._keep(word)

    def tag(self, tag: str) -> None:
        """Take a tag: one that is mapped is a place, any other stays a tag."""
        folded = fold(tag)
        if folded not in self._placing.words:
            self._tags.append(tag)
            return
        place = self._placing.words[folded]
        if place is not None:
            self._at(place, None)

    def placed(self) -> Placed:
        """Give what was gathered."""
        wishes = {
            newsletter_id: Wish(self._mask(newsletter_id), state)
            for newsletter_id, state in self._states.items()
        }
        return Placed(wishes, tuple(dict.fromkeys(self._tags)), tuple(self._unplaced))

    def _at(self, place: Place, state: State | None) -> None:
        before = self._states.get(place.newsletter_id)
        both = [each for each in (before, state) if each is not None]
        strongest = max(both, key=STRENGTH.__getitem__) if both else None
        self._states[place.newsletter_id] = strongest
        if place.topic:
            self._topics.setdefault(place.newsletter_id, set()).add(place.topic)

    def _keep(self, word: str) -> None:
        self._unplaced.append(word)
        tag = as_tag(word)
        if tag:
            self._tags.append(tag)

    def _mask(self, newsletter_id: int) -> int:
        chosen = self._topics.get(newsletter_id)
        if not chosen:
            return EVERYTHING
        return self._placing.targets[newsletter_id].topics.mask(chosen)


def read_map(pairs: Sequence[str], targets: Sequence[Target]) -> dict[str, Place | None]:
    """Read `--map "Sport news=daily:sport"`: theirs, then ours; `=-` leaves a word out.

    Raises UsageError.
    """
    found: dict[str, Place | None] = {}
    for pair in pairs:
        theirs, equals, ours = pair.rpartition("=")
        if not equals or not fold(theirs):
            raise UsageError(
                f"--map: {pair!r}: theirs and ours are not told apart",
                hint='Write it as --map "Sport news=daily:sport" or --map "Old list=-".',
            )
        found[fold(theirs)] = _place(pair, ours.strip(), targets)
    return found


def _place(pair: str, ours: str, targets: Sequence[Target]) -> Place | None:
    if ours == NOT_USED:
        return None
    slug, _, word = ours.partition(":")
    target = next((each for each in targets if each.slug == slug), None)
    if target is None:
        known = ", ".join(each.slug for each in targets)
        raise UsageError(
            f"--map: {pair!r}: there is no newsletter {slug!r}", hint=f"There are: {known}."
        )
    if not word:
        return Place(target.id)
    key = target.topic(word)
    if not key:
        known = ", ".join(target.topics.offered) or "none"
        raise UsageError(
            f"--map: {pair!r}: {slug} has no topic {word!r}", hint=f"Its topics: {known}."
        )
    return Place(target.id, key)
