from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery import store
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import DeliveryState, Envelope, Reply, Sent, Tally, Transport
from digest.delivery.plan import plan
from digest.delivery.retry import retry
from digest.delivery.send import send_due
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state, edition_by_id
from digest.errors import WorkflowError
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    NOON,
    NOT_PERMITTED,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
    UNREACHABLE,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    address_of,
    an_edition,
    attempts,
    leave,
    rows,
    some_readers,
    speaks,
    state_of,
    tally,
)


class KilledError(BaseException):
    """Stands for a crash: nothing of ours catches it."""


@pytest.fixture
def watch() -> Watch:
    return Watch()


def _planned(
    database: Database, readers: int, *, day: int = 9, first: int = 1, batch_size: int = 200
) -> Edition:
    edition = an_edition(database, day=day)
    if readers:
        some_readers(database, edition, range(first, first + readers))
    plan(database, edition, languages=["en"], only=None, batch_size=batch_size, clock=fixed(NOON))
    return edition


def _send(
    database: Database,
    transport: Transport,
    watch: Watch,
    outbound: PlainOutbound | None = None,
) -> Sent:
    return send_due(
        database, transport, outbound or PlainOutbound(), clock=watch, stop=lambda: False
    )


def _count(watch: Watch, database: Database, transport: ScriptedTransport, *, minutes: int) -> int:
    """Send every minute; give how many were tried in all."""
    for _ in range(minutes):
        watch.move(minutes=1)
        _send(database, transport, watch)
    return len(transport.tried)


@contextmanager
def _crash() -> Iterator[None]:
    with pytest.raises(KilledError):
        yield


# The ordinary way


def test_everybody_gets_one_copy_and_the_edition_is_sent_once(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 7, batch_size=3)
    transport = ScriptedTransport()
    assert _send(database, transport, watch) == Sent(accepted=7, finished=(edition.id,))
    assert _send(database, transport, watch) == Sent()
    assert transport.accepted == [address_of(n) for n in range(1, 8)]
    assert tally(database, edition) == Tally(accepted=7)
    assert attempts(database) == []
    with database.read() as connection:
        finished = sa.text("SELECT count(*) FROM edition WHERE finished_at IS NOT NULL")
        assert connection.execute(finished).scalar_one() == 1
    assert state_of(database, edition) is EditionState.SENT


def test_each_copy_is_in_the_language_it_was_planned_in_also_when_it_is_tried_again(
    database: Database, watch: Watch
) -> None:
    edition = an_edition(database)
    some_readers(database, edition, (1, 2, 3))
    speaks(database, 2, "de-CH")
    plan(database, edition, languages=["en", "de"], only=None, clock=fixed(NOON))
    for reader in (1, 2, 3):  # what they say later is for the next edition
        speaks(database, reader, "fr")
    outbound = PlainOutbound()
    transport = ScriptedTransport({address_of(2): [PUT_OFF]})
    assert _send(database, transport, watch, outbound) == Sent(accepted=2, deferred=1)
    spoken = {address_of(1): "en", address_of(2): "de", address_of(3): "en"}
    assert outbound.languages == spoken
    outbound.languages.clear()
    watch.move(minutes=1)
    assert _send(database, transport, watch, outbound).accepted == 1
    assert outbound.languages == {address_of(2): "de"}


def test_readers_whom_this_server_cannot_take_end_nobody_elses_run(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 8)
    words = "the server does not take addresses outside ASCII (SMTPUTF8)"
    refused = Reply(DeliveryState.FAILED, 0, words, about_reader=True)
    transport = ScriptedTransport({address_of(n): [refused] for n in range(1, 8)})
    assert _send(database, transport, watch) == Sent(accepted=1, failed=7, finished=(edition.id,))
    assert rows(database, edition)[1] == ("failed", 0, words)
    assert transport.accepted == [address_of(8)]


