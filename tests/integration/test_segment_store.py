from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from hypothesis import example, given

from digest.db import Database
from subscribers.segment_store import condition, condition_of
from subscribers.segments import (
    Ago,
    Audience,
    Compared,
    Every,
    Field,
    Has,
    Not,
    Rule,
    Segment,
    Some,
    When,
)
from subscribers.store import audience, audience_reach, subscriber, subscriber_tag, subscription
from tests.integration.newsletters import DAILY, WEEKLY, make_newsletters
from tests.unit.subscribers.segment_builders import rules

NOW = datetime(2026, 1, 9, 3, tzinfo=UTC)
ZONE = "America/Tortola"
IDS = {"daily": DAILY, "weekly": WEEKLY}
BITS = {DAILY: {"sport": 0, "town": 62}, WEEKLY: {"sport": 5, "culture": 1}}
DAY = timedelta(days=1)
STATES = ("confirmed", "paused", "unconfirmed", "unsubscribed")
UNTIL = (None, NOW - DAY, NOW, NOW + DAY)


@dataclass(frozen=True)
class Stands:
    """A standing as the tests know it."""

    state: str
    until: datetime | None
    mask: int
    confirmed_at: datetime | None

    @property
    def now(self) -> str:
        if self.state not in {"confirmed", "paused"}:
            return self.state
        if self.until is None:
            return self.state
        return "paused" if self.until > NOW else "confirmed"


@dataclass(frozen=True)
class Person:
    """A reader as the tests know them."""

    id: int
    address: str
    language: str | None
    zone: str | None
    format: str | None
    active_at: datetime | None
    tags: frozenset[str]
    standings: dict[int, Stands] = field(default_factory=dict)


def _people(count: int) -> list[Person]:
    """Make readers whose properties go round at lengths that share no factor."""
    return [
        Person(
            id=n,
            address=f"r{n}@{('reader', 'other')[n % 2]}.example",
            language=(None, "de", "de-AT", "DE_ch", "en-GB", "den", "pt-BR")[n % 7],
            zone=(None, "Europe/London", "Europe/Berlin", "Asia/Tokyo", "EuropeX/Y")[n % 5],
            format=(None, "html", "text")[n % 3],
            active_at=None if n % 11 == 0 else NOW - timedelta(hours=7 * (n % 41)),
            tags=frozenset(tag for k, tag in ((2, "member"), (3, "and")) if n % (k * 2) < k),
            standings={
                newsletter: _stands(n + newsletter)
                for newsletter in (DAILY, WEEKLY)
                if (n + 3 * newsletter) % 8
            },
        )
        for n in range(1, count + 1)
    ]


def _stands(n: int) -> Stands:
    confirmed = None if n % 6 == 0 else NOW - timedelta(hours=11 * (n % 37))
    return Stands(STATES[n % 13 % 4], UNTIL[n % 5 % 4], (0, 1, 2, 1 << 62, 33)[n % 5], confirmed)


def _write(database: Database, people: list[Person]) -> None:
    with database.write() as connection:
        connection.execute(
            sa.insert(subscriber),
            [
                {
                    "id": each.id,
                    "public_id": f"p{each.id}",
                    "address": each.address,
                    "address_key": each.address,
                    "address_hmac": f"h{each.id}",
                    "language": each.language,
                    "zone": each.zone,
                    "format": each.format,
                    "active_at": each.active_at,
                    "created_at": NOW,
                }
                for each in people
            ],
        )
        connection.execute(
            sa.insert(subscription),
            [
                {
                    "subscriber_id": each.id,
                    "newsletter_id": newsletter,
                    "state": one.state,
                    "paused_until": one.until,
                    "topic_mask": one.mask,
                    "confirmed_at": one.confirmed_at,
                }
                for each in people
                for newsletter, one in each.standings.items()
            ],
        )
        tags = [{"subscriber_id": each.id, "tag": tag} for each in people for tag in each.tags]
        connection.execute(sa.insert(subscriber_tag), tags)


