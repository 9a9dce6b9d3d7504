"""Pure. Envelope senders that say whose copy a bounce is about (VERP), and prove that we made them.

`bounces+token@domain`: the token is lower-case base32 of `head (1) | edition (1-8) | subscriber
(1-8) | MAC (8)`; the head holds the form's version and both lengths. The MAC is a keyed blake2b,
personalised with its purpose. Servers on the way may change the case of letters: it counts for
nothing. However large the ids, the part before the @ stays within 64 octets (RFC 5321, 4.5.3.1.1).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from digest.config.model import MailSettings
from digest.errors import SettingsError

NOTICES: Final = 0
"""Stands for the edition in the envelope sender of a notice; the notice's id for the reader."""

_VERSION, _MAC, _LONGEST_ID = 0, 8, 8
_LONGEST_LOCAL_PART, _LONGEST_TOKEN = 64, 40
_MOST_BEFORE = _LONGEST_LOCAL_PART - _LONGEST_TOKEN - len("+")
_PERSON = b"envelope sender"
_TOKEN = re.compile(r"[a-z2-7]{18,40}")


@dataclass(frozen=True, slots=True)
class Verp:
    """Makes the envelope senders of one bounce address. Raises SettingsError if it is too long."""

    address: str
    key: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse an address whose local part leaves no room for the longest token."""
        local = self.address.rpartition("@")[0]
        if len(local) > _MOST_BEFORE:
            raise SettingsError(
                f"settings: mail.bounce_address: {local!r} is {len(local)} characters long:"
                f" with what tells readers apart behind it, at most {_MOST_BEFORE} fit before"
                f" the @",
                hint="Take a shorter one, as bounces@…, or set mail.verp to false.",
            )

    def sender(self, edition_id: int, subscriber_id: int) -> str:
        """Give the envelope sender of one copy: the same on each attempt.

        Raises ValueError for a number that no database gives: under 0, or over 64 bits.
        """
        local, _, domain = self.address.rpartition("@")
        return f"{local}+{_token(edition_id, subscriber_id, self.key)}@{domain}"


def verp_of(mail: MailSettings, key: bytes) -> Verp | None:
    """Give what makes the envelope senders; None where no `bounce_address` is set, or by wish.

    Without an address that was named for bounces nobody has said that `name+anything` reaches it.
    Raises SettingsError for an address that is too long.
    """
    return Verp(mail.bounce_address, key) if mail.verp and mail.bounce_address else None


def read_verp(local: str, key: bytes) -> tuple[int, int] | None:
    """Read the part before the @ of an address that got mail: edition and subscriber.

    None when it is not one of ours, whatever it is: anybody can write to it.
    """
    before, _, token = local.rpartition("+")
    token = token.lower()
    if not before or not local.isascii() or not _TOKEN.fullmatch(token):
        return None
    try:
        raw = base64.b32decode(token.upper() + "=" * (-len(token) % 8))
    except binascii.Error:
        return None
    body, mac = raw[:-_MAC], raw[-_MAC:]
    if not hmac.compare_digest(mac, _mac(body, key)) or _text(raw) != token:
        return None
    return _ids(body)


def _token(edition_id: int, subscriber_id: int, key: bytes) -> str:
    edition, subscriber = _octets(edition_id), _octets(subscriber_id)
    head = _VERSION << 6 | (len(edition) - 1) << 3 | len(subscriber) - 1
    body = bytes([head]) + edition + subscriber
    return _text(body + _mac(body, key))


def _octets(number: int) -> bytes:
    """Write a number in as few octets as hold it, one at the least."""
    if number < 0 or number.bit_length() > 8 * _LONGEST_ID:
        raise ValueError(f"envelope sender: {number}: not an id of at most 64 bits")
    return number.to_bytes(max(1, (number.bit_length() + 7) // 8), "big")


def _ids(body: bytes) -> tuple[int, int] | None:
    """Read what a genuine token says; None for one of a later version."""
    head = body[0]
    edition = 1 + (head >> 3 & 7)
    if head >> 6 != _VERSION or len(body) != 1 + edition + 1 + (head & 7):
        return None
    numbers = body[1 : 1 + edition], body[1 + edition :]
    return int.from_bytes(numbers[0], "big"), int.from_bytes(numbers[1], "big")


def _mac(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_MAC, key=key, person=_PERSON).digest()


def _text(raw: bytes) -> str:
    return base64.b32encode(raw).decode("ascii").rstrip("=").lower()
