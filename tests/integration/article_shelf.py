"""Articles in a database: stories saved as polls save them, and what came of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from digest.db import Database
from digest.sources import article_store, store
from digest.sources.article_store import Saved
from digest.sources.model import Article, FoundStory, SourceKind, SourceSpec

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def source_id(connection: sa.Connection, name: str = "site") -> int:
    """Give the id of a source, which is made when it is new."""
    spec = SourceSpec(name, SourceKind.FEED, f"https://{name}.example/feed")
    known = {state.name: state.id for state in store.source_states(connection)}
    if name not in known:
        store.sync_sources(connection, [spec], now=NOON)
        known = {state.name: state.id for state in store.source_states(connection)}
    return known[name]


def save(
    database: Database,
    *stories: FoundStory,
    source: str = "site",
    now: datetime = NOON,
    backlog: bool = False,
    same_hosts: tuple[str, ...] = (),
) -> Saved:
    with database.write() as connection:
        return article_store.save_stories(
            connection,
            source_id(connection, source),
            source,
            stories,
            now=now,
            backlog=backlog,
            same_hosts=same_hosts,
        )


def articles(database: Database) -> list[Article]:
    """Give every article, in the order they were made."""
    with database.read() as connection:
        ids = connection.scalars(sa.select(article_store.article.c.id)).all()
        return article_store.articles_by_id(connection, sorted(ids))


def headlines(found: list[Article]) -> list[str]:
    return [article.story.headline for article in found]


def rows(database: Database, table: sa.Table) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        return sorted(tuple(row) for row in connection.execute(sa.select(table)))


def statements(database: Database, act: Callable[[], object]) -> list[str]:
    """Give the first words of what is said to the database while it acts."""
    said: list[str] = []

    def listen(_c: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(" ".join(statement.split()[:3]))

    sa.event.listen(database.engine, "before_cursor_execute", listen)
    try:
        act()
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", listen)
    return said
