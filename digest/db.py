"""Door to the database: one recipe for SQLite and PostgreSQL, and the one-holder seats."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, Dialect, Engine, make_url
from sqlalchemy.types import TypeDecorator

from digest.errors import AlreadyRunningError, DatabaseError

__all__ = [
    "BigId",
    "Connection",
    "Database",
    "DatabaseTrouble",
    "UtcDateTime",
    "among",
    "among_given",
    "at_once",
    "given_ids",
    "insert",
    "metadata",
    "rows_at_once",
    "rows_changed",
]

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""Every room's tables hang on this one; a room declares its own in its `store.py`."""

DatabaseTrouble = sa.exc.DBAPIError
"""What a database raises that is away, full or locked: the same work may succeed later."""

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_WAL_PATIENCE = 30.0
_WRITE_PATIENCE = 30.0

_NOT_IDLE_FOR_LONG = "SET LOCAL idle_in_transaction_session_timeout = '10s'"
"""The locks of a machine that is lost, or paused, in a transaction: without it PostgreSQL keeps
them for hours, and nobody takes over what it had."""

_NAPS = (0.0001,) * 40 + (0.0005,) * 200 + (0.002,)
"""Seconds between two looks whether it is our turn; the last for as long as it takes."""

_LOCKED_HINT = "Which program writes to it? Nothing was changed; do it again when that is done."
_FILE_HINT = "Check [storage] database in digest.toml; the file and its folder must be ours."
_SERVER_HINT = "Is the server up, and are host, user and password right? [storage] names them."

BigId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A 64-bit key; SQLite only counts up an INTEGER PRIMARY KEY by itself."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime in UTC on both databases; a naive one is refused when bound."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Store UTC; SQLite keeps it as text whose order is the order in time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a time needs its zone: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give UTC back, whatever the session's zone."""
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    @staticmethod
    def of(value: datetime | str | None) -> datetime | None:
        """Give an aware moment of what `rows_at_once` brought."""
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One database: readers, writers, migrations.

    SQLite runs in WAL mode with BEGIN IMMEDIATE for writers and one writer a process: a deferred
    transaction that turns writer is refused at once ("database is locked"), and pysqlite's own
    default mode loses updates silently. Writers of several processes stand in line (`_Line`):
    SQLite's own way of waiting sleeps longer and longer, and starves whoever writes seldom.
    """

    def __init__(
        self, url: str, *, read_only: bool = False, patience: float = _WRITE_PATIENCE
    ) -> None:
        """Prepare an engine for `sqlite:///path` or `postgresql://…`; nothing is opened yet.

        With `read_only` the database itself refuses every change, whatever asks for one, and a
        SQLite file that is not there is not made. `patience` is how many seconds a writer of SQLite
        waits for its turn. Raises DatabaseError for another scheme.
        """
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.read_only = read_only
        self.durable = False
        """Whether each commit waits for the disk; SQLite's outlive a power cut only then."""
        self._one_writer = threading.RLock() if self.is_sqlite else contextlib.nullcontext()
        self._line = _Line(self.path) if self.path is not None else None
        self._patience = patience
        if self.is_sqlite:
            self.engine = _sqlite_engine(self.url, read_only=read_only, patience=patience)
        else:
            self.engine = _postgres_engine(self.url, read_only=read_only)

    @property
    def path(self) -> Path | None:
        """The file of a SQLite database."""
        return Path(self.url.database) if self.is_sqlite and self.url.database else None

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a connection in a read transaction: one snapshot, rolled back at the end."""
        with self._connect() as connection:
            try:
                connection.begin()
                yield connection
            finally:
                connection.rollback()

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a connection in a write transaction: committed at the end, or wholly undone.

        Raises DatabaseError when it was opened to be read only.
        """
        if self.read_only:
            where = self.url.render_as_string(hide_password=True)
            raise DatabaseError(f"database: {where}: opened to look at only, so nothing is written")
        with self._one_writer, self._turn(), self._connect() as connection:
            writer = connection.execution_options(digest_writer=True, digest_durable=self.durable)
            with self._begun(writer):
                yield writer

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        if self._line is None:
            yield
            return
        with self._line.turn(self._patience) as came:
            if not came:
                raise self._locked()
            yield

    @contextlib.contextmanager
    def _begun(self, writer: Connection) -> Iterator[None]:
        try:
            transaction = writer.begin()
        except sa.exc.OperationalError as error:
            if self.is_sqlite and "locked" in str(error.orig):
                raise self._locked() from error
            raise
        with transaction:
            if not self.is_sqlite:
                writer.exec_driver_sql(_NOT_IDLE_FOR_LONG)
            yield

    def _locked(self) -> DatabaseError:
        where = self.url.render_as_string(hide_password=True)
        words = f"database: {where}: others kept it locked for {self._patience:g} s"
        return DatabaseError(words, hint=_LOCKED_HINT)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Connection]:
        try:
            connection = self.engine.connect()
        except sa.exc.DBAPIError as error:
            where = self.url.render_as_string(hide_password=True)
            hint = _FILE_HINT if self.is_sqlite else _SERVER_HINT
            raise DatabaseError(f"database: {where}: {_reason(error)}", hint=hint) from error
        with connection:
            yield connection

    def migrate(self) -> list[str]:
        """Bring the schema to the newest revision; give the revisions applied, oldest first.

        However many processes start at once, at most one migrates (BEGIN IMMEDIATE or an advisory
        lock); the SQLite file is copied beside itself before an existing schema changes.
        Raises DatabaseError when the database is newer than this program.
        """
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        from digest.migrations import migrate  # noqa: PLC0415 - alembic costs half a second

        return migrate(self)

    @contextlib.contextmanager
    def hold(self, seat: str) -> Iterator[None]:
        """Hold the one seat of this name on this database while the block runs.

        The seat is free again the moment its holder dies, even by kill -9: a flock beside the
        SQLite file, a session's advisory lock on PostgreSQL.
        Raises AlreadyRunningError, whose `holder` names machine and process, when it is taken.
        """
        path = self.path
        with _hold_file(path, seat) if path is not None else _hold_advisory(self, seat):
            yield

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()
        if self._line is not None:
            self._line.close()

    def copy_to(self, target: Path) -> None:
        """Copy a SQLite database, with its write-ahead log, to `target`; others may go on."""
        if self.path is None or not self.path.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        with self.read() as connection:
            driver: Any = connection.connection.driver_connection
            partial = target.with_suffix(target.suffix + ".part")
            partial.unlink(missing_ok=True)
            with contextlib.closing(sqlite3.connect(partial)) as copy:
                driver.backup(copy)
            shutil.move(partial, target)


