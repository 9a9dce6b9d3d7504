"""Door to files of readers: plain, gzip or zip, read as a stream and within bounds.

Nothing of an archive is ever written, and no path in one is used: only the expected members are
read, straight from the archive.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from subscribers.transfer.encodings import BROKEN_BYTES, Encoding, Letters
from subscribers.transfer.faults import ReadersFileError

MOST_BYTES = 4 << 30
"""What an archive may unpack to."""
MOST_RATIO = 200
"""To so many times its size; text of readers packs to a fifth, or a twentieth."""
RATIO_FROM = 32 << 20
"""Below this much the ratio does no harm."""
MOST_MEMBERS = 100
_BLOCK = 1 << 20
_TABLES = (".csv", ".tsv", ".txt", ".ndjson", ".jsonl", ".json")
_GZIP, _ZIP = b"\x1f\x8b", b"PK"
_OUTSIDE = re.compile(r"(^[/\\])|(^[A-Za-z]:)|((^|[/\\])\.\.([/\\]|$))|\\|\0")
_WORKBOOK = "[Content_Types].xml"
_DAMAGED = (zipfile.BadZipFile, zlib.error, gzip.BadGzipFile, EOFError, NotImplementedError)


@dataclass(frozen=True, slots=True)
class Part:
    """One table: a file, or one member of an archive."""

    path: Path
    member: str = ""
    packed: str = ""
    """`gzip`, `zip` or nothing."""

    @property
    def name(self) -> str:
        """How it is called in messages and reports: never with a path from an archive."""
        return PurePosixPath(self.member).name if self.member else self.path.name

    @property
    def plain_name(self) -> str:
        """The name without what packing added."""
        return self.name.removesuffix(".gz") if self.packed == "gzip" else self.name


@dataclass(frozen=True, slots=True)
class Surveyed:
    """What a look through the whole of a part found."""

    part: Part
    sha256: str
    encoding: Encoding
    lines: int


def find_parts(path: Path) -> tuple[list[Part], list[str]]:
    """Give the tables of a file, and the names of what is not read in it.

    Raises ReadersFileError for an archive that is not safe, or holds no table.
    """
    if path.is_dir():
        raise ReadersFileError(f"{path}: a folder", hint="Name the files in it.")
    with path.open("rb") as file:
        begins = file.read(2)
    if begins == _GZIP:
        return [Part(path, packed="gzip")], []
    if begins == _ZIP:
        with _telling(path), zipfile.ZipFile(path) as archive:
            return _members(path, archive.infolist())
    return [Part(path)], []


def survey(part: Part) -> Surveyed:
    """Read a part from end to end: its hash, its encoding, how many lines. Raises as `opened`."""
    digest, letters = hashlib.sha256(), Letters()
    with opened(part) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            letters.see(block)
    return Surveyed(part, digest.hexdigest(), letters.encoding(), letters.lines + 1)


@contextlib.contextmanager
def opened(part: Part) -> Iterator[IO[bytes]]:
    """Open a part's own bytes.

    Raises ReadersFileError where an archive is damaged, or unpacks to more than it may.
    """
    with contextlib.ExitStack() as stack:
        stack.enter_context(_telling(part.path))
        if part.packed == "gzip":
            size = part.path.stat().st_size
            unpacking = stack.enter_context(gzip.GzipFile(part.path))
            read: Callable[[int], bytes] = unpacking.read
        elif part.packed == "zip":
            archive = stack.enter_context(zipfile.ZipFile(part.path))
            size = archive.getinfo(part.member).compress_size
            read = stack.enter_context(archive.open(part.member)).read
        else:
            yield stack.enter_context(part.path.open("rb"))
            return
        bounded = _Bounded(read, part.name, packed_size=size)
        yield stack.enter_context(io.BufferedReader(bounded, _BLOCK))


@contextlib.contextmanager
def opened_text(part: Part, encoding: Encoding) -> Iterator[Callable[[int], str]]:
    """Open a part as text; gives `readline`, whose line ends are those of the file."""
    with (
        opened(part) as file,
        io.TextIOWrapper(file, encoding.codec, errors=BROKEN_BYTES, newline="") as text,
    ):
        yield text.readline


class _Bounded(io.RawIOBase):
    """Unpacks no more than a part of this size may hold."""

    def __init__(self, read: Callable[[int], bytes], name: str, *, packed_size: int) -> None:
        self._read = read
        self._name = name
        self._most = min(MOST_BYTES, max(RATIO_FROM, packed_size * MOST_RATIO))
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._read(len(buffer))
        self._given += len(data)
        if self._given > self._most:
            raise ReadersFileError(
                f"{self._name}: unpacks to more than {self._most >> 20:,} MB",
                hint="Unpack it yourself, look what is in it, and bring in the file.",
            )
        buffer[: len(data)] = data
        return len(data)


def _members(path: Path, infos: list[zipfile.ZipInfo]) -> tuple[list[Part], list[str]]:
    names = [info.filename for info in infos]
    if _WORKBOOK in names:
        raise ReadersFileError(
            f"{path}: a workbook, not a table",
            hint='Open it and save the sheet as "CSV UTF-8".',
        )
    if len(infos) > MOST_MEMBERS:
        raise ReadersFileError(f"{path}: {len(infos):,} files in one archive are too many")
    parts, others, seen = [], [], set()
    for info in infos:
        _refuse_unsafe(path, info)
        if _is_table(info) and info.filename not in seen:
            seen.add(info.filename)
            parts.append(Part(path, info.filename, "zip"))
        elif not info.is_dir():
            others.append(PurePosixPath(info.filename).name)
    if not parts:
        raise ReadersFileError(
            f"{path}: there is no table in this archive",
            hint=f"Looked for: {', '.join(_TABLES)}.",
        )
    return parts, others


def _refuse_unsafe(path: Path, info: zipfile.ZipInfo) -> None:
    if _OUTSIDE.search(info.filename) or _OUTSIDE.search(info.orig_filename):
        raise ReadersFileError(
            f"{path}: {info.filename!a} leads out of the archive: it was made to do harm",
            hint="Do not unpack it. Ask where it came from.",
        )
    if info.flag_bits & 1:
        raise ReadersFileError(
            f"{path}: it has a password", hint="Unpack it, and bring in the files."
        )


def _is_table(info: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(info.filename)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not info.is_dir() and not hidden and name.suffix.lower() in _TABLES


@contextlib.contextmanager
def _telling(path: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        raise ReadersFileError(
            f"{path}: the archive is damaged: {str(error)[:80] or type(error).__name__}",
            hint="Download it once more.",
        ) from error
