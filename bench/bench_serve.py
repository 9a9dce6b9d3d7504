"""What `digest serve` costs: the first page, the memory of all its processes, the time it idles.

A new site is made with `digest init`; then the clock runs from typing `digest serve` to the first
page. Run it with: python bench/bench_serve.py [--seconds N] [--runs N]. It needs Linux.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

FIRST_PAGE_GOAL = 3.0
MEMORY_GOAL = 200.0
CPU_GOAL = 1.0
SETTLED_AFTER = 40.0
"""Seconds after the first page: what starting costs is over then."""
ITEM = """<item><title>Story {n}</title><link>https://harbour.example/{n}</link>
<guid>{n}</guid><description>What happened in the {n}th hour.</description></item>"""
FEED = (
    '<rss version="2.0"><channel><title>Post</title><link>https://harbour.example</link>'
    f"<description>News</description>{''.join(ITEM.format(n=n) for n in range(20))}</channel></rss>"
)
"""It is read once at the start and found the same again later, as most feeds are at most hours."""
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to watch it idle")
    parser.add_argument("--runs", type=int, default=3, help="how many first pages")
    asked = parser.parse_args()
    pages = [first_page() for _ in range(asked.runs - 1)]
    with tempfile.TemporaryDirectory(prefix="digest-serve-") as folder:
        process, seconds = started(Path(folder))
        pages.append(seconds)
        try:
            time.sleep(SETTLED_AFTER)
            report(pages, process.pid, asked.seconds)
        finally:
            leave(process)


def report(pages: list[float], pid: int, seconds: float) -> None:
    """Print what was measured, each beside its goal."""
    before, began = cpu_seconds(pid), time.monotonic()
    time.sleep(seconds)
    after, wall = cpu_seconds(pid), time.monotonic() - began
    cpu = {each: after[each] - before.get(each, 0.0) for each in after}
    memory = {each: proportional(each) for each in family(pid)}
    print(f"{'process':<12}{'PSS MB':>8}{'% of a core':>13}")
    for each, megabytes in memory.items():
        busy = 100 * cpu.get(each, 0.0) / wall
        print(f"{name_of(each):<12}{megabytes:>8.1f}{busy:>13.2f}")
    total, busy = sum(memory.values()), 100 * sum(cpu.values()) / wall
    print(
        f"first page   median {statistics.median(pages):.2f} s, most {max(pages):.2f} s", end="  "
    )
    print(verdict(max(pages), FIRST_PAGE_GOAL, "s"))
    print(f"memory       {total:.0f} MB in {len(memory)} processes", end="  ")
    print(verdict(total, MEMORY_GOAL, "MB"))
    print(f"idle         {busy:.2f} % of a core over {wall:.0f} s", end="  ")
    print(verdict(busy, CPU_GOAL, "%"))


def verdict(value: float, goal: float, unit: str) -> str:
    """Say whether a goal is met."""
    return f"goal at most {goal:g} {unit}: {'met' if value <= goal else 'MISSED'}"


def first_page() -> float:
    """Give the seconds to the first page in a new folder, and stop."""
    with tempfile.TemporaryDirectory(prefix="digest-serve-") as folder:
        process, seconds = started(Path(folder))
        leave(process)
    return seconds


def started(folder: Path) -> tuple[subprocess.Popen[bytes], float]:
    """Make a site, serve it, and give the process and how long the first page took."""
    environment = {name: value for name, value in os.environ.items() if "DIGEST_" not in name}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment["DIGEST_WEB__LISTEN"] = f"127.0.0.1:{port}"
    command = [sys.executable, "-m", "digest", "-c", str(folder / "digest.toml")]
    init = [*command, "init", "--site", "https://harbour.example", "--offline"]
    subprocess.run(init, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603 - our own words
    settings = folder / "digest.toml"
    settings.write_text(re.sub(r"(?m)^feed +=.*", 'feed = "feed.xml"', settings.read_text()))
    (folder / "feed.xml").write_text(FEED)
    began = time.monotonic()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([*command, "serve"], stdout=log, stderr=log, env=environment)  # noqa: S603 - our own words
    while not answers(f"http://127.0.0.1:{port}/"):
        if process.poll() is not None or time.monotonic() - began > 60:
            raise SystemExit((folder / "log").read_text())
        time.sleep(0.01)
    seconds = time.monotonic() - began
    busy = sum(cpu_seconds(process.pid).values())  # says more where others use the machine, too
    print(f"first page   {seconds:.2f} s with {busy:.2f} s of a core")
    return process, seconds


def answers(url: str) -> bool:
    """Tell whether the page is there."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def leave(process: subprocess.Popen[bytes]) -> None:
    """Ask it to leave and wait."""
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def family(pid: int) -> list[int]:
    """Give a process and all below it."""
    found = [pid]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            found += [int(child) for child in (task / "children").read_text().split()]
    return found


def proportional(pid: int) -> float:
    """Give a process's share of the memory in MB: what several share is divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_seconds(pid: int) -> dict[int, float]:
    """Give the seconds of a core that each process has used, in ours and in the system's name."""
    return {each: sum(ticks(each)) / _TICKS for each in family(pid)}


def ticks(pid: int) -> tuple[int, int]:
    """Give utime and stime (proc(5), fields 14 and 15)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]), int(fields[12])


def name_of(pid: int) -> str:
    """Give the word of ours in a process's command."""
    words = Path(f"/proc/{pid}/comm").read_text().split()
    known = ("web", "schedule", "worker")
    return next((word for word in known if word in words), "serve")


if __name__ == "__main__":
    main()
