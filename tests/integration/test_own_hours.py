"""A newsletter that comes at each reader's own hour: its ledger, and how its copies leave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, time, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.composition.store import approval
from digest.db import Database
from digest.delivery import store
from digest.delivery.hour_store import Filling, plan_chunk_by_hour
from digest.delivery.model import Tally
from digest.delivery.plan import Pace, plan
from digest.delivery.reader_hours import Hour, OwnHours, Timetable
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.workflow.status import overview, sending_view
from subscribers.store import subscriber
from tests.builders import OpenPaper, Paper, a_newsletter, moment, opening, url_of
from tests.integration.sending_room import Room, by_transport
from tests.unit.delivery.delivery_builders import (
    NOON,
    ScriptedTransport,
    Watch,
    address_of,
    an_edition,
    leave,
    rows,
    some_readers,
    state_of,
)

HOURS = OwnHours((time(7), time(18)), "Europe/London", time(12))
SEVEN, SIX_PM = 7 * 60, 18 * 60


def wants(
    database: Database, readers: Sequence[int], zone: str | None, hour: int | None = None
) -> None:
    """Write what readers chose on their preferences page."""
    with database.write() as connection:
        theirs = subscriber.c.id.in_(list(readers))
        connection.execute(sa.update(subscriber).where(theirs).values(zone=zone, hour=hour))


def expires(database: Database, edition: Edition, at: datetime) -> Edition:
    with database.write() as connection:
        same = editions.edition.c.id == edition.id
        connection.execute(sa.update(editions.edition).where(same).values(expires_at=at))
        return editions.edition_by_id(connection, edition.id)


def plan_by_hour(
    database: Database,
    edition: Edition,
    *,
    hours: OwnHours = HOURS,
    only: set[str] | None = None,
    batch_size: int = 200,
    spread: timedelta = timedelta(0),
    pace: Pace | None = None,
) -> Tally:
    return plan(
        database,
        edition,
        languages=["en"],
        only=only,
        batch_size=batch_size,
        spread=spread,
        hours=hours,
        clock=fixed(NOON),
        pace=pace,
    )


def due_of(database: Database, edition: Edition) -> dict[int, datetime]:
    """Give when each reader's copy is due, by its batch; every reader is in its batch's range."""
    mine = (store.delivery.c.edition_id == store.delivery_batch.c.edition_id) & (
        store.delivery.c.batch_n == store.delivery_batch.c.n
    )
    query = sa.select(
        store.delivery.c.subscriber_id,
        store.delivery_batch.c.due_at,
        store.delivery_batch.c.first_id,
        store.delivery_batch.c.last_id,
    ).join(store.delivery_batch, mine)
    with database.read() as connection:
        found = connection.execute(query.where(store.delivery.c.edition_id == edition.id)).all()
    assert all(row.first_id <= row.subscriber_id <= row.last_id for row in found)
    return {row.subscriber_id: row.due_at for row in found}


def sizes(database: Database, edition: Edition) -> list[int]:
    """Give how many readers each batch has, in the order in which they are due."""
    batch = store.delivery_batch.c
    with database.read() as connection:
        counts = Counter(
            connection.scalars(
                sa.select(store.delivery.c.batch_n).where(store.delivery.c.edition_id == edition.id)
            )
        )
        order = sa.select(batch.n).where(batch.edition_id == edition.id)
        return [counts[n] for n in connection.scalars(order.order_by(batch.due_at, batch.n))]


def test_each_copy_is_due_at_its_readers_own_hour(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 9))
    wants(database, [2, 5], "America/New_York")
    wants(database, [3], "Europe/Berlin", SEVEN)
    wants(database, [4], None, SIX_PM)
    wants(database, [6], "Mars/Olympus", 3 * 60)
    leave(database, 8)
    assert plan_by_hour(database, edition) == Tally(planned=7)
    evening, morning = NOON + timedelta(hours=6), NOON + timedelta(hours=18)
    assert due_of(database, edition) == {
        1: NOON,
        2: NOON + timedelta(hours=5),
        3: morning,
        4: evening,
        5: NOON + timedelta(hours=5),
        6: NOON,
        7: NOON,
    }
    assert sizes(database, edition) == [3, 2, 1, 1]
    assert state_of(database, edition) is EditionState.SENDING


def test_it_was_ready_when_it_was_approved_though_it_is_planned_later(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, [1])
    wants(database, [1], "Europe/Berlin", SIX_PM)
    evening_before = NOON - timedelta(hours=19)
    with database.write() as connection:
        for n, revoked in ((1, NOON), (2, None)):
            connection.execute(
                sa.insert(approval).values(
                    edition_id=edition.id,
                    n=n,
                    revision=1,
                    set_hash="hash",
                    approved_by="ann",
                    approved_at=evening_before + timedelta(minutes=n),
                    revoked_at=revoked,
                )
            )
    midnight = OwnHours((time(0),), "Europe/London", time(12))
    wants(database, [1], "Europe/Berlin", 0)
    plan_by_hour(database, edition, hours=midnight)
    assert due_of(database, edition) == {1: NOON - timedelta(hours=13)}  # 00:00 of the 9th there


def test_the_last_hour_has_room_to_be_tried_again(database: Database) -> None:
    edition = expires(database, an_edition(database), NOON + timedelta(hours=19))
    some_readers(database, edition, [1, 2])
    wants(database, [1], "America/New_York", SIX_PM)
    wants(database, [2], "Europe/Berlin", SEVEN)
    plan_by_hour(database, edition)
    late = NOON + timedelta(hours=18)
    assert due_of(database, edition) == {1: NOON + timedelta(hours=11), 2: late}
    with database.read() as connection:
        now = editions.edition_by_id(connection, edition.id)
    assert now.expires_at == late + timedelta(hours=6)


def test_an_end_that_the_settings_name_stays(database: Database) -> None:
    ends = NOON + timedelta(hours=19)
    edition = expires(database, an_edition(database), ends)
    some_readers(database, edition, [1])
    wants(database, [1], "Europe/Berlin", SEVEN)
    strict = OwnHours(HOURS.offered, HOURS.zone, HOURS.usual, may_run_on=False)
    plan_by_hour(database, edition, hours=strict)
    with database.read() as connection:
        assert editions.edition_by_id(connection, edition.id).expires_at == ends


@pytest.mark.parametrize("only", [None, {address_of(2), address_of(3)}])
def test_staging_and_nobody_are_planned_by_hours_too(
    database: Database, only: set[str] | None
) -> None:
    edition = an_edition(database)
    if only is None:
        assert plan_by_hour(database, edition) == Tally()
        assert state_of(database, edition) is EditionState.SENT
        return
    some_readers(database, edition, range(1, 5))
    wants(database, [3], None, SIX_PM)
    assert plan_by_hour(database, edition, only=only) == Tally(planned=2)
    assert due_of(database, edition) == {2: NOON, 3: NOON + timedelta(hours=6)}


def test_planning_again_adds_nobody(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 4))
    plan_by_hour(database, edition)
    some_readers(database, edition, [9])
    assert plan_by_hour(database, edition) == Tally(planned=3)
    assert list(rows(database, edition)) == [1, 2, 3]


def test_batches_of_an_hour_are_full_whatever_the_chunks_were(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 61))
    wants(database, range(3, 61, 3), None, SIX_PM)
    uneven = Pace(first=3, least=1, most=7, aim_seconds=0.01, pause_seconds=0)
    assert plan_by_hour(database, edition, batch_size=8, pace=uneven) == Tally(planned=60)
    assert sorted(sizes(database, edition)) == [4, 8, 8, 8, 8, 8, 8, 8]
    evening = {n for n, at in due_of(database, edition).items() if at >= NOON + timedelta(hours=6)}
    assert evening == set(range(3, 61, 3))


TABLE = Timetable(
    (Hour(NOON, timedelta(0)), Hour(NOON + timedelta(hours=6), timedelta(0))),
    {(None, None): 0, (None, SIX_PM): 1},
    0,
)


def chunk(database: Database, edition: Edition, filling: Filling, *, count: int) -> int | None:
    with database.write() as connection:
        return plan_chunk_by_hour(
            connection,
            edition.id,
            edition.newsletter_id,
            languages=["en"],
            only=None,
            batch_size=4,
            count=count,
            table=TABLE,
            filling=filling,
            now=NOON,
        )


def test_a_batch_is_filled_among_its_neighbours_only(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 31))
    wants(database, range(5, 31, 5), None, SIX_PM)
    filling = Filling(block=10)
    while chunk(database, edition, filling, count=10) is not None:
        pass
    batch = store.delivery_batch.c
    with database.read() as connection:
        spans = connection.execute(sa.select(batch.first_id, batch.last_id).order_by(batch.n))
        assert all(last - first < 10 for first, last in spans)
    assert sorted(sizes(database, edition)) == [2] * 3 + [4] * 6


def test_planning_goes_on_where_it_was_cut_off(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 31))
    wants(database, range(5, 31, 5), None, SIX_PM)
    chunk(database, edition, Filling(), count=11)  # a first chunk, and then the process died
    assert state_of(database, edition) is EditionState.APPROVED
    assert plan_by_hour(database, edition, batch_size=4) == Tally(planned=30)
    due = due_of(database, edition)
    assert len(due) == 30
    assert {n for n, at in due.items() if at > NOON + timedelta(hours=5)} == set(range(5, 31, 5))
    assert sum(sizes(database, edition)) == 30


def test_of_two_planners_at_once_each_reader_gets_one_row(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 50))
    wants(database, range(3, 50, 3), None, SIX_PM)
    small = Pace(first=5, least=5, most=5, pause_seconds=0)
    with ThreadPoolExecutor(4) as pool:
        tallies = list(
            pool.map(lambda _: plan_by_hour(database, edition, batch_size=4, pace=small), range(4))
        )
    assert tallies == [Tally(planned=49)] * 4
    due = due_of(database, edition)
    assert {n for n, at in due.items() if at - NOON > timedelta(hours=5)} == set(range(3, 50, 3))
    assert len(due) == 49


DOMAINS = {"great.example": 5000, "middling.example": 1000, "small.example": 400}
MINUTES = 10


def test_no_domain_is_hit_at_the_full_hour(database: Database) -> None:
    """The readers were imported domain by domain: the worst order for batches of neighbours."""
    edition = an_edition(database)
    names = [name for name, count in DOMAINS.items() for _ in range(count)]
    some_readers(database, edition, range(1, len(names) + 1))
    plan_by_hour(database, edition, spread=timedelta(minutes=MINUTES))
    by_minute: dict[str, Counter[int]] = {name: Counter() for name in DOMAINS}
    for reader, at in due_of(database, edition).items():
        assert timedelta(0) <= at - NOON < timedelta(minutes=MINUTES)
        by_minute[names[reader - 1]][(at - NOON) // timedelta(minutes=1)] += 1
    # 25, 5 and 2 batches of 200: each minute has its share of each, give or take one batch.
    most = {name: max(counts.values()) for name, counts in by_minute.items()}
    assert most == {"great.example": 600, "middling.example": 200, "small.example": 200}
    assert min(by_minute["great.example"][minute] for minute in range(MINUTES)) >= 400
    assert len(by_minute["middling.example"]) == 5
    assert len(by_minute["small.example"]) == 2


def test_a_thousand_readers_of_one_hour_are_given_a_minute_unasked(database: Database) -> None:
    edition = an_edition(database)
    some_readers(database, edition, range(1, 3201))
    plan_by_hour(database, edition)
    by_minute = Counter(
        (at - NOON) // timedelta(minutes=1) for at in due_of(database, edition).values()
    )
    assert dict(sorted(by_minute.items())) == {0: 1200, 1: 1000, 2: 800, 3: 200}


def test_copies_leave_hour_by_hour_and_sent_is_said_after_the_last(
    database: Database, tmp_path: Path
) -> None:
    room = Room(database, tmp_path, watch=Watch())
    edition = expires(database, an_edition(database), NOON + timedelta(hours=18))
    some_readers(database, edition, range(1, 5))
    wants(database, [2, 3], "America/New_York")
    wants(database, [4], None, SIX_PM)
    plan_by_hour(database, edition)
    transport = ScriptedTransport()
    way = by_transport(transport)
    for hours, left in ((0, 1), (2, 1), (3, 3), (0.9, 3), (0.2, 4)):
        assert state_of(database, edition) is EditionState.SENDING
        room.watch.move(hours=hours)
        room.send(way)
        assert len(transport.accepted) == left
    assert transport.accepted[0] == address_of(1)
    assert state_of(database, edition) is EditionState.SENT


@pytest.fixture
def opened(database: Database, tmp_path: Path) -> Iterator[OpenPaper]:
    """Open papers on this database, with settings of one's own; all are closed at the end."""
    yield from opening(tmp_path, url_of(database))


