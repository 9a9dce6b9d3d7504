"""How fast an edition leaves, beside other programs, and what it costs.

All send the same message to the same sink (bench/send/sink.c), in turns. Scenarios: sink, bare,
small, ledger, signed, far, million; without names, all of them. `--quick` gives a short look.
Run it with: python bench/bench_send.py [--quick] [--rounds N] [SCENARIO …]
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench.send.harness import (
    Bench,
    Load,
    Program,
    Row,
    advantage,
    by_rate,
    machine,
    ratio,
    rounds_of,
    table,
    verdict,
)
from bench.send.ledgers import Ledgers, Prepare
from bench.send.message import SMALL, a_letter, write
from bench.send.programs import AS_LISTMONK, SMTP_SOURCE, peers, python, the_bench

LOOPS = ("asyncio", "uvloop")
BARE_MESSAGES = 20_000
LEDGER_MESSAGES = 100_000
"""A second of a big edition's sending is the start of its ledger's process."""
SIGNED_MESSAGES = 10_000
CONNECTIONS = 8
FAR_CONNECTIONS = (8, 32, 100, 200)
FAR_ACCEPT_MS, FAR_RTT_MS = 50, 20
FAR_TURNS = 60
"""How many messages each connection sends to the far server."""
FAR_PEERS = (SMTP_SOURCE, "smtplib", "Go net/smtp, raw", "nodemailer, raw")
FEW, MANY = 10_000, 1_000_000
MANY_SECONDS = 1800


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a scenario needs."""

    bench: Bench
    others: tuple[Program, ...]
    ledgers: Ledgers
    quick: bool
    rounds: int
    no_tls: str
    """Why there is none, or nothing."""

    @property
    def reference(self) -> list[Program]:
        """The program that the goals are about, if it is here."""
        return [each for each in self.others if each.name == SMTP_SOURCE]

    def load(self, messages: int, connections: int = CONNECTIONS) -> Load:
        """Ask for so many messages, or for a tenth in a short look."""
        return Load(messages // 10 if self.quick else messages, connections)

    def send(self, programs: Iterable[Program], load: Load, rounds: int | None = None) -> list[Row]:
        """Let programs send in turns, and print the first table of what came out."""
        rows = rounds_of(self.bench, list(programs), load, rounds or self.rounds)
        print(table(rows, rows[0]), flush=True)
        return rows


def ours(
    name: str,
    *,
    loop: str = LOOPS[0],
    dkim: str = "none",
    tls: bool = False,
    prepare: Prepare | None = None,
) -> Program:
    command = python("ours", "--loop", loop, "--dkim", dkim)
    return Program(f"ours, {name}", command, tls=tls, prepare=prepare)


def ours_bare() -> list[Program]:
    return [ours(f"bare, {loop}", loop=loop) for loop in LOOPS]


def goals(rows: Sequence[Row], to: str, least: Callable[[Row], float]) -> None:
    """Print for each row of ours whether it is fast enough beside another program."""
    for other in (row for row in rows if row.program.name == to):
        for row in (row for row in rows if row.program.name.startswith("ours")):
            what = f"{row.program.name}: rate × {to}"
            print(verdict(what, ratio(row, other, by_rate), least(row)))


def sink(stage: Stage) -> None:
    """Show that the sink is not the limit: what it takes, and what one core of it could."""
    if not stage.reference:
        print("not measured: it needs smtp-source")
        return
    for connections in (CONNECTIONS, 32):
        print(f"\n{connections} connections", flush=True)
        rows = stage.send(stage.reference, stage.load(BARE_MESSAGES, connections))
        if rows[0].good:
            per_core = median(run.rate / run.sink_busy for run in rows[0].good)
            print(f"one core of the sink could take {per_core:,.0f} messages/s")


def bare(stage: Stage) -> None:
    programs = [*stage.others, *ours_bare()]
    rows = stage.send(programs, stage.load(BARE_MESSAGES))
    print(f"\n{advantage(rows[-len(LOOPS) :], rows[: -len(LOOPS)])}\n")
    goals(rows, SMTP_SOURCE, lambda _row: 1.0)
    for name in AS_LISTMONK:
        goals(rows, name, lambda _row: 10.0)


def small(stage: Stage) -> None:
    """The same with a message of 10 kB."""
    folder = stage.bench.folder / "small"
    folder.mkdir()
    write(a_letter(SMALL), folder)
    bench = replace(stage.bench, folder=folder)
    programs = [*stage.others, *ours_bare()]
    rows = replace(stage, bench=bench).send(programs, stage.load(2 * BARE_MESSAGES))
    print(f"\n{advantage(rows[-len(LOOPS) :], rows[: -len(LOOPS)])}")


def ledger(stage: Stage) -> None:
    programs = [
        ours(f"{kind}, {loop}", loop=loop, prepare=prepare)
        for kind, prepare in stage.ledgers.kinds().items()
        for loop in LOOPS
    ]
    rows = stage.send([*stage.reference, *ours_bare(), *programs], stage.load(LEDGER_MESSAGES))
    goals(rows, SMTP_SOURCE, _least_with_ledger)


def _least_with_ledger(row: Row) -> float:
    return {"bare": 1.0, "SQLite": 0.7, "PostgreSQL": 0.5}[
        row.program.name.removeprefix("ours, ").partition(",")[0]
    ]


def signed(stage: Stage) -> None:
    """TLS, DKIM and both: without a ledger and with one; smtp-source itself has neither."""
    kinds: dict[str, Prepare | None] = {"bare": None, **stage.ledgers.kinds()}
    programs = [
        ours(f"{kind}, {'TLS, ' if tls else ''}DKIM {dkim}", dkim=dkim, tls=tls, prepare=prepare)
        for kind, prepare in kinds.items()
        for tls in (False, True)
        for dkim in ("none", "rsa", "both")
        if not (tls and stage.no_tls)
    ]
    others = [
        replace(each, name=f"{each.name}, TLS", tls=True)
        for each in stage.others
        if each not in stage.reference and "as listmonk" not in each.name and not stage.no_tls
    ]
    rows = stage.send([*stage.reference, *others, *programs], stage.load(SIGNED_MESSAGES))
    for row in rows:
        if row.program.name.endswith("DKIM rsa") and row.good:
            per_core = 1e6 / median(run.cpu_us for run in row.good)
            print(verdict(f"{row.program.name}: messages/s of a core", per_core, 1200))


def far(stage: Stage) -> None:
    """20 ms of RTT and 50 ms to accept: what a real relay far away looks like."""
    turns = FAR_TURNS // 3 if stage.quick else FAR_TURNS
    print(f"{FAR_RTT_MS} ms RTT, {FAR_ACCEPT_MS} ms to accept, {turns} messages a connection")
    others = [
        replace(each, share=1.0) for name in FAR_PEERS for each in stage.others if each.name == name
    ]
    with_ledger = ours("SQLite", prepare=stage.ledgers.sqlite)
    for connections in FAR_CONNECTIONS:
        print(f"\n{connections} connections", flush=True)
        load = Load(connections * turns, connections, FAR_ACCEPT_MS, FAR_RTT_MS)
        rows = stage.send([*others, *ours_bare(), with_ledger], load, min(stage.rounds, 3))
        goals(rows, SMTP_SOURCE, lambda _row: 1.8)


def million(stage: Stage) -> None:
    """Memory, and CPU a message, of an edition a hundred times as large."""
    for kind, prepare in stage.ledgers.kinds().items():
        found = []
        for number in (FEW, MANY):
            load = replace(stage.load(number), most_seconds=MANY_SECONDS)
            print(f"\n{load.messages:,} planned and sent", flush=True)
            program = ours(f"{kind}, {load.messages:,}", loop=LOOPS[1], prepare=prepare)
            found.append(stage.send([program], load, 1 if number == MANY else None)[0].good)
        few, many = found
        if few and many:
            times = many[0].cpu_us / median(run.cpu_us for run in few)
            print(
                verdict(
                    f"{kind}: CPU/message at the larger × at the smaller", times, 1.2, at_most=True
                )
            )
            print(verdict(f"{kind}: peak memory, MB", many[0].peak_kb / 1000, 150, at_most=True))


SCENARIOS = {each.__name__: each for each in (sink, bare, small, ledger, signed, far, million)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=", ".join(SCENARIOS))
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages, one round")
    parser.add_argument("--rounds", type=int, default=0)
    asked = parser.parse_args()
    if unknown := set(asked.scenarios) - set(SCENARIOS):
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what was started is ended then too
    print(f"python bench/bench_send.py {' '.join(sys.argv[1:])}    {datetime.now(UTC):%Y-%m-%d}")
    print(machine())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        letter = a_letter()
        write(letter, folder)
        bench, no_tls = the_bench(folder)
        found = peers(folder)
        print(f"message: {len(letter.message):,} bytes")
        for missing in (*found.missing, *([no_tls] if no_tls else [])):
            print(f"left out: {missing}")
        ledgers = Ledgers(folder)
        rounds = asked.rounds or (1 if asked.quick else 5)
        stage = Stage(bench, found.programs, ledgers, asked.quick, rounds, no_tls)
        try:
            for scenario in asked.scenarios or SCENARIOS:
                print(f"\n## {scenario}\n", flush=True)
                SCENARIOS[scenario](stage)
        finally:
            ledgers.close()


if __name__ == "__main__":
    main()
