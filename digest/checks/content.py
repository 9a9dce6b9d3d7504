"""Pure. Checks of what an edition says: its stories, their dates, their words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from statistics import median
from typing import Final

from digest.checks import phrasing
from digest.checks.model import Changed, Facts, Found, Limits, Page, Part, Place, Rule, Severity
from digest.checks.told import folded, quoted, stories
from digest.composition.text import width
from digest.editions.duplicates import find_duplicates
from digest.editions.model import Candidate
from digest.editions.wording import count_of
from digest.sources.model import Article

_HALF = 0.5
_FEWEST_PAST = 2
_SOON = timedelta(hours=1)
_NAMED = 3


def _count(facts: Facts, _limits: Limits) -> Iterator[Found]:
    count, least = len(facts.selection.chosen), facts.newsletter.stories.least
    if not count:
        yield Found(
            "It has no stories.",
            "Pin one, or skip this edition.",
        )
    elif count < least and not _is_extra(facts):
        yield Found(
            f"It has {count_of(count, 'story', 'stories')}; {least} are the least.",
            "Pin more stories, or lower stories.min of this newsletter.",
            severity=Severity.WARN,
        )


def _thin(facts: Facts, _limits: Limits) -> Iterator[Found]:
    past = facts.past.story_counts
    count = len(facts.selection.chosen)
    if len(past) < _FEWEST_PAST or not count or _is_extra(facts):
        return
    usual = median(past)
    if count < usual * _HALF:
        yield Found(
            f"It has {count_of(count, 'story', 'stories')}; the last {len(past)} editions had"
            f" {usual:g} in the middle.",
            "See whether a source is silent: digest sources check.",
        )


def _is_extra(facts: Facts) -> bool:
    """Tell whether it was made by hand, for stories that somebody named, or beside the day's."""
    names = {"main", *(hours.name for hours in facts.newsletter.cadence.slots)}
    return facts.edition.asked_for is not None or facts.edition.slot_name not in names


def _withdrawn(facts: Facts, _limits: Limits) -> Iterator[Found]:
    for each in facts.changed:
        if each.withdrawn:
            yield Found(
                f"“{quoted(each.headline_was)}” was withdrawn by its source since this was"
                " composed.",
                "Take it out; while digest serve runs, that happens by itself.",
                _where(facts, each),
            )


def _edited(facts: Facts, _limits: Limits) -> Iterator[Found]:
    for each in facts.changed:
        if each.withdrawn:
            continue
        if folded(each.headline_was) == folded(each.headline_is):
            sentence = f"“{quoted(each.headline_was)}” was changed at its source since then."
        else:
            sentence = (
                f"“{quoted(each.headline_was)}” is “{quoted(each.headline_is)}” at its source now."
            )
        frozen = facts.approved_hash is not None
        fix = (
            "To take the newer words, hold it and approve it again."
            if frozen
            else "It is composed again by itself while digest serve runs."
        )
        yield Found(sentence, fix, _where(facts, each))


def _where(facts: Facts, changed: Changed) -> Place:
    return _place(facts, changed.article_id, changed.headline_was)


def _place(facts: Facts, article_id: int, headline: str) -> Place:
    numbers = {one.article.id: n for n, one in enumerate(facts.selection.chosen, start=1)}
    return Place(Part.EDITION, article_id, numbers.get(article_id), quote=quoted(headline))


def _of(facts: Facts, one: Candidate) -> Place:
    return _place(facts, one.article.id, one.article.story.headline)


def _sent_before(facts: Facts, _limits: Limits) -> Iterator[Found]:
    for one in facts.selection.chosen:
        if address := facts.sent_before.get(one.article.id):
            yield Found(
                f"“{quoted(one.article.story.headline)}” stood in {address} already.",
                "Drop it from this edition.",
                _of(facts, one),
            )


def _alike(facts: Facts, _limits: Limits) -> Iterator[Found]:
    chosen = facts.selection.chosen
    told = [_as_told(one, facts.newsletter.language) for one in chosen]
    by_id = {one.article.id: one for one in chosen}
    repeats = find_duplicates(told)
    for one in chosen:
        known = repeats.get(one.article.id, one.duplicate_of)
        other = by_id.get(known) if known is not None else None
        if other is not None:
            yield Found(
                f"“{quoted(one.article.story.headline)}” seems to tell the same as"
                f" “{quoted(other.article.story.headline)}”.",
                "Drop one of them, or reword it so that readers see the difference.",
                _of(facts, one),
            )


def _as_told(one: Candidate, language: str) -> Article:
    return replace(one.article, story=one.story_in(language)) if one.wording else one.article


