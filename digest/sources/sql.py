"""Door to a publisher's own database: one SELECT of theirs, read-only, in bounded time."""

from __future__ import annotations

import contextlib
import math
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.pool import NullPool

from digest.errors import SourceError
from digest.sources.cleaning import one_line
from digest.sources.fields import text_of
from digest.sources.model import Reading, SourceSpec
from digest.sources.rows import check_columns, read_rows
from digest.sources.select_only import checked_select

_AT_ONCE = 50
_MOST_CHARACTERS = 20_000_000
_LONGEST_VALUE = 5_000_000
_GRACE_SECONDS = 1.0
_STEPS = 10_000
"""Of SQLite's machine between two looks at the clock: under a millisecond."""
_OVERLAP = timedelta(hours=1)
"""`:since` goes back so far behind the last reading: a row may be written before it can be seen."""
_BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
_LONGEST_CAUSE = 300
_TIMED_OUT = ("statement timeout", "max_statement_time", "maximum statement execution time")
_KNOWN = {
    "sqlite": "sqlite",
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql",
    "mariadb": "mariadb",
}
_MYSQL = ("SET SESSION max_execution_time={ms}", "SET SESSION max_statement_time={s}")
"""MySQL and MariaDB limit a query's time by names of their own: each knows one of the two."""
_PACKAGES = {
    "MySQLdb": "mysqlclient",
    "pymysql": "pymysql",
    "mysql": "mysql-connector-python",
    "mariadb": "mariadb",
}
_TIMEOUT_NAMES = {
    "mysqldb": ("connect_timeout", "read_timeout"),
    "pymysql": ("connect_timeout", "read_timeout"),
    "mariadbconnector": ("connect_timeout", "read_timeout"),
    "mysqlconnector": ("connection_timeout",),
}


def read_sql(
    spec: SourceSpec,
    *,
    since: datetime | None = None,
    timeout: float = 10.0,
    most_rows: int = 500,
) -> Reading:
    """Run the source's SELECT and make stories of its rows by its map of columns.

    The database is opened for reading only and the transaction is always rolled back. The query may
    name `:since` (`since`, less an hour; in the source's zone) and `:since_epoch` (its seconds);
    without `since` both are the beginning. `timeout` bounds the whole in seconds. Raises
    SourceError; no message holds a password.
    """
    check_columns(spec)
    url = _url(spec)
    asked = _Asked(
        shown_address(spec.address),
        checked_select(spec.query, source=spec.name),
        max((since or _BEGINNING) - _OVERLAP, _BEGINNING),
        ZoneInfo(spec.zone),
        time.monotonic() + timeout,
        timeout,
        most_rows,
    )
    try:
        rows, given, warnings = _run(url, asked)
    except (sa.exc.SQLAlchemyError, ValueError, OverflowError) as error:
        raise _failure(error, url, asked) from error
    reading = read_rows(rows, given, spec=spec)
    return Reading(reading.stories, (*warnings, *reading.warnings)[:_AT_ONCE], gone=reading.gone)


