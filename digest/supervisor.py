"""Door to child processes: `digest serve` keeps web, scheduler and sender running apart."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

from digest.log import event

_LOG = logging.getLogger("digest.serve")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_STANDARD_INPUT = 0
GRACE_SECONDS = 15.0
"""How long a child has to finish its message and its requests before it is killed."""


@dataclass
class Child:
    """One child: its command, its process, and when it may start again (monotonic seconds)."""

    name: str
    process: subprocess.Popen[bytes] | None = None
    pause: float = _FIRST_PAUSE
    start_at: float = 0.0
    started_at: float = 0.0


def supervise(
    names: Sequence[str],
    *,
    command: Sequence[str],
    stop: threading.Event,
    tell: Callable[[str, int], None],
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Keep one child for each name running until `stop` is set; restart what ends, and tell.

    A child is `command`, its name and `--supervised`. Its standard input is a pipe from us: it
    closes when we ask the child to leave, and also should we be killed, so that no orphan goes on
    sending. `tell(name, exit code)` is called once for each crash.
    """
    children = [Child(name) for name in names]
    try:
        while not stop.is_set():
            for child in children:
                _look_after(child, command, tell, stop)
            stop.wait(0.1)
    finally:
        _end(children, grace_seconds)


def _look_after(
    child: Child,
    command: Sequence[str],
    tell: Callable[[str, int], None],
    stop: threading.Event,
) -> None:
    now = time.monotonic()
    if child.process is None:
        if now >= child.start_at:
            _start(child, command, now)
        return
    code = child.process.poll()
    if code is None or stop.is_set():
        return
    if now - child.started_at > _LONGEST_PAUSE:
        child.pause = _FIRST_PAUSE  # it ran well for a while: this crash is a new one
    event(_LOG, f"{child.name} ended", logging.ERROR, code=code, again_in=f"{child.pause:g}s")
    _ask_to_leave(child)
    child.process = None
    _put_off(child, now)
    try:
        tell(child.name, code)
    except Exception as error:  # noqa: BLE001 - without its database too, the rest must run on
        event(_LOG, "not told", logging.ERROR, child=child.name, error=type(error).__name__)


def _start(child: Child, command: Sequence[str], now: float) -> None:
    try:
        # In a session of its own: Ctrl-C in a terminal asks us, and only we ask the children.
        child.process = subprocess.Popen(  # noqa: S603 - our own program
            [*command, child.name, "--supervised"], stdin=subprocess.PIPE, start_new_session=True
        )
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
    for child in children:
        _ask_to_leave(child)
    deadline = time.monotonic() + grace_seconds
    for child in children:
        if child.process is None:
            continue
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            event(_LOG, f"{child.name} did not stop in time: killed", logging.ERROR)
            child.process.kill()
            child.process.wait()


def _ask_to_leave(child: Child) -> None:
    if child.process is not None and child.process.stdin is not None:
        with contextlib.suppress(OSError):
            child.process.stdin.close()


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; a second signal ends the process at once."""
    stop = threading.Event()
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