class Together(Generic[_Item, _Result]):
    """Small work of many threads that one of them does for all who wait, in one go.

    Whoever comes first does it; who comes meanwhile waits, and then one of those does it for all of
    them. They cost one turn at the database and one wait for the disk, and nobody fights for the
    interpreter. `work` takes what waits and gives an answer for each; when it raises, each is done
    alone, so it must be work that may be begun twice.
    """

    def __init__(self, work: Callable[[list[_Item]], Sequence[_Result]], *, most: int) -> None:
        """Keep the work, done for `most` at once, so that other writers soon have their turn."""
        self.waiting: list[_Waiting[_Item, _Result]] = []
        self._work = work
        self._most = most
        self._gathering = threading.Lock()
        self._one = threading.Lock()

    def do(self, item: _Item) -> _Result:
        """Have it done, by ourselves or by another; raises what the work raises for this item."""
        mine = _Waiting[_Item, _Result](item)
        with self._gathering:
            self.waiting.append(mine)
        while not mine.done:
            with self._one:
                if not mine.done:
                    self._do_first()
        if mine.error is not None:
            raise mine.error
        return mine.results[0]

    def _do_first(self) -> None:
        with self._gathering:
            first, self.waiting = self.waiting[: self._most], self.waiting[self._most :]
        try:
            self._settle(first)
        except Exception:  # noqa: BLE001 - whose it is, each alone will tell
            for each in first:
                try:
                    self._settle([each])
                except Exception as error:  # noqa: BLE001 - it is raised where the item came from
                    each.error = error
        finally:
            for each in first:
                if not each.results and each.error is None:  # we were interrupted
                    each.error = InterruptedError("interrupted before it was done")
                each.done = True

    def _settle(self, some: Sequence[_Waiting[_Item, _Result]]) -> None:
        results = self._work([each.item for each in some])
        for each, result in zip(some, results, strict=True):
            each.results = [result]


