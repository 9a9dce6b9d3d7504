"""Pure. What every answer carries against being framed, sniffed, cached or fed too much."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 64 * 1024
"""Bytes of the largest form anybody may post."""

LARGEST_PUSH = 4 * 1024 * 1024
"""Bytes of the stories that a program may push at once; its token is looked at before they are."""

_PUSH = "/api/v1/articles"
_DESK = "/desk/"
"""Whose pages know who sends, and each how much it takes."""

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

        refused = _DESK not in scope["path"] and _too_long(scope)
        app = self.too_large(scope) if refused else self.app
        await app(scope, receive, send_safe)


def add_headers(headers: MutableHeaders) -> None:
    """Add what is missing."""
    for name, value in EVERYWHERE.items():
        headers.setdefault(name, value)


def largest_body(scope: Scope) -> int:
    """Give how many bytes are taken at an address."""
    return LARGEST_PUSH if scope["path"].endswith(_PUSH) else LARGEST_BODY


def _too_long(scope: Scope) -> bool:
    declared = Headers(scope=scope).get("content-length", "")
    return declared.isascii() and declared.isdigit() and int(declared[:18]) > largest_body(scope)
