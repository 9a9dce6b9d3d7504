"""`digest serve` as it runs on a server: a real process, its children, its port and its mailbox."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.db import Database
from subscribers import store as readers
from subscribers.model import SubscriptionState
from tests.acceptance.serve_site import (
    CHILDREN,
    PATIENCE,
    Server,
    command,
    end,
    environment,
    is_alive,
    serve,
    settle,
    until,
)
from tests.builders import ADMIN

MARIA = "maria@reader.example"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it running."""
    folder = tmp_path_factory.mktemp("serve")
    server = serve(folder, settle(folder))
    yield server
    end(server)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server that its test may end."""
    server = serve(tmp_path, settle(tmp_path))
    yield server
    end(server)


def test_it_starts_its_children_and_answers(server: Server) -> None:
    assert sorted(server.children()) == list(CHILDREN)
    assert all(map(is_alive, server.children().values()))
    assert server.get("/healthz").json()["status"] == "ok"
    ready = server.get("/readyz").json()
    assert (ready["status"], ready["database"], ready["schema"]) == ("ok", "ok", "newest")


def test_a_reader_subscribes_by_form_and_confirms_by_mail(server: Server) -> None:
    answer = server.post("/subscribe", email=MARIA, newsletter="daily")
    assert (answer.status_code, "Check your inbox" in answer.text) == (200, True)
    until(lambda: bool(server.letters(MARIA)), server)
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
        command(server.folder, "serve"),
        capture_output=True,
        text=True,
        env=environment(),
        check=False,
        timeout=PATIENCE,
    )
    assert second.returncode == 1
    assert f"process {server.process.pid} on" in second.stderr
    assert server.answers()


def test_a_killed_child_is_started_again_and_the_operators_are_told(server: Server) -> None:
    before = server.children()
    os.kill(before["web"], signal.SIGKILL)
    until(lambda: server.children()["web"] != before["web"] and server.answers(), server)
    until(lambda: bool(server.letters(ADMIN)), server)
    (told,) = server.letters(ADMIN)
    assert "It was killed by SIGKILL." in told
    after = server.children()
    assert {name: after[name] for name in ("scheduler", "worker")} == {
        name: before[name] for name in ("scheduler", "worker")
    }


def test_status_says_that_it_is_running(server: Server) -> None:
    status = subprocess.run(
        command(server.folder, "status"),
        capture_output=True,
        text=True,
        env=environment(),
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
    assert not any(map(is_alive, own_server.children().values()))
    assert time.monotonic() - started < 5
    assert "ended" not in own_server.log, "nobody is told of a crash"


def test_when_it_is_killed_its_children_leave_and_a_new_one_starts_at_once(
    own_server: Server,
) -> None:
    own_server.process.kill()
    own_server.process.wait()
    orphans = own_server.children().values()
    until(lambda: not any(map(is_alive, orphans)), own_server, seconds=5)
    again = serve(own_server.folder, own_server.url)
    assert "ended" not in again.log
    end(again)
