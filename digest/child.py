"""Door to the processes that do what may go wrong: what runs in them.

There are two. The zygote does nothing foreign: it imports modules once and forks children in a
moment. A child does one job after the other within limits of memory and time, and is killed when
it goes beyond them. It never starts a network connection or a process and writes no file: that is
defence in depth against work led astray, and no sandbox: it still runs as our user.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from importlib import import_module
from typing import Any

from digest.errors import DigestError

DONE, REFUSED, NO_MEMORY, FAILED = b"R", b"E", b"M", b"X"
"""How an answer begins: what was made, a DigestError (message, hint), no memory, another error."""

JOB_HEAD = struct.Struct(">II")
"""Before a job: the lengths of its JSON and of the foreign bytes behind it."""
ANSWER_HEAD = struct.Struct(">c?I")
"""Before an answer: how it begins, whether the child wants to be replaced, and its length."""

_MEGABYTE = 1024 * 1024
_LINE_BYTES = 1024
_OPEN_FILES = 64
_LATE_SECONDS = 2
"""After its time a child ends itself: should whoever would have killed it be gone."""

_FORBIDDEN = frozenset(
    {
        *("socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo"),
        *("socket.getnameinfo", "socket.gethostbyname", "socket.gethostbyaddr", "os.exec"),
        *("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"),
        *("os.kill", "os.killpg", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link"),
        *("os.symlink", "os.truncate", "os.chmod", "os.chown"),
    }
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is asked for, beside the foreign bytes themselves."""

    function: str
    """`module:function`; it is called with the bytes and the options."""
    options: Mapping[str, str | None]
    seconds: float
    megabytes: int

    def packed(self, content: bytes) -> tuple[bytes, bytes]:
        """Give what goes down the pipe, the foreign bytes apart: they need no copy."""
        told = json.dumps(dataclasses.asdict(self)).encode()
        return JOB_HEAD.pack(len(told), len(content)) + told, content


def run_zygote(descriptor: int) -> None:
    """Fork and bury children as the other end of a socket asks; leave when it closes.

    `birth MODULE`, with a pipe to read jobs from and one to answer on, is replied to with the
    child's process id; `bury ID` kills a child and is replied to with how it ended.
    """
    for number in _ends_by_its_parent():
        signal.signal(number, signal.SIG_IGN)
    children: set[int] = set()
    with socket.socket(fileno=descriptor) as line:
        try:
            while True:
                order, handed, _flags, _sender = socket.recv_fds(line, _LINE_BYTES, 2)
                if not order:
                    return
                line.sendall(_obeyed(order.decode(), handed, children, line).encode())
        except OSError:
            return  # killed in the middle of a word
        finally:
            # Nobody is left to hear what they find: a child in a loop must not stay behind.
            for pid in list(children):
                _bury(pid, children)


def _ends_by_its_parent() -> Iterator[signal.Signals]:
    # Ctrl-C and a service's stop go to every process of the group; ours finish the job in hand
    # and leave when their pipe closes.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if number := getattr(signal, name, None):
            yield number


def _obeyed(order: str, handed: list[int], children: set[int], line: socket.socket) -> str:
    word, _, rest = order.partition(" ")
    if word == "bury":
        return str(_bury(int(rest), children))
    try:
        with contextlib.suppress(Exception):  # whoever asks for its work will hear why
            import_module(rest)
        pid = _fork(handed, line)
    except OSError as error:
        return f"no process: {error.strerror}"
    finally:
        for descriptor in handed:
            os.close(descriptor)
    children.add(pid)
    return str(pid)


def _bury(pid: int, children: set[int]) -> int:
    if pid not in children:
        return 0
    children.discard(pid)
    os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _fork(handed: list[int], line: socket.socket) -> int:
    gc.freeze()  # what the children share stays unwritten, and so shared
    pid = os.fork()
    if pid:
        return pid
    try:
        line.close()
        run_child(*handed)
    finally:
        os._exit(1)


def run_child(jobs: int, answers: int) -> None:
    """Serve on two pipes in a process that is nothing but this; never comes back."""
    jobs, answers = settle(jobs, answers)
    sys.addaudithook(forbid)
    serve(jobs, answers, limit=limit_to)
    os._exit(0)


