"""Pure. The link in the editors' mail: whoever has it may look at one edition before it is out.

It shows and changes nothing, so it is kept short: the edition's number and a MAC by the edition
secret, under a name of its own, so that no slot nonce or Message-ID is ever such a link.
"""

from __future__ import annotations

import hashlib
import hmac

_PERSON = b"digest.draft"
_LONGEST_NUMBER = 18
_MAC_BYTES = 16


def draft_token(secret: bytes, edition_id: int) -> str:
    """Give the token of an edition, as `17-9f2c…`."""
    return f"{edition_id}-{_mac(secret, edition_id)}"


def read_draft_token(secret: bytes, token: str) -> int | None:
    """Give the edition's id; None for what we never made."""
    number, _, mac = token.partition("-")
    if not (number.isascii() and number.isdigit() and len(number) <= _LONGEST_NUMBER):
        return None
    genuine = hmac.compare_digest(
        mac.encode("utf-8", "replace"), _mac(secret, int(number)).encode()
    )
    return int(number) if genuine else None


def _mac(secret: bytes, edition_id: int) -> str:
    content = str(edition_id).encode()
    key = hashlib.blake2b(secret, digest_size=32).digest()  # a blake2b key has 64 bytes at most
    return hashlib.blake2b(content, key=key, digest_size=_MAC_BYTES, person=_PERSON).hexdigest()
