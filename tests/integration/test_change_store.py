from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from digest.db import Database
from subscribers import leaving, signup, store
from subscribers.change_store import Change, What, audience_change, changes_after, last_change
from subscribers.model import Act, SuppressionReason
from tests.integration.newsletters import DAILY, WEEKLY, make_newsletters
from tests.integration.web_site import KEYS

NOON = datetime(2026, 1, 9, 12, tzinfo=UTC)
MARIA = "maria@reader.example"


def _act(minutes: int) -> Act:
    return Act(NOON + timedelta(minutes=minutes), "command")


def _changes(database: Database, after: int = 0) -> list[Change]:
    with database.read() as connection:
        return changes_after(connection, after)


def test_each_change_of_an_audience_is_told_in_its_order(database: Database) -> None:
    make_newsletters(database)
    reader = signup.add(database, MARIA, [DAILY, WEEKLY], _act(0), keys=KEYS).subscriber_id
    leaving.unsubscribe_address(database, MARIA, [DAILY], _act(1))
    reason = SuppressionReason.PUBLISHER
    leaving.suppress(database, MARIA, _act(2), keys=KEYS, reason=reason)
    assert [
        (each.subscriber_id, each.newsletter_id, each.what, each.at) for each in _changes(database)
    ] == [
        (reader, DAILY, What.JOINED, _act(0).at),
        (reader, WEEKLY, What.JOINED, _act(0).at),
        (reader, DAILY, What.LEFT, _act(1).at),
        (reader, WEEKLY, What.SUPPRESSED, _act(2).at),
    ]
    seen = _changes(database)[1].seq
    assert _changes(database, seen) == _changes(database)[2:]
    with database.read() as connection:
        assert last_change(connection) == _changes(database)[-1].seq


def test_an_act_that_changes_nothing_tells_nothing(database: Database) -> None:
    make_newsletters(database)
    signup.add(database, MARIA, [DAILY], _act(0), keys=KEYS)
    before = _changes(database)
    signup.add(database, MARIA, [DAILY], _act(1), keys=KEYS)
    assert _changes(database) == before


def test_what_was_forgotten_never_lends_its_number_to_another(database: Database) -> None:
    make_newsletters(database)
    signup.add(database, MARIA, [DAILY], _act(0), keys=KEYS)
    with database.write() as connection:
        last = last_change(connection)
        connection.execute(sa.delete(audience_change))
    leaving.unsubscribe_address(database, MARIA, None, _act(5))
    assert [each.seq > last for each in _changes(database)] == [True]


def test_a_reader_who_acts_is_active_and_one_who_is_added_is_not(database: Database) -> None:
    make_newsletters(database)
    signup.add(database, MARIA, [DAILY], _act(0), keys=KEYS)
    with database.read() as connection:
        found = store.find_subscriber(connection, address_key=MARIA)
    assert found is not None
    assert found.active_at is None
