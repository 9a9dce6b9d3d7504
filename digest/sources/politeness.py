"""Pure but for waiting. Whose turn it is at a host: two at once, and a breath between two."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

AT_ONCE = 2
"""Requests at one time to one host: what a reader's browser opens at the least."""
BREATH_SECONDS = 0.2
"""The longest pause before a host that was asked a moment ago is asked again."""
PATIENCE_SECONDS = 60.0
"""How long a turn is waited for."""
_A_MOMENT = 1.0


class NoTurnError(TimeoutError):
    """No turn came in the time that one is waited for."""


@dataclass(slots=True)
class _Host:
    seats: threading.Semaphore
    users: int = 0
    """Threads that hold or wait for a turn."""
    asked_at: float = field(default=float("-inf"))
    """When a turn last began, on the monotonic clock."""


class Politeness:
    """Turns at hosts, for all threads that share it; a host nobody asks is forgotten."""

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        breath: float = BREATH_SECONDS,
        patience: float = PATIENCE_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Take the turns at one time, the longest pause and wait in seconds, and what tests fix.

        `chance` gives a number from 0 to 1: which part of the breath is taken.
        """
        self.at_once = at_once
        self.breath = breath
        self.patience = patience
        self._sleep = sleep
        self._chance = chance
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}

    @contextlib.contextmanager
    def turn(self, host: str, *, at_once: bool = False) -> Iterator[float]:
        """Hold a turn at `host` while the block runs; give the seconds it was waited for.

        `at_once` leaves out the breath, not the queue. Raises NoTurnError when no turn comes.
        """
        began = time.monotonic()
        seat = self._enter(host)
        try:
            if not seat.seats.acquire(timeout=self.patience):
                raise NoTurnError(host)
            try:
                self._breathe(seat, at_once=at_once)
                yield time.monotonic() - began
            finally:
                seat.seats.release()
        finally:
            with self._lock:
                seat.users -= 1

    def _enter(self, host: str) -> _Host:
        with self._lock:
            now = time.monotonic()
            for name in [name for name, each in self._hosts.items() if _is_over(each, now)]:
                del self._hosts[name]
            seat = self._hosts.setdefault(host, _Host(threading.Semaphore(self.at_once)))
            seat.users += 1
            return seat

    def _breathe(self, seat: _Host, *, at_once: bool) -> None:
        with self._lock:
            now = time.monotonic()
            is_soon = now - seat.asked_at < _A_MOMENT
            seat.asked_at = now
        if is_soon and not at_once and self.breath > 0:
            self._sleep(self._chance() * self.breath)


def _is_over(host: _Host, now: float) -> bool:
    return host.users == 0 and now - host.asked_at > _A_MOMENT
