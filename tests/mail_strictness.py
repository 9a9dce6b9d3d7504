"""A strict reader of the bytes we mail: says what is wrong with a message, rule by rule.

It shares no code with what makes the messages, and asks for more than servers do: what a
standard lets pass and some client shows badly is a fault here.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_ONCE = frozenset(
    {
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "subject",
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "list-id",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "auto-submitted",
        "precedence",
        "feedback-id",
    }
)
_REQUIRED = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")
_LIST = ("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post")
_PEOPLE = frozenset({"from", "to", "reply-to", "cc", "sender"})
_MOST, _PREFERRED, _QP_MOST, _WORD_MOST, _WORD_LINE_MOST = 998, 78, 76, 75, 76
_BOUNDARY_MOST = 70

_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\-\u00a1-\U0010ffff]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_SPEC = rf"{_ATEXT}(?:\.{_ATEXT})*@{_LABEL}(?:\.{_LABEL})*"
_QUOTED = r'"(?:[^"\\\r\n]|\\[!-~ ])*"'
_ENCODED = r"=\?[A-Za-z0-9-]+\?[BbQq]\?[!->@-~]+\?="
_ATOM = r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]+"
_PHRASE = rf"(?:{_QUOTED}|{_ENCODED}|{_ATOM})(?: (?:{_QUOTED}|{_ENCODED}|{_ATOM}))*"
_MAILBOX = re.compile(rf"(?:{_PHRASE} )?<{_SPEC}>|{_SPEC}")
_MESSAGE_ID = re.compile(rf"<{_SPEC}>", re.ASCII)
_LIST_ID = re.compile(rf"(?:{_PHRASE} )?<[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+>")
_WAYS_OUT = re.compile(r"<https://[!-;=?-~]+>(?:, <mailto:[!-;=?-~]+>)?")
_DATE = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d"
    r" (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) \d{4}"
    r" [0-2]\d:[0-5]\d:[0-6]\d [+-]\d{4}"
)
_FORMS = {
    "date": _DATE,
    "message-id": _MESSAGE_ID,
    "mime-version": re.compile(r"1\.0"),
    "list-id": _LIST_ID,
    "list-unsubscribe": _WAYS_OUT,
    "list-unsubscribe-post": re.compile("List-Unsubscribe=One-Click"),
    "precedence": re.compile("bulk|list"),
    "auto-submitted": re.compile("auto-generated|auto-replied"),
    **dict.fromkeys(_PEOPLE, _MAILBOX),
}
_LIKE_WORD = re.compile(r"=\?[^?\s]*\?[BbQq]\?")
"""What some readers decode wherever it stands; "=?" alone may stand in an address."""
_WORD = re.compile(r"=\?([^?]*)\?([^?]*)\?([^?]*)\?=")
_WHOLE_WORD = re.compile(r"(?:(?<=^)|(?<=[ (]))" + _ENCODED + r"(?=[ )]|$)")
_FIELD = re.compile(r"([!-9;-~]+):(?: (.*)|)", re.DOTALL)
_BOUNDARY = re.compile(r'multipart/alternative; boundary="([^"]+)"')
_TYPE = re.compile(r"text/(?:plain|html); charset=utf-8")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_C0 = bytes({*range(0x20), 0x7F} - {*b"\t\r\n"})
_C1 = re.compile(b"\xc2[\x80-\x9f]")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-F]{2}|\r\n)")


class Field(NamedTuple):
    """One header field: its lines as they stand, and its value unfolded."""

    name: str
    value: str
    lines: tuple[str, ...]


def faults_of(message: bytes) -> list[str]:
    """Say everything that is wrong with a message of ours; empty when nothing is."""
    head, gap, body = message.partition(b"\r\n\r\n")
    faults = [*_byte_faults(message)]
    if not gap:
        return [*faults, "there is no blank line after the header"]
    fields, broken = _fields(head)
    faults += broken
    faults += _count_faults(fields)
    for field in fields:
        faults += _field_faults(field)
    faults += _list_faults(fields)
    return [*faults, *_body_faults(fields, body)]


def _byte_faults(message: bytes) -> Iterator[str]:
    breaks = message.count(b"\r\n")
    if message.count(b"\r") != breaks:
        yield "a bare CR"
    if message.count(b"\n") != breaks:
        yield "a bare LF"
    if b"\0" in message:
        yield "a NUL"
    if not message.endswith(b"\r\n"):
        yield "the last line has no end"
    if _longest_line(message) > _MOST:
        yield f"a line over {_MOST} octets"


def _longest_line(text: bytes) -> int:
    return max(map(len, text.split(b"\r\n")))


# The header


def _fields(head: bytes) -> tuple[list[Field], list[str]]:
    faults: list[str] = []
    fields: list[Field] = []
    try:
        lines = head.decode().split("\r\n")
    except UnicodeDecodeError:
        faults.append("the header is no UTF-8")
        lines = head.decode("latin-1").split("\r\n")
    for line in lines:
        if line[:1] in {" ", "\t"} and fields:
            last = fields.pop()
            value = " ".join(filter(None, (last.value, line.strip(" \t"))))
            fields.append(Field(last.name, value, (*last.lines, line)))
        elif found := _FIELD.fullmatch(line):
            fields.append(Field(found[1], found[2] or "", (line,)))
        else:
            faults.append(f"a header line that is no field: {line[:30]!r}")
    return fields, faults


def _count_faults(fields: Iterable[Field]) -> Iterator[str]:
    counts = Counter(field.name.lower() for field in fields)
    for name, count in counts.items():
        if count > 1 and name in _ONCE:
            yield f"{name}: stands {count} times"
    for name in _REQUIRED:
        if name.lower() not in counts:
            yield f"{name}: is missing"
    if "bcc" in counts:
        yield "bcc: every reader sees it"


def _field_faults(field: Field) -> Iterator[str]:
    name, value, lines = field
    for line in lines:
        yield from _header_line_faults(name, line)
    if any(not line.strip(" \t") for line in lines[1:]):
        yield f"{name}: folded to an empty line"
    if not value.isascii() and name != "To":
        yield f"{name}: 8-bit where none is declared"
    yield from _form_faults(name, value)
    yield from _word_faults(field)


def _header_line_faults(name: str, line: str) -> Iterator[str]:
    if line.endswith((" ", "\t")):
        yield f"{name}: white space at a line's end"
    if _CONTROL.search(line) or "\t" in line:
        yield f"{name}: a control character"
    words = line.partition(": ")[2] if line.startswith(f"{name}: ") else line.strip(" ")
    if len(line.encode()) > _PREFERRED and " " in words:
        yield f"{name}: a line over {_PREFERRED} octets that could be folded"


def _form_faults(name: str, value: str) -> Iterator[str]:
    form = _FORMS.get(name.lower())
    if form and not form.fullmatch(value):
        yield f"{name}: not of its form"
    if name.lower() == "subject" and not value:
        yield "Subject: empty"


def _word_faults(field: Field) -> Iterator[str]:
    """Check RFC 2047: where encoded-words stand (section 5), and each of them (sections 2 to 4)."""
    name, value, lines = field
    if "=?" not in value:
        return
    bare = value
    if name.lower() in _PEOPLE:
        bare, address = _phrase_and_address(value)
        if any("=?" in quoted for quoted in re.findall(_QUOTED, bare)):
            yield f"{name}: an encoded-word within a quoted string"
        if _LIKE_WORD.search(address):
            yield f"{name}: an encoded-word within an address"
    elif name.lower() != "subject":
        yield f"{name}: an encoded-word where none may stand"
        return
    if "=?" in _WHOLE_WORD.sub("", bare):
        yield f"{name}: an encoded-word that does not stand apart, or is broken"
    if any(_LIKE_WORD.search(line) and len(line) > _WORD_LINE_MOST for line in lines):
        yield f"{name}: a line with an encoded-word over {_WORD_LINE_MOST} octets"
    yield from _decoded_faults(name, bare)


def _phrase_and_address(value: str) -> tuple[str, str]:
    phrase, angle, rest = value.partition("<")
    return (phrase.strip(" "), rest) if angle else ("", value)


def _decoded_faults(name: str, text: str) -> Iterator[str]:
    for word in _WORD.finditer(text):
        if len(word[0]) > _WORD_MOST:
            yield f"{name}: an encoded-word over {_WORD_MOST} octets"
        try:
            decoded = _decoded(word[2], word[3]).decode(word[1])
        except (ValueError, LookupError):
            yield f"{name}: an encoded-word that cannot be decoded by itself"
            continue
        if _CONTROL.search(decoded) or re.search("[\t\r\n\u2028\u2029]", decoded):
            yield f"{name}: a control character within an encoded-word"


def _decoded(kind: str, text: str) -> bytes:
    if kind.lower() == "b":
        return base64.b64decode(text, validate=True)
    if re.search(r"=(?![0-9A-F]{2})|[ ?]", text):
        raise ValueError(text)
    return binascii.a2b_qp(text, header=True)


def _list_faults(fields: Iterable[Field]) -> Iterator[str]:
    """A letter to many has a way out that one click takes; a mail to one person says it is one."""
    values = {field.name.lower(): field.value for field in fields}
    # A mail to one person may be stopped with one click, too; a letter to a list has all of them.
    of_a_list = any(name.lower() in values for name in ("List-Id", "Precedence"))
    wanted = (*_LIST, "Precedence") if of_a_list else _LIST[1:]
    if any(name.lower() in values for name in wanted):
        for name in wanted:
            if name.lower() not in values:
                yield f"{name}: is missing"
    elif "auto-submitted" not in values:
        yield "neither a letter to many nor one that says it is automatic"


# The body


def _body_faults(fields: Iterable[Field], body: bytes) -> Iterator[str]:
    values = {field.name.lower(): field.value for field in fields}
    kind = values.get("content-type", "")
    if not kind.startswith("multipart/"):
        if kind != "text/plain; charset=utf-8":
            yield "Content-Type: a message of one part is no UTF-8 text"
        yield from _content_faults("body", values.get("content-transfer-encoding", "7bit"), body)
        if body.endswith(b"\r\n\r\n"):
            yield "body: empty lines at its end"
        return
    if "content-transfer-encoding" in values:
        yield "Content-Transfer-Encoding: on a message of parts"
    if found := _BOUNDARY.fullmatch(kind):
        yield from _multipart_faults(found[1], body)
    else:
        yield "Content-Type: not of its form"


def _multipart_faults(boundary: str, body: bytes) -> Iterator[str]:
    if len(boundary) > _BOUNDARY_MOST or not re.fullmatch("[0-9A-Za-z'()+_,./:=?-]+", boundary):
        yield "boundary: not of its form"
    line = b"--" + boundary.encode()
    stretches = (b"\r\n" + body).split(b"\r\n" + line)
    before, *parts, after = stretches if len(stretches) > 1 else [b"", *stretches, b""]
    if any(not part.startswith(b"\r\n") for part in parts):
        yield "boundary: a line that only begins with it"
    if before.strip() or not body.startswith(line):
        yield "body: words before the first part"
    if not after.startswith(b"--"):
        yield "boundary: never closed"
    elif after != b"--\r\n":
        yield "body: words after the last part"
    types = []
    for number, part in enumerate(parts, 1):
        kind, faults = _part(part.removeprefix(b"\r\n"), f"part {number}")
        types.append(kind)
        yield from faults
    if types != ["text/plain", "text/html"]:
        yield f"body: its parts are {types}, not the text first and then the HTML"


def _part(part: bytes, place: str) -> tuple[str, list[str]]:
    head, gap, content = part.partition(b"\r\n\r\n")
    if not gap:
        return "", [f"{place}: no blank line after its header"]
    fields, faults = _fields(head)
    counts = Counter(field.name.lower() for field in fields)
    if counts != {"content-type": 1, "content-transfer-encoding": 1}:
        faults.append(f"{place}: its header is not its type and encoding, once each")
    values = {field.name.lower(): field.value for field in fields}
    kind = values.get("content-type", "")
    if not _TYPE.fullmatch(kind):
        faults.append(f"{place}: neither UTF-8 text nor HTML")
    encoding = values.get("content-transfer-encoding", "7bit")
    # The line break before a boundary belongs to the boundary.
    return kind.partition(";")[0], [*faults, *_content_faults(place, encoding, content + b"\r\n")]


def _content_faults(place: str, encoding: str, content: bytes) -> Iterator[str]:
    if not content.isascii() and encoding != "8bit":
        yield f"{place}: 8-bit where none is declared"
    whole = b"\r\n" + content
    if b"\n." in whole or b"\nFrom " in whole:
        yield f"{place}: a line that begins with a dot or From"
    if b" \r\n" in content or b"\t\r\n" in content:
        yield f"{place}: white space at a line's end"
    if b"  " in content or b"\t" in content:
        yield f"{place}: white space that DKIM folds"
    decoded = content
    if encoding == "quoted-printable":
        yield from _quoted_printable_faults(place, content)
        decoded = binascii.a2b_qp(content)
    elif encoding not in {"7bit", "8bit"}:
        yield f"{place}: in {encoding}"
    if not _is_utf8(decoded):
        yield f"{place}: no UTF-8 when decoded"
    if len(decoded.translate(None, _C0)) < len(decoded) or _C1.search(decoded):
        yield f"{place}: a control character"


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _quoted_printable_faults(place: str, content: bytes) -> Iterator[str]:
    if _longest_line(content) > _QP_MOST:
        yield f"{place}: a line over {_QP_MOST} octets"
    if _BAD_ESCAPE.search(content):
        yield f"{place}: a broken escape"
    if content.endswith(b"=\r\n"):
        yield f"{place}: ends in a soft break"
