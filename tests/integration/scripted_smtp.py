"""A real SMTP server on a loopback port that misbehaves exactly where a test wants it to."""

from __future__ import annotations

import socket
import socketserver
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

_REPLIES = {
    "GREETING": "220 sink.example ESMTP",
    "EHLO": "250-sink.example\r\n250-SIZE 1000000000\r\n250 8BITMIME",
    "DATA": "354 go ahead",
    "DOT": "250 2.0.0 stored",
    "QUIT": "221 bye",
}
_LONG = 30.0


class ScriptedServer(socketserver.ThreadingTCPServer):
    """Follows a script: phase → what to do each time, "" for the usual reply.

    Phases are the SMTP verbs and GREETING, CONTENT (before the dot), DOT (in answer to it).
    Actions are "hang", "close", or the reply to give. A message counts as accepted once its dot
    has been read and answered with 250, whether or not anybody is there to hear it.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, script: Mapping[str, Sequence[str]], accept_seconds: float) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.script = {phase: list(actions) for phase, actions in script.items()}
        self.accept_seconds = accept_seconds
        self.commands: list[str] = []
        self.accepted: list[str] = []
        self.messages: list[bytes] = []
        self.connections = 0
        self.closing = threading.Event()
        self.lock = threading.Lock()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def action(self, phase: str) -> str:
        with self.lock:
            planned = self.script.get(phase)
            return planned.pop(0) if planned else ""

    def handle_error(self, *_args: object) -> None:
        """A client that was killed is no event."""


class _ClosedError(Exception):
    """The session ends here."""


class _Session(socketserver.StreamRequestHandler):
    server: ScriptedServer

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.server.lock:
            self.server.connections += 1
        try:
            self._answer("GREETING")
            while line := self.rfile.readline(2000):
                self._obey(line.decode("latin-1").rstrip("\r\n"))
        except (_ClosedError, OSError):
            return

    def _obey(self, line: str) -> None:
        self.server.commands.append(line)
        verb = line[:4].upper()
        if verb == "RCPT":
            self._recipient = line[line.index("<") + 1 : line.index(">")]
        reply = self._answer(verb)
        if verb == "DATA" and reply.startswith("354"):
            self._content()
        if verb == "QUIT":
            raise _ClosedError

    def _content(self) -> None:
        self._act(self.server.action("CONTENT"))
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            if not line:
                raise _ClosedError
            lines.append(line)
        time.sleep(self.server.accept_seconds)
        action = self.server.action("DOT")
        if action in {"", "close", "hang"}:
            # A server that says nothing any more may well have taken the message.
            with self.server.lock:
                self.server.accepted.append(self._recipient)
                self.server.messages.append(b"".join(lines))
        self._say(self._act(action) or _REPLIES["DOT"])

    def _answer(self, phase: str) -> str:
        reply = self._act(self.server.action(phase)) or _REPLIES.get(phase, "250 ok")
        self._say(reply)
        return reply

    def _say(self, reply: str) -> None:
        self.wfile.write(reply.encode() + b"\r\n")

    def _act(self, action: str) -> str:
        if action == "hang":
            self.server.closing.wait(_LONG)
            raise _ClosedError
        if action == "close":
            # A reset, so that the other side learns of it at once.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.request.shutdown(socket.SHUT_RDWR)
            raise _ClosedError
        if action.startswith("last "):
            self._say(action.removeprefix("last "))
            raise _ClosedError
        return action


@contextmanager
def scripted_server(
    script: Mapping[str, Sequence[str]] | None = None, *, accept_seconds: float = 0.0
) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script or {}, accept_seconds)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_certificate(folder: Path, names: str = "DNS:localhost") -> tuple[Path, Path]:
    """Make a self-signed certificate for these names; gives certificate and key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=sink"),
            *("-addext", f"subjectAltName={names}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key