def test_nothing_leaves_before_its_hour(database: Database, watch: Watch) -> None:
    _planned(database, 1)
    watch.move(seconds=-1)
    transport = ScriptedTransport()
    assert _send(database, transport, watch) == Sent()
    watch.move(seconds=1)
    assert _send(database, transport, watch).accepted == 1


def test_progress_is_told_after_every_answer(database: Database, watch: Watch) -> None:
    _planned(database, 3)
    heard: list[Sent] = []
    transport = ScriptedTransport({address_of(2): [REFUSED]})
    send_due(
        database,
        transport,
        PlainOutbound(),
        clock=watch,
        stop=lambda: False,
        on_progress=heard.append,
    )
    assert heard == [
        Sent(accepted=1),
        Sent(accepted=1, failed=1),
        Sent(accepted=2, failed=1),
    ]


def test_pause_then_resume_loses_nobody(database: Database, watch: Watch) -> None:
    edition = _planned(database, 6, batch_size=4)
    transport = ScriptedTransport()
    stopped = send_due(
        database,
        transport,
        PlainOutbound(),
        clock=watch,
        stop=lambda: len(transport.tried) >= 2,
    )
    assert stopped == Sent(accepted=2)
    assert tally(database, edition) == Tally(planned=4, accepted=2)
    assert _send(database, transport, watch) == Sent(accepted=4, finished=(edition.id,))
    assert transport.accepted == [address_of(n) for n in range(1, 7)]


def test_a_stopped_edition_stops_between_two_messages_and_goes_on_when_resumed(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 5)

    def stop_it(envelope: Envelope) -> None:
        if envelope.recipient == address_of(2):
            with database.write() as connection:
                change_state(
                    connection,
                    edition.id,
                    expect={EditionState.SENDING},
                    to=EditionState.STOPPED,
                )

    transport = ScriptedTransport(before=stop_it)
    assert _send(database, transport, watch) == Sent(accepted=2)
    assert _send(database, transport, watch) == Sent()
    with database.write() as connection:
        change_state(connection, edition.id, expect={EditionState.STOPPED}, to=EditionState.SENDING)
    transport.before = lambda _envelope: None
    assert _send(database, transport, watch) == Sent(accepted=3, finished=(edition.id,))


def test_leaving_takes_effect_inside_a_leased_batch(database: Database, watch: Watch) -> None:
    edition = _planned(database, 5)

    def two_leave(envelope: Envelope) -> None:
        if envelope.recipient == address_of(1):
            leave(database, 2)
            leave(database, 5)

    transport = ScriptedTransport(before=two_leave)
    assert _send(database, transport, watch) == Sent(accepted=3, skipped=2, finished=(edition.id,))
    assert transport.tried == [address_of(n) for n in (1, 3, 4)]
    assert rows(database, edition)[2] == ("skipped", 0, "unsubscribed")
    assert attempts(database) == []


def test_a_reader_whose_letter_cannot_be_composed_fails_with_the_reason_and_stops_nobody(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 3)
    outbound = PlainOutbound(broken=frozenset({address_of(2)}))
    transport = ScriptedTransport()
    sent = _send(database, transport, watch, outbound)
    assert sent == Sent(accepted=2, failed=1, finished=(edition.id,))
    words = "it cannot be composed: letter: their name: has no end"
    assert rows(database, edition)[2] == ("failed", 0, words)
    assert attempts(database) == [(2, 1, "failed", 0, words)]


def test_an_edition_without_composition_is_told_and_harms_no_other(
    database: Database, watch: Watch
) -> None:
    broken = _planned(database, 3, batch_size=1)
    sound = _planned(database, 0, day=10)
    transport = ScriptedTransport()
    outbound = PlainOutbound(missing={broken.id})
    sent = _send(database, transport, watch, outbound)
    assert sent == Sent(accepted=3, finished=(sound.id,), problem="letter: there is no composition")
    assert tally(database, broken) == Tally(planned=3)
    watch.move(minutes=5)
    outbound.missing.clear()
    assert _send(database, transport, watch, outbound) == Sent(accepted=3, finished=(broken.id,))


