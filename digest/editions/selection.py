"""Pure. Which stories are in, where each one stands, and why every other one is out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from digest.editions import reasons
from digest.editions.duplicates import find_duplicates
from digest.editions.eligibility import Terms, dated, is_wanted, judge
from digest.editions.model import (
    NO_ORDERS,
    Candidate,
    Newsletter,
    Orders,
    Selection,
    Verdict,
    Window,
)
from digest.editions.placing import Wishes, arrange
from digest.editions.sections import section_of
from digest.sources.model import Article

_MOST_READ = 5
_LEAST_MOST_READ = 3
"""Of fewer it would be no list, only what happened to be counted."""
_NONE_CARRIED: Mapping[int, str] = MappingProxyType({})


def select(
    articles: Iterable[Article],
    *,
    newsletter: Newsletter,
    window: Window,
    used: Mapping[int, str],
    orders: Orders = NO_ORDERS,
    carried: Mapping[int, str] = _NONE_CARRIED,
    only: Collection[int] | None = None,
) -> Selection:
    """Weigh every article for the edition cut off at `window.until`, each with its reason.

    `used` maps the articles this newsletter has already used to the edition's address; `carried`
    those that another one carried, for which they get one line here, to that one's. With `only`
    the edition is made for these articles alone. The lower end of the window excludes nothing: it
    only labels a story "late". The caller compares the number chosen with the policy's least.
    """
    terms = _terms(newsletter, window, used, orders, only)
    # What was asked for by name is not pushed into one line by another letter.
    wishes = Wishes(newsletter.spec, orders, carried if only is None else _NONE_CARRIED)
    known = in_order(articles)
    weighed = [_weigh(article, terms, wishes, window) for article in known]
    fit = [candidate for candidate in weighed if candidate.verdict is Verdict.SELECTED]
    folded = _fold(fit, terms, wishes)
    left = [candidate for candidate in fit if candidate.article.id not in folded]
    over = _over_limit(left, newsletter.spec.stories.most, terms, wishes)
    placed = arrange([c for c in left if c.article.id not in over], wishes)
    chosen = [_worded(candidate, terms) for candidate in placed]
    outs = {c.article.id: c for c in weighed} | folded | over
    taken = {candidate.article.id for candidate in chosen}
    used_before = [article for article in known if article.id in used]
    return Selection(
        (*_marked(chosen, used_before), *(outs[a.id] for a in known if a.id not in taken)),
        note=dict(orders.note),
        sponsor=orders.sponsor,
        subject=dict(orders.subject),
        preheader=dict(orders.preheader),
        most_read=_most_read(known, window, orders) if only is None else (),
    )


def in_order(articles: Iterable[Article]) -> list[Article]:
    """Give each article once: by priority, then newest first.

    Of the same moment, one with something behind its headline goes first, then the one we knew
    first: a captured page brings its article and fifty bare headlines in at once.
    """
    once = {article.id: article for article in articles}
    by_rank = sorted(once.values(), key=lambda article: (article.headline_only, article.id))
    newest = sorted(by_rank, key=lambda article: article.dated_at, reverse=True)
    return sorted(newest, key=lambda article: article.story.priority, reverse=True)


def used_up(selection: Selection) -> tuple[Candidate, ...]:
    """Give the stories that must not come again: the chosen, and those folded under them."""
    chosen = selection.chosen
    ids = {candidate.article.id for candidate in chosen}
    folded = (c for c in selection.left_out if c.verdict is Verdict.DUPLICATE)
    return (*chosen, *(c for c in folded if c.duplicate_of in ids))


def _terms(
    newsletter: Newsletter,
    window: Window,
    used: Mapping[int, str],
    orders: Orders,
    only: Collection[int] | None,
) -> Terms:
    return Terms(
        cut_off_at=window.until,
        max_age=newsletter.spec.stories.max_age,
        epoch_at=newsletter.epoch_at,
        zone=newsletter.spec.cadence.zone,
        used=used,
        orders=orders,
        only=only,
    )


def _weigh(article: Article, terms: Terms, wishes: Wishes, window: Window) -> Candidate:
    verdict, reason = judge(article, terms)
    published_at = article.story.published_at
    candidate = Candidate(
        article=article,
        verdict=verdict,
        reason=reason,
        late=published_at is not None and published_at <= window.after,
        pinned=article.id in terms.orders.pinned,
        wording=terms.orders.wording.get(article.id, ()),
        picture=terms.orders.pictures.get(article.id),
    )
    section = wishes.section_of(candidate) or section_of(article, wishes.spec.sections)
    return replace(candidate, section=section.key if section else None)


def _fold(fit: Sequence[Candidate], terms: Terms, wishes: Wishes) -> dict[int, Candidate]:
    """Give the stories that another one of these tells too, each with the one that stays."""
    heads = sorted(fit, key=lambda c: c.article.id)
    heads.sort(key=lambda c: c.article.dated_at, reverse=True)
    heads.sort(key=lambda c: (_rank(c, terms, wishes), c.article.headline_only))
    by_id = {candidate.article.id: candidate for candidate in fit}
    repeats = find_duplicates([candidate.article for candidate in heads])
    return {
        number: _folded(by_id[number], by_id[head], _rank(by_id[head], terms, wishes))
        for number, head in repeats.items()
        if not is_wanted(by_id[number].article, terms)
    }


_WANTED, _NAMED, _BY_RULE = range(3)


def _rank(candidate: Candidate, terms: Terms, wishes: Wishes) -> int:
    """Rank what a person wants in before what one only placed, and that before all others."""
    if is_wanted(candidate.article, terms):
        return _WANTED
    moved = any(candidate.article.id == number for number, _ in terms.orders.moves)
    return _NAMED if moved or wishes.place_of(candidate) else _BY_RULE


def _folded(candidate: Candidate, head: Candidate, rank: int) -> Candidate:
    headline = reasons.quoted(head.article.story.headline)
    ours, theirs = candidate.article, head.article
    if head.pinned:
        template = reasons.SAME_PINNED
    elif theirs.dated_at > ours.dated_at:
        template = reasons.SAME_NEWER
    elif rank != _BY_RULE:
        template = reasons.SAME_CHOSEN
    elif ours.headline_only and not theirs.headline_only:
        template = reasons.SAME_WITH_PAGE
    else:
        template = reasons.SAME_FIRST
    return replace(
        candidate,
        verdict=Verdict.DUPLICATE,
        reason=template.format(headline=headline),
        duplicate_of=theirs.id,
    )


def _over_limit(
    left: Sequence[Candidate], most: int, terms: Terms, wishes: Wishes
) -> dict[int, Candidate]:
    """Give what an edition has no room for; what a person wants or placed has its room first."""
    first = sorted(left, key=lambda candidate: _rank(candidate, terms, wishes))
    equal = len({candidate.article.story.priority for candidate in first}) <= 1
    template = reasons.OVER_LIMIT if equal else reasons.OVER_LIMIT_BY_PRIORITY
    return {
        candidate.article.id: replace(
            candidate, verdict=Verdict.OVER_LIMIT, reason=template.format(n=n, most=most)
        )
        for n, candidate in enumerate(first, 1)
        if n > most and not is_wanted(candidate.article, terms)
    }


def _worded(candidate: Candidate, terms: Terms) -> Candidate:
    """Put a chosen story's sentence together: who wants it, where it stands, how old it is."""
    sentences = [candidate.reason, dated(candidate.article, terms.zone)]
    if candidate.pinned:
        sentences.insert(0, reasons.PINNED)
    elif is_wanted(candidate.article, terms):
        sentences.insert(0, reasons.ASKED_FOR)
    if candidate.late:
        sentences.append(reasons.LATE)
    return replace(candidate, reason=" ".join(sentences))


def _marked(chosen: Sequence[Candidate], used_before: Sequence[Article]) -> list[Candidate]:
    # What was sent before has been read before; a chosen story that repeats it may still be news.
    repeats = find_duplicates([*used_before, *(candidate.article for candidate in chosen)])
    return [replace(c, duplicate_of=repeats.get(c.article.id)) for c in chosen]


def _most_read(known: Sequence[Article], window: Window, orders: Orders) -> tuple[Article, ...]:
    """Give the most read of the window, sent before or not; none where hardly any is counted."""
    dropped = orders.dropped.keys() | orders.dropped_always.keys()
    counted = [
        article
        for article in known
        if article.story.reads
        and article.story.url
        and article.withdrawn_at is None
        and article.id not in dropped
        and window.after < article.dated_at <= window.until
    ]
    counted.sort(key=lambda article: article.story.reads or 0, reverse=True)
    return tuple(counted[:_MOST_READ]) if len(counted) >= _LEAST_MOST_READ else ()
