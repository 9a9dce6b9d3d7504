"""Do the same work for many things at once, in threads, and give what comes as it comes."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Generic, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")

_LOOK_AROUND = 0.1
"""Seconds between two looks whether to stop."""


def never() -> bool:
    """Go on to the end."""
    return False


def side_by_side(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int,
    stop: Callable[[], bool] = never,
) -> Generator[tuple[Job, Result], None, None]:
    """Do `work` for every job, `workers` at once; give each with its result, in order of ending.

    No more than two results a worker wait to be taken, so that what has been read does not pile
    up. When `stop` says so, or the caller leaves, nothing is begun and nothing waited for: the
    threads are daemons, as a slow answer must not keep the process. What `work` raises is raised
    here.
    """
    crew = _Crew(work, jobs, workers)
    try:
        for _ in jobs:
            done = crew.next_done(stop)
            if done is None:
                return
            yield done
            crew.room.release()
    finally:
        crew.leave()


class _Crew(Generic[Job, Result]):
    """The threads of one call."""

    def __init__(self, work: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> None:
        self.room = threading.Semaphore(2 * workers)
        self._work = work
        self._waiting = deque(jobs)
        self._leaving = threading.Event()
        self._done: queue.SimpleQueue[tuple[Job, Result] | BaseException] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._go, name="reading", daemon=True)
            for _ in range(min(workers, len(jobs)))
        ]
        for thread in self._threads:
            thread.start()

    def next_done(self, stop: Callable[[], bool]) -> tuple[Job, Result] | None:
        """Wait for the next result; None when it is time to stop."""
        while not stop():
            try:
                done = self._done.get(timeout=_LOOK_AROUND)
            except queue.Empty:
                continue
            if isinstance(done, BaseException):
                raise done
            return done
        return None

    def leave(self) -> None:
        """Let the threads end, each after what it has in hand."""
        self._leaving.set()
        for _ in self._threads:
            self.room.release()

    def _go(self) -> None:
        while True:
            self.room.acquire()
            if self._leaving.is_set():
                return
            try:
                job = self._waiting.popleft()
            except IndexError:
                return
            try:
                self._done.put((job, self._work(job)))
            except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
                self._done.put(error)