def test_the_rate_is_kept_and_no_answer_waits_unrecorded(
    sqlite_database: Database, watch: Watch
) -> None:
    edition = _planned(sqlite_database, 4)
    recorded: list[int] = []

    def look(_envelope: Envelope) -> None:
        recorded.append(tally(sqlite_database, edition).accepted)

    transport = ScriptedTransport(before=look)
    began = time.monotonic()
    sent = send_due(
        sqlite_database,
        transport,
        PlainOutbound(),
        clock=watch,
        stop=lambda: False,
        max_per_second=10,
    )
    assert sent.accepted == 4
    assert time.monotonic() - began >= 0.2
    assert recorded == [0, 1, 2, 3]


def test_a_stop_is_noticed_while_the_pace_is_kept(sqlite_database: Database, watch: Watch) -> None:
    edition = _planned(sqlite_database, 3)
    transport = ScriptedTransport()
    began = time.monotonic()
    sent = send_due(
        sqlite_database,
        transport,
        PlainOutbound(),
        clock=watch,
        stop=lambda: bool(transport.tried),
        max_per_second=0.01,
    )
    assert sent == Sent(accepted=1)
    assert time.monotonic() - began < 20
    assert tally(sqlite_database, edition) == Tally(planned=2, accepted=1)


# What was not accepted


def test_one_4xx_is_tried_again_and_sent_is_not_said_before(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 2)
    transport = ScriptedTransport({address_of(1): [PUT_OFF, PUT_OFF]})
    assert _send(database, transport, watch) == Sent(accepted=1, deferred=1)
    assert rows(database, edition)[1] == ("deferred", 450, "put off by the server")
    assert state_of(database, edition) is EditionState.SENDING
    watch.move(seconds=59)
    assert _send(database, transport, watch) == Sent()
    watch.move(seconds=1)
    assert _send(database, transport, watch) == Sent(deferred=1)
    watch.move(minutes=5)
    assert _send(database, transport, watch) == Sent(accepted=1, finished=(edition.id,))
    assert attempts(database) == [
        (1, 1, "deferred", 450, "mailbox busy"),
        (1, 2, "deferred", 450, "mailbox busy"),
    ]
    assert state_of(database, edition) is EditionState.SENT


def test_a_reader_put_off_for_a_day_has_failed(database: Database, watch: Watch) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport(otherwise=PUT_OFF)
    _send(database, transport, watch)
    for _ in range(30):
        watch.move(hours=1, minutes=10)
        _send(database, transport, watch)
    assert rows(database, edition) == {1: ("failed", 450, "put off for 24 hours")}
    assert state_of(database, edition) is EditionState.SENT
    assert [n for _, n, *_ in attempts(database)] == list(range(1, len(transport.tried) + 1))
    assert 20 < len(transport.tried) < 27


def test_finished_is_not_said_with_everybody_refused_unless_each_has_a_final_row(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 4)
    transport = ScriptedTransport(
        {address_of(1): [PUT_OFF], address_of(2): [PUT_OFF]}, otherwise=REFUSED
    )
    assert _send(database, transport, watch) == Sent(deferred=2, failed=2)
    watch.move(minutes=1)
    assert _send(database, transport, watch) == Sent(failed=2, finished=(edition.id,))
    assert tally(database, edition) == Tally(failed=4)
    assert [(reader, n, code) for reader, n, _, code, _ in attempts(database)] == [
        (1, 1, 450),
        (1, 2, 550),
        (2, 1, 450),
        (2, 2, 550),
        (3, 1, 550),
        (4, 1, 550),
    ]


def test_a_reader_who_left_before_their_retry_is_skipped(database: Database, watch: Watch) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    _send(database, transport, watch)
    leave(database, 1)
    watch.move(minutes=1)
    assert _send(database, transport, watch) == Sent(skipped=1, finished=(edition.id,))
    assert len(transport.tried) == 1


