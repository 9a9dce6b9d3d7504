"""Door to the network: uvicorn in our own loop, stopped by our own event."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from digest.errors import DigestError

_GRACE_SECONDS = 10
_LAST_PORT = 65535


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: whoever runs the loop owns the signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


async def serve_web(
    app: ASGIApp,
    host: str,
    port: int,
    stop_event: asyncio.Event,
    *,
    told: Callable[[str], None] | None = None,
    trusted_proxies: Sequence[str] = ("127.0.0.1", "::1"),
) -> None:
    """Serve until the event is set; requests under way get their answers.

    `told` hears the address once it is open (port 0 picks a free one). X-Forwarded-For is believed
    from `trusted_proxies` only. Raises DigestError when the port cannot be had.
    """
    with open_socket(host, port) as listening:
        server = _Server(_config(app, trusted_proxies))
        if told is not None:
            told(_address(listening))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[listening]))
            stopping = tasks.create_task(_stop(server, stop_event))
            serving.add_done_callback(lambda _: stopping.cancel())


def serve_until(
    stop: threading.Event,
    app: ASGIApp,
    host: str,
    port: int,
    *,
    told: Callable[[str], None] | None = None,
    trusted_proxies: Sequence[str] = ("127.0.0.1", "::1"),
) -> None:
    """Serve from this thread until `stop` is set, by a signal or a thread; see `serve_web`."""

    async def until_stopped() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch() -> None:
            stop.wait()
            loop.call_soon_threadsafe(stopped.set)

        threading.Thread(target=watch, name="stop-watch", daemon=True).start()
        await serve_web(app, host, port, stopped, told=told, trusted_proxies=trusted_proxies)

    asyncio.run(until_stopped())


def open_socket(host: str, port: int) -> socket.socket:
    """Listen on an address. uvicorn would end the whole process where this raises DigestError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port <= _LAST_PORT:
        raise DigestError(
            f"web: {host}:{port}: no such port", hint=f"Name one from 1 to {_LAST_PORT}."
        )
    try:
        listening = socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        raise DigestError(
            f"web: {host}:{port}: {error.strerror}",
            hint="Stop the program that listens there, or name another port.",
        ) from error
    # An answer's head and body are two writes; without this the second waits for the first's
    # receipt, which the other side may put off for 40 ms.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


def _config(app: ASGIApp, trusted_proxies: Sequence[str]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        access_log=False,  # addresses of confirm and unsubscribe pages hold tokens
        log_config=None,
        log_level="warning",
        server_header=False,
        lifespan="off",
        forwarded_allow_ips=list(trusted_proxies),
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )


async def _stop(server: _Server, stop_event: asyncio.Event) -> None:
    await stop_event.wait()
    server.should_exit = True


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
