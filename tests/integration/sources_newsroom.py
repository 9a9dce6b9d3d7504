"""A small web server on this machine, and sources that read from it."""

from __future__ import annotations

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

HERE = ("127.0.0.0/8",)

Answer = Callable[[BaseHTTPRequestHandler], None]


def answer(
    body: bytes = b"", status: int = 200, *, content_type: str = "application/xml", **headers: str
) -> Answer:
    """Answer with these bytes; header names are written with underscores."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return send


def dated(body: bytes, *, etag: str, last_modified: str) -> Answer:
    """Answer 304 to whoever has this version."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        known = handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since")
        if known == (etag, last_modified):
            answer(status=304)(handler)
        else:
            answer(body, ETag=etag, Last_Modified=last_modified)(handler)

    return send


def packed(body: bytes, *, name: str = "gzip") -> Answer:
    return answer(gzip.compress(body), Content_Encoding=name)


def drip(piece: bytes, *, seconds: float, in_headers: bool = False) -> Answer:
    """Send a little now and then, for ever."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        with contextlib.suppress(OSError):
            if not in_headers:
                handler.send_response(200)
                handler.send_header("Content-Length", "4000000")
                handler.end_headers()
            while True:
                handler.wfile.write(piece)
                handler.wfile.flush()
                time.sleep(seconds)

    return send


class Site:
    """What is answered under each path, and what was asked."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.pages: dict[str, Answer] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"


@contextlib.contextmanager
def running_site() -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        site: ClassVar[Site]

        def do_GET(self) -> None:
            self.site.asked.append((self.path, dict(self.headers)))
            with contextlib.suppress(OSError):
                self.site.pages.get(self.path, answer(b"no such page", 404))(self)

        def log_message(self, *_args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        Handler.site = Site(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield Handler.site
        server.shutdown()
        thread.join()
