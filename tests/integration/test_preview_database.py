"""A database that is opened to look at only: nothing and nobody can write to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.app import open_app
from digest.config import load
from digest.db import Database
from digest.errors import DatabaseError, DigestError
from tests.builders import url_of, write_settings


@pytest.fixture
def looking(database: Database) -> Database:
    """The same database, opened once more."""
    return Database(url_of(database), read_only=True)


def test_it_reads_and_refuses_every_change(looking: Database) -> None:
    with looking.read() as connection:
        count = sa.text("SELECT count(*) FROM newsletter")
        assert connection.execute(count).scalar_one() == 0
    for change in ("DELETE FROM newsletter", "CREATE TABLE other (n integer)"):
        with looking.read() as connection, pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
            connection.exec_driver_sql(change)
    with pytest.raises(DatabaseError, match="opened to look at only"), looking.write():
        pass
    looking.close()


def test_a_look_sees_what_others_write_meanwhile(database: Database, looking: Database) -> None:
    with looking.read() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one()
    with database.write() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = version_num")
    with looking.read() as connection:
        after = connection.exec_driver_sql("SELECT count(*) FROM alembic_version").scalar_one()
    assert before == after == 1
    looking.close()


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a folder' / 'none 100% new.db'}", read_only=True)
    with pytest.raises(DatabaseError, match="unable to open"), database.read():
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_installation_that_never_ran_says_how_to_begin(tmp_path: Path) -> None:
    settings = load(write_settings(tmp_path))
    with pytest.raises(DatabaseError, match="there is none yet") as refused:
        open_app(settings, read_only=True)
    assert refused.value.hint == "Begin with: digest collect"
    assert [path.name for path in tmp_path.iterdir()] == ["digest.toml"]


def test_tables_of_another_version_are_left_as_they_are(
    empty_database_url: str, tmp_path: Path
) -> None:
    settings = load(write_settings(tmp_path, database=empty_database_url))
    database = Database(empty_database_url)
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
    with pytest.raises(DatabaseError, match="not those of this version") as refused:
        open_app(settings, read_only=True)
    assert "digest collect" in refused.value.hint
    with database.read() as connection:
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    database.close()


def test_keys_that_are_missing_are_not_made(database: Database, tmp_path: Path) -> None:
    settings = load(write_settings(tmp_path, database=url_of(database)))
    with pytest.raises(DigestError, match=r"keys: .*: missing"):
        open_app(settings, read_only=True)
    assert not (tmp_path / "keys").exists()


def test_a_newsletter_that_is_only_in_the_settings_is_not_known_yet(
    database: Database, tmp_path: Path
) -> None:
    settings = load(write_settings(tmp_path, database=url_of(database)))
    open_app(settings).close()
    with database.write() as connection:
        connection.exec_driver_sql("DELETE FROM topic")
        connection.exec_driver_sql("DELETE FROM newsletter")
    app = open_app(settings, read_only=True)
    assert app.newsroom.newsletters == ()
    app.close()
