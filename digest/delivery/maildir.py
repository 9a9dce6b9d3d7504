"""Door to Maildir folders on disk: for the demo, for archives, and for tests."""

from __future__ import annotations

import hashlib
import os
import string
from pathlib import Path

from digest.delivery.model import Cause, DeliveryState, Envelope, Reply
from digest.delivery.sendable import objection

_SAFE = frozenset((string.ascii_lowercase + string.digits + ".@_+-").encode())
_LONGEST_NAME = 200  # bytes; file systems take 255


class MaildirTransport:
    """Puts each message into its reader's folder under `root`, under a name made of its id.

    Sending the same Message-ID again leaves one copy, also when the reader has filed or flagged
    it meanwhile: so nothing is ever uncertain here.
    """

    repeatable = True

    def __init__(self, root: Path) -> None:
        """Keep the folder all mailboxes lie in; it is made when the first message comes."""
        self._root = root

    def deliver(self, envelope: Envelope, message: bytes) -> Reply:
        """Store one message for good, byte for byte; a full disk puts off, never raises."""
        if problem := objection(envelope, message):
            return Reply(DeliveryState.FAILED, 0, problem, Cause.REFUSED)
        name = hashlib.sha256(envelope.message_id.encode("utf-8", "surrogatepass")).hexdigest()
        try:
            stored = _store(self._root / folder_name(envelope.recipient), name, message)
        except OSError as error:
            words = f"maildir: the mailbox cannot be written: {error.strerror}"
            return Reply(DeliveryState.DEFERRED, 0, words, Cause.CUT)
        words = "stored" if stored else "stored before"
        return Reply(DeliveryState.ACCEPTED, 250, words, Cause.ACCEPTED)

    def close(self) -> None:
        """Nothing is kept open."""


def folder_name(address: str) -> str:
    """Name the folder of an address: lower case, anything odd percent-encoded, no traversal."""
    raw = address.lower().encode("utf-8", "surrogatepass")
    name = "".join(chr(byte) if byte in _SAFE else f"%{byte:02X}" for byte in raw)
    if name.startswith("."):  # neither hidden, nor "." and ".."
        name = "%2E" + name[1:]
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[:100]}%{hashlib.sha256(raw).hexdigest()}"


def _store(folder: Path, name: str, message: bytes) -> bool:
    """Give False when the message had been stored before."""
    for part in ("tmp", "new", "cur"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    if _is_stored(folder, name):
        return False
    unfinished = folder / "tmp" / name
    # Never truncated: after a crash it may be a second name of a message already stored.
    unfinished.unlink(missing_ok=True)
    with unfinished.open("xb") as file:
        file.write(message)
        file.flush()
        os.fsync(file.fileno())
    (folder / "new" / name).hardlink_to(unfinished)
    unfinished.unlink()
    _sync_folder(folder / "new")
    return True


def _is_stored(folder: Path, name: str) -> bool:
    """Look in new/ and cur/; a mail program appends its flags after a colon."""
    return any(
        entry.name.partition(":")[0] == name
        for part in ("new", "cur")
        for entry in (folder / part).iterdir()
    )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
