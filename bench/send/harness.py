"""Rounds of sending against a sink of ours, in turns, and the tables of what came out.

Every run has a sink of its own, counts what that sink accepted, and is thrown away with its reason
when the count is not what was asked. A ratio is taken within each round, between programs that ran
right after one another, and then the median of those: what else the machine does is in both.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import IO

ROOT = Path(__file__).resolve().parents[2]
SINK_BUSY = 0.9
"""A sink that is busy for more of the time is what was measured, and the table says so."""


class RunError(Exception):
    """A run that gives no figure, and why."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run sends: how many, over how many connections, to how slow a server."""

    messages: int
    connections: int
    accept_ms: float = 0
    rtt_ms: float = 0
    most_seconds: float = 120


@dataclass(frozen=True, slots=True)
class Program:
    """One sending program: how it is called, and how it is prepared for each run."""

    name: str
    command: tuple[str, ...]
    share: float = 1.0
    """Which part of the messages a slow one sends, so that its runs end."""
    connections: int | None = None
    """Where it has a number of its own."""
    tls: bool = False
    prepare: Callable[[int], AbstractContextManager[Sequence[str]]] | None = None
    """Makes what a run of so many messages needs, and gives the words that name it."""

    def load(self, load: Load) -> tuple[int, int]:
        """Give how many messages it sends and over how many connections."""
        connections = self.connections or load.connections
        return max(connections, int(load.messages * self.share)), connections


@dataclass(frozen=True, slots=True)
class Run:
    """What one run showed."""

    sent: int
    seconds: float
    cpu_seconds: float
    whole_cpu_seconds: float
    """With the program's start and end, as the system counts it."""
    peak_kb: int
    """Of memory; 0 where the program does not tell."""
    sink_busy: float

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.sent / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of the program's processor a message."""
        return self.cpu_seconds / self.sent * 1e6

    @property
    def whole_cpu_us(self) -> float:
        """The same with the program's start and end."""
        return self.whole_cpu_seconds / self.sent * 1e6


@dataclass(slots=True)
class Row:
    """One program's runs by round; None where it failed, and the last reason."""

    program: Program
    runs: list[Run | None] = field(default_factory=list)
    trouble: str = ""

    @property
    def good(self) -> list[Run]:
        """The runs that gave figures."""
        return [run for run in self.runs if run is not None]


