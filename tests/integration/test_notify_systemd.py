"""What systemd hears of a process, and when it hears nothing."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from digest.notify_systemd import (
    AskedStop,
    ToldStop,
    Watch,
    family,
    stop_for,
    watch_of,
    while_answering,
)


class Systemd:
    """A datagram socket that keeps what is said to it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._door.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self._door.setblocking(False)  # noqa: FBT003 - the library's own signature

    def heard(self) -> list[str]:
        """Take what was said since the last look."""
        words = []
        with contextlib.suppress(BlockingIOError):
            while True:
                words.append(self._door.recv(4096).decode())
        return words

    def wait_for(self, word: str) -> None:
        deadline = time.monotonic() + 10
        while word not in self.heard():
            assert time.monotonic() < deadline, f"{word} was not said"
            time.sleep(0.01)

    def close(self) -> None:
        self._door.close()


@pytest.fixture
def systemd() -> Iterator[Systemd]:
    with TemporaryDirectory(prefix="notify-") as folder:  # a socket's path must be short
        listening = Systemd(f"{folder}/notify")
        yield listening
        listening.close()


def test_the_first_sign_of_life_says_ready_and_the_next_ones_wait_their_time(
    systemd: Systemd,
) -> None:
    watch = Watch(systemd.address, watched_seconds=3600)
    for _ in range(1000):
        watch.alive()
    assert systemd.heard() == ["READY=1", "WATCHDOG=1"]


def test_signs_come_four_times_within_the_watch(systemd: Systemd) -> None:
    watch = Watch(systemd.address, watched_seconds=0.04)
    assert watch.every_seconds == 0.01
    watch.alive()
    systemd.heard()
    deadline = time.monotonic() + 10
    while not (said := systemd.heard()):
        assert time.monotonic() < deadline
        watch.alive()
    assert said == ["WATCHDOG=1"]


def test_without_a_watchdog_only_ready_and_stopping_are_said(systemd: Systemd) -> None:
    stop = AskedStop(Watch(systemd.address))
    assert not stop.is_set()
    stop.set()
    assert stop.is_set()
    assert systemd.heard() == ["READY=1", "STOPPING=1"]


def test_who_leaves_before_he_was_ready_never_says_ready(systemd: Systemd) -> None:
    stop = AskedStop(Watch(systemd.address))
    stop.set()
    assert stop.is_set()
    assert systemd.heard() == ["STOPPING=1"]


def test_waiting_is_no_sign_of_life_and_asking_is(systemd: Systemd) -> None:
    stop = AskedStop(Watch(systemd.address, watched_seconds=60))
    stop.wait(0.01)
    assert systemd.heard() == []
    stop.is_set()
    assert systemd.heard() == ["READY=1", "WATCHDOG=1"]


def test_a_scheduler_gives_its_sign_when_its_main_thread_waits_and_not_when_others_ask(
    systemd: Systemd,
) -> None:
    stop = stop_for("scheduler", Watch(systemd.address, watched_seconds=60))
    assert not stop.is_set()
    assert systemd.heard() == []
    assert not stop.wait(0)
    assert systemd.heard() == ["READY=1", "WATCHDOG=1"]
    stop.set()
    assert stop.wait()
    assert systemd.heard() == ["STOPPING=1"]


def test_a_wish_to_stop_is_no_sign_of_life_of_the_one_who_only_tells_it(systemd: Systemd) -> None:
    stop = ToldStop(Watch(systemd.address, watched_seconds=60))
    stop.is_set()
    assert systemd.heard() == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="only Linux has such addresses")
def test_an_address_without_a_file_is_understood() -> None:
    listening = Systemd(f"@digest-test-{os.getpid()}")
    Watch(listening.address).alive()
    assert listening.heard() == ["READY=1"]
    listening.close()


@pytest.mark.parametrize("address", ["", "/nowhere/notify"])
def test_nobody_who_listens_is_no_fault(address: str) -> None:
    stop = AskedStop(Watch(address, watched_seconds=1))
    assert not stop.is_set()
    stop.set()
    assert stop.is_set()


def test_the_watchdog_of_another_process_is_not_ours(systemd: Systemd) -> None:
    said = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "8000000"}
    assert watch_of(said).watched_seconds == 8
    assert watch_of({**said, "WATCHDOG_PID": str(os.getpid())}).every_seconds == 2
    assert watch_of({**said, "WATCHDOG_PID": str(os.getpid() + 1)}).watched_seconds == 0
    assert not watch_of({}).is_kept


