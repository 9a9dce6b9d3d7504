"""The commands that run on, under a service manager: what it hears, from real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.builders import site_settings, write_feed, write_settings

PATIENCE = 30.0
WATCHED_SECONDS = 2.0
"""Its quarter is how often a sign of life is due."""


@dataclass
class Manager:
    """A folder with a site in it, and the socket of a service manager."""

    folder: Path
    door: socket.socket

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        ours = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
        command = [sys.executable, "-m", "digest", "-c", str(self.folder / "digest.toml"), *words]
        address = self.door.getsockname()
        watched = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": f"{WATCHED_SECONDS * 1e6:.0f}"}
        with (self.folder / "log").open("wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**ours, **watched},
                start_new_session=True,
            )

    def hears(self, word: str, seconds: float = PATIENCE) -> bool:
        """Wait for a word; False when it did not come in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.door.settimeout(left)
            try:
                if self.door.recv(4096).decode() == word:
                    return True
            except TimeoutError:
                break
        return False

    def is_silent(self, seconds: float) -> bool:
        """Wait until nothing is said for so long; False when there is no end to it."""
        self.door.settimeout(seconds)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                self.door.recv(4096)
            except TimeoutError:
                return True
        return False


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    web = {"public_url": f"http://{listen}", "listen": listen}
    write_settings(tmp_path, web=web, mail=site_settings(tmp_path)["mail"])
    write_feed(tmp_path / "feed.xml", [])
    with (
        TemporaryDirectory(prefix="notify-") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door,
    ):
        door.bind(f"{folder}/notify")
        yield Manager(tmp_path, door)


@pytest.mark.parametrize("command", ["web", "scheduler", "worker"])
def test_a_process_is_ready_works_on_and_says_that_it_leaves(
    manager: Manager, command: str, tmp_path: Path
) -> None:
    pulse = tmp_path / "pulse"
    process = manager.start(command, "--pulse", str(pulse))
    try:
        assert manager.hears("READY=1"), (tmp_path / "log").read_text()
        assert pulse.exists()
        assert manager.hears("WATCHDOG=1")
        assert manager.hears("WATCHDOG=1")
        process.terminate()
        assert manager.hears("STOPPING=1")
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def test_serve_is_silent_while_one_of_its_children_hangs(manager: Manager, tmp_path: Path) -> None:
    serve = manager.start("serve")
    try:
        assert manager.hears("READY=1"), (tmp_path / "log").read_text()
        log = (tmp_path / "log").read_text()
        worker = int(re.findall(r"worker started +pid=(\d+)", log)[-1])
        os.kill(worker, signal.SIGSTOP)
        assert manager.is_silent(WATCHED_SECONDS)
        os.kill(worker, signal.SIGCONT)
        assert manager.hears("WATCHDOG=1")
        serve.terminate()
        assert manager.hears("STOPPING=1")
        assert serve.wait(PATIENCE) == 0
    finally:
        serve.kill()
        serve.wait()
