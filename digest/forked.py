"""Door to fork: a process that begins with all we have loaded, and shares the memory of it.

Four interpreters that each import the product cost twice the memory and four times the start of
one that imports it and is forked. A fork must begin alone: the caller has no other thread, no open
connection, and no file that the child must not hold.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

_STANDARD_INPUT = 0
_FIRST_OWN = 3
_MOST_FILES = 65_536
_NAP = 0.02

CAN_FORK = hasattr(os, "fork")


@dataclass
class Forked:
    """A forked process as its parent sees it: its id, and the pipe that asks it to leave."""

    pid: int
    _pipe: int
    _code: int | None = None
    _asked: bool = field(default=False)

    def poll(self) -> int | None:
        """Give how it ended, negative for a signal; None while it runs."""
        if self._code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
                self.ask_to_leave()  # nobody reads the pipe any more
        return self._code

    def wait(self, seconds: float) -> int | None:
        """Wait for its end, within reason; None when it still runs."""
        ends = time.monotonic() + seconds
        while (code := self.poll()) is None and time.monotonic() < ends:
            time.sleep(_NAP)
        return code

    def ask_to_leave(self) -> None:
        """Close its standard input, by which it knows."""
        if not self._asked:
            self._asked = True
            os.close(self._pipe)

    def kill(self) -> None:
        """End it at once, and wait until it has gone."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            _, status = os.waitpid(self.pid, 0)
            self._code = os.waitstatus_to_exitcode(status)
        self.ask_to_leave()


def trim() -> None:
    """Give memory that is free back to the system, where the C library can (glibc)."""
    gc.collect()
    import ctypes  # noqa: PLC0415 - for this alone

    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def fork(body: Callable[[], int], *, name: str, keep: Collection[int] = ()) -> Forked:
    """Run `body` in a process of its own, and give that process; `body` gives its exit code.

    Its standard input is a pipe from us: it closes when we ask it to leave, and also should we be
    killed. It is deaf to our terminal's Ctrl-C, and of our open files it has only the standard
    ones and those in `keep`. Raises OSError.
    """
    trim()
    gc.freeze()  # what is shared stays unwritten, and so shared
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        os.close(reading)
        return Forked(pid, writing)
    code = 1
    try:
        _settle(reading, name, keep)
        gc.enable()
        code = body()
    except BaseException:  # noqa: BLE001 - nobody is above us to hear of it
        traceback.print_exc()
    finally:
        # What our parent has open in the frames above is not ours to close, nor to run.
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle(reading: int, name: str, keep: Collection[int]) -> None:
    # A session of its own: Ctrl-C in a terminal asks our parent, and only that asks us.
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    os.dup2(reading, _STANDARD_INPUT)
    first = _FIRST_OWN
    for kept in (*sorted(keep), _MOST_FILES):
        os.closerange(first, kept)
        first = kept + 1
    with contextlib.suppress(OSError):  # what `ps` and `top` show, where the system lets us say it
        Path("/proc/self/comm").write_text(f"digest {name}", encoding="ascii")
