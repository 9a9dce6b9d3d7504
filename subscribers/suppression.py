"""Pure. The name under which an address stands on the never-mail list: a keyed hash."""

from __future__ import annotations

import hmac

NORM_VERSION = 1
"""How `Address.key` was folded when the hash was made; raised when that rule changes."""


def address_hash(secret: bytes, key: str) -> str:
    """Give the hash (HMAC-SHA256, 64 hex digits) of an address key; its secret never rotates."""
    return hmac.digest(secret, key.encode(), "sha256").hex()
