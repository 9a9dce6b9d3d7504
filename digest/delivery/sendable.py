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
    """Say in words why these cannot be sent as they are; empty when they can."""
    return envelope_objection(envelope) or message_objection(message, smtputf8=envelope.smtputf8)


def envelope_objection(envelope: Envelope) -> str:
    """Say what is wrong with the addresses; empty when nothing is. For every message: it is cheap.

    A line break or a `>` in an address would let a name write SMTP commands (RFC 5321 2.3.8).
    """
    if envelope.sender and not is_plain_address(envelope.sender):
        return "the sender's address cannot be written in SMTP"
    if not (is_plain_address(envelope.recipient) or _is_utf8_address(envelope)):
        return "the reader's address cannot be written in SMTP"
    return ""


def message_objection(message: bytes, *, smtputf8: bool = False) -> str:
    """Say why a message cannot be sent as it is; empty when it can. It reads the whole message.

    So it is for notices and the first copy of each composition. With `smtputf8` its header may have
    letters outside ASCII (RFC 6532). A bare line break would let a body write SMTP commands.
    """
    if not smtputf8 and not message.partition(b"\r\n\r\n")[0].isascii():
        return "the message has a header that is not ASCII"
    lines = message.split(b"\r\n")
    if problem := _strange_byte(lines):
        return problem
    if lines[-1] or not message:
        return "the message does not end with a line break"
    # From the end: the search skips further, as the byte it looks at first is the rare one.
    if message.startswith(b".") or message.rfind(b"\r\n.") >= 0:
        return "the message has a line that begins with a dot"
    if max(map(len, lines)) > _LONGEST_LINE:
        return "the message has a line of more than 998 bytes"
    return ""


def _strange_byte(lines: list[bytes]) -> str:
    """Look into one copy without line breaks: a byte that is not there is found fastest."""
    inside = b"".join(lines)
    if b"\r" in inside or b"\n" in inside:
        return "the message has a bare line break"
    return "the message has a NUL byte" if b"\0" in inside else ""


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
