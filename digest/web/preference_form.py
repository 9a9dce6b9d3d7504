"""Pure. The form on a reader's own page: what it asks, and what they wish for by it.

Whatever comes back is checked against what is offered; what cannot be met is told at its field,
and every other answer stays as it was given.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from digest.composition.dates import day_words, hour_words, local_date
from digest.composition.language import Language, nearest
from digest.composition.names import Held, apart
from digest.editions.model import Newsletter
from digest.web.forms import Fields, first
from digest.web.own import pause_end, sibling
from digest.web.words import listed, offer
from digest.web.zones import Region, Zone, is_zone, regions, spelt, zone_names, zone_words
from subscribers.manner import Manner
from subscribers.model import TEXT, ConsentKind, Subscription
from subscribers.preferences import Preferences
from subscribers.topics import Topics
from subscribers.wishes import Problem, Way, Wish, Wishes, pause_days, paused

HTML: Final = "html"
_PAUSE: Final = timedelta(weeks=4)
"""The pause that stands there until another day is chosen."""
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FEWEST_TOPICS = 2
"""With fewer there is nothing to choose."""

Problems = dict[str, str]
"""What is wrong, by the field it is told at."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that the form depends on beside the reader."""

    newsletters: tuple[Newsletter, ...]
    topics: Mapping[int, Topics]
    tongues: tuple[str, ...]
    now: datetime
    language: Language


@dataclass(frozen=True, slots=True)
class Box:
    """One thing to tick or choose: its value, its words, and whether it is chosen."""

    value: str
    words: str
    chosen: bool
    more: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """The part of the form about one newsletter they get."""

    newsletter: Newsletter
    name: str
    offer: str
    way: str
    twin: Newsletter | None
    twin_offer: str
    paused_until: str
    """When the pause in force ends; "" for none in force, or one without an end."""
    is_paused: bool
    day_words: str
    day: str
    earliest: str
    latest: str
    topics: tuple[Box, ...]

    @property
    def slug(self) -> str:
        """The name of its fields."""
        return self.newsletter.slug


@dataclass(frozen=True, slots=True)
class Form:
    """The whole form, as it is shown."""

    letters: tuple[Letter, ...]
    more: tuple[Box, ...]
    hours: tuple[Box, ...]
    zone: str
    regions: tuple[Region, ...]
    tongue: str
    """The language chosen; "" is each newsletter's own."""
    text_only: bool
    problems: Problems = field(default_factory=dict)


