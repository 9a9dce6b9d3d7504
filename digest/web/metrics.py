"""Tell Prometheus how the site fares: every figure is read from the database when it asks."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

import digest
from digest.clock import Clock, utc_now
from digest.db import Connection
from digest.delivery.count_store import tallies
from digest.log import event
from digest.people.model import Scope
from digest.sources.model import SourceState
from digest.sources.store import source_states
from digest.web.api.call import let_in
from digest.web.api.problems import ProblemError
from digest.web.context import WebContext
from digest.web.forms import caller
from digest.web.health import look
from digest.workflow import vitals_store as store
from digest.workflow.alarm_store import open_counts
from digest.workflow.store import STALE_AFTER, Heartbeat, heartbeats
from digest.workflow.vitals import age

if TYPE_CHECKING:
    from prometheus_client.core import Metric
    from prometheus_client.registry import CollectorRegistry

_LOG = logging.getLogger(__name__)
KEPT_SECONDS = 5.0
"""How long one reading is given to everybody who asks."""
_SHARE = 50
"""A reading is kept for so many times as long as it took: that is 2 % of a processor at most."""
MOST_DOMAINS = 50
MOST_SOURCES = 200
OTHER = "other"
"""Stands for all domains, or sources, beyond the most."""
UNKNOWN = "unknown"
"""Stands for the copies whose domain nobody has looked at: they are only planned."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric as it is documented: its name, what it is, its labels, what it means."""

    name: str
    kind: str
    labels: tuple[str, ...]
    meaning: str


FIGURES = (
    Figure("digest_info", "gauge", ("version",), "always 1: the version that answers"),
    Figure(
        "digest_database_up", "gauge", (), "1 when the database answers; else only this is told"
    ),
    Figure("digest_ready", "gauge", (), "1 when `/readyz` says that the whole site is at work"),
    Figure(
        "digest_editions",
        "gauge",
        ("newsletter", "state"),
        "all editions there are, by state",
    ),
    Figure(
        "digest_deliveries",
        "gauge",
        ("newsletter", "state"),
        "copies of the editions that are on their way or ended within a day, by state",
    ),
    Figure(
        "digest_domain_deliveries",
        "gauge",
        ("domain", "state"),
        "the same copies by the domain they go to: the 50 with the most, and `other`",
    ),
    Figure(
        "digest_oldest_due_age_seconds",
        "gauge",
        (),
        "how long the copy that waits longest has been due; 0 when none is",
    ),
    Figure("digest_notices_waiting", "gauge", (), "mails that are no editions and have not left"),
    Figure(
        "digest_oldest_notice_age_seconds",
        "gauge",
        (),
        "how long the first of them has been due; 0 when none is",
    ),
    Figure(
        "digest_scheduler_lag_seconds",
        "gauge",
        (),
        "how long a slot has been due that nobody has taken; 0 when none is",
    ),
    Figure(
        "digest_slots_missed_total",
        "counter",
        ("newsletter",),
        "slots that nobody was there for, and that were not made up for",
    ),
    Figure(
        "digest_source_failures",
        "gauge",
        ("source",),
        "polls of a source that failed in a row; 0 when the last went well",
    ),
    Figure(
        "digest_source_failing_seconds",
        "gauge",
        ("source",),
        "how long a source has failed; 0 when the last poll went well",
    ),
    Figure(
        "digest_source_last_success_timestamp_seconds",
        "gauge",
        ("source",),
        "when a source was last read; not told of one that never was",
    ),
    Figure("digest_alarms", "gauge", ("kind",), "what operators are told is wrong now, by kind"),
    Figure(
        "digest_process_up",
        "gauge",
        ("role", "host"),
        "1 when a process of ours gave a sign of life within 30 s",
    ),
    Figure(
        "digest_process_beat_age_seconds",
        "gauge",
        ("role", "host"),
        "how long ago its last sign of life was",
    ),
    Figure(
        "digest_process_start_time_seconds",
        "gauge",
        ("role", "host"),
        "when it was started, as Unix time",
    ),
    Figure("digest_scrape_duration_seconds", "gauge", (), "how long reading all this took"),
)
"""Every metric of ours; the library adds `process_…` of the web process itself."""


