"""Door to a backup as a file: a compressed tar of parts, its manifest first, each part hashed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import tarfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from digest.errors import DigestError

MANIFEST = "manifest.json"
SETTINGS = "digest.toml"
UNSUBSCRIBES = "unsubscribes.ndjson"
DATABASES = {"sqlite": "database.sqlite", "postgresql": "database.pgdump"}

_FORMAT = 1
_LONGEST_MANIFEST = 16 << 20
_PIECE = 1 << 20
_COMPRESSION = 3
"""A database packs nearly as small as with 9, several times as fast."""
_NAME = re.compile(r"[^\x00-\x1f\\]{1,512}")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a backup: its name in it, its bytes and their SHA-256 in hex."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a backup; times aware UTC.

    The database is as it was at `snapshot_at` or a little later, never earlier.
    """

    version: str
    revision: str
    database: str
    """`sqlite` or `postgresql`."""
    snapshot_at: datetime
    unsubscribes: str
    """Where the file of departures lay, and may have grown since."""
    parts: tuple[Part, ...] = ()
    not_inside: tuple[str, ...] = ()
    """Files that the settings name and that are not taken along: passwords above all."""

    @property
    def database_part(self) -> str:
        """The name of the part that holds the database."""
        return DATABASES[self.database]


def write_backup(target: Path, manifest: Manifest, parts: Mapping[str, Path]) -> Manifest:
    """Write the parts into a new file, private, whole and on the disk; read it again, then name it.

    Gives the manifest with its parts. Raises OSError, as when the disk is full: then there is
    nothing but what was there before.
    """
    manifest = replace(manifest, parts=tuple(_part(name, path) for name, path in parts.items()))
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    draft.unlink(missing_ok=True)
    try:
        descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "w+b") as file:
            with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_COMPRESSION) as tar:
                _add(tar, MANIFEST, io.BytesIO(_text(manifest)))
                for name, path in parts.items():
                    with path.open("rb") as content:
                        _add(tar, name, content)
            file.flush()
            os.fsync(file.fileno())
        unpack(draft, read_manifest(draft), lambda _name: None)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    _sync_folder(target.parent)
    return manifest


def read_manifest(file: Path) -> Manifest:
    """Read what a backup says of itself. Raises DigestError for what is none of ours."""
    with _opened(file) as tar:
        first = tar.next()
        content = None if first is None or first.name != MANIFEST else tar.extractfile(first)
        if content is None:
            raise DigestError(f"backup: {file}: it is no backup of ours")
        text = content.read(_LONGEST_MANIFEST)
    try:
        return _manifest(json.loads(text))
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(file, "its manifest cannot be read") from error


def unpack(file: Path, manifest: Manifest, place: Callable[[str], Path | None]) -> None:
    """Write each part where `place` says (None: nowhere), and hold all against their hashes.

    The files are new and private. Raises DigestError when anything is not as the manifest says.
    """
    expected = {part.name: part for part in manifest.parts}
    with _opened(file) as tar:
        tar.next()  # the manifest
        while (member := tar.next()) is not None:
            part = expected.pop(member.name, None)
            content = tar.extractfile(member) if member.isreg() else None
            if part is None or content is None:
                raise _damaged(file, f"{member.name!r} does not belong in it")
            if _copy(content, place(part.name)) != (part.size, part.sha256):
                raise _damaged(file, f"{part.name} is not what was written")
    if expected:
        raise _damaged(file, f"{', '.join(expected)} is missing")


def _part(name: str, path: Path) -> Part:
    with path.open("rb") as content:
        return Part(name, *_copy(content, None))


def _copy(content: IO[bytes], target: Path | None) -> tuple[int, str]:
    """Copy a stream into a new file, or nowhere; give its size and hash."""
    digest, size = hashlib.sha256(), 0
    with _new(target) as file:
        while piece := content.read(_PIECE):
            digest.update(piece)
            size += len(piece)
            if file is not None:
                file.write(piece)
    return size, digest.hexdigest()


@contextmanager
def _new(target: Path | None) -> Iterator[IO[bytes] | None]:
    if target is None:
        yield None
        return
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _add(tar: tarfile.TarFile, name: str, content: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = content.seek(0, os.SEEK_END)
    member.mode = 0o600
    content.seek(0)
    tar.addfile(member, content)


@contextmanager
def _opened(file: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(file, mode="r:gz") as tar:
            yield tar
    except FileNotFoundError as error:
        raise DigestError(f"backup: {file}: there is no such file") from error
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise _damaged(file, "it ends too soon, or is no backup") from error
    except OSError as error:  # gzip says so of bytes that are not its own; and so does a disk
        raise _damaged(file, error.strerror or str(error)) from error


def _damaged(file: Path, why: str) -> DigestError:
    return DigestError(f"backup: {file}: {why}", hint="Take an older one, or another copy of it.")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _text(manifest: Manifest) -> bytes:
    facts = {"format": _FORMAT, **asdict(manifest)}
    return json.dumps(facts, default=datetime.isoformat, indent=1).encode()


def _manifest(facts: Any) -> Manifest:
    """Read a manifest. Raises KeyError, TypeError or ValueError for what we never wrote."""
    if facts["format"] != _FORMAT:
        raise ValueError
    snapshot_at = datetime.fromisoformat(facts["snapshot_at"])
    if facts["database"] not in DATABASES or snapshot_at.tzinfo is None:
        raise ValueError
    parts = tuple(
        Part(_safe(each["name"]), int(each["size"]), str(each["sha256"])) for each in facts["parts"]
    )
    return Manifest(
        version=str(facts["version"]),
        revision=str(facts["revision"]),
        database=facts["database"],
        snapshot_at=snapshot_at,
        unsubscribes=str(facts["unsubscribes"]),
        parts=_needed(parts, facts["database"]),
        not_inside=tuple(map(str, facts["not_inside"])),
    )


def _needed(parts: tuple[Part, ...], database: str) -> tuple[Part, ...]:
    names = [part.name for part in parts]
    if len(set(names)) < len(names) or not {SETTINGS, DATABASES[database]} <= set(names):
        raise ValueError
    return parts


def _safe(name: str) -> str:
    """Give a name that stays in the folder it is put in. Raises ValueError."""
    path = PurePosixPath(name)
    if not _NAME.fullmatch(name) or path.is_absolute() or ".." in path.parts:
        raise ValueError
    return name


def newest_first(files: Sequence[Path]) -> list[Path]:
    """Sort backups by the moment in their names."""
    return sorted(files, key=lambda path: path.name, reverse=True)
