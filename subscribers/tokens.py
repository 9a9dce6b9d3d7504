"""Pure. Signed links: who may stop, confirm or change what, without a log-in and a table.

A token is base64url of `kid (2) | reader (12) | [issued (5)] | newsletter ids | MAC (16)`; the MAC
is a keyed blake2b, personalised with the purpose. About 50 characters: no mail client breaks it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import NoReturn

from digest.errors import TokenError

CONFIRM_LIFE = timedelta(days=30)
"""How long a link to confirm works; links to unsubscribe and to preferences work for ever."""

_KID, _READER, _ISSUED, _MAC = 2, 12, 5, 16
_LONGEST = 400
_ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
_PUBLIC_ID = re.compile(r"[0-9a-f]{24}")


class Purpose(StrEnum):
    """What a link is good for; a token of one purpose is a forgery for another."""

    UNSUBSCRIBE = "unsubscribe"
    CONFIRM = "confirm"
    PREFERENCES = "preferences"
    ADDRESS = "address"
    DATA = "data"
    ERASE = "erase"


DATED = frozenset({Purpose.CONFIRM, Purpose.ADDRESS, Purpose.DATA, Purpose.ERASE})
"""Purposes whose tokens carry the moment they were made, and work for a while only."""

LIVES = {
    Purpose.CONFIRM: CONFIRM_LIFE,
    Purpose.ADDRESS: timedelta(days=2),
    Purpose.DATA: timedelta(days=1),
    Purpose.ERASE: timedelta(days=1),
}
"""How long: what gives away or ends a reader's data must be in the hand of who reads the mail."""

_ABOUT_READER = frozenset({Purpose.ADDRESS, Purpose.DATA, Purpose.ERASE})
"""Purposes that are about the whole reader, and so need to name no newsletter."""


class StaleTokenError(TokenError):
    """A genuine link that no longer applies: expired, or overtaken by a later unsubscribe."""


@dataclass(frozen=True, slots=True)
class Key:
    """A signing key: its number, which stands in every token, and its secret (32 bytes)."""

    kid: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token says: this reader, these newsletters, and since when (`DATED` only, UTC)."""

    reader: str
    """The subscriber's public id: 24 hex digits."""
    newsletter_ids: tuple[int, ...] = ()
    issued_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys whose tokens are accepted, newest first; the newest signs."""

    keys: Sequence[Key]

    def sign(self, purpose: Purpose, grant: Grant) -> str:
        """Make the token of a grant. Raises ValueError for a grant that cannot be written."""
        key = self.keys[0]
        body = key.kid.to_bytes(_KID, "big") + _pack(purpose, grant)
        return _text(body + _mac(key, purpose, body))

    def read(self, purpose: Purpose, token: str) -> Grant:
        """Give back what was signed for this purpose.

        Raises TokenError, always in the same words: cut, changed, of another purpose, unknown key.
        """
        raw = _bytes(token)
        body, mac = raw[:-_MAC], raw[-_MAC:]
        kid = int.from_bytes(body[:_KID], "big")
        key = next((key for key in self.keys if key.kid == kid), None)
        if key is None or not hmac.compare_digest(mac, _mac(key, purpose, body)):
            _forged()
        return _unpack(purpose, body[_KID:])


@dataclass(frozen=True, slots=True)
class Keys:
    """All that the verbs sign and hash with: the ring for links, the secret of the never-list."""

    links: KeyRing
    suppression: bytes = field(repr=False)


def refuse_stale(grant: Grant, now: datetime, *, purpose: Purpose = Purpose.CONFIRM) -> None:
    """Raise StaleTokenError when a link that is good for a while is older than its life."""
    life = LIVES[purpose]
    if grant.issued_at is None or now - grant.issued_at > life:
        raise StaleTokenError(f"link: older than {life.days} days", hint="Ask for a new one.")


def _forged() -> NoReturn:
    raise TokenError(
        "link: damaged, or not one of ours",
        hint="Copy the whole link from the mail, or write to the publisher.",
    )


def _mac(key: Key, purpose: Purpose, body: bytes) -> bytes:
    person = purpose.value.encode()
    return hashlib.blake2b(body, digest_size=_MAC, key=key.secret, person=person).digest()


def _pack(purpose: Purpose, grant: Grant) -> bytes:
    if not _PUBLIC_ID.fullmatch(grant.reader):
        raise ValueError(f"a public id is 24 hex digits: {grant.reader!r}")
    if not grant.newsletter_ids and purpose not in _ABOUT_READER:
        raise ValueError(f"a grant to {purpose} names no newsletter")
    if (purpose in DATED) != (grant.issued_at is not None):
        raise ValueError(f"a grant to {purpose}: its time is missing, or not wanted")
    issued = b""
    if grant.issued_at is not None:
        issued = int(grant.issued_at.timestamp()).to_bytes(_ISSUED, "big")
    return bytes.fromhex(grant.reader) + issued + b"".join(map(_varint, grant.newsletter_ids))


def _unpack(purpose: Purpose, packed: bytes) -> Grant:
    reader, rest = packed[:_READER].hex(), packed[_READER:]
    if purpose not in DATED:
        return Grant(reader, _varints(rest))
    issued_at = datetime.fromtimestamp(int.from_bytes(rest[:_ISSUED], "big"), UTC)
    return Grant(reader, _varints(rest[_ISSUED:]), issued_at)


def _varint(number: int) -> bytes:
    """Write a positive number in groups of seven bits, so that small ids cost one byte."""
    groups = [number & 0x7F]
    while number := number >> 7:
        groups.append(number & 0x7F)
    return bytes(group | 0x80 for group in groups[:0:-1]) + bytes(groups[:1])


def _varints(packed: bytes) -> tuple[int, ...]:
    numbers, number = [], 0
    for byte in packed:
        number = number << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - the bit that says "more follows"
            numbers.append(number)
            number = 0
    return tuple(numbers)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _bytes(token: str) -> bytes:
    if len(token) > _LONGEST or not _ALPHABET.fullmatch(token) or len(token) % 4 == 1:
        _forged()
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    # Several texts can stand for the same bytes: the last character has bits that nobody reads.
    if _text(raw) != token or len(raw) <= _KID + _READER + _MAC:
        _forged()
    return raw
