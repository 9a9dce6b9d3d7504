"""Put the pages together: addresses, answers to errors, and what wraps them all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import quote

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import Scope

from digest.composition.language import Language
from digest.errors import TokenError
from digest.web.api.problems import too_large
from digest.web.archive import Archive
from digest.web.assets import StaticFiles
from digest.web.context import WebContext
from digest.web.former import FormerPaths
from digest.web.health import Health
from digest.web.leave import LeavePages
from digest.web.metrics import Metrics
from digest.web.pages import Pages
from digest.web.preferences import PreferencePages
from digest.web.public import PublicPages
from digest.web.security import LARGEST_BODY, SafeAnswers
from digest.web.signing_up import SignUpPages
from subscribers.limits import LimitError
from subscribers.tokens import StaleTokenError


def make_app(context: WebContext, *, beside: Sequence[BaseRoute] = ()) -> Starlette:
    """Make the application of one site, ready to be mounted or served.

    `beside` are further routes, as of an API; they go before the pages.
    """
    static = StaticFiles(context.site)
    pages = Pages(context, static)
    answers = _Errors(pages)
    routes = [*beside, *_routes(context, pages, static)]
    app = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: answers.http,
            TokenError: answers.token,
            LimitError: answers.limit,
            ClientDisconnect: answers.gone,
            500: answers.crash,
        },
        middleware=[
            Middleware(SafeAnswers, too_large=answers.too_large),
            Middleware(RequestBodyLimitMiddleware, max_body_size=LARGEST_BODY),
            Middleware(
                FormerPaths,
                urls=(context.site.public_url, *context.former_urls),
                names=_first_names(routes, context),
            ),
        ],
    )
    app.router.redirect_slashes = False  # it would name whatever host the request does
    return app


def _routes(context: WebContext, pages: Pages, static: StaticFiles) -> list[BaseRoute]:
    own, leave = PreferencePages(context, pages), LeavePages(context, pages)
    public, join = PublicPages(context, pages), SignUpPages(context, pages)
    archive, health, metrics = Archive(context, pages), Health(context), Metrics(context)
    return [
        *own.routes(),
        *leave.routes(),
        *join.routes(),
        *public.routes(),
        Route("/healthz", health.alive),
        Route("/readyz", health.ready),
        Route("/metrics", metrics.show),
        Route("/favicon.ico", static.icon),
        Route("/static/{name}", static.serve),
        *archive.routes(),
    ]


def _first_names(routes: Sequence[BaseRoute], context: WebContext) -> set[str]:
    """Give what our paths begin with."""
    paths = [route.path for route in routes if isinstance(route, (Route, Mount))]
    names = {path[1:].partition("/")[0] for path in paths}
    slugs = {each.slug for each in context.newsletters}
    return {name for name in names | slugs if name and "{" not in name}


def _words_of(status: int, language: Language) -> tuple[str, str]:
    """Say what a status means, and what to do."""
    said = {
        HTTPStatus.BAD_REQUEST: (
            language.say("We could not read that"),
            language.say("Go back, and send the form again."),
        ),
        HTTPStatus.NOT_FOUND: (
            language.say("There is nothing here"),
            language.say("Check the link, or start again below."),
        ),
        HTTPStatus.METHOD_NOT_ALLOWED: (
            language.say("This page does not do that"),
            language.say("Open it by its link, and use its button."),
        ),
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
            language.say("That was too long"),
            language.say("Shorten what you typed, and try again."),
        ),
        HTTPStatus.TOO_MANY_REQUESTS: (
            language.say("Too many at once"),
            language.say("Too many requests came from your network. Try it again in an hour."),
        ),
        HTTPStatus.INTERNAL_SERVER_ERROR: (
            language.say("Something went wrong on our side"),
            language.say("Nothing was lost. Try again in a minute."),
        ),
    }
    other = language.say("That did not work"), language.say("Try it again.")
    return said.get(HTTPStatus(status), other)


class _Errors:
    """The answers to whatever a handler raises, in the look of the site."""

    def __init__(self, pages: Pages) -> None:
        self.pages = pages

    def page(self, status: int, request: Request) -> Response:
        """Give the page of a status, in the language of who asked."""
        language = self.pages.language(request)
        title, sentence = _words_of(status, language)
        again = status == HTTPStatus.NOT_FOUND
        return self.pages.problem(status, title, sentence, again=again, language=language)

    def too_large(self, scope: Scope) -> Response:
        """Answer a body that is declared too long: with a page, or a problem where the API is."""
        refused = too_large(scope, public_url=self.pages.context.site.public_url)
        return refused or self.page(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Request(scope))

    async def http(self, request: Request, error: Exception) -> Response:
        """Answer 400, 404, 405, 413; a slash too many at the end is taken off first."""
        found = error if isinstance(error, HTTPException) else HTTPException(500)
        path = request.scope["path"]
        name = quote(path.strip("/"))
        if found.status_code == HTTPStatus.NOT_FOUND and name and path.endswith("/"):
            query = f"?{request.url.query}" if request.url.query else ""
            url = f"{self.pages.context.base}/{name}{query}"
            return RedirectResponse(url, status_code=HTTPStatus.TEMPORARY_REDIRECT)
        response = self.page(found.status_code, request)
        response.headers.update(found.headers or {})
        return response

    async def token(self, request: Request, error: Exception) -> Response:
        """Answer a link that is forged (one answer for all), or genuine but overtaken."""
        language = self.pages.language(request)
        if isinstance(error, StaleTokenError):
            return self.pages.problem(
                HTTPStatus.GONE,
                language.say("This link no longer works"),
                language.say(
                    "It was used up, or it is too old. Subscribe again and we send a new one."
                ),
                again=True,
                language=language,
            )
        return self.pages.damaged_link(language)

    async def limit(self, request: Request, error: Exception) -> Response:
        """Answer who asks too often, or whose network does; says when the next is taken."""
        response = self.page(HTTPStatus.TOO_MANY_REQUESTS, request)
        if isinstance(error, LimitError):
            wait = max(1, math.ceil(error.wait.total_seconds()))
            response.headers["Retry-After"] = str(wait)
        return response

    async def gone(self, request: Request, error: Exception) -> Response:
        """Answer somebody who hung up while sending: nobody reads it."""
        del request, error
        return Response(status_code=HTTPStatus.BAD_REQUEST)

    async def crash(self, request: Request, error: Exception) -> Response:
        """Answer our own mistakes; the server logs the trace."""
        del error
        return self.page(HTTPStatus.INTERNAL_SERVER_ERROR, request)
