"""Put the API together: its endpoints, the answers to errors, its description and its page."""

from __future__ import annotations

import functools
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from digest.errors import DigestError
from digest.web.api import (
    archive,
    articles,
    changes,
    choices,
    editions,
    newsletters,
    readers,
    segmenting,
    signups,
    subscriptions,
    suppressions,
    webhooks,
)
from digest.web.api.description import describe
from digest.web.api.page import DescriptionPage
from digest.web.api.problems import ROOT, ProblemError, docs_of, of_digest, of_validation, problem
from digest.web.api.tools import ApiTools
from digest.web.assets import StaticFiles
from digest.web.context import WebContext
from digest.web.pages import Pages
from digest.web.security import LARGEST_BODY, LARGEST_PUSH, SafeAnswers, largest_body

_PARTS = (
    *(signups, newsletters, articles, editions, choices, archive, readers, subscriptions),
    *(suppressions, changes, segmenting, webhooks),
)


def api_routes(context: WebContext, tools: ApiTools | None = None) -> list[BaseRoute]:
    """Give the addresses of the API, for the site's own list of routes.

    Without `tools` what makes editions, stories and webhooks is answered with 503.
    """
    pages = Pages(context, StaticFiles(context.site))
    docs = f"{context.base}{ROOT}/docs"

    async def to_docs(request: Request) -> Response:
        del request
        return RedirectResponse(docs, status_code=307)

    return [Route(ROOT, to_docs), Mount(ROOT, make_api(context, pages, tools))]


def make_api(context: WebContext, pages: Pages, tools: ApiTools | None = None) -> FastAPI:
    """Make the application that answers below /api/v1."""
    refusals = _Refusals(docs_of(context.site.public_url))
    api = FastAPI(
        openapi_url=None,  # ours is complete, and its page loads nothing from elsewhere
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        exception_handlers={
            ProblemError: refusals.problem,
            DigestError: refusals.digest,
            RequestValidationError: refusals.validation,
            HTTPException: refusals.http,
            ClientDisconnect: refusals.gone,
            500: refusals.crash,
        },
        middleware=[
            Middleware(SafeAnswers, too_large=refusals.too_large),
            Middleware(_BodyLimit),
        ],
    )
    api.state.context = context
    api.state.tools = tools
    for part in _PARTS:
        api.include_router(part.router)

    @functools.cache  # when it is first asked for: a start need not wait for it
    def description() -> dict[str, Any]:
        return describe(api, name=context.site.name, url=f"{context.site.public_url}{ROOT}")

    def openapi(request: Request) -> Response:
        del request
        return JSONResponse(description())

    page = DescriptionPage(context, pages, description)
    api.router.routes += [Route("/openapi.json", openapi), Route("/docs", page.show)]
    return api


class _BodyLimit:
    """Middleware: as many bytes as the address takes, whatever the limit around it says."""

    def __init__(self, app: ASGIApp) -> None:
        self.limited = {
            most: RequestBodyLimitMiddleware(app, max_body_size=most)
            for most in (LARGEST_BODY, LARGEST_PUSH)
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        most = largest_body(scope) if scope["type"] == "http" else LARGEST_BODY
        await self.limited[most](scope, receive, send)


class _Refusals:
    """The answers to whatever is raised on the way, all of one kind."""

    def __init__(self, docs: str) -> None:
        self.docs = docs

    def answer(self, status: int) -> Response:
        """Give the plain refusal of a status."""
        return problem(ProblemError(status), explained=self.docs)

    def too_large(self, scope: Scope) -> Response:
        """Give the refusal of a body that is declared too long."""
        del scope
        return self.answer(413)

    async def problem(self, request: Request, error: Exception) -> Response:
        """Answer a refusal of our own."""
        del request
        found = error if isinstance(error, ProblemError) else ProblemError(500)
        return problem(found, explained=self.docs)

    async def digest(self, request: Request, error: Exception) -> Response:
        """Answer what a verb refused."""
        del request
        found = of_digest(error) if isinstance(error, DigestError) else ProblemError(500)
        return problem(found, explained=self.docs)

    async def validation(self, request: Request, error: Exception) -> Response:
        """Answer a request that does not have the described form."""
        del request
        errors: list[Any] = (
            list(error.errors()) if isinstance(error, RequestValidationError) else []
        )
        return problem(of_validation(errors), explained=self.docs)

    async def http(self, request: Request, error: Exception) -> Response:
        """Answer 404, 405 and 413, the second with every method there is."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        headers = {"Allow": _methods(request)} if status == 405 else {}  # noqa: PLR2004 - as it says
        return problem(ProblemError(status, headers=headers), explained=self.docs)

    async def gone(self, request: Request, error: Exception) -> Response:
        """Answer somebody who hung up while sending: nobody reads it."""
        del request, error
        return self.answer(400)

    async def crash(self, request: Request, error: Exception) -> Response:
        """Answer our own mistakes; the server logs the trace."""
        del request, error
        return self.answer(500)


def _methods(request: Request) -> str:
    """Give every method of a path: the library names those of the first endpoint alone."""
    found: set[str] = set()
    for route in request.app.routes:
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            if route.matches({**request.scope, "method": method})[0] is Match.FULL:
                found.add(method)
    return ", ".join(sorted(found))
