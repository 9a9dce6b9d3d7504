"""Three weeks of a small paper's site, hour by hour, as a server that a collector can poll.

Every story knows what must become of it: the audit in `test_living_site` holds the database
against that, and against nothing that the product's own code says.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from email.utils import format_datetime
from html import escape
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/London")
FIRST, LAST = date(2026, 3, 16), date(2026, 4, 5)
"""A Monday and a Sunday; the clocks go forward on 29 March."""
OLD_HOST, NEW_HOST, WIRE_HOST = "harbour.example", "harbourpost.example", "wire.example"
MOVED_AT = datetime(2026, 3, 30, 12, 0, tzinfo=ZONE)
DOWN_FROM = datetime(2026, 3, 25, 0, 0, tzinfo=ZONE)
DOWN_UNTIL = datetime(2026, 3, 27, 0, 0, tzinfo=ZONE)
"""The wire's feed answers 503 in these two days."""
_IN_FEED = 40
_VERBS = ("mends", "paints", "finds", "sells", "opens", "counts", "moves", "saves")
_NOUNS = ("lantern", "sluice", "gate", "chapel", "orchard", "loft", "pier", "meadow", "kiln")


@dataclass(frozen=True, slots=True)
class Version:
    """What a story says from a moment on."""

    since: datetime
    headline: str
    body: str


@dataclass
class Story:
    """One story of the site: when it shows, what it says, and what must become of it."""

    key: str
    kind: str
    appears_at: datetime
    dated: datetime | None
    versions: list[Version]
    expected: str = "used"
    """`used`, `folded` (under its twin), or the verdict that must refuse it."""
    wire: bool = False
    also_on_wire: bool = False
    gone_at: datetime | None = None
    redated: bool = False
    """The site's program writes today's date into it every day."""
    new_guids: bool = False
    """The site's program gives it a new guid every day."""

    def at(self, now: datetime) -> Version:
        return [version for version in self.versions if version.since <= now][-1]

    def shows(self, now: datetime) -> bool:
        return self.appears_at <= now and (self.gone_at is None or now < self.gone_at)


@dataclass
class LivingSite:
    """All its stories, and its clock, which the test sets."""

    stories: list[Story]
    port: int = 0
    now: datetime = field(default_factory=lambda: local(FIRST, 0))

    @property
    def host(self) -> str:
        return NEW_HOST if self.now >= MOVED_AT else OLD_HOST

    def answer(self, host: str, path: str) -> tuple[int, str, str]:
        """Give status, content type and body for a request."""
        if path == "/feed":
            if host == WIRE_HOST and DOWN_FROM <= self.now < DOWN_UNTIL:
                return 503, "text/plain", "back soon"
            return 200, "application/rss+xml", self._feed(wire=host == WIRE_HOST)
        story = next((s for s in self.stories if path == f"/n/{s.key}"), None)
        if story is None or self.now < story.appears_at:
            return 404, "text/html", "<h1>No such page</h1>"
        if not story.shows(self.now):
            return 410, "text/html", "<h1>Gone</h1>"
        return 200, "text/html", _page(story.at(self.now))

    def _feed(self, *, wire: bool) -> str:
        mine = (s for s in self.stories if s.shows(self.now))
        shown = [s for s in mine if (s.wire or s.also_on_wire if wire else not s.wire)]
        newest = sorted(shown, key=lambda s: s.appears_at, reverse=True)[:_IN_FEED]
        items = "".join(self._item(s, wire=wire) for s in newest)
        return (
            f'<rss version="2.0"><channel><title>{"Wire" if wire else "Post"}</title>'
            f"<link>http://{self.host}/</link><description>News</description>{items}"
            "</channel></rss>"
        )

    def _item(self, story: Story, *, wire: bool) -> str:
        host = WIRE_HOST if story.wire else self.host
        said = story.at(self.now)
        dated = self.now.replace(hour=0, minute=1) if story.redated else story.dated
        guid = f"http://{host}/?p={story.key}"
        if story.new_guids:
            guid += f"-{self.now:%Y%m%d}"
        if wire:
            guid = f"wire-{story.key}"
        date_line = f"<pubDate>{format_datetime(dated)}</pubDate>" if dated else ""
        return (
            f"<item><title>{escape(said.headline)}</title>"
            f"<link>http://{host}:{self.port}/n/{story.key}</link>"
            f'<guid isPermaLink="false">{guid}</guid>{date_line}'
            f"<description>{escape(said.body)}</description></item>"
        )


