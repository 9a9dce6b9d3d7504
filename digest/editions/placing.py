"""Pure. Where each chosen story stands: lead, top, its section or In brief; then what was moved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from digest.editions import reasons
from digest.editions.model import Candidate, NewsletterSpec, Orders, Place, Section
from digest.sources.model import Article

_LEADS: tuple[tuple[str, Callable[[Article], bool]], ...] = (
    ("with a link and a standfirst", lambda a: bool(a.story.url and a.story.standfirst)),
    ("with a link", lambda a: a.story.url is not None),
    ("with a text and a standfirst", lambda a: bool(a.story.body_text and a.story.standfirst)),
    ("with a text", lambda a: not a.headline_only),
    ("of all", lambda _: True),
)
"""What makes a lead, best first; among equals the first in order, which is mostly the newest."""

FIRST, LAST, BEFORE = "first", "last", "before "
"""Where a story may be moved; `before 17` names an article."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What bears on the places: the settings, what people ordered, what other letters carried."""

    spec: NewsletterSpec
    orders: Orders
    carried: Mapping[int, str]
    """Article id to the address of the other newsletter's edition that had it."""

    def place_of(self, candidate: Candidate) -> Place | None:
        """Give the place a person named for a story, if this newsletter has it."""
        number = candidate.article.id
        if number == self.orders.lead:
            return Place.LEAD
        named = self.orders.sections.get(number)
        if named in {Place.TOP, Place.BRIEF}:
            return Place(named)
        return Place.SECTION if self.section_of(candidate) else None

    def section_of(self, candidate: Candidate) -> Section | None:
        """Give the section a person named for a story, if this newsletter has it."""
        named = self.orders.sections.get(candidate.article.id)
        return next((s for s in self.spec.sections if s.key == named), None)

    def is_free(self, candidate: Candidate) -> bool:
        """Tell whether the rules may give a story any place: nobody named one, none carried it."""
        return self.place_of(candidate) is None and self.carrier_of(candidate) is None

    def carrier_of(self, candidate: Candidate) -> str | None:
        """Give the other letter's edition that had a story and leaves it one line here, if any."""
        return None if candidate.pinned else self.carried.get(candidate.article.id)


def arrange(fit: Sequence[Candidate], wishes: Wishes) -> list[Candidate]:
    """Place the chosen stories, given in order of choice, in the order in which they are read."""
    room = Counter[str | None]()
    while True:
        placed = _placed(fit, wishes, room)
        chosen = _moved(placed, wishes)
        left = _in_sections(placed) - _in_sections(chosen)
        if left <= room:
            return [replace(candidate, position=n) for n, candidate in enumerate(chosen)]
        room |= left  # who is moved out of a section leaves a place to the next one of it


def _placed(
    fit: Sequence[Candidate], wishes: Wishes, room: Mapping[str | None, int]
) -> list[Candidate]:
    """Place the stories by what was named and by the rules, with so much more room in sections."""
    policy = wishes.spec.stories
    chosen = _lead(fit, wishes)
    chosen += _filled(fit, chosen, policy.top, wishes)
    for section in wishes.spec.sections:
        most = policy.per_section + room.get(section.key, 0)
        chosen += _filled(fit, chosen, most, wishes, section)
    return chosen + [_brief(candidate, wishes) for candidate in _without(fit, chosen)]


def _moved(placed: Sequence[Candidate], wishes: Wishes) -> list[Candidate]:
    chosen = list(placed)
    for number, where in wishes.orders.moves:
        chosen = _move(chosen, number, where, wishes.spec.sections)
    return chosen


def _in_sections(candidates: Iterable[Candidate]) -> Counter[str | None]:
    return Counter(c.section for c in candidates if c.place is Place.SECTION)


def _lead(fit: Sequence[Candidate], wishes: Wishes) -> list[Candidate]:
    for candidate in fit:
        if wishes.place_of(candidate) is Place.LEAD:
            return [replace(candidate, place=Place.LEAD, reason=reasons.LEAD_BY_HAND)]
    free = [candidate for candidate in fit if wishes.is_free(candidate)]
    for what, suits in _LEADS:
        suited = [candidate for candidate in free if suits(candidate.article)]
        if suited:
            newest = max(candidate.article.dated_at for candidate in suited)
            is_newest = suited[0].article.dated_at == newest
            template = reasons.LEAD_NEWEST if is_newest else reasons.LEAD_BY_PRIORITY
            return [replace(suited[0], place=Place.LEAD, reason=template.format(what=what))]
    return []


