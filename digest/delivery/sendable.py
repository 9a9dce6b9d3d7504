"""Pure. What may be handed to a transport as it is; anything else is refused, never altered."""

from __future__ import annotations

import re
import unicodedata

from digest.delivery.model import Envelope

_LOCAL_SIGNS = r"A-Za-z0-9.!#$%&'*+/=?^_`{|}~-"
_LOCAL = f"[{_LOCAL_SIGNS}]{{1,64}}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS = re.compile(rf"{_LOCAL}@{_LABEL}(?:\.{_LABEL})*")
_ANY_LOCAL = re.compile(f"[\u00a1-\U0010ffff{_LOCAL_SIGNS}]+")  # RFC 6531 3.3
_VISIBLE = frozenset("LMNPS")
_LONGEST_LOCAL = 64  # RFC 5321 4.5.3.1.1, in octets
_LONGEST_ADDRESS = 254  # RFC 5321 4.5.3.1.3, without the angle brackets
_LONGEST_LINE = 998  # RFC 5321 4.5.3.1.6, without CRLF


def objection(envelope: Envelope, message: bytes) -> str:
    """Say in words why these cannot be sent as they are; empty when they can.

    smtplib silently cuts an address at the first `>`, and a bare line break in either would let
    a name write SMTP commands (RFC 5321 2.3.8).
    """
    if envelope.sender and not is_plain_address(envelope.sender):
        return "the sender's address cannot be written in SMTP"
    if not (is_plain_address(envelope.recipient) or _is_utf8_address(envelope)):
        return "the reader's address cannot be written in SMTP"
    if not envelope.smtputf8 and not message.partition(b"\r\n\r\n")[0].isascii():
        return "the message has a header that is not ASCII"
    return _message_objection(message)


def is_plain_address(address: str) -> bool:
    """Tell whether an address is plain ASCII, unquoted and safe in an SMTP command."""
    return len(address) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(address) is not None


def _is_utf8_address(envelope: Envelope) -> bool:
    """Tell whether it is a plain address but for its script, and the envelope says so."""
    local, _, domain = envelope.recipient.rpartition("@")
    octets = len(local.encode("utf-8", "replace"))
    return (
        envelope.smtputf8
        and is_plain_address(f"x@{domain}")
        and octets <= _LONGEST_LOCAL
        and octets + 1 + len(domain) <= _LONGEST_ADDRESS
        and _ANY_LOCAL.fullmatch(local) is not None
        and all(sign.isascii() or unicodedata.category(sign)[0] in _VISIBLE for sign in local)
    )


def _message_objection(message: bytes) -> str:
    breaks = message.count(b"\r\n")
    if message.count(b"\r") != breaks or message.count(b"\n") != breaks:
        return "the message has a bare line break"
    if b"\0" in message:
        return "the message has a NUL byte"
    if not message.endswith(b"\r\n"):
        return "the message does not end with a line break"
    if message.startswith(b".") or b"\r\n." in message:
        return "the message has a line that begins with a dot"
    if any(len(line) > _LONGEST_LINE for line in message.split(b"\r\n")):
        return "the message has a line of more than 998 bytes"
    return ""