def test_a_pulse_is_touched_while_the_work_goes_on(tmp_path: Path) -> None:
    pulse = tmp_path / "pulse"
    stop = AskedStop(watch_of({}, pulse=pulse))
    assert not pulse.exists()
    stop.is_set()
    assert pulse.exists()


def test_a_pulse_that_cannot_be_written_ends_nothing(tmp_path: Path) -> None:
    stop = AskedStop(watch_of({}, pulse=tmp_path / "missing" / "pulse"))
    assert not stop.is_set()


# A web server is alive while it answers


class _Page(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        return


class _BrokenPage(_Page):
    status = 500


@contextlib.contextmanager
def _answering(page: type[_Page]) -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_a_web_server_that_answers_is_alive(systemd: Systemd) -> None:
    watch = Watch(systemd.address, watched_seconds=60)
    with _answering(_Page) as port, while_answering(watch, "0.0.0.0", port):  # noqa: S104 - as it is asked by itself
        systemd.wait_for("READY=1")


def test_a_web_server_that_answers_with_errors_is_not(systemd: Systemd) -> None:
    asked = threading.Event()

    class Asked(_BrokenPage):
        def do_GET(self) -> None:
            super().do_GET()
            asked.set()

    watch = Watch(systemd.address, watched_seconds=60)
    with _answering(Asked) as port, while_answering(watch, "127.0.0.1", port):
        assert asked.wait(10)
        asked.clear()
        assert asked.wait(10)  # the first answer has been judged by the time it asks again
    assert systemd.heard() == []


def test_where_nobody_listens_no_page_is_asked() -> None:
    before = threading.active_count()
    with while_answering(Watch(), "127.0.0.1", 9):
        assert threading.active_count() == before


# A supervisor passes on what its children say


def _child(environment: dict[str, str]) -> Watch:
    return watch_of(environment)


def test_the_family_is_ready_when_all_its_children_are(systemd: Systemd) -> None:
    ours = Watch(systemd.address, watched_seconds=60)
    with family(ours, ["web", "worker"]) as heard:
        assert heard is not None
        since = {"web": time.monotonic(), "worker": time.monotonic()}
        _child(heard.environment("web")).alive()
        heard.look(since)
        assert systemd.heard() == []
        _child(heard.environment("worker")).alive()
        heard.look(since)
        assert systemd.heard() == ["READY=1", "WATCHDOG=1"]


def test_one_silent_child_silences_the_family_until_it_speaks_or_rests(systemd: Systemd) -> None:
    ours = Watch(systemd.address, watched_seconds=0.4)  # so a child may be silent for 0.2 s
    with family(ours, ["web", "worker"]) as heard:
        assert heard is not None
        web, worker = (_child(heard.environment(name)) for name in ("web", "worker"))
        web.alive()
        worker.alive()
        heard.look({"web": 0.0, "worker": 0.0})
        assert systemd.heard() == ["READY=1", "WATCHDOG=1"]
        silent_from = time.monotonic()
        while time.monotonic() < silent_from + 0.3:
            web.alive()
            heard.look({"web": 0.0})
        systemd.heard()
        time.sleep(ours.every_seconds)
        heard.look({"web": 0.0, "worker": 0.0})
        assert systemd.heard() == []
        heard.look({"web": time.monotonic()})  # the worker rests before it is started again
        assert systemd.heard() == ["WATCHDOG=1"]


def test_a_child_is_told_our_address_and_not_whose_the_watchdog_is(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    monkeypatch.setenv("WATCHDOG_USEC", "4000000")
    with family(Watch(systemd.address, watched_seconds=4), ["web"]) as heard:
        assert heard is not None
        told = heard.environment("web")
        assert "WATCHDOG_PID" not in told
        assert watch_of(told).watched_seconds == 4
        assert told["NOTIFY_SOCKET"] != systemd.address


def test_a_child_that_leaves_gives_no_sign_of_life(systemd: Systemd) -> None:
    with family(Watch(systemd.address, watched_seconds=60), ["web"]) as heard:
        assert heard is not None
        ToldStop(_child(heard.environment("web"))).set()
        heard.look({"web": time.monotonic()})
        assert systemd.heard() == []


def test_there_is_no_family_where_nobody_wants_to_know() -> None:
    with family(Watch(), ["web"]) as heard:
        assert heard is None