@dataclass(frozen=True, slots=True)
class Bench:
    """The sink, the folder with the message, and the certificate when there is TLS."""

    folder: Path
    sink: Path
    certificate: Path | None = None
    key: Path | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What the programs see: our sources, and whose certificate they trust."""
        trust = str(self.certificate or "")
        ours = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
        tls = {"SSL_CERT_FILE": trust, "NODE_EXTRA_CA_CERTS": trust} if trust else {}
        return os.environ | ours | tls


@contextmanager
def started(
    command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Start a program in a group of its own, which is ended with the block: nobody else's is."""
    with subprocess.Popen(  # noqa: S603 - the programs this bench names itself
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@dataclass(slots=True)
class Sink:
    """A running sink."""

    port: int
    process: subprocess.Popen[str]

    def ended(self) -> dict[str, float]:
        """Stop it and give its counts."""
        self.process.send_signal(signal.SIGTERM)
        printed, _ = self.process.communicate(timeout=10)
        counts: dict[str, float] = json.loads(printed.splitlines()[-1])
        return counts


@contextmanager
def a_sink(bench: Bench, load: Load) -> Iterator[Sink]:
    """Run a sink with the delays of a load, on a port that the system chooses."""
    words = [str(bench.sink), "--accept-ms", str(load.accept_ms), "--rtt-ms", str(load.rtt_ms)]
    if bench.certificate and bench.key:
        words += ["--cert", str(bench.certificate), "--key", str(bench.key)]
    with started(words) as process:
        said = _output(process).readline().split()
        if said[:1] != ["port"]:
            raise RunError("the sink does not start")
        yield Sink(int(said[1]), process)


def _output(process: subprocess.Popen[str]) -> IO[str]:
    assert process.stdout is not None
    return process.stdout


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run_once(bench: Bench, program: Program, load: Load) -> Run:
    """Let a program send to a new sink. Raises RunError when not all of it arrived, or not soon."""
    messages, connections = program.load(load)
    with (
        program.prepare(messages) if program.prepare else nullcontext(()) as prepared,
        a_sink(bench, load) as sink,
    ):
        words = [*program.command, *prepared, *(["--tls"] if program.tls else [])]
        words += ["--port", str(sink.port), "--connections", str(connections)]
        words += ["--messages", str(messages), "--folder", str(bench.folder)]
        before = _cpu_of_children()
        answer = _answer(words, bench.environment, load.most_seconds)
        whole = _cpu_of_children() - before
        counts = sink.ended()
    if counts["accepted"] != messages or answer["sent"] != messages:
        raise RunError(f"{answer['sent']:.0f} sent, {counts['accepted']:.0f} arrived")
    return Run(
        sent=messages,
        seconds=answer["seconds"],
        cpu_seconds=answer["cpu_seconds"],
        whole_cpu_seconds=whole,
        peak_kb=int(answer.get("peak_kb", 0)),
        sink_busy=counts["cpu_seconds"] / answer["seconds"],
    )


def _answer(
    words: Sequence[str], environment: Mapping[str, str], seconds: float
) -> dict[str, float]:
    """Run to the end and read the last line printed. Its CPU is then among the children's."""
    with started(words, environment) as process:
        try:
            printed, complaint = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired as error:
            raise RunError(f"not done after {seconds:.0f} s") from error
    if process.returncode != 0 or not printed.strip():
        last = (complaint.strip().splitlines() or ["no word"])[-1]
        raise RunError(f"ended with {process.returncode}: {last}")
    answer: dict[str, float] = json.loads(printed.strip().splitlines()[-1])
    return answer


def rounds_of(bench: Bench, programs: Sequence[Program], load: Load, rounds: int) -> list[Row]:
    """Let all programs send in turns, each round begun by another one."""
    rows = [Row(program) for program in programs]
    for number in range(rounds):
        at = number % len(rows)
        for row in [*rows[at:], *rows[:at]]:
            try:
                row.runs.append(run_once(bench, row.program, load))
            except RunError as error:
                row.runs.append(None)
                row.trouble = str(error)
            _dot()
    print(file=sys.stderr)
    return rows


def _dot() -> None:
    print(".", end="", file=sys.stderr, flush=True)


def ratio(rows: Row, to: Row, figure: Callable[[Run], float]) -> float | None:
    """Give the median over the rounds of one program's figure to another's."""
    pairs = [(a, b) for a, b in zip(rows.runs, to.runs, strict=True) if a and b]
    return median(figure(a) / figure(b) for a, b in pairs) if pairs else None


def by_rate(run: Run) -> float:
    return run.rate


def by_cpu(run: Run) -> float:
    return run.cpu_us


def _times(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"


def table(rows: Sequence[Row], to: Row) -> str:
    """Write what each program did, as a table in Markdown; rates and CPU as ratios `to` one."""
    beside = to.program.name
    ratios = (f"rate × {beside}", f"CPU × {beside}")
    named = ("program", "sent", "messages/s, median (best)", "CPU µs/message, median (least)")
    head = [*named, "with start-up", *ratios, "sink busy"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for row in rows:
        runs = row.good
        if not runs:
            lines.append(f"| {row.program.name} | - | {row.trouble}{' |' * (len(head) - 2)}")
            continue
        busy = median(run.sink_busy for run in runs)
        rates, cpu = [run.rate for run in runs], [run.cpu_us for run in runs]
        cells = (
            row.program.name,
            f"{runs[0].sent:,}",
            f"{median(rates):,.0f} ({max(rates):,.0f})",
            f"{median(cpu):,.0f} ({min(cpu):,.0f})",
            f"{median(run.whole_cpu_us for run in runs):,.0f}",
            _times(ratio(row, to, by_rate)),
            _times(ratio(row, to, by_cpu)),
            f"{busy:.0%}" + (" (the sink is the limit)" if busy > SINK_BUSY else ""),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        f"{row.program.name}: {row.runs.count(None)} of {len(row.runs)} runs gave no figure:"
        f" {row.trouble}"
        for row in rows
        if row.trouble and row.good
    ]
    return "\n".join(lines)


def advantage(ours: Sequence[Row], peers: Sequence[Row]) -> str:
    """Write how many times as many messages ours hand over as each peer, and the peer's CPU."""
    head = "".join(f" {row.program.name}: rate | CPU saved |" for row in ours)
    lines = [f"| against |{head}", "|---|" + "---|---|" * len(ours)]
    for peer in peers:
        cells = [
            f" {_times(ratio(row, peer, by_rate))} × | {_times(ratio(peer, row, by_cpu))} × |"
            for row in ours
        ]
        lines.append(f"| {peer.program.name} |{''.join(cells)}")
    return "\n".join(lines)


def verdict(what: str, value: float | None, goal: float, *, at_most: bool = False) -> str:
    """Say in one line whether a goal is met; nothing is said to be met that was not measured."""
    if value is None:
        return f"{what}: not measured"
    met = value <= goal if at_most else value >= goal
    sign = "≤" if at_most else "≥"
    return f"{what}: {value:,.2f} (goal {sign} {goal:,.2f}: {'met' if met else 'MISSED'})"


def machine() -> str:
    """Say on what this ran and how busy it was: figures without that are no figures."""
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} cores of {model}, {system}; load average at the start: {load}"
