"""Somebody else's server that is called by webhooks, and what it heard."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar


@dataclass(frozen=True)
class Heard:
    """One request: its path, its headers in small letters, its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def said(self) -> Any:
        return json.loads(self.body)


@dataclass
class Listener:
    """What is answered now, and what was heard."""

    port: int
    status: int = 204
    more: dict[str, str] = field(default_factory=dict)
    """Further headers of the answer."""
    by_event: dict[str, int] = field(default_factory=dict)
    """What is answered to one kind of event."""
    heard: list[Heard] = field(default_factory=list)

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    @property
    def events(self) -> list[str]:
        return [each.said["type"] for each in self.heard]


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    class Handler(BaseHTTPRequestHandler):
        listener: ClassVar[Listener]

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            heard = Heard(self.path, headers, body)
            self.listener.heard.append(heard)
            status = self.listener.by_event.get(heard.said["type"], self.listener.status)
            self.send_response(status)
            for name, value in self.listener.more.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        Handler.listener = Listener(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Handler.listener
        server.shutdown()
        thread.join()