@dataclass(slots=True)
class Reading:
    """What one look at the database gave: samples by the name of their figure."""

    samples: dict[str, list[tuple[tuple[str, ...], float]]] = field(default_factory=dict)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Note one sample; labels in the order of the figure's."""
        self.samples.setdefault(name, []).append((labels, value))


class Metrics:
    """The page of the metrics, for those who may read it; to others it is not there."""

    def __init__(
        self,
        context: WebContext,
        *,
        wall: Clock = utc_now,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the site to look at; `wall` is the machine's clock, `timer` counts seconds."""
        self._context = context
        self._wall = wall
        self._timer = timer
        self._networks = [ipaddress.ip_network(each) for each in context.metrics]
        self._last: tuple[float, Reading] | None = None
        """Until when it is kept, and what it is."""
        self._registry: CollectorRegistry | None = None
        self._busy = asyncio.Lock()

    async def show(self, request: Request) -> Response:
        """GET /metrics: in Prometheus' text format, or OpenMetrics where that is asked for."""
        if not await run_in_threadpool(self._may_read, request):
            raise HTTPException(404)
        async with self._busy:
            return await run_in_threadpool(self._page, request.headers.get("accept", ""))

    def _may_read(self, request: Request) -> bool:
        """Let in who asks from a network of the settings, or shows a token that may read."""
        address = caller(request)
        if address is not None:
            found = ipaddress.ip_address(address)
            if any(found in network for network in self._networks):
                return True
        authorization = request.headers.get("authorization", "")
        if not authorization:
            return False
        try:
            let_in(self._context, authorization, Scope.EDITIONS_READ)
        except ProblemError:
            return False
        return True

    def _page(self, accept: str) -> Response:
        from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - only who asks pays

        encode, content_type = choose_encoder(accept)
        if self._registry is None:
            self._registry = self._collectors()
        return Response(encode(self._registry), headers={"Content-Type": content_type})

    def _collectors(self) -> CollectorRegistry:
        from prometheus_client import ProcessCollector  # noqa: PLC0415 - as above
        from prometheus_client.registry import CollectorRegistry  # noqa: PLC0415 - as above

        registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=registry)
        registry.register(self)
        return registry

    def describe(self) -> Iterator[Metric]:
        """Name the metrics without reading them: the library asks when it is given us."""
        return families(Reading())

    def collect(self) -> Iterator[Metric]:
        """Give the metrics; called by the library for each page."""
        return families(self._reading())

    def _reading(self) -> Reading:
        if self._last is not None and self._timer() < self._last[0]:
            return self._last[1]
        began = time.perf_counter()
        reading = read(self._context, self._wall)
        took = time.perf_counter() - began
        reading.set("digest_scrape_duration_seconds", took)
        self._last = self._timer() + max(KEPT_SECONDS, _SHARE * took), reading
        return reading


def families(reading: Reading) -> Iterator[Metric]:
    """Make the library's families of a reading, in the order of `FIGURES`."""
    from prometheus_client.core import (  # noqa: PLC0415 - only who asks for metrics pays
        CounterMetricFamily,
        GaugeMetricFamily,
    )

    for figure in FIGURES:
        made = CounterMetricFamily if figure.kind == "counter" else GaugeMetricFamily
        family = made(
            figure.name, f"{figure.meaning[:1].upper()}{figure.meaning[1:]}.", labels=figure.labels
        )
        for labels, value in reading.samples.get(figure.name, []):
            family.add_metric(labels, value)
        yield family


