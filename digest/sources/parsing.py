"""Door to processes: foreign bytes are read in a child that can be killed.

A feed or page is made by strangers. Whatever reading it does (loop, eat memory, bring down a
library written in C), it does in a child process with limits, and the program goes on with a
sentence that says what happened. Children are forked from one clean process, the zygote, which
this program starts when it first reads something; both end with the program, however it ends.

Neither runs the program's own `__main__`, both get an environment without its secrets, and what a
child answers is JSON that is checked: nothing it sends is ever unpickled.
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
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypeVar

from pydantic import TypeAdapter

from digest.clock import to_utc
from digest.errors import SourceError
from digest.sources import parse_child
from digest.sources.cleaning import one_line
from digest.sources.fetch import told_address
from digest.sources.model import FoundStory, Reading
from digest.sources.parse_child import ANSWER_HEAD, READERS, Job

if TYPE_CHECKING:
    from digest.sources.discover import SiteFacts

_Found = TypeVar("_Found")

SECONDS = 10.0
MEGABYTES = 400
"""Four times what a feed of 5 MB takes, the reader itself included."""
PROCESSES = 2
JOBS_OF_A_CHILD = 20
"""Then a fresh one takes its place: what leaked, or was planted, goes with it."""
MAX_ANSWER_BYTES = 20_000_000
_MAX_TOLD_CHARACTERS = 1_000
_START_SECONDS = 30.0
_LEAVE_SECONDS = 5.0
_LINE_BYTES = 1024

# What a process of Python needs; the rest of an environment may hold passwords. (Tests measure
# what the zygote runs, too.)
_ENVIRONMENT = ("LANG", "LC_", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT", "COVERAGE_")
_ZYGOTE_CODE = (
    "import sys; sys.path[:] = sys.argv[2:]\n"
    "from digest.sources import parse_child; parse_child.run_zygote(int(sys.argv[1]))"
)
_CHILD_CODE = (
    "import sys; sys.path[:] = sys.argv[1:]\n"
    "from digest.sources import parse_child; parse_child.run_child(0, 1)"
)
_OVER_TIME = frozenset(
    -number
    for name in ("SIGXCPU", "SIGALRM")
    if (number := getattr(signal, name, None)) is not None
)


class _LateError(Exception):
    """A child took longer than its time, and was killed."""


class _EndedError(Exception):
    """A child ended before it answered: the exit code, negative for a signal, None if unknown."""


class _GarbledError(Exception):
    """A child answered what no reader answers."""


class Child:
    """One process that reads, as its parent sees it: two pipes, and a way to end it."""

    def __init__(
        self,
        jobs: int,
        answers: int,
        *,
        knows: frozenset[str],
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

        Raises _LateError, _EndedError, _GarbledError; the child is of no use then.
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
            raise _LateError
        if answer is None:
            raise _EndedError(self.end())
        self.done += 1
        return answer

    def _exchange(self, job: Job, content: bytes) -> tuple[bytes, bool, bytes]:
        for part in job.packed(content):
            parse_child.write_all(self.jobs, part)
        head = parse_child.read_exactly(self.answers, ANSWER_HEAD.size)
        begin, is_worn, length = ANSWER_HEAD.unpack(head)
        if length > MAX_ANSWER_BYTES:
            raise _GarbledError(f"more than {MAX_ANSWER_BYTES // 1_000_000} MB")
        return begin, is_worn, parse_child.read_exactly(self.answers, length)

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


def fork_child(module: str) -> Child:
    """Fork a child from this program's zygote: milliseconds. Raises OSError."""
    return _ZYGOTE.birth(module)


def start_child(module: str) -> Child:
    """Start a child by itself, where there is no fork: a third of a second. Raises OSError."""
    knows = {module, *(reader.partition(":")[0] for reader in READERS.values())}
    with _pipes() as pipes:
        process = subprocess.Popen(  # noqa: S603 - our own program
            _command(_CHILD_CODE), stdin=pipes.jobs, stdout=pipes.answers, env=_environment()
        )

        def kill() -> int:
            process.kill()
            return process.wait()

        return Child(pipes.our_jobs, pipes.our_answers, knows=frozenset(knows), kill=kill)


_CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")


class _ClosedError(Exception):
    """A closed parser was asked to read."""