def _filled(
    fit: Sequence[Candidate],
    chosen: Sequence[Candidate],
    count: int,
    wishes: Wishes,
    section: Section | None = None,
) -> list[Candidate]:
    """Fill a section, or the top, in order: with all that a person named for it, then by count."""
    place = Place.SECTION if section else Place.TOP
    rest = [c for c in _without(fit, chosen) if section is None or c.section == section.key]
    named = [c for c in rest if wishes.place_of(c) is place]
    free = [c for c in rest if wishes.is_free(c) and not c.article.headline_only]
    taken = _ids([*named, *free[: max(0, count - len(named))]])
    by_hand = _ids(named)
    return [
        replace(c, place=place, reason=_why(section, by_hand=c.article.id in by_hand))
        for c in rest
        if c.article.id in taken
    ]


def _why(section: Section | None, *, by_hand: bool) -> str:
    if section is None:
        return reasons.TOP_BY_HAND if by_hand else reasons.TOP
    template = reasons.SECTION_BY_HAND if by_hand else reasons.SECTION
    return template.format(section=section.title)


def _brief(candidate: Candidate, wishes: Wishes) -> Candidate:
    return replace(candidate, place=Place.BRIEF, reason=_why_brief(candidate, wishes))


def _why_brief(candidate: Candidate, wishes: Wishes) -> str:
    carrier = wishes.carrier_of(candidate)
    if wishes.place_of(candidate) is Place.BRIEF:
        return reasons.BRIEF_BY_HAND
    if carrier is not None:
        return reasons.BRIEF_CARRIED.format(edition=carrier)
    if candidate.article.headline_only:
        return reasons.BRIEF_HEADLINE
    title = next((s.title for s in wishes.spec.sections if s.key == candidate.section), None)
    if title is None:
        return reasons.BRIEF_NO_SECTION
    return reasons.BRIEF_SECTION_FULL.format(section=title)


def _move(
    chosen: Sequence[Candidate], number: int, where: str, sections: Sequence[Section]
) -> list[Candidate]:
    """Put a story elsewhere: it takes the place of the one it goes before, or follows at the end.

    A story that is not chosen, before or after the word "before", makes this a move of nothing.
    """
    moved = next((c for c in chosen if c.article.id == number), None)
    rest = [c for c in chosen if c.article.id != number]
    at = _index(rest, where)
    if moved is None or at is None or not rest:
        return list(chosen)
    target = rest[min(at, len(rest) - 1)]
    section = target.section if target.place is Place.SECTION else moved.section
    taking = replace(moved, place=target.place, section=section)
    taking = replace(taking, reason=_why_moved(taking, sections))
    return _with_one_lead([*rest[:at], taking, *rest[at:]], chosen, number)


def _with_one_lead(
    moved: list[Candidate], before: Sequence[Candidate], number: int
) -> list[Candidate]:
    had_lead = any(c.place is Place.LEAD for c in before)
    first, *rest = moved
    if had_lead and first.place is not Place.LEAD:
        mine = first.article.id == number
        reason = reasons.LEAD_MOVED if mine else reasons.LEAD_AFTER_MOVES
        first = replace(first, place=Place.LEAD, reason=reason)
    return [first, *(_no_lead(c) for c in rest)]


def _no_lead(candidate: Candidate) -> Candidate:
    if candidate.place is not Place.LEAD:
        return candidate
    return replace(candidate, place=Place.TOP, reason=reasons.TOP_AFTER_MOVES)


def _index(rest: Sequence[Candidate], where: str) -> int | None:
    if where == FIRST:
        return 0
    if where == LAST:
        return len(rest)
    named = where.removeprefix(BEFORE)
    return next((n for n, c in enumerate(rest) if str(c.article.id) == named), None)


def _why_moved(candidate: Candidate, sections: Sequence[Section]) -> str:
    if candidate.place is Place.SECTION:
        title = next(s.title for s in sections if s.key == candidate.section)
        return reasons.SECTION_MOVED.format(section=title)
    return _MOVED[candidate.place or Place.BRIEF]


_MOVED = {
    Place.LEAD: reasons.LEAD_MOVED,
    Place.TOP: reasons.TOP_MOVED,
    Place.BRIEF: reasons.BRIEF_MOVED,
}


def _without(fit: Sequence[Candidate], chosen: Iterable[Candidate]) -> list[Candidate]:
    taken = _ids(chosen)
    return [candidate for candidate in fit if candidate.article.id not in taken]


def _ids(candidates: Iterable[Candidate]) -> Collection[int]:
    return {candidate.article.id for candidate in candidates}
