"""The database is copied while a real sender sends; what is put back sends no second copy.

The sender is killed later, and another one is started on the copy: the sink counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.delivery.model import DeliveryState, Tally
from digest.editions.model import EditionState
from digest.workflow import file_store, pg_programs, restore_store
from digest.workflow.halt import Person
from digest.workflow.restore_decide import Decision, decide, undecided
from tests.acceptance.kill_site import Machine, bury, in_the_post, kill, wait_for
from tests.integration.delivery_child import send_until_asked
from tests.integration.pg_bin import server_programs
from tests.integration.smtp_sink import smtp_sink
from tests.unit.delivery.delivery_builders import NOON, rows, state_of, tally

READERS = 600
WHY = "the backup is of yesterday, so this may have been sent since."


@pytest.fixture
def copy(
    database: Database,
    server_programs: None,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Database]:
    """A database that the copy goes into."""
    assert server_programs is None
    if database.is_sqlite:
        copy = Database(f"sqlite:///{tmp_path / 'copy.db'}")
        yield copy
        copy.close()
        return
    postgres = request.getfixturevalue("_postgres")
    name = postgres.create()
    copy = Database(postgres.url(name))
    yield copy
    copy.close()
    postgres.drop(name)


def _take(database: Database, copy: Database, folder: Path) -> None:
    """Copy a database as `digest backup` and `digest restore` do."""
    if copy.path is not None:
        file_store.snapshot(database, copy.path)
        return
    pg_programs.dump(database, folder / "dump")
    pg_programs.load(copy, folder / "dump")


@pytest.mark.parametrize("decision", [None, Decision.NOT_SENT])
def test_a_copy_taken_while_a_sender_sends_sends_nothing_by_itself(
    decision: Decision | None, database: Database, copy: Database, tmp_path: Path
) -> None:
    with smtp_sink(accept_seconds=0.05, keep=False) as sink:
        edition = in_the_post(database, READERS)
        machine = Machine(database, tmp_path / "machine", sink.port)
        child = machine.start()
        wait_for(lambda: len(sink.accepted) > READERS // 10)
        _take(database, copy, tmp_path)
        assert child.is_alive(), "the copy was taken while it was sending"
        kill(child)
        sink.accept_seconds = 0
        machine.finish()
        assert state_of(database, edition) is EditionState.SENT
        before = Counter(sink.accepted)

        known = tally(copy, edition)
        assert known.total == READERS
        assert known.planned, "it was in the middle of it"
        with copy.write() as connection:
            assert restore_store.stop_editions(connection, now=NOON, why=WHY) == 1
        open_then = known.planned + known.deferred
        assert tally(copy, edition) == Tally(
            accepted=known.accepted,
            failed=known.failed,
            skipped=known.skipped,
            uncertain=known.uncertain + open_then,
        )
        assert Counter(state for state, *_ in rows(copy, edition).values()) == Counter(
            {"accepted": known.accepted, "uncertain": known.uncertain + open_then}
        )
        other = Machine(copy, tmp_path / "other", sink.port)
        if decision is None:
            assert bury(other.start(send_until_asked)) == 0
            assert Counter(sink.accepted) == before
            assert [each.copies for each in undecided(copy)] == [open_then]
            return
        by = Person("ann")
        assert decide(copy, edition.address, decision, by=by, clock=fixed(NOON)).reopened
        other.finish()
        again = Counter(sink.accepted) - before
        assert max(again.values()) == 1
        assert len(again) == open_then
        accepted = [r for r, (s, *_) in rows(copy, edition).items() if s == DeliveryState.ACCEPTED]
        assert len(accepted) == READERS - known.uncertain


__all__ = ["server_programs"]
