"""A forked child begins clean: its own session, no files of its parent's, gone when that goes."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = """
    import os, signal, sys, threading
    from digest.forked import fork
    from digest.supervisor import stop_signals, stop_with_parent

    def open_files():
        return sorted(int(name) for name in os.listdir("/proc/self/fd"))

    mine = open("/dev/null")
    kept = os.open("/dev/null", os.O_RDONLY)

    def body():
        told = [os.getsid(0) == os.getpid(), os.fstat(kept).st_rdev == os.fstat(mine_copy).st_rdev]
        try:
            os.fstat(mine.fileno())
        except OSError:
            told.append("closed")
        told.append(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        print(told, flush=True)
        with stop_signals() as stop:
            stop_with_parent(stop)
            stop.wait(30)
        return 7

    mine_copy = os.dup(mine.fileno())
    child = fork(body, name="web", keep={kept, mine_copy})
    assert child.poll() is None
    assert child.wait(0.01) is None
    child.ask_to_leave()
    child.ask_to_leave()
    print(child.wait(20), child.poll())

    stubborn = fork(lambda: threading.Event().wait(60), name="stubborn")
    stubborn.kill()
    stubborn.kill()
    print(stubborn.poll())

    def fail():
        raise ValueError("a mistake")

    print(fork(fail, name="worker").wait(20))
"""


def test_a_child_is_clean_leaves_when_asked_and_tells_how_it_ended(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(SCRIPT), "utf-8")
    ran = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines() == ["[True, True, 'closed', True]", "7 7", "-9", "1"]
    assert ran.stderr.endswith("ValueError: a mistake\n")