def settle(jobs: int, answers: int) -> tuple[int, int]:
    """Make this process a child: silent, deaf to its group's signals, within its lasting limits.

    Gives the two pipes anew; what was handed over, and what was said and heard, is closed.
    """
    kept = os.dup(jobs), os.dup(answers)
    silence = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(silence, standard)
    for descriptor in {silence, jobs, answers} - {0, 1, 2}:
        os.close(descriptor)
    for number in _ends_by_its_parent():
        signal.signal(number, signal.SIG_IGN)
    sys.dont_write_bytecode = True
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", _OPEN_FILES)
    _limit("RLIMIT_NPROC", 0)
    return kept


def forbid(event: str, details: tuple[Any, ...]) -> None:
    """Refuse what no such work has a reason to do. An audit hook: raises PermissionError."""
    if event in _FORBIDDEN or (event == "open" and int(details[2] or 0) & _WRITING):
        raise PermissionError(f"a child tried {event}")


def limit_to(job: Job | None) -> None:
    """Set this process's limits for one job: memory in all, processor and wall time from now.

    None: the job is done, and waiting for the next one may take as long as it likes.
    """
    if hasattr(signal, "alarm"):
        signal.alarm(int(job.seconds) + _LATE_SECONDS if job else 0)
    if job is None:
        return
    used = sum(os.times()[:2])
    _limit("RLIMIT_AS", job.megabytes * _MEGABYTE, is_hard=False)
    _limit("RLIMIT_CPU", int(used + job.seconds) + _LATE_SECONDS, is_hard=False)


def _limit(name: str, most: int, *, is_hard: bool = True) -> None:
    # Some systems lack the module, others a limit, others refuse what is below today's use.
    with contextlib.suppress(ImportError, AttributeError, ValueError, OSError):
        import resource  # noqa: PLC0415 - absent on Windows

        what = getattr(resource, name)
        resource.setrlimit(what, (most, most if is_hard else resource.getrlimit(what)[1]))


def serve(jobs: int, answers: int, *, limit: Callable[[Job | None], None]) -> None:
    """Do one job after the other and answer each, until the pipe of jobs closes."""
    with contextlib.suppress(EOFError, OSError):
        while True:
            lengths = JOB_HEAD.unpack(read_exactly(jobs, JOB_HEAD.size))
            job = Job(**json.loads(read_exactly(jobs, lengths[0])))
            limit(job)
            begin, told = _answer(job, read_exactly(jobs, lengths[1]))
            is_worn = begin == NO_MEMORY or _address_space() > job.megabytes * _MEGABYTE / 2
            write_all(answers, ANSWER_HEAD.pack(begin, is_worn, len(told)))
            write_all(answers, told)
            limit(None)


def _answer(job: Job, content: bytes) -> tuple[bytes, bytes]:
    try:
        module, _, name = job.function.partition(":")
        found = getattr(import_module(module), name)(content, **job.options)
        return DONE, packed(dataclasses.asdict(found))
    except DigestError as error:
        return REFUSED, packed([str(error), error.hint])
    except MemoryError:
        return NO_MEMORY, b""
    except Exception as error:  # noqa: BLE001 - a mistake of ours, or bytes made to find one
        return FAILED, packed(f"{type(error).__name__}: {error}"[:_LINE_BYTES])


def packed(value: object) -> bytes:
    """Give JSON in UTF-8; half letters (lone surrogates) become the replacement character."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _plain(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"a child gave {type(value).__name__}")


def _address_space() -> int:
    """Give the bytes that the memory limit counts; 0 where the system does not tell."""
    try:
        with open("/proc/self/statm", "rb") as told:  # noqa: PTH123 - no path, but the kernel's word
            return int(told.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def read_exactly(descriptor: int, count: int) -> bytes:
    """Read so many bytes from a pipe. Raises EOFError when it closes before."""
    content = bytearray()
    while len(content) < count:
        piece = os.read(descriptor, min(count - len(content), _MEGABYTE))
        if not piece:
            raise EOFError
        content += piece
    return bytes(content)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all of it to a pipe. Raises OSError when nobody reads there any more."""
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