class Asked:
    """The form of one reader, to be shown and read."""

    def __init__(self, found: Preferences, around: Surroundings) -> None:
        """Take the reader as they are known now, and what is offered to them."""
        self.found = found
        self.around = around
        mine = [each for each in around.newsletters if found.gets(each.id)]
        self.gets = sorted(mine, key=lambda each: each.id != found.newsletter_id)
        self.more = [each for each in around.newsletters if each.spec.offered and each not in mine]
        hours = {hour for each in self.gets for hour in each.spec.hours}
        self.hours = sorted(hour.hour * 60 + hour.minute for hour in hours)

    def form(self, fields: Fields | None = None, problems: Problems | None = None) -> Form:
        """Give the form as the reader is known, or as they filled it in."""
        typed = fields or {}
        manner = self.found.manner
        also = typed.get("also", [])
        hour = "" if manner.hour is None else str(manner.hour)
        text = typed.get("format", [TEXT if manner.text_only else HTML])[0] == TEXT
        return Form(
            letters=tuple(self._letter(each, typed) for each in self.gets),
            more=tuple(
                Box(each.slug, each.spec.name, each.slug in also, self._offer(each))
                for each in self.more
            ),
            hours=tuple(self._hours(typed.get("hour", [hour])[0])),
            zone=typed.get("zone", [self._zone])[0],
            regions=self._regions(),
            tongue=typed.get("language", [self._tongue])[0],
            text_only=text,
            problems=problems or {},
        )

    def read(self, fields: Fields) -> tuple[Wishes, Problems]:
        """Give what is wished for, and what of it cannot be met."""
        problems: Problems = {}
        wishes = Wishes(
            letters=tuple(self._wish(each, fields, problems) for each in self.gets),
            more=self._wanted(fields, problems),
            topics=self.around.topics,
        )
        told = self._manner(fields, problems)
        said = self.say("Save how your letters come")
        if not told:
            return wishes, problems
        manner = _changing(told)
        return replace(wishes, manner=manner, manner_said=said), problems

    def refused(self, problem: Problem, newsletter_id: int) -> Problems:
        """Say what the verb refused, at its field."""
        named = (each.slug for each in self.around.newsletters if each.id == newsletter_id)
        slug = next(named, "")
        got = any(each.id == newsletter_id for each in self.gets)
        if problem is Problem.TOPIC:
            return {f"topic-{slug}": self.say("Choose among the topics that are offered.")}
        if problem is Problem.DAY:
            return {f"until-{slug}": self._no_day()}
        if problem is Problem.NEVER and not got:
            return {"also": self._never()}
        if problem is Problem.NEVER:
            return {f"way-{slug}": self._never()}
        return {f"way-{slug}": self.say("Two newsletters cannot take each other's place.")}

    # What is shown

    def _letter(self, newsletter: Newsletter, typed: Fields) -> Letter:
        slug, zone, language = newsletter.slug, newsletter.spec.cadence.zone, self._language
        standing, now = self.found.gets(newsletter.id), self.around.now
        assert standing is not None  # noqa: S101 - `gets` holds no other
        is_paused = paused(standing, now)
        twin = self._twin(newsletter)
        usual = local_date(now, zone) + _PAUSE
        until = standing.paused_until if is_paused else None
        day = local_date(until, zone) if until else usual
        earliest, latest = pause_days(now, zone)
        way = Way.PAUSED if is_paused else Way.PUBLISHED
        return Letter(
            newsletter=newsletter,
            name=newsletter.spec.name,
            offer=self._offer(newsletter),
            way=typed.get(f"way-{slug}", [way])[0],
            twin=twin,
            twin_offer="" if twin is None else self._offer(twin),
            paused_until=pause_end(newsletter, standing, language) if is_paused else "",
            is_paused=is_paused,
            day_words=day_words(usual, language.tag),
            day=typed.get(f"until-{slug}", [_day_value(standing, day, is_paused=is_paused)])[0],
            earliest=earliest.isoformat(),
            latest=latest.isoformat(),
            topics=self._topics(newsletter, standing, typed),
        )

    def _topics(
        self, newsletter: Newsletter, standing: Subscription, typed: Fields
    ) -> tuple[Box, ...]:
        sections = newsletter.spec.sections
        if len(sections) < _FEWEST_TOPICS:
            return ()
        chosen = self.around.topics[newsletter.id].ticked(standing.topic_mask)
        if newsletter.slug in typed.get("topics", ()):
            chosen = tuple(typed.get(f"topic-{newsletter.slug}", ()))
        return tuple(Box(each.key, each.title, each.key in chosen) for each in sections)

    def _hours(self, chosen: str) -> list[Box]:
        """Give the hours on offer; one that the reader has from before stays among them."""
        if not self.hours:
            return []
        mine = self.found.manner.hour
        hours = sorted({*self.hours, *([] if mine is None else [mine])})
        as_sent = Box("", self.say("At its usual hour"), not chosen)
        midnight = datetime(2026, 1, 1)  # noqa: DTZ001 - only its clock is read
        return [
            as_sent,
            *(
                Box(
                    str(each),
                    hour_words(midnight + timedelta(minutes=each), self._language.tag),
                    str(each) == chosen,
                )
                for each in hours
            ),
        ]

    def _regions(self) -> tuple[Region, ...]:
        if not self.hours:
            return ()
        offered = regions(self._language, self.around.now)
        if self._zone and self._zone not in zone_names():
            words = zone_words(self._zone, self._language, self.around.now)
            return (Region("", (Zone(self._zone, words),)), *offered)
        return offered

    def _offer(self, newsletter: Newsletter) -> str:
        return offer(newsletter.spec, self._language)

    @property
    def _language(self) -> Language:
        return self.around.language

    @property
    def _tongue(self) -> str:
        """The language their letters come in, as the form names it; "" is each one's own."""
        return nearest(self.found.manner.language, self.around.tongues) or ""

    @property
    def _zone(self) -> str:
        """Their zone, as the form names it; "" is the newsletter's."""
        name = spelt(self.found.manner.zone)
        return name if name and is_zone(name) else ""

    # What is read

    def _wish(self, newsletter: Newsletter, fields: Fields, problems: Problems) -> Wish:
        slug, zone = newsletter.slug, newsletter.spec.cadence.zone
        way = self._way(newsletter, fields, problems)
        twin = self._twin(newsletter)
        topics = self._chosen(newsletter, fields, problems)
        until = None
        if way is Way.PAUSED:
            until = self._until(newsletter, first(fields, f"until-{slug}"), problems)
        return Wish(
            newsletter.id,
            way,
            topics=topics,
            until=until,
            zone=zone,
            twin_id=twin.id if twin is not None and way is Way.TWIN else None,
            said=self._said(newsletter, twin, topics, until),
        )

    def _said(
        self,
        newsletter: Newsletter,
        twin: Newsletter | None,
        topics: tuple[str, ...] | None,
        until: date | None,
    ) -> dict[ConsentKind, str]:
        """Give the words that each change is asked for with, as the log keeps them."""
        titles = [each.title for each in newsletter.spec.sections if each.key in (topics or ())]
        names = listed(titles, self._language)
        said = {
            ConsentKind.TOPICS: self.say("Save topics: %(names)s", names=names)
            if names
            else self.say("Save topics: everything"),
            ConsentKind.RESUMED: self.say("As published"),
        }
        if until is not None:
            day = day_words(until, self._language.tag)
            said[ConsentKind.PAUSED] = self.say("Nothing until %(day)s.", day=day)
        if twin is not None:
            switch = self.say("%(newsletter)s instead", newsletter=self._name(twin))
            said |= {ConsentKind.MOVED: switch, ConsentKind.CONFIRMED: switch}
        return said

    def _way(self, newsletter: Newsletter, fields: Fields, problems: Problems) -> Way | None:
        name = f"way-{newsletter.slug}"
        said = set(fields.get(name, ()))
        if not said:
            return None
        offered = {Way.PUBLISHED.value, Way.PAUSED.value}
        if self._twin(newsletter) is not None:
            offered.add(Way.TWIN.value)
        if len(said) > 1 or not said <= offered:
            problems[name] = self.say("Choose one of these.")
            return None
        return Way(said.pop())

    def _chosen(
        self, newsletter: Newsletter, fields: Fields, problems: Problems
    ) -> tuple[str, ...] | None:
        if newsletter.slug not in fields.get("topics", ()):
            return None
        name = f"topic-{newsletter.slug}"
        keys = tuple(dict.fromkeys(fields.get(name, ())))
        if len(self.around.topics[newsletter.id].known(keys)) != len(keys):
            problems |= self.refused(Problem.TOPIC, newsletter.id)
            return None
        return keys

    def _until(self, newsletter: Newsletter, typed: str, problems: Problems) -> date | None:
        standing = self.found.gets(newsletter.id)
        endless = standing is not None and standing.paused_until is None
        if not typed and endless and standing and paused(standing, self.around.now):
            return None
        day = read_day(typed)
        if day is None:
            problems[f"until-{newsletter.slug}"] = self._no_day()
        return day

    def _wanted(self, fields: Fields, problems: Problems) -> dict[int, str]:
        slugs = {each.slug: each for each in (*self.more, *self.gets)}
        wanted = dict.fromkeys(fields.get("also", ()))
        if any(slug not in slugs for slug in wanted):
            problems["also"] = self.say("Choose among the newsletters that are offered.")
        chosen = [slugs[slug] for slug in wanted if slug in slugs]
        return {
            each.id: self.say("Also send me: %(newsletter)s", newsletter=self._name(each))
            for each in chosen
            if each in self.more
        }

    def _manner(self, fields: Fields, problems: Problems) -> dict[str, Any]:
        """Give what is to change of how letters come; what is as it was shown is left alone."""
        told: dict[str, Any] = {}
        manner = self.found.manner
        hour = "" if manner.hour is None else str(manner.hour)
        zones = {*zone_names(), self._zone, ""}
        offered: list[tuple[str, str, set[str]]] = [
            ("hour", hour, {*map(str, self.hours), hour, ""}),
            ("zone", self._zone, zones),
            ("language", self._tongue, {*self.around.tongues, ""}),
            ("format", TEXT if manner.text_only else HTML, {TEXT, HTML}),
        ]
        for name, shown, values in offered:
            said = set(fields.get(name, ()))
            if not said or said == {shown}:
                continue
            if len(said) > 1 or not said <= values:
                problems[name] = self.say("Choose one of these.")
                continue
            told |= _manner_of(name, said.pop())
        return told

    def _twin(self, newsletter: Newsletter) -> Newsletter | None:
        """Find the other edition they may have instead; not one that they have besides."""
        twin = sibling(newsletter, self.around.newsletters, self.found)
        return None if twin is None or self.found.gets(twin.id) else twin

    def _name(self, newsletter: Newsletter) -> Held:
        """Name a newsletter within a sentence."""
        return apart(newsletter.spec.name, self._language)

    def _no_day(self) -> str:
        return self.say("Choose a day from tomorrow on, at most a year from today.")

    def _never(self) -> str:
        return self.say("We may not send this to your address. Write to us about it.")

    def say(self, words: str, /, **values: object) -> str:
        """Say words of ours in the language of the page."""
        return self._language.say(words, **values)


def read_day(typed: str) -> date | None:
    """Read a day as browsers write it: `2026-01-16`; None for anything else."""
    if not _DAY.fullmatch(typed):
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None


def _day_value(standing: Subscription, day: date, *, is_paused: bool) -> str:
    """Give the day that stands in the field; none for a pause without an end."""
    return "" if is_paused and standing.paused_until is None else day.isoformat()


def _manner_of(name: str, value: str) -> dict[str, Any]:
    if name == "format":
        return {"text_only": value == TEXT}
    if name == "hour":
        return {"hour": int(value) if value else None}
    return {name: value or None}


def _changing(told: Mapping[str, Any]) -> Any:
    def changed(before: Manner) -> Manner:
        return replace(before, **told)

    return changed
