"""Door to the tables of articles and their names: stories in, articles out.

Whoever changes an article holds the one lock for it (SQLite has one writer anyhow): two collectors
must not both find a story unknown. A poll that changes nothing takes no lock and writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection

from digest.db import BigId, UtcDateTime, insert, metadata, rows_changed
from digest.sources.cleaning import one_line
from digest.sources.identity import (
    IdentityKey,
    IdentityKind,
    guid_keys,
    names_in_poll,
    searchable,
    url_keys,
)
from digest.sources.merging import content_hash, filled, index_terms, storable
from digest.sources.model import (
    Article,
    DateOrigin,
    FoundStory,
    Gone,
    Picture,
    Recording,
    RecordingKind,
)
from digest.sources.sightings import (
    DELETED,
    MISSING,
    PAGE_ANSWERS,
    WITHDRAWN_BY_SOURCE,
    Known,
    Plan,
    Poll,
    Sighting,
)
from digest.sources.store import source

__all__ = [
    "DELETED",
    "MISSING",
    "PAGE_ANSWERS",
    "Saved",
    "article",
    "article_identity",
    "article_revision",
    "article_term",
    "articles_by_id",
    "articles_seen",
    "count_articles",
    "due_for_visit",
    "find_by_url",
    "knows_articles_of",
    "restore",
    "save_stories",
    "save_visit",
    "search_articles",
    "withdraw",
    "withdraw_gone",
    "withdraw_missing",
]

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


@dataclass(frozen=True, slots=True)
class Saved:
    """What came of one poll's stories; `ids` are their articles, in the order of the stories."""

    new: int = 0
    updated: int = 0
    ids: tuple[int, ...] = ()


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
    same_hosts: Sequence[str] = (),
) -> Saved:
    """Make articles of one poll's stories, or find the ones they are.

    Needs a write transaction. Saving the same stories again changes nothing and writes nothing,
    and of many who save at once each story becomes one article. What the source had taken back
    and shows again is restored. `same_hosts`: see `identity.keys_of`.
    """
    clean = [storable(story) for story in stories]
    names = names_in_poll(clean, source=source_name, same_hosts=same_hosts)
    poll = Poll(source_id, now, backlog)
    for start in range(0, len(clean), _STORIES_AT_ONCE):
        some = slice(start, start + _STORIES_AT_ONCE)
        _save(connection, poll, list(zip(clean[some], names[some], strict=True)))
    return Saved(poll.new, poll.updated, tuple(poll.ids))


def withdraw_missing(
    connection: Connection, source_id: int, *, kept: Collection[int], now: datetime, why: str
) -> int:
    """Withdraw a source's articles that are not among `kept`; give how many.

    `why` is MISSING.
    """
    _check_taken_back(why)
    query = sa.select(article.c.id).where(
        article.c.source_id == source_id, article.c.withdrawn_at.is_(None)
    )
    missing = sorted(set(connection.scalars(query)).difference(kept))
    return _withdraw(connection, missing, now=now, why=why)


def withdraw_gone(
    connection: Connection,
    source_id: int,
    source_name: str,
    gone: Sequence[Gone],
    *,
    now: datetime,
    why: str,
    same_hosts: Sequence[str] = (),
) -> int:
    """Withdraw what a source says it deleted, where it is the source's own; give how many.

    `why` is DELETED.
    """
    _check_taken_back(why)
    keys: list[IdentityKey] = []
    for one in gone:
        keys += guid_keys(one.guid or "", source=source_name, same_hosts=same_hosts)
        keys += url_keys(one.url or "", same_hosts=same_hosts)
    meant = sorted(set(_owners(connection, keys).values()))
    own = [one.id for one in _known(connection, meant).values() if one.source_id == source_id]
    return _withdraw(connection, own, now=now, why=why)


def withdraw(connection: Connection, article_id: int, *, now: datetime, why: str) -> bool:
    """Withdraw an article; False when it is withdrawn already, or there is none."""
    return _withdraw(connection, [article_id], now=now, why=why) == 1