def test_a_lost_answer_is_uncertain_and_left(database: Database, watch: Watch) -> None:
    edition = _planned(database, 3)
    transport = ScriptedTransport({address_of(2): [UNANSWERED]})
    sent = _send(database, transport, watch)
    assert sent == Sent(
        accepted=2, uncertain=1, finished=(edition.id,), problem="closed after the dot"
    )
    words = "the connection was lost before the server's answer"
    assert rows(database, edition)[2] == ("uncertain", 0, words)
    assert transport.tried == [address_of(n) for n in (1, 2, 3)]


# A server that is away


def test_a_dead_server_does_not_count_as_sent_and_harms_no_reader(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 6, batch_size=2)
    transport = ScriptedTransport(otherwise=UNREACHABLE)
    assert _send(database, transport, watch) == Sent(problem="connection refused")
    assert len(transport.tried) == 1
    assert tally(database, edition) == Tally(planned=6)
    assert attempts(database) == []
    assert _send(database, transport, watch) == Sent()  # nothing is due yet
    tried = _count(watch, database, transport, minutes=60)
    assert 12 <= tried <= 16  # every five minutes, one message
    transport.otherwise = ACCEPTED
    watch.move(minutes=5)
    assert _send(database, transport, watch) == Sent(accepted=6, finished=(edition.id,))
    assert transport.accepted == [address_of(n) for n in range(1, 7)]


def test_a_server_that_goes_away_half_way_gets_the_rest_later(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 4)
    transport = ScriptedTransport({address_of(3): [UNREACHABLE]})
    assert _send(database, transport, watch) == Sent(accepted=2, problem="connection refused")
    watch.move(seconds=10)
    assert _send(database, transport, watch) == Sent(accepted=2, finished=(edition.id,))
    assert transport.accepted == [address_of(n) for n in (1, 2, 3, 4)]


def test_a_copy_that_breaks_every_connection_does_not_block_the_others(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 3)
    transport = ScriptedTransport({address_of(1): [CUT] * 100})
    assert _send(database, transport, watch) == Sent(problem="closed in DATA")
    assert tally(database, edition) == Tally(planned=3)
    watch.move(seconds=10)
    assert _send(database, transport, watch) == Sent(
        accepted=2, deferred=1, problem="closed in DATA"
    )
    for _ in range(30):
        watch.move(hours=1, minutes=10)
        _send(database, transport, watch)
    assert tally(database, edition) == Tally(accepted=2, failed=1)
    assert state_of(database, edition) is EditionState.SENT


def test_a_server_that_breaks_off_every_message_is_left_alone_after_three(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 12, batch_size=2)
    transport = ScriptedTransport(otherwise=CUT)
    assert _send(database, transport, watch).problem == "closed in DATA"
    assert len(transport.tried) == 3
    assert tally(database, edition) == Tally(planned=12)
    silent = ScriptedTransport(otherwise=UNANSWERED)
    watch.move(minutes=5)
    assert _send(database, silent, watch) == Sent(uncertain=3, problem="closed after the dot")
    assert tally(database, edition) == Tally(planned=9, uncertain=3)
    watch.move(minutes=10)
    sent = _send(database, ScriptedTransport(), watch)
    assert sent == Sent(accepted=9, finished=(edition.id,))


def test_a_relay_that_refuses_everybody_alike_is_left_and_loses_nobody(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 30)
    transport = ScriptedTransport(otherwise=NOT_PERMITTED)
    sent = _send(database, transport, watch)
    assert sent == Sent(
        deferred=5,
        problem="5 readers in a row refused in the same words: 5.7.1 <(address)> relay denied",
    )
    assert tally(database, edition) == Tally(planned=25, deferred=5)
    assert state_of(database, edition) is EditionState.SENDING
    transport.otherwise = ACCEPTED
    watch.move(hours=2)
    assert _send(database, transport, watch) == Sent(accepted=30, finished=(edition.id,))


