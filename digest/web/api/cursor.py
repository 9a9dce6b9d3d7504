"""Pure. Where the next page begins, as one word that only we make and that says nothing."""

from __future__ import annotations

import base64
import hashlib

_MAC, _NUMBER = 6, 8


def write_cursor(secret: bytes, filters: str, after: int) -> str:
    """Make the cursor behind a reader's number; it is good for these filters alone."""
    number = after.to_bytes(_NUMBER, "big")
    return base64.urlsafe_b64encode(number + _mac(secret, filters, number)).rstrip(b"=").decode()


def read_cursor(secret: bytes, filters: str, cursor: str) -> int | None:
    """Give the number; None for a cursor of other filters, or none of ours."""
    try:
        raw = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
    except ValueError:
        return None
    number = raw[:_NUMBER]
    after = int.from_bytes(number, "big")
    whole = len(raw) == _NUMBER + _MAC
    return after if whole and write_cursor(secret, filters, after) == cursor else None


def _mac(secret: bytes, filters: str, number: bytes) -> bytes:
    key = hashlib.sha256(b"cursor:" + secret).digest()
    return hashlib.blake2b(number + filters.encode(), digest_size=_MAC, key=key).digest()