def restore(connection: Connection, article_id: int) -> bool:
    """Take a withdrawal back, whatever it was for; False when there is none."""
    _one_at_a_time(connection)
    done = connection.execute(
        sa.update(article)
        .where(article.c.id == article_id, article.c.withdrawn_at.is_not(None))
        .values(withdrawn_at=None, withdrawn_why="")
    )
    return rows_changed(done) == 1


def due_for_visit(
    connection: Connection,
    *,
    source_ids: Collection[int],
    seen_after: datetime,
    visited_before: datetime,
    backlog_after: datetime,
    limit: int,
) -> list[Article]:
    """Give articles whose page is to be looked at: the newest never visited, then the longest ago.

    Of a first import only what is dated after `backlog_after`. What was withdrawn for its page is
    among them, for the page may be back; what was withdrawn otherwise is not.
    """
    visited = article.c.visited_at
    query = _ARTICLES.where(
        article.c.source_id.in_(list(source_ids)),
        article.c.url.is_not(None),
        article.c.first_seen_at > seen_after,
        sa.or_(visited.is_(None), visited < visited_before),
        sa.or_(
            ~article.c.backlog,
            sa.func.coalesce(article.c.published_at, article.c.first_seen_at) >= backlog_after,
        ),
        sa.or_(
            article.c.withdrawn_at.is_(None),
            article.c.withdrawn_why.startswith(PAGE_ANSWERS, autoescape=True),
        ),
    )
    return _articles(connection, query.order_by(visited.asc().nulls_first(), *_NEWEST).limit(limit))


def save_visit(
    connection: Connection, article_id: int, *, now: datetime, found: FoundStory | None
) -> bool:
    """Record a look at an article's page; tell whether the page filled a gap.

    `found` is what the page says: it fills what the source left out and rewrites nothing.
    """
    _one_at_a_time(connection)
    known = _known(connection, [article_id]).get(article_id)
    if known is None:
        return False
    story = known.story
    if found is not None:
        story = filled(story, storable(found), first_seen_at=known.first_seen_at, now=now)
    # A gap filled is no revision: what the source said stands as it was.
    after = replace(known, story=story, visited_at=now)
    _write_changes(connection, [(known, after)], now=now)
    return story != known.story


def find_by_url(
    connection: Connection, url: str, *, same_hosts: Sequence[str] = ()
) -> Article | None:
    """Give the article that an address names, however it is spelled."""
    keys = url_keys(url, same_hosts=same_hosts)
    owners = _owners(connection, keys)
    ids = [owners[key] for key in keys if key in owners]
    return next(iter(articles_by_id(connection, ids[:1])), None)


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
    for some in _chunks(ids):
        rows = _articles(connection, _ARTICLES.where(_among(connection, article.c.id, some)))
        found.update((one.id, one) for one in rows)
    return [found[number] for number in dict.fromkeys(ids) if number in found]


def search_articles(
    connection: Connection, words: str, *, limit: int, same_hosts: Sequence[str] = ()
) -> list[Article]:
    """Give the articles whose headline holds every one of the words, the newest first.

    Case and accents do not count, in any script. A story's address finds that story alone.
    """
    line = one_line(words)
    if _ADDRESS.fullmatch(line):
        link = line if "://" in line else f"https://{line}"
        if known := find_by_url(connection, link, same_hosts=same_hosts):
            return [known]
    wanted = searchable(line).split()[:_MOST_WORDS]
    if not wanted or limit < 1:
        return []
    return articles_by_id(connection, _ids_holding(connection, wanted, limit=limit))


_IDS_AT_ONCE = 500


_STORIES_AT_ONCE = 200


_HEADLINES_AT_ONCE = 2_000


_MOST_WORDS = 20


_MOST_NAMES = 64
"""Of one article: a feed that makes up its guids anew at every poll would fill the table."""


_LOCK = 0x61727469636C6573  # "articles"; any constant serves that no other lock has


_ADDRESS = re.compile(r"(?:https?://\S+|[^\s/.]+(?:\.[^\s/.]+)+/\S+)", re.IGNORECASE)


_ARTICLES = sa.select(article, source.c.name.label("source_name")).join(
    source, source.c.id == article.c.source_id
)


_NEWEST = (article.c.first_seen_at.desc(), article.c.id.desc())


