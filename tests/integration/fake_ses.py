"""A server on loopback that speaks as much of Amazon SES v2 as SendEmail needs."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request, as it came."""

    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def raw(self) -> bytes:
        return base64.b64decode(self.body["Content"]["Raw"]["Data"], validate=True)


@dataclass(frozen=True)
class Answer:
    """What it answers: an error of the API by its name, or any body at all."""

    status: int = 400
    error: str = ""
    message: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def bytes_of(self) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps({"message": self.message}).encode()


class CloseAfterReading:
    """Take the whole request, and close without a word."""


class NeverAnswer:
    """Take the whole request, and say nothing until the test is over."""


Behaviour = Answer | CloseAfterReading | NeverAnswer


@dataclass
class FakeSes:
    """What the server has heard, and how it answers to whom; it accepts everybody else."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    to: dict[str, Behaviour] = field(default_factory=dict)
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def behave(self, asked: Asked) -> Behaviour:
        with self.lock:
            self.asked.append(asked)
            taken = len(self.asked)
        (recipient,) = asked.body["Destination"]["ToAddresses"]
        accepted = json.dumps({"MessageId": f"id-{taken}"}).encode()
        return self.to.get(recipient, Answer(200, body=accepted))


def _handler(ses: FakeSes) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            body = json.loads(self.rfile.read(length))
            behaviour = ses.behave(Asked(self.path, dict(self.headers), body))
            if isinstance(behaviour, Answer):
                self._answer(behaviour)
                return
            if isinstance(behaviour, NeverAnswer):
                ses.over.wait(30)
            self.close_connection = True

        def _answer(self, answer: Answer) -> None:
            content = answer.bytes_of()
            self.send_response(answer.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            if answer.error:
                self.send_header("x-amzn-ErrorType", answer.error)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def fake_ses() -> Iterator[FakeSes]:
    """Run one on a free port until the block ends."""
    ses = FakeSes()
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(ses)) as server:
        ses.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield ses
        finally:
            ses.over.set()
            server.shutdown()
            thread.join()


def is_signed(asked: Asked) -> bool:
    """Tell whether a request carries a signature of the fourth kind for this service."""
    form = r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/\d{8}/eu-west-1/ses/aws4_request, .*"
    return re.fullmatch(form, asked.headers["Authorization"]) is not None