def _dates(facts: Facts, _limits: Limits) -> Iterator[Found]:
    chosen = facts.selection.chosen
    if undated := [one for one in chosen if one.article.story.published_at is None]:
        seen = any(one.article.story.seen_on for one in undated)
        why = " (a page's own date line says only when it was read)" if seen else ""
        yield Found(
            f"{_named(undated)} no date of publication{why}.",
            "Look whether the news is new; let the source give its date.",
            _of(facts, undated[0]),
        )
    yield from _early(facts)
    oldest = facts.edition.window.until - facts.newsletter.stories.max_age
    old = [one for one in chosen if one.article.dated_at < oldest and not one.pinned]
    if old and facts.edition.asked_for is None:
        yield Found(
            f"{_named(old)} a date before {oldest:%-d %B %Y, %H:%M} UTC: older than"
            " stories.max_age lets in.",
            "Look whether that is still news.",
            _of(facts, old[0]),
        )


def _early(facts: Facts) -> Iterator[Found]:
    latest = max(facts.now, facts.edition.send_at)
    for one in facts.selection.chosen:
        dated = one.article.story.published_at
        if dated is not None and dated > facts.now:
            late = dated > latest + _SOON
            yield Found(
                f"“{quoted(one.article.story.headline)}” is dated {dated:%-d %B %Y, %H:%M} UTC,"
                f" which is still to come{'' if late else ' by a little'}.",
                "Take it out, or mend its date at the source.",
                _of(facts, one),
                Severity.BLOCK if late else None,
            )


def _late(facts: Facts, _limits: Limits) -> Iterator[Found]:
    if late := [one for one in facts.selection.chosen if one.late]:
        have = "has" if len(late) == 1 else "have"
        yield Found(
            f"{_named(late, have)} a date before this edition's window: the source brought it"
            " late.",
            "Nothing, if it is still news.",
            _of(facts, late[0]),
        )


def _named(some: Sequence[Candidate], have: str = "") -> str:
    """Name a few stories, and count the others: "“A” and 3 other stories have"."""
    first = f"“{quoted(some[0].article.story.headline)}”"
    if len(some) == 1:
        return f"{first} {have or 'has'}"
    others = count_of(len(some) - 1, "other story", "other stories")
    return f"{first} and {others} have"


def _lengths(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    for one in stories(page):
        columns = width(one.piece.headline)
        if columns > limits.headline:
            yield Found(
                f"The headline of story {one.number} has {columns} characters; readers take in"
                f" {limits.headline}.",
                "Reword it.",
                one.place,
            )


def _standfirsts(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    room = [one for one in stories(page) if one.shows_standfirst]
    without = [one for one in room if not one.piece.standfirst and not one.piece.language]
    if without:
        numbers = ", ".join(str(one.number) for one in without[:_NAMED])
        more = f" and {len(without) - _NAMED} more" if len(without) > _NAMED else ""
        stories_ = "Story" if len(without) == 1 else "Stories"
        have = "has" if len(without) == 1 else "have"
        yield Found(
            f"{stories_} {numbers}{more} {have} no standfirst.",
            "Write one sentence, or let the source give it.",
            without[0].place,
        )
    for one in room:
        said, head = one.piece.standfirst, one.piece.headline
        if width(said) > limits.standfirst:
            yield Found(
                f"The standfirst of story {one.number} has {width(said)} characters;"
                f" {limits.standfirst} are enough.",
                "Shorten it.",
                one.place,
            )
        if said and folded(said).startswith(folded(head)):
            yield Found(
                f"The standfirst of story {one.number} repeats its headline.",
                "Write what the headline leaves open.",
                one.place,
            )


def _wording(facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    yield from _lengths(facts, page, limits)
    yield from _standfirsts(facts, page, limits)


def _minutes(_facts: Facts, page: Page, limits: Limits) -> Iterator[Found]:
    if page.letter.minutes > limits.minutes:
        yield Found(
            f"It takes {page.letter.minutes} minutes to read; {limits.minutes} are wanted.",
            "Lower stories.max, or move stories to In brief.",
        )


def _pictures(_facts: Facts, page: Page, _limits: Limits) -> Iterator[Found]:
    seen: dict[str, int] = {}
    for one in stories(page):
        shot = one.piece.shot
        if shot is None:
            continue
        name = shot.url.rpartition("/")[2]
        if name in seen:
            yield Found(
                f"Stories {seen[name]} and {one.number} show the same picture.",
                "Choose another for one of them, or none.",
                one.place,
            )
        seen.setdefault(name, one.number)


RULES: Final[tuple[Rule, ...]] = (
    Rule("C01", "Too few stories", Severity.BLOCK, look=_count),
    Rule("C02", "Fewer stories than usual", Severity.WARN, look=_thin),
    Rule("C03", "Story withdrawn", Severity.BLOCK, look=_withdrawn),
    Rule("C04", "Story changed at its source", Severity.WARN, look=_edited),
    Rule("C05", "Story already sent", Severity.BLOCK, look=_sent_before),
    Rule("C06", "Two headlines, one story", Severity.WARN, look=_alike),
    Rule("C07", "Date of publication", Severity.WARN, look=_dates),
    Rule("C08", "Late story", Severity.WARN, look=_late),
    Rule("C13", "Headline and standfirst", Severity.WARN, look_at_page=_wording),
    Rule("C14", "Reading time", Severity.WARN, look_at_page=_minutes),
    Rule("C16", "One picture twice", Severity.WARN, look_at_page=_pictures),
    *phrasing.RULES,
)
