"""Save stories that a publisher's own program brings: at once, and never as a backlog."""

from __future__ import annotations

from collections.abc import Sequence

from digest.clock import Clock
from digest.db import Connection, Database
from digest.errors import SourceError
from digest.sources import article_store, store
from digest.sources.article_store import Saved
from digest.sources.model import FoundStory, SourceKind, SourceSpec, SourceState
from digest.sources.story_settings import finished_story


def push(
    database: Database,
    spec: SourceSpec,
    stories: Sequence[FoundStory],
    *,
    clock: Clock,
    same_hosts: Sequence[str] = (),
) -> Saved:
    """Save pushed stories in one transaction, all or none; `Saved.ids` is in their order.

    Pushing the same again changes nothing, so a program that is not sure may ask twice. Stories
    from before the first push are no backlog: whoever pushes a story wants it read. Raises
    SourceError when the source is of another kind.
    """
    if spec.kind is not SourceKind.PUSHED:
        raise SourceError(
            f"source: {spec.name}: a {spec.kind.value} source, which nothing can be pushed to",
            hint="Add a source with pushed = true.",
        )
    now = clock()
    with database.write() as connection:
        store.sync_sources(connection, [spec], now=now)
        state = _state(connection, spec)
        saved = article_store.save_stories(
            connection,
            state.id,
            spec.name,
            [finished_story(story, spec) for story in stories],
            now=now,
            backlog=False,
            same_hosts=same_hosts,
        )
        store.record_poll_ok(connection, state.id, now=now, etag=None, last_modified=None)
    return saved


def _state(connection: Connection, spec: SourceSpec) -> SourceState:
    for state in store.source_states(connection):
        if state.name == spec.name:
            return state
    raise SourceError(
        f"source: {spec.name}: not known any more", hint="Look at: digest sources list"
    )
