"""Door to child processes: `digest serve` keeps web, scheduler and sender running apart."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Protocol

from digest.log import event
from digest.notify_systemd import Family

_LOG = logging.getLogger("digest.serve")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LOOK_SECONDS = 0.25
_STANDARD_INPUT = 0
GRACE_SECONDS = 15.0
"""How long a child has to finish its message and its requests before it is killed."""


class Process(Protocol):
    """A child's process, as `digest.forked` and `by_command` give it."""

    @property
    def pid(self) -> int:
        """Give the system's number for it."""

    def poll(self) -> int | None:
        """Give how it ended, negative for a signal; None while it runs."""

    def wait(self, seconds: float) -> int | None:
        """Wait for its end, within reason; None when it still runs."""

    def ask_to_leave(self) -> None:
        """Close its standard input, by which it knows."""

    def kill(self) -> None:
        """End it at once, and wait until it has gone."""


Start = Callable[[str], Process]
"""Gives the process of a child by its name. Raises OSError."""


@dataclass
class Child:
    """One child: its process, those it takes the place of, and when it may start again.

    Times are monotonic seconds.
    """

    name: str
    process: Process | None = None
    pause: float = _FIRST_PAUSE
    start_at: float = 0.0
    started_at: float = 0.0
    leaving: list[tuple[Process, float]] = field(default_factory=list)
    """Former processes that were asked to leave, and when each is killed if it has not."""


@dataclass(frozen=True, slots=True)
class _Rules:
    """How children are looked after: see `supervise`."""

    start: Start
    tell: Callable[[str, int], None]
    beside: Collection[str] = ()
    grace_seconds: float = GRACE_SECONDS


def supervise(
    names: Sequence[str],
    *,
    start: Start,
    stop: threading.Event,
    tell: Callable[[str, int], None],
    renewed: Callable[[], bool] = lambda: False,
    beside: Collection[str] = (),
    family: Family | None = None,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Keep one child for each name running until `stop` is set; restart what ends, and tell.

    A child knows by its standard input, a pipe from us: it closes when we ask the child to leave,
    and also should we be killed, so that no orphan goes on sending. `tell(name, exit code)` is
    called once for each crash. Whenever `renewed()` says so, each child is asked to leave and
    another takes its place: when it has left, or at once where `beside` names it. `family` hears
    the children's signs of life.
    """
    rules = _Rules(start, tell, beside, grace_seconds)
    children = [Child(name) for name in names]
    try:
        while not stop.is_set():
            if renewed():
                for child in children:
                    _replace(child, rules)
            for child in children:
                _look_after(child, rules, stop)
            if family is not None:
                family.look({each.name: each.started_at for each in children if each.process})
            stop.wait(_LOOK_SECONDS)
    finally:
        _end(children, grace_seconds)


def _replace(child: Child, rules: _Rules) -> None:
    """Ask a child to leave; its place is free. What it crashed of before is forgiven."""
    child.pause, child.start_at = _FIRST_PAUSE, 0.0
    if child.process is not None:
        child.process.ask_to_leave()
        child.leaving.append((child.process, time.monotonic() + rules.grace_seconds))
        child.process = None


def _look_after(child: Child, rules: _Rules, stop: threading.Event) -> None:
    now = time.monotonic()
    child.leaving = [each for each in child.leaving if not _has_left(child.name, *each, now)]
    if child.process is None:
        if now >= child.start_at and (not child.leaving or child.name in rules.beside):
            _start(child, rules.start, now)
        return
    code = child.process.poll()
    if code is None or stop.is_set():
        return
    if now - child.started_at > _LONGEST_PAUSE:
        child.pause = _FIRST_PAUSE  # it ran well for a while: this crash is a new one
    event(_LOG, f"{child.name} ended", logging.ERROR, code=code, again_in=f"{child.pause:g}s")
    child.process.ask_to_leave()
    child.process = None
    _put_off(child, now)
    try:
        rules.tell(child.name, code)
    except Exception as error:  # noqa: BLE001 - without its database too, the rest must run on
        event(_LOG, "not told", logging.ERROR, child=child.name, error=type(error).__name__)


def _has_left(name: str, process: Process, until: float, now: float) -> bool:
    if process.poll() is None and now >= until:
        _kill(name, process)
    return process.poll() is not None


def _start(child: Child, start: Start, now: float) -> None:
    try:
        child.process = start(child.name)
    except OSError as error:
        event(_LOG, f"{child.name} cannot start", logging.ERROR, error=error.strerror)
        _put_off(child, now)
        return
    child.started_at = now
    event(_LOG, f"{child.name} started", pid=child.process.pid)


def _put_off(child: Child, now: float) -> None:
    child.start_at = now + child.pause
    child.pause = min(child.pause * 2, _LONGEST_PAUSE)


def _end(children: Sequence[Child], grace_seconds: float) -> None:
    """Ask all at once, by closing their pipes; whoever stays longer than the grace is killed.

    No signal is sent: a second one ends a child in the middle of its message, and the first may
    have come from whoever stops the whole service.
    """
    running = [(child.name, child.process) for child in children if child.process is not None]
    running += [(child.name, process) for child in children for process, _ in child.leaving]
    for _, process in running:
        process.ask_to_leave()
    deadline = time.monotonic() + grace_seconds
    for name, process in running:
        if process.wait(max(0.1, deadline - time.monotonic())) is None:
            _kill(name, process)


def _kill(name: str, process: Process) -> None:
    event(_LOG, f"{name} did not stop in time: killed", logging.ERROR)
    process.kill()


def by_command(command: Sequence[str]) -> Start:
    """Start children as `command`, their name and `--supervised`: where there is no fork."""

    def start(name: str) -> Process:
        # In a session of its own: Ctrl-C in a terminal asks us, and only we ask the children.
        return _Commanded(
            subprocess.Popen(  # noqa: S603 - our own program
                [*command, name, "--supervised"], stdin=subprocess.PIPE, start_new_session=True
            )
        )

    return start


class _Commanded:
    """A process that was started by its command."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self._process = process

    def poll(self) -> int | None:
        return self._process.poll()

    def wait(self, seconds: float) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def ask_to_leave(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def stop_signals(stop: threading.Event | None = None) -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = threading.Event() if stop is None else stop
    heard: list[int] = []  # not `stop` itself: a closed pipe may have set that a moment before

    def ask(number: int, _frame: FrameType | None) -> None:
        if heard:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        heard.append(number)
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_with_parent(stop: threading.Event) -> None:
    """Set `stop` when our standard input closes: a supervisor that is gone takes us along."""

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(_STANDARD_INPUT, 1024):
                pass
        stop.set()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
