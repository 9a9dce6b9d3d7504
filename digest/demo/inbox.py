"""Door to the local inbox: the readers' mail in a browser, as they would find it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.demo.letters import Letter, Reader, Summary, read_letter, read_readers
from digest.demo.newsroom import ZONE
from digest.demo.pages import document, page, style_routes
from digest.demo.readers import READERS

PREFIX = "/inbox"

VIEWS = {
    "html": "HTML",
    "phone": "Phone, 375 px",
    "text": "Text",
    "headers": "Headers",
    "source": "Source",
}

_FRAMED = {"html", "phone"}
_NAMES = {
    **{reader.address: reader.name for reader in READERS},
    "desk@harbourpost.example": "The editors’ desk",
    "admin@harbourpost.example": "The operator",
}

_SANDBOX = "allow-popups allow-popups-to-escape-sandbox allow-top-navigation-by-user-activation"
_LETTER_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "img-src 'self' http://127.0.0.1:* http://localhost:*; "
    f"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox {_SANDBOX}"
)
"""A letter has its own styles and pictures of this machine; the sandbox holds outside the frame
too."""

_HEAD = re.compile(r"<head\b[^>]*>", re.IGNORECASE)
_TARGET = '<base target="_top">'
_Answer = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class _Inbox:
    """Where the mail lies, and what its readers are called by address."""

    root: Path
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Row:
    """A letter in the list."""

    summary: Summary
    reader: str
    time: str
    url: str
    current: bool


def inbox_routes(
    maildir_root: Path, *, names: Mapping[str, str] = MappingProxyType(_NAMES)
) -> list[Route]:
    """Give the inbox's routes, all below /inbox; `names` tells readers' names by address."""
    inbox = _Inbox(maildir_root, names)
    return [
        *style_routes(PREFIX, "inbox.css"),
        Route(PREFIX, _list(inbox)),
        Route(f"{PREFIX}/{{reader}}", _list(inbox)),
        Route(f"{PREFIX}/{{reader}}/{{id}}", _open(inbox)),
        Route(f"{PREFIX}/{{reader}}/{{id}}/html", _html(inbox)),
        Route(f"{PREFIX}/{{reader}}/{{id}}/raw", _raw(inbox)),
    ]


def _list(inbox: _Inbox) -> _Answer:
    def answer(request: Request) -> Response:
        readers = read_readers(inbox.root)
        asked = request.path_params.get("reader")
        if asked is not None and _folder(readers, asked) is None:
            return _missing(inbox, readers)
        return page("inbox.html", _frame(inbox, readers, asked, None))

    return answer


def _open(inbox: _Inbox) -> _Answer:
    def answer(request: Request) -> Response:
        readers = read_readers(inbox.root)
        summary, letter = _find(readers, request)
        view = request.query_params.get("view", "html")
        if summary is None or letter is None or view not in VIEWS:
            return _missing(inbox, readers)
        frame = _frame(inbox, readers, summary.folder, summary)
        return page("letter.html", {**frame, **_facts(inbox, summary, letter, view)})

    return answer


def _facts(inbox: _Inbox, summary: Summary, letter: Letter, view: str) -> dict[str, object]:
    views = {k: name for k, name in VIEWS.items() if letter.html is not None or k not in _FRAMED}
    return {
        "summary": summary,
        "letter": letter,
        "source": letter.raw.decode("utf-8", "backslashreplace"),
        "views": views,
        "view": view if view in views else "text",
        "url": _url(summary),
        "sandbox": _SANDBOX,
        "when": _when(summary.sent_at, "{0:%A} {0.day} {0:%B} {0:%Y}, {0:%H:%M}"),
        "to": inbox.names.get(summary.to, ""),
    }


def _html(inbox: _Inbox) -> _Answer:
    def answer(request: Request) -> Response:
        readers = read_readers(inbox.root)
        _, letter = _find(readers, request)
        if letter is None or letter.html is None:
            return _missing(inbox, readers)
        return document(
            _retarget(letter.html), "text/html", {"Content-Security-Policy": _LETTER_POLICY}
        )

    return answer


def _raw(inbox: _Inbox) -> _Answer:
    def answer(request: Request) -> Response:
        readers = read_readers(inbox.root)
        summary, letter = _find(readers, request)
        if summary is None or letter is None:
            return _missing(inbox, readers)
        name = f'attachment; filename="{summary.id[:16]}.eml"'
        return document(letter.raw, "message/rfc822", {"Content-Disposition": name})

    return answer


def _retarget(html: str) -> str:
    """Make its links leave the frame: one line put in, which the wire does not have."""
    found = _HEAD.search(html)
    if found is None:
        return _TARGET + html
    return html[: found.end()] + _TARGET + html[found.end() :]


def _find(
    readers: tuple[Reader, ...], request: Request
) -> tuple[Summary, Letter] | tuple[None, None]:
    # Only names that a listing gave are ever opened: what was asked for never becomes a path.
    reader = _folder(readers, request.path_params["reader"])
    for summary in reader.letters if reader else ():
        if summary.id == request.path_params["id"]:
            letter = read_letter(summary.path)
            return (summary, letter) if letter else (None, None)
    return None, None


def _folder(readers: tuple[Reader, ...], name: str) -> Reader | None:
    return next((reader for reader in readers if reader.folder == name), None)


def _frame(
    inbox: _Inbox, readers: tuple[Reader, ...], asked: str | None, opened: Summary | None
) -> dict[str, object]:
    shown = [reader for reader in readers if asked in (None, reader.folder)]
    letters = [letter for reader in shown for letter in reader.letters]
    letters.sort(
        key=lambda letter: letter.sent_at.timestamp() if letter.sent_at else 0, reverse=True
    )
    return {
        "readers": [
            (reader, _name(inbox, reader), f"{PREFIX}/{_quoted(reader.folder)}")
            for reader in readers
        ],
        "asked": asked,
        "rows": [_row(inbox, letter, opened) for letter in letters],
        "total": sum(len(reader.letters) for reader in readers),
        "strays": sum(reader.strays for reader in readers),
        "owner": _name(inbox, shown[0]) if asked and shown else "",
    }


def _row(inbox: _Inbox, letter: Summary, opened: Summary | None) -> _Row:
    return _Row(
        summary=letter,
        reader=inbox.names.get(letter.to, letter.to or letter.folder),
        time=_when(letter.sent_at, "{0.day} {0:%b}, {0:%H:%M}"),
        url=_url(letter),
        current=opened is not None and opened.path == letter.path,
    )


def _name(inbox: _Inbox, reader: Reader) -> str:
    return inbox.names.get(reader.address, reader.address)


def _url(letter: Summary) -> str:
    return f"{PREFIX}/{_quoted(letter.folder)}/{letter.id}"


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _when(at: datetime | None, form: str) -> str:
    if at is None:
        return "no date"
    try:
        return form.format(at.astimezone(ZONE))
    except OverflowError:  # the last hours of the year 9999
        return "no date"


def _missing(inbox: _Inbox, readers: tuple[Reader, ...]) -> Response:
    return page("no-letter.html", _frame(inbox, readers, None, None), 404)
