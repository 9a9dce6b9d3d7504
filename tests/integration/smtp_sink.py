"""An SMTP server on a loopback port, in a thread: fast, scripted, and strict about what it is sent.

It counts what it takes and keeps it; it writes down what a client must not do (`violations`).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

EXTENSIONS = ("PIPELINING", "SIZE 50000000", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")
PLAIN = ("SIZE 50000000", "8BITMIME", "SMTPUTF8")
"""The same without PIPELINING."""

_REPLIES = {
    "GREETING": "220 sink.example ESMTP",
    "MAIL": "250 2.1.0 Ok",
    "RCPT": "250 2.1.5 Ok",
    "DATA": "354 End data with <CR><LF>.<CR><LF>",
    "DOT": "250 2.0.0 Ok: queued",
    "RSET": "250 2.0.0 Ok",
    "NOOP": "250 2.0.0 Ok",
    "STARTTLS": "220 2.0.0 Ready",
    "QUIT": "221 2.0.0 Bye",
    "AUTH": "235 2.7.0 Authentication successful",
}
_UNKNOWN = "500 5.5.2 What?"
_ALONE = frozenset({"EHLO", "DATA", "QUIT", "STARTTLS", "AUTH"})
"""After these a client waits for the answer, PIPELINING or not (RFC 2920 3.1)."""

Script = Mapping[str, Sequence[str]]
"""Phase → what to do each time it is reached, "" for the usual reply.

