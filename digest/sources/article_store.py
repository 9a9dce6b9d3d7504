"""Door to the tables of articles and their names: stories in, articles out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, metadata
from digest.sources.cleaning import one_line
from digest.sources.identity import (
    IdentityKey,
    IdentityKind,
    canonical_url,
    headline_is_enough,
    keys_of,
    shared_urls,
)
from digest.sources.model import (
    Article,
    DateOrigin,
    FoundStory,
    Picture,
    Recording,
    RecordingKind,
)
from digest.sources.store import source

article = sa.Table(
    "article",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("source_id", sa.ForeignKey("source.id"), nullable=False, index=True),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("standfirst", sa.Text, nullable=False, server_default=""),
    sa.Column("url", sa.Text),
    sa.Column("guid", sa.Text),
    sa.Column("body_html", sa.Text, nullable=False, server_default=""),
    sa.Column("body_text", sa.Text, nullable=False, server_default=""),
    sa.Column("authors", sa.JSON, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("picture_url", sa.Text),
    sa.Column("picture_alt", sa.Text),
    sa.Column("picture_credit", sa.Text),
    sa.Column("recording_url", sa.Text),
    sa.Column("recording_seconds", sa.Integer),
    sa.Column("recording_kind", sa.String(8)),
    sa.Column("language", sa.String(35)),
    sa.Column("published_at", UtcDateTime, index=True),
    sa.Column("published_from", sa.String(16)),
    sa.Column("updated_at", UtcDateTime),
    sa.Column("seen_on", sa.Date),
    sa.Column("first_seen_at", UtcDateTime, nullable=False, index=True),
    sa.Column("withdrawn_at", UtcDateTime),
    sa.Column("withdrawn_why", sa.Text, nullable=False, server_default=""),
    sa.Column("visited_at", UtcDateTime),
    sa.Column("priority", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reads", sa.Integer),
    sa.Column("backlog", sa.Boolean, nullable=False, default=False),
    sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
    sa.Column("content_hash", sa.String(64), nullable=False),
)


article_identity = sa.Table(
    "article_identity",
    metadata,
    sa.Column("kind", sa.String(16), primary_key=True),
    sa.Column("scope", sa.String(64), primary_key=True),
    sa.Column("value_hash", sa.String(64), primary_key=True),
    sa.Column(
        "article_id",
        sa.ForeignKey("article.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
)
"""The aliases a story is found by. `scope` is the source's name for guid and headline, else ""."""