def _one_at_a_time(connection: Connection) -> None:
    """Keep other writers of articles waiting until this transaction ends; readers go on."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))


def _save(connection: Connection, poll: Poll, sightings: Sequence[Sighting]) -> None:
    plan = _plan(connection, poll, sightings)
    if not plan.is_empty and connection.dialect.name == "postgresql":
        # What the first look found may be old by the time the lock is ours.
        _one_at_a_time(connection)
        plan = _plan(connection, poll, sightings)
    numbers = _add_articles(connection, poll, plan.added)
    _write_changes(connection, plan.changes, now=poll.now)
    _write_names(connection, plan.names, numbers)
    poll.new += len(plan.added)
    poll.updated += sum(after.revision > before.revision for before, after in plan.changes)
    poll.ids += [numbers.get(number, number) for number in plan.ids]
    poll.told |= {numbers.get(number, number) for number in plan.told}


def _plan(connection: Connection, poll: Poll, sightings: Sequence[Sighting]) -> Plan:
    owners = _owners(connection, [key for _, names in sightings for key in names])
    known = _known(connection, sorted(set(owners.values())))
    plan = Plan(poll, {key: number for key, number in owners.items() if number in known}, known)
    plan.work_out(sightings)
    return plan


def _owners(connection: Connection, keys: Iterable[IdentityKey]) -> dict[IdentityKey, int]:
    """Give the article that each of the names leads to; unknown names are left out."""
    asked: dict[tuple[IdentityKind, str], list[str]] = {}
    for key in keys:
        asked.setdefault((key.kind, key.scope), []).append(key.value_hash)
    columns = article_identity.c
    found: dict[IdentityKey, int] = {}
    for (kind, scope), hashes in asked.items():
        for some in _chunks(hashes):
            query = sa.select(columns.value_hash, columns.article_id).where(
                columns.kind == kind.value,
                columns.scope == scope,
                _among(connection, columns.value_hash, some),
            )
            for value_hash, article_id in connection.execute(query):
                found[IdentityKey(kind, scope, value_hash)] = article_id
    return found


def _known(connection: Connection, ids: Sequence[int]) -> dict[int, Known]:
    found: dict[int, Known] = {}
    for some in _chunks(ids):
        for row in connection.execute(
            sa.select(article).where(_among(connection, article.c.id, some))
        ):
            found[row.id] = Known(
                id=row.id,
                source_id=row.source_id,
                story=_story(row),
                first_seen_at=row.first_seen_at,
                revision=row.revision,
                withdrawn_at=row.withdrawn_at,
                withdrawn_why=row.withdrawn_why,
                visited_at=row.visited_at,
            )
    return found


def _add_articles(connection: Connection, poll: Poll, added: Sequence[Known]) -> dict[int, int]:
    """Insert the articles that are new; give the id of each one's number below 0."""
    if not added:
        return {}
    seen = {
        "source_id": poll.source_id,
        "first_seen_at": poll.now,
        "backlog": poll.backlog,
    }
    inserted = sa.insert(article).returning(article.c.id, sort_by_parameter_order=True)
    ids = connection.scalars(inserted, [{**seen, **_columns(one.story)} for one in added]).all()
    _write_terms(connection, {number: one.story for number, one in zip(ids, added, strict=True)})
    return {one.id: number for number, one in zip(ids, added, strict=True)}


def _write_changes(
    connection: Connection, changes: Sequence[tuple[Known, Known]], *, now: datetime
) -> None:
    """Write what known articles say now, and keep what those with changed words said before."""
    if not changes:
        return
    update = sa.update(article).where(article.c.id == sa.bindparam("article_id"))
    connection.execute(update, [{"article_id": new.id, **_changing(new)} for _, new in changes])
    revised = [old for old, new in changes if new.revision > old.revision]
    if revised:
        connection.execute(sa.insert(article_revision), [_revision(old, now) for old in revised])
    reworded = {
        new.id: new.story for old, new in changes if _indexed(old.story) != _indexed(new.story)
    }
    if reworded:
        owner = article_term.c.article_id
        connection.execute(sa.delete(article_term).where(_among(connection, owner, list(reworded))))
        _write_terms(connection, reworded)


