from __future__ import annotations

import contextlib
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from digest.errors import SourceError
from digest.sources.model import DateOrigin, FoundStory, Gone, Picture, Reading, SourceKind
from digest.sources.model import SourceSpec as Spec
from digest.sources.sql import read_sql, shown_address

QUERY = "SELECT * FROM story ORDER BY id"
COLUMNS = {
    "headline": "title",
    "guid": "id",
    "url": "link",
    "body": "text",
    "authors": "by",
    "picture": "photo",
    "published_at": "published",
    "updated_at": "changed",
    "reads": "views",
    "deleted": "removed",
}
TABLE = (
    "CREATE TABLE story (id INTEGER PRIMARY KEY, title TEXT, link TEXT, text TEXT, by TEXT,"
    " photo TEXT, published TIMESTAMP, changed TIMESTAMP, views INTEGER, removed BOOLEAN)"
)
ROWS = (
    "INSERT INTO story VALUES"
    " (1, 'Ferry sails', 'https://post.example/f', '<p>It left.</p>', 'Ann, Bob', '/f.jpg',"
    " '2026-01-09 06:15:00', NULL, 12, false),"
    " (2, 'Council votes', NULL, 'One.\n\nTwo.', NULL, NULL, '2026-01-10 06:15:00',"
    " '2026-01-10 07:00:00', NULL, NULL),"
    " (3, 'Crane sold', 'https://post.example/c', '', '', '', NULL, NULL, 0, true)"
)
FERRY = FoundStory(
    headline="Ferry sails",
    guid="1",
    url="https://post.example/f",
    body_html="<p>It left.</p>",
    body_text="It left.",
    authors=("Ann", "Bob"),
    picture=Picture("https://post.example/f.jpg"),
    published_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
    published_from=DateOrigin.FEED,
    language="en",
    reads=12,
)
COUNCIL = FoundStory(
    headline="Council votes",
    guid="2",
    body_html="<p>One.</p><p>Two.</p>",
    body_text="One.\n\nTwo.",
    published_at=datetime(2026, 1, 10, 5, 15, tzinfo=UTC),
    published_from=DateOrigin.FEED,
    updated_at=datetime(2026, 1, 10, 6, 0, tzinfo=UTC),
    language="en",
)


@pytest.fixture
def site(empty_database_url: str) -> str:
    """The address of a publisher's database with three stories, of each kind."""
    run(empty_database_url, TABLE, ROWS)
    return empty_database_url


def run(url: str, *statements: str) -> None:
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))
    engine.dispose()


def a_spec(address: str, query: str = QUERY, **more: Any) -> Spec:
    settings = {"zone": "Europe/Berlin", "language": "en", "columns": COLUMNS, **more}
    return Spec("archive", SourceKind.SQL, address, query=query, **settings)


def refused(address: str, query: str = QUERY, *, timeout: float = 10.0) -> SourceError:
    with pytest.raises(SourceError) as error:
        read_sql(a_spec(address, query), timeout=timeout)
    return error.value


def test_rows_become_stories_and_deleted_ones_are_gone(site: str) -> None:
    assert read_sql(a_spec(site)) == Reading(
        (FERRY, COUNCIL), gone=(Gone("3", "https://post.example/c"),)
    )


def test_reading_leaves_no_trace_and_can_be_done_again(site: str) -> None:
    assert read_sql(a_spec(site)) == read_sql(a_spec(site))


@pytest.mark.parametrize(
    ("since", "ids"), [(None, [1, 2]), ("2026-01-10 05:00", [2]), ("2026-01-11 12:00", [])]
)
def test_since_is_the_moment_of_the_last_reading_in_the_sources_zone(
    site: str, since: str | None, ids: list[int]
) -> None:
    spec = a_spec(site, "SELECT * FROM story WHERE published >= :since ORDER BY id")
    moment = datetime.fromisoformat(since).replace(tzinfo=UTC) if since else None
    reading = read_sql(spec, since=moment)
    assert [story.guid for story in reading.stories] == [str(n) for n in ids]


