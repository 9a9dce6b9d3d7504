"""Door to all limits of one sender, which it shares with other senders through the database.

Between two calls of `renew` nothing is read or written: `may_send` and `take` cost about a
microsecond. `renew` reserves what the sender needs for the next second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf

from digest.clock import Clock
from digest.db import Connection
from digest.delivery import bucket_store, renewal
from digest.delivery.limit_rules import (
    LimitRules,
    pace_words,
    rest_words,
    rules_of,
    shut_now,
    shut_words,
    shuts_at,
    slowed_words,
    used_up_words,
)
from digest.delivery.pace import WANTED_FOR, Pace, Share
from digest.delivery.renewal import LONGEST_REST, Ask, Complaint, DayAsk, Renewed, Wishes
from digest.delivery.tally import Tally
from digest.delivery.warmup import DayShare

__all__ = ["LimitRules", "Limits", "Pace", "holding", "rules_of"]

_LOOK_AT_HOURS = 60.0
"""Seconds after which the wall clock is read again, which somebody may have set."""
_LOOK_AT_OTHERS = 1.0
"""Seconds after which a sender hears what servers told the others."""
_SENDS_FOR = 60.0
_REST = timedelta(seconds=10)


@dataclass(slots=True, eq=False)
class _Group:
    """What is special about a group; most have nothing and no entry."""

    share: Share | None = None
    most: float = inf
    rests_until: float = -inf
    rested_at: float = -inf
    """When its last rest ends, by the database's clock: changes with each complaint."""


