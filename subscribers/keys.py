"""Door to the folder of keys: files of 32 random bytes in hex, readable by their owner only."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import overload

from digest.errors import DigestError, NotFoundError
from digest.log import event
from subscribers.tokens import Key, KeyRing

_LOG = logging.getLogger(__name__)
_SIGNER_OLD_AFTER = 60.0
_LOOKS_APART = 1.0
_LINK = re.compile(r"link-(\d{5})\.key")
FIRST_LINK_KEY = "link-00001.key"
"""The name under which the keys of links are missed when there is none at all."""

_SUPPRESSION = "suppression.key"
_EDITION = "edition.key"
_SIZE = 32
_LAST_KID = 0xFFFF


def create_keys(folder: Path) -> None:
    """Make whatever key is missing in a folder (itself made if need be); overwrite none."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name in (_SUPPRESSION, _EDITION):
        with contextlib.suppress(FileExistsError):
            _write_new(folder / name)
    if not _kids(folder):
        create_key(folder)


def create_key(folder: Path) -> Key:
    """Make the next key that signs links; the earlier ones go on being accepted."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    kid = max(_kids(folder), default=0) + 1
    if kid > _LAST_KID:
        raise DigestError(f"keys: {folder}: there is no number after {_LAST_KID}")
    path = _path(folder, kid)
    try:
        _write_new(path)
    except FileExistsError as error:
        raise DigestError(
            f"keys: {path}: made by somebody else just now", hint="Run the command again."
        ) from error
    return Key(kid, _read(path))


def load_keys(folder: Path) -> KeyRing:
    """Read every key that links were signed with, newest first.

    Raises NotFoundError when there is none, DigestError when a file is damaged.
    """
    kids = sorted(_kids(folder), reverse=True)
    if not kids:
        raise _missing(folder / FIRST_LINK_KEY)
    return KeyRing(tuple(Key(kid, _read(_path(folder, kid))) for kid in kids))


def live_ring(folder: Path, *, seconds: Callable[[], float] = time.monotonic) -> KeyRing:
    """Read every key as `load_keys` does, and go on following the folder.

    A key that is made or taken away while we run counts within a minute; one that stands in a
    token and is unknown is looked for at once.
    """
    return KeyRing(LiveKeys(folder, seconds=seconds))


def made_at(folder: Path, kid: int) -> datetime:
    """Give when the file of a key was written (UTC)."""
    return datetime.fromtimestamp(_path(folder, kid).stat().st_mtime, UTC)


class LiveKeys(Sequence[Key]):
    """The keys of a folder as they are now, newest first, for a ring to sign and read with.

    Asking for one by its place looks at the folder once a minute; walking through them all in
    vain, as for a number that none of them has, once a second at most: forgers cost us nothing.
    """

    def __init__(self, folder: Path, *, seconds: Callable[[], float] = time.monotonic) -> None:
        """Read the folder for the first time. Raises as `load_keys`."""
        self._folder = folder
        self._seconds = seconds
        self._looking = threading.Lock()
        self._looked = seconds()
        self._known: Sequence[Key] = load_keys(folder).keys

    def __eq__(self, other: object) -> bool:
        """Tell whether two know the same keys."""
        return isinstance(other, LiveKeys) and list(self._known) == list(other._known)

    def __hash__(self) -> int:
        """Stand for the folder: the keys in it change."""
        return hash(self._folder)

    def __len__(self) -> int:
        """Count the keys known."""
        return len(self._known)

    @overload
    def __getitem__(self, at: int) -> Key: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Key]: ...
    def __getitem__(self, at: int | slice) -> Key | Sequence[Key]:
        """Give the key at a place; the first signs."""
        self._look(_SIGNER_OLD_AFTER)
        return self._known[at]

    def __iter__(self) -> Iterator[Key]:
        """Walk through the keys, and at the end through those that are new in the folder."""
        before = self._known
        yield from before
        self._look(_LOOKS_APART)
        yield from (key for key in self._known if key not in before)

    def _look(self, apart: float) -> None:
        """Read the folder again when the last look is so many seconds ago."""
        if self._seconds() - self._looked < apart or not self._looking.acquire(blocking=False):
            return
        try:
            self._looked = self._seconds()
            self._known = load_keys(self._folder).keys
        except (DigestError, OSError) as error:
            # What we know goes on working: somebody may be copying the folder back right now.
            event(_LOG, "keys not read again", logging.WARNING, error=type(error).__name__)
        finally:
            self._looking.release()


def suppression_secret(folder: Path) -> bytes:
    """Read the secret of the never-mail list; it never rotates, or the list would be forgotten."""
    return _read(folder / _SUPPRESSION)


def edition_secret(folder: Path) -> bytes:
    """Read the secret that the editions' nonces come from; it never rotates."""
    return _read(folder / _EDITION)


def missing_keys(folder: Path) -> tuple[str, ...]:
    """Name the files that should be there and are not: secrets, and the first key of links."""
    names = [name for name in (_SUPPRESSION, _EDITION) if not (folder / name).exists()]
    return (*names, *(() if _kids(folder) else (FIRST_LINK_KEY,)))


def _path(folder: Path, kid: int) -> Path:
    return folder / f"link-{kid:05d}.key"


def _kids(folder: Path) -> list[int]:
    if not folder.is_dir():
        return []
    found = (_LINK.fullmatch(path.name) for path in folder.iterdir())
    return [int(match[1]) for match in found if match]


def _read(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise _missing(path) from error
    except OSError as error:
        raise DigestError(
            f"keys: {path}: {error.strerror}", hint="Let the product's user read it, nobody else."
        ) from error
    except ValueError as error:
        raise _damaged(path) from error
    if len(secret) != _SIZE:
        raise _damaged(path)
    return secret


def _write_new(path: Path) -> None:
    """Write a key whole or not at all: a link to a finished file fails where one exists."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(_SIZE) + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    finally:
        draft.unlink()


def _missing(path: Path) -> NotFoundError:
    return NotFoundError(
        f"keys: {path}: missing",
        hint="Copy the keys back from the backup; for a new installation run: digest init",
    )


def _damaged(path: Path) -> DigestError:
    return DigestError(
        f"keys: {path}: damaged: not {_SIZE} bytes in hex",
        hint="Copy the file back from the backup.",
    )
