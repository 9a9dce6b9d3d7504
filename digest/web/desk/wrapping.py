"""What answers at an address of the desk: who asks, may they, and is the form theirs."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, TypeVar, cast
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from digest.errors import DigestError
from digest.people.model import Role, SignedIn
from digest.web.desk.asking import (
    LARGEST_FORM,
    SAID,
    Asked,
    Carried,
    asked_now,
    asked_of,
    read_desk_form,
)
from digest.web.desk.guarding import session_of_mark, way_back
from digest.web.desk.troubles import of_error, of_role, of_status
from digest.web.forms import Fields, first

if TYPE_CHECKING:
    from digest.web.desk.frame import Desk

Handler = (
    Callable[[Request, SignedIn], Response] | Callable[[Request, SignedIn], Awaitable[Response]]
)
"""Answers one request of somebody who is signed in and may do it; in a thread unless it is async.

`request.state.form` is the form (`Fields`), `request.state.files` the files that came with it.
"""

_Chunk = TypeVar("_Chunk")
_EVENTS = "text/event-stream"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFETY = {
    "Content-Security-Policy": POLICY,
    # Not "no-referrer": with it browsers name no origin, and a form could not be told from theirs.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request",
}
"""What every answer of the desk carries, unless it says otherwise itself."""


class _Wrapped:
    """What answers at an address of the desk: its headers, and the errors it may raise."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        asked = asked_of(request, base=self.desk.context.base)
        token = asked_now.set(asked)
        try:
            response = await self.answered(request)
            self._finish(response, asked)
            # A body that is too long was refused by now; the answer to it may be a page of ours.
            await RequestBodyLimitMiddleware(response, sys.maxsize)(scope, receive, send)
        finally:
            asked_now.reset(token)

    async def answered(self, request: Request) -> Response:
        raise NotImplementedError

    def _finish(self, response: Response, asked: Asked) -> None:
        for name, value in SAFETY.items():
            response.headers.setdefault(name, value)
        if asked.is_said and asked.said:
            response.delete_cookie(SAID, path=self.desk.context.url(""))
        if asked.is_part and response.status_code == HTTPStatus.SEE_OTHER:
            # A script follows the way by itself, and would put a whole page into a piece of one.
            response.status_code = HTTPStatus.OK
            response.headers["HX-Redirect"] = response.headers.get("location", "")
            del response.headers["location"]


class OpenPage(_Wrapped):
    """A page that needs nobody signed in."""

    def __init__(self, desk: Desk, handler: Callable[[Request], Awaitable[Response]]) -> None:
        """Take the frame, and what answers."""
        super().__init__(desk)
        self.handler = handler

    async def answered(self, request: Request) -> Response:
        """Answer whoever asks."""
        try:
            request.state.form = {}
            if request.method == "POST":
                # These forms have no session whose mark they could carry, so this must be sure.
                if self.desk.is_from_us(request) is not True:
                    return self.desk.refuse(None, of_status(HTTPStatus.FORBIDDEN))
                await _limit(request, LARGEST_FORM)
                request.state.form, _ = await read_desk_form(request, most_files=0)
            return await self.handler(request)
        except HTTPException as error:
            return self.desk.refuse(None, of_status(error.status_code))
        except DigestError as error:
            return self.desk.refuse(None, of_error(error))


