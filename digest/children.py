"""Door to processes: what may loop, eat memory or crash is done in a child that can be killed.

Children are forked from one clean process, the zygote, which this program starts when it first
needs one; both end with the program, however it ends.

Neither runs the program's own `__main__`, both get an environment without its secrets, and what a
child answers is bytes: JSON to check, and nothing that is ever unpickled.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from digest import child as inside
from digest.child import ANSWER_HEAD, Job

MAX_ANSWER_BYTES = 20_000_000
_START_SECONDS = 30.0
_LEAVE_SECONDS = 5.0
_LINE_BYTES = 1024

# What a process of Python needs; the rest of an environment may hold passwords. (Tests measure
# what the zygote runs, too.)
_ENVIRONMENT = ("LANG", "LC_", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "COVERAGE_")
_ZYGOTE_CODE = (
    "import sys; sys.path[:] = sys.argv[2:]\n"
    "from digest import child; child.run_zygote(int(sys.argv[1]))"
)
_CHILD_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]\nfrom digest import child; child.run_child(0, 1)"
)
_OVER_TIME = frozenset(
    -number
    for name in ("SIGXCPU", "SIGALRM")
    if (number := getattr(signal, name, None)) is not None
)


class LateError(Exception):
    """A child took longer than its time, and was killed."""


class EndedError(Exception):
    """A child ended before it answered: the exit code, negative for a signal, None if unknown."""


class GarbledError(Exception):
    """A child answered what nobody understands."""


class Child:
    """One process at work, as its parent sees it: two pipes, and a way to end it."""

    def __init__(
        self,
        jobs: int,
        answers: int,
        *,
        knows: Container[str],
        kill: Callable[[], int | None],
    ) -> None:
        """Take the pipes' ends, the modules it need not import, and what ends it for good.

        `kill` gives the exit code and may be called once.
        """
        self.jobs = jobs
        self.answers = answers
        self.knows = knows
        self.done = 0
        self._kill = kill
        self._lock = threading.Lock()
        self._is_asked = False
        self._is_late = False
        self._has_ended = False
        self._code: int | None = None

    def ask(self, job: Job, content: bytes) -> tuple[bytes, bool, bytes]:
        """Have one job done: how the answer begins, whether the child is worn out, the answer.

        Raises LateError, EndedError, GarbledError; the child is of no use then.
        """
        # A thread that kills at the deadline, as no pipe has deadlines of its own everywhere.
        timer = threading.Timer(job.seconds, self._expire)
        timer.daemon = True
        self._is_asked = True
        timer.start()
        try:
            answer = self._exchange(job, content)
        except (OSError, EOFError):
            answer = None
        finally:
            timer.cancel()
            with self._lock:
                self._is_asked = False
        if self._is_late:
            raise LateError
        if answer is None:
            raise EndedError(self.end())
        self.done += 1
        return answer

    def _exchange(self, job: Job, content: bytes) -> tuple[bytes, bool, bytes]:
        for part in job.packed(content):
            inside.write_all(self.jobs, part)
        head = inside.read_exactly(self.answers, ANSWER_HEAD.size)
        begin, is_worn, length = ANSWER_HEAD.unpack(head)
        if length > MAX_ANSWER_BYTES:
            raise GarbledError(f"more than {MAX_ANSWER_BYTES // 1_000_000} MB")
        return begin, is_worn, inside.read_exactly(self.answers, length)

    def _expire(self) -> None:
        with self._lock:
            self._is_late = self._is_asked
        if self._is_late:
            self.end()

    def is_over(self) -> bool:
        """Tell whether an idle child has left, or says what nobody asked."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self.answers, select.POLLIN)
        return bool(poll.poll(0))

    def end(self) -> int | None:
        """Kill it, if it lives, and give how it ended. The pipes stay open: see `close`."""
        with self._lock:
            if not self._has_ended:
                self._has_ended = True
                self._code = self._kill()
            return self._code

    def close(self) -> None:
        """End it and let go of the pipes; for whoever alone has it in hand."""
        self.end()
        for descriptor in (self.jobs, self.answers):
            os.close(descriptor)


@dataclass(frozen=True, slots=True)
class _Pipes:
    """The child's two ends and ours."""

    jobs: int
    our_jobs: int
    our_answers: int
    answers: int


@contextlib.contextmanager
def _pipes() -> Iterator[_Pipes]:
    """Make a child's pipes. Its ends close here behind it; ours, too, when it was not born."""
    pipes = _Pipes(*os.pipe(), *os.pipe())
    try:
        yield pipes
    except BaseException:
        os.close(pipes.our_jobs)
        os.close(pipes.our_answers)
        raise
    finally:
        os.close(pipes.jobs)
        os.close(pipes.answers)


