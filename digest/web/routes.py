"""Put the pages together: addresses, answers to errors, and what wraps them all."""

from __future__ import annotations

import functools
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from digest.errors import TokenError
from digest.web.archive import Archive
from digest.web.assets import StaticFiles
from digest.web.context import WebContext
from digest.web.health import Health
from digest.web.pages import Pages
from digest.web.preferences import PreferencePages
from digest.web.public import PublicPages
from digest.web.security import LARGEST_BODY, SafeAnswers
from subscribers.tokens import StaleTokenError

_ACTS = ["GET", "POST"]

_PROBLEMS = {
    HTTPStatus.BAD_REQUEST: ("We could not read that", "Go back, and send the form again."),
    HTTPStatus.NOT_FOUND: ("There is nothing here", "Look at the address, or start again below."),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        "This page does not do that",
        "Open it by its link, and use its button.",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        "That was too long",
        "Shorten what you typed, and try again.",
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: (
        "Something went wrong on our side",
        "Nothing was lost. Try again in a minute.",
    ),
}


def make_app(context: WebContext) -> Starlette:
    """Make the application of one site, ready to be mounted or served."""
    static = StaticFiles(context.site)
    pages = Pages(context, static)
    answers = _Errors(pages)
    return Starlette(
        routes=_routes(context, pages, static),
        exception_handlers={
            HTTPException: answers.http,
            TokenError: answers.token,
            ClientDisconnect: answers.gone,
            500: answers.crash,
        },
        middleware=[
            Middleware(SafeAnswers, too_large=functools.partial(answers.page, 413)),
            Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY),
        ],
    )


def _routes(context: WebContext, pages: Pages, static: StaticFiles) -> list[Route]:
    public, own = PublicPages(context, pages), PreferencePages(context, pages)
    archive, health = Archive(context), Health(context.database)
    return [
        Route("/", public.home),
        Route("/subscribe", public.subscribe, methods=_ACTS),
        Route("/subscribe/check-inbox", public.check_inbox),
        Route("/confirm/{token}", public.confirm, methods=_ACTS),
        Route("/u/sample", own.sample, methods=_ACTS),
        Route("/p/sample", own.sample, methods=_ACTS),
        Route("/p/sample/twin", own.sample, methods=_ACTS),
        Route("/p/{token}", own.preferences, methods=_ACTS),
        Route("/p/{token}/twin", own.twin, methods=_ACTS),
        Route("/u/{token}", public.unsubscribe, methods=_ACTS),
        Route("/privacy", public.privacy),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/static/{name}", static.serve),
        Route("/images/{name}", archive.picture),
        Route("/{newsletter}/{date}", archive.letter),
        Route("/{newsletter}/{date}/{extra}", archive.letter),
    ]


class _Errors:
    """The answers to whatever a handler raises, in the look of the site."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def page(self, status: int) -> Response:
        """Give the page of a status."""
        title, sentence = _PROBLEMS.get(HTTPStatus(status), ("That did not work", "Try it again."))
        return self.pages.problem(status, title, sentence, again=status == HTTPStatus.NOT_FOUND)

    async def http(self, request: Request, error: Exception) -> Response:
        """Answer 400, 404, 405, 413."""
        del request
        found = error if isinstance(error, HTTPException) else HTTPException(500)
        response = self.page(found.status_code)
        response.headers.update(found.headers or {})
        return response

    async def token(self, request: Request, error: Exception) -> Response:
        """Answer a link that is forged (one answer for all), or genuine but overtaken."""
        del request
        if isinstance(error, StaleTokenError):
            return self.pages.problem(
                HTTPStatus.GONE,
                "This link no longer works",
                "It was used up, or it is too old. Subscribe again and we send a new one.",
                again=True,
            )
        return self.pages.damaged_link()

    async def gone(self, request: Request, error: Exception) -> Response:
        """Answer somebody who hung up while sending: nobody reads it."""
        del request, error
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    async def crash(self, request: Request, error: Exception) -> Response:
        """Answer our own mistakes; the server logs the trace."""
        del request, error
        return self.page(500)
