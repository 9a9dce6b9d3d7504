"""A simulated year: four newsletters in many zones, outages, and two schedulers on one database.

What is real: settings, database, slots, `next_run_at`, catching up, choosing stories, notices, and
in one zone drafting, releasing and planning as well. What is not: the clock; that the editions of
the other zones count as sent without having been composed; and that nobody reads.
"""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from digest.app import App, open_app
from digest.config import load
from digest.db import Database
from digest.editions import store as editions
from digest.editions.model import EditionState, Newsletter
from digest.outbox.store import notice
from digest.workflow.advance import advance
from digest.workflow.due import take_due
from digest.workflow.model import Step
from tests.builders import WORKDAYS, Watch, a_newsletter, write_settings
from tests.integration.editions_room import keep
from tests.unit.editions.editions_builders import article

ZONES = (
    *("Pacific/Apia", "Pacific/Kiritimati", "Pacific/Chatham", "Pacific/Auckland"),
    *("Australia/Lord_Howe", "Australia/Sydney", "Australia/Adelaide", "Australia/Eucla"),
    *("Asia/Tokyo", "Asia/Shanghai", "Asia/Kathmandu", "Asia/Kolkata", "Asia/Kabul"),
    *("Asia/Tehran", "Asia/Gaza", "Asia/Amman", "Asia/Damascus", "Africa/Cairo"),
    *("Africa/Casablanca", "Africa/Windhoek", "Africa/Nairobi", "Africa/Lagos"),
    *("Europe/Moscow", "Europe/Istanbul", "Europe/Berlin", "Europe/London", "Europe/Dublin"),
    *("Atlantic/Azores", "America/Nuuk", "America/St_Johns", "America/Sao_Paulo"),
    *("America/Santiago", "America/Caracas", "America/New_York", "America/Havana"),
    *("America/Mexico_City", "America/Los_Angeles", "Pacific/Easter", "Pacific/Marquesas"),
    "Antarctica/Troll",
)
"""Forty: with half hours and quarters, changes of the clock by one hour, by two and by half of one,
at midnight and at two, one that abolished them that year, and one that left a date out."""

ENDS = datetime(2012, 3, 2, tzinfo=UTC)
"""The year before had no 30 December in Samoa, and a leap day at its end."""

HOLIDAYS = (date(2011, 12, 24), date(2011, 12, 26))
_QUIET = (date(2011, 8, 1), date(2011, 8, 9))
"""Days without a story: what would come then is skipped."""

_EDGE = timedelta(days=1)
_STORIES_A_DAY = 4
_TICK_SECONDS = 5.0
_SKEW_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When one of the four kinds comes; `on` and `cut_off` say it again, for the check."""

    name: str
    cut_off: time
    on: Callable[[date], bool]
    settings: dict[str, Any]


def _is_last_of_month(day: date) -> bool:
    return (day + timedelta(days=1)).month != day.month


RHYTHMS = (
    Rhythm(
        "daily",
        time(2, 30),
        lambda _day: True,
        {"days": [*WORKDAYS, "sat", "sun"], "cut_off": "02:30", "send_at": "07:00"},
    ),
    Rhythm(
        "weekday",
        time(6, 30),
        lambda day: day.weekday() < 5,
        {
            "days": WORKDAYS,
            "cut_off": "06:30",
            "send_at": "07:00",
            "not_on": [f"{HOLIDAYS[0]}..{HOLIDAYS[1]}"],
        },
    ),
    Rhythm(
        "weekly",
        time(0, 15),
        lambda day: day.weekday() == 6,
        {"days": ["sun"], "cut_off": "00:15", "send_at": "08:00"},
    ),
    Rhythm(
        "monthly",
        time(7),
        _is_last_of_month,
        {"monthly": ["31"], "cut_off": "07:00", "send_at": "07:30"},
    ),
)
_AGES = {"daily": "36h", "weekday": "36h", "weekly": "4d", "monthly": "10d"}
_POLICIES: tuple[dict[str, str], ...] = (
    {"catch_up": "latest"},
    {"catch_up": "all"},
    {"catch_up": "all", "catch_up_within": "2d"},
    {"catch_up": "latest", "catch_up_within": "6h"},
    {"catch_up": "all", "expires_after": "20h"},
)


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which no scheduler runs."""

    begins: datetime
    ends: datetime


