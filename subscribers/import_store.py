"""Door to the runs of imports, and to the tables of readers for many at once.

A chunk of readers and how far the run is are one transaction: a killed run goes on where it was.
Rows go to the driver as they are (executemany on SQLite, COPY on PostgreSQL): SQLAlchemy's own way
costs more than the database's work.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from digest.db import BigId, Connection, Database, UtcDateTime, among, metadata
from subscribers.change_store import audience_change
from subscribers.manner import Manner
from subscribers.model import (
    EVERYTHING,
    TEXT,
    ConsentKind,
    Subscription,
    SubscriptionState,
    SuppressionReason,
)
from subscribers.store import consent, subscriber, subscriber_tag, subscription, suppression
from subscribers.suppression import NORM_VERSION
from subscribers.transfer.decide import ALL, Held

import_run = sa.Table(
    "import_run",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False, index=True),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("options", sa.JSON, nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("upto", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("report", sa.Text, nullable=False, server_default=""),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("done_at", UtcDateTime),
)
"""`upto` counts the records that are in, written in the same transaction as their readers;
`fingerprint` is that of the file's content and of how it is read."""

RUNNING, DONE = "running", "done"

_CACHE_KIB = 48 * 1024
"""What a connection of SQLite may keep in memory meanwhile: three unique names of every reader are
random, so that a chunk touches thousands of pages."""
_USUAL_CACHE_KIB = 2000
_USUAL_PAGES = 1000
_ATTEMPTS = 5
_AGAIN = {"23505", "40001", "40P01"}
"""What PostgreSQL says when somebody wrote the same reader meanwhile, or stood in our way."""
_NEWSLETTER = sa.table("newsletter", sa.column("id", sa.BigInteger), sa.column("slug", sa.String))
_OWN_ACTS = (ConsentKind.CONFIRMED, ConsentKind.MOVED, ConsentKind.RESUMED)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Run:
    """One import: what of, how far, and what came of it; times aware UTC."""

    id: int
    fingerprint: str
    file_name: str
    source: str
    began_at: datetime
    upto: int = 0
    counts: Mapping[str, Any] = field(default_factory=dict)
    report: str = ""
    done_at: datetime | None = None


@dataclass(slots=True)
class Rows:
    """The rows of one chunk, each in the order of its table's columns below."""

    readers: list[tuple[Any, ...]] = field(default_factory=list)
    standings: dict[tuple[int, int], Subscription] = field(default_factory=dict)
    consents: list[tuple[Any, ...]] = field(default_factory=list)
    tags: list[tuple[int, str]] = field(default_factory=list)
    changes: list[tuple[Any, ...]] = field(default_factory=list)
    suppressions: list[tuple[Any, ...]] = field(default_factory=list)
    manners: list[tuple[int, Manner]] = field(default_factory=list)


_READER = (
    *("id", "public_id", "address", "address_key", "address_hmac", "created_at"),
    *("language", "zone", "hour", "format"),
)
_STANDING = (
    *("subscriber_id", "newsletter_id", "state", "topic_mask", "requested_at"),
    *("confirmed_at", "ended_at", "paused_until"),
)
_CONSENT = ("subscriber_id", "newsletter_id", "kind", "at", "via", "ip", "source")
_CHANGE = ("subscriber_id", "newsletter_id", "what", "at")
_SUPPRESSION = ("address_hmac", "scope", "reason", "norm_version", "at")


def begin_run(
    connection: Connection,
    fingerprint: str,
    *,
    file_name: str,
    source: str,
    options: Mapping[str, object],
    report: str,
    at: datetime,
) -> Run:
    """Write that an import begins."""
    values = {
        "fingerprint": fingerprint,
        "file_name": file_name,
        "source": source,
        "options": dict(options),
        "state": RUNNING,
        "upto": 0,
        "counts": {},
        "report": report,
        "began_at": at,
        "changed_at": at,
    }
    row = sa.insert(import_run).values(values).returning(import_run.c.id)
    run_id: int = connection.execute(row).scalar_one()
    return Run(run_id, fingerprint, file_name, source, at, report=report)


def last_run(connection: Connection, fingerprint: str) -> Run | None:
    """Find the last import of the same content in the same way."""
    query = (
        sa.select(import_run)
        .where(import_run.c.fingerprint == fingerprint)
        .order_by(import_run.c.id.desc())
        .limit(1)
    )
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return Run(
        row.id,
        row.fingerprint,
        row.file_name,
        row.source,
        row.began_at,
        row.upto,
        row.counts,
        row.report,
        row.done_at,
    )


def save_progress(
    connection: Connection,
    run: Run,
    *,
    upto: int,
    counts: Mapping[str, object],
    at: datetime,
    done: bool = False,
) -> None:
    """Write how far a run is, in the transaction of what it brought in."""
    values: dict[str, object] = {"upto": upto, "counts": dict(counts), "changed_at": at}
    if done:
        values |= {"state": DONE, "done_at": at}
    mine = sa.update(import_run).where(import_run.c.id == run.id)
    connection.execute(mine.values(values))