def test_since_goes_back_an_hour_for_rows_that_came_late(site: str) -> None:
    spec = a_spec(site, "SELECT * FROM story WHERE published > :since AND id = 1")
    assert len(read_sql(spec, since=datetime(2026, 1, 9, 6, 14, tzinfo=UTC)).stories) == 1
    assert len(read_sql(spec, since=datetime(2026, 1, 9, 6, 16, tzinfo=UTC)).stories) == 0


def test_since_epoch_is_for_columns_that_count_seconds(site: str) -> None:
    spec = a_spec(
        site,
        "SELECT 'T: :since' AS title, :since_epoch + 0 AS views",
        columns={"headline": "title", "reads": "views"},
    )
    (story,) = read_sql(spec, since=datetime(2026, 1, 9, 6, 0, tzinfo=UTC)).stories
    assert (story.headline, story.reads) == ("T: :since", 1767934800)


def test_more_rows_than_the_cap_are_left_with_a_warning(site: str) -> None:
    reading = read_sql(a_spec(site), most_rows=1)
    assert reading.stories == (FERRY,)
    assert reading.warnings == (
        "only the first 1 rows were read; end the query with ORDER BY and LIMIT",
    )
    assert read_sql(a_spec(site), most_rows=3).warnings == ()


def test_rows_of_more_than_20_mb_are_left_with_a_warning(site: str) -> None:
    run(site, *["UPDATE story SET text = text || text || 'x' WHERE id = 1"] * 16)
    many = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 90)"
        " SELECT story.* FROM n, story WHERE id = 1"
    )
    reading = read_sql(a_spec(site, many, columns={"headline": "title"}))
    assert len(reading.stories) == 50
    assert reading.warnings[0] == "more than 20 MB; only the first 50 rows were read"


@pytest.mark.parametrize(
    "statement",
    [
        "WITH gone AS (DELETE FROM story RETURNING *) SELECT * FROM gone",
        "SELECT *, setval('counter', 9) FROM story",
        "SELECT 1; DELETE FROM story",
        "DELETE FROM story",
        "SELECT * INTO copy FROM story",
        "SELECT * FROM story FOR UPDATE",
        "SELECT *, set_config('transaction_read_only', 'off', false) FROM story",
    ],
)
def test_no_query_can_write(site: str, statement: str) -> None:
    if site.startswith("postgresql"):
        run(site, "CREATE SEQUENCE counter")
    assert refused(site, statement).hint
    assert len(read_sql(a_spec(site)).stories) == 2


def test_a_query_without_end_is_ended(site: str) -> None:
    endless = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT count(*) AS title FROM n"
    )
    begun = time.monotonic()
    error = refused(site, endless, timeout=0.5)
    assert time.monotonic() - begun < 5
    assert str(error) == f"sql: {shown_address(site)}: no answer within 0.5 seconds"
    assert (
        error.hint
        == "Is the server up? Else make the query faster: an index, or only the last days."
    )


def test_rows_that_drip_are_ended(site: str) -> None:
    dripping = (
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
        " SELECT CASE WHEN x % 1000000 = 0 THEN 1 END AS title FROM n WHERE x % 1000000 = 0"
    )
    assert "no answer within 0.5 seconds" in str(refused(site, dripping, timeout=0.5))


def test_a_mistake_in_the_query_is_told_in_the_databases_words(site: str) -> None:
    error = refused(site, "SELECT titel FROM story")
    assert str(error).startswith(f"sql: {shown_address(site)}: ")
    assert "titel" in str(error)
    assert error.hint.startswith("Run the query by hand on that database")


def test_a_column_that_is_not_there_is_told_with_those_that_are(site: str) -> None:
    spec = a_spec(site, "SELECT id, title FROM story", columns={"headline": "name"})
    with pytest.raises(SourceError, match="the query gives no column 'name'") as error:
        read_sql(spec)
    assert error.value.hint == "It gives: id, title."