@dataclass(slots=True)
class _Waiting(Generic[_Item, _Result]):
    """An item that waits to be done, and what came of it."""

    item: _Item
    done: bool = False
    results: list[_Result] = field(default_factory=list)
    error: Exception | None = None


class _Line:
    """The line in which the writers of all processes on one SQLite file stand.

    Two locks on files: who is next, and whose turn it is. Whoever has had a turn queues again
    behind who is next, so that nobody is passed over twice; a lock is free the moment its holder
    dies. It is a courtesy: SQLite's own lock keeps the data whole, with or without it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: tuple[int, ...] = ()
        self._pid = 0

    @contextlib.contextmanager
    def turn(self, patience: float) -> Iterator[bool]:
        """Wait for our turn and hold it; False when it did not come."""
        files = self._open()
        if not files:
            yield True
            return
        import fcntl  # noqa: PLC0415 - absent on Windows, where there is no line

        waiting, turn = files
        ends = time.monotonic() + patience
        # The kernel wakes us the moment we are next; only who is next looks again and again. It
        # gives up in time, so nobody waits here for ever.
        fcntl.flock(waiting, fcntl.LOCK_EX)
        came = _lock(turn, ends)
        fcntl.flock(waiting, fcntl.LOCK_UN)
        try:
            yield came
        finally:
            fcntl.flock(turn, fcntl.LOCK_UN)

    def close(self) -> None:
        files, self._files = self._files, ()
        if self._pid == os.getpid():
            for file in files:
                os.close(file)

    def _open(self) -> tuple[int, ...]:
        """Give the files; none where locks cannot be had: SQLite stands alone then."""
        if self._pid != os.getpid():  # a fork shares its parent's locks, and so would need none
            self._files, self._pid = (), os.getpid()
        if not self._files and os.name == "posix":
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            names = (f"{self._path.name}.{which}.lock" for which in ("next", "turn"))
            with contextlib.suppress(OSError):
                self._files = tuple(
                    os.open(self._path.with_name(name), flags, 0o600) for name in names
                )
        return self._files


def _lock(file: int, ends: float) -> bool:
    """Lock a file; False when nobody gave it back in time."""
    import fcntl  # noqa: PLC0415 - absent on Windows

    for nap in itertools.chain(_NAPS, itertools.repeat(_NAPS[-1])):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= ends:
                return False
            time.sleep(nap)
        else:
            return True
    return False


def insert(connection: Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Give the INSERT of this database that can say ON CONFLICT: both spell it alike."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """Give the same for a dialect's name, for a statement that is built once."""
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def among(
    dialect: str, column: sa.ColumnElement[Any], values: Collection[str] | Collection[int]
) -> sa.ColumnElement[bool]:
    """Ask for many values as one: a thousand parameters cost more than the rows they find."""
    return among_given(dialect, column, sa.literal(given_ids(dialect, values)))