class _Crew:
    """The children of one parser: who is idle, who is at work."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._idle: list[Child] = []
        self._busy: set[Child] = set()
        self._is_closed = False

    def take(self, module: str, *, most: int) -> Child | None:
        """Give an idle child that knows the module; None says that a new one has its place.

        Raises _ClosedError.
        """
        with self._lock:
            self._forget_others()
            if self._is_closed:
                raise _ClosedError
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
        """Count a new child as at work. Raises _ClosedError, with the child ended."""
        with self._lock:
            if not self._is_closed:
                self._busy.add(child)
                return
        child.close()
        raise _ClosedError

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


class Parser:
    """Reads foreign bytes in children of its own; threads share it.

    A child is started when one is needed, so that a parser which reads nothing costs nothing.
    """

    def __init__(
        self,
        *,
        seconds: float = SECONDS,
        megabytes: int = MEGABYTES,
        processes: int = PROCESSES,
        jobs: int = JOBS_OF_A_CHILD,
        readers: Mapping[str, str] = READERS,
        start: Callable[[str], Child] = fork_child if _CAN_FORK else start_child,
    ) -> None:
        """Take the limits of one job, the children at once, and how many jobs one lives for.

        `readers` names the function for each kind as `module:function`; it is called in the child
        with the bytes and the keywords of `read`.
        """
        self.seconds = seconds
        self.megabytes = megabytes
        self.processes = processes
        self.jobs = jobs
        self.readers = readers
        self._start = start
        self._seats = threading.BoundedSemaphore(processes)
        self._crew = _Crew()
        # Also for one that is dropped without a word, or open when the program leaves.
        self._finish = weakref.finalize(self, self._crew.end)

    def read(
        self,
        kind: str,
        content: bytes,
        *,
        address: str,
        content_type: str = "",
        zone: str = "UTC",
        language: str | None = None,
    ) -> Reading:
        """Read what a source gave; `kind` names the reader, as "feed" or "page".

        Raises SourceError: what the reader says of the bytes, or what became of the child.
        """
        told = {"address": address, "content_type": content_type, "zone": zone}
        return self._read(kind, content, {**told, "language": language}, _reading)

    def site(self, content: bytes, *, address: str, content_type: str = "") -> SiteFacts:
        """Read what a site's front page says of the site. Raises SourceError, as `read` does."""
        options = {"address": address, "content_type": content_type}
        return self._read("site", content, options, _site_facts)

    def close(self) -> None:
        """End the children, those at work too; a job they were at raises SourceError."""
        self._finish()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(
        self,
        kind: str,
        content: bytes,
        options: Mapping[str, str | None],
        opened: Callable[[bytes], _Found],
    ) -> _Found:
        job = Job(self.readers[kind], options, self.seconds, self.megabytes)
        what = f"{kind}: {told_address(options['address'] or '')[:_MAX_TOLD_CHARACTERS]}"
        with self._seats:
            child = self._take(job.reader.partition(":")[0], what)
            is_worn = True
            try:
                begin, wants_to_go, answer = child.ask(job, content)
                found = opened(answer) if begin == parse_child.READ else _told(begin, answer)
                is_worn = wants_to_go or child.done >= self.jobs
            except (_LateError, _EndedError, _GarbledError, ValueError) as error:
                raise self._in_words(what, error) from error
            finally:
                self._crew.rest(child, is_worn=is_worn)
        if isinstance(found, _Told):
            raise self._refused(what, found)
        return found

    def _take(self, module: str, what: str) -> Child:
        """Give an idle child that knows the module, else a new one."""
        try:
            child = self._crew.take(module, most=self.processes)
            if child is None:
                child = self._start(module)
                self._crew.join(child)
        except _ClosedError as error:
            raise SourceError(
                f"{what}: not read, as the program is leaving", hint="Tried again at the next poll."
            ) from error
        except OSError as error:
            raise SourceError(
                f"{what}: no process could be started to read it ({error})",
                hint="Look whether this machine has memory and processes left.",
            ) from error
        return child

    def _in_words(self, what: str, error: Exception) -> SourceError:
        if isinstance(error, _LateError) or (
            isinstance(error, _EndedError) and error.args[0] in _OVER_TIME
        ):
            return SourceError(
                f"{what}: took longer than {self.seconds:g} s to read",
                hint="Real feeds and pages do not; look at what the address answers.",
            )
        if isinstance(error, _EndedError):
            return SourceError(
                f"{what}: ended its reader ({_how(error.args[0])})",
                hint="Look at what the address answers; the other sources go on.",
            )
        return SourceError(
            f"{what}: its reader gave no answer that is understood",
            hint="Look at what the address answers; the other sources go on.",
        )

    def _refused(self, what: str, told: _Told) -> SourceError:
        if told.begin == parse_child.REFUSED:
            return SourceError(told.message, hint=told.hint)
        if told.begin == parse_child.NO_MEMORY:
            return SourceError(
                f"{what}: needed more than {self.megabytes} MB of memory",
                hint="Real feeds and pages do not; look at what the address answers.",
            )
        return SourceError(
            f"{what}: cannot be read ({told.message})",
            hint="If it looks well in a browser, report this as a mistake of the program.",
        )


@dataclass(frozen=True, slots=True)
class _Told:
    """What a child says instead of a reading."""

    begin: bytes
    message: str = ""
    hint: str = ""


def _told(begin: bytes, answer: bytes) -> _Told:
    if begin == parse_child.NO_MEMORY:
        return _Told(begin)
    if begin == parse_child.FAILED:
        return _Told(begin, _short(_TEXT.validate_json(answer)))
    if begin == parse_child.REFUSED:
        message, hint = _TEXTS.validate_json(answer)
        return _Told(begin, _short(message), _short(hint))
    raise _GarbledError(begin)


_TEXT = TypeAdapter(str)
_TEXTS = TypeAdapter(tuple[str, str])


def _short(text: str) -> str:
    return one_line(text)[:_MAX_TOLD_CHARACTERS]


def _reading(answer: bytes) -> Reading:
    found: Reading = _adapter().validate_json(answer)
    return replace(found, stories=tuple(_in_utc(story) for story in found.stories))


def _in_utc(story: FoundStory) -> FoundStory:
    published_at, updated_at = story.published_at, story.updated_at
    return replace(
        story,
        published_at=to_utc(published_at) if published_at else None,
        updated_at=to_utc(updated_at) if updated_at else None,
    )


@cache
def _adapter() -> TypeAdapter[Reading]:
    return TypeAdapter(Reading)


def _site_facts(answer: bytes) -> SiteFacts:
    return _site_adapter().validate_json(answer)


@cache
def _site_adapter() -> TypeAdapter[SiteFacts]:
    from digest.sources.discover import SiteFacts  # noqa: PLC0415 - it loads what only it needs

    return TypeAdapter(SiteFacts)


def _how(code: int | None) -> str:
    if code is None:
        return "nobody knows how"
    if code >= 0:
        return f"it left with {code}"
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"
