"""Door to whoever watches over our processes: systemd by sd_notify, a container by a file's time.

Where nobody watches, nothing is said. What counts as a sign of life is that the work goes on, not
that a process exists: a sender asks all the time whether it shall stop, the web pages answer
themselves, and `digest serve` hears its children. See sd_notify(3) and sd_watchdog_enabled(3).
"""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_SAY_SECONDS = 1.0
_MOST_SECONDS = 10.0
"""Signs are given at least this often, however long the watch is."""
_ANSWER_SECONDS = 10.0
_SOON_SECONDS = 0.1
_MILLION = 1_000_000
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where we ask, not where we listen


class Watch:
    """Who wants to hear how we fare; every word may be said as often as one likes."""

    def __init__(
        self, address: str = "", *, watched_seconds: float = 0.0, pulse: Path | None = None
    ) -> None:
        """Take the socket's address, the seconds of its watchdog (0: none), and a file to touch."""
        self.is_kept = bool(address or pulse)
        """Whether anybody listens at all."""
        self.every_seconds = min(watched_seconds / 4 or _MOST_SECONDS, _MOST_SECONDS)
        self.watched_seconds = watched_seconds
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._pulse = pulse
        self._is_ready = False
        self._next_at = 0.0

    def alive(self) -> None:
        """Say that the work goes on; the first time that we are ready. Costs nothing in between."""
        now = time.monotonic()
        if not self.is_kept or now < self._next_at:
            return
        self._next_at = now + self.every_seconds
        if self._pulse is not None:
            with contextlib.suppress(OSError):  # it grows old then, which is what it is for
                self._pulse.touch()
        if not self._is_ready:
            self._is_ready = True
            self._say("READY=1")
        if self.watched_seconds:
            self._say("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that we were asked to leave, and do."""
        self._is_ready = True  # it is too late to become that
        self._say("STOPPING=1")

    def _say(self, words: str) -> None:
        if not self._address:
            return
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.settimeout(_SAY_SECONDS)
            door.sendto(words.encode(), self._address)


def watch_of(environment: Mapping[str, str], *, pulse: Path | None = None) -> Watch:
    """Give who watches over this process, as its environment says (NOTIFY_SOCKET, WATCHDOG_…)."""
    watched = environment.get("WATCHDOG_USEC", "")
    mine = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
    seconds = int(watched) / _MILLION if watched.isdecimal() and mine else 0.0
    return Watch(environment.get("NOTIFY_SOCKET", ""), watched_seconds=seconds, pulse=pulse)


class ToldStop(threading.Event):
    """A wish to stop of which the watch hears at once."""

    def __init__(self, watch: Watch) -> None:
        """Take who is told."""
        super().__init__()
        self.watch = watch

    def set(self) -> None:
        """Wish it, and tell."""
        super().set()
        self.watch.stopping()


class AskedStop(ToldStop):
    """The same for a process that works: each question whether to stop is its sign of life.

    `wait` is no question: whoever waits does not work.
    """

    def is_set(self) -> bool:
        """Tell whether to stop."""
        self.watch.alive()
        return super().is_set()


class WaitedStop(ToldStop):
    """The same for a process whose main thread waits to stop while others work for it.

    Each wait is its sign of life: it must not wait while one of those hangs.
    """

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it; tell whether it is to stop."""
        self.watch.alive()
        return super().wait(timeout)


def stop_for(process: str, watch: Watch) -> ToldStop:
    """Give the wish to stop by which this process gives its signs of life.

    The web pages give theirs otherwise: see `while_answering`.
    """
    return WaitedStop(watch) if process == "scheduler" else AskedStop(watch)


@contextlib.contextmanager
def while_answering(watch: Watch, host: str, port: int) -> Iterator[None]:
    """Give the signs of life of a web server all along the block: only while it answers."""
    if not watch.is_kept:
        yield
        return
    done = threading.Event()

    def ask() -> None:
        pause = _SOON_SECONDS
        while not done.wait(pause):
            if _answers(_EVERYWHERE.get(host, host), port):
                watch.alive()
                pause = watch.every_seconds

    thread = threading.Thread(target=ask, name="own-page", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()


def _answers(host: str, port: int) -> bool:
    line = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    with contextlib.closing(line), contextlib.suppress(OSError, http.client.HTTPException):
        line.request("GET", "/healthz")
        return line.getresponse().status == http.client.OK
    return False


class Family:
    """The children of `digest serve`: they tell us what they would tell systemd.

    We say that we are ready once all of them are, and that the work goes on while each that runs
    was heard of lately. One that rests before it is started again is no fault of ours.
    """

    def __init__(self, watch: Watch, doors: Mapping[str, socket.socket], folder: Path) -> None:
        """Take one bound socket for each child; see `family`."""
        self._watch = watch
        self._doors = doors
        self._folder = folder
        self._heard_at: dict[str, float] = {}

    def environment(self, name: str) -> dict[str, str]:
        """Give the environment to start a child with: systemd's words, our address."""
        ours = {key: value for key, value in os.environ.items() if key != "WATCHDOG_PID"}
        return {**ours, "NOTIFY_SOCKET": str(self._folder / name)}

    def look(self, started: Mapping[str, float]) -> None:
        """Hear the children and pass it on; `started` says since when each runs (monotonic)."""
        now = time.monotonic()
        for name, door in self._doors.items():
            if _heard(door):
                self._heard_at[name] = now
        patience = self._watch.watched_seconds / 2 or float("inf")
        lately = (
            now - max(since, self._heard_at.get(name, since)) for name, since in started.items()
        )
        if len(self._heard_at) == len(self._doors) and all(ago < patience for ago in lately):
            self._watch.alive()


def _heard(door: socket.socket) -> bool:
    """Take what was said; tell whether a sign of life was in it."""
    found = False
    with contextlib.suppress(BlockingIOError):
        while True:
            words = door.recv(4096).split(b"\n")
            found = found or b"READY=1" in words or b"WATCHDOG=1" in words
    return found


@contextlib.contextmanager
def family(watch: Watch, names: Sequence[str]) -> Iterator[Family | None]:
    """Listen to children of these names during the block; None where nobody wants to know."""
    if not watch.is_kept:
        yield None
        return
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="digest-")))
        doors = {name: stack.enter_context(_door(folder / name)) for name in names}
        yield Family(watch, doors, folder)


def _door(path: Path) -> socket.socket:
    door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    door.setblocking(False)  # noqa: FBT003 - the library's own signature
    door.bind(str(path))
    return door
