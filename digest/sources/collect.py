"""Poll the sources that are due and make articles of what they hold."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from digest.clock import Clock
from digest.db import Connection, Database
from digest.errors import DigestError, HttpStatusError
from digest.outbox import store as outbox
from digest.outbox.model import NewNotice
from digest.sources import article_store, poll_times, store
from digest.sources.cleaning import one_line
from digest.sources.fetch import Fetcher
from digest.sources.health import TURNED_OVER, Health, health_of
from digest.sources.identity import without_shared_names
from digest.sources.model import Polled, SourceKind, SourceSpec, SourceState
from digest.sources.parsing import Parser
from digest.sources.read import Found, host_of, read, without_secrets
from digest.sources.side_by_side import never, side_by_side
from digest.sources.story_settings import finished_story

WORKERS = 8
"""Sources read at once: a slow one holds one thread, and its host two at most."""
MISSING_AT_ONCE = 4
"""Missing stories of a complete reading that may be a folder not mounted, or half an answer."""
_NOT_BACKLOG = {SourceKind.PAGE}
"""A page is named for the story on it, which as a rule bears no date to be chosen by."""
Notices = Callable[[SourceSpec, SourceState, Polled, Health], Iterable[NewNotice]]
"""What to tell of a poll: the source as it stands now, what came of it, how it fares."""


def _unheard(_polled: Polled) -> None:
    pass


def collect(
    database: Database,
    specs: Sequence[SourceSpec],
    *,
    fetcher: Fetcher,
    clock: Clock,
    parser: Parser | None = None,
    force: bool = False,
    same_hosts: Sequence[str] = (),
    notices: Notices | None = None,
    on_polled: Callable[[Polled], None] = _unheard,
    workers: int = WORKERS,
    chance: Callable[[], float] = random.random,
    stop: Callable[[], bool] = never,
) -> list[Polled]:
    """Poll every source that is due, or all when forced; tell what came of each.

    Several are read at once, and each is saved in its own transaction as soon as it is read: one
    that fails or is slow is recorded, told in `problem`, and harms no other. A site that asked to
    be left alone is left alone also when forced. `on_polled` hears of each in this thread, in
    order of ending; `notices` go into the outbox with the record of their poll. `chance` (in
    [0, 1)) scatters the next polls; `stop` takes effect between two sources. Without a `parser`
    what was fetched is parsed in this process.
    """
    poll = _Poll(database, clock, same_hosts, notices, chance)
    states = _states(database, specs, now=clock())
    told: dict[str, Polled] = {}

    def tell(polled: Polled) -> None:
        told[polled.source] = polled
        on_polled(polled)

    due: list[_Job] = []
    for spec in specs:
        state = states.get(spec.name)
        if state is None or spec.kind is SourceKind.PUSHED:
            continue
        asked = poll_times.asked_until(state, now=clock()) if force else None
        if asked is not None:
            tell(_left_alone(spec, asked))
        elif force or poll_times.is_due(spec, state, now=clock()):
            due.append(_Job(spec, state))

    def reading(job: _Job) -> Found | Exception:
        try:
            return _finished(read(job.spec, job.state, fetcher=fetcher, parser=parser), job.spec)
        except Exception as error:  # noqa: BLE001 - one source's trouble must not stop the others
            return error

    readings = side_by_side(reading, _one_of_each_host_first(due), workers=workers, stop=stop)
    with contextlib.closing(readings):
        for job, found in readings:
            tell(poll.keep(job, found))
    return [told[spec.name] for spec in specs if spec.name in told]


def read_source(spec: SourceSpec, *, fetcher: Fetcher, parser: Parser | None = None) -> Polled:
    """Read a source as a poll would, keeping nothing; what is wrong stands in `problem`."""
    try:
        found = read(spec, None, fetcher=fetcher, parser=parser)
    except Exception as error:  # noqa: BLE001 - told in words, like a poll's
        return _failed(spec, error)
    return Polled(
        spec.name,
        len(found.reading.stories),
        warnings=_told(spec, found.reading.warnings),
        moved_to=_moved_to(spec, found),
    )


@dataclass(frozen=True, slots=True)
class _Job:
    """A source to poll, as it stands before."""

    spec: SourceSpec
    state: SourceState


@dataclass(frozen=True, slots=True)
class _Poll:
    """Saves what was read of each source."""

    database: Database
    clock: Clock
    same_hosts: Sequence[str]
    notices: Notices | None
    chance: Callable[[], float]

    def keep(self, job: _Job, found: Found | Exception) -> Polled:
        """Save what was read of a source, or what kept us from it."""
        try:
            if isinstance(found, Exception):
                return self._keep_failure(job, found)
            with self.database.write() as connection:
                return self._keep(connection, job, found)
        except Exception as error:  # noqa: BLE001 - nor must a story that cannot be saved
            return self._keep_failure(job, error)

    def _keep(self, connection: Connection, job: _Job, found: Found) -> Polled:
        now = self.clock()
        told = self._keep_stories(connection, job, found, now)
        asked = poll_times.heeded(found.not_before, now=now)
        told = replace(told, not_before=asked)
        store.record_poll_ok(
            connection,
            job.state.id,
            now=now,
            etag=found.etag,
            last_modified=found.last_modified,
            next_poll_at=poll_times.after_success(
                job.spec, now=now, chance=self.chance(), asked=asked
            ),
            body_hash=found.body_hash,
            warning=job.state.warning if found.unchanged else "; ".join(told.warnings),
            moved_to=told.moved_to,
            not_before=asked,
        )
        self._notify(connection, job, told, now)
        return told

    def _keep_stories(
        self, connection: Connection, job: _Job, found: Found, now: datetime
    ) -> Polled:
        spec, state, reading = job.spec, job.state, found.reading
        moved_to = _moved_to(spec, found)
        if found.unchanged:
            return Polled(spec.name, unchanged=True, moved_to=moved_to)
        is_first = state.first_ok_at is None
        knew_some = not is_first and article_store.knows_articles_of(connection, state.id)
        saved = article_store.save_stories(
            connection,
            state.id,
            spec.name,
            reading.stories,
            now=now,
            backlog=is_first and spec.kind not in _NOT_BACKLOG,
            same_hosts=self.same_hosts,
        )
        withdrawn, doubts = self._withdraw(connection, job, found, saved, now)
        warnings = (*reading.warnings, *doubts)
        if spec.kind is SourceKind.FEED and knew_some and 0 < len(reading.stories) == saved.new:
            warnings += (TURNED_OVER,)
        return Polled(
            spec.name,
            len(reading.stories),
            saved.new,
            saved.updated,
            withdrawn,
            warnings=warnings,
            moved_to=moved_to,
        )

    def _withdraw(
        self,
        connection: Connection,
        job: _Job,
        found: Found,
        saved: article_store.Saved,
        now: datetime,
    ) -> tuple[int, tuple[str, ...]]:
        """Take back what the source took back; give how many, and what is doubted."""
        spec, state, reading = job.spec, job.state, found.reading
        withdrawn = article_store.withdraw_gone(
            connection,
            state.id,
            spec.name,
            reading.gone,
            now=now,
            why=article_store.DELETED,
            same_hosts=self.same_hosts,
        )
        if not reading.complete:
            return withdrawn, ()
        kept = frozenset(saved.ids)
        with connection.begin_nested() as attempt:
            missing = article_store.withdraw_missing(
                connection, state.id, kept=kept, now=now, why=article_store.MISSING
            )
            known = len(kept) - saved.new
            if missing == 0 or not _is_doubtful(missing, known, is_empty=not kept):
                return withdrawn + missing, ()
            attempt.rollback()
        return withdrawn, (
            f"{missing} of {missing + known} stories are missing all at once; none was withdrawn",
        )

    def _keep_failure(self, job: _Job, error: Exception) -> Polled:
        spec, state = job.spec, job.state
        now = self.clock()
        told = _failed(spec, error)
        status = error.status if isinstance(error, HttpStatusError) else None
        asked = poll_times.heeded(told.not_before, now=now)
        told = replace(told, not_before=asked)
        if asked is not None:
            told = replace(told, problem=f"{told.problem} ({poll_times.pause_in_words(asked)})")
        next_poll_at = poll_times.after_failure(
            spec,
            now=now,
            failures=state.failures + 1,
            chance=self.chance(),
            asked=asked,
            status=status,
        )
        with self.database.write() as connection:
            store.record_poll_failed(
                connection,
                state.id,
                now=now,
                error=told.problem,
                next_poll_at=next_poll_at,
                not_before=asked,
                status=status,
            )
            self._notify(connection, job, told, now)
        return told

    def _notify(self, connection: Connection, job: _Job, told: Polled, now: datetime) -> None:
        if self.notices is None:
            return
        after = store.source_state(connection, job.state.id)
        health = health_of(job.spec, after, now=now)
        for notice in self.notices(job.spec, after, told, health):
            outbox.put(connection, notice)


def _is_doubtful(missing: int, known: int, *, is_empty: bool) -> bool:
    """Tell whether so many stories gone at once are rather half an answer."""
    return is_empty or (missing >= MISSING_AT_ONCE and missing > known)


def _states(
    database: Database, specs: Sequence[SourceSpec], *, now: datetime
) -> dict[str, SourceState]:
    """Give the states of the sources; most rounds find them as they are, and write nothing."""
    with database.read() as connection:
        states, are_synced = store.source_states(connection), store.are_synced(connection, specs)
    if not are_synced:
        with database.write() as connection:
            store.sync_sources(connection, specs, now=now)
            states = store.source_states(connection)
    return {state.name: state for state in states}


def _one_of_each_host_first(jobs: Sequence[_Job]) -> list[_Job]:
    """Order sources so that many of one slow host do not hold every thread."""
    seen: Counter[str] = Counter()
    turns: list[tuple[int, int]] = []
    for at, job in enumerate(jobs):
        host = host_of(job.spec.address)
        turns.append((seen[host] if host else 0, at))
        seen[host] += 1
    return [jobs[at] for _, at in sorted(turns)]


def _finished(found: Found, spec: SourceSpec) -> Found:
    """Bring the stories into the form they are kept in, before anybody waits for the database."""
    reading = found.reading
    stories, shared = without_shared_names(
        [finished_story(story, spec) for story in reading.stories], source=spec.name
    )
    warnings = _told(spec, (*reading.warnings, *shared))
    return replace(found, reading=replace(reading, stories=stories, warnings=warnings))


def _failed(spec: SourceSpec, error: Exception) -> Polled:
    not_before = error.not_before if isinstance(error, HttpStatusError) else None
    return Polled(spec.name, problem=_in_words(spec, error), not_before=not_before)


def _in_words(spec: SourceSpec, error: Exception) -> str:
    if isinstance(error, DigestError):
        words = f"{error}. {error.hint}" if error.hint else str(error)
    else:
        words = f"source: {spec.name}: unexpected trouble ({type(error).__name__}: {error})"
    return one_line(without_secrets(words, spec))


def _left_alone(spec: SourceSpec, until: datetime) -> Polled:
    return Polled(
        spec.name,
        problem=(
            f"source: {spec.name}: the site asks for a pause: {poll_times.pause_in_words(until)}."
            " It is asked again then by itself."
        ),
        not_before=until,
    )


def _told(spec: SourceSpec, warnings: Sequence[str]) -> tuple[str, ...]:
    return tuple(one_line(without_secrets(line, spec)) for line in warnings)


def _moved_to(spec: SourceSpec, found: Found) -> str | None:
    return one_line(without_secrets(found.moved_to, spec)) if found.moved_to else None
