from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from digest.db import Database
from digest.errors import SourceError
from digest.sources import store
from digest.sources.model import Origin, SourceKind, SourceSpec, SourceState

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
GHOST = SourceSpec(
    "town",
    SourceKind.GHOST,
    "https://town.example",
    every=timedelta(minutes=7, seconds=30),
    allow=("10.0.0.0/8",),
    zone="Europe/London",
    language="en",
    priority=-2,
    visit=False,
    key="0123456789abcdef",
    origin=Origin.DESK,
)
SQL = SourceSpec(
    "cms",
    SourceKind.SQL,
    "postgresql://reader:secret@db.example/cms",
    query="SELECT id,\n  title FROM story",
    columns={"headline": "title", "guid": "id"},
    origin=Origin.DESK,
)
FEED = SourceSpec("town", SourceKind.FEED, "https://town.example/feed")


def _add(database: Database, *specs: SourceSpec) -> None:
    with database.write() as connection:
        for spec in specs:
            store.add_source(connection, spec)


def _sync(database: Database, *specs: SourceSpec, whole: bool = False) -> None:
    with database.write() as connection:
        store.sync_sources(connection, specs, now=NOON, whole=whole)


def _remove(database: Database, name: str) -> bool:
    with database.write() as connection:
        return store.remove_source(connection, name, now=LATER)


def _desk(database: Database) -> list[SourceSpec]:
    with database.read() as connection:
        return store.desk_sources(connection)


def _states(database: Database) -> dict[str, SourceState]:
    with database.read() as connection:
        return {state.name: state for state in store.source_states(connection)}


def _read_once(database: Database, name: str) -> SourceState:
    with database.write() as connection:
        state = next(s for s in store.source_states(connection) if s.name == name)
        store.record_poll_ok(
            connection,
            state.id,
            now=NOON,
            etag='"1"',
            last_modified=None,
            next_poll_at=LATER,
            body_hash="0" * 64,
            warning="a date\nis wrong",
            moved_to="https://new.example",
            not_before=LATER,
        )
    return _states(database)[name]


def test_a_source_added_by_a_person_gives_back_all_that_was_said(database: Database) -> None:
    _add(database, GHOST, SQL)
    assert _desk(database) == [SQL, GHOST]
    assert [(s.name, s.kind, s.address) for s in _states(database).values()] == [
        ("cms", SourceKind.SQL, "postgresql://db.example/cms"),
        ("town", SourceKind.GHOST, GHOST.address),
    ]


def test_a_name_is_given_once(database: Database) -> None:
    _add(database, GHOST)
    with pytest.raises(SourceError, match="source: town: the name is taken by another source"):
        _add(database, replace(SQL, name="town"))
    _sync(database, replace(FEED, name="site"))
    with pytest.raises(SourceError, match=r"source: site: the name is taken by digest.toml"):
        _add(database, replace(GHOST, name="site"))
    assert _desk(database) == [GHOST]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 65, "\ud800"])
def test_a_name_that_is_none_is_refused(sqlite_database: Database, name: str) -> None:
    with pytest.raises(SourceError, match="not a name for a source"):
        _add(sqlite_database, replace(GHOST, name=name))


