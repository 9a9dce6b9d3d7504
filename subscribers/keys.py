"""Door to the folder of keys: files of 32 random bytes in hex, readable by their owner only."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from pathlib import Path

from digest.errors import DigestError, NotFoundError
from subscribers.tokens import Key, KeyRing

_LINK = re.compile(r"link-(\d{5})\.key")
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
    path = folder / f"link-{kid:05d}.key"
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
        raise _missing(folder / "link-00001.key")
    return KeyRing(tuple(Key(kid, _read(folder / f"link-{kid:05d}.key")) for kid in kids))


def suppression_secret(folder: Path) -> bytes:
    """Read the secret of the never-mail list; it never rotates, or the list would be forgotten."""
    return _read(folder / _SUPPRESSION)


def edition_secret(folder: Path) -> bytes:
    """Read the secret that the editions' nonces come from; it never rotates."""
    return _read(folder / _EDITION)


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
