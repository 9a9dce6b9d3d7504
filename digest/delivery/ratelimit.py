"""Pure. How fast a process may send; the time comes as an argument."""

from __future__ import annotations


class RateLimit:
    """At most so many messages a second, evenly spaced; one for the whole process.

    Moments are seconds of a monotonic clock. A sleep that lasted a little too long may be caught
    up by one message, never by more.
    """

    def __init__(self, per_second: float | None) -> None:
        """Set the pace; None sets none."""
        self._interval = 1 / per_second if per_second else 0.0
        self._next_at = float("-inf")

    def wait(self, now: float) -> float:
        """Tell how many seconds to wait before the next message."""
        return max(0.0, self._next_at - now)

    def take(self, now: float) -> None:
        """Count one message that leaves at `now`."""
        self._next_at = max(self._next_at, now - self._interval) + self._interval
