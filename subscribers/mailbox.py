"""Pure. The number that stands in a link for the mailbox it was mailed to."""

from __future__ import annotations

import hashlib
import hmac

_BYTES = 6


def mailbox_number(secret: bytes, address_key: str) -> int:
    """Give a keyed hash (48 bits, never 0) of an address key.

    A link that carries it proves that its holder reads that one mailbox, and no other: not the one
    asked for a second later, nor the one the reader has since moved to.
    """
    name = f"mailbox:{address_key}".encode()
    hashed = hmac.new(secret, name, hashlib.sha256).digest()[:_BYTES]
    return int.from_bytes(hashed, "big") or 1