def shown_address(address: str) -> str:
    """Give a database's address as people may see it: kind, host and name, no user, no password."""
    try:
        url = make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        return "a database"
    place = url.host or ""
    if url.port:
        place = f"{place}:{url.port}"
    return one_line(f"{url.get_backend_name()}://{place}/{url.database or ''}")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What one reading asks, and how long it may take."""

    shown: str
    query: str
    since: datetime
    zone: ZoneInfo
    ends_at: float
    timeout: float
    most_rows: int

    @property
    def left(self) -> float:
        """How many seconds are left, a tenth at the least."""
        return max(0.1, self.ends_at - time.monotonic())


def _url(spec: SourceSpec) -> URL:
    try:
        url = make_url(spec.address)
    except (sa.exc.ArgumentError, ValueError) as error:
        raise SourceError(
            f"sql: {spec.name}: not a database address",
            hint="Write sqlite:///path/to/file.db or postgresql://user:password@host/name.",
        ) from error
    kind, _, driver = url.drivername.partition("+")
    if kind not in _KNOWN:
        raise SourceError(
            f"sql: {shown_address(spec.address)}: {kind}: not a kind of database that can be read"
            " without the power to write",
            hint="Use sqlite, postgresql, mysql or mariadb, or write a feed from that database.",
        )
    is_ours = kind in {"sqlite", "postgres", "postgresql"}
    return url if driver and not is_ours else url.set(drivername=_KNOWN[kind])


def _run(url: URL, asked: _Asked) -> tuple[list[Sequence[Any]], tuple[str, ...], list[str]]:
    engine = _engine(url, asked)
    try:
        with _watched(engine, asked), engine.connect() as connection:
            _set_up(connection, asked)
            statement = sa.text(asked.query)
            options = {"stream_results": True, "max_row_buffer": _AT_ONCE}
            with connection.execution_options(**options).execute(
                statement, _bound(statement, connection, asked)
            ) as result:
                return _fetch(result, asked)
    finally:
        engine.dispose()


def _fetch(
    result: sa.CursorResult[Any], asked: _Asked
) -> tuple[list[Sequence[Any]], tuple[str, ...], list[str]]:
    """Take the rows in portions, and stop at the cap, at 20 MB, or when time is up."""
    rows: list[Sequence[Any]] = []
    given = tuple(result.keys())
    size = 0
    while len(rows) <= asked.most_rows and (some := result.fetchmany(_AT_ONCE)):
        rows += [tuple(row) for row in some]
        size += sum(len(text_of(value)) for row in some for value in row)
        if size > _MOST_CHARACTERS:
            return rows, given, [f"more than 20 MB; only the first {len(rows)} rows were read"]
        if time.monotonic() > asked.ends_at:
            raise _too_slow(asked)
    if len(rows) <= asked.most_rows:
        return rows, given, []
    only = f"only the first {asked.most_rows} rows were read; end the query with ORDER BY and LIMIT"
    return rows[: asked.most_rows], given, [only]


def _bound(statement: sa.TextClause, connection: Connection, asked: _Asked) -> dict[str, Any]:
    local = asked.since.astimezone(asked.zone)
    # SQLite keeps times as texts and MySQL without zones: there the same is compared to the same.
    if connection.dialect.name == "sqlite":
        moment: Any = f"{local:%Y-%m-%d %H:%M:%S}"
    else:
        moment = local if connection.dialect.name == "postgresql" else local.replace(tzinfo=None)
    values = {"since": moment, "since_epoch": math.floor(asked.since.timestamp())}
    return {name: values[name] for name in statement.compile().params}


def _engine(url: URL, asked: _Asked) -> sa.Engine:
    options: dict[str, Any] = {"poolclass": NullPool, "hide_parameters": True}
    try:
        if url.get_backend_name() == "sqlite":
            return sa.create_engine("sqlite://", creator=lambda: _sqlite(url, asked), **options)
        if url.get_backend_name() == "postgresql":
            return sa.create_engine(url, connect_args=_postgres_arguments(asked), **options)
        seconds = max(1, math.ceil(asked.left))
        names = _TIMEOUT_NAMES.get(url.get_driver_name(), ())
        return sa.create_engine(url, connect_args=dict.fromkeys(names, seconds), **options)
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(error.name or "", error.name)
        raise SourceError(
            f"sql: {asked.shown}: the driver {error.name!r} is not installed",
            hint=f"Install it beside digest: pip install {package}",
        ) from error
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, TypeError) as error:
        raise SourceError(
            f"sql: {asked.shown}: the address cannot be used",
            hint="Check the part before :// and what stands behind a question mark.",
        ) from error


def _sqlite(url: URL, asked: _Asked) -> sqlite3.Connection:
    path = Path(url.database or "").absolute()
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=ro", uri=True, timeout=asked.left, check_same_thread=False
    )
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_VALUE)
    connection.execute("PRAGMA query_only=ON")
    # A non-zero answer interrupts: also a query that never gives its first row.
    connection.set_progress_handler(lambda: int(time.monotonic() > asked.ends_at), _STEPS)
    return connection


def _postgres_arguments(asked: _Asked) -> dict[str, Any]:
    seconds = max(2, math.ceil(asked.left))
    return {
        "connect_timeout": seconds,
        "tcp_user_timeout": seconds * 1000,
        "prepare_threshold": None,
    }


def _set_up(connection: Connection, asked: _Asked) -> None:
    """Begin a transaction that cannot write, and ask the server to end it in time."""
    milliseconds = math.ceil(asked.left * 1000)
    kind = connection.dialect.name
    if kind == "postgresql":
        _as_texts(connection)
        connection.execute(sa.text("SET TRANSACTION READ ONLY"))
        connection.execute(
            sa.text(
                "SELECT set_config('statement_timeout', :timeout, true),"
                " set_config('lock_timeout', :timeout, true),"
                " set_config('TimeZone', :zone, true), set_config('datestyle', 'ISO', true)"
            ),
            {"timeout": str(milliseconds), "zone": asked.zone.key},
        )
    if kind in {"mysql", "mariadb"}:
        for statement in _MYSQL:
            with contextlib.suppress(sa.exc.DBAPIError):
                connection.exec_driver_sql(
                    statement.format(ms=milliseconds, s=math.ceil(milliseconds / 1000))
                )
        connection.exec_driver_sql("START TRANSACTION READ ONLY")


def _as_texts(connection: Connection) -> None:
    """Take times as PostgreSQL writes them: one `infinity` must not end the whole reading."""
    from psycopg.types.string import TextLoader  # noqa: PLC0415 - only where it is the driver

    driver: Any = connection.connection.driver_connection
    for kind in ("date", "timestamp", "timestamptz"):
        driver.adapters.register_loader(kind, TextLoader)


@contextlib.contextmanager
def _watched(engine: sa.Engine, asked: _Asked) -> Iterator[None]:
    """Cut the line to a server that keeps neither its own time limit nor ours.

    A pooler that has put its clients on hold answers nothing, not even to a cancel request.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with contextlib.ExitStack() as stack:

        @sa.event.listens_for(engine, "do_connect")
        def connect(dialect: Any, _record: object, args: Any, named: Any) -> Any:
            driver = dialect.connect(*args, **named)
            # A line of our own: the driver's number may soon be another file's.
            line = stack.enter_context(socket.socket(fileno=socket.dup(driver.fileno())))
            timer = threading.Timer(asked.left + _GRACE_SECONDS, _cut, (line,))
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
            return driver

        yield


