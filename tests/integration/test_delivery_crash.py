from __future__ import annotations

import multiprocessing
import random
import time
from collections import Counter
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from digest.clock import fixed
from digest.db import Database
from digest.delivery.model import Tally
from digest.delivery.plan import plan
from digest.editions.model import Edition, EditionState
from tests.integration.delivery_child import send_until_sent
from tests.integration.scripted_smtp import scripted_server
from tests.unit.delivery.delivery_builders import (
    NOON,
    address_of,
    an_edition,
    rows,
    some_readers,
    state_of,
    tally,
)

READERS = 400
MAILBOXES = 1000
KILLS = 20
ACCEPT_SECONDS = 0.005
PATIENCE = 120.0


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    """Children that start in a moment, so that kills hit the sending and not the imports."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.delivery_child"])
    return context


def _an_edition_in_the_post(database: Database, readers: int) -> Edition:
    edition = an_edition(database)
    some_readers(database, edition, range(1, readers + 1))
    plan(database, edition, languages=["en"], only=None, batch_size=50, clock=fixed(NOON))
    return edition


def _kill_until_done(
    forks: ForkServerContext, database: Database, *, port: int = 0, root: str = ""
) -> int:
    """Kill the sender at random moments, then let the last one finish; give the kills that hit."""
    url = database.url.render_as_string(hide_password=False)
    chance = random.Random(20260109)  # noqa: S311 - moments, no secrets
    hits = 0
    for _ in range(KILLS):
        child = forks.Process(
            target=send_until_sent, args=(url,), kwargs={"port": port, "root": root}, daemon=True
        )
        child.start()
        time.sleep(chance.uniform(0.03, 0.3))
        hits += child.is_alive()
        child.kill()
        child.join()
        child.close()
    last = forks.Process(
        target=send_until_sent, args=(url,), kwargs={"port": port, "root": root}, daemon=True
    )
    last.start()
    last.join(PATIENCE)
    assert last.exitcode == 0
    return hits


@pytest.mark.long
def test_a_sender_killed_at_any_instant_loses_nobody_and_sends_no_copy_twice(
    database: Database, forks: ForkServerContext
) -> None:
    edition = _an_edition_in_the_post(database, READERS)
    with scripted_server(accept_seconds=ACCEPT_SECONDS) as sink:
        hits = _kill_until_done(forks, database, port=sink.port)
        time.sleep(10 * ACCEPT_SECONDS)
    copies = Counter(sink.accepted)
    states = {address_of(n): state for n, (state, *_) in rows(database, edition).items()}
    uncertain = {address for address, state in states.items() if state == "uncertain"}
    assert hits > KILLS // 2, "the edition was sent before the kills could hurt"
    assert max(copies.values()) == 1
    assert set(states) - set(copies) <= uncertain
    assert {a for a, state in states.items() if state == "accepted"} == set(states) - uncertain
    assert len(uncertain) <= KILLS
    assert tally(database, edition).total == READERS
    assert state_of(database, edition) is EditionState.SENT


@pytest.mark.long
def test_a_sender_to_maildirs_killed_at_any_instant_leaves_everyone_exactly_one_copy(
    database: Database, forks: ForkServerContext, tmp_path: Path
) -> None:
    edition = _an_edition_in_the_post(database, MAILBOXES)
    hits = _kill_until_done(forks, database, root=str(tmp_path / "mail"))
    copies = Counter(path.parents[1].name for path in (tmp_path / "mail").glob("*/new/*"))
    assert hits > KILLS // 4, "the edition was sent before the kills could hurt"
    assert copies == {address_of(n): 1 for n in range(1, MAILBOXES + 1)}
    assert tally(database, edition) == Tally(accepted=MAILBOXES)
    assert state_of(database, edition) is EditionState.SENT
