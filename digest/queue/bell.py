"""What is rung by jobs, in a thread of their own, and heard by the loop that sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum, auto


class Work(Enum):
    """What became of the work that was rung for."""

    DONE = auto()
    """A whole round was made since, and whatever was due then is done."""
    LEFT = auto()
    """We leave: somebody else must look at it."""


Answer = Callable[[Work], None]
"""Called once."""
_LOOK_SECONDS = 0.1
"""How soon somebody who waits sees that they are to leave."""


class Bell:
    """Rung for work; whoever rings is answered when a whole round has been made since."""

    def __init__(self, *, is_hung: bool = True) -> None:
        """Make a bell that nobody has rung; one that is not hung up nobody will ever ring."""
        self._is_hung = is_hung
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._waiting: list[Answer] = []
        self._is_closed = False

    def ring(self, answer: Answer) -> None:
        """Ask for a round; the answer comes at once when there will be none any more."""
        with self._lock:
            if not self._is_closed:
                self._waiting.append(answer)
                self._rung.set()
                return
        answer(Work.LEFT)

    def heard(self) -> Sequence[Answer]:
        """Begin a round: give those it is made for. Who rings from now on waits for the next."""
        with self._lock:
            self._rung.clear()
            return tuple(self._waiting)

    def answer(self, heard: Sequence[Answer]) -> None:
        """Tell those a round was made for that it is done; a round that failed tells nobody."""
        with self._lock:
            self._waiting = [each for each in self._waiting if each not in heard]
        for each in heard:
            each(Work.DONE)

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Wait until it is rung, we are to stop, or the seconds are over."""
        if not self._is_hung:
            stop.wait(seconds)
            return
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not stop.is_set():
            if self._rung.wait(min(left, _LOOK_SECONDS)):
                return

    def close(self) -> None:
        """Make no other round: who still waits is told to ask somebody else."""
        with self._lock:
            self._is_closed = True
            waiting, self._waiting = self._waiting, []
        for each in waiting:
            each(Work.LEFT)
