"""Pure. Which stories are in, where each one stands, and why every other one is out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from digest.editions.duplicates import find_duplicates
from digest.editions.eligibility import Terms, dated, judge
from digest.editions.model import (
    Candidate,
    Newsletter,
    Place,
    Section,
    Selection,
    Verdict,
    Window,
)
from digest.editions.sections import section_of
from digest.sources.model import Article

_LEADS: tuple[tuple[str, Callable[[Article], bool]], ...] = (
    ("with a link and a standfirst", lambda a: bool(a.story.url and a.story.standfirst)),
    ("with a link", lambda a: a.story.url is not None),
    ("with a text and a standfirst", lambda a: bool(a.story.body_text and a.story.standfirst)),
    ("with a text", lambda a: not a.headline_only),
    ("of all", lambda _: True),
)
"""What makes a lead, best first; among equals the newest."""


def select(
    articles: Iterable[Article], *, newsletter: Newsletter, window: Window, used: Mapping[int, str]
) -> Selection:
    """Weigh every article for the edition cut off at `window.until`, each with its reason.

    `used` maps the articles this newsletter has already used to the edition's address. The lower
    end of the window excludes nothing: it only labels a story "late". The caller compares the
    number chosen with the policy's least.
    """
    terms = terms_of(newsletter, window, used)
    weighed = [_weigh(article, terms, newsletter, window) for article in newest_first(articles)]
    most = newsletter.spec.stories.most
    fit = [candidate for candidate in weighed if candidate.verdict is Verdict.SELECTED]
    over = {c.article.id: _over_limit(c, n, most) for n, c in enumerate(fit, 1) if n > most}
    chosen = _arrange(fit[:most], newsletter)
    placed = {candidate.article.id for candidate in chosen}
    left_out = [over.get(c.article.id, c) for c in weighed if c.article.id not in placed]
    return Selection(_marked_repeats((*chosen, *left_out)))


def terms_of(newsletter: Newsletter, window: Window, used: Mapping[int, str]) -> Terms:
    """Give what this newsletter asks of a story at this cut-off."""
    return Terms(
        cut_off_at=window.until,
        max_age=newsletter.spec.stories.max_age,
        epoch_at=newsletter.epoch_at,
        zone=newsletter.spec.cadence.zone,
        used=used,
    )


def newest_first(articles: Iterable[Article]) -> list[Article]:
    """Give each article once, newest first.

    Of the same moment, one with something behind its headline goes first, then the one we knew
    first: a captured page brings its article and fifty bare headlines in at once.
    """
    once = {article.id: article for article in articles}
    by_rank = sorted(once.values(), key=lambda article: (article.headline_only, article.id))
    return sorted(by_rank, key=lambda article: article.dated_at, reverse=True)


def _weigh(article: Article, terms: Terms, newsletter: Newsletter, window: Window) -> Candidate:
    verdict, reason = judge(article, terms)
    section = section_of(article, newsletter.spec.sections)
    published_at = article.story.published_at
    return Candidate(
        article=article,
        verdict=verdict,
        reason=reason,
        section=section.key if section else None,
        late=published_at is not None and published_at <= window.after,
    )


def _over_limit(candidate: Candidate, n: int, most: int) -> Candidate:
    reason = f"Number {n} by date; an edition has at most {most}."
    return replace(candidate, verdict=Verdict.OVER_LIMIT, reason=reason)


def _arrange(fit: Sequence[Candidate], newsletter: Newsletter) -> list[Candidate]:
    policy = newsletter.spec.stories
    chosen = _lead(fit)
    chosen += _placed(_next(fit, chosen, policy.top), Place.TOP, "Top story")
    for section in newsletter.spec.sections:
        stories = _next(fit, chosen, policy.per_section, section)
        chosen += _placed(stories, Place.SECTION, section.title)
    rest = _without(fit, chosen)
    chosen += [_brief(candidate, newsletter.spec.sections) for candidate in rest]
    zone = newsletter.spec.cadence.zone
    return [_numbered(candidate, n, zone) for n, candidate in enumerate(chosen)]


def _lead(fit: Sequence[Candidate]) -> list[Candidate]:
    for what, suits in _LEADS:
        for candidate in fit:
            if suits(candidate.article):
                return _placed([candidate], Place.LEAD, f"Lead: the newest {what}")
    return []


def _next(
    fit: Sequence[Candidate],
    chosen: Sequence[Candidate],
    count: int,
    section: Section | None = None,
) -> list[Candidate]:
    with_page = (c for c in _without(fit, chosen) if not c.article.headline_only)
    return [c for c in with_page if section is None or c.section == section.key][:count]


def _without(fit: Sequence[Candidate], chosen: Sequence[Candidate]) -> list[Candidate]:
    taken = {candidate.article.id for candidate in chosen}
    return [candidate for candidate in fit if candidate.article.id not in taken]


def _placed(candidates: Iterable[Candidate], place: Place, why: str) -> list[Candidate]:
    return [replace(candidate, place=place, reason=why) for candidate in candidates]


def _brief(candidate: Candidate, sections: Sequence[Section]) -> Candidate:
    title = next((s.title for s in sections if s.key == candidate.section), None)
    why = "in no section of this newsletter" if title is None else f"{title} is full"
    if candidate.article.headline_only:
        why = "a headline without link or text"
    return replace(candidate, place=Place.BRIEF, reason=f"In brief: {why}")


def _numbered(candidate: Candidate, n: int, zone: str) -> Candidate:
    late = " Late: dated before the last cut-off." if candidate.late else ""
    reason = f"{candidate.reason}. {dated(candidate.article, zone)}.{late}"
    return replace(candidate, position=n, reason=reason)


def _marked_repeats(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    # What was sent before has been read before, so a chosen story can repeat yesterday's.
    read_order = sorted(candidates, key=lambda c: c.verdict is not Verdict.ALREADY_USED)
    repeats = find_duplicates([candidate.article for candidate in read_order])
    return tuple(replace(c, duplicate_of=repeats.get(c.article.id)) for c in candidates)
