"""Builders of newsletters, slots and articles, with values that make a good edition."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from digest.editions.cadence import slots_on
from digest.editions.model import (
    Cadence,
    DayRange,
    Newsletter,
    NewsletterSpec,
    Release,
    ReleaseMode,
    Section,
    Slot,
    SlotHours,
    StoryPolicy,
    Window,
)
from digest.sources.model import Article, DateOrigin, FoundStory

FRIDAY = date(2026, 1, 9)
CUT_OFF = datetime(2026, 1, 9, 6, 30, tzinfo=UTC)
LAST_CUT_OFF = datetime(2026, 1, 8, 6, 30, tzinfo=UTC)
EPOCH = datetime(2026, 1, 1, 6, 30, tzinfo=UTC)
WINDOW = Window(after=LAST_CUT_OFF, until=CUT_OFF)
EVERY_DAY = frozenset(range(7))
WORKDAYS = frozenset(range(5))

TOWN = Section("town", "Town", categories=("Local", "Council"), paths=("/town/",))
SPORT = Section("sport", "Sport", categories=("Sport", "Sailing"))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def cadence(
    zone: str = "Europe/London",
    *,
    days: frozenset[int] = WORKDAYS,
    cut_off: time = time(6, 30),
    send_at: time = time(7),
    not_on: tuple[DayRange, ...] = (),
) -> Cadence:
    return Cadence(zone, (SlotHours(send_at, cut_off),), days, not_on=not_on)


def slot_on(of: Cadence, day: date) -> Slot | None:
    """Give the only slot of a date, or None."""
    slots = slots_on(of, day)
    assert len(slots) <= 1
    return slots[0] if slots else None


def spec(
    slug: str = "daily",
    *,
    when: Cadence | None = None,
    stories: StoryPolicy | None = None,
    sections: tuple[Section, ...] = (TOWN, SPORT),
) -> NewsletterSpec:
    return NewsletterSpec(
        slug=slug,
        name=f"The {slug}",
        template="daily",
        cadence=when or cadence(),
        stories=stories or StoryPolicy(),
        release=Release(ReleaseMode.APPROVE),
        sections=sections,
    )


def newsletter(
    *,
    stories: StoryPolicy | None = None,
    sections: tuple[Section, ...] = (TOWN, SPORT),
    epoch_at: datetime = EPOCH,
) -> Newsletter:
    return Newsletter(id=1, spec=spec(stories=stories, sections=sections), epoch_at=epoch_at)


def article(
    number: int = 1,
    *,
    headline: str | None = None,
    seen: datetime | None = None,
    published: datetime | None = None,
    standfirst: str = "What happened.",
    body: str = "",
    url: str | None = "",
    categories: Sequence[str] = (),
    backlog: bool = False,
    withdrawn: datetime | None = None,
) -> Article:
    story = FoundStory(
        headline=headline if headline is not None else f"Story number {number}",
        url=f"https://post.example/{number}" if url == "" else url,
        standfirst=standfirst,
        body_text=body,
        categories=tuple(categories),
        published_at=published,
        published_from=DateOrigin.FEED if published else None,
    )
    return Article(
        id=number,
        source="site",
        story=story,
        first_seen_at=seen or CUT_OFF - timedelta(hours=1, minutes=number),
        backlog=backlog,
        withdrawn_at=withdrawn,
    )


def headline_only(number: int, headline: str | None = None) -> Article:
    bare = article(number, headline=headline, url=None, standfirst="")
    return replace(bare, story=replace(bare.story, body_text=""))