class Limits:
    """All limits of one sender process.

    `may_send`, `take`, `begin`, `end` and `slow_down` are called in the event loop, `renew` and
    `give_back` in a thread. `now` of the former is a moment of `seconds`, a monotonic clock.
    """

    def __init__(
        self,
        rules: LimitRules,
        *,
        clock: Clock,
        wall: Clock | None = None,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing reserved: nothing that has a pace leaves before the first `renew`.

        `clock` tells the hours and days; `wall` is the machine's, which goes on where a newsroom's
        stands still: a pace is kept by that.
        """
        self._rules = rules
        self._clock = clock
        self._wall = wall or clock
        self._seconds = seconds
        self._lock = threading.Lock()
        self._overall = Share(rules.overall) if rules.overall else None
        self._ways = {name: Share(pace) for name, pace in rules.ways.items()}
        self._groups = {name: self._own(name) for name in {*rules.groups, *rules.connections}}
        self._day = DayShare() if rules.warm_up else None
        self._may_be_closed = bool(rules.window or rules.warm_up)
        self._opens: datetime | None = None
        self._look_at = -inf
        self._air: dict[str, int] = {}
        self._complaints: dict[str, Complaint] = {}
        self._tally = Tally()
        self._others_at = -inf

    # In the event loop

    def may_send(self, way: str, group: str, now: float, *, notice: bool = False) -> float:
        """Tell how many seconds to wait before a message may leave; 0.0 for now.

        inf means: not before the next `renew`, or, with as many on their way as a group may have,
        not before one ends. The hours of delivery and a day that is used up do not hold a `notice`,
        which somebody waits for.
        """
        with self._lock:
            if self._may_be_closed and not notice:
                wait = self._closed(now)
                if wait:
                    return wait
            state = self._groups.get(group)
            if state is None:
                return _paced(now, self._overall, self._ways.get(way), None)
            if state.rests_until > now:
                return state.rests_until - now
            if self._air.get(group, 0) >= state.most:
                return inf
            return _paced(now, self._overall, self._ways.get(way), state.share)

    def take(self, way: str, group: str, now: float) -> None:
        """Count one message against all its limits."""
        with self._lock:
            if self._overall is not None:
                self._overall.take(now)
            share = self._ways.get(way)
            if share is not None:
                share.take(now)
            state = self._groups.get(group)
            if state is not None and state.share is not None:
                state.share.take(now)
            if self._day is not None:
                self._day.take(now)
            self._tally.add((now, group))

    @property
    def rules(self) -> LimitRules:
        """The limits as the settings have them."""
        return self._rules

    def watches(self, group: str) -> bool:
        """Tell whether a group has limits of its own, or was told to slow down."""
        return group in self._groups

    def wait_for(self, group: str, place: int) -> timedelta:
        """Say about when a group has room for one with so many before it."""
        now = self._seconds()
        state = self._groups.get(group)
        rests = max(0.0, state.rests_until - now) if state else 0.0
        share = state.share if state else None
        queue = place / share.pace.per_second if share else 0.0
        return timedelta(seconds=max(rests + queue, 1.0))

    def closed_for(self, now: float) -> float:
        """Give the seconds for which no edition may leave at all; 0.0 when it may.

        A day closes nothing before it is used up: who never began would never borrow of it.
        """
        with self._lock:
            if self._shut_for(now) and self._opens is not None:
                return max(0.001, (self._opens - self._clock()).total_seconds())
            return self._day.used_up_for(now) if self._day is not None else 0.0

    def in_air(self, group: str) -> int:
        """Count the messages that are on their way to a group."""
        return self._air.get(group, 0)

    def begin(self, group: str) -> None:
        """Count a message that leaves for a group."""
        self._air[group] = self._air.get(group, 0) + 1

    def end(self, group: str) -> None:
        """Count one off: it was answered, or its connection was lost."""
        left = self._air.get(group, 0) - 1
        if left > 0:
            self._air[group] = left
        else:
            self._air.pop(group, None)

    def slow_down(self, group: str, wait: timedelta | None = None) -> None:
        """Let a group rest, for `wait` or some seconds, and go on at half the pace.

        What is said while it rests is the same complaint: it may rest longer, and is not halved
        again. The pace grows back by a tenth each minute.
        """
        now = self._seconds()
        rests_until = now + min(max(wait or _REST, timedelta(0)), LONGEST_REST).total_seconds()
        with self._lock:
            state = self._groups.setdefault(group, _Group())
            rests = state.rests_until > now
            if rests and rests_until <= state.rests_until:
                return
            new = Complaint(rests_until, not rests, self._tally.rate(group, now))
            said = self._complaints.get(group, new)
            self._complaints[group] = replace(said, rests_until=rests_until)
            state.rests_until = rests_until
            state.share = state.share or Share(self._rules.pace_of(group))
            state.share.drop()

    def why(self, way: str, group: str) -> str:
        """Say what holds a message of this way and group now; empty when nothing does."""
        now = self._seconds()
        with self._lock:
            state = self._groups.get(group) or _Group()
            if self._closed(now):
                return self._closed_words()
            if state.rests_until > now:
                until = self._clock() + timedelta(seconds=state.rests_until - now)
                return rest_words(group, until, self._rules)
            if self._air.get(group, 0) >= state.most:
                return f"{group}: {state.most} on their way, as many as it may have at once"
            waits = [(share.wait(now), share.pace) for share in self._shares(way, group)]
        waited, pace = max(waits, key=lambda each: each[0], default=(0.0, None))
        return pace_words(pace) if pace and waited else ""

    # A few times a second

    def due(self, now: float) -> bool:
        """Tell whether `renew` has anything to do."""
        with self._lock:
            shares = any(share.asks(now) or share.is_idle(now) for share in self._all().values())
            day = self._day is not None and (self._day.want(now) or self._day.is_idle(now))
            return bool(self._complaints or shares or day or self._others_are_due(now))

    def wanted(self) -> dict[str, int]:
        """Give how many messages `renew` would ask for at most, by key of the limit."""
        now = self._seconds()
        with self._lock:
            wants = {key: share.want() for key, share in self._all().items() if share.asks(now)}
            if self._day is not None:
                wants |= {self._day.key: self._day.want(now)}
            return {key: want for key, want in wants.items() if want}

    def renew(self, connection: Connection, now: datetime, *, senders: int = 1) -> None:
        """Reserve what the next second needs, give back what nobody wants, tell of complaints.

        It wants a write transaction, as short as can be: other senders wait for it. `now` is for
        the calendar; slots go by the database's clock. Of `senders` at work each has its part of
        the connections that a group may have.
        """
        wishes = replace(self.wishes(now), senders=senders)
        self.settle(wishes, self.ask(connection, wishes, now))

    def ask(self, connection: Connection, wishes: Wishes, now: datetime) -> Renewed:
        """Do at the database what is wished; nothing is kept here before `settle`."""
        return renewal.renew(
            connection, wishes, self._rules, clock=self._wall, seconds=self._seconds, now=now
        )

    def wishes(self, now: datetime) -> Wishes:
        """Give what a renewal is to be for, and count on it: it must be asked for now."""
        with self._lock:
            return self._wishes(self._seconds(), now)

    def settle(self, wishes: Wishes, renewed: Renewed) -> None:
        """Take what came of wishes; `senders` in them is how many share what there is."""
        with self._lock:
            self._settle(wishes, renewed)

    def give_back(self, connection: Connection, now: datetime) -> None:
        """Give everything back, when this sender leaves."""
        with self._lock:
            for share in self._all().values():
                share.wanted_until = -inf
            if self._day is not None:
                self._day.leave()
        self.renew(connection, now)

    # Under the lock

    def _closed(self, now: float) -> float:
        """Tell how long everything waits, but for notices."""
        wait = self._shut_for(now)
        if wait:
            return wait
        return inf if self._day is not None and self._day.refuse(now) else 0.0

    def _shut_for(self, now: float) -> float:
        """Tell how long until the hours of delivery begin, or are to be looked at again."""
        if not self._rules.window:
            return 0.0
        if now >= self._look_at:
            self._look_at_hours(now)
        return self._look_at - now if self._opens is not None else 0.0

    def _closed_words(self) -> str:
        if self._opens is not None:
            return shut_words(self._opens, self._rules)
        if self._day is not None and self._day.is_used_up:
            return used_up_words(self._day.allowed, self._rules)
        return ""

    def _look_at_hours(self, now: float) -> None:
        at = self._clock()
        self._opens = shut_now(self._rules, at)
        turns = self._opens or shuts_at(self._rules, at)
        self._look_at = now + min(_LOOK_AT_HOURS, max(0.001, (turns - at).total_seconds()))

    def _shares(self, way: str, group: str) -> Iterator[Share]:
        state = self._groups.get(group)
        for share in (self._overall, self._ways.get(way), state.share if state else None):
            if share is not None:
                yield share

    def _all(self) -> dict[str, Share]:
        groups = (state.share for state in self._groups.values())
        shares = (self._overall, *self._ways.values(), *groups)
        return {share.pace.key: share for share in shares if share is not None}

    def _own(self, group: str) -> _Group:
        """Make the entry of a group that the settings name."""
        pace = self._rules.groups.get(group)
        return _Group(Share(pace) if pace else None, self._rules.connections.get(group, inf))

    def _others_are_due(self, now: float) -> bool:
        due = now >= self._others_at + _LOOK_AT_OTHERS
        return due and not self._tally.is_idle(now, _SENDS_FOR)

    def _wishes(self, mono: float, now: datetime) -> Wishes:
        asks = {}
        for key, share in self._all().items():
            if share.asks(mono):
                asks[key] = Ask(share.pace, share.want(), share.until)
            elif share.is_idle(mono):
                until, unused = share.give_back()
                asks[key] = Ask(share.pace, 0, until, unused)
            share.begin_again()
        return Wishes(asks, dict(self._complaints), self._day_ask(mono, now))

    def _day_ask(self, mono: float, now: datetime) -> DayAsk | None:
        key, allowed = self._rules.day(now)
        if allowed is None:
            self._day = None
        if self._day is None or allowed is None:
            return None
        self._day.begin(key, allowed)
        ask = DayAsk(key, allowed, self._day.want(mono), *self._day.settle(mono))
        return ask if ask.want or ask.back or ask.owed else None

    def _settle(self, wishes: Wishes, renewed: Renewed) -> None:
        for group, said in wishes.complaints.items():
            if self._complaints.get(group) is said:
                del self._complaints[group]
        for group in {*self._groups, *renewed.slowed} - self._complaints.keys():
            self._settle_group(group, renewed, wishes.senders)
        shares = self._all()
        for key, given in renewed.granted.items():
            if key in shares:
                shares[key].grant(given, renewed.offset)
        if wishes.day and self._day and self._day.key == wishes.day.key:
            self._day.lend(renewed.lent, wishes.day.want, renewed.at)
        self._others_at = renewed.at

    def _settle_group(self, group: str, renewed: Renewed, senders: int) -> None:
        slow = renewed.slowed.get(group)
        state = self._groups.setdefault(group, _Group())
        most = self._rules.connections.get(group)
        state.most = max(1, most // senders) if most else inf
        pace = slow.pace if slow else self._rules.groups.get(group)
        if pace is None:
            state.share = None
        elif state.share is None:
            state.share = Share(pace)
        else:
            state.share.set_pace(pace)
        if slow and slow.rested_at != state.rested_at and state.share is not None:
            state.share.drop()
        state.rested_at = slow.rested_at if slow else -inf
        state.rests_until = slow.rests_until + renewed.offset if slow else -inf
        if pace is None and most is None:
            del self._groups[group]


def _paced(now: float, overall: Share | None, way: Share | None, group: Share | None) -> float:
    """Give the longest wait of these shares, and let them know that they are wanted."""
    wait = overall.wait(now) if overall is not None else 0.0
    if way is not None:
        one = way.wait(now)
        wait = one if one > wait else wait  # noqa: FURB136 - max() costs more than all of this
    if group is not None:
        one = group.wait(now)
        wait = one if one > wait else wait  # noqa: FURB136 - the same
    until = now + WANTED_FOR + (wait if wait < inf else 0.0)
    if overall is not None:
        overall.wanted_until = until
    if way is not None:
        way.wanted_until = until
    if group is not None:
        group.wanted_until = until
    return wait


def holding(connection: Connection, rules: LimitRules, now: datetime, clock: Clock) -> list[str]:
    """Say, for whoever asks, what holds mail back now: hours, a day that is used up, slow groups.

    Any process can ask; paces that are kept as they should be are nothing to tell.
    """
    told = []
    opens = shut_now(rules, now)
    if opens is not None:
        told.append(shut_words(opens, rules))
    key, allowed = rules.day(now)
    if allowed is not None and bucket_store.used(connection, key) >= allowed:
        told.append(used_up_words(allowed, rules))
    at = bucket_store.seconds_now(connection, clock)
    for group, slow in renewal.slowed_now(connection, rules, at).items():
        if slow.rests_until > at:
            until = datetime.fromtimestamp(slow.rests_until, UTC)
            told.append(rest_words(group, until, rules))
        else:
            told.append(slowed_words(group, slow.pace.per_second))
    return told
