"""Door to APScheduler: wakes the collector and the clockwork; holds no truth."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from digest.app import App
from digest.errors import DigestError
from digest.log import event
from digest.sources.collect import collect
from digest.workflow.advance import advance
from digest.workflow.model import Step

_LOG = logging.getLogger("digest.scheduler")
TICK = timedelta(seconds=5)
"""How often the clockwork looks at the hour. A tick that finds nothing due costs a few reads."""


def run_scheduler(app: App, *, stop: threading.Event, tick: timedelta = TICK) -> None:
    """Collect and carry editions until `stop` is set.

    APScheduler only wakes us, in memory; what is due stands in the database, so a tick too many
    changes nothing and a tick too few is made up by the next. An error we did not foresee ends the
    process: the supervisor restarts it and tells. Raises AlreadyRunningError when another
    scheduler runs on this database.
    """
    unforeseen: list[BaseException] = []
    with app.database.hold("scheduler"):
        clockwork = BackgroundScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None})
        for name, work in (("collect", _collect), ("advance", _advance)):
            clockwork.add_job(
                _shielded(name, work, unforeseen),
                "interval",
                args=[app],
                seconds=tick.total_seconds(),
                next_run_time=datetime.now(UTC),
                max_instances=1,
                coalesce=True,
                id=name,
            )
        clockwork.start()
        event(_LOG, "scheduler running", newsletters=len(app.newsroom.newsletters))
        try:
            while not stop.wait(min(tick.total_seconds(), 1.0)) and not unforeseen:
                app.beat("scheduler")
        finally:
            clockwork.shutdown(wait=True)
    for error in unforeseen:
        raise error


def _shielded(
    name: str, work: Callable[[App], None], unforeseen: list[BaseException]
) -> Callable[[App], None]:
    """Log what a tick could not do; the next tick tries again. Keep what was not foreseen."""

    def run(app: App) -> None:
        try:
            work(app)
        except DigestError as error:
            event(_LOG, f"{name} failed", logging.ERROR, error=str(error), hint=error.hint)
        except BaseException as error:  # noqa: BLE001 - raised again in the main thread
            unforeseen.append(error)

    return run


def _collect(app: App) -> None:
    for polled in collect(app.database, app.sources, fetcher=app.fetcher, clock=app.clock):
        if polled.problem:
            event(_LOG, f"{polled.source} failed", logging.WARNING, problem=polled.problem)
        elif polled.new or polled.updated:
            event(_LOG, f"{polled.source} collected", new=polled.new, updated=polled.updated)
        for warning in polled.warnings:
            event(_LOG, f"{polled.source} warning", logging.WARNING, warning=warning)


def _advance(app: App) -> None:
    for step in advance(app.newsroom):
        log_step(step)


def log_step(step: Step) -> None:
    """Log one step of an edition's life."""
    level = logging.WARNING if step.problem else logging.INFO
    event(_LOG, f"{step.edition} {step.what}", level, **step.facts)