def _write_names(
    connection: Connection, names: Mapping[IdentityKey, int], numbers: Mapping[int, int]
) -> None:
    rows = [
        {
            "kind": key.kind.value,
            "scope": key.scope,
            "value_hash": key.value_hash,
            "article_id": numbers.get(number, number),
        }
        for key, number in _not_too_many(connection, names)
    ]
    if rows:
        named = insert(connection, article_identity)
        moved = named.on_conflict_do_update(
            index_elements=["kind", "scope", "value_hash"],
            set_={"article_id": named.excluded.article_id},
        )
        connection.execute(moved, rows)


def _not_too_many(
    connection: Connection, names: Mapping[IdentityKey, int]
) -> Iterator[tuple[IdentityKey, int]]:
    known = sorted({number for number in names.values() if number > 0})
    count: dict[int, int] = {}
    owner = article_identity.c.article_id
    for some in _chunks(known):
        query = (
            sa.select(owner, sa.func.count()).where(_among(connection, owner, some)).group_by(owner)
        )
        count.update((number, has) for number, has in connection.execute(query))
    for key, number in names.items():
        count[number] = count.get(number, 0) + 1
        if count[number] <= _MOST_NAMES:
            yield key, number


def _write_terms(connection: Connection, stories: Mapping[int, FoundStory]) -> None:
    rows = [
        {"term": term, "article_id": number}
        for number, story in stories.items()
        for term in index_terms(story)
    ]
    if rows:
        connection.execute(sa.insert(article_term), rows)


def _indexed(story: FoundStory) -> tuple[str, str, str | None]:
    return story.headline, story.standfirst, story.language


def _check_taken_back(why: str) -> None:
    if why not in WITHDRAWN_BY_SOURCE:
        raise ValueError(f"not a source's reason to take a story back: {why!r}")


def _withdraw(connection: Connection, ids: Sequence[int], *, now: datetime, why: str) -> int:
    if ids:
        _one_at_a_time(connection)
    count = 0
    for some in _chunks(ids):
        done = connection.execute(
            sa.update(article)
            .where(_among(connection, article.c.id, some), article.c.withdrawn_at.is_(None))
            .values(withdrawn_at=now, withdrawn_why=one_line(why))
        )
        count += rows_changed(done)
    return count


def _ids_holding(connection: Connection, wanted: Sequence[str], *, limit: int) -> list[int]:
    """Look through the headlines, the newest first, until enough hold every word.

    No database folds all scripts: SQLite's LIKE folds ASCII only, and neither folds accents. Many
    headlines are folded at once, for most of them hold none of the words.
    """
    query = sa.select(article.c.id, article.c.headline).order_by(*_NEWEST)
    found: list[int] = []
    with connection.execute(query.execution_options(yield_per=_HEADLINES_AT_ONCE)) as rows:
        for some in rows.partitions():
            folded = searchable("\n".join(line.replace("\n", " ") for _, line in some))
            if not all(word in folded for word in wanted):
                continue
            lines = folded.split("\n")
            found += [
                number
                for (number, _), line in zip(some, lines, strict=True)
                if all(word in line for word in wanted)
            ]
            if len(found) >= limit:
                break
    return found[:limit]


def _among(
    connection: Connection, column: sa.Column[Any], values: Sequence[Any]
) -> sa.ColumnElement[bool]:
    """Say that a column is one of these: for PostgreSQL in one array, which it plans at once.

    A list of fifty parameters takes it and its driver ten times as long.
    """
    if connection.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam(None, list(values), type_=ARRAY(column.type)))
    return column.in_(values)


def _chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(values), _IDS_AT_ONCE):
        yield values[start : start + _IDS_AT_ONCE]


def _changing(known: Known) -> dict[str, Any]:
    return {
        **_columns(known.story),
        "revision": known.revision,
        "withdrawn_at": known.withdrawn_at,
        "withdrawn_why": known.withdrawn_why,
        "visited_at": known.visited_at,
    }


def _revision(old: Known, now: datetime) -> dict[str, Any]:
    return {
        "article_id": old.id,
        "n": old.revision,
        "seen_at": now,
        "headline": old.story.headline,
        "standfirst": old.story.standfirst,
        "url": old.story.url,
        "body_text": old.story.body_text,
    }


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
        "content_hash": content_hash(story),
    }


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
