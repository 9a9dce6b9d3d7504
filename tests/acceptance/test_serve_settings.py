"""digest.toml changes while `digest serve` runs: taken when it is good, refused when it is not."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx2
import pytest
import tomli_w

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
from tests.builders import ADMIN, site_settings


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = serve(tmp_path, settle(tmp_path))
    yield server
    end(server)


def _change(server: Server, **tables: Any) -> None:
    """Write the settings anew, as an editor does: into the same file."""
    web = {"public_url": server.url, "listen": server.url.removeprefix("http://")}
    changed = site_settings(server.folder, **{"web": web, **tables})
    path = server.folder / "digest.toml"
    path.write_text(tomli_w.dumps(changed), encoding="utf-8")


def _status(server: Server) -> str:
    ran = subprocess.run(
        command(server.folder, "status"),
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
        timeout=PATIENCE,
    )
    return " ".join(ran.stdout.split())


def _named(server: Server, name: str) -> dict[str, Any]:
    return {"site": {**site_settings(server.folder)["site"], "name": name}}


class _Reader:
    """Asks for a page again and again, each time on a new connection, until told to stop."""

    def __init__(self, server: Server) -> None:
        self.answers: list[int | str] = []
        self._server = server
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()

    def _read(self) -> None:
        while not self._done.wait(0.005):
            try:
                self.answers.append(self._server.get("/subscribe").status_code)
            except httpx2.TransportError as error:
                self.answers.append(type(error).__name__)


def test_a_good_change_is_taken_by_new_children_and_no_reader_notices(server: Server) -> None:
    before = server.children()
    with _Reader(server) as reader:
        until(lambda: len(reader.answers) > 5, server)
        _change(server, **_named(server, "Harbour Gazette"))
        until(lambda: "Harbour Gazette" in server.get("/subscribe").text, server)
        until(lambda: not any(map(is_alive, before.values())), server)
        until(lambda: server.log.count("running") == 4, server)
    assert set(reader.answers) == {200}
    after = server.children()
    assert sorted(after) == list(CHILDREN)
    assert not set(after.values()) & set(before.values())
    assert server.log.count("settings changed") == 1
    assert "ended" not in server.log, "nobody is told of a crash"
    assert server.letters(ADMIN) == []


def test_a_bad_change_is_refused_and_told_once_and_the_former_settings_go_on(
    server: Server,
) -> None:
    before = server.children()
    daily = {**site_settings(server.folder)["newsletters"]["daily"], "cut_off": "25:70"}
    _change(server, **_named(server, "Harbour Gazette"), newsletters={"daily": daily})
    until(lambda: "settings refused" in server.log, server)
    until(lambda: bool(server.letters(ADMIN)), server)
    os.kill(before["web"], signal.SIGKILL)  # whoever comes back has the former settings, too
    until(lambda: server.children()["web"] != before["web"] and server.answers(), server)
    assert "Harbour Post" in server.get("/subscribe").text
    after = server.children()
    assert {name: after[name] for name in ("scheduler", "worker")} == {
        name: before[name] for name in ("scheduler", "worker")
    }
    until(lambda: len(server.letters(ADMIN)) == 2, server)
    told = [" ".join(each.split()) for each in server.letters(ADMIN)]
    assert sum("newsletters.daily.cut_off" in each for each in told) == 1
    assert server.log.count("settings refused") == 1
    _change(server)
    until(lambda: "digest.toml was changed and is refused" not in _status(server), server)
    assert "settings changed" not in server.log, "they are what they were"


def test_what_parses_and_yet_cannot_be_opened_is_refused_and_stands_in_status(
    server: Server,
) -> None:
    elsewhere = {**site_settings(server.folder)["storage"], "keys": str(server.folder / "no-keys")}
    _change(server, storage=elsewhere)
    until(lambda: "settings refused" in server.log, server)
    assert server.answers()
    elsewhere["keys"] = site_settings(server.folder)["storage"]["keys"]
    elsewhere["journal"] = str(server.folder / "other-journal")
    _change(server, storage=elsewhere)
    words = "storage.journal: cannot change while it runs: stop digest serve, and start it again"
    until(lambda: words in _status(server), server)


def test_another_port_is_listened_on_and_the_former_one_let_go(server: Server) -> None:
    former = server.url
    port = int(former.rpartition(":")[2])
    other = f"127.0.0.1:{_free_port(port)}"
    _change(server, web={"public_url": former, "listen": other})
    server.url = f"http://{other}"
    until(server.answers, server)
    server.url = former
    until(lambda: not server.answers(), server)


def _free_port(other: int) -> int:
    while True:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port: int = free.getsockname()[1]
        if port != other:
            return port
