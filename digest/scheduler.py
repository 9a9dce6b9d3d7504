"""Door to APScheduler: wakes collector, clockwork, retention and alarms; holds no truth."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from apscheduler.executors.debug import DebugExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from digest.app import App
from digest.db import DatabaseTrouble
from digest.delivery.settle import without_addresses
from digest.errors import AlreadyRunningError, DigestError
from digest.log import event
from digest.site_values import session_rules
from digest.sources.model import Polled
from digest.sources.visit import Doubts, Visited
from digest.workflow.advance import advance
from digest.workflow.alarms import AlarmRules
from digest.workflow.call_out import CallTools, call_out, forget_calls
from digest.workflow.model import Step
from digest.workflow.retention import ROUND, Keep, retain
from digest.workflow.watch import Watch, watch

_LOG = logging.getLogger("digest.scheduler")
TICK = timedelta(seconds=5)
"""How often the clockwork looks at the hour. A tick that finds nothing due costs a few reads."""
_AT_LEAST_EVERY = 60.0
"""Seconds. APScheduler reads the machine's clock: set back by an hour, it sleeps for an hour."""
VISIT_EVERY = timedelta(seconds=30)
"""How often pages are looked for that are due: none is in a hurry."""
WATCH_EVERY = timedelta(minutes=1)
"""How often it is looked whether all is well."""
LONGEST_ROUND = 1800.0
"""Seconds after which a round that has not ended hangs: then we give no more signs of life, and
whoever watches over this process (systemd) starts it anew."""
GRACE_SECONDS = 3.0
"""How long a slow poll has to end before we leave without it."""


class _Round:
    """One kind of work, done in its own thread each time it is woken; never twice at once."""

    def __init__(self, name: str, work: Callable[[], None], failed: threading.Event) -> None:
        self.error: Exception | None = None
        self._name = name
        self._work = work
        self._failed = failed
        self._woken = threading.Event()
        self._leave = threading.Event()
        self._said = ""
        self._began_at: float | None = None
        self._thread = threading.Thread(target=self._go_round, name=name, daemon=True)

    @property
    def hangs(self) -> bool:
        """Tell whether the round that is going on has taken longer than any should."""
        began = self._began_at
        return began is not None and time.monotonic() - began > LONGEST_ROUND

    def start(self) -> None:
        """Begin; the first round comes at once."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """Ask for a round: now, or right after the one that is going on."""
        self._woken.set()

    def ask_to_leave(self) -> None:
        """Begin no other round."""
        self._leave.set()
        self._woken.set()

    def join(self, seconds: float) -> None:
        """Wait for the round that is going on, within reason: what it writes is all or nothing."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            event(_LOG, f"{self._name} did not end in time: left behind", logging.WARNING)

    def _go_round(self) -> None:
        while not self._leave.is_set():
            self._woken.clear()
            self._began_at = time.monotonic()
            try:
                self._work()
                self._said = ""
            except (DigestError, DatabaseTrouble) as error:
                self._say(error)
            except Exception as error:  # noqa: BLE001 - raised again in the main thread
                self.error = error
                self._failed.set()
                return
            self._began_at = None
            if not self._leave.is_set():
                self._woken.wait(_AT_LEAST_EVERY)

    def _say(self, error: DigestError | DatabaseTrouble) -> None:
        """Log what a round could not do, once until it changes; the next round tries again."""
        words = without_addresses(str(error).splitlines()[0])
        if words != self._said:
            hint = getattr(error, "hint", "")
            event(_LOG, f"{self._name} failed", logging.ERROR, error=words, hint=hint)
        self._said = words


