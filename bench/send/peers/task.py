"""What every sending program of the bench is asked, and how it answers: one line of JSON.

The clock and the CPU begin when all is ready to connect and end with the last answer, so that
starting up (an interpreter, a compiler's run time) is nobody's advantage.
"""

from __future__ import annotations

import argparse
import json
import resource
import ssl
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from time import perf_counter

SENDER = "post@mail.example.org"


@dataclass(frozen=True, slots=True)
class Task:
    """So many messages to a port of this machine, over so many connections."""

    port: int
    connections: int
    messages: int
    folder: Path
    tls: bool
    mode: str

    @property
    def message(self) -> bytes:
        """The ready message."""
        return (self.folder / "message.eml").read_bytes()

    @property
    def trust(self) -> ssl.SSLContext | None:
        """Check the sink's certificate, where TLS is asked for; SSL_CERT_FILE names it."""
        return ssl.create_default_context() if self.tls else None


def arguments() -> argparse.ArgumentParser:
    """Give what every program understands."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("port", "connections", "messages"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--mode", default="")
    return parser


def task() -> Task:
    return task_of(arguments().parse_args())


def task_of(values: argparse.Namespace) -> Task:
    return Task(**{each.name: getattr(values, each.name) for each in fields(Task)})


def address_of(reader: int) -> str:
    return f"reader{reader}@reader.example"


@dataclass(slots=True)
class Stopwatch:
    """Seconds of the wall and of the processor, of this process and of those it waited for."""

    who: tuple[int, ...] = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    begun: float = field(default_factory=perf_counter)
    used: float = 0.0

    def __post_init__(self) -> None:
        self.used = self._cpu()

    def _cpu(self) -> float:
        usages = [resource.getrusage(each) for each in self.who]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    def report(self, sent: int) -> None:
        """Print the answer: so many were accepted."""
        seconds, cpu_seconds = perf_counter() - self.begun, self._cpu() - self.used
        answer = {"sent": sent, "seconds": seconds, "cpu_seconds": cpu_seconds}
        json.dump(answer | {"peak_kb": peak_kb()}, sys.stdout)
        sys.stdout.write("\n")


def peak_kb() -> int:
    """Give the most memory this process has had, and the largest of those it waited for.

    Of itself ru_maxrss would count what it was forked from; of the others it does, so it is never
    too little.
    """
    status = Path("/proc/self/status").read_text()
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return int(status.partition("VmHWM:")[2].split()[0]) + theirs