def in_chunk(database: Database, work: Callable[[Connection], T]) -> T:
    """Do a chunk's work in one transaction, again when somebody wrote the same reader meanwhile.

    The log of SQLite is brought into the file afterwards, while the next in line has their turn:
    a slow disk keeps nobody waiting but us.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with database.write() as connection:
                if database.is_sqlite:
                    _settle(connection, cache_kib=_CACHE_KIB, checkpoint_pages=0)
                else:
                    # A server that falls forgets the last chunks whole, and how far the run was
                    # with them. The last transaction of a run waits for the disk, for all of them.
                    connection.exec_driver_sql("SET LOCAL synchronous_commit TO off")
                done = work(connection)
        except sa.exc.DBAPIError as error:
            if attempt == _ATTEMPTS or getattr(error.orig, "sqlstate", "") not in _AGAIN:
                raise
        else:
            _into_file(database)
            return done
    raise AssertionError("unreachable")


def _into_file(database: Database) -> None:
    if database.is_sqlite:
        with database.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.execute("PRAGMA wal_checkpoint(PASSIVE)").close()


def count_anew(database: Database) -> None:
    """Have PostgreSQL look how large the tables have become: until it does, it plans for few."""
    if not database.is_sqlite:
        with database.write() as connection:
            tables = (subscriber, subscription, consent, subscriber_tag)
            connection.exec_driver_sql(f"ANALYZE {', '.join(each.name for each in tables)}")


def leave(database: Database) -> None:
    """Give the memory back that `in_chunk` took."""
    if database.is_sqlite:
        with database.write() as connection:
            _settle(connection, cache_kib=_USUAL_CACHE_KIB, checkpoint_pages=_USUAL_PAGES)


def _settle(connection: Connection, *, cache_kib: int, checkpoint_pages: int) -> None:
    connection.exec_driver_sql(f"PRAGMA cache_size=-{cache_kib}")
    connection.exec_driver_sql(f"PRAGMA wal_autocheckpoint={checkpoint_pages}").close()


def reserve_ids(connection: Connection, count: int) -> Sequence[int]:
    """Take the numbers of so many new readers."""
    if connection.dialect.name == "sqlite":  # nobody else writes until this transaction ends
        last = sa.select(sa.func.coalesce(sa.func.max(subscriber.c.id), 0))
        first: int = connection.execute(last).scalar_one() + 1
        return range(first, first + count)
    drawn = sa.text(
        "SELECT nextval(pg_get_serial_sequence('subscriber', 'id')) FROM generate_series(1, :n)"
    )
    return list(connection.execute(drawn, {"n": count}).scalars())


def held_readers(connection: Connection, keys: Collection[str]) -> dict[str, Held]:
    """Find who of these address keys is known, and how they stand; locked until the end."""
    columns = (subscriber.c.id, subscriber.c.public_id, subscriber.c.address_key)
    manner = (subscriber.c.language, subscriber.c.format, subscriber.c.zone, subscriber.c.hour)
    query = (
        sa.select(*columns, *manner)
        .where(
            among(connection.dialect.name, subscriber.c.address_key, keys),
            subscriber.c.address.is_not(None),
        )
        .with_for_update()
    )
    found = {
        row.address_key: Held(
            row.id,
            row.public_id,
            manner=Manner(row.language, row.format == TEXT, row.zone, row.hour),
        )
        for row in connection.execute(query)
    }
    if found:
        _add_standings(connection, {each.id: each for each in found.values()})
    return found


def _add_standings(connection: Connection, held: Mapping[int, Held]) -> None:
    mine = sa.select(subscription).where(
        among(connection.dialect.name, subscription.c.subscriber_id, held)
    )
    for row in connection.execute(mine).mappings():
        standing = Subscription(**{**row, "state": SubscriptionState(row["state"])})
        held[standing.subscriber_id].standings[standing.newsletter_id] = standing
    tags = sa.select(subscriber_tag).where(
        among(connection.dialect.name, subscriber_tag.c.subscriber_id, held)
    )
    for subscriber_id, tag in connection.execute(tags):
        held[subscriber_id].tags.add(tag)


def add_own_confirmations(connection: Connection, held: Collection[Held]) -> None:
    """Find when these readers last confirmed with us by an act of their own."""
    by_id = {each.id: each for each in held}
    if not by_id:
        return
    query = (
        sa.select(
            consent.c.subscriber_id,
            consent.c.newsletter_id,
            sa.func.max(consent.c.at).label("at"),
        )
        .where(
            among(connection.dialect.name, consent.c.subscriber_id, by_id),
            consent.c.kind.in_(_OWN_ACTS),
            consent.c.newsletter_id.is_not(None),
            consent.c.via != "import",
        )
        .group_by(consent.c.subscriber_id, consent.c.newsletter_id)
    )
    for subscriber_id, newsletter_id, at in connection.execute(query):
        each = by_id[subscriber_id]
        each.confirmed_at = {**each.confirmed_at, newsletter_id: at}


def never_mailed(
    connection: Connection, hashes: Collection[str]
) -> dict[str, dict[str | int, SuppressionReason]]:
    """Find who of these is on the never-mail list: for ALL, or for newsletters by their ids."""
    query = (
        sa.select(
            suppression.c.address_hmac,
            suppression.c.scope,
            suppression.c.reason,
            _NEWSLETTER.c.id,
        )
        .outerjoin(_NEWSLETTER, _NEWSLETTER.c.slug == suppression.c.scope)
        .where(among(connection.dialect.name, suppression.c.address_hmac, hashes))
    )
    found: dict[str, dict[str | int, SuppressionReason]] = {}
    for hashed, scope, reason, newsletter_id in connection.execute(query):
        where = ALL if scope == EVERYTHING else newsletter_id
        if where is not None:
            found.setdefault(hashed, {})[where] = SuppressionReason(reason)
    return found


def write_rows(connection: Connection, rows: Rows) -> None:
    """Write a chunk's rows."""
    new = {row[0] for row in rows.readers}
    fresh: list[tuple[Any, ...]] = []
    known: list[tuple[Any, ...]] = []
    for standing in rows.standings.values():
        (fresh if standing.subscriber_id in new else known).append(_standing_row(standing))
    insert = _Inserting(connection)
    insert.rows(subscriber, _READER, rows.readers)
    insert.rows(subscription, _STANDING, fresh)
    insert.rows(subscription, _STANDING, known, conflict=_OVER_STANDING)
    insert.rows(consent, _CONSENT, rows.consents)
    tags = sorted(set(rows.tags))
    insert.rows(subscriber_tag, ("subscriber_id", "tag"), tags, conflict=_LEAVE)
    insert.rows(audience_change, _CHANGE, rows.changes)
    written = [(*row[:3], NORM_VERSION, row[3]) for row in rows.suppressions]
    insert.rows(suppression, _SUPPRESSION, written, conflict=_LEAVE)
    for subscriber_id, manner in rows.manners:
        _save_manner(connection, subscriber_id, manner)