class _Zygote:
    """The one clean process of this program that children are forked from."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._knows: set[str] = set()

    def birth(self, module: str) -> Child:
        """Fork a child that has `module` imported. Raises OSError."""
        with _pipes() as pipes:
            with self._lock:
                line = self._running()
                told = self._said(line, f"birth {module}", (pipes.jobs, pipes.answers))
                self._knows.add(module)
                knows = frozenset(self._knows)
            if not told.isdecimal():
                raise OSError(told)
            return Child(
                pipes.our_jobs,
                pipes.our_answers,
                knows=knows,
                kill=lambda: self._bury(int(told), line),
            )

    def _bury(self, pid: int, line: socket.socket) -> int | None:
        with self._lock:
            if line is self._line:
                with contextlib.suppress(OSError, ValueError):
                    return int(self._said(line, f"bury {pid}"))
        # Its zygote is gone, and took it along unless it was killed itself.
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        return None

    def _running(self) -> socket.socket:
        if self._process is not None and self._process.poll() is not None:
            self._leave()
        if self._line is None:
            ours, theirs = socket.socketpair()
            with theirs:
                ours.settimeout(_START_SECONDS)
                self._process = subprocess.Popen(  # noqa: S603 - our own program
                    _command(_ZYGOTE_CODE, str(theirs.fileno())),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    process_group=0,  # Ctrl-C is for us, and it may come while this one starts
                    env=_environment(),
                )
            self._line = ours
        return self._line

    def _said(self, line: socket.socket, order: str, handed: tuple[int, ...] = ()) -> str:
        """Ask and hear the reply. After a talk cut short both would stay confused: it ends."""
        told = ""
        try:
            socket.send_fds(line, [order.encode()], handed)
            told = line.recv(_LINE_BYTES).decode()
        finally:
            if not told:
                self._leave()
        if not told:
            raise OSError("the process that starts them ended")
        return told

    def close(self) -> None:
        """End it and every child of it; the next birth starts another."""
        with self._lock:
            self._leave()

    def _leave(self) -> None:
        line, process = self._line, self._process
        self._line, self._process, self._knows = None, None, set()
        if line is not None:
            line.close()
        if process is not None:
            try:
                process.wait(_LEAVE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def forget(self) -> None:
        """Leave it to our parent: we are a fork, and a line is for two."""
        self._lock = threading.Lock()
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.returncode = 0  # not ours to wait for
        self._line, self._process, self._knows = None, None, set()


def _command(code: str, *arguments: str) -> list[str]:
    # Isolated: neither the folder we are in nor a variable adds anything to what is imported.
    flags = ["-I", "-B"] if sys.dont_write_bytecode else ["-I"]
    path = (each or str(Path.cwd()) for each in sys.path)
    return [sys.executable, *flags, "-c", code, *arguments, *path]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith(_ENVIRONMENT)}


_ZYGOTE = _Zygote()
atexit.register(_ZYGOTE.close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_ZYGOTE.forget)


class _Load:
    """Whether any crew of this program has work, and since when none has."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew: a fork of the program has none of its parent's jobs."""
        self._lock = threading.Lock()
        self._jobs = 0
        self._free_since = time.monotonic()

    @contextlib.contextmanager
    def job(self) -> Iterator[None]:
        with self._lock:
            self._jobs += 1
        try:
            yield
        finally:
            with self._lock:
                self._jobs -= 1
                self._free_since = time.monotonic()

    def end_idle(self, seconds: float) -> None:
        # Under the lock: nobody takes a child meanwhile that would be gone when it is asked.
        with self._lock:
            if not self._jobs and time.monotonic() - self._free_since >= seconds:
                _ZYGOTE.close()


_LOAD = _Load()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_LOAD.forget)


def end_idle(seconds: float) -> None:
    """Let the zygote and its children go when none had work for so long; the next job begins anew.

    What they have loaded takes more memory than a start a few times an hour takes time.
    """
    _LOAD.end_idle(seconds)


def fork_child(module: str) -> Child:
    """Fork a child from this program's zygote: milliseconds. Raises OSError."""
    return _ZYGOTE.birth(module)


class _Everything:
    """What a child knows that imports whatever it is asked for."""

    def __contains__(self, _module: object) -> bool:
        return True


