"""Door to the journal: what a sender is about to do, on disk before it does it.

One file for each lease. `S` is written before the first byte of a copy's content leaves, `R` when
its answer is read: after a crash, S without R is the only copy nobody knows of, one a connection at
most. A journal is of one machine; what stands in it is gone from it once the ledger has it.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
import os
import platform
import secrets
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from digest.delivery.model import Cause, DeliveryState
from digest.errors import AlreadyRunningError, DigestError
from digest.log import event

_LOG = logging.getLogger(__name__)
_RECORD = struct.Struct("<cBBhq")  # kind, state, cause, reply code, reader
_STATES = tuple(DeliveryState)
_CAUSES = tuple(Cause)
_STATE_NUMBER = {state: n for n, state in enumerate(_STATES)}
_CAUSE_NUMBER = {cause: n for n, cause in enumerate(_CAUSES)}
_BEGUN, _ANSWERED = b"SR"
_SPARE = 32
"""Records more than two a copy: one that is taken back and begun anew has four."""
_SUFFIX = ".lease"
_OWNER = "owner"

Key = tuple[int, int, int]
"""Which lease: its edition, its batch (0 for retries), its fence."""


class JournalError(DigestError):
    """The journal cannot be written, so nothing more may leave."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What the journal knows of a copy whose answer was read."""

    state: DeliveryState
    cause: Cause
    code: int


Known = Mapping[int, Answered | None]
"""By reader; None for a copy that was begun and not answered."""