_TIMES = frozenset(("at", "created_at", "requested_at", "confirmed_at", "ended_at", "paused_until"))
_ZONELESS = len("2026-01-09 06:30:00.000000")
_LEAVE = " ON CONFLICT DO NOTHING"
_OVER_STANDING = " ON CONFLICT (subscriber_id, newsletter_id) DO UPDATE SET " + ", ".join(
    f"{each}=excluded.{each}" for each in _STANDING[2:]
)


def _standing_row(each: Subscription) -> tuple[Any, ...]:
    return (
        each.subscriber_id,
        each.newsletter_id,
        str(each.state),
        each.topic_mask,
        each.requested_at,
        each.confirmed_at,
        each.ended_at,
        each.paused_until,
    )


class _Inserting:
    """Writes rows the fastest way the database has; names stand in the code, values never do."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._is_sqlite = connection.dialect.name == "sqlite"
        self._texts: dict[datetime, str] = {}

    def rows(
        self,
        table: sa.Table,
        columns: Sequence[str],
        rows: Sequence[tuple[Any, ...]],
        *,
        conflict: str = "",
    ) -> None:
        """Write rows of one table."""
        if not rows:
            return
        names = ", ".join(columns)
        mark = "?" if self._is_sqlite else "%s"
        marks = ", ".join([mark] * len(columns))
        sql = f"INSERT INTO {table.name} ({names}) VALUES ({marks}){conflict}"  # noqa: S608 - names of ours only
        if self._is_sqlite:
            driver: Any = self._connection.connection.driver_connection
            driver.executemany(sql, self._plain(columns, rows)).close()
        elif conflict:
            self._connection.exec_driver_sql(sql, list(rows))
        else:
            _copy(self._connection, f"COPY {table.name} ({names}) FROM STDIN", rows)

    def _plain(
        self, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> Iterator[Sequence[Any]]:
        """Give rows as SQLite's driver takes them: a time, UTC's, as SQLAlchemy writes it.

        A moment stands in several rows: it is made a text once.
        """
        times = [n for n, each in enumerate(columns) if each in _TIMES]
        texts = self._texts
        for row in rows:
            values = list(row)
            for at in times:
                moment = values[at]
                if moment is not None:
                    text = texts.get(moment)
                    if text is None:
                        text = texts[moment] = moment.isoformat(" ", "microseconds")[:_ZONELESS]
                    values[at] = text
            yield values


def _copy(connection: Connection, sql: str, rows: Iterable[tuple[Any, ...]]) -> None:
    driver: Any = connection.connection.cursor()
    try:
        with driver.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)
    except Exception as error:
        # Only what goes through SQLAlchemy becomes its errors, by which `in_chunk` tries again.
        if getattr(error, "sqlstate", "") in _AGAIN:
            raise sa.exc.DBAPIError("COPY", None, error) from error
        raise
    finally:
        driver.close()


def _save_manner(connection: Connection, subscriber_id: int, manner: Manner) -> None:
    mine = sa.update(subscriber).where(subscriber.c.id == subscriber_id)
    connection.execute(
        mine.values(
            language=manner.language,
            zone=manner.zone,
            hour=manner.hour,
            format=TEXT if manner.text_only else None,
        )
    )
