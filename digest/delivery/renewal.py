"""What a sender's limits ask of the database a few times a second, in one short transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf

from digest.clock import Clock
from digest.db import Connection
from digest.delivery import bucket_store, domain_store
from digest.delivery.bucket_store import Bucket
from digest.delivery.limit_rules import LimitRules, group_key, group_of_key
from digest.delivery.pace import (
    AHEAD,
    Pace,
    Reservation,
    farthest,
    given_back,
    halved,
    recovered,
    reserve,
)

LONGEST_REST = timedelta(hours=1)
"""A server may ask for any wait: the copy waits as long, its whole group no longer than this."""

_READINGS = 5
_QUICK = 0.01


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted of one pace: `want` slots more, or to give back those from `back` on.

    `until` is where the last slots that we reserved end, by the database's clock.
    """

    pace: Pace
    want: int
    until: float
    back: float | None = None


@dataclass(frozen=True, slots=True)
class Complaint:
    """A server said "too fast", and the database does not know yet.

    `rests_until` is a moment of our monotonic clock, `seen` how many messages a second left before;
    one that only makes a rest longer halves nothing.
    """

    rests_until: float
    halves: bool
    seen: float


@dataclass(frozen=True, slots=True)
class DayAsk:
    """What is wanted of a day's allowance: `want` more; `back` come back; `owed` left uncounted."""

    key: str
    allowed: int
    want: int
    back: int = 0
    owed: int = 0


@dataclass(frozen=True, slots=True)
class Wishes:
    """All that one renewal is for."""

    asks: Mapping[str, Ask] = field(default_factory=dict)
    complaints: Mapping[str, Complaint] = field(default_factory=dict)
    day: DayAsk | None = None
    senders: int = 1


@dataclass(frozen=True, slots=True)
class Slowed:
    """A group that servers complained about; moments are those of the database's clock.

    `rested_at` is when its last rest ends or ended; `rests_until` is -inf when that is past.
    """

    pace: Pace
    rests_until: float
    rested_at: float


@dataclass(frozen=True, slots=True)
class Renewed:
    """What came of it at the moment `at` of our monotonic clock.

    `offset` is that clock minus the database's.
    """

    at: float
    offset: float
    granted: Mapping[str, Reservation]
    slowed: Mapping[str, Slowed]
    lent: int = 0


def renew(
    connection: Connection,
    wishes: Wishes,
    rules: LimitRules,
    *,
    clock: Clock,
    seconds: Callable[[], float],
    now: datetime,
) -> Renewed:
    """Do what is wished for: tell of complaints, reserve slots, borrow of the day, give back."""
    days = {wishes.day.key} if wishes.day else set()
    keys = {*wishes.asks, *(group_key(group) for group in wishes.complaints), *days}
    rows = bucket_store.lock(connection, keys) if keys else {}
    at, offset = _clocks(connection, clock, seconds)
    work = _Renewal(rules, rows, at, offset)
    for group, complaint in wishes.complaints.items():
        rest = work.hear(group, complaint, wishes.senders)
        domain_store.slow(connection, group, now + timedelta(seconds=rest))
    granted = {key: work.grant(key, ask) for key, ask in wishes.asks.items()}
    lent = work.lend(wishes.day) if wishes.day else 0
    bucket_store.save(connection, (row for key, row in work.rows.items() if row != rows[key]))
    return Renewed(at + work.offset, work.offset, granted, _slowed(connection, work, rules), lent)


def _clocks(
    connection: Connection, clock: Clock, seconds: Callable[[], float]
) -> tuple[float, float]:
    """Read the database's clock, and how far ours is ahead of it: at once, or it is done again.

    What lies between the two readings is an error of the slots' times, for all senders together.
    """
    for _ in range(_READINGS):
        before = seconds()
        at = bucket_store.seconds_now(connection, clock)
        after = seconds()
        if after - before < _QUICK:
            break
    return at, (before + after) / 2 - at


def slowed_now(connection: Connection, rules: LimitRules, at: float) -> dict[str, Slowed]:
    """Give the groups that are slowed or rest at a moment, for people who ask."""
    work = _Renewal(rules, {}, at, 0.0)
    rows = bucket_store.slowed(connection)
    return {group_of_key(row.key): slow for row in rows if (slow := work.slowed(row))}


