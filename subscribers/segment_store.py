"""Door to the tables of readers for segments: an expression becomes a condition of a query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import UtcDateTime
from subscribers.model import TEXT, SubscriptionState
from subscribers.segments import (
    Audience,
    Compared,
    Every,
    Field,
    Has,
    Not,
    Rule,
    Segment,
    When,
    day_starts,
    parts_of,
)
from subscribers.store import state_now, subscriber, subscriber_tag, subscription

_newsletter = sa.table("newsletter", sa.column("id", sa.BigInteger), sa.column("slug", sa.String))
_topic = sa.table(
    "topic",
    sa.column("newsletter_id", sa.BigInteger),
    sa.column("key", sa.String),
    sa.column("bit", sa.Integer),
)
"""Only the names of the columns: this room lies below the one that owns the tables."""

_JOINED = (SubscriptionState.CONFIRMED, SubscriptionState.PAUSED)


def condition(
    segment: Segment,
    *,
    now: datetime,
    zone: str,
    newsletter_ids: Mapping[str, int],
    topic_bits: Mapping[int, Mapping[str, int]],
    newsletter_id: int | None = None,
) -> sa.ColumnElement[bool]:
    """Give the condition that a row of `subscriber` is in a segment: true or false, never NULL.

    `newsletter_id` is the newsletter in question, if there is one: `joined` and a bare `state` are
    about it, and so is a bare `topic` that it has. Days are those of `zone`. Every value is bound.
    """
    meant = _Meant(now, zone, newsletter_ids, topic_bits, newsletter_id)
    return meant.condition(segment.rule)


def condition_of(
    connection: Connection,
    audience: Audience | None,
    *,
    newsletter_id: int | None = None,
    now: datetime,
) -> sa.ColumnElement[bool] | None:
    """Give the condition of an audience with the names that this database knows; None for none."""
    if audience is None:
        return None
    bits: dict[int, dict[str, int]] = {}
    for row in connection.execute(sa.select(_topic)):
        bits.setdefault(row.newsletter_id, {})[row.key] = row.bit
    known = connection.execute(sa.select(_newsletter.c.slug, _newsletter.c.id))
    return condition(
        audience.segment,
        now=now,
        zone=audience.zone,
        newsletter_ids={row.slug: row.id for row in known},
        topic_bits=bits,
        newsletter_id=newsletter_id,
    )


class _Meant:
    """What the words of a segment mean here and now."""

    def __init__(
        self,
        now: datetime,
        zone: str,
        newsletter_ids: Mapping[str, int],
        topic_bits: Mapping[int, Mapping[str, int]],
        newsletter_id: int | None,
    ) -> None:
        self.now, self.zone = now, zone
        self.newsletter_ids, self.topic_bits = newsletter_ids, topic_bits
        self.newsletter_id = newsletter_id
        self.standing = subscription.alias()

    def condition(self, rule: Rule) -> sa.ColumnElement[bool]:
        if isinstance(rule, Not):
            return sa.not_(self.condition(rule.of))
        if isinstance(rule, When):
            return self._when(rule)
        if isinstance(rule, Has):
            return sa.or_(sa.false(), *(_ASKED[rule.field](self, each) for each in rule.values))
        parts = [self.condition(each) for each in rule.of]
        return sa.and_(*parts) if isinstance(rule, Every) else sa.or_(*parts)

    def _when(self, rule: When) -> sa.ColumnElement[bool]:
        moment = subscriber.c.active_at if rule.field is Field.ACTIVE else self._joined_at()
        first, after = (
            sa.literal(each, UtcDateTime)
            for each in day_starts(rule.day, now=self.now, zone=self.zone)
        )
        compared = {
            Compared.BEFORE: moment < first,
            Compared.UNTIL: moment < after,
            Compared.AFTER: moment >= after,
            Compared.SINCE: moment >= first,
            Compared.ON: sa.and_(moment >= first, moment < after),
        }
        return sa.and_(moment.is_not(None), compared[rule.compared])

    def _joined_at(self) -> sa.ScalarSelect[datetime]:
        first = sa.select(sa.func.min(self.standing.c.confirmed_at, type_=UtcDateTime))
        return first.where(self._mine(self.newsletter_id)).correlate(subscriber).scalar_subquery()

    def _mine(self, newsletter_id: int | None) -> sa.ColumnElement[bool]:
        mine = self.standing.c.subscriber_id == subscriber.c.id
        if newsletter_id is None:
            return mine
        return sa.and_(mine, self.standing.c.newsletter_id == newsletter_id)

    def _stands(
        self, newsletter_id: int | None, *such: sa.ColumnElement[bool]
    ) -> sa.ColumnElement[bool]:
        return sa.exists().where(self._mine(newsletter_id), *such).correlate(subscriber)

    def newsletter(self, slug: str) -> sa.ColumnElement[bool]:
        if slug not in self.newsletter_ids:
            return sa.false()
        return self._stands(self.newsletter_ids[slug], self.standing.c.state.in_(_JOINED))

    def state(self, value: str) -> sa.ColumnElement[bool]:
        slug, state = parts_of(value)
        if slug is not None and slug not in self.newsletter_ids:
            return sa.false()
        which = self.newsletter_id if slug is None else self.newsletter_ids[slug]
        return self._stands(which, state_now(self.standing, self.now) == state)

    def topic(self, value: str) -> sa.ColumnElement[bool]:
        slug, key = parts_of(value)
        if slug is None:
            having = [each for each, bits in self.topic_bits.items() if key in bits]
            if self.newsletter_id in having:
                having = [self.newsletter_id]
        else:
            having = [self.newsletter_ids[slug]] if slug in self.newsletter_ids else []
        return sa.or_(sa.false(), *(self._wants(each, key) for each in having))

    def _wants(self, newsletter_id: int, key: str) -> sa.ColumnElement[bool]:
        bit = self.topic_bits.get(newsletter_id, {}).get(key)
        if bit is None:
            return sa.false()
        mask = self.standing.c.topic_mask
        wanted = sa.or_(mask == 0, mask.bitwise_and(sa.literal(1 << bit, sa.BigInteger)) != 0)
        return self._stands(newsletter_id, self.standing.c.state.in_(_JOINED), wanted)

    def language(self, tag: str) -> sa.ColumnElement[bool]:
        spoken = sa.func.lower(sa.func.replace(_text(subscriber.c.language), "_", "-"))
        return sa.or_(spoken == tag, _begins(spoken, f"{tag}-"))

    def zone_(self, name: str) -> sa.ColumnElement[bool]:
        zone = _text(subscriber.c.zone)
        return _begins(zone, name[:-1]) if name.endswith("/*") else zone == name

    def tag(self, tag: str) -> sa.ColumnElement[bool]:
        mine = (subscriber_tag.c.subscriber_id == subscriber.c.id) & (subscriber_tag.c.tag == tag)
        return sa.exists().where(mine).correlate(subscriber)

    def format(self, shape: str) -> sa.ColumnElement[bool]:
        text = _text(subscriber.c.format) == TEXT
        return text if shape == TEXT else sa.not_(text)

    def domain(self, domain: str) -> sa.ColumnElement[bool]:
        end = f"@{domain}"
        key = subscriber.c.address_key
        return sa.func.substr(key, sa.func.length(key) - (len(end) - 1)) == end

    def address(self, key: str) -> sa.ColumnElement[bool]:
        return subscriber.c.address_key == key


_ASKED: Mapping[Field, Callable[[_Meant, str], sa.ColumnElement[bool]]] = {
    Field.NEWSLETTER: _Meant.newsletter,
    Field.TOPIC: _Meant.topic,
    Field.LANGUAGE: _Meant.language,
    Field.ZONE: _Meant.zone_,
    Field.TAG: _Meant.tag,
    Field.STATE: _Meant.state,
    Field.FORMAT: _Meant.format,
    Field.DOMAIN: _Meant.domain,
    Field.ADDRESS: _Meant.address,
}


def _text(column: sa.ColumnElement[str | None]) -> sa.ColumnElement[str]:
    return sa.func.coalesce(column, "")


def _begins(text: sa.ColumnElement[str], beginning: str) -> sa.ColumnElement[bool]:
    """Compare without LIKE: the two databases do not agree on the case of letters there."""
    return sa.func.substr(text, 1, len(beginning)) == beginning
