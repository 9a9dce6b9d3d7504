"""Pure. What every answer carries against being framed, sniffed, cached or fed too much."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
"""Bytes of the largest form anybody may post."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)

EVERYWHERE = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # a token in an address is nobody else's business
    "Cache-Control": "no-store",
}
"""Set unless the answer says otherwise itself."""


def letter_policy(public_url: str) -> str:
    """Give the policy of a letter read online: its own inline styles, our pictures, no script."""
    return (
        f"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' {public_url}; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
    )


class SafeAnswers:
    """Middleware: adds the headers to every answer and refuses a body that is declared too long.

    Starlette's own limit answers a declared length with a bare line of text; this one comes first
    and answers with a page. Bodies without a length are left to Starlette's.
    """

    def __init__(self, app: ASGIApp, too_large: Callable[[Scope], Response]) -> None:
        """Wrap an application; `too_large` makes the page for the refused body of a request."""
        self.app = app
        self.too_large = too_large

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_safe(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(MutableHeaders(scope=message))
            await send(message)

        app = self.too_large(scope) if _too_long(Headers(scope=scope)) else self.app
        await app(scope, receive, send_safe)


def add_headers(headers: MutableHeaders) -> None:
    """Add what is missing."""
    for name, value in EVERYWHERE.items():
        headers.setdefault(name, value)


def _too_long(headers: Headers) -> bool:
    declared = headers.get("content-length", "")
    return declared.isascii() and declared.isdigit() and int(declared[:18]) > LARGEST_BODY
