"""How long `digest --help` takes, whole process, beside an interpreter that does nothing.

Run it with: python bench/bench_help.py
"""

from __future__ import annotations

import statistics
import subprocess
import sys
from time import perf_counter

RUNS = 20
GOAL_MS = 150.0


def timed(*command: str) -> float:
    started = perf_counter()
    subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own words
    return (perf_counter() - started) * 1000


def main() -> None:
    help_command, nothing = ("-m", "digest", "--help"), ("-c", "pass")
    timed(*help_command)  # compiles what is not compiled yet
    pairs = [(timed(*help_command), timed(*nothing)) for _ in range(RUNS)]
    ours, bare = (sorted(times) for times in zip(*pairs, strict=True))
    print(f"digest --help      median {statistics.median(ours):.0f} ms, least {ours[0]:.0f} ms")
    print(f"python -c pass     median {statistics.median(bare):.0f} ms, least {bare[0]:.0f} ms")
    print(f"ratio              {statistics.median(ours) / statistics.median(bare):.1f}")
    print(
        f"goal               at most {GOAL_MS:.0f} ms: {'met' if ours[0] <= GOAL_MS else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
