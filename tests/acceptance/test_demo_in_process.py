"""The demo within reach of the test: its port, its folder, and its life after seven o'clock."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path

import httpx2
import pytest

from digest.config import load
from digest.db import Database
from digest.delivery.model import Tally
from digest.demo.run import Morning, run_demo, settle_in
from digest.errors import AlreadyRunningError, DigestError
from digest.workflow.store import heartbeats


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _port(config: Path) -> int:
    return load(config).web.port


def test_the_pages_stay_up_and_the_workers_run_until_it_is_stopped(tmp_path: Path) -> None:
    said: list[str] = []
    stop = threading.Event()
    port = _free_port()

    def look() -> None:
        try:
            _until_running(tmp_path)
            for path in ("/inbox", "/daily/2026-01-09", "/subscribe", "/newsroom"):
                answer = httpx2.get(f"http://127.0.0.1:{port}{path}", trust_env=False, timeout=20)
                said.append(f"{path} {answer.status_code}")
            said.append(_who_is_at_the_desk(next(line for line in said if "The desk" in line)))
        finally:
            stop.set()

    thread = threading.Thread(target=look)
    thread.start()
    told = run_demo(keep=tmp_path, once=False, port=port, tell=said.append, stop=stop)
    thread.join()
    assert told.tally == Tally(accepted=25)
    assert said[-5:] == [
        "/inbox 200",
        "/daily/2026-01-09 200",
        "/subscribe 200",
        "/newsroom 200",
        "Alma Penn",
    ]
    assert f"Press Ctrl-C to stop. {tmp_path.resolve()} is kept." in said


def _who_is_at_the_desk(told: str) -> str:
    """Sign in by the address that the demo tells, and give who is named on the first page."""
    link = told.rsplit(maxsplit=1)[-1]
    base, _, _ = link.partition("/desk/")
    with httpx2.Client(trust_env=False, timeout=20, follow_redirects=True) as browser:
        page = browser.post(link, headers={"Origin": base})
    assert (page.status_code, str(page.url)) == (200, f"{base}/desk")
    return "Alma Penn" if "Alma Penn" in page.text else page.text


def _until_running(folder: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.05)
        if (folder / "digest.db").exists():
            database = Database(f"sqlite:///{folder / 'digest.db'}")
            try:
                with database.read() as connection:
                    if len(heartbeats(connection)) == 2:
                        return
            except Exception:  # noqa: BLE001, S112 - there are no tables yet
                continue
            finally:
                database.close()
    raise AssertionError("the workers did not start")


def test_without_keep_nothing_is_promised() -> None:
    said: list[str] = []
    stop = threading.Event()
    stop.set()
    run_demo(keep=None, once=False, port=0, tell=said.append, stop=stop)
    assert said[-1] == "Press Ctrl-C to stop. The demo keeps nothing; --keep DIR would."


def test_a_worker_that_cannot_run_ends_the_demo(tmp_path: Path) -> None:
    config = settle_in(tmp_path, 0, once=True)
    database = Database(load(config).storage.database)
    database.migrate()
    with database.hold("scheduler"), pytest.raises(AlreadyRunningError, match="scheduler"):
        run_demo(keep=tmp_path, once=False, port=0, tell=lambda _line: None, stop=threading.Event())
    database.close()


def test_a_second_run_goes_on_where_the_first_ended(tmp_path: Path) -> None:
    stop = threading.Event()
    first, second = (
        run_demo(keep=tmp_path, once=True, port=0, tell=lambda _line: None, stop=stop)
        for _ in range(2)
    )
    assert (first.tally, second.tally) == (Tally(accepted=25), Tally(accepted=25))
    assert first.selection.chosen == second.selection.chosen


def test_a_port_that_is_taken_later_is_told_with_its_remedy(tmp_path: Path) -> None:
    port = _port(settle_in(tmp_path, 0, once=True))
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(DigestError, match=f"127.0.0.1:{port}: Address already in use") as caught,
    ):
        run_demo(keep=tmp_path, once=True, port=0, tell=print, stop=threading.Event())
    assert f"digest demo --keep {tmp_path.resolve()} --port N" in caught.value.hint


def test_the_usual_port_is_for_those_who_look(tmp_path: Path) -> None:
    try:
        port = _port(settle_in(tmp_path / "looked-at", None, once=False))
    except DigestError as error:  # somebody else on this machine has it
        port = int(str(error).split(":")[2])
    assert port == 8025
    assert _port(settle_in(tmp_path / "once", None, once=True)) not in {0, 8025}


def test_a_port_that_is_taken_at_the_first_run_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DigestError, match=f"127.0.0.1:{port}: Address already") as caught:
            settle_in(tmp_path, port, once=True)
    assert caught.value.hint == "Stop the program that listens there, or name another: --port N"
    assert list(tmp_path.iterdir()) == []


def test_a_kept_folder_stays_at_its_port_unless_another_is_named(tmp_path: Path) -> None:
    port = _port(settle_in(tmp_path, 0, once=True))
    for asked in (0, None, port):
        assert _port(settle_in(tmp_path, asked, once=False)) == port
    other = _free_port()
    config = settle_in(tmp_path, other, once=False)
    assert _port(config) == other
    assert str(port) not in config.read_text("utf-8").replace("2026", "")


def test_moving_keeps_what_was_changed_in_the_settings(tmp_path: Path) -> None:
    config = settle_in(tmp_path, 0, once=True)
    text = config.read_text("utf-8").replace("The Morning Post", "The Early Post")
    config.write_text(text, "utf-8")
    settle_in(tmp_path, _free_port(), once=False)
    assert load(config).newsletters["daily"].name == "The Early Post"


def test_other_settings_are_left_as_they_are(tmp_path: Path) -> None:
    config = settle_in(tmp_path, 0, once=True)
    foreign = config.read_text("utf-8").replace("digest.db", "production.db")
    config.write_text(foreign, "utf-8")
    with pytest.raises(DigestError, match="not the settings of a demo in this folder"):
        settle_in(tmp_path, 0, once=True)
    assert config.read_text("utf-8") == foreign


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DigestError, match="cannot be made: Not a directory"):
        settle_in(tmp_path / "file" / "demo", 0, once=True)


def test_its_clock_stands_until_it_is_let_go() -> None:
    clock = Morning()
    first = clock()
    assert clock() == first
    clock.run_on()
    assert clock() >= first
