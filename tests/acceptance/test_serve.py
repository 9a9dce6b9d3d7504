"""`digest serve` as it runs on a server: a real process, its children, its port and its mailbox."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx2
import pytest

from digest.db import Database
from subscribers import store as readers
from subscribers.model import SubscriptionState
from tests.builders import ADMIN, site_settings, write_feed, write_settings

PATIENCE = 30.0
CHILDREN = ("scheduler", "web", "worker")
MARIA = "maria@reader.example"


@dataclass
class Server:
    """A running `digest serve` and the folder it works in."""

    folder: Path
    url: str
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.folder / "serve.log").read_text("utf-8")

    def children(self) -> dict[str, int]:
        """Give the process ids of the newest children by name."""
        return {name: int(pid) for name, pid in re.findall(r"(\w+) started +pid=(\d+)", self.log)}

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.url}{path}", trust_env=False, timeout=PATIENCE)

    def post(self, path: str, **fields: Any) -> httpx2.Response:
        return httpx2.post(f"{self.url}{path}", data=fields, trust_env=False, timeout=PATIENCE)

    def answers(self) -> bool:
        try:
            return self.get("/readyz").status_code == 200
        except httpx2.TransportError:
            return False

    def is_up(self) -> bool:
        """Tell whether pages answer and both workers have their seats."""
        running = all(f"{name} running" in self.log for name in ("scheduler", "sender"))
        return running and self.answers()

    def letters(self, address: str) -> list[str]:
        """Give the texts of the mails that lie in somebody's mailbox."""
        texts = []
        for path in sorted((self.folder / "mailbox" / address / "new").glob("*")):
            text = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",))
            assert text is not None
            texts.append(str(text.get_content()))
        return texts


def _until(condition: Callable[[], bool], server: Server, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time\n{server.log}"
        time.sleep(0.05)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody waits for stays in the table of processes, but runs no more.
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}


def _command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "digest", "-c", str(folder / "digest.toml"), *words]


def _settle(folder: Path) -> str:
    """Write a site's settings and feed; give where it will answer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    web = {"public_url": url, "listen": f"127.0.0.1:{port}"}
    write_settings(folder, web=web, mail=site_settings(folder)["mail"])
    write_feed(folder / "feed.xml", [])
    return url


def _serve(folder: Path, url: str) -> Server:
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            _command(folder, "serve"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=_environment(),
            start_new_session=True,
        )
    server = Server(folder, url, process)
    _until(server.is_up, server)
    return server


def _end(server: Server) -> None:
    server.process.kill()
    server.process.wait()
    _until(lambda: not any(map(_is_alive, server.children().values())), server)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it running."""
    folder = tmp_path_factory.mktemp("serve")
    server = _serve(folder, _settle(folder))
    yield server
    _end(server)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that its test may end."""
    server = _serve(tmp_path, _settle(tmp_path))
    yield server
    _end(server)


def test_it_starts_its_children_and_answers(server: Server) -> None:
    assert sorted(server.children()) == list(CHILDREN)
    assert all(map(_is_alive, server.children().values()))
    assert server.get("/healthz").json()["status"] == "ok"
    assert server.get("/readyz").json() == {"status": "ok", "database": "ok", "schema": "newest"}


def test_a_reader_subscribes_by_form_and_confirms_by_mail(server: Server) -> None:
    answer = server.post("/subscribe", email=MARIA, newsletter="daily")
    assert (answer.status_code, "Check your inbox" in answer.text) == (200, True)
    _until(lambda: bool(server.letters(MARIA)), server)
    (letter,) = server.letters(MARIA)
    found = re.search(r"http://127\.0\.0\.1:\d+(/confirm/\S+?)>", letter)
    assert found is not None
    page = server.get(found[1])
    assert (page.status_code, "<button" in page.text) == (200, True)
    assert _state(server, MARIA) is SubscriptionState.UNCONFIRMED
    assert server.post(found[1]).status_code == 200
    assert _state(server, MARIA) is SubscriptionState.CONFIRMED


def _state(server: Server, address: str) -> SubscriptionState:
    database = Database(f"sqlite:///{server.folder / 'digest.db'}")
    with database.read() as connection:
        found = readers.find_subscriber(connection, address_key=address)
        assert found is not None
        (standing,) = readers.subscriptions_of(connection, found.id)
    database.close()
    return standing.state


def test_a_second_one_leaves_and_names_the_first(server: Server) -> None:
    second = subprocess.run(
        _command(server.folder, "serve"),
        capture_output=True,
        text=True,
        env=_environment(),
        check=False,
        timeout=PATIENCE,
    )
    assert second.returncode == 1
    assert f"process {server.process.pid} on" in second.stderr
    assert server.answers()


def test_a_killed_child_is_started_again_and_the_operators_are_told(server: Server) -> None:
    before = server.children()
    os.kill(before["web"], signal.SIGKILL)
    _until(lambda: server.children()["web"] != before["web"] and server.answers(), server)
    _until(lambda: bool(server.letters(ADMIN)), server)
    (told,) = server.letters(ADMIN)
    assert "It was killed by SIGKILL." in told
    after = server.children()
    assert {name: after[name] for name in ("scheduler", "worker")} == {
        name: before[name] for name in ("scheduler", "worker")
    }


def test_status_says_that_it_is_running(server: Server) -> None:
    status = subprocess.run(
        _command(server.folder, "status"),
        capture_output=True,
        text=True,
        env=_environment(),
        check=True,
        timeout=PATIENCE,
    )
    assert "running" not in status.stdout, "only what is missing is said"


def test_no_line_of_the_log_holds_an_address_or_a_token(server: Server) -> None:
    assert re.findall(r".*(?:@|/u/|/confirm/).*", server.log) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_leaves_with_its_children_within_five_seconds(
    own_server: Server, number: signal.Signals
) -> None:
    started = time.monotonic()
    os.killpg(own_server.process.pid, number)  # as a terminal's Ctrl-C reaches the whole group
    assert own_server.process.wait(PATIENCE) == 0, own_server.log
    assert not any(map(_is_alive, own_server.children().values()))
    assert time.monotonic() - started < 5
    assert "ended" not in own_server.log, "nobody is told of a crash"


def test_when_it_is_killed_its_children_leave_and_a_new_one_starts_at_once(
    own_server: Server,
) -> None:
    own_server.process.kill()
    own_server.process.wait()
    orphans = own_server.children().values()
    _until(lambda: not any(map(_is_alive, orphans)), own_server, seconds=5)
    again = _serve(own_server.folder, own_server.url)
    assert "ended" not in again.log
    _end(again)