class LeaseFile:
    """The journal of one lease, in memory that the system keeps when we are killed.

    The file is made in its full size, so that a full disk is met before anything is begun with, and
    mapped: a write to it is no system call, and outlives the process all the same. Used by one
    thread, `sync` by any.
    """

    def __init__(self, path: Path, copies: int | None) -> None:
        """Make the file, with room for so many copies; None takes one that is there, still empty.

        Raises JournalError when there is no room, or no such file.
        """
        self.path = path
        self._size = 0
        self._synced = 0
        self._room = 0
        try:
            made = os.O_CREAT | os.O_EXCL if copies is not None else 0
            self._file = os.open(path, made | os.O_RDWR, 0o600)
        except OSError as error:
            raise _unwritable(path.parent, error) from error
        try:
            if copies is None:
                self._map = self._mapped(os.fstat(self._file).st_size // _RECORD.size)
            else:
                self._map = self._mapped(max(2 * copies, 1) + _SPARE)
        except BaseException:
            (self.close if copies is None else self.remove)()
            raise

    @classmethod
    def opened(cls, path: Path) -> LeaseFile:
        """Take over the journal that another process of this sender has just made."""
        return cls(path, None)

    def _mapped(self, records: int) -> mmap.mmap:
        """Make the file longer and map it anew. Raises JournalError."""
        try:
            _allocate(self._file, records * _RECORD.size)
            found = mmap.mmap(self._file, records * _RECORD.size)
        except (OSError, ValueError) as error:
            raise _unwritable(self.path.parent, OSError(0, str(error))) from error
        self._room = records * _RECORD.size
        return found

    def begun(self, reader: int) -> int:
        """Write that a reader's copy is about to leave; give the mark that `is_synced` asks for.

        Raises JournalError when it cannot be written: then the copy must not leave.
        """
        self._append(_BEGUN, 0, 0, 0, reader)
        return self._size

    def answered(self, reader: int, state: DeliveryState, cause: Cause, code: int) -> None:
        """Write what became of it; a journal that is full by now leaves it to the ledger."""
        with contextlib.suppress(JournalError):
            self._append(_ANSWERED, _STATE_NUMBER[state], _CAUSE_NUMBER[cause], code, reader)

    def _append(self, kind: int, state: int, cause: int, code: int, reader: int) -> None:
        if self._map.closed:
            raise JournalError(f"journal: {self.path}: its lease is over")
        at = self._size
        if at + _RECORD.size > self._room:
            longer = self._mapped(2 * self._room // _RECORD.size)
            self._map.close()
            self._map = longer
        _RECORD.pack_into(self._map, at, b"\0", state, cause, code, reader)
        self._map[at] = kind  # last, and one byte: a record is there whole, or not at all
        self._size = at + _RECORD.size

    def is_synced(self, mark: int) -> bool:
        """Tell whether what was written up to a mark outlives a power cut."""
        return self._synced >= mark

    def sync(self) -> None:
        """Bring all that is written to the disk. Raises JournalError."""
        size = self._size
        try:
            self._map.flush()
            os.fdatasync(self._file)
        except (OSError, ValueError) as error:
            raise _unwritable(self.path.parent, OSError(0, str(error))) from error
        self._synced = max(self._synced, size)

    def close(self) -> None:
        """Keep it for the next start: the ledger does not have all of it."""
        with contextlib.suppress(OSError, ValueError, AttributeError):
            self._map.close()
        with contextlib.suppress(OSError):
            os.close(self._file)

    def remove(self) -> None:
        """Forget it: the ledger has it all."""
        self.close()
        self.path.unlink(missing_ok=True)


def _allocate(file: int, size: int) -> None:
    """Have the room on the disk now: a page that finds none later would kill the process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, size)
        return
    os.lseek(file, 0, os.SEEK_END)  # macOS has no such call
    os.write(file, bytes(size - os.fstat(file).st_size))


class Journal:
    """The journals of one sender, in a folder that is its alone while it lives."""

    def __init__(self, folder: Path, owner: str) -> None:
        """Keep the folder; see `open_journal`."""
        self.owner = owner
        """Who the leases of this folder belong to: its machine, and a name drawn once."""
        self.folder = folder

    def lease(self, key: Key, copies: int) -> LeaseFile:
        """Make the journal of a lease of so many copies. Raises JournalError."""
        return LeaseFile(self._path(key), copies)

    def left(self, key: Key) -> Known | None:
        """Read what a dead sender wrote of a lease; None when there is nothing to read."""
        try:
            raw = self._path(key).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unwritable(self.folder, error) from error
        return _read(raw)

    def forget(self, key: Key) -> None:
        """Remove what a dead sender wrote, once the ledger has it."""
        self._path(key).unlink(missing_ok=True)

    def forget_all(self) -> None:
        """Remove every journal: whatever lease it was of is settled."""
        for path in self.folder.glob(f"*{_SUFFIX}"):
            path.unlink(missing_ok=True)

    def sync_folder(self) -> None:
        """Make sure that new files outlive a power cut. Raises JournalError."""
        try:
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _path(self, key: Key) -> Path:
        return self.folder / f"{'-'.join(map(str, key))}{_SUFFIX}"


@contextlib.contextmanager
def open_journal(folder: Path) -> Iterator[Journal]:
    """Hold a folder of journals, made if need be, while the block runs.

    Raises AlreadyRunningError when another sender has it: that proves that whoever wrote what
    stands in it is dead. Raises JournalError for a folder that cannot be used.
    """
    import fcntl  # noqa: PLC0415 - absent on Windows

    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = (folder / _OWNER).open("a+")
    except OSError as error:
        raise _unwritable(folder, error) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise AlreadyRunningError(
                f"journal: {folder}: another sender of this machine writes there",
                holder="another process",
                hint="Give each sender a folder of its own: [storage] journal.",
            ) from error
        yield Journal(folder, _owner(lock))


def _owner(lock: TextIO) -> str:
    """Read the folder's name, or draw it."""
    lock.seek(0)
    owner = lock.read().strip()
    if not owner:
        owner = f"{platform.node()[:40]} {secrets.token_hex(8)}"
        lock.truncate(0)
        lock.write(owner)
        lock.flush()
    return owner


def _read(raw: bytes) -> Known | None:
    """Read records up to one that was cut short; None for what we have never written."""
    known: dict[int, Answered | None] = {}
    whole = len(raw) - len(raw) % _RECORD.size
    for kind, state, cause, code, reader in _RECORD.iter_unpack(raw[:whole]):
        if kind == b"\0":
            break  # the room that was not needed
        if kind == b"S":
            known[reader] = None
        elif kind == b"R" and state < len(_STATES) and cause < len(_CAUSES):
            known[reader] = Answered(_STATES[state], _CAUSES[cause], code)
        else:
            event(_LOG, "a damaged journal", logging.ERROR, bytes=len(raw))
            return None
    return known


def _unwritable(folder: Path, error: OSError) -> JournalError:
    return JournalError(
        f"journal: {folder}: {error.strerror or error}",
        hint="Make room, or mend the folder ([storage] journal). Nobody is lost, nothing is sent.",
    )
