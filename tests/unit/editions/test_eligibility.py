from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.editions.eligibility import Terms, judge
from digest.editions.model import Verdict
from digest.sources.model import Article
from tests.unit.editions.editions_builders import CUT_OFF, EPOCH, article, utc

A_MOMENT = timedelta(microseconds=1)
MAX_AGE = timedelta(hours=48)


def _terms(**used: str) -> Terms:
    return Terms(
        cut_off_at=CUT_OFF,
        max_age=MAX_AGE,
        epoch_at=EPOCH,
        zone="Europe/London",
        used={int(key[1:]): address for key, address in used.items()},
    )


@pytest.mark.parametrize(
    ("story", "verdict", "reason"),
    [
        (
            article(published=utc("2026-01-09 05:10")),
            Verdict.SELECTED,
            "Published 9 Jan 2026 at 05:10.",
        ),
        (
            article(seen=utc("2026-01-09 05:20")),
            Verdict.SELECTED,
            "First seen 9 Jan 2026 at 05:20.",
        ),
        (
            article(withdrawn=utc("2026-01-09 06:00")),
            Verdict.WITHDRAWN,
            "Withdrawn 9 Jan 2026 at 06:00.",
        ),
        (
            article(seen=utc("2026-01-09 06:41")),
            Verdict.AFTER_CUT_OFF,
            "First seen 9 Jan 2026 at 06:41, after the cut-off 9 Jan 2026 at 06:30.",
        ),
        (
            article(published=utc("2026-01-10 08:00")),
            Verdict.NOT_YET_PUBLISHED,
            "Dated 10 Jan 2026 at 08:00, after the cut-off 9 Jan 2026 at 06:30.",
        ),
        (
            article(backlog=True, seen=utc("2026-01-09 05:20")),
            Verdict.UNDATED_BACKLOG,
            "It has no date and came with the source's first import, 9 Jan 2026 at 05:20.",
        ),
        (
            article(published=utc("2021-10-05 08:55")),
            Verdict.TOO_OLD,
            "Published 5 Oct 2021, older than 48 hours.",
        ),
        (
            article(seen=utc("2026-01-06 08:55")),
            Verdict.TOO_OLD,
            "First seen 6 Jan 2026, older than 48 hours.",
        ),
        (
            article(seen=EPOCH, published=utc("2026-01-08 12:00")),
            Verdict.BEFORE_EPOCH,
            "First seen 1 Jan 2026 at 06:30; the newsletter began 1 Jan 2026 at 06:30.",
        ),
    ],
)
def test_each_verdict_says_the_fact_behind_it(
    story: Article, verdict: Verdict, reason: str
) -> None:
    assert judge(story, _terms()) == (verdict, reason)


def test_what_was_sent_says_where_even_when_it_is_withdrawn_or_old_now() -> None:
    gone = article(7, withdrawn=CUT_OFF, published=utc("2021-10-05 08:55"))
    terms = _terms(n7="daily/2026-01-08")
    assert judge(gone, terms) == (Verdict.ALREADY_USED, "Sent in daily/2026-01-08.")


@pytest.mark.parametrize(
    ("inside", "outside"),
    [
        (article(seen=CUT_OFF), article(seen=CUT_OFF + A_MOMENT)),
        (article(published=CUT_OFF), article(published=CUT_OFF + A_MOMENT)),
        (
            article(published=CUT_OFF - MAX_AGE),
            article(published=CUT_OFF - MAX_AGE - A_MOMENT),
        ),
        (article(seen=CUT_OFF - MAX_AGE), article(seen=CUT_OFF - MAX_AGE - A_MOMENT)),
        (
            article(seen=EPOCH + A_MOMENT, published=CUT_OFF),
            article(seen=EPOCH, published=CUT_OFF),
        ),
    ],
)
def test_each_limit_belongs_to_one_side(inside: Article, outside: Article) -> None:
    assert judge(inside, _terms())[0] is Verdict.SELECTED
    assert judge(outside, _terms())[0] is not Verdict.SELECTED


def test_a_first_import_is_judged_by_its_dates_alone() -> None:
    began_today = Terms(
        cut_off_at=CUT_OFF,
        max_age=MAX_AGE,
        epoch_at=utc("2026-01-08 06:30"),
        zone="Europe/London",
        used={},
    )
    new = article(backlog=True, published=utc("2026-01-08 06:31"), seen=utc("2026-01-09 06:00"))
    old = article(backlog=True, published=utc("2026-01-08 06:30"), seen=utc("2026-01-09 06:00"))
    assert judge(new, began_today)[0] is Verdict.SELECTED
    assert judge(old, began_today) == (
        Verdict.BEFORE_EPOCH,
        "Published 8 Jan 2026 at 06:30; the newsletter began 8 Jan 2026 at 06:30.",
    )


def test_a_withdrawn_story_says_why_when_that_is_known() -> None:
    gone = article(1, withdrawn=CUT_OFF)
    told = replace(gone, withdrawn_why="its page answers 410")
    assert [judge(each, _terms())[1] for each in (gone, told)] == [
        "Withdrawn 9 Jan 2026 at 06:30.",
        "Withdrawn 9 Jan 2026 at 06:30: its page answers 410.",
    ]
