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

import pytest

from digest.supervisor import (
    Child,
    _Commanded,
    _look_after,
    _Rules,
    by_command,
    stop_signals,
    supervise,
)

CHILD = """
    import os, sys, threading, time
    folder, name = sys.argv[1], sys.argv[2]
    if name == "crashes":
        open(f"{folder}/{name}.{os.getpid()}", "w").close()
        sys.exit(7)
    if name == "stubborn":
        open(f"{folder}/{name}.{os.getpid()}", "w").close()
        time.sleep(60)
    from digest.supervisor import stop_signals, stop_with_parent
    with stop_signals() as stop:
        stop_with_parent(stop)
        open(f"{folder}/{name}.{os.getpid()}", "w").close()
        stop.wait(30)
    open(f"{folder}/{name}.{os.getpid()}.left", "w").close()
"""

PARENT = """\
import sys, threading
from digest.supervisor import by_command, supervise
start = by_command(sys.argv[1:])
supervise(["a", "b"], start=start, stop=threading.Event(), tell=lambda n, c: None)
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
            "start": by_command(_command(tmp_path)),
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


def test_a_signal_asks_to_stop() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stop_signals() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.wait(5)
    assert signal.getsignal(signal.SIGTERM) is before


def _supervised(
    folder: Path, *names: str, tell: Callable[[str, int], None], until: Callable[[], bool]
) -> None:
    """Supervise these children until something is so, then stop."""
    stop = threading.Event()
    thread = threading.Thread(
        target=supervise,
        args=(names,),
        kwargs={
            "start": by_command(_command(folder)),
            "stop": stop,
            "tell": tell,
            "grace_seconds": 2.0,
        },
    )
    thread.start()
    _until(until)
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_a_crash_that_cannot_be_told_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_name: str, _code: int) -> None:
        raise OSError("the database is away")

    _supervised(
        tmp_path,
        "crashes",
        "steady",
        tell=fail,
        until=lambda: _found(tmp_path, "crashes.*") >= 2 and _found(tmp_path, "steady.*") == 1,
    )
    assert "not told" in caplog.text
    assert _found(tmp_path, "steady.*.left") == 1


def test_a_child_that_does_not_leave_is_killed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    _supervised(
        tmp_path,
        "stubborn",
        tell=lambda _name, _code: None,
        until=lambda: _found(tmp_path, "stubborn.*") == 1,
    )
    assert "stubborn did not stop in time: killed" in caplog.text


def test_a_program_that_cannot_start_is_tried_again_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    child = Child("web")
    for _ in range(2):
        _look_after(child, _Rules(by_command([str(tmp_path / "gone")]), _never), threading.Event())
    assert (child.process, child.pause) == (None, 1.0)
    assert [record.getMessage() for record in caplog.records] == ["web cannot start"]


def _never(_name: str, _code: int) -> None:
    raise AssertionError("there was nothing to tell")


def _ended(seconds_ago: float, *, pause: float) -> Child:
    process = subprocess.Popen([sys.executable, "-c", ""], stdin=subprocess.PIPE)
    process.wait()
    return Child("web", _Commanded(process), pause=pause, started_at=time.monotonic() - seconds_ago)


@pytest.mark.parametrize(
    ("ran", "pause", "again_in", "next_pause"),
    [(1, 0.5, 0.5, 1.0), (1, 8.0, 8.0, 16.0), (1, 30.0, 30.0, 30.0), (31, 30.0, 0.5, 1.0)],
)
def test_each_crash_in_a_row_waits_longer_and_a_good_while_is_forgiven(
    ran: float, pause: float, again_in: float, next_pause: float
) -> None:
    child = _ended(ran, pause=pause)
    told: list[str] = []
    now = time.monotonic()
    rules = _Rules(by_command([]), lambda name, _code: told.append(name))
    _look_after(child, rules, threading.Event())
    assert (told, child.process, child.pause) == (["web"], None, next_pause)
    assert child.start_at - now == pytest.approx(again_in, abs=0.3)


def test_a_child_that_left_because_all_stop_is_no_crash() -> None:
    stop = threading.Event()
    stop.set()
    child = _ended(1, pause=0.5)
    _look_after(child, _Rules(by_command([]), _never), stop)
    assert child.process is not None
    child.process.ask_to_leave()


def test_a_second_signal_ends_the_process_at_once() -> None:
    code = (
        "from digest.supervisor import stop_signals\n"
        "with stop_signals() as stop:\n"
        "    print('ready', flush=True); stop.wait()\n"
        "    print('asked', flush=True); stop.clear(); stop.wait(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in ("ready", "asked"):
        assert process.stdout.readline().strip() == line
        process.send_signal(signal.SIGTERM)
    assert process.wait(10) == -signal.SIGTERM
    process.stdout.close()