FRIDAY = "daily/2026-01-09"


def a_paper(opened: OpenPaper, **more: object) -> Paper:
    """Give a daily with readers at home, in New York, in Toronto and in Tokyo."""
    daily = a_newsletter(release="auto", hours=["07:00", "18:00"], **more)
    paper = opened(newsletters={"daily": daily})
    for name in ("home", "york", "toronto", "tokyo"):
        paper.reader(f"{name}@reader.example")
    with paper.app.database.write() as connection:
        for name, zone in (
            ("york", "America/New_York"),
            ("toronto", "America/Toronto"),
            ("tokyo", "Asia/Tokyo"),
        ):
            same = subscriber.c.address == f"{name}@reader.example"
            connection.execute(sa.update(subscriber).where(same).values(zone=zone))
    paper.news("2026-01-08")
    paper.go("2026-01-09 06:30")
    return paper


def test_the_settings_bring_it_to_each_reader_at_their_hour(opened: OpenPaper) -> None:
    paper = a_paper(opened)
    paper.go("2026-01-09 07:00")
    edition = paper.edition(FRIDAY)
    assert edition.state is EditionState.SENDING
    assert sorted(due_of(paper.app.database, edition).values()) == [
        moment("2026-01-09 07:00"),
        moment("2026-01-09 12:00"),
        moment("2026-01-09 12:00"),
        moment("2026-01-09 22:00"),
    ]
    assert edition.expires_at == moment("2026-01-12 06:30")  # Monday's cut-off is late enough


