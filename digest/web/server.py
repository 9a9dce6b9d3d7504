"""Door to the network: uvicorn in our own loop, stopped by our own event."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from digest.errors import DigestError

_GRACE_SECONDS = 10
_TICK_SECONDS = 1.0
_LAST_CALL_SECONDS = 0.2
_TICKS_OF_UVICORN = 10
"""In one of ours: it counts tenths of a second, and looks at the hour at every tenth."""
_LAST_PORT = 65535


class EventStreams:
    """Ends the event streams of an application when the server is asked to leave.

    They never end by themselves, and the server would wait for them in vain; the browser comes back
    by itself. A stream is known by its content type, so that no page has to think of it.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Take the application that answers."""
        self._app = app
        self._open: set[asyncio.Task[object]] = set()
        self._is_over = False

    def end(self) -> None:
        """End those that are open, and each that begins from now on."""
        self._is_over = True
        for task in list(self._open):
            task.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        task = asyncio.current_task()

        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.start" and _is_stream(message) and task:
                self._open.add(task)
                if self._is_over:
                    task.cancel()

        try:
            await self._app(scope, receive, sent)
        except asyncio.CancelledError:
            if not self._is_over or task not in self._open:
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if task:
                self._open.discard(task)


def _is_stream(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/event-stream")
        for name, value in message["headers"]
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: whoever runs the loop owns the signals.

    It wakes once a second instead of ten times, and at once when it is asked to leave.
    """

    def __init__(self, config: uvicorn.Config, stop: asyncio.Event) -> None:
        super().__init__(config)
        self._stop = stop

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield

    async def main_loop(self) -> None:
        """Keep the hour of the answers, until asked to leave.

        Then nobody new is let in, and who came a moment ago may still say what they want: uvicorn
        hangs up on whoever has not spoken yet.
        """
        while not await self.on_tick(_TICKS_OF_UVICORN):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), _TICK_SECONDS)
                self.should_exit = True
        for listener in self.servers:
            listener.close()
        await asyncio.sleep(_LAST_CALL_SECONDS)


async def serve_web(
    app: ASGIApp,
    host: str,
    port: int,
    stop_event: asyncio.Event,
    *,
    told: Callable[[str], None] | None = None,
    trusted_proxies: Sequence[str] = ("127.0.0.1", "::1"),
    listening: socket.socket | None = None,
) -> None:
    """Serve until the event is set; requests under way get their answers, event streams end.

    `told` hears the address once it is open (port 0 picks a free one). X-Forwarded-For is believed
    from `trusted_proxies` only. `listening` is a socket that is open already, instead of host and
    port. Raises DigestError when the port cannot be had.
    """
    streams = EventStreams(app)
    with listening or open_socket(host, port) as opened:
        server = _Server(_config(streams, trusted_proxies), stop_event)
        if told is not None:
            told(_address(opened))
        async with asyncio.TaskGroup() as tasks:
            serving = tasks.create_task(server.serve(sockets=[opened]))
            stopping = tasks.create_task(_end_streams(streams, stop_event))
            serving.add_done_callback(lambda _: stopping.cancel())


def serve_until(
    stop: threading.Event,
    app: ASGIApp,
    host: str,
    port: int,
    *,
    told: Callable[[str], None] | None = None,
    trusted_proxies: Sequence[str] = ("127.0.0.1", "::1"),
    listening: socket.socket | None = None,
) -> None:
    """Serve from this thread until `stop` is set, by a signal or a thread; see `serve_web`."""

    async def until_stopped() -> None:
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()

        def watch() -> None:
            stop.wait()
            loop.call_soon_threadsafe(stopped.set)

        threading.Thread(target=watch, name="stop-watch", daemon=True).start()
        await serve_web(
            app,
            host,
            port,
            stopped,
            told=told,
            trusted_proxies=trusted_proxies,
            listening=listening,
        )

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


async def _end_streams(streams: EventStreams, stop_event: asyncio.Event) -> None:
    await stop_event.wait()
    streams.end()


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