def test_colons_and_percents_of_the_query_stay_its_own(site: str) -> None:
    spec = a_spec(
        site,
        "SELECT CAST(100 AS TEXT) || '% :name 5%s' AS title FROM story WHERE title LIKE 'F%'",
        columns={"headline": "title"},
    )
    assert [story.headline for story in read_sql(spec).stories] == ["100% :name 5%s"]


def test_a_wrong_map_is_refused_before_anything_is_opened() -> None:
    spec = a_spec("sqlite:////nowhere/site.db", columns={"head": "title"})
    with pytest.raises(SourceError, match=r"^sql: archive: columns: not a part of a story: 'head'"):
        read_sql(spec)


# SQLite alone


def sqlite_file(path: Path, *statements: str) -> str:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()
    return sa.URL.create("sqlite", database=str(path)).render_as_string()


def test_a_file_with_signs_in_its_name_is_opened_for_reading_only(tmp_path: Path) -> None:
    path = tmp_path / "a #1 100%.db"
    address = sqlite_file(path, TABLE, ROWS)
    before = path.read_bytes()
    assert len(read_sql(a_spec(address)).stories) == 2
    assert path.read_bytes() == before


def test_a_file_is_read_while_its_program_writes(tmp_path: Path) -> None:
    address = sqlite_file(tmp_path / "site.db", "PRAGMA journal_mode=WAL", TABLE, ROWS)
    with contextlib.closing(sqlite3.connect(tmp_path / "site.db")) as writer:
        writer.execute("DELETE FROM story")
        assert len(read_sql(a_spec(address)).stories) == 2
        writer.commit()
        assert read_sql(a_spec(address)) == Reading()


def test_a_file_that_is_absent_is_not_made(tmp_path: Path) -> None:
    error = refused(f"sqlite:///{tmp_path / 'no.db'}")
    assert str(error) == f"sql: sqlite:///{tmp_path}/no.db: unable to open database file"
    assert error.hint == "Check the path; digest must be allowed to read the file and its folder."
    assert not (tmp_path / "no.db").exists()


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("story " * 500)
    assert "file is not a database" in str(refused(f"sqlite:///{tmp_path / 'x.db'}"))


def test_texts_in_another_encoding_and_huge_values_harm_nothing(tmp_path: Path) -> None:
    address = sqlite_file(
        tmp_path / "x.db",
        "CREATE TABLE story (title TEXT)",
        "INSERT INTO story VALUES (CAST(x'466572E9' AS TEXT))",
    )
    spec = a_spec(address, "SELECT title FROM story", columns={"headline": "title"})
    assert [story.headline for story in read_sql(spec).stories] == ["Fer\ufffd"]
    error = refused(address, "SELECT hex(zeroblob(900000000)) AS title")
    assert "too big" in str(error)


# PostgreSQL alone


def test_arrays_times_without_end_and_zones_of_postgresql(postgres_server: sa.URL) -> None:
    query = (
        "SELECT 'Ferry' AS title, ARRAY['Ann', 'Bob'] AS by, 'infinity'::timestamp AS published,"
        " '2026-01-09 06:15+01'::timestamptz AS changed, '[\"Local\"]'::jsonb AS tags"
    )
    columns = {
        "headline": "title",
        "authors": "by",
        "published_at": "published",
        "updated_at": "changed",
        "categories": "tags",
    }
    address = postgres_server.render_as_string(hide_password=False)
    assert read_sql(a_spec(address, query, columns=columns)) == Reading(
        (
            FoundStory(
                "Ferry",
                authors=("Ann", "Bob"),
                categories=("Local",),
                updated_at=datetime(2026, 1, 9, 5, 15, tzinfo=UTC),
                language="en",
            ),
        ),
        ("row 1 has a date that cannot be read (published_at: 'infinity')",),
    )


def test_a_scheme_without_its_driver_is_postgresqls(postgres_server: sa.URL) -> None:
    query = "SELECT 'Ferry' AS title"
    for scheme in ("postgres", "postgresql"):
        address = postgres_server.set(drivername=scheme).render_as_string(hide_password=False)
        (story,) = read_sql(a_spec(address, query, columns={"headline": "title"})).stories
        assert story.headline == "Ferry"


