"""Pure. Header fields as bytes, by our own serialiser: each field has a maker.

The standard library's can be made to add fields (CVE-2024-6923: a headline is enough) and folds
List-Unsubscribe into encoded-words, which switches one-click off. Makers fold control characters
in what people wrote (subjects, names) into spaces, and refuse them in what machines read
(addresses, ids, URLs). All is ASCII but one thing: a reader's own address whose part before the @
is not (RFC 6531, SMTPUTF8), which stands in To as it is (RFC 6532).
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import idna

from digest.clock import to_utc
from digest.errors import CompositionError

ONE_CLICK: Final = "List-Unsubscribe=One-Click"
"""The value of List-Unsubscribe-Post (RFC 8058, 3.1)."""

_AIM, _MOST_OCTETS = 78, 998  # RFC 5322, 2.1.1
_ENCODED_WORD, _ENCODED_LINE = 75, 76  # RFC 2047, 2
_ENCODED_FRAME = len("=?utf-8?q??=")
_LONGEST_PLAIN_WORD = 64
_LONGEST_NAME = 60
_LONGEST_LOCAL_PART, _LONGEST_ADDRESS = 64, 254  # RFC 5321, 4.5.3.1
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
        "list-help",
        "list-archive",
    }
)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_FIELD_NAME = re.compile(r"[!-9;-~]{1,70}")
_FOLD = re.compile(r"\r\n (?=[!-~])")
_PRINTABLE = re.compile(r"[ -~]*")
_UNSPOKEN = re.compile("[\x00-\x20\x7f-\x9f\u2028\u2029]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_WORD = _ATEXT.replace("=?", "")  # in a name they go into quotes: they begin encoded-words
_ATOMS = re.compile(rf"{_WORD}(?: {_WORD})*")
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
_LIKE_ENCODED_WORD = re.compile(r"=\?[^?]*\?[BbQq]\?")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_LIST_ID = re.compile(r"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})+")
_MESSAGE_ID = re.compile(
    rf"<(?=[^@]{{1,200}}@[^@]{{1,253}}>){_ATEXT}(?:\.{_ATEXT})*@{_DOMAIN.pattern}>"
)
_WEB_URL = re.compile(r"https?://[!#-;=?-\[\]_a-z~]{1,900}")
_MAILTO_URL = re.compile(r"mailto:[!#-;=?-\[\]_a-z~]{1,900}")
_FEEDBACK_ID = re.compile(r"(?:[A-Za-z0-9._-]*:){3}[A-Za-z0-9._-]{5,15}")
_MAILBOX = re.compile(r"(?P<name>.*?)[ \t]*<(?P<address>[^<>]*)>", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_MEND_VALUE = "Correct the setting or the value it is made of."
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
_VISIBLE = frozenset("LMNPS")
"""Letters, marks, numbers, punctuation and symbols: what an address outside ASCII may hold."""
_MEND_ADDRESS = "Correct the address: one name@domain, without quotes or comments."


def header_lines(fields: Sequence[tuple[str, str]]) -> bytes:
    """Serialise fields whose values came from makers; never more lines begin than fields given.

    Raises:
        CompositionError: for a value that is not printable ASCII folded before its words (in To,
            letters of any script), a line over 998 octets, a Bcc, or a second one of a field that
            may stand once.
    """
    counts = Counter(name.lower() for name, _ in fields)
    for name in counts:
        if name == "bcc":
            raise _refused("Bcc", "every reader would see it", "Send a message of its own.")
        if counts[name] > 1 and name in _ONCE:
            raise _refused(name, f"given {counts[name]} times", "Give it once.")
    return "".join(_line(name, value) for name, value in fields).encode()


def one_line(text: str) -> str:
    """Fold controls and line breaks of every kind into single spaces; lone surrogates show."""
    return _UNSPOKEN.sub(" ", _SURROGATE.sub("\ufffd", text)).strip(" ")


def unstructured(text: str, *, field: str = "Subject") -> str:
    """Make the value of a field of free text, in encoded-words where it needs them.

    What looks like an encoded-word is encoded too, so that nobody decodes it.
    """
    line = one_line(text)
    used = len(field) + 2
    if _is_plain(line) and max(map(len, line.split(" "))) <= _LONGEST_PLAIN_WORD:
        return _fold_words(line, used)
    return _encoded_words(line, used)


def mailbox(name: str, address: str, *, field: str = "From") -> str:
    """Make one mailbox, whatever the name holds; names are cut at 60 characters.

    Raises:
        CompositionError: if the address cannot stand in a header: in From and Reply-To, which all
            copies share, none that only some servers take.
    """
    bare = reader_address(address) if field == "To" else ascii_address(address, field=field)
    phrase = _phrase(one_line(name)[:_LONGEST_NAME].strip(" "), len(field) + 2)
    if not phrase:
        return bare
    last = phrase.rpartition("\r\n")[2] if "\r\n" in phrase else f"{field}: {phrase}"
    fits = len(last) + len(bare.encode()) + len(" <>") <= _AIM
    return f"{phrase} <{bare}>" if fits else f"{phrase}\r\n <{bare}>"


def one_mailbox(text: str, *, field: str = "From") -> str:
    """Make one mailbox of `Name <address>`, `"Name" <address>` or a bare address.

    Raises:
        CompositionError: if the address cannot stand in a header.
    """
    found = _MAILBOX.fullmatch(text.strip(" "))
    if not found:
        return mailbox("", text.strip(" "), field=field)
    quoted = _QUOTED.fullmatch(found["name"].strip(" "))
    name = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL) if quoted else found["name"]
    return mailbox(name, found["address"], field=field)


def ascii_address(address: str, *, field: str = "To") -> str:
    """Give an address as any server takes it: the domain in A-labels.

    Raises:
        CompositionError: for a local part outside ASCII (SMTPUTF8), or what is no plain address.
    """
    found = reader_address(address, field=field)
    if not found.isascii():
        raise _refused(field, "the part before the @ is not ASCII", _MEND_ADDRESS)
    return found


def reader_address(address: str, *, field: str = "To") -> str:
    """Give an address as it may stand in To: the domain in A-labels, the rest as it is.

    Outside ASCII it needs SMTPUTF8 of every server on the way.

    Raises:
        CompositionError: for what is no plain address.
    """
    local, _, domain = address.rpartition("@")
    if not _is_local_part(local):
        raise _refused(field, "this is not one plain address", _MEND_ADDRESS)
    found = f"{local}@{ascii_domain(domain, field=field)}"
    if len(local.encode()) > _LONGEST_LOCAL_PART or len(found.encode()) > _LONGEST_ADDRESS:
        raise _refused(field, "the address is longer than mail allows", _MEND_ADDRESS)
    return found


@lru_cache(maxsize=4096)
def ascii_domain(domain: str, *, field: str = "To") -> str:
    """Give a domain in A-labels (IDNA 2008).

    Raises:
        CompositionError: if it is no domain.
    """
    try:
        plain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise _refused(field, "the domain is no domain", _MEND_ADDRESS) from error
    if not _DOMAIN.fullmatch(plain):
        raise _refused(field, "the domain is no domain", _MEND_ADDRESS)
    return plain


def date(at: datetime) -> str:
    """Make a Date (RFC 5322, 3.3) of an aware datetime, in UTC."""
    at = to_utc(at)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02d} {_MONTHS[at.month - 1]} {at.year:04d}"
        f" {at.hour:02d}:{at.minute:02d}:{at.second:02d} +0000"
    )


def message_id_field(value: str) -> str:
    """Check a Message-ID, with its angles.

    Raises:
        CompositionError: if it is none.
    """
    cause = "it is not of the form <left@domain>"
    if _LIKE_ENCODED_WORD.search(value):
        raise _refused("Message-ID", cause, _MEND_VALUE)
    return _checked(_MESSAGE_ID, value, "Message-ID", cause)


def list_id(name: str, host: str) -> str:
    """Make a List-Id (RFC 2919); a name that would want encoding is left out, as none may stand.

    Raises:
        CompositionError: if the host part is none.
    """
    bare = _checked(_LIST_ID, host, "List-Id", "it is not a name below a domain")
    used = len("List-Id: ")
    phrase = _phrase(one_line(name)[:_LONGEST_NAME].strip(" "), used)
    if not phrase or "=?" in phrase:
        return f"<{bare}>"
    fits = used + len(phrase) + len(f" <{bare}>") <= _AIM
    return f"{phrase} <{bare}>" if fits else f"{phrase}\r\n <{bare}>"


def list_unsubscribe(url: str, mailto: str = "") -> str:
    """Make a List-Unsubscribe (RFC 2369), never folded within the angles.

    Raises:
        CompositionError: if one of them is no http or mailto URL in ASCII.
    """
    return _ways("List-Unsubscribe", url, mailto)


def list_help(url: str, mailto: str = "") -> str:
    """Make a List-Help (RFC 2369, 3.1): the page first, then the person.

    Raises:
        CompositionError: if one of them is no http or mailto URL in ASCII.
    """
    return _ways("List-Help", url, mailto)


def list_archive(url: str) -> str:
    """Make a List-Archive (RFC 2369, 3.6).

    Raises:
        CompositionError: if it is no http URL in ASCII.
    """
    return _ways("List-Archive", url)


def _ways(field: str, url: str, mailto: str = "") -> str:
    web = _checked(_WEB_URL, url, field, "it is not a web address")
    if not mailto:
        return f"<{web}>"
    post = _checked(_MAILTO_URL, mailto, field, "it is not a mailto address")
    return f"<{web}>,\r\n <{post}>"


def feedback_id(value: str) -> str:
    """Check a Feedback-ID: three parts and a sender of 5 to 15 characters, colons between.

    Raises:
        CompositionError: if it is none.
    """
    return _checked(_FEEDBACK_ID, value, "Feedback-ID", "it is not of the form a:b:c:sender")


def _checked(pattern: re.Pattern[str], value: str, field: str, cause: str) -> str:
    if pattern.fullmatch(value):
        return value
    raise _refused(field, cause, _MEND_VALUE)


def _refused(field: str, cause: str, hint: str) -> CompositionError:
    return CompositionError(f"header: {field}: {cause}", hint=hint)


def _line(name: str, value: str) -> str:
    if not _FIELD_NAME.fullmatch(name):
        raise _refused(repr(name[:40]), "this is no field name", "Use letters and dashes.")
    if not _is_writable(name, _FOLD.sub("", value)):
        raise _refused(name, "it holds a line break or what is not ASCII", "Use the field's maker.")
    line = f"{name}: {value}".rstrip(" ")
    if max(map(len, line.encode().split(b"\r\n"))) > _MOST_OCTETS:
        raise _refused(name, f"a line is over {_MOST_OCTETS} octets", "Shorten it.")
    return f"{line}\r\n"


def _is_writable(name: str, value: str) -> bool:
    if value.isascii() or name.lower() != "to":
        return bool(_PRINTABLE.fullmatch(value))
    return all(sign == " " or unicodedata.category(sign)[0] in _VISIBLE for sign in value)


def _is_local_part(local: str) -> bool:
    """Tell whether this is a dot-atom, in which RFC 6532 lets signs of any script stand."""
    if not local.isascii():
        local = "".join(_stand_in(sign) for sign in local)
    return bool(_DOT_ATOM.fullmatch(local)) and not _LIKE_ENCODED_WORD.search(local)


def _stand_in(sign: str) -> str:
    """Give a letter for a visible sign outside ASCII, a space for an invisible one."""
    if sign.isascii():
        return sign
    return "a" if unicodedata.category(sign)[0] in _VISIBLE else " "


def _is_plain(line: str) -> bool:
    return bool(_PRINTABLE.fullmatch(line)) and "=?" not in line


def _phrase(name: str, used: int) -> str:
    if not _is_plain(name):
        return _encoded_words(name, used)
    if not name or _ATOMS.fullmatch(name):
        return name
    quoted = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    return quoted if used + len(quoted) <= _AIM else _encoded_words(name, used)


def _fold_words(line: str, used: int) -> str:
    folded: list[str] = []
    for word in line.split(" "):
        if folded and used + 1 + len(word) > _AIM:
            folded.append(f"\r\n {word}")
            used = 1 + len(word)
        else:
            folded.append(f" {word}" if folded else word)
            used += len(folded[-1])
    return "".join(folded)


def _encoded_words(text: str, used: int) -> str:
    octets = text.encode()
    foreign = sum(octet not in _Q_PLAIN and octet != ord(" ") for octet in octets)
    kind, encode = ("q", _q) if foreign * 2 <= len(octets) else ("b", _b)
    words = (
        f"=?utf-8?{kind}?{part}?=" for part in _parts(text, encode, first=_ENCODED_LINE - used)
    )
    return "\r\n ".join(words)


def _parts(text: str, encode: Callable[[str], str], *, first: int) -> Iterator[str]:
    """Cut between characters, so that each encoded word fits its line."""
    room = min(first, _ENCODED_WORD) - _ENCODED_FRAME
    begin = 0
    for at in range(len(text)):
        if at > begin and len(encode(text[begin : at + 1])) > room:
            yield encode(text[begin:at])
            begin, room = at, _ENCODED_WORD - _ENCODED_FRAME
    yield encode(text[begin:])


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")


def _q(text: str) -> str:
    return "".join(
        chr(octet) if octet in _Q_PLAIN else "_" if octet == ord(" ") else f"={octet:02X}"
        for octet in text.encode()
    )
