"""A page that streams events must not keep the server from leaving."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import httpx2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from digest.web.server import serve_until

PATIENCE = 20.0


async def _events(_request: Request) -> Response:
    async def tell() -> AsyncIterator[str]:
        while True:
            yield "data: still here\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(tell(), media_type="text/event-stream")


async def _slow(_request: Request) -> Response:
    await asyncio.sleep(0.5)
    return PlainTextResponse("at last")


@contextmanager
def _server() -> Iterator[tuple[str, threading.Event, threading.Thread]]:
    """A server of these pages, the event that asks it to leave, and its thread."""
    app = Starlette(routes=[Route("/events", _events), Route("/slow", _slow)])
    stop, addresses = threading.Event(), list[str]()
    opened = threading.Event()

    def told(address: str) -> None:
        addresses.append(address)
        opened.set()

    thread = threading.Thread(
        target=serve_until, args=(stop, app, "127.0.0.1", 0), kwargs={"told": told}
    )
    thread.start()
    assert opened.wait(PATIENCE)
    try:
        yield addresses[0], stop, thread
    finally:
        stop.set()
        thread.join(PATIENCE)


def test_open_streams_end_well_when_the_server_is_asked_to_leave() -> None:
    with (
        _server() as (url, stop, thread),
        httpx2.stream("GET", f"{url}/events", trust_env=False, timeout=PATIENCE) as first,
        httpx2.stream("GET", f"{url}/events", trust_env=False, timeout=PATIENCE) as second,
    ):
        lines = [stream.iter_lines() for stream in (first, second)]
        assert [next(each) for each in lines] == ["data: still here"] * 2
        asked = time.monotonic()
        stop.set()
        for each in lines:  # each comes to its end by itself, and not by a broken connection
            assert set(each) <= {"data: still here", ""}
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert time.monotonic() - asked < 3, "nothing waited for the streams"


def test_what_is_no_stream_is_answered_to_the_end() -> None:
    answers: list[str] = []
    with _server() as (url, stop, thread):

        def ask() -> None:
            answer = httpx2.get(f"{url}/slow", trust_env=False, timeout=PATIENCE)
            answers.append(answer.text)

        asking = threading.Thread(target=ask)
        with httpx2.stream("GET", f"{url}/events", trust_env=False, timeout=PATIENCE) as stream:
            next(stream.iter_lines())
            asking.start()
            time.sleep(0.2)  # it may as well not be there yet: it is answered either way
            stop.set()
            asking.join(PATIENCE)
            thread.join(PATIENCE)
    assert answers == ["at last"]


def test_a_stream_that_its_reader_leaves_is_forgotten() -> None:
    with _server() as (url, stop, thread):
        with httpx2.stream("GET", f"{url}/events", trust_env=False, timeout=PATIENCE) as stream:
            next(stream.iter_lines())
        stop.set()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_port_that_is_open_already_is_served_and_stays_open_for_another_server() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        app = Starlette(routes=[Route("/slow", _slow)])
        for _ in range(2):  # what comes in between waits for the next one
            stop = threading.Event()
            thread = threading.Thread(
                target=serve_until,
                args=(stop, app, "127.0.0.1", port),
                kwargs={"listening": listening.dup()},
            )
            thread.start()
            answer = httpx2.get(f"http://127.0.0.1:{port}/slow", trust_env=False, timeout=PATIENCE)
            assert answer.text == "at last"
            stop.set()
            thread.join(PATIENCE)