Phases are the verbs, GREETING, CONTENT (the first byte after 354) and DOT. Actions:
a reply ("550 5.1.1 no"; of several lines with \\n between them), "hang", "close", "reset",
"last REPLY" (then close), "half REPLY" (the first half of it, then close), "raw TEXT" (as it is),
"bytewise REPLY" (each byte by itself); for CONTENT: "after N close" or "after N reset".
"""


@dataclass(frozen=True)
class Taken:
    """A message as it came; `body` is empty where the sink keeps only hashes."""

    sender: str
    recipient: str
    parameters: str
    sha256: str
    body: bytes = field(repr=False)
    secured: bool = False


@dataclass
class SmtpSink:
    """What a running sink has seen. A message counts once its dot is read and not refused."""

    extensions: tuple[str, ...] = EXTENSIONS
    script: dict[str, list[str]] = field(default_factory=dict)
    by_address: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    """The script of one recipient; of a sender for MAIL."""
    accept_seconds: float = 0.0
    trickle: tuple[int, float] | None = None
    """Read content so many bytes at a time, and rest so many seconds after each."""
    messages_per_connection: int | None = None
    keep: bool = True
    login: tuple[str, str] | None = None
    tls: ssl.SSLContext | None = None
    implicit: bool = False
    port: int = 0
    connections: int = 0
    commands: list[str] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    open: set[asyncio.Transport] = field(default_factory=set, repr=False)

    @property
    def accepted(self) -> list[str]:
        """The recipients of what it took, in order."""
        return [each.recipient for each in self.taken]

    def action(self, phase: str, address: str = "") -> str:
        """Give what the script says next for a phase, of this address first."""
        for script in (self.by_address.get(address, {}), self.script):
            if planned := script.get(phase):
                return planned.pop(0)
        return ""


class _Session(asyncio.Protocol):
    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._in_content = False
        self._waiting = False  # for the accept time, TLS, or for ever
        self._began = 0
        self._cut: tuple[int, str] | None = None
        self._sender = self._parameters = self._recipient = ""
        self._open = False  # MAIL was taken
        self._known = False  # and a recipient
        self._messages = 0
        self._log_in: list[str] = []
        self._logging_in = False
        self._secured = sink.implicit

    # Connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._sink.open.add(self._transport)
        if self._secured and not self._sink.implicit:
            return  # the same session, after STARTTLS
        self._sink.connections += 1
        self._answer("GREETING")

    def connection_lost(self, _exc: Exception | None) -> None:
        self._waiting = True
        self._sink.open.discard(self._transport)

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._in_content and self._sink.trickle is not None:
            _, rest = self._sink.trickle
            self._transport.pause_reading()
            self._loop.call_later(rest, self._resume)
        self._go_on()

    def _resume(self) -> None:
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def _go_on(self) -> None:
        while not self._waiting and self._buffer:
            if not (self._take_content() if self._in_content else self._take_command()):
                return

    # Commands

    def _take_command(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            return False
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        if not line.endswith(b"\r\n"):
            self._sink.violations.append(f"bare LF: {line!r}")
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        if self._logging_in:
            self._continue_log_in(text)
            return True
        self._sink.commands.append(text)
        verb = text[:8].split(" ")[0].upper()
        alone = verb in _ALONE or "PIPELINING" not in self._sink.extensions
        if alone and self._buffer:
            self._sink.violations.append(
                f"sent before the answer to {verb}: {bytes(self._buffer)!r}"
            )
        getattr(self, f"_on_{verb.lower()}", self._on_other)(verb, text)
        return True

    def _on_other(self, verb: str, _text: str) -> None:
        self._answer(verb)

    def _on_ehlo(self, _verb: str, _text: str) -> None:
        said = ["sink.example", *self._sink.extensions]
        if self._sink.tls is not None and not self._secured:
            said.append("STARTTLS")
        if self._sink.login is not None:
            said.append("AUTH PLAIN LOGIN")
        self._answer("EHLO", usual="250 " + "\n".join(said))

    def _on_mail(self, _verb: str, text: str) -> None:
        _, _, rest = text.partition("<")
        self._sender, _, self._parameters = rest.partition(">")
        limit = self._sink.messages_per_connection
        if limit is not None and self._messages >= limit:
            self._obey("last 421 4.7.0 too many messages on this connection", "MAIL")
        else:
            nested = "503 5.5.1 Error: nested MAIL command" if self._open else ""
            self._open = self._answer("MAIL", self._sender, nested).startswith("25")

    def _on_rcpt(self, _verb: str, text: str) -> None:
        self._recipient = text.partition("<")[2].partition(">")[0]
        early = "" if self._open else "503 5.5.1 Error: need MAIL command"
        taken = self._answer("RCPT", self._recipient, early).startswith("25")
        self._known = self._open and taken

    def _on_data(self, _verb: str, _text: str) -> None:
        planned = self._sink.action("DATA", self._recipient)
        if not planned and not self._known:
            planned = "554 5.5.1 Error: no valid recipients"
        if self._obey(planned, "DATA").startswith("354"):
            self._in_content, self._began = True, 0
            cut = self._sink.action("CONTENT", self._recipient).split()
            self._cut = (int(cut[1]), cut[2]) if cut else None
            if self._cut is not None and not self._cut[0]:
                self._obey(self._cut[1], "CONTENT")

    def _on_rset(self, _verb: str, _text: str) -> None:
        self._open = self._known = False
        self._answer("RSET")

    def _on_quit(self, _verb: str, _text: str) -> None:
        self._answer("QUIT")
        if not self._waiting:
            self._transport.close()
            self._waiting = True

    # TLS and log-in

    def _on_starttls(self, _verb: str, _text: str) -> None:
        if self._answer("STARTTLS").startswith("220"):
            self._waiting = True
            self._task = self._loop.create_task(self._secure())

    async def _secure(self) -> None:
        assert self._sink.tls is not None
        self._sink.open.discard(self._transport)
        plain, self._secured = self._transport, True
        try:
            secured = await self._loop.start_tls(plain, self, self._sink.tls, server_side=True)
        except OSError:
            plain.abort()
            return
        assert secured is not None
        self.connection_made(secured)
        self._waiting = False
        self._go_on()

    def _on_auth(self, _verb: str, text: str) -> None:
        if not self._secured:
            self._sink.violations.append("AUTH in clear")
        _, mechanism, *initial = text.split(" ")
        self._log_in = []
        if mechanism.upper() == "LOGIN":
            if initial:
                self._continue_log_in(initial[0])
            else:
                self._ask("VXNlcm5hbWU6")
        else:
            _, user, password = base64.b64decode(initial[0]).decode().split("\0")
            self._check(user, password)

    def _ask(self, what: str) -> None:
        self._logging_in = True
        self._say(f"334 {what}")

    def _continue_log_in(self, text: str) -> None:
        self._logging_in = False
        self._log_in.append(base64.b64decode(text).decode())
        if len(self._log_in) < 2:
            self._ask("UGFzc3dvcmQ6")
        else:
            self._check(*self._log_in)

    def _check(self, user: str, password: str) -> None:
        wrong = "535 5.7.8 Error: authentication failed"
        self._answer("AUTH", usual="" if (user, password) == self._sink.login else wrong)

    # Content

    def _take_content(self) -> bool:
        content = self._buffer
        if self._cut is not None and len(content) >= self._cut[0]:
            self._obey(self._cut[1], "CONTENT")
            return False
        dot = 0 if content.startswith(b".\r\n") else content.find(b"\r\n.\r\n", self._began) + 2
        if dot == 1:  # not found
            self._began = max(0, len(content) - 4)
            return False
        body = bytes(content[:dot])
        del content[: dot + 3]
        self._in_content = False
        if self._sink.accept_seconds:
            self._waiting = True
            self._loop.call_later(self._sink.accept_seconds, self._accept_late, body)
        else:
            self._accept(body)
        return True

    def _accept_late(self, body: bytes) -> None:
        if not self._transport.is_closing():
            self._waiting = False
        self._accept(body)
        self._go_on()

    def _accept(self, body: bytes) -> None:
        known, self._open, self._known = self._known, False, False
        if not known:
            self._obey("", "DOT", "554 5.5.1 Error: no valid recipients")
            return
        action = self._sink.action("DOT", self._recipient)
        word, _, said = action.partition(" ")
        refused = (said if word in {"last", "half", "bytewise", "raw"} else action)[:1] in {
            "4",
            "5",
        }
        if not refused:
            # A server that says nothing any more may well have taken the message.
            self._messages += 1
            self._sink.taken.append(self._letter(body))
        self._obey(action, "DOT")

    def _letter(self, body: bytes) -> Taken:
        return Taken(
            self._sender,
            self._recipient,
            self._parameters.strip(),
            hashlib.sha256(body).hexdigest(),
            body if self._sink.keep else b"",
            self._secured,
        )

    # Answers

    def _answer(self, phase: str, address: str = "", usual: str = "") -> str:
        return self._obey(self._sink.action(phase, address), phase, usual)

    def _obey(self, action: str, phase: str, usual: str = "") -> str:
        """Do what the script says; gives the reply, empty when there was none."""
        word, _, said = action.partition(" ")
        if action in {"hang", "close", "reset"}:
            self._waiting = True
            self._end(action)
            return ""
        if word == "raw":
            self._transport.write(said.encode())
            return said
        if word == "half":
            self._transport.write(said.encode()[: len(said) // 2])
        elif word == "bytewise":
            for byte in _lines(said):
                self._transport.write(bytes([byte]))
            return said
        else:
            said = said if word == "last" else action or usual or _REPLIES.get(phase, _UNKNOWN)
            self._say(said)
        if word in {"half", "last"}:
            self._waiting = True
            self._end("close")
        return said

    def _end(self, how: str) -> None:
        if how == "reset":
            linger = struct.pack("ii", 1, 0)
            plain = self._transport.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self._transport.abort()
        elif how == "close" and self._in_content:
            self._transport.abort()  # else TLS would go on reading up to the end
        elif how == "close":
            self._transport.close()

    def _say(self, reply: str) -> None:
        self._transport.write(_lines(reply))


def _lines(reply: str) -> bytes:
    """Write a reply as SMTP has it: "250 a\\nb" becomes 250-a, 250 b."""
    code, mark, text = reply[:3], reply[3:4], reply[4:]
    *first, last = text.split("\n")
    lines = [*(f"{code}-{line}" for line in first), f"{code}{mark}{last}"]
    return "".join(f"{line}\r\n" for line in lines).encode()


@contextmanager
def smtp_sink(script: Script | None = None, **settings: Any) -> Iterator[SmtpSink]:
    """Run a sink for the block; `settings` are fields of SmtpSink."""
    sink = SmtpSink(
        script={phase: list(plan) for phase, plan in (script or {}).items()}, **settings
    )
    loop = asyncio.new_event_loop()
    ready, stop = threading.Event(), asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(_serve(sink, ready, stop),))
    thread.start()
    try:
        ready.wait()
        yield sink
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


async def _serve(sink: SmtpSink, ready: threading.Event, stop: asyncio.Event) -> None:
    # Named as TCP, else asyncio leaves Nagle's delay on, and every reply waits for an ACK.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sink.trickle is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    listening.bind(("127.0.0.1", 0))
    sink.port = listening.getsockname()[1]
    server = await asyncio.get_running_loop().create_server(
        lambda: _Session(sink), sock=listening, backlog=512, ssl=sink.tls if sink.implicit else None
    )
    ready.set()
    await stop.wait()
    server.close()
    for transport in list(sink.open):
        transport.abort()
    await asyncio.sleep(0.01)  # time for what was cut to be closed