class Page(_Wrapped):
    """A page for who is signed in and may see it."""

    def __init__(self, desk: Desk, handler: Handler, role: Role, largest: int, files: int) -> None:
        """Take the frame, what answers, who may ask, and how much a form may be."""
        super().__init__(desk)
        self.handler = handler
        self.role = role
        self.largest = largest
        self.files = files

    async def answered(self, request: Request) -> Response:
        """Answer who is signed in; anybody else is asked to."""
        me: SignedIn | None = None
        fields: Fields = {}
        try:
            me = await run_in_threadpool(self.desk.who, request)
            if request.method == "POST":
                await _limit(request, self.largest if me else min(self.largest, LARGEST_FORM))
                fields, request.state.files = await read_desk_form(request, most_files=self.files)
            request.state.form = fields
            if me is None:
                return await run_in_threadpool(self._ask_who, request, fields)
            if refused := await run_in_threadpool(self._refusal, request, me, fields):
                return refused
            return await self._handled(request, me)
        except HTTPException as error:
            status = error.status_code
            if me is None and status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                status = HTTPStatus.UNAUTHORIZED  # a file can be sent when they are back
            return self.desk.refuse(me, of_status(status), fields=fields)
        except DigestError as error:
            return self.desk.refuse(me, of_error(error), fields=fields)

    async def _handled(self, request: Request, me: SignedIn) -> Response:
        if iscoroutinefunction(self.handler):
            response = cast("Response", await self.handler(request, me))
        else:
            handler = cast("Callable[[Request, SignedIn], Response]", self.handler)
            response = await run_in_threadpool(handler, request, me)
        if isinstance(response, StreamingResponse) and response.media_type == _EVENTS:
            response.body_iterator = self._while_in(me, response.body_iterator)
        return response

    async def _while_in(self, me: SignedIn, events: AsyncIterable[_Chunk]) -> AsyncIterator[_Chunk]:
        """Pass events on for as long as their session works: one that is ended hears no more."""
        async for each in events:
            if not await run_in_threadpool(self.desk.still_in, me):
                break
            yield each

    def _refusal(self, request: Request, me: SignedIn, fields: Fields) -> Response | None:
        if request.method == "POST" and not self._is_theirs(request, me, fields):
            return self.desk.refuse(me, of_status(HTTPStatus.FORBIDDEN), fields=fields)
        if not me.may(self.role):
            return self.desk.refuse(me, of_role(me.role, self.role), fields=fields)
        return None

    def _is_theirs(self, request: Request, me: SignedIn, fields: Fields) -> bool:
        """Tell whether a form is of this session, or of an earlier one of the same person."""
        from_us = self.desk.is_from_us(request)
        if from_us is False:
            return False
        mark = _mark(request, fields)
        if session_of_mark(self.desk.context.newsroom.secret, mark) == me.session.public_id:
            return True
        owner = self.desk.owner_of(mark)
        return from_us is True and owner is not None and owner.id == me.user.id

    def _ask_who(self, request: Request, fields: Fields) -> Response:
        """Ask to sign in: a form that was sent is kept and goes on afterwards."""
        asked = asked_now.get() or Asked()
        if asked.is_part:
            return self.desk.refuse(None, of_status(HTTPStatus.UNAUTHORIZED))
        base = self.desk.context.base
        if request.method != "POST":
            back = way_back(asked.path, base=base)
            query = "" if back in {"", self.desk.context.url("")} else f"?{_query(back)}"
            return self.desk.done(f"{self.desk.context.url('sign-in')}{query}")
        if self.desk.is_from_us(request) is not True:
            return self.desk.refuse(None, of_status(HTTPStatus.FORBIDDEN))
        if not fields:  # only a file came, and that stays with them
            return self.desk.refuse(None, of_status(HTTPStatus.UNAUTHORIZED))
        owner = self.desk.owner_of(_mark(request, fields))
        carried = Carried(way_back(asked.path, base=base), fields, owner)
        return self.desk.sign_in_page(status=HTTPStatus.UNAUTHORIZED, carried=carried)


def _mark(request: Request, fields: Fields) -> str:
    return first(fields, "csrf") or request.headers.get("x-csrf", "")


def _query(back: str) -> str:
    return urlencode({"next": back})


async def _limit(request: Request, largest: int) -> None:
    """Take no more than so many bytes. Raises HTTPException where more are announced."""

    async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
        """Only the limit is wanted: it goes on after this."""

    await RequestBodyLimitMiddleware(nothing, largest)(
        request.scope,
        request.receive,
        request._send,  # noqa: SLF001 - what it was made with
    )
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:18]) > largest:
        raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
