from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Coroutine

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from digest.errors import DigestError
from digest.web.server import open_socket, serve_web

Ask = Callable[[httpx2.AsyncClient, asyncio.Event], Coroutine[None, None, str]]


async def _slow(request: Request) -> PlainTextResponse:
    del request
    await asyncio.sleep(0.3)
    return PlainTextResponse("done")


async def _caller(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(request.client.host if request.client else ""))


def _while_served(ask: Ask, *, trusted_proxies: tuple[str, ...] = ()) -> str:
    """Serve a small application while `ask` speaks to it; give its answer after a clean stop."""
    app = Starlette(routes=[Route("/slow", _slow), Route("/caller", _caller)])

    async def run() -> str:
        stop, opened = asyncio.Event(), asyncio.Queue[str]()
        serving = asyncio.create_task(
            serve_web(
                app,
                "127.0.0.1",
                0,
                stop,
                told=opened.put_nowait,
                trusted_proxies=trusted_proxies,
            )
        )
        async with httpx2.AsyncClient(base_url=await opened.get(), trust_env=False) as client:
            answer = await ask(client, stop)
        stop.set()
        await asyncio.wait_for(serving, 5)
        return answer

    return asyncio.run(run())


def test_a_request_under_way_gets_its_answer_when_we_stop() -> None:
    async def ask(client: httpx2.AsyncClient, stop: asyncio.Event) -> str:
        asking = asyncio.create_task(client.get("/slow"))
        await asyncio.sleep(0.15)
        stop.set()
        answer = await asking
        assert "server" not in answer.headers
        return answer.text

    before = signal.getsignal(signal.SIGTERM)
    started = time.monotonic()
    assert _while_served(ask) == "done"
    assert time.monotonic() - started < 4
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("trusted", "caller"), [((), "127.0.0.1"), (("127.0.0.1",), "198.51.100.7")]
)
def test_a_forwarded_address_is_believed_from_named_proxies_only(
    trusted: tuple[str, ...], caller: str
) -> None:
    async def ask(client: httpx2.AsyncClient, stop: asyncio.Event) -> str:
        del stop
        return (await client.get("/caller", headers={"X-Forwarded-For": "198.51.100.7"})).text

    assert _while_served(ask, trusted_proxies=trusted) == caller


def test_a_taken_port_is_told_and_ends_no_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(DigestError, match=rf"^web: 127\.0\.0\.1:{port}: Address already"):
            open_socket("127.0.0.1", port)


@pytest.mark.parametrize(("host", "port"), [("127.0.0.1", 99_999), ("no.such.host.invalid", 0)])
def test_an_impossible_address_is_told(host: str, port: int) -> None:
    with pytest.raises(DigestError, match=rf"^web: {host}:{port}: "):
        open_socket(host, port)


def test_an_address_of_the_sixth_version_is_told_in_brackets() -> None:
    told: list[str] = []

    async def run() -> None:
        stop = asyncio.Event()
        stop.set()
        await serve_web(Starlette(), "::1", 0, stop, told=told.append)

    asyncio.run(run())
    assert told[0].startswith("http://[::1]:")
