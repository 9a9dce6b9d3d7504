"""Addresses these pages had before: the same page, with or without the path that once led here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class FormerPaths:
    """Middleware: takes the path of an earlier `public_url`, or of this one, off a request.

    A link in a letter that was sent works for ever. A prefix is only taken off before a page we
    have, so that a newsletter may be called as the path was.
    """

    def __init__(self, app: ASGIApp, urls: Sequence[str], names: Collection[str]) -> None:
        """Wrap an application whose paths begin with one of `names`."""
        self.app = app
        paths = {urlsplit(url).path.rstrip("/") for url in urls} - {""}
        self.prefixes = sorted(paths, key=len, reverse=True)
        self.names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            rest = self._rest(scope["path"])
            scope = {**scope, "path": rest, "raw_path": rest.encode("utf-8", "surrogateescape")}
        await self.app(scope, receive, send)

    def _rest(self, path: str) -> str:
        for prefix in self.prefixes:
            rest = path.removeprefix(prefix)
            if rest == path or (rest and not rest.startswith("/")):
                continue
            name = rest[1:].partition("/")[0]
            if name in self.names or (not name and prefix[1:] not in self.names):
                return rest or "/"
        return path