def test_dead_mailboxes_in_a_row_stop_nobody(database: Database, watch: Watch) -> None:
    edition = _planned(database, 12)
    unknown = Reply(DeliveryState.FAILED, 550, "5.1.1 no such user")
    transport = ScriptedTransport({address_of(n): [unknown] for n in range(1, 11)})
    sent = _send(database, transport, watch)
    assert sent == Sent(accepted=2, failed=10, finished=(edition.id,))


def test_a_retry_that_meets_a_dead_server_is_not_counted(database: Database, watch: Watch) -> None:
    edition = _planned(database, 2)
    transport = ScriptedTransport({address_of(1): [PUT_OFF], address_of(2): [PUT_OFF]})
    _send(database, transport, watch)
    transport.otherwise = UNREACHABLE
    watch.move(hours=30)
    assert _send(database, transport, watch) == Sent(problem="connection refused")
    assert len(transport.tried) == 3
    assert tally(database, edition) == Tally(deferred=2)
    transport.otherwise = ACCEPTED
    watch.move(minutes=1)
    assert _send(database, transport, watch) == Sent(accepted=2, finished=(edition.id,))
    assert len(attempts(database)) == 2


def test_a_retry_that_breaks_the_connection_is_counted(database: Database, watch: Watch) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF, CUT]})
    _send(database, transport, watch)
    watch.move(minutes=1)
    assert _send(database, transport, watch) == Sent(deferred=1, problem="closed in DATA")
    watch.move(minutes=5)
    assert _send(database, transport, watch) == Sent(accepted=1, finished=(edition.id,))


def test_a_retry_whose_edition_lost_its_composition_waits(database: Database, watch: Watch) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    outbound = PlainOutbound()
    _send(database, transport, watch, outbound)
    outbound.missing.add(edition.id)
    watch.move(minutes=1)
    sent = _send(database, transport, watch, outbound)
    assert sent == Sent(problem="letter: there is no composition")
    assert tally(database, edition) == Tally(deferred=1)


# After a crash


def test_a_crash_loses_nobody_and_only_the_copy_in_flight_is_uncertain(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 5)
    transport = ScriptedTransport({address_of(3): [KilledError()]})
    with _crash():
        _send(database, transport, watch)
    assert tally(database, edition) == Tally(planned=3, accepted=2)
    assert _send(database, transport, watch) == Sent(
        accepted=2, uncertain=1, finished=(edition.id,)
    )
    assert transport.tried == [address_of(n) for n in range(1, 6)]
    words = "the sender stopped before the answer was recorded"
    assert rows(database, edition)[3] == ("uncertain", 0, words)
    assert attempts(database) == [(3, 1, "uncertain", 0, words)]


def test_a_crash_while_storing_where_it_leaves_one_copy_is_simply_repeated(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 3)
    transport = ScriptedTransport({address_of(2): [KilledError()]}, repeatable=True)
    with _crash():
        _send(database, transport, watch)
    assert _send(database, transport, watch) == Sent(accepted=2, finished=(edition.id,))
    assert transport.tried == [address_of(n) for n in (1, 2, 2, 3)]


@pytest.mark.parametrize(
    ("repeatable", "counts", "left"),
    [
        (False, Sent(uncertain=1), Tally(uncertain=1)),
        (True, Sent(accepted=1), Tally(accepted=1)),
    ],
)
def test_a_crash_in_a_retry_is_settled_like_any_other(
    database: Database, watch: Watch, *, repeatable: bool, counts: Sent, left: Tally
) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF, KilledError()]}, repeatable=repeatable)
    _send(database, transport, watch)
    watch.move(minutes=1)
    with _crash():
        _send(database, transport, watch)
    assert _send(database, transport, watch) == replace(counts, finished=(edition.id,))
    assert tally(database, edition) == left


