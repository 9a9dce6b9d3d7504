"""Pure. Quoted-printable (RFC 2045, 6.7) that no server on the way has a reason to change.

Lines are at most 76 octets and end in CRLF. None begins with "." (SMTP would double it) or "F"
("From " becomes ">From " in mailboxes). Spaces never stand in pairs or at a line's end, so the
text already is what DKIM's relaxed canonicalisation (RFC 6376, 3.4.4) makes of it.
"""

from __future__ import annotations

import re
from typing import Final

SOFT_BREAK: Final = b"=\r\n"
"""Goes between two encoded stretches of one text; decoders drop it."""

_WIDTH = 75
"""One less than allowed: a soft break's "=" may follow."""

_EQUALS = ord("=")
_AS_IT_IS = frozenset(range(ord(" "), ord("~") + 1)) - {_EQUALS}
_ESCAPED = tuple(bytes([octet]) if octet in _AS_IT_IS else b"=%02X" % octet for octet in range(256))
_AT_LINE_START = {ord("."): b"=2E", ord("F"): b"=46"}
_UNESCAPED = re.compile("[!-<>-~]*")
_HARMLESS = re.compile(r"[!-\-/-<>-EG-~][!-<>-~]{0,73}")


def encode_static(text: bytes) -> bytes:
    """Encode text of many lines; LF and CRLF end a line, a lone CR is content."""
    lines = text.replace(b"\r\n", b"\n").split(b"\n")
    return b"\r\n".join(_fold(_escape(line)) for line in lines)


def encode_value(value: str) -> bytes:
    """Encode one value for a place between two soft breaks; its line breaks are content."""
    if _HARMLESS.fullmatch(value):
        return value.encode()
    if _UNESCAPED.fullmatch(value):  # a long link
        return _fold(value.encode())
    return _fold(_escape(value.encode("utf-8", errors="replace")))


def _escape(line: bytes) -> bytes:
    escaped = b"".join(map(_ESCAPED.__getitem__, line))
    while b"  " in escaped:
        escaped = escaped.replace(b"  ", b" =20")
    return escaped[:-1] + b"=20" if escaped.endswith(b" ") else escaped


def _fold(escaped: bytes) -> bytes:
    lines = []
    at = 0
    while True:
        guard = _AT_LINE_START.get(escaped[at]) if at < len(escaped) else None
        start, room = (guard, _WIDTH - len(guard) + 1) if guard else (b"", _WIDTH)
        end = _whole(escaped, at + room)
        lines.append(start + escaped[at + bool(guard) : end])
        if end >= len(escaped):
            return SOFT_BREAK.join(lines)
        at = end


def _whole(escaped: bytes, end: int) -> int:
    """Move a cut back, out of an escape."""
    if end >= len(escaped):
        return len(escaped)
    if escaped[end - 1] == _EQUALS:
        return end - 1
    return end - 2 if escaped[end - 2] == _EQUALS else end