def local(day: date, hour: int, minute: int = 0) -> datetime:
    """Give an hour of the site's own clock."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=ZONE)


def days() -> Iterator[date]:
    """Give the days of the three weeks."""
    for n in range((LAST - FIRST).days + 1):
        yield FIRST + timedelta(n)


def three_weeks(seed: int = 1) -> LivingSite:
    """Make the site: everyday stories, and each thing that goes wrong with feeds, repeatedly."""
    writer = _Writer(random.Random(seed))  # noqa: S311 - the same stories every time
    stories = [story for day in days() for story in writer.everyday(day)]
    for day in (date(2026, 3, 17), date(2026, 3, 26), date(2026, 3, 31)):
        stories += writer.troubles(day)
    stories += writer.wire_while_down()
    stories += writer.festival(date(2026, 3, 19))
    return LivingSite(stories)


class _Writer:
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._count = 0
        self._names = iter(_names(chance))

    def everyday(self, day: date) -> list[Story]:
        count = 3 if day.weekday() < 5 else 1
        hours = sorted(self._chance.sample(range(5, 22), count))
        return [self.story("everyday", local(day, hour, 7)) for hour in hours]

    def troubles(self, day: date) -> list[Story]:
        """Write one story of each kind; all show on this day, a weekday's morning."""
        nine = local(day, 9)
        late = self.story("late", nine)
        late.dated = nine - timedelta(hours=30)
        too_old = self.story("too old", nine, expected="too old")
        too_old.dated = nine - timedelta(days=6)
        undated = self.story("undated", nine)
        undated.dated = None
        redated = self.story("redated", nine)
        redated.redated = True
        guids = self.story("new guids", nine)
        guids.new_guids = True
        ahead = self.story("dated ahead", nine)
        ahead.dated = nine + timedelta(days=1, hours=12)
        both = self.story("in both feeds", nine)
        both.also_on_wire = True
        return [
            *(late, too_old, undated, redated, guids, ahead, both),
            *(self.changed(nine, hours=5), self.changed(nine, hours=26)),
            self.withdrawn(nine),
            *self.twins(nine),
        ]

    def changed(self, at: datetime, *, hours: int) -> Story:
        """Write one whose words change, before it is mailed or after."""
        story = self.story("changed before" if hours < 12 else "changed after", at)
        first = story.versions[0]
        again = Version(
            at + timedelta(hours=hours), f"{first.headline} at last", "Now we know why."
        )
        story.versions.append(again)
        return story

    def withdrawn(self, at: datetime) -> Story:
        story = self.story("withdrawn", at, expected="withdrawn")
        story.gone_at = at + timedelta(hours=4)
        return story

    def twins(self, at: datetime) -> list[Story]:
        """Write the same story twice: the wire's, and our own in other words an hour later."""
        wire = self.story("twin of the wire", at, expected="folded")
        wire.wire = True
        ours = self.story("twin", at + timedelta(hours=1))
        headline = f"{wire.versions[0].headline} again, says mayor"
        ours.versions = [Version(ours.appears_at, headline, "Our own words.")]
        return [wire, ours]

    def wire_while_down(self) -> list[Story]:
        """Write what the wire publishes in the two days in which nobody can read its feed."""
        hours = (3, 15, 27, 39)
        stories = [self.story("while down", DOWN_FROM + timedelta(hours=n)) for n in hours]
        for story in stories:
            story.wire = True
        return stories

    def festival(self, day: date) -> list[Story]:
        """Write more in a day than an edition holds: the rest must come the day after."""
        return [self.story("festival", local(day, 10, n)) for n in range(30)]

    def story(self, kind: str, at: datetime, *, expected: str = "used") -> Story:
        self._count += 1
        first, second, third = (next(self._names) for _ in range(3))
        verb, noun = self._chance.choice(_VERBS), self._chance.choice(_NOUNS)
        said = Version(at, f"{first} {second} {verb} {third} {noun}", f"{first} did it himself.")
        return Story(f"{self._count:03}", kind, at, at, [said], expected)


def _names(chance: random.Random) -> list[str]:
    """Make names that no two stories share: nothing may look like a twin by chance."""
    heads = ("Ba", "Co", "Dre", "Fi", "Gra", "Hu", "Jo", "Ka", "Lu", "Me", "No", "Pe", "Ra", "So")
    middles = ("lan", "mor", "nis", "pel", "rik", "sten", "tam", "vel", "wen", "zor", "dim", "gol")
    tails = ("a", "by", "det", "fin", "gue", "ham", "ik", "lo", "mond", "nor", "os", "puk")
    names = [head + middle + tail for head in heads for middle in middles for tail in tails]
    chance.shuffle(names)
    return names


def _page(said: Version) -> str:
    text = "".join(f"<p>{said.body} This is paragraph {n} of the story.</p>" for n in range(4))
    return (
        f'<!doctype html><html lang="en"><head><title>{escape(said.headline)}</title>'
        f'<meta property="og:type" content="article"></head>'
        f"<body><article><h1>{escape(said.headline)}</h1>{text}</article></body></html>"
    )
