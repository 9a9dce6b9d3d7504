"""What is asked of the desk: the form read whole and bounded, the cookies, and by what."""

from __future__ import annotations

import base64
import binascii
from contextvars import ContextVar
from dataclasses import dataclass, field

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from digest.people.model import User
from digest.web.forms import Fields

LARGEST_FORM = 256 * 1024
"""Bytes of the largest form of the desk, unless its route says otherwise."""

SAID = "desk-said"
_SAID_SECONDS = 60
_LONGEST_SAID = 600
_MOST_FIELDS = 5000
_BAD_REQUEST = 400
_SECRET = frozenset({"password", "again", "old"})
"""Fields that no page shows again, and that are typed anew."""


@dataclass(slots=True)
class Asked:
    """One request under way, for those who answer without having it in hand."""

    path: str = ""
    is_part: bool = False
    """htmx asked: it wants a piece of a page."""
    said: str = ""
    """What the last act had to say; shown once."""
    is_said: bool = False


asked_now: ContextVar[Asked | None] = ContextVar("asked_now", default=None)
"""The request that this thread answers."""


@dataclass(frozen=True, slots=True)
class File:
    """A file that came with a form, read whole."""

    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Carried:
    """A form that could not be taken now: where it was going, and what it holds."""

    path: str
    fields: Fields
    whose: User | None
    """Whose session it was made in; None where nobody can tell any more."""

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Give each value with its name, as hidden fields have them; no password goes along."""
        return [
            (name, value)
            for name, values in self.fields.items()
            for value in values
            if name not in _SECRET
        ]

    @property
    def typed(self) -> list[tuple[str, str]]:
        """Give what a person may have typed, to be copied if need be."""
        return [(name, value) for name, value in self.pairs if name != "csrf" and value.strip()]


def asked_of(request: Request, *, base: str) -> Asked:
    """Read what every answer needs to know of a request; `base` was taken off its path."""
    query = f"?{request.url.query}" if request.url.query else ""
    return Asked(
        path=f"{base}{request.scope['path']}{query}",
        is_part=request.headers.get("hx-request") == "true",
        said=_decoded(request.cookies.get(SAID, "")),
    )


async def read_desk_form(request: Request, *, most_files: int) -> tuple[Fields, dict[str, File]]:
    """Read a form and its files. Raises HTTPException: 400 for no form, 413 for one too long."""
    fields: Fields = {}
    files: dict[str, File] = {}
    try:
        async with request.form(max_files=most_files, max_fields=_MOST_FIELDS) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = File(value.filename or "", await value.read())
                else:
                    fields.setdefault(name, []).append(_clean(value))
    except (ValueError, LookupError) as error:  # a charset that is none, or no text encoding
        raise HTTPException(_BAD_REQUEST) from error
    return fields, files


def say_next(response: Response, said: str, *, path: str, secure: bool) -> None:
    """Let the next page say something, once."""
    words = base64.urlsafe_b64encode(said[:_LONGEST_SAID].encode()).decode()
    response.set_cookie(
        SAID,
        words,
        max_age=_SAID_SECONDS,
        path=path,
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def _decoded(words: str) -> str:
    try:
        return base64.urlsafe_b64decode(words.encode()).decode()[:_LONGEST_SAID]
    except (ValueError, binascii.Error):
        return ""


def _clean(value: str) -> str:
    """Replace what no database and no page could keep."""
    return value.encode("utf-8", "replace").decode("utf-8").replace("\0", "")
