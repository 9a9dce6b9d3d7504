"""Tell machines whether this process lives, and whether the site is at work."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

import digest
from digest import migrations
from digest.clock import Clock, utc_now
from digest.errors import DatabaseError
from digest.log import event
from digest.web.context import WebContext
from digest.workflow.vitals import Standing, standing
from digest.workflow.vitals_store import read_vitals
from digest.workflow.watch import is_held_back

_LOG = logging.getLogger(__name__)
KEPT_SECONDS = 1.0
"""How long one answer is given to everybody: a flood of questions costs one look a second."""
SCHEMA_SECONDS = 30.0
"""How long a schema is believed to be the newest: a running program's seldom changes."""
PATIENCE_SECONDS = 3.0
"""How long a database may think before we say that it does not answer."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """One look at a site: the words for each part, and how it stands where that could be read."""

    database: str
    schema: str
    standing: Standing | None = None

    @property
    def good(self) -> bool:
        """Whether all is well."""
        return self.schema == "newest" and self.standing is not None and self.standing.good

    def facts(self) -> dict[str, Any]:
        """Give it for machines: words and seconds, no path, machine or address."""
        found: dict[str, Any] = {
            "status": "ok" if self.good else "not ready",
            "database": self.database,
            "schema": self.schema,
        }
        if self.standing is None:
            return found
        return {
            **found,
            "scheduler": str(self.standing.scheduler),
            "sender": str(self.standing.sender),
            "schedule": "late" if self.standing.is_late else "ok",
            "schedule_late_seconds": round(self.standing.late.total_seconds()),
            "queue": "stuck" if self.standing.is_stuck else "ok",
            "oldest_due_seconds": round(self.standing.oldest.total_seconds()),
        }


UNREACHABLE = Readiness("unreachable", "unknown")


class Health:
    """The handlers, bound to one site."""

    def __init__(
        self,
        context: WebContext,
        *,
        wall: Clock = utc_now,
        timer: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """Take the site to look at; `wall` is the machine's clock, `timer` counts seconds."""
        self._context = context
        self._wall = wall
        self._timer = timer
        self._patience = patience
        self._last: tuple[float, Readiness] | None = None
        self._looking: asyncio.Task[Readiness] | None = None
        self._newest_until = 0.0

    async def alive(self, request: Request) -> Response:
        """GET /healthz: the process answers."""
        del request
        return JSONResponse({"status": "ok", "version": digest.__version__})

    async def ready(self, request: Request) -> Response:
        """GET /readyz: 200 when the whole site is at work, else 503; each part in words."""
        del request
        found = await self._looked()
        return JSONResponse(found.facts(), status_code=200 if found.good else 503)

    async def _looked(self) -> Readiness:
        """Look at most once at a time, whoever asks; nobody waits for long."""
        if self._last is not None and self._timer() - self._last[0] < KEPT_SECONDS:
            return self._last[1]
        if self._looking is None or self._looking.done() or _is_strange(self._looking):
            self._looking = asyncio.create_task(run_in_threadpool(self._look))
            self._looking.add_done_callback(self._keep)
        with contextlib.suppress(TimeoutError):
            return await asyncio.wait_for(asyncio.shield(self._looking), self._patience)
        return UNREACHABLE

    def _keep(self, done: asyncio.Task[Readiness]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._last = self._timer(), done.result()

    def _look(self) -> Readiness:
        is_newest = self._timer() < self._newest_until
        found = look(self._context, wall=self._wall, is_newest=is_newest)
        if not is_newest and found.schema == "newest":
            self._newest_until = self._timer() + SCHEMA_SECONDS
        return found


def look(context: WebContext, *, wall: Clock = utc_now, is_newest: bool = False) -> Readiness:
    """Look at a site once; never raises: what hinders us is an answer too.

    `is_newest`: the schema was looked at a moment ago, which takes half of the time.
    """
    try:
        if not is_newest and migrations.pending(context.database):
            return Readiness("ok", "behind")
        return Readiness("ok", "newest", _standing(context, wall))
    except DatabaseError:
        return UNREACHABLE
    except Exception as error:  # noqa: BLE001 - a pool that is used up, a driver's own trouble
        event(_LOG, "readiness unknown", logging.WARNING, error=type(error).__name__)
        return UNREACHABLE


def _standing(context: WebContext, wall: Clock) -> Standing:
    now = context.clock()
    ids = [newsletter.id for newsletter in context.newsletters]
    with context.database.read() as connection:
        vitals = read_vitals(connection, ids, now=now)
        held_back = is_held_back(connection, context.limits, context.home, now=now)
    patience = context.alarms.queue_stuck
    return standing(vitals, now=now, wall=wall(), patience=patience, held_back=held_back)


def _is_strange(task: asyncio.Task[Readiness]) -> bool:
    """Tell whether a look began in another event loop, as each of a test's requests has its own."""
    return task.get_loop() is not asyncio.get_running_loop()