article_revision = sa.Table(
    "article_revision",
    metadata,
    sa.Column("article_id", sa.ForeignKey("article.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("seen_at", UtcDateTime, nullable=False),
    sa.Column("headline", sa.Text, nullable=False),
    sa.Column("standfirst", sa.Text, nullable=False),
    sa.Column("url", sa.Text),
    sa.Column("body_text", sa.Text, nullable=False),
)


article_term = sa.Table(
    "article_term",
    metadata,
    sa.Column("term", sa.String(64), primary_key=True),
    sa.Column(
        "article_id",
        sa.ForeignKey("article.id", ondelete="CASCADE"),
        primary_key=True,
        index=True,
    ),
    sqlite_with_rowid=False,
)
"""The inverted index of related stories: words of headline and standfirst, as `terms` gives them.

Written with the article, so that a story found by it is always there."""


def knows_articles_of(connection: Connection, source_id: int) -> bool:
    """Tell whether any article came from this source."""
    found = sa.select(article.c.id).where(article.c.source_id == source_id).limit(1)
    return connection.scalar(found) is not None


def count_articles(connection: Connection) -> int:
    """Count the articles known, of all sources."""
    return connection.scalar(sa.select(sa.func.count()).select_from(article)) or 0


def save_stories(
    connection: Connection,
    source_id: int,
    source_name: str,
    stories: Sequence[FoundStory],
    *,
    now: datetime,
    backlog: bool,
) -> tuple[int, int]:
    """Make articles of one poll's stories, or find the ones they are; give (new, updated).

    Needs a write transaction. Saving the same stories again changes nothing, and of many who save
    at once each story becomes one article.
    """
    _one_at_a_time(connection)
    no_names = shared_urls(stories, source=source_name)
    saved = [
        _save(connection, _Sighting(source_id, source_name, story, now, backlog, no_names))
        for story in stories
    ]
    return saved.count("new"), saved.count("updated")


def articles_seen(connection: Connection, *, after: datetime, until: datetime) -> list[Article]:
    """Give the articles first seen in (after, until], the oldest first."""
    seen = article.c.first_seen_at
    return _articles(
        connection,
        _ARTICLES.where(seen > after, seen <= until).order_by(seen, article.c.id),
    )


def articles_by_id(connection: Connection, ids: Sequence[int]) -> list[Article]:
    """Give the articles with these ids, in the order asked for; unknown ids are left out."""
    found: dict[int, Article] = {}
    for start in range(0, len(ids), _IDS_AT_ONCE):
        some = ids[start : start + _IDS_AT_ONCE]
        rows = _articles(connection, _ARTICLES.where(article.c.id.in_(some)))
        found.update((one.id, one) for one in rows)
    return [found[number] for number in dict.fromkeys(ids) if number in found]


def search_articles(connection: Connection, words: str, *, limit: int) -> list[Article]:
    """Give the articles whose headline holds every one of the words, the newest first."""
    wanted = one_line(words).split()[:_MOST_WORDS]
    if not wanted:
        return []
    holds = [article.c.headline.icontains(word, autoescape=True) for word in wanted]
    newest = (article.c.first_seen_at.desc(), article.c.id.desc())
    return _articles(connection, _ARTICLES.where(*holds).order_by(*newest).limit(limit))


_IDS_AT_ONCE = 500


_MOST_WORDS = 20


_ARTICLES = sa.select(article, source.c.name.label("source_name")).join(
    source, source.c.id == article.c.source_id
)


_SUREST_FIRST = (
    DateOrigin.EDITOR,
    DateOrigin.FEED,
    DateOrigin.JSON_LD,
    DateOrigin.META,
    DateOrigin.URL,
)


@dataclass(frozen=True, slots=True)
class _Sighting:
    """One story seen in one poll."""

    source_id: int
    source_name: str
    story: FoundStory
    now: datetime
    backlog: bool
    no_names: frozenset[IdentityKey]

    @property
    def keys(self) -> tuple[IdentityKey, ...]:
        """Give the story's keys without those that name several stories of its poll."""
        keys = keys_of(self.story, source=self.source_name)
        return tuple(key for key in keys if key not in self.no_names)


def _one_at_a_time(connection: Connection) -> None:
    """Keep other collectors waiting: two must not both find a story unknown.

    SQLite has one writer anyhow. On PostgreSQL readers go on; the lock ends with the transaction.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("LOCK TABLE article_identity IN SHARE ROW EXCLUSIVE MODE"))


def _save(connection: Connection, seen: _Sighting) -> Literal["new", "updated", "known"]:
    known = _find(connection, seen)
    if known is None:
        _name(connection, seen, _insert(connection, seen))
        return "new"
    article_id, source_id, story, revision = known
    _name(connection, seen, article_id)
    merged = _merged(seen, story, is_owner=source_id == seen.source_id)
    if merged == story:
        return "known"
    values = _columns(merged)
    if values["content_hash"] == _columns(story)["content_hash"]:
        _update(connection, article_id, values)
        return "known"
    _keep_revision(connection, article_id, revision, story, seen.now)
    _update(connection, article_id, {**values, "revision": revision + 1})
    return "updated"


def _find(connection: Connection, seen: _Sighting) -> tuple[int, int, FoundStory, int] | None:
    """Give the known article (id, source, story, revision), by the surest key that names one."""
    for key in seen.keys:
        row = connection.execute(
            sa.select(article)
            .join(article_identity, article_identity.c.article_id == article.c.id)
            .where(*_is_key(key))
        ).first()
        if row is None:
            continue
        story = _story(row)
        if key.kind is not IdentityKind.HEADLINE or headline_is_enough(seen.story, story):
            return row.id, row.source_id, story, row.revision
    return None


def _is_key(key: IdentityKey) -> tuple[sa.ColumnElement[bool], ...]:
    columns = article_identity.c
    return (
        columns.kind == key.kind.value,
        columns.scope == key.scope,
        columns.value_hash == key.value_hash,
    )


def _name(connection: Connection, seen: _Sighting, article_id: int) -> None:
    """Write the story's aliases. A headline names the latest story under it; no other name moves.

    So a river's "Weather" is today's.
    """
    for key in seen.keys:
        owner = connection.scalar(sa.select(article_identity.c.article_id).where(*_is_key(key)))
        if owner is None:
            connection.execute(
                sa.insert(article_identity).values(
                    kind=key.kind.value,
                    scope=key.scope,
                    value_hash=key.value_hash,
                    article_id=article_id,
                )
            )
        elif owner < article_id and key.kind is IdentityKind.HEADLINE:
            connection.execute(
                sa.update(article_identity).where(*_is_key(key)).values(article_id=article_id)
            )


def _merged(seen: _Sighting, known: FoundStory, *, is_owner: bool) -> FoundStory:
    """Give what the article says after this sighting: nothing known is lost to a poorer one.

    A headline in a river, or another site's copy of the story, only adds what was not there.
    """
    found = seen.story
    is_bare = not (found.guid or found.url or found.body_text or found.standfirst)
    if is_bare or (not is_owner and (known.body_text or known.standfirst)):
        return known
    kept = {
        field.name: getattr(known, field.name)
        for field in fields(FoundStory)
        if not getattr(found, field.name)
    }
    merged = replace(found, **kept)
    if found.body_text == "":
        merged = replace(merged, body_html=known.body_html, body_text=known.body_text)
    if _is_surer(found, known):
        return merged
    return replace(merged, published_at=known.published_at, published_from=known.published_from)


def _is_surer(found: FoundStory, known: FoundStory) -> bool:
    if known.published_at is None or known.published_from is None:
        return True
    if found.published_at is None or found.published_from is None:
        return False
    return _SUREST_FIRST.index(found.published_from) < _SUREST_FIRST.index(known.published_from)


def _insert(connection: Connection, seen: _Sighting) -> int:
    result = connection.execute(
        sa.insert(article).values(
            source_id=seen.source_id,
            first_seen_at=seen.now,
            backlog=seen.backlog,
            **_columns(seen.story),
        )
    )
    (number,) = result.inserted_primary_key or (0,)
    return int(number)


def _update(connection: Connection, article_id: int, values: Mapping[str, Any]) -> None:
    connection.execute(sa.update(article).where(article.c.id == article_id).values(**values))


def _keep_revision(
    connection: Connection, article_id: int, n: int, story: FoundStory, now: datetime
) -> None:
    connection.execute(
        sa.insert(article_revision).values(
            article_id=article_id,
            n=n,
            seen_at=now,
            headline=story.headline,
            standfirst=story.standfirst,
            url=story.url,
            body_text=story.body_text,
        )
    )


def _columns(story: FoundStory) -> dict[str, Any]:
    picture, recording = story.picture, story.recording
    return {
        "headline": story.headline,
        "standfirst": story.standfirst,
        "url": story.url,
        "guid": story.guid,
        "body_html": story.body_html,
        "body_text": story.body_text,
        "authors": list(story.authors),
        "categories": list(story.categories),
        "picture_url": picture.url if picture else None,
        "picture_alt": picture.alt if picture else None,
        "picture_credit": picture.credit if picture else None,
        "recording_url": recording.url if recording else None,
        "recording_seconds": recording.seconds if recording else None,
        "recording_kind": recording.kind.value if recording else None,
        "language": story.language,
        "priority": story.priority,
        "reads": story.reads,
        "published_at": story.published_at,
        "published_from": story.published_from.value if story.published_from else None,
        "updated_at": story.updated_at,
        "seen_on": story.seen_on,
        "content_hash": _content_hash(story),
    }


def _content_hash(story: FoundStory) -> str:
    """Hash what a reader would see changed: the words and where they lead."""
    seen = (
        story.headline,
        story.standfirst,
        canonical_url(story.url) if story.url else "",
        story.body_text,
    )
    return hashlib.sha256(json.dumps(seen).encode()).hexdigest()


def _articles(connection: Connection, query: sa.Select[Any]) -> list[Article]:
    return [
        Article(
            id=row.id,
            source=row.source_name,
            story=_story(row),
            first_seen_at=row.first_seen_at,
            revision=row.revision,
            withdrawn_at=row.withdrawn_at,
            withdrawn_why=row.withdrawn_why,
            visited_at=row.visited_at,
            backlog=row.backlog,
        )
        for row in connection.execute(query)
    ]


def _story(row: sa.Row[Any]) -> FoundStory:
    return FoundStory(
        headline=row.headline,
        url=row.url,
        guid=row.guid,
        standfirst=row.standfirst,
        body_html=row.body_html,
        body_text=row.body_text,
        authors=tuple(row.authors),
        categories=tuple(row.categories),
        picture=Picture(row.picture_url, row.picture_alt, row.picture_credit)
        if row.picture_url
        else None,
        recording=_recording(row),
        published_at=row.published_at,
        published_from=DateOrigin(row.published_from) if row.published_from else None,
        updated_at=row.updated_at,
        seen_on=row.seen_on,
        language=row.language,
        priority=row.priority,
        reads=row.reads,
    )


def _recording(row: sa.Row[Any]) -> Recording | None:
    if not row.recording_url:
        return None
    kind = RecordingKind(row.recording_kind or RecordingKind.AUDIO)
    return Recording(row.recording_url, row.recording_seconds, kind)
