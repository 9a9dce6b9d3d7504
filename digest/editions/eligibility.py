"""Pure. May this story be in an edition cut off now? The verdict, and the fact behind it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.editions import reasons
from digest.editions.model import NO_ORDERS, Orders, Verdict
from digest.editions.wording import age_in_words, day_in_words, moment_in_words
from digest.sources.model import Article


@dataclass(frozen=True, slots=True)
class Terms:
    """What an edition asks of a story; times aware UTC, `zone` is the newsletter's.

    There is no lower bound of a window among them: a story that came late, or whose row was
    committed late, is simply taken next time.
    """

    cut_off_at: datetime
    max_age: timedelta
    epoch_at: datetime
    zone: str
    used: Mapping[int, str]
    """Article id to the address of the edition that has it."""
    orders: Orders = NO_ORDERS
    only: Collection[int] | None = None
    """The articles asked for by name, when the edition is made for them alone."""


def judge(article: Article, terms: Terms) -> tuple[Verdict, str]:
    """Give SELECTED when the story is eligible, else the verdict against it; and the sentence.

    Against one that a person pinned or asked for by name speaks only what cannot be undone: that
    this newsletter had it, that it was withdrawn, that a person dropped it from this edition.
    """
    wish = _wish(article, terms)
    if terms.only is not None and wish is None:
        return Verdict.NOT_ASKED_FOR, reasons.NOT_ASKED_FOR
    for verdict, against in _RULES if wish is None else _RULES[:_FIRM]:
        reason = against(article, terms)
        if reason is not None:
            return verdict, reason if wish is None else reasons.against_a_wish(wish, reason)
    return Verdict.SELECTED, dated(article, terms.zone)


def is_wanted(article: Article, terms: Terms) -> bool:
    """Tell whether a person pinned the story, or asked for it by name."""
    return _wish(article, terms) is not None


def dated(article: Article, zone: str) -> str:
    """Say the date a story's age counts from, and which date that is."""
    template = reasons.PUBLISHED if article.story.published_at else reasons.SEEN
    return template.format(moment=moment_in_words(article.dated_at, zone))


def _wish(article: Article, terms: Terms) -> str | None:
    if article.id in terms.orders.pinned:
        return reasons.PINNED_BUT
    if terms.only is not None and article.id in terms.only:
        return reasons.ASKED_FOR_BUT
    return None


def _used(article: Article, terms: Terms) -> str | None:
    address = terms.used.get(article.id)
    return None if address is None else reasons.SENT.format(edition=address)


def _withdrawn(article: Article, terms: Terms) -> str | None:
    if article.withdrawn_at is None:
        return None
    moment = moment_in_words(article.withdrawn_at, terms.zone)
    why = article.withdrawn_why.rstrip(".")
    template = reasons.WITHDRAWN_BECAUSE if why else reasons.WITHDRAWN
    return template.format(moment=moment, why=why)


def _dropped(article: Article, terms: Terms) -> str | None:
    by = terms.orders.dropped.get(article.id)
    return None if by is None else reasons.DROPPED.format(by=by)


def _dropped_for_good(article: Article, terms: Terms) -> str | None:
    by = terms.orders.dropped_always.get(article.id)
    return None if by is None else reasons.DROPPED_FOR_GOOD.format(by=by)


def _after_cut_off(article: Article, terms: Terms) -> str | None:
    if article.first_seen_at <= terms.cut_off_at:
        return None
    seen = moment_in_words(article.first_seen_at, terms.zone)
    return reasons.SEEN_AFTER_CUT_OFF.format(moment=seen, cut_off=_cut_off(terms))


def _not_yet_published(article: Article, terms: Terms) -> str | None:
    published_at = article.story.published_at
    if published_at is None or published_at <= terms.cut_off_at:
        return None
    moment = moment_in_words(published_at, terms.zone)
    return reasons.NOT_YET_PUBLISHED.format(moment=moment, cut_off=_cut_off(terms))


def _undated_backlog(article: Article, terms: Terms) -> str | None:
    if not article.backlog or article.story.published_at is not None:
        return None
    seen = moment_in_words(article.first_seen_at, terms.zone)
    return reasons.UNDATED_BACKLOG.format(moment=seen)


def _too_old(article: Article, terms: Terms) -> str | None:
    if terms.cut_off_at - article.dated_at <= terms.max_age:
        return None
    published = article.story.published_at is not None
    template = reasons.PUBLISHED_TOO_LONG_AGO if published else reasons.SEEN_TOO_LONG_AGO
    day = day_in_words(article.dated_at, terms.zone)
    return template.format(day=day, age=age_in_words(terms.max_age))


def _before_epoch(article: Article, terms: Terms) -> str | None:
    # Only a first import is judged by its dates: what comes later is news to us when we see it.
    reference = article.dated_at if article.backlog else article.first_seen_at
    if reference > terms.epoch_at:
        return None
    template = reasons.PUBLISHED_BEFORE_EPOCH if article.backlog else reasons.SEEN_BEFORE_EPOCH
    epoch = moment_in_words(terms.epoch_at, terms.zone)
    return template.format(moment=moment_in_words(reference, terms.zone), epoch=epoch)


def _cut_off(terms: Terms) -> str:
    return moment_in_words(terms.cut_off_at, terms.zone)


_RULES: tuple[tuple[Verdict, Callable[[Article, Terms], str | None]], ...] = (
    (Verdict.ALREADY_USED, _used),
    (Verdict.WITHDRAWN, _withdrawn),
    (Verdict.DROPPED, _dropped),
    (Verdict.DROPPED, _dropped_for_good),
    (Verdict.AFTER_CUT_OFF, _after_cut_off),
    (Verdict.NOT_YET_PUBLISHED, _not_yet_published),
    (Verdict.UNDATED_BACKLOG, _undated_backlog),
    (Verdict.TOO_OLD, _too_old),
    (Verdict.BEFORE_EPOCH, _before_epoch),
)
"""The first that speaks against a story gives its reason: what was done before what is dated."""
_FIRM = 3
"""So many of them no wish overrules."""