@contextlib.contextmanager
def frozen(server: sa.URL) -> Iterator[str]:
    """Stand before a server, pass on what opens a session, and freeze at the first query."""
    folder = str(server.query.get("host") or server.host)
    with contextlib.ExitStack() as stack:
        front = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

        def serve() -> None:
            with contextlib.suppress(OSError):
                client, _ = front.accept()
                stack.callback(client.close)
                if folder.startswith("/"):
                    behind = socket.socket(socket.AF_UNIX)
                    behind.connect(f"{folder}/.s.PGSQL.{server.port or 5432}")
                else:
                    behind = socket.create_connection((folder, server.port or 5432))
                stack.callback(behind.close)
                threading.Thread(target=carry, args=(behind, client), daemon=True).start()
                carry(client, behind)

        def carry(source: socket.socket, target: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while piece := source.recv(65_536):
                    if b"SELECT" not in piece:
                        target.sendall(piece)

        threading.Thread(target=serve, daemon=True).start()
        port = front.getsockname()[1]
        url = server.set(host="127.0.0.1", port=port, query={"sslmode": "disable"})
        yield url.render_as_string(hide_password=False)


def test_a_server_that_falls_silent_is_left(postgres_server: sa.URL) -> None:
    with frozen(postgres_server) as address:
        begun = time.monotonic()
        error = refused(address, "SELECT 1 AS title", timeout=0.5)
        assert time.monotonic() - begun < 5
    assert "no answer within 0.5 seconds" in str(error)


# No server at all


def test_no_error_tells_a_password() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    secret = "s3kret-word"
    for address in (
        f"postgresql://ann:{secret}@127.0.0.1:{port}/site",
        f"postgresql://ann@127.0.0.1:{port}/site?password={secret}",
        f"postgresql://ann:{secret}@127.0.0.1:{port}/site?nonsense=1",
        f"postgresql+none://ann:{secret}@127.0.0.1/site",
        f"oracle://ann:{secret}@127.0.0.1/site",
        f"postgresql://ann:{secret}@127.0.0.1:port/site",
        f"mysql://ann:{secret}@127.0.0.1:{port}/site",
        f"ann:{secret}",
    ):
        error = refused(address)
        assert secret not in str(error) + error.hint
        assert secret not in shown_address(address)
        assert error.hint


def test_a_server_that_is_down_is_told_with_host_and_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    error = refused(f"postgresql://ann:x@127.0.0.1:{port}/site")
    assert str(error).startswith(f"sql: postgresql://127.0.0.1:{port}/site: ")
    assert error.hint == "Is the server up, and are host, user and password right?"


@pytest.mark.parametrize(
    ("address", "message", "hint"),
    [
        (
            "mysql://ann:x@db.example/site",
            "sql: mysql://db.example/site: the driver 'MySQLdb' is not installed",
            "Install it beside digest: pip install mysqlclient",
        ),
        (
            "mariadb+pymysql://ann:x@db.example/site",
            "sql: mariadb://db.example/site: the driver 'pymysql' is not installed",
            "Install it beside digest: pip install pymysql",
        ),
        (
            "mssql://ann:x@db.example/site",
            (
                "sql: mssql://db.example/site: mssql: not a kind of database that can be read"
                " without the power to write"
            ),
            "Use sqlite, postgresql, mysql or mariadb, or write a feed from that database.",
        ),
        (
            "mysql+none://db.example/site",
            "sql: mysql://db.example/site: the address cannot be used",
            "Check the part before :// and what stands behind a question mark.",
        ),
        (
            "site.db",
            "sql: archive: not a database address",
            "Write sqlite:///path/to/file.db or postgresql://user:password@host/name.",
        ),
    ],
)
def test_what_cannot_be_opened_is_told_with_its_remedy(
    address: str, message: str, hint: str
) -> None:
    error = refused(address)
    assert (str(error), error.hint) == (message, hint)
