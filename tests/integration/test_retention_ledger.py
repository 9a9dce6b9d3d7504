"""Copies of editions that ended long ago go, their counts stay, and the file becomes shorter."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from digest.db import Database
from digest.delivery import count_store, store
from digest.delivery.model import DeliveryState, Tally
from digest.delivery.retry import retry
from digest.editions.model import Edition, EditionState
from digest.errors import WorkflowError
from digest.outbox.store import notice
from digest.web.mount import pages_of
from digest.workflow import file_store
from digest.workflow.retention import Gone, Keep, retain
from digest.workflow.status import overview, sending_view
from tests.builders import a_newsletter, open_paper
from tests.integration.sending_room import Room, by_transport, run
from tests.unit.delivery.delivery_builders import (
    NOON,
    PUT_OFF,
    REFUSED,
    ScriptedTransport,
    address_of,
    state_of,
)

KEEP = Keep(attempts=timedelta(days=9999))
OLD = NOON + timedelta(days=401)
TABLES = (store.delivery, store.delivery_batch, store.delivery_retry, store.attempt)


@pytest.fixture
def room(database: Database, tmp_path: Path) -> Room:
    return Room(database, tmp_path / "journal")


def _rows(database: Database, edition: Edition) -> dict[str, int]:
    """Count what the ledger has of an edition, by table."""
    with database.read() as connection:
        return {
            table.name: connection.execute(
                sa.select(sa.func.count())
                .select_from(table)
                .where(table.c.edition_id == edition.id)
            ).scalar_one()
            for table in TABLES
        }


def _sent(room: Room, *, day: int = 9, first: int = 1, readers: int = 5) -> Edition:
    """Send an edition: the first reader's copy is put off once, the second's refused."""
    edition = room.plan(readers, day=day, first=first, batch_size=2)
    transport = ScriptedTransport({address_of(first): [PUT_OFF], address_of(first + 1): [REFUSED]})
    room.send_until_final(edition, by_transport(transport))
    assert state_of(room.database, edition) is EditionState.SENT
    return edition


def _tally(database: Database, edition: Edition) -> Tally:
    with database.read() as connection:
        return count_store.tally(connection, edition.id)


def test_rows_of_an_edition_that_ended_long_ago_go_and_its_counts_stay(room: Room) -> None:
    database, edition = room.database, _sent(room)
    before = _tally(database, edition)
    assert before == Tally(accepted=4, failed=1)
    young = OLD - timedelta(days=2)
    assert retain(database, KEEP, young).deliveries == 0
    assert _rows(database, edition)["delivery"] == 5
    assert retain(database, KEEP, OLD).deliveries == 5
    assert _rows(database, edition) == dict.fromkeys((table.name for table in TABLES), 0)
    assert _tally(database, edition) == before
    assert state_of(database, edition) is EditionState.SENT
    assert retain(database, KEEP, OLD) == Gone()


def test_status_and_pages_of_an_edition_say_the_same_without_its_rows(tmp_path: Path) -> None:
    paper = open_paper(
        tmp_path, "2026-01-08 12:00", newsletters={"daily": a_newsletter(release="auto")}
    )
    app, address = paper.app, "daily/2026-01-09"
    for each in ("ann@reader.example", "bob@reader.example"):
        paper.reader(each)
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    paper.go("2026-01-09 07:00")
    with app.database.hold("sender"), app.sender() as sender:
        run(sender)
    pages = TestClient(pages_of(app))

    def seen() -> tuple[object, ...]:
        edition = paper.edition(address)
        texts = [pages.get(path).text for path in ("/archive/daily", f"/{address}")]
        return overview(app.newsroom).editions, sending_view(app.newsroom, edition.id), *texts

    before = seen()
    assert paper.tally(address) == Tally(accepted=2)
    gone = retain(app.database, Keep(deliveries=timedelta(0)), paper.watch.at + timedelta(days=1))
    assert gone.deliveries == 2
    assert seen() == before
    app.close()


def test_an_edition_whose_counts_are_not_its_rows_is_kept_and_told_once_a_day(room: Room) -> None:
    database = room.database
    wrong, right = _sent(room), _sent(room, day=10, first=100)
    count = count_store.delivery_count.c
    mine = (count.edition_id == wrong.id) & (count.state == DeliveryState.ACCEPTED.value)
    with database.write() as connection:
        connection.execute(sa.delete(count_store.delivery_count).where(mine))
    before = _rows(database, wrong)
    for _ in range(2):
        retain(database, KEEP, OLD, operators=["admin@post.example"])
    assert _rows(database, wrong) == before
    assert _rows(database, right)["delivery"] == 0
    with database.read() as connection:
        told = connection.execute(sa.select(notice.c.to_address, notice.c.facts)).all()
    assert [(row.to_address, wrong.address in row.facts["detail"]) for row in told] == [
        ("admin@post.example", True)
    ]


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_it_goes_in_steps_and_goes_on_where_it_was_stopped(room: Room, steps: int) -> None:
    database, edition = room.database, room.plan(4500)
    with database.write() as connection:
        _finish(connection, edition)
    before = _tally(database, edition)
    left = max(0, 4500 - steps * 2000)

    def stop() -> bool:
        return left > 0 and _rows(database, edition)["delivery"] <= left

    assert retain(database, KEEP, OLD, stop=stop).deliveries == 4500 - left
    assert _rows(database, edition)["delivery"] == left
    assert retain(database, KEEP, OLD).deliveries == left
    assert _tally(database, edition) == before


def _finish(connection: sa.Connection, edition: Edition) -> None:
    """Accept every copy of an edition at once, as if it had been sent."""
    mine = store.delivery.c.edition_id == edition.id
    accepted = DeliveryState.ACCEPTED.value
    connection.execute(sa.update(store.delivery).where(mine).values(state=accepted))
    mine = store.delivery_batch.c.edition_id == edition.id
    connection.execute(sa.update(store.delivery_batch).where(mine).values(done_at=NOON))
    n = edition.id, 0
    changes = {(*n, "planned"): -4500, (*n, accepted): 4500}
    count_store.add_counts(connection, changes, at=NOON)
    state = {"id": edition.id, "at": NOON.replace(tzinfo=None)}
    connection.execute(
        sa.text("UPDATE edition SET state = 'sent', finished_at = :at WHERE id = :id"), state
    )


def test_an_edition_whose_copies_went_is_not_sent_again(room: Room) -> None:
    edition = _sent(room)
    retain(room.database, KEEP, OLD)
    with pytest.raises(WorkflowError, match="nothing was sent of it yet"):
        retry(room.database, edition, DeliveryState.FAILED, room.watch)
    assert state_of(room.database, edition) is EditionState.SENT


def test_one_that_is_sent_once_more_is_left_alone_however_old(room: Room) -> None:
    edition = _sent(room)
    before = _rows(room.database, edition)
    retry(room.database, edition, DeliveryState.FAILED, room.watch)
    assert retain(room.database, KEEP, OLD).deliveries == 0
    assert _rows(room.database, edition)["delivery"] == before["delivery"]


def test_a_file_of_which_much_is_free_becomes_shorter_and_nobody_waits_for_it(
    sqlite_database: Database,
) -> None:
    database, path = sqlite_database, sqlite_database.path
    assert path is not None
    with database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (id INTEGER PRIMARY KEY, text)")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
            " INSERT INTO ballast SELECT i, hex(zeroblob(2000)) FROM n"
        )
        connection.exec_driver_sql("DELETE FROM ballast WHERE id > 10")
    _checkpoint(database)
    before = path.stat().st_size
    steps: list[float] = []
    with database.read() as connection:
        spare = file_store.spare_pages(connection)
    assert spare > 1000
    while True:
        begun = time.perf_counter()
        with database.write() as connection:
            if not (left := file_store.spare_pages(connection)):
                break
            file_store.give_back(connection, left)
        steps.append(time.perf_counter() - begun)
    assert len(steps) > 1, "it was done in one go"
    _checkpoint(database)
    assert path.stat().st_size < before / 3
    with database.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_a_round_makes_the_file_shorter_and_says_by_how_much(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("CREATE TABLE ballast (id INTEGER PRIMARY KEY, text)")
        connection.exec_driver_sql(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000)"
            " INSERT INTO ballast SELECT i, hex(zeroblob(2000)) FROM n"
        )
        connection.exec_driver_sql("DROP TABLE ballast")
    with sqlite_database.read() as connection:
        spare = file_store.spare_pages(connection)
    assert retain(sqlite_database, KEEP, NOON).pages > spare - 1000
    assert retain(sqlite_database, KEEP, NOON) == Gone()


def _checkpoint(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.rollback()