class Judge:
    """Evaluates a rule over one reader, without any SQL: the meaning a second time."""

    def __init__(self, person: Person, newsletter_id: int | None) -> None:
        self.person, self.newsletter_id = person, newsletter_id

    def holds(self, rule: Rule) -> bool:
        match rule:
            case Not(of):
                return not self.holds(of)
            case Every(of):
                return all(self.holds(each) for each in of)
            case Some(of):
                return any(self.holds(each) for each in of)
            case When():
                return self._when(rule)
            case Has(asked, values):
                return any(self._has(asked, value) for value in values)

    def _when(self, rule: When) -> bool:
        moment = self.person.active_at if rule.field is Field.ACTIVE else self._joined_at()
        if moment is None:
            return False
        local = moment.astimezone(ZoneInfo(ZONE)).date()
        day = rule.day
        if isinstance(day, Ago):
            day = NOW.astimezone(ZoneInfo(ZONE)).date() - timedelta(days=day.days)
        return {
            Compared.BEFORE: local < day,
            Compared.UNTIL: local <= day,
            Compared.AFTER: local > day,
            Compared.SINCE: local >= day,
            Compared.ON: local == day,
        }[rule.compared]

    def _mine(self, newsletter_id: int | None) -> list[Stands]:
        standings = self.person.standings
        if newsletter_id is None:
            return list(standings.values())
        return [standings[newsletter_id]] if newsletter_id in standings else []

    def _joined_at(self) -> datetime | None:
        found = [each.confirmed_at for each in self._mine(self.newsletter_id)]
        return min((each for each in found if each is not None), default=None)

    def _has(self, asked: Field, value: str) -> bool:  # noqa: PLR0911 - one answer a field
        person = self.person
        slug, _, rest = value.rpartition("/")
        match asked:
            case Field.NEWSLETTER:
                return self._gets(IDS[value])
            case Field.STATE:
                which = IDS[slug] if slug else self.newsletter_id
                return any(each.now == rest for each in self._mine(which))
            case Field.TOPIC:
                return any(self._wants(each, rest) for each in self._about(slug, rest))
            case Field.LANGUAGE:
                tag = (person.language or "").replace("_", "-").lower()
                return tag == value or tag.startswith(f"{value}-")
            case Field.ZONE:
                zone = person.zone or ""
                return zone.startswith(value[:-1]) if value.endswith("/*") else zone == value
            case Field.TAG:
                return value in person.tags
            case Field.FORMAT:
                return (person.format == "text") == (value == "text")
            case Field.DOMAIN:
                return person.address.endswith(f"@{value}")
            case Field.ADDRESS:
                return person.address == value
        raise AssertionError(asked)

    def _about(self, slug: str, key: str) -> list[int]:
        if slug:
            return [IDS[slug]]
        having = [each for each, bits in BITS.items() if key in bits]
        return [self.newsletter_id] if self.newsletter_id in having else having

    def _gets(self, newsletter_id: int) -> bool:
        return any(each.state in {"confirmed", "paused"} for each in self._mine(newsletter_id))

    def _wants(self, newsletter_id: int, key: str) -> bool:
        if not self._gets(newsletter_id):
            return False
        mask, bit = self.person.standings[newsletter_id].mask, BITS[newsletter_id].get(key)
        return bit is not None and (mask == 0 or bool(mask & (1 << bit)))


def _found(database: Database, rule: Rule, newsletter_id: int | None) -> list[int]:
    asked = condition(
        Segment(rule),
        now=NOW,
        zone=ZONE,
        newsletter_ids=IDS,
        topic_bits=BITS,
        newsletter_id=newsletter_id,
    )
    with database.read() as connection:
        return list(
            connection.scalars(sa.select(subscriber.c.id).where(asked).order_by(subscriber.c.id))
        )


def test_sql_and_an_independent_reading_find_the_same_readers(database: Database) -> None:
    make_newsletters(database)
    people = _people(120)
    _write(database, people)

    @given(rules())
    @example(Has(Field.TOPIC, ("town",)))
    @example(Has(Field.ZONE, ("Europe/*",)))
    @example(Not(When(Field.ACTIVE, Compared.AFTER, Ago(3))))
    @example(When(Field.JOINED, Compared.ON, Ago(0)))
    def check(rule: Rule) -> None:
        for newsletter_id in (None, DAILY):
            expected = [each.id for each in people if Judge(each, newsletter_id).holds(rule)]
            assert _found(database, rule, newsletter_id) == expected

    check()


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Has(Field.NEWSLETTER, ("gone",)), []),
        (Has(Field.STATE, ("gone/paused",)), []),
        (Has(Field.TOPIC, ("gone/sport",)), []),
        (Has(Field.TOPIC, ("nowhere",)), []),
        (Not(Has(Field.TOPIC, ("daily/culture",))), [1, 2, 3]),
    ],
)
def test_what_is_not_there_any_more_is_nobody(
    database: Database, rule: Rule, expected: list[int]
) -> None:
    make_newsletters(database)
    _write(database, _people(3))
    assert _found(database, rule, None) == expected


def test_an_audience_knows_the_names_of_its_database(database: Database) -> None:
    make_newsletters(database)
    people = _people(60)
    _write(database, people)
    rule = Every((Has(Field.NEWSLETTER, ("weekly",)), Has(Field.FORMAT, ("text",))))
    meant = Audience(Segment(rule), ZONE)
    with database.read() as connection:
        assert condition_of(connection, None, now=NOW) is None
        among = condition_of(connection, meant, newsletter_id=DAILY, now=NOW)
        found = [
            row.subscriber_id for row in connection.execute(audience(DAILY, now=NOW, among=among))
        ]
        everybody = [row.subscriber_id for row in connection.execute(audience(DAILY, now=NOW))]
        some = [
            row.subscriber_id
            for row in connection.execute(
                audience(DAILY, now=NOW, after=everybody[3], upto=everybody[8])
            )
        ]
    wanted = {each.id for each in people if Judge(each, DAILY).holds(rule)}
    assert found == [each for each in everybody if each in wanted]
    assert 0 < len(found) < len(everybody)
    assert some == everybody[4:9]


def test_how_far_a_look_reaches_is_counted_in_those_who_may_be_mailed(database: Database) -> None:
    make_newsletters(database)
    _write(database, _people(60))
    with database.read() as connection:
        reach = audience_reach(connection, DAILY, after=0, count=5)
        assert reach is not None
        within = (
            sa.select(sa.func.count())
            .select_from(subscription)
            .where(
                subscription.c.newsletter_id == DAILY,
                subscription.c.state.in_(["confirmed", "paused"]),
                subscription.c.subscriber_id <= reach,
            )
        )
        assert 5 <= connection.execute(within).scalar_one() <= 10
        assert audience_reach(connection, DAILY, after=60, count=1) is None
        assert audience_reach(connection, DAILY, after=0, count=61) is None