def test_status_says_when_the_next_readers_hour_comes(opened: OpenPaper) -> None:
    paper = a_paper(opened)
    paper.go("2026-01-09 07:00")
    edition, database = paper.edition(FRIDAY), paper.app.database
    assert sending_view(paper.app.newsroom, edition.id).waits == ()  # the first are due now
    with database.write() as connection:
        batch = store.delivery_batch.c
        home = batch.due_at <= moment("2026-01-09 07:00")
        connection.execute(
            sa.update(store.delivery_batch).where(home).values(done_at=paper.watch.at)
        )
    waits = "it waits for its readers' own hours: next at 07:00 in New York and 1 other zone"
    assert sending_view(paper.app.newsroom, edition.id).waits == (waits,)
    line = overview(paper.app.newsroom).newsletters[0]
    assert (line.now, line.detail) == (
        "sending",
        "0 %, next at 07:00 in New York and 1 other zone",
    )
    with database.write() as connection:  # a sender has some in hand: there is nothing to wait for
        connection.execute(sa.update(store.delivery_batch).values(owner="sender"))
    assert sending_view(paper.app.newsroom, edition.id).waits == ()
    assert overview(paper.app.newsroom).newsletters[0].detail == "0 %"


def test_two_editions_overlap_and_each_is_sent_when_its_own_last_copy_is(
    database: Database, tmp_path: Path
) -> None:
    room = Room(database, tmp_path, watch=Watch())
    first = expires(database, an_edition(database), NOON + timedelta(hours=24))
    some_readers(database, first, [1, 2])
    wants(database, [2], "Europe/Berlin", SEVEN)  # 18 hours later, 06:00 of the 10th in London
    plan_by_hour(database, first)
    transport = ScriptedTransport()
    way = by_transport(transport)
    room.send(way)
    room.watch.move(hours=17)
    second = an_edition(database, day=10, send_at=NOON + timedelta(hours=17))
    plan(
        database,
        second,
        languages=["en"],
        only=None,
        hours=OwnHours(HOURS.offered, HOURS.zone, time(5)),
        clock=room.watch,
    )
    room.send(way)
    both = (state_of(database, first), state_of(database, second))
    assert both == (EditionState.SENDING, EditionState.SENDING)
    room.watch.move(hours=1)
    room.send(way)
    both = (state_of(database, first), state_of(database, second))
    assert both == (EditionState.SENT, EditionState.SENT)
    assert Counter(transport.accepted) == {address_of(1): 2, address_of(2): 2}


