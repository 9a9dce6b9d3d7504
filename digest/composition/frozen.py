"""Pure. What was approved is what leaves: the bytes of the wire, read again before the first copy.

The hash of an approval is of the compositions. Between them and a message stand the encoding, the
splicing and the signature; so one copy of each kind is made by the way that all copies go, taken
apart as a reader's program does it, and compared with the composition rendered the slow way.
"""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Protocol

from digest.composition.compose import set_hash
from digest.composition.headers import one_line
from digest.composition.model import Composition, ReaderValues
from digest.composition.wire import full_render
from digest.errors import CompositionError

_HINT = "Nobody is sent any other. Put the approved text back from a backup."
_NOBODY = ReaderValues(
    address="frozen@reader.invalid",
    message_id="<frozen@reader.invalid>",
    since="1 January 2000",
    unsubscribe_url="https://reader.invalid/u/frozen",
    unsubscribe_mailto="",
    sent_at=datetime(2000, 1, 1, tzinfo=UTC),
    preferences_url="https://reader.invalid/p/frozen",
    twin_url="https://reader.invalid/p/frozen/twin",
)
"""A reader who is nobody, with every topic: all that any reader may see stands in their copy."""


class Wires(Protocol):
    """Makes the copies of an edition, in each of its languages."""

    def message(self, values: ReaderValues, language: str = "") -> bytes:
        """Make one reader's whole message."""
        ...


def require_frozen(
    approved: str | None, compositions: Sequence[Composition], wires: Wires, *, edition: str
) -> None:
    """Make sure that these compositions were approved, and that these wires send them unchanged.

    `approved` is the hash over all languages that stands in the approval, None for none. Raises
    CompositionError, before anything has left.
    """
    if not compositions or set_hash(compositions) != approved:
        raise CompositionError(
            f"send: {edition}: its text is not the one that was approved", hint=_HINT
        )
    for each in compositions:
        for text_only in (False, True):
            values = replace(_NOBODY, text_only=text_only)
            message = wires.message(values, each.language)
            if part := differing_part(message, each, values):
                raise CompositionError(
                    f"send: {edition}: its {part} ({each.language}) would not leave as it was"
                    " approved",
                    hint="This is a mistake in the program: report it. Nothing was sent.",
                )


def differing_part(message: bytes, composition: Composition, values: ReaderValues) -> str:
    """Name the part of a reader's message that is not the composition's; "" when all of it is.

    The message may have been through any way out: only its line ends may be other ones.
    """
    html, text = full_render(composition, values)
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    if one_line(str(parsed["Subject"])) != one_line(composition.subject):
        return "subject"
    if values.text_only:
        return "" if _said(parsed).rstrip("\n") == _lines(text).rstrip("\n") else "text"
    parts = {each.get_content_type(): _said(each) for each in parsed.iter_parts()}
    if parts.get("text/plain") != _lines(text):
        return "text"
    return "" if parts.get("text/html") == _lines(html) else "HTML"


def _said(part: object) -> str:
    octets = part.get_payload(decode=True) if isinstance(part, EmailMessage) else b""
    return _lines(octets.decode("utf-8", "replace")) if isinstance(octets, bytes) else ""


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")
