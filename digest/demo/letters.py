"""Door to the demo's Maildir folders: every letter in them, read once, whatever it holds."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from typing import ClassVar, cast

_NAME = re.compile(r"(?P<id>[0-9a-f]+)(?::2,[A-Za-z]*)?")
_SNIPPET = 160
_BROKEN = (ValueError, TypeError, LookupError, AttributeError, AssertionError)
"""What the standard library raises on headers and bodies that follow no standard."""

_FILLER = re.compile(
    r"[\s\u00ad\u034f\u115f\u2000-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+"
)
"""Spaces seen and unseen, which letters put behind a preheader to push the text away."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A letter as a list of mail shows it; `sent_at` is aware, None when it bears no date."""

    folder: str
    id: str
    path: Path
    sender: str
    to: str
    subject: str
    snippet: str
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, opened: its headers as they stand, its parts and its very bytes."""

    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str | None
    raw: bytes


@dataclass(frozen=True, slots=True)
class Reader:
    """A folder of the Maildir: whose it is, and the letters in it, newest first."""

    folder: str
    address: str
    letters: tuple[Summary, ...]
    strays: int = 0
    """Files whose names are none of ours: counted, since they are not listed."""


def read_readers(root: Path) -> tuple[Reader, ...]:
    """List every reader's folder with its letters, by name; nothing where there is no root yet."""
    if not root.is_dir():
        return ()
    folders = sorted(entry for entry in root.iterdir() if _is_folder(entry))
    return tuple(_read_reader(folder) for folder in folders)


def read_letter(path: Path) -> Letter | None:
    """Open one letter that `read_readers` listed, unless it has gone since."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    message = _parse(raw)
    headers = tuple((name, str(value)) for name, value in message.raw_items())
    return Letter(headers, _body(message, "html"), _body(message, "plain"), raw)


def _is_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.is_symlink() and not entry.name.startswith(".")


def _read_reader(folder: Path) -> Reader:
    files = [
        file
        for part in ("new", "cur")
        if (folder / part).is_dir()
        for file in (folder / part).iterdir()
        if file.is_file() and not file.is_symlink()
    ]
    named = [(found["id"], file) for file in files if (found := _NAME.fullmatch(file.name))]
    read = (_read_summary(folder.name, name, file) for name, file in sorted(named))
    letters = [letter for letter in read if letter]
    letters.sort(key=_age, reverse=True)
    address = next((letter.to for letter in letters if letter.to), folder.name)
    return Reader(folder.name, address, tuple(letters), len(files) - len(named))


def _age(letter: Summary) -> datetime:
    return letter.sent_at or datetime.min.replace(tzinfo=UTC)


def _read_summary(folder: str, name: str, path: Path) -> Summary | None:
    try:
        state = path.stat()
        return _summary(folder, name, path, state.st_mtime_ns, state.st_size)
    except FileNotFoundError:  # a mail program moved it from new/ to cur/ meanwhile
        return None


@lru_cache(maxsize=4096)
def _summary(folder: str, name: str, path: Path, _changed: int, _size: int) -> Summary:
    message = _parse(path.read_bytes())
    to = getaddresses([_header(message, "To")])
    return Summary(
        folder=folder,
        id=name,
        path=path,
        sender=_sender(_header(message, "From")),
        to=to[0][1] if to else "",
        subject=_header(message, "Subject") or "(no subject)",
        snippet=_snippet(message),
        sent_at=_date(_header(message, "Date")),
    )


def _parse(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def _header(message: EmailMessage, name: str) -> str:
    """Decode one header on one line; one that cannot be decoded is shown as it stands."""
    try:
        value = str(message.get(name, ""))
    except _BROKEN:
        value = next((str(v) for n, v in message.raw_items() if n.lower() == name.lower()), "")
    return " ".join(value.split())


def _sender(header: str) -> str:
    pairs = getaddresses([header])
    name, address = pairs[0] if pairs else ("", "")
    return name or address or header or "(nobody)"


def _date(header: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(header)
    except _BROKEN:
        return None
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _body(message: EmailMessage, kind: str) -> str | None:
    try:
        part = cast("EmailMessage | None", message.get_body((kind,)))
    except _BROKEN:
        return None
    if part is None:
        return None
    try:
        return str(part.get_content())
    except _BROKEN:
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else str(payload)


def _snippet(message: EmailMessage) -> str:
    """Give what a mail client shows beside the subject: the first words of the letter."""
    html = _body(message, "html")
    words = visible_text(html) if html else _body(message, "plain") or ""
    return _FILLER.sub(" ", words[: _SNIPPET * 40]).strip()[:_SNIPPET]


def visible_text(html: str) -> str:
    """Give the words of an HTML letter, hidden preheader included, without its head."""
    reader = _Words()
    reader.feed(html[:200_000])
    reader.close()
    return "".join(reader.words)


class _Words(HTMLParser):
    """Keeps text outside of elements that show none."""

    _silent: ClassVar[frozenset[str]] = frozenset({"head", "style", "script", "title", "template"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._depth = 0

    def handle_starttag(self, tag: str, _attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._silent:
            self._depth += 1
        else:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._silent:
            self._depth = max(0, self._depth - 1)

    def handle_data(self, data: str) -> None:
        if not self._depth:
            self.words.append(data)
