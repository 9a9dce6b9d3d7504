"""Children are kept running, told of, and never outlive the one who started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

from digest.supervisor import stop_signals, supervise

CHILD = """
    import os, sys, threading, time
    folder, name = sys.argv[1], sys.argv[2]
    if name == "crashes":
        open(f"{folder}/{name}.{os.getpid()}", "w").close()
        sys.exit(7)
    from digest.supervisor import stop_signals, stop_with_parent
    with stop_signals() as stop:
        stop_with_parent(stop)
        open(f"{folder}/{name}.{os.getpid()}", "w").close()
        stop.wait(30)
    open(f"{folder}/{name}.{os.getpid()}.left", "w").close()
"""

PARENT = """\
import sys, threading
from digest.supervisor import supervise
supervise(["a", "b"], command=sys.argv[1:], stop=threading.Event(), tell=lambda n, c: None)
"""


def _until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def _command(folder: Path) -> list[str]:
    script = folder / "child.py"
    script.write_text(textwrap.dedent(CHILD))
    return [sys.executable, str(script), str(folder)]


def _found(folder: Path, pattern: str) -> int:
    return len(list(folder.glob(pattern)))


def test_what_crashes_is_restarted_and_told_and_the_others_run_on(tmp_path: Path) -> None:
    stop = threading.Event()
    told: list[tuple[str, int]] = []
    thread = threading.Thread(
        target=supervise,
        args=(("steady", "crashes"),),
        kwargs={
            "command": _command(tmp_path),
            "stop": stop,
            "tell": lambda name, code: told.append((name, code)),
        },
    )
    thread.start()
    _until(lambda: _found(tmp_path, "crashes.*") >= 2 and _found(tmp_path, "steady.*") == 1)
    stop.set()
    thread.join(20)
    assert told[:1] == [("crashes", 7)]
    assert {name for name, _ in told} == {"crashes"}
    assert _found(tmp_path, "steady.*.left") == 1
    assert _found(tmp_path, "steady.*") == 2


def test_children_leave_when_the_supervisor_is_killed(tmp_path: Path) -> None:
    command = _command(tmp_path)
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            PARENT,
            *command,
        ]
    )
    _until(lambda: _found(tmp_path, "a.*") + _found(tmp_path, "b.*") == 2)
    parent.kill()
    parent.wait()
    _until(lambda: _found(tmp_path, "*.left") == 2)


def test_a_signal_asks_to_stop(tmp_path: Path) -> None:
    del tmp_path
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) is before