def test_of_two_who_add_the_same_name_at_once_one_is_told(database: Database) -> None:
    ready = threading.Barrier(2)
    refused: list[str] = []

    def add(address: str) -> None:
        ready.wait()
        try:
            _add(database, replace(GHOST, address=address))
        except SourceError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=add, args=(f"https://{n}.example",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == ["source: town: the name is taken by another source"]
    assert len(_desk(database)) == 1


def test_a_removed_source_is_gone_and_its_name_is_free(database: Database) -> None:
    _add(database, GHOST)
    before = _read_once(database, "town")
    assert _remove(database, "town")
    assert not _remove(database, "town")
    assert (_desk(database), _states(database)) == ([], {})
    _add(database, GHOST)
    assert _states(database) == {"town": before}  # the same row: its articles are its own again


def test_a_name_that_comes_back_with_another_address_starts_afresh(database: Database) -> None:
    _add(database, GHOST)
    before = _read_once(database, "town")
    _remove(database, "town")
    moved = replace(GHOST, address="https://new.example")
    _add(database, moved)
    assert _desk(database) == [moved]
    assert _states(database)["town"] == SourceState(
        id=before.id,
        name="town",
        kind=SourceKind.GHOST,
        address="https://new.example",
        etag=None,
        last_modified=None,
        first_ok_at=None,
        last_ok_at=None,
        last_tried_at=None,
        failures=0,
        error=None,
    )


def test_a_poll_that_went_well_leaves_all_it_learned(database: Database) -> None:
    _add(database, GHOST)
    state = _read_once(database, "town")
    assert (state.next_poll_at, state.body_hash) == (LATER, "0" * 64)
    assert (state.warning, state.moved_to) == ("a date is wrong", "https://new.example")
    with database.write() as connection:
        store.record_poll_failed(
            connection, state.id, now=LATER, error="it is away", next_poll_at=LATER, status=404
        )
        failed = store.source_state(connection, state.id)
    assert failed == replace(
        state,
        failures=1,
        error="it is away",
        last_tried_at=LATER,
        next_poll_at=LATER,
        not_before=None,
        failing_since=LATER,
        status=404,
    )


def test_a_source_that_failed_and_is_put_back_begins_without_its_failures(
    database: Database,
) -> None:
    _add(database, GHOST)
    before = _read_once(database, "town")
    with database.write() as connection:
        store.record_poll_failed(connection, before.id, now=LATER, error="it is away", status=410)
    _remove(database, "town")
    _add(database, GHOST)
    assert _states(database)["town"] == replace(
        before, last_tried_at=LATER, next_poll_at=None, not_before=None
    )


# Addresses


@pytest.mark.parametrize(
    ("kind", "address", "shown"),
    [
        (
            "sql",
            "postgresql://reader:secret@db.example:5433/cms",
            "postgresql://db.example:5433/cms",
        ),
        ("sql", "mysql://db.example/cms?password=secret", "mysql://db.example/cms"),
        ("sql", "secret", "a database"),
        ("feed", "https://ann:se@cret@town.example/@feed", "https://town.example/@feed"),
        ("feed", "https://town.example/feed?to=a://b@c", "https://town.example/feed?to=a://b@c"),
        ("feed", "file:///srv/a@b/feed.xml", "file:///srv/a@b/feed.xml"),
        ("page", "pages/a@b", "pages/a@b"),
        ("page", "a\nb", "a b"),
    ],
)
def test_an_address_is_shown_without_its_password(kind: str, address: str, shown: str) -> None:
    assert store.shown_address(SourceSpec("site", SourceKind(kind), address)) == shown


def _rows(database: Database) -> list[sa.Row[Any]]:
    with database.read() as connection:
        return list(connection.execute(sa.select(store.source)))


def test_the_password_of_a_source_of_the_settings_is_not_kept(database: Database) -> None:
    _sync(database, replace(SQL, origin=Origin.FILE))
    assert "secret" not in str(_rows(database))


@pytest.mark.parametrize(
    "address", ["postgresql://reader:other@db.example/cms", "postgresql://db.example/else"]
)
def test_a_source_whose_whole_address_changed_starts_afresh(
    database: Database, address: str
) -> None:
    ours = replace(SQL, origin=Origin.FILE)
    _sync(database, ours)
    _read_once(database, "cms")
    _sync(database, ours)
    assert _states(database)["cms"].first_ok_at == NOON
    _sync(database, replace(ours, address=address))
    assert _states(database)["cms"].first_ok_at is None


def test_a_row_of_the_first_schema_is_compared_by_its_address(database: Database) -> None:
    ours = replace(SQL, origin=Origin.FILE)
    for known, first_ok_at in ((SQL.address, NOON), ("postgresql://db.example/cms", None)):
        _sync(database, ours)
        _read_once(database, "cms")
        with database.write() as connection:
            connection.execute(sa.update(store.source).values(address=known, address_hash=None))
            assert not store.are_synced(connection, [ours])
        _sync(database, ours)
        state = _states(database)["cms"]
        assert (state.address, state.first_ok_at) == ("postgresql://db.example/cms", first_ok_at)


def test_nothing_is_to_be_synced_that_stands_in_the_table(database: Database) -> None:
    def are_synced(*specs: SourceSpec) -> bool:
        with database.read() as connection:
            return store.are_synced(connection, specs)

    assert not are_synced(FEED)
    assert are_synced(GHOST)  # the desk's are added, never synced
    _sync(database, FEED)
    assert are_synced(FEED)
    assert not are_synced(replace(FEED, address="https://new.example"))
    _sync(database, whole=True)
    assert not are_synced(FEED)


def test_a_name_in_both_is_the_settings(database: Database) -> None:
    _add(database, GHOST, SQL)
    _sync(database, FEED, SQL)
    assert _desk(database) == [SQL]
    assert _states(database)["town"].kind is SourceKind.FEED
    assert not _remove(database, "town")


def test_the_settings_may_take_up_a_removed_name(database: Database) -> None:
    _add(database, GHOST)
    _remove(database, "town")
    _sync(database, FEED)
    assert [state.address for state in _states(database).values()] == [FEED.address]


def test_a_source_the_settings_no_longer_name_is_removed_when_they_are_read_whole(
    database: Database,
) -> None:
    site = replace(FEED, name="site")
    _add(database, SQL)
    _sync(database, FEED, site, whole=True)
    _sync(database, site)  # as for one source polled by itself
    assert set(_states(database)) == {"cms", "site", "town"}
    _sync(database, site, whole=True)
    assert set(_states(database)) == {"cms", "site"}
    _add(database, GHOST)
    assert _desk(database) == [SQL, GHOST]