def start_child(module: str) -> Child:
    """Start a child by itself, where there is no fork: a third of a second. Raises OSError."""
    del module
    with _pipes() as pipes:
        process = subprocess.Popen(  # noqa: S603 - our own program
            _command(_CHILD_CODE), stdin=pipes.jobs, stdout=pipes.answers, env=_environment()
        )

        def kill() -> int:
            process.kill()
            return process.wait()

        return Child(pipes.our_jobs, pipes.our_answers, knows=_Everything(), kill=kill)


CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")


class ClosedError(Exception):
    """Work was asked of children that were let go."""


class _Roll:
    """The children of one owner: who is idle, who is at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._is_closed = False

    def take(self, module: str, *, most: int) -> Child | None:
        """Give an idle child that knows the module; None says that a new one has its place.

        Raises ClosedError.
        """
        with self._lock:
            self._forget_others()
            if self._is_closed:
                raise ClosedError
            able = [child for child in self._idle if module in child.knows]
            is_full = len(self._idle) + len(self._busy) >= most
            for child in able[-1:] or self._idle[: int(is_full)]:
                self._idle.remove(child)
                if able and not child.is_over():
                    self._busy.add(child)
                    return child
                child.close()
            return None

    def join(self, child: Child) -> None:
        """Count a new child as at work. Raises ClosedError, with the child ended."""
        with self._lock:
            if not self._is_closed:
                self._busy.add(child)
                return
        child.close()
        raise ClosedError

    def rest(self, child: Child, *, is_worn: bool) -> None:
        """Take a child back from its work, or let it go when it is worn out."""
        with self._lock:
            self._busy.discard(child)
            if not is_worn and not self._is_closed:
                self._idle.append(child)
                return
        child.close()

    def end(self) -> None:
        """Let all go; a thread that waits for one hears so, and closes that one's pipes."""
        with self._lock:
            self._forget_others()
            self._is_closed = True
            idle, self._idle = self._idle, []
            busy = list(self._busy)
        for child in idle:
            child.close()
        for child in busy:
            child.end()

    def _forget_others(self) -> None:
        # In a fork of the program they are our parent's, who goes on talking to them.
        if self._owner != os.getpid():
            self._owner, self._idle, self._busy = os.getpid(), [], set()


_Made = TypeVar("_Made")


class Crew:
    """Children that do one kind of work within limits of time and memory; threads share it.

    A child is started when one is needed, so that a crew without work costs nothing.
    """

    def __init__(
        self,
        *,
        seconds: float,
        megabytes: int,
        processes: int,
        jobs: int,
        start: Callable[[str], Child] | None = None,
    ) -> None:
        """Take the limits of one job, the children at once, and how many jobs one lives for."""
        self.seconds = seconds
        self.megabytes = megabytes
        self.jobs = jobs
        self._processes = processes
        self._start = start or (fork_child if CAN_FORK else start_child)
        self._seats = threading.BoundedSemaphore(processes)
        self._roll = _Roll()
        # Also for one that is dropped without a word, or open when the program leaves.
        self._finish = weakref.finalize(self, self._roll.end)

    def do(
        self,
        function: str,
        options: Mapping[str, str | None],
        content: bytes,
        *,
        opened: Callable[[bytes, bytes], _Made],
    ) -> _Made:
        """Have `module:function` called in a child, and give what `opened` makes of its answer.

        `opened` gets how the answer begins and the answer; it raises ValueError or GarbledError
        for what it does not understand.

        Raises LateError, EndedError, GarbledError, ClosedError, and OSError when no child can be
        started. The next job finds another child, whatever became of this one.
        """
        job = Job(function, options, self.seconds, self.megabytes)
        with _LOAD.job(), self._seats:
            child = self._take(function.partition(":")[0])
            is_worn = True
            try:
                begin, wants_to_go, answer = child.ask(job, content)
                made = opened(begin, answer)
                is_worn = wants_to_go or child.done >= self.jobs
            except EndedError as error:
                if error.args[0] in _OVER_TIME:
                    raise LateError from error
                raise
            except ValueError as error:
                raise GarbledError from error
            finally:
                self._roll.rest(child, is_worn=is_worn)
        return made

    def close(self) -> None:
        """End the children, those at work too: what they were at raises EndedError."""
        self._finish()

    def _take(self, module: str) -> Child:
        child = self._roll.take(module, most=self._processes)
        if child is None:
            child = self._start(module)
            self._roll.join(child)
        return child


def how_ended(code: int | None) -> str:
    """Say how a process ended; a negative code is the signal that killed it."""
    if code is None:
        return "nobody knows how"
    if code >= 0:
        return f"it left with {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
