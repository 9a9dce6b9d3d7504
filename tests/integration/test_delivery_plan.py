from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.composition.language import nearest
from digest.db import Database
from digest.delivery import store
from digest.delivery.model import Tally
from digest.delivery.plan import Pace, plan
from digest.delivery.plan_store import Leaving, plan_chunk
from digest.editions.model import Edition, EditionState
from digest.errors import WorkflowError
from subscribers.segments import Audience, Vocabulary, parse
from subscribers.store import subscription
from tests.unit.delivery.delivery_builders import (
    NOON,
    address_of,
    an_edition,
    leave,
    rows,
    some_readers,
    speaks,
    state_of,
)

CLOCK = fixed(NOON)


def _plan(
    database: Database,
    edition: Edition,
    *,
    only: set[str] | None = None,
    audience: Audience | None = None,
    batch_size: int = 200,
    pace: Pace | None = None,
) -> Tally:
    return plan(
        database,
        edition,
        languages=["en-GB"],
        only=only,
        audience=audience,
        batch_size=batch_size,
        clock=CLOCK,
        pace=pace,
    )


def _batches(database: Database) -> list[tuple[int, int, int]]:
    table = store.delivery_batch
    query = sa.select(table.c.n, table.c.first_id, table.c.last_id).order_by(table.c.n)
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_every_confirmed_reader_has_a_row_before_the_first_byte_leaves(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 8))
    leave(database, 3)
    with database.write() as connection:
        mine = subscription.c.subscriber_id == 5
        connection.execute(sa.update(subscription).where(mine).values(state="paused", topic_mask=6))
    assert _plan(database, edition, batch_size=2) == Tally(planned=5)
    assert rows(database, edition) == dict.fromkeys((1, 2, 4, 6, 7), ("planned", 0, ""))
    assert _batches(database) == [(1, 1, 2), (2, 4, 6), (3, 7, 7)]
    assert state_of(database, edition) is EditionState.SENDING
    with database.read() as connection:
        row = connection.execute(sa.select(store.delivery).limit(1)).one()
        due = connection.execute(sa.select(store.delivery_batch.c.due_at).distinct()).scalar_one()
    assert (row.language, row.topic_mask) == ("en-GB", 0)
    assert due == edition.send_at


def test_planning_again_adds_nobody(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 4))
    _plan(database, edition)
    some_readers(database, edition, [9])
    assert _plan(database, edition) == Tally(planned=3)
    assert list(rows(database, edition)) == [1, 2, 3]


def test_planning_goes_on_where_it_was_cut_off(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 8))
    with database.write() as connection:  # a first chunk, and then the process died
        plan_chunk(
            connection,
            edition.id,
            edition.newsletter_id,
            languages=["en"],
            only=None,
            batch_size=2,
            count=3,
            leaving=Leaving(edition.send_at),
            now=NOON,
        )
    assert state_of(database, edition) is EditionState.APPROVED
    several = Pace(first=3, least=3, most=3)
    assert _plan(database, edition, batch_size=2, pace=several) == Tally(planned=7)
    assert _batches(database) == [(1, 1, 2), (2, 3, 4), (3, 5, 6), (4, 7, 7)]
    assert state_of(database, edition) is EditionState.SENDING


def test_of_two_planners_at_once_each_reader_gets_one_row(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 50))
    with ThreadPoolExecutor(4) as pool:
        tallies = list(pool.map(lambda _: _plan(database, edition, batch_size=5), range(4)))
    assert tallies == [Tally(planned=49)] * 4
    assert len(_batches(database)) == 10


def test_staging_plans_only_its_test_readers(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 6))
    only = {address_of(2), address_of(4), "stranger@example.org"}
    assert _plan(database, edition, only=only) == Tally(planned=2)
    assert list(rows(database, edition)) == [2, 4]


TAGS = (None, "", "en", "EN-gb", "de", "de-CH", "de_AT", "DE-at", "den", "pt-PT", "pt", "e%", "zh")


@pytest.mark.parametrize(
    "languages",
    [
        ("en", "de-AT", "de", "pt-BR"),
        ("de", "en-GB", "en", "pt"),
        ("zh-Hant", "de_CH"),
        ("fr",),
    ],
)
def test_each_reader_is_planned_in_the_nearest_language_there_is(
    database: Database, languages: tuple[str, ...]
) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, len(TAGS) + 1))
    for reader, tag in enumerate(TAGS, start=1):
        speaks(database, reader, tag)
    plan(database, edition, languages=languages, only=None, batch_size=4, clock=CLOCK)
    query = sa.select(store.delivery.c.language).order_by(store.delivery.c.subscriber_id)
    with database.read() as connection:
        planned = list(connection.scalars(query))
    assert planned == [nearest(tag, languages) or languages[0] for tag in TAGS]


@pytest.mark.parametrize("only", [None, set()])
def test_an_edition_without_readers_is_sent_at_once(
    database: Database, only: set[str] | None
) -> None:
    edition = an_edition(database)
    if only is not None:
        some_readers(database, edition, [1])
    assert _plan(database, edition, only=only) == Tally()
    assert state_of(database, edition) is EditionState.SENT
    assert _plan(database, edition, only=only) == Tally()


@pytest.mark.parametrize("state", [EditionState.DRAFT, EditionState.HELD, EditionState.SKIPPED])
def test_what_nobody_approved_is_not_planned(database: Database, state: EditionState) -> None:
    edition = an_edition(database, state=state)
    some_readers(database, edition, [1])
    words = rf"^edition: daily/2026-01-09: it is {state}, not approved$"
    with pytest.raises(WorkflowError, match=words):
        _plan(database, edition)
    assert rows(database, edition) == {}


def test_a_newsletter_goes_to_its_audience_alone_however_thin_it_is(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 61))
    for reader in (7, 23, 24, 25, 59):
        speaks(database, reader, "de")
    vocabulary = Vocabulary({"daily": ()})
    german = Audience(parse("language:de and not joined<2025-01-01", vocabulary=vocabulary), "UTC")
    few_at_once = Pace(first=3, least=3, most=3, pause_seconds=0)
    tally = _plan(database, edition, audience=german, batch_size=2, pace=few_at_once)
    assert tally == Tally(planned=5)
    assert list(rows(database, edition)) == [7, 23, 24, 25, 59]
    assert _batches(database) == [(1, 7, 23), (2, 24, 25), (3, 59, 59)]


def test_batches_are_full_whatever_the_chunks_were(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 24))
    uneven = Pace(first=3, least=1, most=7, aim_seconds=0.01, pause_seconds=0)
    assert _plan(database, edition, batch_size=5, pace=uneven) == Tally(planned=23)
    assert _batches(database) == [(1, 1, 5), (2, 6, 10), (3, 11, 15), (4, 16, 20), (5, 21, 23)]


def test_the_pace_follows_the_machine() -> None:
    pace = Pace(first=1000, least=100, most=10_000, aim_seconds=0.04)
    assert pace.after(1000, 0.04) == 1000
    assert pace.after(1000, 0.4) == 100
    assert pace.after(1000, 4) == 100
    assert pace.after(1000, 0) == 2000
    assert pace.after(9000, 0.001) == 10_000
