"""Readers as bad as the bytes they might meet; each is run in a child, by name."""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from digest.errors import SourceError
from digest.sources.model import DateOrigin, FoundStory, Gone, Picture, Reading, Recording

WHOLE = Reading(
    stories=(
        FoundStory(
            headline="Ferry late — again \u202e?",
            url="https://e.example/1",
            guid="1",
            body_html="<p>a</p>",
            authors=("Ann Teller", "Bo"),
            picture=Picture("https://e.example/1.jpg", "A ferry", "Bo"),
            recording=Recording("https://e.example/1.mp3", 754),
            published_at=datetime(2026, 1, 9, 6, 0, tzinfo=UTC),
            published_from=DateOrigin.FEED,
            updated_at=datetime(2026, 1, 9, 7, 0, 0, 5, tzinfo=UTC),
            seen_on=datetime(2026, 1, 9, tzinfo=UTC).date(),
            priority=-3,
            reads=12,
        ),
        FoundStory(headline="港の話 😀"),
    ),
    warnings=("one", "two"),
    title="Harbour Post",
    language="en",
    complete=True,
    gone=(Gone(guid="0"), Gone(url="https://e.example/0")),
    next_address="https://e.example/?page=2",
)


def whole(content: bytes, **_options: str | None) -> Reading:
    del content
    return WHOLE


def echo(content: bytes, **options: str | None) -> Reading:
    told = tuple(f"{name}={value!r}" for name, value in sorted(options.items()))
    return Reading(title=f"{len(content)} bytes, {sum(content)}", warnings=told)


def whoami(content: bytes, **_options: str | None) -> Reading:
    del content
    return Reading(title=str(os.getpid()), warnings=(str(os.getppid()),))


def surroundings(content: bytes, **_options: str | None) -> Reading:
    """Tell what a child has from its parent: main module, variables, open files."""
    del content
    main = sys.modules["__main__"]
    descriptors = list(Path("/proc/self/fd").iterdir())
    return Reading(
        title=str(getattr(main, "__file__", None)),
        warnings=tuple(sorted(os.environ)),
        language=str(len(descriptors)),
    )


def loops(content: bytes, **_options: str | None) -> Reading:
    for n in itertools.count():
        if n < 0:
            return Reading(title=str(content))
    raise AssertionError


def sleeps(content: bytes, **_options: str | None) -> Reading:
    while True:
        time.sleep(len(content) + 60)


def eats(content: bytes, **_options: str | None) -> Reading:
    eaten = [content]
    while True:
        eaten.append(bytes(8_000_000))


def runs_out(content: bytes, **_options: str | None) -> Reading:
    raise MemoryError(len(content))


def grows(content: bytes, **_options: str | None) -> Reading:
    _KEPT.append(bytes(160_000_000))
    return whoami(content)


_KEPT: list[bytes] = []


def leaves(content: bytes, **_options: str | None) -> Reading:
    os._exit(len(content))


def crashes(content: bytes, **_options: str | None) -> Reading:
    del content
    ctypes.string_at(0)
    raise AssertionError


def spends(content: bytes, **_options: str | None) -> Reading:
    """End as one does that used up its processor time, or an unknown signal came."""
    signal.raise_signal(int(content))
    raise AssertionError


def refuses(content: bytes, *, address: str, **_options: str | None) -> Reading:
    del content
    raise SourceError(f"feed: {address}: not\na feed \ud800", hint="Name the\nfeed.")


def errs(content: bytes, **_options: str | None) -> Reading:
    raise ValueError(f"{content!r}\nand {'more ' * 1000}")


def dives(content: bytes, **options: str | None) -> Reading:
    return dives(content, **options)


def half_letters(content: bytes, **_options: str | None) -> Reading:
    del content
    return Reading(title="a\ud800b\x00c\ud83d\ude00", warnings=("\udcff",))


def garbles(content: bytes, **_options: str | None) -> Reading:
    """Answer past the answer, on every pipe there is."""
    for descriptor in range(3, 12):
        try:
            os.write(descriptor, content)
        except OSError:
            continue
    return Reading()


def announces_much(content: bytes, **_options: str | None) -> Reading:
    return garbles(struct.pack(">cBI", b"R", 0, 4_000_000_000) + content)


def answers_much(content: bytes, **_options: str | None) -> Reading:
    return Reading(warnings=("x" * len(content),) * 21)


@dataclass(frozen=True)
class _Alike:
    stories: tuple[Mapping[str, object], ...] = ()
    title: object = ""


def wrong(content: bytes, **_options: str | None) -> _Alike:
    del content
    return _Alike(title=3)


def undated(content: bytes, **_options: str | None) -> _Alike:
    del content
    return _Alike(stories=({"headline": "x", "published_at": "2026-01-09T06:00:00"},))


def nameless(content: bytes, **_options: str | None) -> _Alike:
    del content
    return _Alike(title=object())


def none(content: bytes, **_options: str | None) -> None:
    del content


def prints(content: bytes, **_options: str | None) -> Reading:
    sys.stdout.write("R\n" * 5000)
    sys.stdout.flush()
    sys.stderr.write("R")
    os.write(1, content)
    return Reading(title=sys.stdin.read())


def misbehaves(content: bytes, **_options: str | None) -> Reading:
    """Try what no reader has a reason to do; tell what was refused."""
    target = Path(content.decode())
    attempts: Mapping[str, Callable[[], object]] = {
        "connect": lambda: socket.create_connection(("127.0.0.1", 9), 1),
        "look-up": lambda: socket.getaddrinfo("localhost", 80),
        "datagram": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", ("127.0.0.1", 9)),
        "write": lambda: target.write_text("x"),
        "remove": target.unlink,
        "program": lambda: subprocess.run(["true"], check=True),
        "shell": lambda: os.system("true"),  # noqa: S605 - it must be refused
        "fork": os.fork,
        "kill": lambda: os.kill(os.getppid(), 0),
    }
    refused = []
    for name, attempt in attempts.items():
        try:
            attempt()
        except PermissionError:
            refused.append(name)
    return Reading(warnings=tuple(refused), title=target.read_text("utf-8"))


READERS = MappingProxyType(
    {
        each.__name__: f"{__name__}:{each.__name__}"
        for each in (
            whole, echo, whoami, surroundings, loops, sleeps, eats, runs_out, grows, leaves,
            crashes, spends, refuses, errs, dives, half_letters, garbles, announces_much,
            answers_much, wrong, undated, nameless, none, prints, misbehaves,
        )
    }
    | {"absent": f"{__name__}:absent", "lost": "digest.no_such_module:read"}
)  # fmt: skip
