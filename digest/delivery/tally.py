"""Pure. How many messages a second left for each group lately."""

from __future__ import annotations

from collections import deque

_SPAN = 5.0
_MOST = 5_000
_LEAST = 2.0


class Tally:
    """The last messages and their groups; moments are monotonic seconds."""

    __slots__ = ("_lately", "add")

    def __init__(self) -> None:
        """Begin with nothing."""
        self._lately: deque[tuple[float, str]] = deque(maxlen=_MOST)
        self.add = self._lately.append
        """Count one message: when, and for which group. It is called for each, so it is bare."""

    def rate(self, group: str, now: float) -> float:
        """Give messages a second, never less than two: a few tell little."""
        lately = [of for at, of in self._lately if at > now - _SPAN]
        if not lately:
            return _LEAST
        since = max(now - _SPAN, self._lately[0][0])
        return max(_LEAST, lately.count(group) / max(1.0, now - since))

    def is_idle(self, now: float, span: float) -> bool:
        """Tell whether nothing left for some seconds."""
        return not self._lately or self._lately[-1][0] < now - span
