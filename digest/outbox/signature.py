"""Pure. The signature of an outgoing webhook, as Standard Webhooks has it (standardwebhooks.com).

The secret is made of the installation's own key and of the endpoint's salt, and kept nowhere: who
has the database alone cannot sign.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime

PREFIX = "whsec_"
REPLAY_SECONDS = 300
"""How old a call may be that a receiver takes: a recorded one is good for no longer."""


def secret_of(key: bytes, salt: str) -> str:
    """Give the secret of an endpoint as its owner keeps it; `key` is the installation's own."""
    made = hmac.digest(key, b"webhook:" + salt.encode(), "sha256")
    return PREFIX + base64.b64encode(made).decode()


def signed_headers(
    event_id: str, body: bytes, secrets: Iterable[str], *, at: datetime
) -> dict[str, str]:
    """Give the headers of one try: the id, when it leaves (Unix seconds), and who says so.

    While a secret is being changed both of them sign; a receiver takes a call when one is right.
    """
    seconds = int(at.timestamp())
    marks = (f"v1,{_mark(secret, event_id, seconds, body)}" for secret in secrets)
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(marks),
    }


def is_genuine(headers: Mapping[str, str], body: bytes, secret: str, *, now: datetime) -> bool:
    """Tell whether a call is what it says, and of now: what a receiver must check."""
    event_id, stamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (event_id and stamp.isascii() and stamp.isdigit()):
        return False
    seconds = int(stamp[:18])
    if abs(now.timestamp() - seconds) > REPLAY_SECONDS:
        return False
    right = f"v1,{_mark(secret, event_id, seconds, body)}".encode()
    given = headers.get("webhook-signature", "").encode("utf-8", "surrogatepass").split()
    return any([hmac.compare_digest(right, each) for each in given])  # noqa: C419 - all of them: the time tells nothing


def _mark(secret: str, event_id: str, seconds: int, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(PREFIX))
    said = f"{event_id}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(key, said, hashlib.sha256)).decode()
