"""Senders are killed with SIGKILL while they send: nobody is lost, and nobody gets two.

`dev.py kill` runs it with 50 kills each, and prints the table.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.db import Database
from digest.delivery.model import Tally
from digest.delivery.send import SendRules
from tests.acceptance.kill_site import (
    ACCEPT_SECONDS,
    CONNECTIONS,
    LATE_SECONDS,
    MOST_IN_HAND,
    PATIENCE,
    Blows,
    Machine,
    bury,
    count,
    expire,
    in_the_post,
    kill,
    kill_at_random,
    lose,
    paused,
    told,
    wait_for,
)
from tests.integration.smtp_sink import smtp_sink
from tests.unit.delivery.delivery_builders import address_of, tally

KILLS = int(os.environ.get("TEST_KILLS", "5"))
READERS = 600 * KILLS
MAILBOXES = 200 * KILLS
AT_MOST_ONCE, AT_LEAST_ONCE = "at most once", "at least once"
APART = "at most once, ledger apart"
MODES = {
    AT_MOST_ONCE: SendRules(),
    AT_LEAST_ONCE: SendRules(retry_crashed=True),
    APART: SendRules(apart_after=0),
}
BEGIN_SECONDS = 1.0
"""A sender that may begin for so long after its last word, in place of 15 s."""


@pytest.mark.long
@pytest.mark.parametrize("mode", MODES)
def test_a_sender_killed_at_any_instant_loses_nobody_and_keeps_to_its_mode(
    database: Database, mode: str, tmp_path: Path
) -> None:
    edition = in_the_post(database, READERS)
    with smtp_sink(accept_seconds=ACCEPT_SECONDS, keep=False) as sink:
        machine = Machine(database, tmp_path, sink.port, rules=MODES[mode])
        blows = kill_at_random(machine, lambda: len(sink.taken), kills=KILLS, seed=20260109)
        machine.finish()
        found = count(database, edition, sink, blows)
    told(found.row(mode, database.url.get_backend_name()))
    assert blows.hits > KILLS // 2, "the edition was sent before the kills could hurt"
    assert found.lost == 0
    if mode != AT_LEAST_ONCE:
        assert found.second_copies == 0
        assert max(found.per_kill) <= CONNECTIONS
    else:
        assert found.uncertain == 0
        assert found.second_copies <= CONNECTIONS * KILLS


@pytest.mark.long
def test_a_machine_lost_with_its_journal_at_each_kill_leaves_uncertain_what_it_had_in_hand(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, 2 * READERS)
    with smtp_sink(accept_seconds=ACCEPT_SECONDS, keep=False) as sink:
        machine = Machine(database, tmp_path, sink.port)
        blows = kill_at_random(
            machine,
            lambda: len(sink.taken),
            kills=KILLS,
            seed=20260110,
            after_each=lambda: lose(machine),
        )
        machine.finish()
        found = count(database, edition, sink, blows)
    told(found.row("at most once, journal lost", database.url.get_backend_name()))
    assert blows.hits > KILLS // 2, "the edition was sent before the kills could hurt"
    assert (found.lost, found.second_copies) == (0, 0)
    assert max(found.per_kill) <= MOST_IN_HAND


@pytest.mark.long
def test_a_sender_to_maildirs_killed_at_any_instant_leaves_everyone_exactly_one_copy(
    database: Database, tmp_path: Path
) -> None:
    edition = in_the_post(database, MAILBOXES)
    machine = Machine(database, tmp_path, connections=2)
    blows = kill_at_random(
        machine, lambda: tally(database, edition).accepted, kills=KILLS, seed=20260111, most=80
    )
    machine.finish()
    copies = Counter(path.parents[1].name for path in (tmp_path / "mail").glob("*/new/*"))
    assert blows.hits > KILLS // 4, "the edition was sent before the kills could hurt"
    assert copies == {address_of(n): 1 for n in range(1, MAILBOXES + 1)}
    assert tally(database, edition) == Tally(accepted=MAILBOXES)


# Two senders on one database


ON_POSTGRESQL = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
"""On SQLite there is one sender, whose seat is its own while it lives, paused or not."""


@ON_POSTGRESQL
def test_of_two_senders_one_is_killed_for_good_and_the_other_takes_over_what_it_had(
    database: Database, tmp_path: Path
) -> None:
    edition, blows = in_the_post(database, 3_000), Blows()
    with smtp_sink(accept_seconds=ACCEPT_SECONDS, keep=False) as sink:
        doomed, other = (
            Machine(database, tmp_path / name, sink.port, seat=f"sender {name}") for name in "ab"
        )
        child, survivor = doomed.start(), other.start()
        wait_for(lambda: len(sink.taken) > 1_000)
        owner = doomed.owner
        assert kill(child)
        blows.moments.append(datetime.now(UTC))
        expire(database, owner)
        survivor.join(PATIENCE)
        assert survivor.exitcode == 0
        time.sleep(LATE_SECONDS)
        found = count(database, edition, sink, blows)
    assert (found.lost, found.second_copies) == (0, 0)
    assert 0 < found.uncertain <= MOST_IN_HAND


@ON_POSTGRESQL
def test_a_sender_that_was_paused_and_taken_over_sends_nothing_more_when_it_goes_on(
    database: Database, tmp_path: Path
) -> None:
    edition, blows = in_the_post(database, 3_000), Blows()
    with smtp_sink(accept_seconds=ACCEPT_SECONDS, keep=False) as sink:
        rules = SendRules(begin_seconds=BEGIN_SECONDS)
        sleeper, other = (
            Machine(database, tmp_path / name, sink.port, seat=f"sender {name}", rules=rules)
            for name in "ab"
        )
        child = sleeper.start()
        wait_for(lambda: len(sink.taken) > 500)
        with paused(child, database):
            stopped_at = time.monotonic()
            blows.moments.append(datetime.now(UTC))
            expire(database, sleeper.owner)
            other.finish()
            wait_for(lambda: time.monotonic() > stopped_at + BEGIN_SECONDS)
            by_now = len(sink.taken)
        assert bury(child) == 0
        time.sleep(LATE_SECONDS)
        found = count(database, edition, sink, blows)
        late = len(sink.taken) - by_now
    assert (found.lost, found.second_copies) == (0, 0)
    assert 0 < found.uncertain <= MOST_IN_HAND
    assert late <= CONNECTIONS
