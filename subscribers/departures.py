"""Door to the file of departures: who has left, a line each, only ever added to.

A line is in the file, and on the disk, before the database commits: whoever was told that they are
out stays out, though the database were lost and yesterday's put in its place.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

_LONGEST_LINE = 1 << 16
_NAME = "file"
_NAMES = re.compile(r"[0-9A-Za-z_-]{1,64}")
_WORDS = re.compile(r"[a-z -]{0,64}")
_HEX = re.compile(r"[0-9a-f]{0,64}")


@dataclass(frozen=True, slots=True)
class Departure:
    """Somebody left: known by their public id and by the keyed hash of their address."""

    kind: str
    """As `ConsentKind` has it: unsubscribed, suppressed, erased; lifted takes a suppression off."""
    at: datetime
    public_id: str
    address_hmac: str
    newsletters: tuple[str, ...] | None
    """The slugs; None means all of them."""
    reason: str = ""
    """Why the address is never mailed (`SuppressionReason`); nothing for who only unsubscribed."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: what it says (None: damaged), and the byte where the next begins."""

    departure: Departure | None
    end: int


@dataclass(slots=True)
class _Batch:
    """Lines that reach the disk together, and what became of them."""

    lines: list[str] = field(default_factory=list)
    written: bool = False
    problem: OSError | None = None


class Departures:
    """The file of one machine; several processes, and threads of each, may add to it at once."""

    def __init__(self, path: Path) -> None:
        """Name the file; it is made with its first line."""
        self.path = path
        self._gathering = threading.Lock()
        self._disk = threading.Lock()
        self._batch = _Batch()

    def append(self, departures: Sequence[Departure]) -> None:
        """Add lines, and return when they are on the disk. Raises OSError when they are not.

        Those who come while the disk is busy wait together, and are written together.
        """
        if not departures:
            return
        with self._gathering:
            batch = self._batch
            batch.lines += [f"{json.dumps(_entry(each))}\n" for each in departures]
        with self._disk:
            if not batch.written:
                with self._gathering:
                    self._batch = _Batch()
                batch.problem = _write(self.path, "".join(batch.lines))
                batch.written = True
        if batch.problem is not None:
            raise OSError(batch.problem.errno, batch.problem.strerror) from batch.problem

    def size(self) -> int:
        """Give the bytes of the file; 0 when nobody has left yet."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def name(self) -> str:
        """Give what the file calls itself in its first line; "" when that line is damaged."""
        with self.path.open("rb") as file:
            first = _parsed(file.readline(_LONGEST_LINE))
        name = first.get(_NAME) if isinstance(first, dict) else None
        return name if isinstance(name, str) and _NAMES.fullmatch(name) else ""

    def after(self, start: int) -> Iterator[Line]:
        """Read the lines from a byte on; a last one without its end is left for another time."""
        with self.path.open("rb") as file:
            file.seek(start)
            while line := _whole_line(file):
                entry = _parsed(line)
                if not (isinstance(entry, dict) and _NAME in entry):
                    yield Line(_departure(entry), file.tell())


def _whole_line(file: BinaryIO) -> bytes:
    """Read a line with its end; nothing when that is not there yet, and an endless one in pieces.

    Only the last piece of an endless one is given: it is damaged, and so is told.
    """
    line = file.readline(_LONGEST_LINE)
    while len(line) == _LONGEST_LINE and line[-1:] != b"\n":
        line = file.readline(_LONGEST_LINE)
    return line if line[-1:] == b"\n" else b""


def _write(path: Path, lines: str) -> OSError | None:
    """Add lines at the end and wait for the disk; give what went wrong."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            content = (_beginning(descriptor) + lines).encode()
            while content:
                content = content[os.write(descriptor, content) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        return error
    return None


def _beginning(descriptor: int) -> str:
    """Give what must stand before new lines: the file's name, or the end of a half-written one."""
    size = os.fstat(descriptor).st_size
    if size == 0:
        return f"{json.dumps({_NAME: secrets.token_hex(8)})}\n"
    return "" if os.pread(descriptor, 1, size - 1) == b"\n" else "\n"


def _entry(each: Departure) -> dict[str, object]:
    return {
        "at": each.at.isoformat(),
        "kind": each.kind,
        "reader": each.public_id,
        "address_hmac": each.address_hmac,
        "newsletters": None if each.newsletters is None else list(each.newsletters),
        **({"reason": each.reason} if each.reason else {}),
    }


def _parsed(line: bytes) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _departure(entry: object) -> Departure | None:
    """Read what one line says; None when it is damaged."""
    try:
        return _sound(entry)
    except (KeyError, TypeError, ValueError):
        return None


def _sound(entry: Any) -> Departure:
    """Read a line. Raises KeyError, TypeError or ValueError for what we never wrote."""
    at, slugs = datetime.fromisoformat(entry["at"]), entry["newsletters"]
    who = (_fit(_HEX, entry["reader"]), _fit(_HEX, entry["address_hmac"]))
    if at.tzinfo is None or not any(who):
        raise ValueError
    return Departure(
        _fit(_WORDS, entry["kind"]),
        at,
        *who,
        None if slugs is None else tuple(_fit(_NAMES, slug) for slug in slugs),
        _fit(_WORDS, entry.get("reason", "")),
    )


def _fit(pattern: re.Pattern[str], text: Any) -> str:
    """Give a text of this form. Raises TypeError for no text, ValueError for another form."""
    if not pattern.fullmatch(text):
        raise ValueError
    return str(text)