def read(context: WebContext, wall: Clock) -> Reading:
    """Read all figures; where the database does not answer, only that."""
    reading = Reading()
    reading.set("digest_info", 1, digest.__version__)
    found = look(context, wall=wall)
    reading.set("digest_ready", found.good)
    if found.standing is None:
        reading.set("digest_database_up", found.database == "ok")
        return reading
    try:
        with context.database.read() as connection:
            _read_all(reading, context, connection, wall())
    except Exception as error:  # noqa: BLE001 - it went away in between: that is an answer too
        event(_LOG, "metrics cannot be read", logging.WARNING, error=type(error).__name__)
        reading.set("digest_database_up", 0)
        return reading
    reading.set("digest_database_up", 1)
    reading.set("digest_oldest_due_age_seconds", found.standing.oldest.total_seconds())
    reading.set("digest_scheduler_lag_seconds", found.standing.late.total_seconds())
    return reading


def _read_all(
    reading: Reading, context: WebContext, connection: Connection, wall: datetime
) -> None:
    now = context.clock()
    for (slug, state), n in store.editions_by_state(connection).items():
        reading.set("digest_editions", n, slug, _label(state))
    for slug, n in store.missed_by_newsletter(connection).items():
        reading.set("digest_slots_missed_total", n, slug)
    _read_deliveries(reading, connection, now)
    waiting = store.waiting_notices(connection, now=now)
    reading.set("digest_notices_waiting", waiting.n)
    reading.set("digest_oldest_notice_age_seconds", age(waiting.due_at, now).total_seconds())
    for kind, n in open_counts(connection).items():
        reading.set("digest_alarms", n, kind)
    _read_sources(reading, source_states(connection), now)
    _read_processes(reading, heartbeats(connection), wall)


def _read_deliveries(reading: Reading, connection: Connection, now: datetime) -> None:
    slugs = store.recent_editions(connection, now=now)
    by_newsletter: Counter[tuple[str, str]] = Counter()
    for edition_id, tally in tallies(connection, list(slugs)).items():
        for state, n in asdict(tally).items():
            by_newsletter[slugs[edition_id], state] += n
    for (slug, state), n in sorted(by_newsletter.items()):
        reading.set("digest_deliveries", n, slug, state)
    named = store.greatest_domains(connection, list(slugs), limit=MOST_DOMAINS)
    for (domain, state), n in sorted(named.items()):
        reading.set("digest_domain_deliveries", n, domain or UNKNOWN, state)
    for state, n in _of_others(by_newsletter, named).items():
        reading.set("digest_domain_deliveries", n, OTHER, state)


def _of_others(
    by_newsletter: Mapping[tuple[str, str], int], named: Mapping[tuple[str, str], int]
) -> Mapping[str, int]:
    """Count by state the copies of all domains that are not named."""
    rest: Counter[str] = Counter()
    for (_, state), n in by_newsletter.items():
        rest[state] += n
    for (_, state), n in named.items():
        rest[state] -= n
    return {state: n for state, n in sorted(rest.items()) if n > 0}


def _read_sources(reading: Reading, states: Iterable[SourceState], now: datetime) -> None:
    """Tell of each source; where there are very many, of those that fail most."""
    chosen = sorted(states, key=lambda each: (-each.failures, each.name))[:MOST_SOURCES]
    for state in sorted(chosen, key=lambda each: each.name):
        reading.set("digest_source_failures", state.failures, state.name)
        failing = age(state.failing_since, now).total_seconds()
        reading.set("digest_source_failing_seconds", failing, state.name)
        if state.last_ok_at is not None:
            name = "digest_source_last_success_timestamp_seconds"
            reading.set(name, state.last_ok_at.timestamp(), state.name)


def _read_processes(reading: Reading, beats: Iterable[Heartbeat], wall: datetime) -> None:
    for beat in beats:
        silence = max(timedelta(0), wall - beat.beat_at)
        labels = (beat.process, beat.host)
        reading.set("digest_process_up", silence < STALE_AFTER, *labels)
        reading.set("digest_process_beat_age_seconds", silence.total_seconds(), *labels)
        reading.set("digest_process_start_time_seconds", beat.started_at.timestamp(), *labels)


def _label(state: str) -> str:
    """Write `in review` as a label's value is mostly written: `in_review`."""
    return state.replace(" ", "_")