def test_made_the_evening_before_it_goes_out_from_the_first_morning_on(opened: OpenPaper) -> None:
    daily = a_newsletter(release="auto", hours=["07:00"], cut_off="12h")
    paper = opened(newsletters={"daily": daily})
    for name, zone in (("home", None), ("berlin", "Europe/Berlin"), ("tokyo", "Asia/Tokyo")):
        paper.reader(f"{name}@reader.example")
        with paper.app.database.write() as connection:
            same = subscriber.c.address == f"{name}@reader.example"
            connection.execute(sa.update(subscriber).where(same).values(zone=zone))
    paper.news("2026-01-08")
    steps = paper.go("2026-01-08 19:00")
    assert ("sending", FRIDAY) in steps
    assert sorted(due_of(paper.app.database, paper.edition(FRIDAY)).values()) == [
        moment("2026-01-08 22:00"),
        moment("2026-01-09 06:00"),
        moment("2026-01-09 07:00"),
    ]


def test_a_weekly_that_is_approved_days_before_is_planned_when_its_first_morning_comes(
    opened: OpenPaper,
) -> None:
    daily = a_newsletter(release="auto", hours=["07:00"], cut_off="24h", days=["sat"])
    paper = opened(newsletters={"daily": daily})
    paper.reader("home@reader.example")
    paper.news("2026-01-08")
    paper.go("2026-01-09 07:00")
    assert paper.editions() == {"daily/2026-01-10": "approved"}
    assert paper.go("2026-01-09 16:59") == []
    assert paper.go("2026-01-09 17:00") == [("sending", "daily/2026-01-10")]