@dataclass
class Year:
    """The simulated span, what happened in it, and the tools of the two schedulers."""

    zones: Sequence[str]
    begins: datetime
    ends: datetime
    schedulers: tuple[App, App]
    watches: tuple[Watch, Watch]
    dice: random.Random
    whole: str
    """The zone whose editions, but the daily ones, are drafted, released and planned, too."""
    outages: tuple[Span, ...] = ()
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[Step] = field(default_factory=list)

    @property
    def database(self) -> Database:
        """The one database of both, as the first sees it."""
        return self.schedulers[0].database

    @contextlib.contextmanager
    def closing(self) -> Iterator[None]:
        """Close both at the end."""
        try:
            yield
        finally:
            for each in self.schedulers:
                each.close()

    def asks_for(self, day: date) -> bool:
        """Tell whether a date lies well within: its slots must all be there, in any zone."""
        return self.begins.date() + _EDGE < day < self.ends.date() - _EDGE

    def live(self) -> None:
        """Go from wake-up to wake-up, as the database promises them, to the end."""
        now = self.begins
        while (wake_up := self._next_wake_up()) is not None and wake_up < self.ends:
            if self.failures:  # what failed stays due: there is no way on
                return
            now = max(now, wake_up) + timedelta(seconds=self.dice.uniform(0, _TICK_SECONDS))
            now = max(now, self._back_at(now))
            self._look(now)
            if self.dice.random() < 0.01:
                self._look_in_the_past(now)

    def is_away(self, at: datetime) -> bool:
        """Tell whether no scheduler could see this moment when it came."""
        tick = timedelta(seconds=_TICK_SECONDS)
        return any(outage.begins - tick <= at < outage.ends for outage in self.outages)

    def _next_wake_up(self) -> datetime | None:
        """Give what the database promises, or when the next edition is to be sent."""
        promised = sa.select(sa.func.min(editions.newsletter.c.next_run_at))
        waiting = editions.edition.c.state == EditionState.APPROVED.value
        sent = sa.select(sa.func.min(editions.edition.c.send_at)).where(waiting)
        with self.database.read() as connection:
            moments = [connection.scalar(promised), connection.scalar(sent)]
        return min((at for at in moments if at is not None), default=None)

    def _back_at(self, now: datetime) -> datetime:
        for outage in self.outages:
            if outage.begins <= now < outage.ends:
                self.counts["outages met"] += 1
                return outage.ends
        return now

    def _look(self, now: datetime) -> None:
        """Let one scheduler work, or both at once: each has a clock of its own."""
        due = self._due(now)
        for watch in self.watches:
            watch.at = now + timedelta(seconds=self.dice.uniform(0, _SKEW_SECONDS))
        both = self.dice.random() < 0.05
        self.counts["looks of both at once" if both else "looks of one"] += 1
        if not both:
            self._work(self.dice.randrange(2), due)
            return
        orders = [self.dice.sample(due, len(due)) for _ in self.schedulers]
        together = threading.Barrier(len(orders))

        def work(number: int) -> None:
            together.wait(timeout=30)
            self._work(number, orders[number])

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(orders))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _look_in_the_past(self, now: datetime) -> None:
        """Set the clock back, look at some newsletters, and find nothing to do."""
        for watch in self.watches:
            watch.at = now - timedelta(hours=self.dice.uniform(1, 30))
        some = self.dice.sample(self.schedulers[0].newsroom.newsletters, k=3)
        number = self.dice.randrange(2)
        self.counts["looks with the clock set back"] += 1
        for newsletter in some:
            newsroom = self.schedulers[number].newsroom
            self._note(take_due(newsroom, newsletter, self.watches[number].at), "set back: ")

    def _due(self, now: datetime) -> list[Newsletter]:
        query = sa.select(editions.newsletter.c.id).where(editions.newsletter.c.next_run_at <= now)
        with self.database.read() as connection:
            ids = set(connection.scalars(query))
        return [each for each in self.schedulers[0].newsroom.newsletters if each.id in ids]

    def _work(self, number: int, due: Sequence[Newsletter]) -> None:
        """Do what a tick does: all of it in the one zone, the slots in the others."""
        newsroom = self.schedulers[number].newsroom
        whole = tuple(filter(self._is_whole, newsroom.newsletters))
        if len(due) == 0 or any(map(self._is_whole, due)):
            self._note(advance(replace(newsroom, newsletters=whole)))
        rest = [n for n in due if not self._is_whole(n)]
        for newsletter in rest:
            self._note(take_due(newsroom, newsletter, newsroom.clock()))
        self._count_as_sent(number, [n.id for n in rest])

    def _is_whole(self, newsletter: Newsletter) -> bool:
        daily = newsletter.slug.startswith("daily")  # as many as all the others together
        return newsletter.spec.cadence.zone == self.whole and not daily

    def _count_as_sent(self, number: int, newsletters: Sequence[int]) -> None:
        table = editions.edition.c
        mine = table.newsletter_id.in_(newsletters) & (table.state == EditionState.DRAFT.value)
        values = {"state": EditionState.SENT.value, "finished_at": self.watches[number].at}
        with self.schedulers[number].database.write() as connection:
            connection.execute(sa.update(editions.edition).where(mine).values(values))

    def _note(self, steps: Sequence[Step], prefix: str = "") -> None:
        for step in steps:
            self.counts[f"{prefix}{step.what}"] += 1
        self.failures += [step for step in steps if step.what == "failed"]


