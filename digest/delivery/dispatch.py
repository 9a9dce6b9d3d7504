"""Pure. What goes next: breaking news first, editions in turn, no provider beyond its pace."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from digest.delivery.hand import Copy, Hand

_ANY = ""
"""The group of all who have no pace of their own."""


class Pacing(Protocol):
    """How fast may be sent; see `digest.delivery.limits`."""

    def watches(self, group: str) -> bool:
        """Tell whether a provider has a pace of its own, or is slowed."""
        ...

    def may_send(self, way: str, group: str, now: float) -> float:
        """Give the seconds until one more may go this way to this provider; 0: now."""
        ...

    def wait_for(self, group: str, place: int) -> timedelta:
        """Say about when a provider has room for one with so many before it."""
        ...


@dataclass(slots=True)
class _Lane:
    """The copies of one edition that may go, by provider."""

    priority: int
    groups: dict[str, deque[Copy]] = field(default_factory=dict)

    def put(self, copy: Copy, group: str, *, first: bool) -> None:
        queue = self.groups.setdefault(group, deque())
        (queue.appendleft if first else queue.append)(copy)

    def take(self, group: str) -> Copy:
        queue = self.groups[group]
        copy = queue.popleft()
        if not queue:
            del self.groups[group]
        return copy


class Dispatch:
    """The copies that may go now, of all editions in hand."""

    def __init__(self, pacing: Pacing) -> None:
        """Begin with none."""
        self._pacing = pacing
        self._lanes: dict[int, _Lane] = {}
        self._turns: deque[int] = deque()
        self._count = 0

    def __len__(self) -> int:
        """Count the copies that may go."""
        return self._count

    def put(self, copy: Copy, *, first: bool = False) -> None:
        """Let a copy go when its turn comes; `first` for one that was on its way before."""
        lease = copy.hand.lease
        lane = self._lanes.get(lease.edition_id)
        if lane is None:
            lane = self._lanes[lease.edition_id] = _Lane(lease.priority)
            self._turns.append(lease.edition_id)
        lane.priority = max(lane.priority, lease.priority)
        lane.put(copy, self._group(copy), first=first)
        self._count += 1

    def take(self, way: str, now: float) -> tuple[Copy | None, float]:
        """Give the copy that goes next by a way; else None, and the seconds until one may."""
        wait = self._pacing.may_send(way, _ANY, now)
        if wait > 0 or not self._count:
            return None, wait if self._count else float("inf")
        soonest = float("inf")
        for edition_id in self._in_turn():
            lane = self._lanes[edition_id]
            for group in lane.groups:
                wait = 0.0 if group == _ANY else self._pacing.may_send(way, group, now)
                if wait <= 0:
                    return self._taken(edition_id, lane.take(group)), 0.0
                soonest = min(soonest, wait)
        return None, soonest

    def _in_turn(self) -> list[int]:
        """List the editions: the most urgent first, those alike in turn."""
        if len(self._turns) == 1:
            return [self._turns[0]]
        return sorted(self._turns, key=lambda each: -self._lanes[each].priority)

    def _taken(self, edition_id: int, copy: Copy) -> Copy:
        self._count -= 1
        if not self._lanes[edition_id].groups:
            del self._lanes[edition_id]
            self._turns.remove(edition_id)
        elif len(self._turns) > 1:
            self._turns.remove(edition_id)
            self._turns.append(edition_id)
        return copy

    def drop(self, hand: Hand) -> list[Copy]:
        """Take out every copy of a lease; give them."""
        return self._pull(hand.lease.edition_id, lambda copy: copy.hand is hand)

    def slow_ones(self, *, over: timedelta) -> Iterator[tuple[str, timedelta, Copy]]:
        """Take out what its provider's pace keeps for longer than `over`, each with its wait."""
        for edition_id, lane in list(self._lanes.items()):
            for group in [each for each in lane.groups if each != _ANY]:
                here = len(lane.groups[group])
                waits = [self._pacing.wait_for(group, place) for place in range(here)]
                for wait in waits[bisect_right(waits, over) :]:
                    yield group, wait, self._pulled(edition_id, lane, group)

    def _pulled(self, edition_id: int, lane: _Lane, group: str) -> Copy:
        copy = lane.groups[group].pop()
        if not lane.groups[group]:
            del lane.groups[group]
        return self._taken(edition_id, copy)

    def regroup(self, provider: str) -> None:
        """Sort anew the copies for a provider whose pace has changed."""
        for edition_id in list(self._lanes):
            for copy in self._pull(edition_id, lambda copy: copy.group == provider):
                self.put(copy)

    def _pull(self, edition_id: int, wanted: Callable[[Copy], bool]) -> list[Copy]:
        lane = self._lanes.get(edition_id)
        if lane is None:
            return []
        pulled: list[Copy] = []
        for group, queue in list(lane.groups.items()):
            pulled += [copy for copy in queue if wanted(copy)]
            kept = deque(copy for copy in queue if not wanted(copy))
            if kept:
                lane.groups[group] = kept
            else:
                del lane.groups[group]
        self._count -= len(pulled)
        if not lane.groups:
            del self._lanes[edition_id]
            self._turns.remove(edition_id)
        return pulled

    def _group(self, copy: Copy) -> str:
        return copy.group if self._pacing.watches(copy.group) else _ANY
