"""Poll the sources that are due and make articles of what they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from digest.clock import Clock
from digest.db import Database
from digest.errors import DigestError, SourceError
from digest.sources import article_store, store
from digest.sources.cleaning import one_line
from digest.sources.feed import read_feed
from digest.sources.fetch import Fetched, Fetcher, file_path, is_file, read_file
from digest.sources.identity import without_shared_names
from digest.sources.model import FoundStory, Polled, SourceKind, SourceSpec, SourceState
from digest.sources.plaintext import read_page

_SOON_ENOUGH = 0.95
"""Of `every`: the scheduler wakes at the same interval, and a moment early is not a poll missed."""


def collect(
    database: Database,
    specs: Sequence[SourceSpec],
    *,
    fetcher: Fetcher,
    clock: Clock,
    force: bool = False,
) -> list[Polled]:
    """Poll every source that is due, or all when forced; tell what came of each.

    A source that fails is recorded, told in `problem`, and harms no other.
    """
    with database.write() as connection:
        store.sync_sources(connection, specs, now=clock())
    with database.read() as connection:
        states = {state.name: state for state in store.source_states(connection)}
    return [
        _poll(database, spec, states[spec.name], fetcher=fetcher, clock=clock)
        for spec in specs
        if force or is_due(spec, states[spec.name], now=clock())
    ]


def read_source(spec: SourceSpec, *, fetcher: Fetcher) -> Polled:
    """Read a source as a poll would, keeping nothing; what is wrong stands in `problem`."""
    try:
        found = _read(spec, None, fetcher)
    except Exception as error:  # noqa: BLE001 - told in words, like a poll's
        return Polled(spec.name, problem=_in_words(spec, error))
    return Polled(spec.name, len(found.stories), warnings=found.warnings)


def is_due(spec: SourceSpec, state: SourceState, *, now: datetime) -> bool:
    """Tell whether a source was last tried long enough ago."""
    if state.last_tried_at is None or state.last_tried_at > now:
        return True
    return now - state.last_tried_at >= spec.every * _SOON_ENOUGH


@dataclass(frozen=True, slots=True)
class _Found:
    """What reading a source gave; `fetched` tells how to ask the next time."""

    fetched: Fetched
    stories: tuple[FoundStory, ...] = ()
    warnings: tuple[str, ...] = ()


def _poll(
    database: Database, spec: SourceSpec, state: SourceState, *, fetcher: Fetcher, clock: Clock
) -> Polled:
    try:
        found = _read(spec, state, fetcher)
        if found.fetched.not_modified:
            _record_unchanged(database, state, clock())
            return Polled(spec.name, unchanged=True)
        return _keep(database, spec, state, found, now=clock())
    except Exception as error:  # noqa: BLE001 - one source's trouble must not stop the others
        problem = _in_words(spec, error)
    with database.write() as connection:
        store.record_poll_failed(connection, state.id, now=clock(), error=problem)
    return Polled(spec.name, problem=problem)


def _in_words(spec: SourceSpec, error: Exception) -> str:
    if isinstance(error, DigestError):
        return one_line(f"{error}. {error.hint}" if error.hint else str(error))
    return one_line(f"source: {spec.name}: unexpected trouble ({type(error).__name__}: {error})")


def _record_unchanged(database: Database, state: SourceState, now: datetime) -> None:
    with database.write() as connection:
        store.record_poll_ok(
            connection, state.id, now=now, etag=state.etag, last_modified=state.last_modified
        )


def _keep(
    database: Database, spec: SourceSpec, state: SourceState, found: _Found, *, now: datetime
) -> Polled:
    stories, shared = without_shared_names(found.stories, source=spec.name)
    backlog = spec.kind is SourceKind.FEED and state.first_ok_at is None
    with database.write() as connection:
        knew_some = article_store.knows_articles_of(connection, state.id)
        new, updated = article_store.save_stories(
            connection, state.id, spec.name, stories, now=now, backlog=backlog
        )
        fetched = found.fetched
        store.record_poll_ok(
            connection,
            state.id,
            now=now,
            etag=fetched.etag,
            last_modified=fetched.last_modified,
        )
    warnings = (*found.warnings, *shared)
    if spec.kind is SourceKind.FEED and knew_some and not backlog and 0 < len(stories) == new:
        warnings += ("turned over completely between two polls; stories may have been missed",)
    return Polled(spec.name, len(stories), new, updated, warnings=warnings)


def _read(spec: SourceSpec, state: SourceState | None, fetcher: Fetcher) -> _Found:
    if spec.kind is SourceKind.PAGE and is_file(spec.address):
        path = file_path(spec.address)
        if path.is_dir():
            return _read_folder(path, state.etag if state else None)
    fetched = _fetch(spec, state, fetcher)
    if fetched.not_modified:
        return _Found(fetched)
    if spec.kind is SourceKind.PAGE:
        return _read_page(fetched)
    feed = read_feed(fetched.content, address=fetched.address, content_type=fetched.content_type)
    return _Found(fetched, feed.stories, feed.warnings)


def _fetch(spec: SourceSpec, state: SourceState | None, fetcher: Fetcher) -> Fetched:
    etag, last_modified = (state.etag, state.last_modified) if state else (None, None)
    if is_file(spec.address):
        return read_file(spec.address, etag=etag)
    return fetcher.get(spec.address, etag=etag, last_modified=last_modified, allow=spec.allow)


def _read_page(fetched: Fetched) -> _Found:
    if fetched.content_type.lower().startswith(("text/html", "application/xhtml")):
        raise SourceError(
            f"page: {fetched.address}: a web page in HTML; only pages captured as text are read",
            hint="Name the site's feed, or save the page as text.",
        )
    page = read_page(fetched.content.decode("utf-8", "replace"), address=fetched.address)
    return _Found(fetched, page.stories, page.warnings)


def _read_folder(folder: Path, etag: str | None) -> _Found:
    """Read every captured page of a folder; one that cannot be read is a warning."""
    found: list[_Found] = []
    warnings: list[str] = []
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.txt")):
        try:
            fetched = read_file(str(path))
            whole.update(f"{path.name} {fetched.etag}\n".encode("utf-8", "replace"))
            found.append(_read_page(fetched))
        except SourceError as error:
            warnings.append(str(error))
    if not found:
        raise SourceError(
            f"folder: {folder}: {warnings[0] if warnings else 'no captured page in it'}",
            hint="Put pages captured as text there, each in a file that ends in .txt.",
        )
    digest = whole.hexdigest()
    answer = Fetched(HTTPStatus.OK, str(folder), b"", etag=digest)
    if digest == etag:
        return _Found(replace(answer, not_modified=True))
    stories = tuple(story for one in found for story in one.stories)
    return _Found(answer, stories, (*warnings, *(line for one in found for line in one.warnings)))
