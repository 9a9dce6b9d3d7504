"""Pages of the desk packed for the way, but only where nobody else can have caused the request.

A page holds the mark of its session beside words that people typed. Packed, its length would tell
somebody who can make the browser ask for it again and again which guesses are right (BREACH). What
another site causes, browsers say to be so; an old browser that says nothing gets it unpacked, too.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

_OURS = frozenset({"same-origin", "none"})
_LEAST_BYTES = 1_000
_LEVEL = 5


class Packed:
    """Packs the answers to requests that come from our own pages, or from nowhere."""

    def __init__(self, app: ASGIApp) -> None:
        """Take what answers."""
        self._plain = app
        self._packing = GZipMiddleware(app, minimum_size=_LEAST_BYTES, compresslevel=_LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        caused_by = Headers(scope=scope).get("sec-fetch-site")
        app = self._packing if caused_by in _OURS else self._plain
        await app(scope, receive, send)


def packed(route: BaseRoute) -> BaseRoute:
    """Give a route whose answers are packed; one that is none of ours stays as it is."""
    if not isinstance(route, Route):
        return route
    return Route(route.path, Packed(route.endpoint), methods=sorted(route.methods or ()))
