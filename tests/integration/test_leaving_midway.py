"""Who leaves while an edition is being sent, from another process, is not mailed any more."""

from __future__ import annotations

import multiprocessing
import time
from pathlib import Path

import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery.plan import plan
from subscribers import store
from subscribers.change_store import What, changes_after
from subscribers.tokens import Grant, Purpose
from tests.integration.delivery_child import send_until_sent
from tests.integration.leaving_child import KEYS, press
from tests.integration.scripted_smtp import scripted_server
from tests.unit.delivery.delivery_builders import NOON, address_of, an_edition, rows, some_readers

READERS, LEAVER, UNTIL = 300, 290, 100
PATIENCE = 60.0


def test_a_reader_of_a_leased_batch_who_leaves_half_way_gets_nothing(
    database: Database, tmp_path: Path
) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, READERS + 1))
    plan(database, edition, languages=["en"], only=None, batch_size=READERS, clock=fixed(NOON))
    url = database.url.render_as_string(hide_password=False)
    with database.read() as connection:
        reader = store.find_subscriber(connection, address_key=address_of(LEAVER))
    assert reader is not None
    grant = Grant(f"{LEAVER:024x}", (edition.newsletter_id,))
    with database.write() as connection:  # the builders' public ids are no tokens' ids
        mine = sa.update(store.subscriber).where(store.subscriber.c.id == reader.id)
        connection.execute(mine.values(public_id=grant.reader))
    token = KEYS.links.sign(Purpose.UNSUBSCRIBE, grant)

    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(
        ["tests.integration.delivery_child", "tests.integration.leaving_child"]
    )
    with scripted_server(accept_seconds=0.003) as sink:
        way_out = {"port": sink.port, "journal": str(tmp_path / "journal")}
        sender = processes.Process(target=send_until_sent, args=(url,), kwargs=way_out, daemon=True)
        sender.start()
        patience_ends = time.monotonic() + PATIENCE
        while len(sink.accepted) < UNTIL and time.monotonic() < patience_ends:
            time.sleep(0.005)
        clicker = processes.Process(target=press, args=(url, token), daemon=True)
        clicker.start()
        clicker.join(PATIENCE)
        already = len(sink.accepted)
        sender.join(PATIENCE)

    assert (clicker.exitcode, sender.exitcode) == (0, 0)
    assert UNTIL <= already < LEAVER, "the batch was over before the reader left"
    everybody = [address_of(n) for n in range(1, READERS + 1)]
    assert sink.accepted == [each for each in everybody if each != address_of(LEAVER)]
    ledger = rows(database, edition)
    assert ledger.pop(LEAVER) == ("skipped", 0, "unsubscribed")
    assert {state for state, *_ in ledger.values()} == {"accepted"}
    with database.read() as connection:
        told = changes_after(connection, 0)
    assert [(each.subscriber_id, each.newsletter_id, each.what) for each in told] == [
        (reader.id, edition.newsletter_id, What.LEFT)
    ]
