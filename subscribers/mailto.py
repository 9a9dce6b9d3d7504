"""Pure. Read a mail to the address in List-Unsubscribe: is it a wish to leave, and whose?

Only a signed token in the subject ends anything. A From is easily forged: without a token its
owner is asked by mail. What machines send of themselves is no wish, and is never answered
(RFC 3834). The body is not read: a letter quoted or forwarded to us carries its reader's links.
"""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote

from digest.errors import AddressError
from subscribers.address import read_address

SUBJECT: Final = "unsubscribe"
"""The word before the token: for people who look into the mailbox; case and language are theirs."""

_LONGEST_HEADER = 1 << 16
_LONGEST_VALUE = 2000
_MOST_TOKENS = 5
_TOKEN = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{42,400}(?![A-Za-z0-9_-])")
_HEADER_ENDS = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_ENDS = re.compile(rb"\r\n|\r|\n")
_FIELD = re.compile(rb"([!-9;-~]{1,70})[ \t]*:(.*)", re.DOTALL)
_ENCODED = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]{0,400})\?=")
_BETWEEN_ENCODED = re.compile(r"(\?=)[ \t]+(?==\?)")
_IN_ANGLES = re.compile(r"<([^<>]*)>[ \t]*")
_MACHINES = re.compile(r"(?:mailer-daemon|postmaster|(?:no|do-?not)-?reply)@", re.IGNORECASE)
_REPLIED = frozenset({"x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponse"})
_BY_MACHINES = frozenset({"bulk", "junk", "list", "auto_reply"})


class Wish(StrEnum):
    """What a mail wants of us."""

    LEAVE = "leave"
    """It carries what may be a token: whether it is ours, the keys tell."""
    ASK = "ask"
    """It carries none: the owner of its From is sent a fresh link."""
    NONE = "none"
    """A machine sent it of itself, or it says nothing we can act on."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a mail wants, with the tokens of its subject, and who may be answered."""

    wish: Wish
    tokens: tuple[str, ...] = ()
    sender: str = ""
    """From, when one person alone stands there and no machine sent it."""
    reason: str = ""
    """Why it is no wish."""


def mailto(address: str, token: str) -> str:
    """Make the link for List-Unsubscribe by which a mail program writes to us."""
    return f"mailto:{quote(address, safe='@')}?subject={SUBJECT}%20{token}"


def read_wish(message: bytes) -> Wanted:
    """Read a mail as it came, of any size and however broken; its first 64 KiB say it all."""
    fields = _fields(message[:_LONGEST_HEADER])
    if reason := _by_machine(fields):
        return Wanted(Wish.NONE, reason=reason)
    answered = _automatic(fields)
    sender = "" if answered else _sender(fields)
    subject = _decoded(fields.get("subject", [""])[0]).replace("%20", " ")
    tokens = tuple(dict.fromkeys(_TOKEN.findall(subject)))[:_MOST_TOKENS]
    if tokens:
        return Wanted(Wish.LEAVE, tokens, sender)
    if sender:
        return Wanted(Wish.ASK, sender=sender)
    return Wanted(Wish.NONE, reason=answered or "nobody to answer")


def _by_machine(fields: dict[str, list[str]]) -> str:
    """Say why this mail answers another or comes from a list; nothing for a mail of its own."""
    if any(value.strip() == "<>" for value in fields.get("return-path", ())):
        return "a bounce"
    kind = _word(fields, "content-type")
    if kind.startswith("multipart/report"):
        return "a report"
    if _word(fields, "auto-submitted") in {"auto-replied", "auto-notified"}:
        return "an automatic reply"
    if not _REPLIED.isdisjoint(fields):
        return "an automatic reply"
    if "list-id" in fields or _word(fields, "precedence") in _BY_MACHINES:
        return "from a list"
    return ""


def _automatic(fields: dict[str, list[str]]) -> str:
    """Say why nobody may be answered, though a token counts: mail programs write such a mail."""
    if _word(fields, "auto-submitted") not in {"", "no"}:
        return "written by a machine"
    if any(_MACHINES.search(value) for value in fields.get("from", ())):
        return "written by a machine"
    return ""


def _sender(fields: dict[str, list[str]]) -> str:
    """Give the one address in From; nothing when there is none, or more than one."""
    values = fields.get("from", [])
    if len(values) != 1:
        return ""
    found = _IN_ANGLES.findall(values[0])
    try:
        return read_address(found[0] if len(found) == 1 else values[0]).mailed
    except AddressError:
        return ""


def _word(fields: dict[str, list[str]], name: str) -> str:
    """Give the first word of a field in lower case, without what follows a semicolon."""
    value = fields.get(name, [""])[0]
    return value.partition(";")[0].partition("(")[0].strip().lower()


def _fields(head: bytes) -> dict[str, list[str]]:
    """Split a header into fields by name, unfolded; what is no field is passed over."""
    end = _HEADER_ENDS.search(head)
    lines: list[bytes] = []
    for line in _LINE_ENDS.split(head[: end.start()] if end else head):
        if line[:1] in {b" ", b"\t"} and lines:
            lines[-1] = lines[-1][:_LONGEST_VALUE] + line
        else:
            lines.append(line)
    fields: dict[str, list[str]] = {}
    for line in lines:
        if match := _FIELD.fullmatch(line[:_LONGEST_VALUE]):
            name = match[1].decode("ascii").lower()
            fields.setdefault(name, []).append(match[2].decode("utf-8", "replace").strip())
    return fields


def _decoded(value: str) -> str:
    """Read the encoded-words of a value (RFC 2047); white space between two of them is none."""
    return _ENCODED.sub(_word_of, _BETWEEN_ENCODED.sub(r"\1", value))


def _word_of(match: re.Match[str]) -> str:
    charset, kind, text = match.groups()
    try:
        if kind in "bB":
            octets = base64.b64decode(text + "=" * (-len(text) % 4))
        else:
            octets = quopri.decodestring(text.encode("ascii"), header=True)
        return octets.decode(charset.partition("*")[0], "replace")
    except (LookupError, ValueError, binascii.Error):
        return match[0]
