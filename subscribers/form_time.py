"""Pure. When a form was shown, signed: who answers it in no time at all is no person.

A form time is base64url of `kid (2) | milliseconds since 1970 (6) | MAC (16)`; the MAC is a keyed
blake2b, personalised, so that no link is ever taken for one, nor the other way round.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from subscribers.tokens import Key, KeyRing

SOONEST: Final = timedelta(seconds=2)
"""Nobody reads a form and types an address in less."""

LATEST: Final = timedelta(days=1)
"""A form that stood open for longer may be a copy that somebody keeps."""

_KID, _TIME, _MAC = 2, 6, 16
_WRITTEN = re.compile(r"[A-Za-z0-9_-]{32}")  # 24 bytes: no padding, and no bit that nobody reads


class FormAge(StrEnum):
    """What a form time says of the form it came with."""

    RIPE = "ripe"
    YOUNG = "young"
    OLD = "old"
    FORGED = "forged"


def sign_form_time(keys: KeyRing, now: datetime) -> str:
    """Write the moment a form is shown (aware) into it; the newest key signs."""
    key = keys.keys[0]
    milliseconds = int(now.timestamp() * 1000)
    body = key.kid.to_bytes(_KID, "big") + milliseconds.to_bytes(_TIME, "big")
    return base64.urlsafe_b64encode(body + _mac(key, body)).decode("ascii")


def read_form_time(keys: KeyRing, written: str, now: datetime) -> FormAge:
    """Tell how long ago a form was shown; any key we have may have signed it."""
    if not _WRITTEN.fullmatch(written):
        return FormAge.FORGED
    raw = base64.urlsafe_b64decode(written)
    body, mac = raw[:-_MAC], raw[-_MAC:]
    kid = int.from_bytes(body[:_KID], "big")
    key = next((key for key in keys.keys if key.kid == kid), None)
    if key is None or not hmac.compare_digest(mac, _mac(key, body)):
        return FormAge.FORGED
    shown_at = datetime.fromtimestamp(int.from_bytes(body[_KID:], "big") / 1000, UTC)
    if now - shown_at < SOONEST:
        return FormAge.YOUNG
    return FormAge.OLD if now - shown_at > LATEST else FormAge.RIPE


def _mac(key: Key, body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_MAC, key=key.secret, person=b"form time").digest()