def among_given(
    dialect: str, column: sa.ColumnElement[Any], values: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Ask the same with a parameter, whose value `given_ids` makes: for what is built once."""
    if dialect == "sqlite":
        each = sa.func.json_each(values).table_valued("value")
        return column.in_(sa.select(each.c.value))
    return column == sa.any_(sa.cast(values, postgresql.ARRAY(column.type)))


def given_ids(dialect: str, values: Iterable[str] | Iterable[int]) -> Any:
    """Give many values as the one parameter that `among_given` asks with."""
    return json.dumps(list(values)) if dialect == "sqlite" else list(values)


def at_once(dialect: str, query: sa.Select[Any]) -> sa.Select[Any]:
    """Give a query whose rows come in one go: see `rows_at_once`."""
    if dialect != "sqlite":
        return query
    inner = query.subquery()
    return sa.select(sa.func.json_group_array(sa.func.json(sa.func.json_array(*inner.c))))


def rows_at_once(
    connection: Connection, query: sa.Select[Any], given: Mapping[str, object]
) -> Iterable[Sequence[Any]]:
    """Read the rows of what `at_once` made; times come as the database keeps them.

    SQLite's driver lets go of the interpreter for every row: where another thread is busy, as a
    sender's loop is, each row waits for it anew. So it is asked for one row that holds them all.
    """
    result = connection.execute(query, given)
    if connection.dialect.name != "sqlite":
        return result.all()
    found: list[list[Any]] = json.loads(result.scalar_one())
    return found


def rows_changed(result: sa.CursorResult[Any]) -> int:
    """Count the rows that an UPDATE or DELETE touched: what a compare-and-set looks at."""
    return result.rowcount


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError as error:
        raise DatabaseError(f"database: {url!r} is not a database address") from error
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise DatabaseError(
            f"database: {parsed.get_backend_name()}: not a database this product knows",
            hint="Use sqlite:///var/digest.db or postgresql://user@host/name.",
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in {None, "", ":memory:"}:
        raise DatabaseError(
            "database: a SQLite database in memory is forgotten at once",
            hint="Name a file: sqlite:///var/digest.db",
        )
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    return parsed


def _sqlite_engine(url: URL, *, read_only: bool, patience: float) -> Engine:
    if read_only:
        url = _read_only_url(url)
    engine = sa.create_engine(url, hide_parameters=True)  # addresses stay out of every trace

    @sa.event.listens_for(engine, "connect")
    def set_up(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(patience * 1000)}")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
            cursor.close()
            return
        if not cursor.execute("PRAGMA page_count").fetchone()[0]:
            cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # only possible before the first table
        _enter_wal(cursor)
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA secure_delete=ON")  # who is erased is not left on freed pages
        cursor.close()

    @sa.event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        writer = options.get("digest_writer", False)
        if options.get("digest_durable", False):
            connection.exec_driver_sql("PRAGMA synchronous=FULL")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

    return engine


def _read_only_url(url: URL) -> URL:
    """Name the file as SQLite's own URI, which can say that it must be there and stay as it is."""
    file = Path(url.database or "").absolute().as_uri()
    return url.set(database=file).update_query_dict({"mode": "ro", "uri": "true"})


def _enter_wal(cursor: Any) -> None:
    """Switch a new file to WAL. Many may open it at once, and this one PRAGMA does not wait."""
    patience_ends = time.monotonic() + _WAL_PATIENCE
    while cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError:
            if time.monotonic() >= patience_ends:
                raise
            time.sleep(0.01)


def _postgres_engine(url: URL, *, read_only: bool) -> Engine:
    session = "-c timezone=utc"
    if read_only:
        session += " -c default_transaction_read_only=on"
    return sa.create_engine(
        url,
        hide_parameters=True,
        pool_pre_ping=True,
        pool_recycle=1800,
        connect_args={"connect_timeout": 10, "options": session},
    )


def _reason(error: sa.exc.DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0]


def _holder_name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


@contextlib.contextmanager
def _hold_file(path: Path, seat: str) -> Iterator[None]:
    import fcntl  # noqa: PLC0415 - absent on Windows, where SQLite's seat is not offered

    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.{seat}.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise _taken(seat, lock.read().strip(), path) from error
        lock.truncate(0)
        lock.write(_holder_name())
        lock.flush()
        yield


@contextlib.contextmanager
def _hold_advisory(database: Database, seat: str) -> Iterator[None]:
    key = sa.func.hashtextextended(f"digest:{seat}", 0)
    engine = database.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        if not connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))):
            holder = connection.exec_driver_sql(
                "SELECT a.application_name FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
                " WHERE l.locktype = 'advisory' AND l.granted"
                " AND a.application_name LIKE %s LIMIT 1",
                (f"digest {seat}:%",),
            ).scalar()
            name = str(holder or "").partition(": ")[2]
            raise _taken(seat, name, database.url.database or "")
        connection.exec_driver_sql(
            "SELECT set_config('application_name', %s, false)",
            (f"digest {seat}: {_holder_name()}"[:63],),
        )
        try:
            yield
        finally:
            connection.scalar(sa.select(sa.func.pg_advisory_unlock(key)))
            connection.exec_driver_sql("RESET application_name")


def _taken(seat: str, holder: str, place: Path | str) -> AlreadyRunningError:
    holder = holder or "another process"
    return AlreadyRunningError(
        f"{seat}: already running on {place}: {holder}",
        holder=holder,
        hint="Stop that one first, or look at it with: digest status",
    )
