"""Door to the disk for a large file that comes with a form: it never stands whole in memory.

The page behind sees an ordinary form, checks whose it is as always, and takes the file by its
path. A file that no page took is gone when the answer is.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders, UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.people.model import Role
from digest.web.desk.frame import Desk
from digest.web.desk.troubles import of_status

_MOST_FIELDS = 200
_NO_LIMIT = 1 << 62
_ITS_LIMIT = ("starlette.max_body_size", "starlette._body_limit_responder")
"""What that limit notes of a request: the form behind is another, and far shorter."""
_BLOCK = 1 << 20
_NAME = 120


@dataclass(slots=True)
class Brought:
    """A file that came with a form, in a folder of its own that only we can read."""

    path: Path
    name: str
    """As the sender called it, without folders."""
    taken: bool = False
    """A page has it now, and clears it away when it is done."""

    def take(self) -> Path:
        """Keep the file beyond this request."""
        self.taken = True
        return self.path


def streamed(route: Route, desk: Desk, *, role: Role, largest: int) -> Route:
    """Give a route of the desk that takes one file of up to `largest` bytes for who may send it."""
    # Starlette's limit is lifted, as it answers with a bare line of text: ours is in `_bounded`.
    page = RequestBodyLimitMiddleware(_Streamed(route.endpoint, desk, role, largest), _NO_LIMIT)
    return Route(route.path, page, methods=sorted(route.methods or ()))


class _Streamed:
    def __init__(self, page: ASGIApp, desk: Desk, role: Role, largest: int) -> None:
        self.page = page
        self.desk = desk
        self.role = role
        self.largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = Request(scope).headers.get("content-type", "")
        if scope["method"] != "POST" or not kind.startswith("multipart/form-data"):
            await self.page(scope, receive, send)
            return
        me = await run_in_threadpool(self.desk.who, Request(scope))
        fields: list[tuple[str, str]] = []
        brought = None
        if me is not None and me.may(self.role):  # of anybody else no byte is kept
            try:
                _refuse_large(scope, self.largest)
                fields, brought = await _read(Request(scope, _bounded(receive, self.largest)))
            except HTTPException as error:
                response = self.desk.refuse(me, of_status(error.status_code))
                await response(scope, receive, send)
                return
            except (ValueError, LookupError):  # a form that is none: the page says so
                pass
        try:
            await self.page(*_plain_form(scope, fields, brought), send)
        finally:
            if brought is not None and not brought.taken:
                await run_in_threadpool(shutil.rmtree, brought.path.parent, ignore_errors=True)


def _bounded(receive: Receive, largest: int) -> Receive:
    """Take no more than so many bytes, whatever was declared."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > largest:
            raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        return message

    return bounded


def _refuse_large(scope: Scope, largest: int) -> None:
    declared = Request(scope).headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > largest:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


async def _read(request: Request) -> tuple[list[tuple[str, str]], Brought | None]:
    """Read the form; its file goes through a file of the system's to one of ours."""
    fields, brought = [], None
    async with request.form(max_files=1, max_fields=_MOST_FIELDS) as form:
        for name, value in form.multi_items():
            if isinstance(value, UploadFile):
                if value.filename:
                    brought = await run_in_threadpool(_kept, value)
            else:
                fields.append((name, value.encode("utf-8", "replace").decode()))
    return fields, brought


def _kept(upload: UploadFile) -> Brought:
    folder = Path(tempfile.mkdtemp(prefix="digest-readers-"))
    name = _plain_name(upload.filename or "")
    path = folder / name  # whose export it is shows in its name, too
    with path.open("xb") as file:
        path.chmod(0o600)
        shutil.copyfileobj(upload.file, file, _BLOCK)
    return Brought(path, name)


def _plain_name(said: str) -> str:
    """Give what a sender called a file without its folders, and with nothing that leads away."""
    name = said.replace("\\", "/").rpartition("/")[2]
    name = "".join(each for each in name if each.isprintable() and each not in ':*?"<>|')
    return name.strip(". ")[-_NAME:].encode()[-_NAME:].decode("utf-8", "ignore") or "readers"


def _plain_form(
    scope: Scope, fields: list[tuple[str, str]], brought: Brought | None
) -> tuple[Scope, Receive]:
    """Give the request as if the form had come without its file."""
    body = urlencode(fields).encode()
    state = {**scope.get("state", {}), "brought": brought}
    plain = {name: value for name, value in scope.items() if name not in _ITS_LIMIT}
    plain |= {"headers": list(scope["headers"]), "state": state}
    headers = MutableHeaders(scope=plain)
    headers["content-type"] = "application/x-www-form-urlencoded"
    headers["content-length"] = str(len(body))

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return plain, receive
