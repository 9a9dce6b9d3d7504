from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from digest.web.former import FormerPaths

URLS = ("https://post.example/letters", "https://old.example/mail/list/", "https://older.example")
NAMES = {"u", "p", "subscribe", "daily", "mail"}


def _inner_path(path: str, *, kind: str = "http", names: set[str] = NAMES) -> str:
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        seen.append(scope["path"])

    async def receive() -> MutableMapping[str, Any]:
        raise AssertionError

    async def send(message: MutableMapping[str, Any]) -> None:
        raise AssertionError(message)

    scope = {"type": kind, "path": path, "raw_path": path.encode("utf-8", "surrogateescape")}
    asyncio.run(FormerPaths(app, URLS, names)(scope, receive, send))
    return seen[0]


@pytest.mark.parametrize(
    ("path", "answered"),
    [
        ("/u/token", "/u/token"),
        ("/letters/u/token", "/u/token"),
        ("/mail/list/u/token", "/u/token"),
        ("/mail/list", "/"),
        ("/letters/", "/"),
        ("/letters", "/"),
        ("/lettersu/token", "/lettersu/token"),
        ("/letters/nothing", "/letters/nothing"),
        ("/letters/letters/u/x", "/letters/letters/u/x"),
        ("/mail/2026-01-09", "/mail/2026-01-09"),
        ("/", "/"),
        ("/letters/u/\udcff", "/u/\udcff"),
    ],
)
def test_a_path_that_once_led_here_is_taken_off(path: str, answered: str) -> None:
    assert _inner_path(path) == answered


def test_a_newsletter_called_as_the_path_was_keeps_its_pages() -> None:
    names = {*NAMES, "letters"}
    assert _inner_path("/letters", names=names) == "/letters"
    assert _inner_path("/letters/2026-01-09", names=names) == "/letters/2026-01-09"
    assert _inner_path("/letters/letters/2026-01-09", names=names) == "/letters/2026-01-09"


def test_what_is_no_request_is_left_alone() -> None:
    assert _inner_path("/letters/u/x", kind="websocket") == "/letters/u/x"
