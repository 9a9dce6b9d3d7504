"""A newsroom in a database: articles as the collector leaves them, and the newsletter's slots."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.editions import candidate_store, store
from digest.editions.model import Newsletter, NewsletterSpec, Prepared, Slot
from digest.editions.prepare import prepare
from digest.sources.article_store import article
from digest.sources.model import Article
from digest.sources.store import source
from tests.unit.editions.editions_builders import slot_on, spec, utc

OPENED = utc("2026-01-07 12:00")
"""When the newsletter was set up: its epoch is that morning's cut-off."""
THURSDAY, FRIDAY, MONDAY = date(2026, 1, 8), date(2026, 1, 9), date(2026, 1, 12)


def open_newsletter(
    database: Database, settings: NewsletterSpec | None = None, *, at: datetime = OPENED
) -> Newsletter:
    with database.write() as connection:
        [newsletter] = store.sync_newsletters(connection, [settings or spec()], now=at)
    return newsletter


def keep(database: Database, *articles: Article) -> None:
    with database.write() as connection:
        known = connection.scalar(sa.select(source.c.id).where(source.c.name == "site"))
        if known is None:
            values = {"name": "site", "kind": "feed", "address": "/feed", "origin": "file"}
            insert = sa.insert(source).values(values).returning(source.c.id)
            known = connection.execute(insert).scalar_one()
        connection.execute(sa.insert(article), [_row(known, kept) for kept in articles])


def slot_of(newsletter: Newsletter, day: date) -> Slot:
    slot = slot_on(newsletter.spec.cadence, day)
    assert slot is not None
    return slot


def make(
    database: Database, newsletter: Newsletter, day: date, *, at: datetime | None = None
) -> Prepared:
    slot = slot_of(newsletter, day)
    return prepare(database, newsletter, slot, clock=fixed(at or slot.cut_off_at))


def chosen_ids(prepared: Prepared) -> list[int]:
    return [candidate.article.id for candidate in prepared.selection.chosen]


def count(database: Database, *tables: sa.Table) -> list[int]:
    with database.read() as connection:
        counts = (sa.select(sa.func.count()).select_from(table) for table in tables)
        return [connection.execute(query).scalar_one() for query in counts]


def used_ids(database: Database, newsletter: Newsletter, ids: Sequence[int]) -> dict[int, str]:
    with database.read() as connection:
        return candidate_store.uses(connection, newsletter.id, ids)


def _row(source_id: int, kept: Article) -> dict[str, object]:
    story = kept.story
    return {
        "id": kept.id,
        "source_id": source_id,
        "headline": story.headline,
        "standfirst": story.standfirst,
        "url": story.url,
        "body_text": story.body_text,
        "authors": list(story.authors),
        "categories": list(story.categories),
        "published_at": story.published_at,
        "published_from": story.published_from.value if story.published_from else None,
        "first_seen_at": kept.first_seen_at,
        "withdrawn_at": kept.withdrawn_at,
        "backlog": kept.backlog,
        "content_hash": "0" * 64,
    }