def open_year(
    folder: Path,
    database: str,
    *,
    zones: Sequence[str],
    begins: datetime,
    ends: datetime,
    seed: int,
    whole: str = "",
    outages: tuple[Span, ...] | None = None,
) -> Year:
    """Open both schedulers and lay out the year's stories and outages."""
    dice = random.Random(seed)  # noqa: S311 - a simulation that can be told again
    newsletters = {
        f"{rhythm.name}-{number}": _newsletter(rhythm, zone, number)
        for number, zone in enumerate(zones)
        for rhythm in RHYTHMS
    }
    path = write_settings(folder, database=database, newsletters=newsletters)
    watches = (Watch(begins), Watch(begins))
    first, second = (open_app(load(path), clock=watch) for watch in watches)
    keep(first.database, *_stories(begins, ends))
    away = tuple(_outages(dice, begins, ends)) if outages is None else outages
    return Year(zones, begins, ends, (first, second), watches, dice, whole, away)


def _newsletter(rhythm: Rhythm, zone: str, number: int) -> dict[str, Any]:
    return a_newsletter(
        name=f"{rhythm.name} {zone}",
        timezone=zone,
        release="auto",
        stories={"min": 3, "top": 0, "max": 4, "max_age": _AGES[rhythm.name]},
        **{"days": [], **rhythm.settings, **_POLICIES[number % len(_POLICIES)]},
    )


def _stories(begins: datetime, ends: datetime) -> Iterator[Any]:
    number = 0
    for day in range((ends - begins).days + 3):
        for n in range(_STORIES_A_DAY):
            at = begins + timedelta(days=day - 2, hours=3 + 5 * n, minutes=day % 60)
            if not _QUIET[0] <= at.date() <= _QUIET[1]:
                number += 1
                yield article(number, seen=at, published=at, categories=("Local",))


def _outages(dice: random.Random, begins: datetime, ends: datetime) -> Iterator[Span]:
    """Lay out a short one most weeks, a long one most months, and two weeks asleep."""
    days = (ends - begins).days
    lengths = [timedelta(minutes=dice.uniform(1, 240)) for _ in range(days // 9)]
    lengths += [timedelta(hours=dice.uniform(6, 40)) for _ in range(days // 40)]
    lengths += [timedelta(days=dice.uniform(5, 9)) for _ in range(days // 180)]
    spans = []
    for length in lengths:
        begin = begins + timedelta(days=dice.uniform(1, days - 12))
        spans.append(Span(begin, begin + length))
    yield from sorted(spans, key=lambda span: span.ends, reverse=True)


# What there is, and what there must be by rules of its own


@dataclass(frozen=True, slots=True)
class Taken:
    """One slot as the database has it, and the edition that it has."""

    slug: str
    day: date
    cut_off_at: datetime
    state: str
    reason: str
    editions: int
    number: int | None
    prepared_at: datetime | None


def slots_taken(database: Database) -> list[Taken]:
    """Give all slots, by their cut-offs."""
    slot, edition = editions.slot.c, editions.edition.c
    mine = (edition.newsletter_id == slot.newsletter_id) & (edition.local_date == slot.local_date)
    query = (
        sa.select(
            editions.newsletter.c.slug,
            slot.local_date,
            slot.cut_off_at,
            slot.state,
            slot.reason,
            sa.func.count(edition.id),
            sa.func.max(edition.number),
            sa.func.max(edition.prepared_at),
        )
        .join_from(editions.slot, editions.newsletter)
        .outerjoin(editions.edition, mine & (edition.slot_name == slot.name))
        .group_by(editions.newsletter.c.slug, *editions.slot.c)
        .order_by(slot.cut_off_at)
    )
    with database.read() as connection:
        return [Taken(*row) for row in connection.execute(query)]


def told_of(database: Database) -> frozenset[str]:
    """Give the addresses of all slots that the editors were told were missed or skipped."""
    told: set[str] = set()
    with database.read() as connection:
        for facts in connection.scalars(sa.select(notice.c.facts)):
            if facts.get("event") in {"missed", "skipped"}:
                told |= {facts["edition"], *(address for _, address in facts["rows"])}
    return frozenset(told)


def dates_of(zone: str, begins: datetime, ends: datetime) -> list[date]:
    """Give the local dates that a zone's clocks show, by looking at them once an hour."""
    there = ZoneInfo(zone)
    hours = range(int((ends - begins).total_seconds() // 3600))
    shown = {(begins + timedelta(hours=hour)).astimezone(there).date() for hour in hours}
    return sorted(shown)


def is_at(zone: str, day: date, wall: time, at: datetime) -> bool:
    """Tell whether a moment is that hour of that date, the first time the clock shows it."""
    there = ZoneInfo(zone)
    if _shows(at, there) != (day, wall):
        return False
    return all(_shows(at - timedelta(minutes=back), there) != (day, wall) for back in (30, 60, 120))


def is_end_of_gap(zone: str, day: date, wall: time, at: datetime) -> bool:
    """Tell whether the clock never shows that hour on that date, and jumps over it right here."""
    there = ZoneInfo(zone)
    before = (at - timedelta(minutes=1)).astimezone(there).replace(tzinfo=None)
    after = at.astimezone(there).replace(tzinfo=None)
    return before < datetime.combine(day, wall) < after


def _shows(at: datetime, zone: ZoneInfo) -> tuple[date, time]:
    local = at.astimezone(zone)
    return local.date(), local.time().replace(tzinfo=None)