def test_a_sender_that_was_taken_over_records_and_sends_nothing_more(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 3)
    other = ScriptedTransport()

    def take_over(envelope: Envelope) -> None:
        if envelope.recipient == address_of(2):
            _send(database, other, watch)

    paused = ScriptedTransport(before=take_over)
    sent = _send(database, paused, watch)
    assert sent.problem.endswith("another sender has taken it over")
    assert paused.tried == [address_of(1), address_of(2)]
    assert other.tried == [address_of(3)]
    assert tally(database, edition) == Tally(accepted=2, uncertain=1)


def test_a_retry_that_was_taken_over_is_not_recorded_twice(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    _send(database, transport, watch)
    watch.move(minutes=1)
    other = ScriptedTransport()

    def take_over(_envelope: Envelope) -> None:
        _send(database, other, watch)

    transport.before = take_over
    sent = _send(database, transport, watch)
    assert sent.problem.endswith("another sender has taken it over")
    assert rows(database, edition)[1][0] == "uncertain"
    assert other.tried == []


def test_open_rows_that_are_in_no_batch_are_told_and_not_called_sent(
    database: Database, watch: Watch
) -> None:
    edition = _planned(database, 2)
    with database.write() as connection:
        connection.execute(sa.delete(store.delivery_batch))
    sent = _send(database, ScriptedTransport(), watch)
    assert sent == Sent(problem=f"edition {edition.id}: 2 open copies are in no batch")
    assert state_of(database, edition) is EditionState.SENDING


# When a person asks for it


def test_deferred_copies_can_be_hastened(database: Database, watch: Watch) -> None:
    edition = _planned(database, 2)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    _send(database, transport, watch)
    assert retry(database, edition, DeliveryState.DEFERRED, watch) == 1
    assert _send(database, transport, watch) == Sent(accepted=1, finished=(edition.id,))


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.UNCERTAIN])
def test_failed_and_uncertain_copies_can_be_tried_again_and_reopen_the_edition(
    database: Database, watch: Watch, state: DeliveryState
) -> None:
    edition = _planned(database, 3)
    answer = REFUSED if state is DeliveryState.FAILED else UNANSWERED
    transport = ScriptedTransport({address_of(2): [answer]})
    _send(database, transport, watch)
    assert state_of(database, edition) is EditionState.SENT
    watch.move(days=3)
    assert retry(database, edition, state, watch) == 1
    assert retry(database, edition, state, watch) == 0
    assert state_of(database, edition) is EditionState.SENDING
    assert tally(database, edition) == Tally(accepted=2, deferred=1)
    transport.script[address_of(2)] = [PUT_OFF]
    assert _send(database, transport, watch) == Sent(deferred=1)
    watch.move(minutes=1)
    assert _send(database, transport, watch) == Sent(accepted=1, finished=(edition.id,))
    assert [(n, s) for _, n, s, *_ in attempts(database)] == [(1, state.value), (2, "deferred")]
    assert retry(database, edition, state, watch) == 0
    assert state_of(database, edition) is EditionState.SENT


def test_only_what_was_sent_and_is_not_accepted_can_be_tried_again(database: Database) -> None:
    edition = an_edition(database)
    with pytest.raises(WorkflowError, match="it is approved, nothing was sent of it yet"):
        retry(database, edition, DeliveryState.FAILED, fixed(NOON))
    with pytest.raises(WorkflowError, match="only deferred, failed or uncertain"):
        retry(database, edition, DeliveryState.ACCEPTED, fixed(NOON))


# To disk


def test_a_whole_edition_goes_to_maildirs(database: Database, watch: Watch, tmp_path: Path) -> None:
    edition = _planned(database, 3)
    sent = _send(database, MaildirTransport(tmp_path / "mail"), watch)
    assert sent == Sent(accepted=3, finished=(edition.id,))
    assert sorted(path.name for path in (tmp_path / "mail").iterdir()) == [
        address_of(n) for n in (1, 2, 3)
    ]
    assert len(list((tmp_path / "mail").glob("*/new/*"))) == 3
    with database.read() as connection:
        assert edition_by_id(connection, edition.id).state is EditionState.SENT
    assert watch() - NOON == timedelta(0)
