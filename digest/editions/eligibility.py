"""Pure. May this story be in an edition cut off now? The verdict, and the fact behind it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from digest.editions.model import Verdict
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


def judge(article: Article, terms: Terms) -> tuple[Verdict, str]:
    """Give SELECTED when the story is eligible, else the verdict against it; and the sentence."""
    for verdict, against in _RULES:
        reason = against(article, terms)
        if reason is not None:
            return verdict, reason
    return Verdict.SELECTED, f"{dated(article, terms.zone)}."


def dated(article: Article, zone: str) -> str:
    """Say the date a story's age counts from, and which date that is."""
    which = "Published" if article.story.published_at else "First seen"
    return f"{which} {moment_in_words(article.dated_at, zone)}"


def _used(article: Article, terms: Terms) -> str | None:
    address = terms.used.get(article.id)
    return None if address is None else f"Sent in {address}."


def _withdrawn(article: Article, terms: Terms) -> str | None:
    if article.withdrawn_at is None:
        return None
    return f"Withdrawn {moment_in_words(article.withdrawn_at, terms.zone)}."


def _after_cut_off(article: Article, terms: Terms) -> str | None:
    if article.first_seen_at <= terms.cut_off_at:
        return None
    seen = moment_in_words(article.first_seen_at, terms.zone)
    return f"First seen {seen}, after the cut-off {_cut_off(terms)}."


def _not_yet_published(article: Article, terms: Terms) -> str | None:
    published_at = article.story.published_at
    if published_at is None or published_at <= terms.cut_off_at:
        return None
    moment = moment_in_words(published_at, terms.zone)
    return f"Dated {moment}, after the cut-off {_cut_off(terms)}."


def _undated_backlog(article: Article, terms: Terms) -> str | None:
    if not article.backlog or article.story.published_at is not None:
        return None
    seen = moment_in_words(article.first_seen_at, terms.zone)
    return f"It has no date and came with the source's first import, {seen}."


def _too_old(article: Article, terms: Terms) -> str | None:
    if terms.cut_off_at - article.dated_at <= terms.max_age:
        return None
    which = "Published" if article.story.published_at else "First seen"
    day = day_in_words(article.dated_at, terms.zone)
    return f"{which} {day}, older than {age_in_words(terms.max_age)}."


def _before_epoch(article: Article, terms: Terms) -> str | None:
    # Only a first import is judged by its dates: what comes later is news to us when we see it.
    reference = article.dated_at if article.backlog else article.first_seen_at
    if reference > terms.epoch_at:
        return None
    which = "Published" if article.backlog else "First seen"
    epoch = moment_in_words(terms.epoch_at, terms.zone)
    return f"{which} {moment_in_words(reference, terms.zone)}; the newsletter began {epoch}."


def _cut_off(terms: Terms) -> str:
    return moment_in_words(terms.cut_off_at, terms.zone)


_RULES: tuple[tuple[Verdict, Callable[[Article, Terms], str | None]], ...] = (
    (Verdict.ALREADY_USED, _used),
    (Verdict.WITHDRAWN, _withdrawn),
    (Verdict.AFTER_CUT_OFF, _after_cut_off),
    (Verdict.NOT_YET_PUBLISHED, _not_yet_published),
    (Verdict.UNDATED_BACKLOG, _undated_backlog),
    (Verdict.TOO_OLD, _too_old),
    (Verdict.BEFORE_EPOCH, _before_epoch),
)
"""The first that speaks against a story gives its reason: what was done before what is dated."""