def run_scheduler(
    app: App,
    *,
    stop: threading.Event,
    tick: timedelta = TICK,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """Collect, carry editions and let go of what is old, until `stop` is set.

    APScheduler only wakes us, in memory; what is due stands in the database, so a tick too many
    changes nothing and a tick too few is made up by the next. An error we did not foresee ends the
    process: the supervisor restarts it and tells. Raises AlreadyRunningError when another
    scheduler runs on this SQLite database.
    """
    ended = threading.Event()
    with app.at_work(*app.scheduler_seats):
        diary = _Diary()

        def stopped() -> bool:
            return stop.is_set() or ended.is_set()

        collector = _Collector(app, stop=stopped)
        keeper = _Keeper(app, stop=stopped)
        rounds = (
            _Round("collect", collector.go_round, ended),
            _Round("advance", lambda: diary.write(advance(app.newsroom)), ended),
            _Round("retain", keeper.go_round, ended),
            _Round("watch", _Watcher(app).go_round, ended),
            _Round("call", _Caller(app, stop=stopped).go_round, ended),
        )
        event(_LOG, "scheduler running", newsletters=len(app.newsroom.newsletters))
        clockwork = _start(rounds, tick)
        try:
            _wait_for_either(stop, ended, rounds)
        finally:
            clockwork.shutdown(wait=True)
            _end(rounds, grace_seconds)
    for one in rounds:
        if one.error is not None:
            raise one.error


def _start(rounds: Sequence[_Round], tick: timedelta) -> BackgroundScheduler:
    # The jobs only ring a bell, in APScheduler's own thread (which is all that its executor "debug"
    # does), so none is ever still running when the next is due, nor late, nor left out.
    clockwork = BackgroundScheduler(
        timezone=UTC,
        executors={"default": DebugExecutor()},
        job_defaults={"misfire_grace_time": None},
    )
    for one in rounds:
        one.start()
        first = datetime.now(UTC) + tick
        clockwork.add_job(
            one.wake, "interval", seconds=tick.total_seconds(), next_run_time=first, coalesce=True
        )
    clockwork.start()
    return clockwork


def _wait_for_either(
    stop: threading.Event, ended: threading.Event, rounds: Sequence[_Round]
) -> None:
    """Wait for one of them. Waiting for `stop` is our sign of life: see `stop_for`."""
    while not ended.wait(0.1) and not stop.is_set():
        if not any(one.hangs for one in rounds):
            stop.wait(0)


def _end(rounds: Sequence[_Round], grace_seconds: float) -> None:
    for one in rounds:
        one.ask_to_leave()
    deadline = time.monotonic() + grace_seconds
    for one in rounds:
        one.join(max(0.0, deadline - time.monotonic()))


class _Collector:
    """Polls the sources, then looks at the pages of their stories, and logs what is news."""

    def __init__(self, app: App, *, stop: Callable[[], bool]) -> None:
        self._app = app
        self._stop = stop
        self._doubts = Doubts()
        self._moved: dict[str, str | None] = {}
        self._visited_at: datetime | None = None

    def go_round(self) -> None:
        """Poll what is due, then visit; the sources are those there are now.

        Of several schedulers one does it at a time: nobody asks a site twice.
        """
        with contextlib.suppress(AlreadyRunningError), self._app.database.hold("collector"):
            self._collect()

    def _collect(self) -> None:
        self._app.collect(on_polled=self._log_poll, stop=self._stop)
        now, last = self._app.clock(), self._visited_at
        if self._stop() or (last is not None and last <= now < last + VISIT_EVERY):
            return
        self._visited_at = now
        self._log_visit(self._app.visit(doubts=self._doubts, stop=self._stop))

    def _log_poll(self, polled: Polled) -> None:
        if polled.problem:
            words = without_addresses(polled.problem)
            event(_LOG, f"{polled.source} failed", logging.WARNING, problem=words)
            return
        counts = {"new": polled.new, "updated": polled.updated, "withdrawn": polled.withdrawn}
        if news := {name: count for name, count in counts.items() if count}:
            event(_LOG, f"{polled.source} collected", **news)
        for warning in polled.warnings:
            words = without_addresses(warning)
            event(_LOG, f"{polled.source} warning", logging.WARNING, warning=words)
        if polled.moved_to and polled.moved_to != self._moved.get(polled.source):
            words = without_addresses(polled.moved_to)
            event(_LOG, f"{polled.source} moved for good", logging.WARNING, to=words)
        self._moved[polled.source] = polled.moved_to

    def _log_visit(self, visited: Visited) -> None:
        if visited.withdrawn or visited.restored or visited.filled:
            event(
                _LOG,
                "pages visited",
                looked=visited.looked,
                filled=visited.filled,
                withdrawn=list(visited.withdrawn),
                restored=list(visited.restored),
            )
        for warning in visited.warnings:
            event(_LOG, "pages warning", logging.WARNING, warning=without_addresses(warning))


class _Keeper:
    """Lets go, once an hour, of what was kept for long enough, and logs how much that was."""

    def __init__(self, app: App, *, stop: Callable[[], bool]) -> None:
        self._app = app
        self._stop = stop
        self._done_at: datetime | None = None

    def go_round(self) -> None:
        """Do it when an hour is over, or the clock was set back."""
        now, last = self._app.clock(), self._done_at
        if last is not None and last <= now < last + ROUND:
            return
        keep = Keep(**dict(self._app.settings.readers.keep))
        operators = self._app.settings.people.operators
        gone = retain(
            self._app.database,
            keep,
            now,
            stop=self._stop,
            operators=operators,
            rules=session_rules(self._app.settings),
        )
        self._done_at = now
        if gone.facts:
            event(_LOG, "kept for long enough and let go", **gone.facts)


class _Watcher:
    """Looks once a minute whether all is well, and tells the operators what is not."""

    def __init__(self, app: App) -> None:
        rules = AlarmRules(**dict(app.settings.alarms))
        self._tools = Watch(app.newsroom, rules=rules, limits=app.limits)
        self._clock = app.clock
        self._done_at: datetime | None = None

    def go_round(self) -> None:
        """Do it when a minute is over, or the clock was set back."""
        now, last = self._clock(), self._done_at
        if last is None or not last <= now < last + WATCH_EVERY:
            watch(self._tools)
            self._done_at = now


class _Caller:
    """Makes the webhook calls that are due, and lets go of old ones once an hour."""

    def __init__(self, app: App, *, stop: Callable[[], bool]) -> None:
        networks = app.settings.webhooks.allow
        self._tools = CallTools(app.newsroom, app.keys.suppression, networks)
        self._stop = stop
        self._forgot_at: datetime | None = None

    def go_round(self) -> None:
        """Call; what is waited for costs one read."""
        called = call_out(self._tools, stop=self._stop)
        if called.sent or called.failed:
            event(_LOG, "webhooks called", sent=called.sent, failed=called.failed)
        now, last = self._tools.clock(), self._forgot_at
        if last is None or not last <= now < last + ROUND:
            forget_calls(self._tools)
            self._forgot_at = now


class _Diary:
    """Logs what each look brought; a failure that stays the same is logged once."""

    def __init__(self) -> None:
        self._failing: dict[str, str] = {}

    def write(self, steps: Sequence[Step]) -> None:
        """Log the steps that are news."""
        failing = {step.edition: str(step.facts) for step in steps if step.what == "failed"}
        for step in steps:
            if step.what != "failed" or self._failing.get(step.edition) != failing[step.edition]:
                log_step(step)
        self._failing = failing


def log_step(step: Step) -> None:
    """Log one step of an edition's life."""
    level = logging.WARNING if step.problem else logging.INFO
    facts = {
        name: without_addresses(value) if isinstance(value, str) else value
        for name, value in step.facts.items()
    }
    event(_LOG, f"{step.edition} {step.what}", level, edition=step.edition, **facts)