def _cut(line: socket.socket) -> None:
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _failure(error: Exception, url: URL, asked: _Asked) -> SourceError:
    words = str(getattr(error, "orig", None) or error).strip()
    if time.monotonic() > asked.ends_at or any(sign in words for sign in _TIMED_OUT):
        return _too_slow(asked)
    cause = one_line(words.splitlines()[0] if words else type(error).__name__)
    hidden = [value for name, value in url.query.items() if "pass" in name.lower()]
    for secret in (url.password, *hidden):
        if secret:
            cause = cause.replace(str(secret), "…")
    return SourceError(f"sql: {asked.shown}: {cause[:_LONGEST_CAUSE]}", hint=_hint(words))


def _hint(words: str) -> str:
    words = words.lower()
    if "unable to open" in words:
        return "Check the path; digest must be allowed to read the file and its folder."
    if any(sign in words for sign in ("connect", "password", "could not translate")):
        return "Is the server up, and are host, user and password right?"
    if any(sign in words for sign in ("readonly", "read-only", "read only")):
        return "Only reading is allowed: take out what writes."
    return "Run the query by hand on that database; only :since and :since_epoch are filled in."


def _too_slow(asked: _Asked) -> SourceError:
    return SourceError(
        f"sql: {asked.shown}: no answer within {asked.timeout:g} seconds",
        hint="Is the server up? Else make the query faster: an index, or only the last days.",
    )
