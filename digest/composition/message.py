"""Pure. Whole messages as bytes: the frame around two parts, and mails that are no edition."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Final

from digest.composition.headers import (
    ascii_domain,
    date,
    header_lines,
    message_id_field,
    one_mailbox,
    unstructured,
)
from digest.composition.quoted_printable import encode_static

MIME_VERSION: Final = ("MIME-Version", "1.0")

_HTML = "text/html; charset=utf-8"
_ENCODING = ("Content-Transfer-Encoding", "quoted-printable")

PLAIN_TEXT: Final = (("Content-Type", "text/plain; charset=utf-8"), _ENCODING)
"""The fields of a text: of one part, or of a whole message that has no other."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands before, between and after the parts of a multipart/alternative body."""

    content_type: tuple[str, str]
    before_text: bytes
    before_html: bytes
    after: bytes


def frame(seed: str) -> Frame:
    """Make a frame with the boundary that belongs to `seed`.

    No quoted-printable line can be the boundary: in them "=" never comes before "_" (RFC 2046,
    5.1.1).
    """
    boundary = "=_" + blake2b(seed.encode("utf-8", errors="replace"), digest_size=12).hexdigest()
    line = b"--" + boundary.encode("ascii")
    return Frame(
        content_type=("Content-Type", f'multipart/alternative;\r\n boundary="{boundary}"'),
        before_text=line + b"\r\n" + header_lines(PLAIN_TEXT) + b"\r\n",
        before_html=b"\r\n"
        + line
        + b"\r\n"
        + header_lines([("Content-Type", _HTML), _ENCODING])
        + b"\r\n",
        after=b"\r\n" + line + b"--\r\n",
    )


def message_id(secret: bytes, edition_id: int, subscriber_id: int, domain: str) -> str:
    """Give the Message-ID of one reader's copy: the same on each attempt, never guessable."""
    copy = f"message id\0{edition_id:d}\0{subscriber_id:d}".encode()
    mac = hmac.digest(secret, copy, "sha256")[:8].hex()
    host = ascii_domain(domain, field="Message-ID")
    return f"<e{edition_id:d}.s{subscriber_id:d}.{mac}@{host}>"


def build_notice(
    *,
    sender: str,
    to: str,
    reply_to: str,
    subject: str,
    text: str,
    html: str,
    message_id: str,
    sent_at: datetime,
    extra: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Build a mail that is no edition; without `html` it is plain text alone.

    Values of `extra` come from the makers in `headers`.

    Raises:
        CompositionError: for an address, an id or an extra field that cannot stand in a header.
    """
    fields = [
        ("From", one_mailbox(sender, field="From")),
        ("To", one_mailbox(to, field="To")),
        *([("Reply-To", one_mailbox(reply_to, field="Reply-To"))] if reply_to else []),
        ("Subject", unstructured(subject)),
        ("Date", date(sent_at)),
        ("Message-ID", message_id_field(message_id)),
        ("Auto-Submitted", "auto-generated"),
        *extra,
        MIME_VERSION,
    ]
    if not html:
        return header_lines([*fields, *PLAIN_TEXT]) + b"\r\n" + _encoded(text.rstrip("\r\n") + "\n")
    around = frame(f"{message_id}\0{text}\0{html}")
    return b"".join(
        [
            header_lines([*fields, around.content_type]),
            b"\r\n",
            around.before_text,
            _encoded(text),
            around.before_html,
            _encoded(html),
            around.after,
        ]
    )


def _encoded(text: str) -> bytes:
    return encode_static(text.encode("utf-8", errors="replace"))