class _Renewal:
    """One renewal: the locked rows as they change, and the moment by the database's clock."""

    def __init__(
        self, rules: LimitRules, rows: Mapping[str, Bucket], at: float, offset: float
    ) -> None:
        self.rows = dict(rows)
        self.offset = offset
        self._rules = rules
        self.at = at

    def hear(self, group: str, complaint: Complaint, senders: int) -> float:
        """Let a group's row rest and be slower; give for how many seconds it rests."""
        row = self.rows[group_key(group)]
        rest = max(0.0, complaint.rests_until - self.offset - self.at)
        base = self._rules.pace_of(group).per_second
        factor, rests_until = self._factor(row), self._rests_until(row)
        if complaint.halves and rests_until <= self.at:
            factor = halved(factor, base=base, seen=complaint.seen * senders)
        rested_at = max(rests_until, self.at + rest)
        next_at = max(rested_at, min(row.next_at, self.at + self._longest_ahead(row)))
        self.rows[row.key] = replace(row, next_at=next_at, slowed=factor, rested_at=rested_at)
        return rest

    def grant(self, key: str, ask: Ask) -> Reservation:
        """Reserve what is asked for, or take back what is given back."""
        row = self.rows[key]
        if self._factor(row) >= 1 and group_of_key(key) in self._rules.groups:
            row = replace(row, slowed=1.0, rested_at=None)
        if ask.back is not None:
            next_at = given_back(row.next_at, ours_end=ask.until, unused_from=ask.back)
            given = Reservation(next_at, 0, next_at)
        else:
            given = reserve(
                self.pace(row) or ask.pace,
                row.next_at,
                self.at,
                want=ask.want,
                alone=row.next_at == ask.until,
                rests_until=self._rests_until(row),
            )
        self.rows[key] = replace(row, next_at=given.next_at)
        return given

    def lend(self, ask: DayAsk) -> int:
        """Count messages of a day before they are sent: those wanted, or as many as are left."""
        row = self.rows[ask.key]
        used = max(0, row.used - ask.back) + ask.owed
        lent = max(0, min(ask.want, ask.allowed - used))
        self.rows[ask.key] = replace(row, used=used + lent)
        return lent

    def pace(self, row: Bucket) -> Pace | None:
        """Give the pace of a group's row as it is now; None when the row is no group's."""
        group = group_of_key(row.key)
        return self._rules.pace_of(group).slowed(self._factor(row)) if group else None

    def slowed(self, row: Bucket) -> Slowed | None:
        """Give how a group's row is slowed; None when it has recovered."""
        pace = self.pace(row)
        if pace is None or self._factor(row) >= 1:
            return None
        return Slowed(pace, self._rests_until(row), row.rested_at or 0.0)

    def _factor(self, row: Bucket) -> float:
        return 1.0 if row.rested_at is None else recovered(row.slowed, row.rested_at, self.at)

    def _rests_until(self, row: Bucket) -> float:
        """Give when a rest ends; -inf when there is none.

        A row that was used after its rest cannot be in it, nor does any rest last so long: then the
        clock was set back.
        """
        if row.rested_at is None or row.rested_at <= self.at:
            return -inf
        used_since = row.next_at > row.rested_at + self._longest_ahead(row)
        too_long = row.rested_at > self.at + LONGEST_REST.total_seconds() + AHEAD
        return -inf if used_since or too_long else row.rested_at

    def _longest_ahead(self, row: Bucket) -> float:
        """Give how far ahead of the clock a group's slots may have been given away."""
        pace = self._rules.pace_of(group_of_key(row.key)).slowed(row.slowed)
        return farthest(pace)


def _slowed(connection: Connection, work: _Renewal, rules: LimitRules) -> dict[str, Slowed]:
    """Give the groups that are slowed; the rows of those that have recovered are not needed."""
    rows = bucket_store.slowed(connection)
    found = {group_of_key(row.key): slow for row in rows if (slow := work.slowed(row))}
    over = [row.key for row in rows if group_of_key(row.key) not in found]
    over = [key for key in over if group_of_key(key) not in rules.groups]
    if over:
        bucket_store.forget(connection, over)
    return found
