"""Pure. The header of a message as its receivers read it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.parser import BytesHeaderParser
from email.policy import compat32
from functools import lru_cache

_LONGEST = 1 << 16


@lru_cache(maxsize=16)
def fields_of(message: bytes) -> Mapping[str, Sequence[str]]:
    """Give the values of each field by its name in lower case: unfolded, and decoded (RFC 2047)."""
    parsed = BytesHeaderParser(policy=compat32).parsebytes(message[:_LONGEST])
    found: dict[str, list[str]] = {}
    for name, value in parsed.items():
        found.setdefault(name.lower(), []).append(_decoded(str(value)))
    return found


def _decoded(value: str) -> str:
    unfolded = " ".join(value.split())
    try:
        return str(make_header(decode_header(unfolded)))
    except (HeaderParseError, LookupError, UnicodeError):
        return unfolded
