"""Door to Procrastinate's worker: takes the jobs of this database, and rings a bell for each.

It runs in a thread of its own beside the loop that sends. Nothing depends on it: while its
connection is away, or its tables are, it tries again, and the loop finds its work by looking.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from digest.db import Database
from digest.errors import DigestError
from digest.log import event
from digest.queue.bell import Bell, Work
from digest.queue.hints import SEND, SENDING

if TYPE_CHECKING:
    from procrastinate import App, JobContext

_LOG = logging.getLogger("digest.queue")
CARE = "care"
"""The queue of what keeps the queue itself in order."""
STALLED_SECONDS = 30
"""A worker that has not said for so long that it lives is dead, and its jobs go to others."""
_BEAT_SECONDS = 10
_RESCUE_EVERY = "* * * * * */15"
_POLL_SECONDS = 5.0
"""How often it looks for jobs it was not woken for: those that came back."""
_CARE_SECONDS = 15.0
_AGAIN_SECONDS = 5.0
_LEAVE_SECONDS = 5.0
_NO_ABORTS = 3600.0
"""Nobody aborts a job of ours: an edition is stopped in the ledger."""


class CutShortError(DigestError):
    """This worker leaves before the work of a job was done: another one takes it."""


@contextlib.contextmanager
def woken(database: Database) -> Iterator[Bell]:
    """Give a bell that jobs ring while the block runs; on SQLite nobody does.

    At its end, jobs whose work is not done go back into the queue.
    """
    bell = Bell(is_hung=not database.is_sqlite)
    if database.is_sqlite:
        yield bell
        return
    listener = _Listener(database, bell)
    listener.thread.start()
    try:
        yield bell
    finally:
        listener.leave()


class _Listener:
    """The thread, and its loop."""

    def __init__(self, database: Database, bell: Bell) -> None:
        _, address = database.engine.dialect.create_connect_args(database.url)
        self._address = dict(address)
        self._bell = bell
        self._leave = threading.Event()
        self._wake: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self.thread = threading.Thread(target=self._run, name="queue", daemon=True)

    def leave(self) -> None:
        """Take no other job, give back those that are not done, and end."""
        self._leave.set()
        if self._wake is not None:
            loop, leaving = self._wake
            with contextlib.suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(leaving.set)
        self._bell.close()
        self.thread.join(_LEAVE_SECONDS)

    def _run(self) -> None:
        for chatty in ("procrastinate", "psycopg.pool"):  # what they tell of, we say once
            logging.getLogger(chatty).setLevel(logging.CRITICAL)
        asyncio.run(self._serve_until_asked())

    async def _serve_until_asked(self) -> None:
        leaving = asyncio.Event()
        self._wake = asyncio.get_running_loop(), leaving
        if self._leave.is_set():
            return
        said = ""
        while not leaving.is_set():
            words = await self._trouble(leaving)
            if words and words != said:
                event(_LOG, "the queue is away: looking instead", logging.WARNING, error=words)
            said = words
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(leaving.wait(), _AGAIN_SECONDS)

    async def _trouble(self, leaving: asyncio.Event) -> str:
        """Take jobs until asked to leave, or until something is wrong: say what."""
        try:
            await _take_jobs(_app(self._address, self._bell), leaving)
        except Exception as error:  # noqa: BLE001 - whatever it is, the mail goes out without jobs
            return str(error.__cause__ or error).splitlines()[0] or type(error).__name__
        return "" if leaving.is_set() else "its connection was lost"


async def _take_jobs(app: App, leaving: asyncio.Event) -> None:
    """Run a worker for each queue, side by side, until asked to leave or one of them ends."""
    shared: dict[str, Any] = {
        "concurrency": 1,  # a worker that holds two jobs would keep one from others
        "delete_jobs": "always",
        "abort_job_polling_interval": _NO_ABORTS,
        "update_heartbeat_interval": _BEAT_SECONDS,
        "stalled_worker_timeout": STALLED_SECONDS,
        "install_signal_handlers": False,
    }
    async with app.open_async():
        tasks = [
            asyncio.create_task(app.run_worker_async(**shared | each))
            for each in (
                {"queues": [SENDING], "fetch_job_polling_interval": _POLL_SECONDS},
                {
                    "queues": [CARE],
                    "fetch_job_polling_interval": _CARE_SECONDS,
                    "listen_notify": False,
                },
            )
        ]
        asked = asyncio.create_task(leaving.wait())
        await asyncio.wait([*tasks, asked], return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        for each in tasks:
            each.cancel()
        ended = await asyncio.gather(*tasks, asked, return_exceptions=True)
    for error in ended:
        if isinstance(error, Exception):
            raise error


def _app(address: dict[str, Any], bell: Bell) -> App:
    from procrastinate import (  # noqa: PLC0415 - a fifth of a second, where there is a queue only
        App,
        PsycopgConnector,
        RetryStrategy,
    )

    session = {"connect_timeout": 10, "application_name": "digest queue"}
    connector = PsycopgConnector(
        kwargs={**address, **session}, min_size=1, max_size=1, timeout=10.0, name="digest-queue"
    )
    app = App(connector=connector)

    @app.task(name=SEND, queue=SENDING, retry=RetryStrategy(retry_exceptions=[CutShortError]))
    async def send(edition_id: int) -> None:
        del edition_id  # the ledger knows what is due, and what is most urgent
        if await _rung(bell) is Work.LEFT:
            raise CutShortError("this worker leaves")

    @app.periodic(cron=_RESCUE_EVERY)
    @app.task(name="digest.rescue", queue=CARE, queueing_lock=CARE, pass_context=True)
    async def rescue(context: JobContext, timestamp: int) -> None:
        del timestamp
        await rescue_stalled(context.app)

    return app


async def _rung(bell: Bell) -> Work:
    """Ring from the queue's loop, and wait for the answer of the other thread."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Work] = loop.create_future()

    def settle(work: Work) -> None:
        if not done.done():
            done.set_result(work)

    def answer(work: Work) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended: the job is rescued
            loop.call_soon_threadsafe(settle, work)

    bell.ring(answer)
    return await done


async def rescue_stalled(app: App) -> int:
    """Give the jobs of dead workers back to the queue, and forget those workers; give how many.

    Procrastinate finds such jobs, and leaves it to its user to do something.
    """
    from procrastinate.exceptions import ConnectorException  # noqa: PLC0415 - see above

    manager, rescued = app.job_manager, 0
    for job in await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
        with contextlib.suppress(ConnectorException):  # another machine was faster
            await manager.retry_job(job)
            rescued += 1
    await manager.prune_stalled_workers(STALLED_SECONDS)
    if rescued:
        event(_LOG, "jobs of a dead worker rescued", jobs=rescued)
    return rescued
