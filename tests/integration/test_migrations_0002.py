"""A database of the first schema, with rows in it, comes through the second one and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from digest import migrations
from digest.db import Database
from digest.sources import article_store, store
from digest.sources.model import (
    Article,
    DateOrigin,
    FoundStory,
    Picture,
    Recording,
    SourceKind,
    SourceSpec,
    SourceState,
)
from tests.integration.migrating import migrating

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
_AT = "'2026-01-09 12:00:00.000000{zone}'"
_ROWS = """
INSERT INTO source (id, name, kind, address, origin, etag, last_ok_at, failures, error, version)
VALUES (1, 'site', 'feed', 'https://e.example/feed', 'file', 'e', AT, 2, 'broken', 3);

INSERT INTO article (id, source_id, headline, standfirst, url, guid, body_html, body_text, authors,
  categories, picture_url, picture_alt, picture_credit, audio_url, audio_seconds, language,
  published_at, published_from, updated_at, seen_on, first_seen_at, withdrawn_at, backlog, revision,
  content_hash)
VALUES (1, 1, 'Ferry – again', 'Nine weeks.', 'https://e.example/1', 'g1', '<p>It sails.</p>',
  'It sails.', '["Ann"]', '["Local"]', 'https://e.example/a.jpg', 'A ferry', 'R.',
  'https://e.example/a.mp3', 720, 'en', AT, 'feed', AT, '2026-01-09', AT, AT, true, 2, 'h');

INSERT INTO article (id, source_id, headline, authors, categories, first_seen_at, backlog,
  content_hash)
VALUES (2, 1, 'Bare', '[]', '[]', AT, false, 'h');

INSERT INTO article_identity VALUES ('guid', 'site', 'x', 1), ('headline', 'site', 'y', 2);
INSERT INTO article_revision VALUES (1, 1, AT, 'Ferry', '', NULL, 'It sailed.');

INSERT INTO newsletter (id, slug, name, zone, epoch_at, created_at, origin)
VALUES (1, 'daily', 'Daily', 'UTC', AT, AT, 'file');

INSERT INTO slot (newsletter_id, local_date, name, cut_off_at, send_at, state, reason)
VALUES (1, '2026-01-09', 'main', AT, AT, 'made', ''),
  (1, '2026-01-09', 'extra-2', AT, AT, 'made', 'by hand');

INSERT INTO edition (id, newsletter_id, local_date, slot_name, number, state, window_after,
  cut_off_at, send_at, prepared_at, reason)
VALUES (1, 1, '2026-01-09', 'main', 1, 'sent', AT, AT, AT, AT, 'as usual');

INSERT INTO candidate (edition_id, article_id, article_revision, verdict, reason, place, position,
  late)
VALUES (1, 1, 2, 'selected', 'Published.', 'lead', 0, false),
  (1, 2, 1, 'over-limit', 'No room.', NULL, NULL, true);

INSERT INTO article_use VALUES (1, 1, 1, 'story')
"""
_OLD_TABLES = (
    "source",
    "article",
    "article_identity",
    "article_revision",
    "newsletter",
    "slot",
    "edition",
    "candidate",
    "article_use",
)


@pytest.fixture
def first_schema(empty_database_url: str) -> Iterator[Database]:
    """A database of schema 0001 with a row of every kind that 0002 touches."""
    database = Database(empty_database_url)
    with migrating(database) as connection:
        command.upgrade(migrations.config_for(connection), "0001")
        moment = _AT.format(zone="" if database.is_sqlite else "+00")
        for statement in _ROWS.split(";"):
            connection.exec_driver_sql(
                statement.replace("AT,", f"{moment},").replace("AT)", f"{moment})")
            )
    yield database
    database.close()


def _all(database: Database) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    with database.read() as connection:
        for name in _OLD_TABLES:
            rows = connection.execute(sa.select(sa.text("*")).select_from(sa.table(name)))
            found[name] = sorted((dict(row) for row in rows.mappings()), key=str)
    return found


def test_articles_and_sources_read_as_before_and_audio_is_a_recording(
    first_schema: Database,
) -> None:
    assert first_schema.migrate()[0] == "0002"
    with first_schema.read() as connection:
        states = store.source_states(connection)
        articles = article_store.articles_by_id(connection, [1, 2])
    assert states == [
        SourceState(
            id=1,
            name="site",
            kind=SourceKind.FEED,
            address="https://e.example/feed",
            etag="e",
            last_modified=None,
            first_ok_at=None,
            last_ok_at=NOON,
            last_tried_at=None,
            failures=2,
            error="broken",
        )
    ]
    whole = FoundStory(
        headline="Ferry – again",
        url="https://e.example/1",
        guid="g1",
        standfirst="Nine weeks.",
        body_html="<p>It sails.</p>",
        body_text="It sails.",
        authors=("Ann",),
        categories=("Local",),
        picture=Picture("https://e.example/a.jpg", "A ferry", "R."),
        recording=Recording("https://e.example/a.mp3", 720),
        published_at=NOON,
        published_from=DateOrigin.FEED,
        updated_at=NOON,
        seen_on=date(2026, 1, 9),
        language="en",
    )
    assert articles == [
        Article(1, "site", whole, NOON, revision=2, withdrawn_at=NOON, backlog=True),
        Article(2, "site", FoundStory("Bare"), NOON),
    ]


def test_a_source_that_has_not_moved_goes_on_where_it_was(first_schema: Database) -> None:
    first_schema.migrate()
    spec = SourceSpec("site", SourceKind.FEED, "https://e.example/feed")
    with first_schema.write() as connection:
        (before,) = store.source_states(connection)
        store.sync_sources(connection, [spec], now=NOON, whole=True)
        assert store.source_states(connection) == [before]
        assert store.are_synced(connection, [spec])


def test_slots_are_told_from_those_made_by_hand_and_candidates_are_kept(
    first_schema: Database,
) -> None:
    before = _all(first_schema)
    first_schema.migrate()
    after = _all(first_schema)
    assert {row["name"]: bool(row["by_hand"]) for row in after["slot"]} == {
        "main": False,
        "extra-2": True,
    }
    assert [bool(row["pinned"]) for row in after["candidate"]] == [False, False]
    for name in ("article_identity", "article_revision", "newsletter", "article_use"):
        assert after[name] == before[name]
    for name in ("source", "slot", "edition", "candidate"):
        kept = [
            {column: row[column] for column in old}
            for row, old in zip(after[name], before[name], strict=True)
        ]
        assert kept == before[name]


def test_new_articles_are_numbered_after_the_old_ones(first_schema: Database) -> None:
    if not first_schema.is_sqlite:  # rows were written with their numbers
        with first_schema.write() as connection:
            connection.exec_driver_sql("SELECT setval('article_id_seq', 2)")
    first_schema.migrate()
    with first_schema.write() as connection:
        saved = article_store.save_stories(
            connection, 1, "site", [FoundStory("Third")], now=NOON, backlog=False
        )
    assert saved.ids == (3,)


def test_the_way_back_keeps_what_the_first_schema_knows(first_schema: Database) -> None:
    before = _all(first_schema)
    first_schema.migrate()
    with migrating(first_schema) as connection:
        command.downgrade(migrations.config_for(connection), "0001")
    assert _all(first_schema) == before
    assert first_schema.migrate()[0] == "0002"
    with first_schema.write() as connection:
        command.check(migrations.config_for(connection))
