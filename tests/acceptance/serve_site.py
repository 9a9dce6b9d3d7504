"""A running `digest serve`, for the tests of it: a real process with its port and its mailbox."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx2

from tests.builders import site_settings, write_feed, write_settings

PATIENCE = 30.0
CHILDREN = ("scheduler", "web", "worker")


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


def until(condition: Callable[[], bool], server: Server, seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time\n{server.log}"
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    """Tell whether a process still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # An orphan that nobody waits for stays in the table of processes, but runs no more.
    state = Path(f"/proc/{pid}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "digest", "-c", str(folder / "digest.toml"), *words]


def settle(folder: Path, **more: Any) -> str:
    """Write a site's settings and feed; give where it will answer. `more` are other tables."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    web = {"public_url": url, "listen": f"127.0.0.1:{port}"}
    write_settings(folder, **{"web": web, "mail": site_settings(folder)["mail"], **more})
    write_feed(folder / "feed.xml", [])
    return url


def serve(folder: Path, url: str) -> Server:
    """Start `digest serve` and wait until all of it is up."""
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(
            command(folder, "serve"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment(),
            start_new_session=True,
        )
    server = Server(folder, url, process)
    until(server.is_up, server)
    return server


def end(server: Server) -> None:
    """Kill a server and wait until its children have left."""
    server.process.kill()
    server.process.wait()
    until(lambda: not any(map(is_alive, server.children().values())), server)
