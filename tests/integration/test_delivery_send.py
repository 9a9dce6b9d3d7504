from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from digest.clock import fixed
from digest.db import Database
from digest.delivery import store
from digest.delivery.breaker import Breaker
from digest.delivery.count_store import by_domain
from digest.delivery.engine import Tools
from digest.delivery.journal import open_journal
from digest.delivery.lease_store import Answers, Lease
from digest.delivery.ledger import Ledger
from digest.delivery.limits import LimitRules, Limits, rules_of
from digest.delivery.maildir import MaildirTransport
from digest.delivery.model import Cause, DeliveryState, Envelope, Reply, Sent, Tally, Way
from digest.delivery.plan import plan
from digest.delivery.retry import retry
from digest.delivery.send import Sender, SendRules, open_sender
from digest.editions import store as editions
from digest.editions.model import Edition, EditionState
from digest.editions.store import change_state, edition_by_id
from digest.errors import WorkflowError
from subscribers import store as readers
from subscribers.change_store import What, tell_change
from tests.unit.delivery.delivery_builders import (
    ACCEPTED,
    CUT,
    DENIED,
    NOON,
    PUT_OFF,
    REFUSED,
    UNANSWERED,
    UNKNOWN,
    UNREACHABLE,
    PlainOutbound,
    ScriptedTransport,
    Watch,
    a_way,
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


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def post(database: Database, watch: Watch, tmp_path: Path) -> Post:
    return Post(database, watch, tmp_path / "journal")


class Post:
    """A sender on a database, run again and again by a test."""

    def __init__(self, database: Database, watch: Watch, journal: Path) -> None:
        self.database, self.watch, self.journal = database, watch, journal
        self.rules = SendRules()
        self.limits = LimitRules()
        self.held: list[tuple[list[int], str]] = []

    def send(
        self,
        *transports: ScriptedTransport | MaildirTransport,
        outbound: PlainOutbound | None = None,
        stop: Callable[[], bool] = lambda: False,
        on_progress: Callable[[Sent], None] = lambda _sent: None,
        connections: int = 1,
    ) -> Sent:
        """Send what is due by a sender that was just started."""
        ways = [
            Way(f"way{n}", transport=each, connections=connections)
            for n, each in enumerate(transports)
        ]
        with open_sender(
            self.database,
            ways,
            outbound or PlainOutbound(),
            journal=self.journal,
            clock=self.watch,
            rules=self.rules,
            limits=self.limits,
            on_fault=lambda ids, why: self.held.append((list(ids), why)),
        ) as sender:
            return sender.run(stop=stop, on_progress=on_progress)


def _planned(
    database: Database,
    readers: int,
    *,
    day: int = 9,
    first: int = 1,
    batch_size: int = 200,
    priority: int = 0,
) -> Edition:
    edition = an_edition(database, day=day)
    if readers:
        some_readers(database, edition, range(first, first + readers))
    plan(
        database,
        edition,
        languages=["en"],
        only=None,
        batch_size=batch_size,
        priority=priority,
        clock=fixed(NOON),
    )
    return edition


# The ordinary way


def test_everybody_gets_one_copy_and_the_edition_is_sent_once(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 7, batch_size=3)
    transport = ScriptedTransport()
    assert post.send(transport) == Sent(accepted=7, finished=(edition.id,))
    assert post.send(transport) == Sent()
    assert transport.accepted == [address_of(n) for n in range(1, 8)]
    assert tally(database, edition) == Tally(accepted=7)
    assert attempts(database) == []
    with database.read() as connection:
        finished = sa.text("SELECT count(*) FROM edition WHERE finished_at IS NOT NULL")
        assert connection.execute(finished).scalar_one() == 1
    assert state_of(database, edition) is EditionState.SENT


def test_each_copy_is_in_the_language_it_was_planned_in_also_when_it_is_tried_again(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = an_edition(database)
    some_readers(database, edition, (1, 2, 3))
    speaks(database, 2, "de-CH")
    plan(database, edition, languages=["en", "de"], only=None, clock=fixed(NOON))
    for reader in (1, 2, 3):  # what they say later is for the next edition
        speaks(database, reader, "fr")
    outbound = PlainOutbound()
    transport = ScriptedTransport({address_of(2): [PUT_OFF]})
    assert post.send(transport, outbound=outbound) == Sent(accepted=2, deferred=1)
    spoken = {address_of(1): "en", address_of(2): "de", address_of(3): "en"}
    assert outbound.languages == spoken
    outbound.languages.clear()
    watch.move(minutes=1)
    assert post.send(transport, outbound=outbound).accepted == 1
    assert outbound.languages == {address_of(2): "de"}


def test_nothing_leaves_before_its_hour(database: Database, watch: Watch, post: Post) -> None:
    _planned(database, 1)
    watch.move(seconds=-1)
    transport = ScriptedTransport()
    assert post.send(transport) == Sent()
    watch.move(seconds=1)
    assert post.send(transport).accepted == 1


def test_progress_is_told_while_it_sends_and_at_the_end(database: Database, post: Post) -> None:
    _planned(database, 300)
    heard: list[Sent] = []
    sent = post.send(ScriptedTransport({address_of(2): [REFUSED]}), on_progress=heard.append)
    assert sent.accepted == 299
    assert [each.accepted for each in heard] == sorted(each.accepted for each in heard)
    assert heard[-1].accepted + heard[-1].failed == 300


def test_pause_then_resume_loses_nobody(database: Database, post: Post) -> None:
    edition = _planned(database, 60, batch_size=4)
    transport = ScriptedTransport(before=lambda _envelope: time.sleep(0.01))
    stopped = post.send(transport, stop=lambda: len(transport.tried) >= 5)
    counts = tally(database, edition)
    assert stopped == Sent(accepted=counts.accepted)
    assert counts == Tally(planned=60 - len(transport.accepted), accepted=len(transport.accepted))
    assert 5 <= counts.accepted < 60
    rest = post.send(transport)
    assert rest == Sent(accepted=60 - counts.accepted, finished=(edition.id,))
    assert sorted(transport.accepted) == sorted(address_of(n) for n in range(1, 61))


@pytest.mark.parametrize("state", [EditionState.STOPPED, EditionState.HELD])
def test_a_stop_by_another_process_takes_effect_within_a_second_and_resume_goes_on(
    database: Database, post: Post, state: EditionState
) -> None:
    edition = _planned(database, 10_000)
    asked: list[float] = []
    tried_then: list[int] = []

    def stop_it() -> None:
        while len(transport.tried) < 500:
            time.sleep(0.005)
        asked.append(time.monotonic())
        _move(database, edition, EditionState.SENDING, state)

    def note(_envelope: Envelope) -> None:
        if asked and time.monotonic() > asked[0] + 1:
            tried_then.append(1)

    transport = ScriptedTransport(before=note)
    person = threading.Thread(target=stop_it)
    person.start()
    sent = post.send(transport, connections=4)
    person.join()
    assert tried_then == []
    counts = tally(database, edition)
    assert counts == Tally(planned=10_000 - sent.accepted, accepted=sent.accepted)
    assert 500 <= sent.accepted < 10_000
    assert post.send(transport) == Sent()
    _move(database, edition, state, EditionState.SENDING)
    post.send(transport, connections=4)
    assert len(transport.accepted) == len(set(transport.accepted)) == 10_000
    assert state_of(database, edition) is EditionState.SENT


def _move(database: Database, edition: Edition, here: EditionState, there: EditionState) -> None:
    with database.write() as connection:
        assert change_state(connection, edition.id, expect={here}, to=there)


def test_leaving_takes_effect_inside_a_leased_batch(database: Database, post: Post) -> None:
    edition = _planned(database, 5)

    def two_leave(envelope: Envelope) -> None:
        if envelope.recipient == address_of(1):
            leave(database, 2)
            leave(database, 5)
            time.sleep(0.4)  # the feed is read twenty times a second

    transport = ScriptedTransport(before=two_leave)
    assert post.send(transport) == Sent(accepted=3, skipped=2, finished=(edition.id,))
    assert sorted(transport.tried) == [address_of(n) for n in (1, 3, 4)]
    assert rows(database, edition)[2] == ("skipped", 0, "unsubscribed")
    assert attempts(database) == []


def test_one_unsubscribe_during_a_run_of_ten_thousand_is_heeded(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 10_000)

    def one_leaves(envelope: Envelope) -> None:
        if envelope.recipient == address_of(1000):
            leave(database, 9_990)

    transport = ScriptedTransport(before=one_leaves)
    sent = post.send(transport, connections=4)
    assert sent == Sent(accepted=9_999, skipped=1, finished=(edition.id,))
    assert address_of(9_990) not in transport.tried
    assert rows(database, edition)[9_990] == ("skipped", 0, "unsubscribed")


def test_who_changes_their_address_while_their_copy_waits_gets_it_at_the_new_one(
    database: Database, post: Post
) -> None:
    _planned(database, 3)

    def one_moves(envelope: Envelope) -> None:
        if envelope.recipient == address_of(1):
            with database.write() as connection:
                mine = readers.subscriber.c.id == 3
                moved = sa.update(readers.subscriber).where(mine)
                connection.execute(moved.values(address="new@example.org"))
                tell_change(connection, 3, [None], What.CHANGED, at=NOON)
            time.sleep(0.4)

    transport = ScriptedTransport(before=one_moves)
    post.send(transport)
    assert sorted(transport.accepted) == ["new@example.org", address_of(1), address_of(2)]


def test_a_reader_whose_letter_cannot_be_composed_fails_with_the_reason_and_stops_nobody(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 3)
    outbound = PlainOutbound(broken=frozenset({address_of(2)}))
    transport = ScriptedTransport()
    sent = post.send(transport, outbound=outbound)
    assert sent == Sent(accepted=2, failed=1, finished=(edition.id,))
    words = "it cannot be composed: letter: their name: has no end"
    assert rows(database, edition)[2] == ("failed", 0, words)
    assert attempts(database) == [(2, 1, "failed", 0, words)]


def test_an_edition_without_composition_is_told_and_harms_no_other(
    database: Database, watch: Watch, post: Post
) -> None:
    broken = _planned(database, 3, batch_size=1)
    sound = _planned(database, 0, day=10)
    transport = ScriptedTransport()
    outbound = PlainOutbound(missing={broken.id})
    sent = post.send(transport, outbound=outbound)
    assert sent == Sent(accepted=3, finished=(sound.id,), problem="letter: there is no composition")
    assert tally(database, broken) == Tally(planned=3)
    watch.move(minutes=5)
    outbound.missing.clear()
    assert post.send(transport, outbound=outbound) == Sent(accepted=3, finished=(broken.id,))


def test_messages_that_take_long_to_make_are_made_in_threads_and_go_once(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 400)
    transport = ScriptedTransport()
    sent = post.send(transport, outbound=PlainOutbound(is_slow=True), connections=4)
    assert sent == Sent(accepted=400, finished=(edition.id,))
    assert sorted(transport.accepted) == sorted(address_of(n) for n in range(1, 401))


def test_the_pace_is_kept(database: Database, post: Post) -> None:
    _planned(database, 10)
    post.limits = rules_of(max_per_second=10)
    began = time.monotonic()
    assert post.send(ScriptedTransport()).accepted == 10
    assert time.monotonic() - began >= 0.8


def test_a_stop_is_noticed_while_the_pace_is_kept(database: Database, post: Post) -> None:
    edition = _planned(database, 3)
    post.limits = rules_of(max_per_second=0.01)
    transport = ScriptedTransport()
    began = time.monotonic()
    sent = post.send(transport, stop=lambda: bool(transport.tried))
    assert sent == Sent(accepted=1)
    assert time.monotonic() - began < 20
    assert tally(database, edition) == Tally(planned=2, accepted=1)


def test_two_editions_share_fairly_and_breaking_news_goes_first(
    database: Database, post: Post
) -> None:
    daily = _planned(database, 2_000)
    weekly = _planned(database, 0, day=10)
    breaking = _planned(database, 0, day=11, priority=10)
    outbound = PlainOutbound()
    transport = ScriptedTransport()
    post.send(transport, outbound=outbound)
    assert len(transport.accepted) == 6_000
    order = [each[0] for each in outbound.made]
    # A few of the others may go while the next copies of the urgent one are on their way to us.
    assert order[:2_000].count(breaking.id) > 1_800
    both = [each for each in order if each != breaking.id][:2_000]
    assert 800 < both.count(daily.id) < 1_200
    assert (order.count(daily.id), order.count(weekly.id)) == (2_000, 2_000)


# What was not accepted


def test_one_4xx_is_tried_again_and_sent_is_not_said_before(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 2)
    transport = ScriptedTransport({address_of(1): [PUT_OFF, PUT_OFF]})
    assert post.send(transport) == Sent(accepted=1, deferred=1)
    assert rows(database, edition)[1] == ("deferred", 450, "put off by the server")
    assert state_of(database, edition) is EditionState.SENDING
    watch.move(seconds=59)
    assert post.send(transport) == Sent()
    watch.move(seconds=1)
    assert post.send(transport) == Sent(deferred=1)
    watch.move(minutes=5)
    assert post.send(transport) == Sent(accepted=1, finished=(edition.id,))
    assert attempts(database) == [
        (1, 1, "deferred", 450, "mailbox busy"),
        (1, 2, "deferred", 450, "mailbox busy"),
    ]
    assert state_of(database, edition) is EditionState.SENT


def test_a_reader_put_off_for_a_day_has_failed(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport(otherwise=PUT_OFF)
    post.send(transport)
    for _ in range(30):
        watch.move(hours=1, minutes=10)
        post.send(transport)
    assert rows(database, edition) == {
        1: ("failed", 450, "not delivered in time: put off by the server")
    }
    assert state_of(database, edition) is EditionState.SENT
    assert [n for _, n, *_ in attempts(database)] == list(range(1, len(transport.tried) + 1))
    assert 20 < len(transport.tried) < 27


def test_finished_is_not_said_with_everybody_refused_unless_each_has_a_final_row(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 4)
    transport = ScriptedTransport(
        {address_of(1): [PUT_OFF], address_of(2): [PUT_OFF]}, otherwise=REFUSED
    )
    assert post.send(transport) == Sent(deferred=2, failed=2)
    watch.move(minutes=1)
    assert post.send(transport) == Sent(failed=2, finished=(edition.id,))
    assert tally(database, edition) == Tally(failed=4)
    assert [(reader, n, code) for reader, n, _, code, _ in attempts(database)] == [
        (1, 1, 450),
        (1, 2, 550),
        (2, 1, 450),
        (2, 2, 550),
        (3, 1, 550),
        (4, 1, 550),
    ]


def test_a_reader_who_left_before_their_retry_is_skipped(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    post.send(transport)
    leave(database, 1)
    watch.move(minutes=1)
    assert post.send(transport) == Sent(skipped=1, finished=(edition.id,))
    assert len(transport.tried) == 1


def test_what_is_not_delivered_before_the_next_edition_is_given_up(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 4)
    with database.write() as connection:
        late = NOON + timedelta(hours=2)
        connection.execute(sa.update(editions.edition).values(expires_at=late))
    transport = ScriptedTransport({address_of(1): [PUT_OFF]}, otherwise=UNREACHABLE)
    assert post.send(transport).deferred == 1
    watch.move(hours=3)
    assert post.send(ScriptedTransport()) == Sent(finished=(edition.id,))
    assert rows(database, edition) == dict.fromkeys(
        range(1, 5), ("failed", 0, "not delivered in time")
    )
    assert tally(database, edition) == Tally(failed=4)


def test_a_lost_answer_is_tried_once_more_with_the_same_id(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 3)
    transport = ScriptedTransport({address_of(2): [UNANSWERED]})
    assert post.send(transport) == Sent(accepted=2, deferred=1)
    watch.move(minutes=1)
    assert post.send(transport) == Sent(accepted=1, finished=(edition.id,))
    ids = [
        each for each, to in zip(transport.ids, transport.tried, strict=True) if to == address_of(2)
    ]
    assert ids[0] == ids[1]


def test_a_second_lost_answer_is_uncertain_and_left(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 3)
    transport = ScriptedTransport({address_of(2): [UNANSWERED, UNANSWERED]})
    post.send(transport)
    watch.move(minutes=1)
    assert post.send(transport) == Sent(uncertain=1, finished=(edition.id,))
    words = "the connection was lost before the server's answer"
    assert rows(database, edition)[2] == ("uncertain", 0, words)


def test_a_lost_answer_is_left_at_once_when_the_settings_say_so(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 3)
    post.rules = SendRules(retry_unanswered=False)
    transport = ScriptedTransport({address_of(2): [UNANSWERED]})
    sent = post.send(transport)
    assert sent == Sent(accepted=2, uncertain=1, finished=(edition.id,))
    assert tally(database, edition) == Tally(accepted=2, uncertain=1)


def test_a_mailbox_that_is_not_there_is_suppressed_at_once(database: Database, post: Post) -> None:
    edition = _planned(database, 12)
    transport = ScriptedTransport({address_of(n): [UNKNOWN] for n in range(1, 11)})
    sent = post.send(transport)
    assert sent == Sent(accepted=2, failed=10, finished=(edition.id,))
    assert rows(database, edition)[1] == ("failed", 550, "unknown address")
    with database.read() as connection:
        listed = connection.execute(
            sa.select(readers.suppression.c.address_hmac, readers.suppression.c.reason)
        ).all()
    assert sorted(listed) == sorted((f"hmac{n}", "bounced") for n in range(1, 11))
    again = _planned(database, 0, day=10)
    assert tally(database, again).total == 2


# A server that is away


def test_a_dead_server_does_not_count_as_sent_and_harms_no_reader(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 6, batch_size=2)
    transport = ScriptedTransport(otherwise=UNREACHABLE)
    sent = post.send(transport)
    assert sent.problem.startswith("way0: it is away: connection refused; looking again in")
    assert sent == Sent(problem=sent.problem)
    assert len(transport.tried) == 1
    assert tally(database, edition) == Tally(planned=6)
    assert attempts(database) == []
    transport.otherwise = ACCEPTED
    assert post.send(transport) == Sent(accepted=6, finished=(edition.id,))


def test_a_server_that_is_away_is_not_asked_again_before_its_time(
    database: Database, watch: Watch, post: Post
) -> None:
    _planned(database, 2)
    transport = ScriptedTransport(otherwise=UNREACHABLE)
    with open_sender(
        database, [a_way(transport)], PlainOutbound(), journal=post.journal, clock=watch
    ) as sender:
        assert sender.is_due()
        _run(sender)
        assert not sender.is_due()
        assert sender.problems[0].startswith("scripted: it is away")
    assert len(transport.tried) == 1


def _run(sender: Sender) -> Sent:
    return sender.run(stop=lambda: False, on_progress=lambda _sent: None)


def test_a_server_that_goes_away_half_way_is_dialled_again(database: Database, post: Post) -> None:
    edition = _planned(database, 4)
    transport = ScriptedTransport({address_of(3): [UNREACHABLE]})
    assert post.send(transport) == Sent(accepted=4, finished=(edition.id,))
    assert sorted(transport.accepted) == [address_of(n) for n in (1, 2, 3, 4)]


def test_what_one_way_cannot_take_goes_by_another(database: Database, post: Post) -> None:
    edition = _planned(database, 50)
    away, well = ScriptedTransport(otherwise=UNREACHABLE), ScriptedTransport()
    assert post.send(away, well) == Sent(accepted=50, finished=(edition.id,))
    assert sorted(well.accepted) == sorted(address_of(n) for n in range(1, 51))
    assert len(away.tried) == 1


def test_a_copy_that_breaks_every_connection_does_not_block_the_others(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 3)
    transport = ScriptedTransport({address_of(1): [CUT] * 100})
    assert post.send(transport) == Sent(accepted=2, deferred=1)
    for _ in range(30):
        watch.move(hours=1, minutes=10)
        post.send(transport)
    assert tally(database, edition) == Tally(accepted=2, failed=1)
    assert state_of(database, edition) is EditionState.SENT


def test_a_server_that_breaks_off_every_message_is_left_alone_after_three(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 12, batch_size=2)
    transport = ScriptedTransport(otherwise=CUT)
    sent = post.send(transport)
    assert sent.problem.startswith("way0: it is away: closed in DATA; looking again in")
    assert len(transport.tried) == 3
    assert tally(database, edition) == Tally(planned=9, deferred=3)
    watch.move(minutes=10)
    assert post.send(ScriptedTransport()) == Sent(accepted=12, finished=(edition.id,))


def test_a_relay_that_denies_us_holds_the_edition_and_marks_nobody(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 30)
    transport = ScriptedTransport(otherwise=DENIED)
    sent = post.send(transport)
    assert sent == Sent(problem="way0: 5.7.1 <(address)> relay denied", held=True)
    assert tally(database, edition) == Tally(planned=30)
    assert attempts(database) == []
    assert post.held == [([edition.id], sent.problem)]
    transport.otherwise = ACCEPTED
    assert post.send(transport) == Sent(accepted=30, finished=(edition.id,))


def test_one_reader_whose_server_denies_relaying_holds_nothing(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 30)
    transport = ScriptedTransport({address_of(7): [DENIED]})
    assert post.send(transport) == Sent(accepted=29, deferred=1)
    assert post.held == []
    watch.move(minutes=1)
    assert post.send(transport) == Sent(accepted=1, finished=(edition.id,))


def test_readers_refused_in_a_row_in_the_same_words_are_not_marked(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 30)
    blocked = Reply(DeliveryState.FAILED, 554, "5.7.1 blocked: our list", Cause.POLICY)
    transport = ScriptedTransport(otherwise=blocked)
    sent = post.send(transport)
    assert "5 readers in a row refused in the same words" in sent.problem
    counts = tally(database, edition)
    assert (counts.failed, counts.open) == (0, 30)
    assert [ids for ids, _ in post.held] == [[edition.id]]
    transport.otherwise = ACCEPTED
    assert post.send(transport).finished == (edition.id,)
    assert sorted(transport.accepted) == sorted(address_of(n) for n in range(1, 31))


def test_a_retry_that_meets_a_dead_server_is_not_counted(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 2)
    transport = ScriptedTransport({address_of(1): [PUT_OFF], address_of(2): [PUT_OFF]})
    post.send(transport)
    transport.otherwise = UNREACHABLE
    watch.move(hours=30)
    assert post.send(transport).problem.startswith("way0: it is away: connection refused")
    assert len(transport.tried) == 3
    assert tally(database, edition) == Tally(deferred=2)
    transport.otherwise = ACCEPTED
    watch.move(minutes=1)
    assert post.send(transport) == Sent(accepted=2, finished=(edition.id,))
    assert len(attempts(database)) == 2


def test_a_retry_that_breaks_the_connection_is_counted(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF, CUT]})
    post.send(transport)
    watch.move(minutes=1)
    assert post.send(transport) == Sent(deferred=1)
    watch.move(minutes=5)
    assert post.send(transport) == Sent(accepted=1, finished=(edition.id,))


def test_a_retry_whose_edition_lost_its_composition_waits(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 1)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    outbound = PlainOutbound()
    post.send(transport, outbound=outbound)
    outbound.missing.add(edition.id)
    watch.move(minutes=1)
    sent = post.send(transport, outbound=outbound)
    assert sent == Sent(problem="letter: there is no composition")
    assert tally(database, edition) == Tally(deferred=1)


def test_a_provider_that_wants_fewer_is_slowed_and_the_others_go_on(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 40)
    with database.write() as connection:
        even = readers.subscriber.c.id % 2 == 0
        at_gmail = sa.func.replace(readers.subscriber.c.address, "example.org", "gmail.com")
        connection.execute(sa.update(readers.subscriber).where(even).values(address=at_gmail))
    rest = timedelta(seconds=1)
    slow = Reply(DeliveryState.DEFERRED, 451, "4.7.28 too fast", Cause.TOO_FAST, rest)
    transport = ScriptedTransport({"reader2@gmail.com": [slow]})
    sent = post.send(transport)
    others = [each for each in transport.accepted if each.endswith("example.org")]
    assert len(others) == 20
    counts = tally(database, edition)
    assert counts == Tally(accepted=sent.accepted, planned=39 - sent.accepted, deferred=1)
    assert sent.deferred == 1  # those that wait for the pace were not put off by anybody
    assert counts.planned > 0
    time.sleep(1.2)  # the provider rests by the machine's clock
    watch.move(minutes=5)
    post.send(transport, stop=lambda: len(transport.accepted) > 22)
    assert len(transport.accepted) == len(set(transport.accepted)) > 22


# Two senders


def test_a_sender_that_was_taken_over_sends_nobody_a_second_copy(
    database: Database, watch: Watch, post: Post, tmp_path: Path
) -> None:
    edition = _planned(database, 200)
    other, second = ScriptedTransport(), Post(database, watch, tmp_path / "another journal")

    def take_over(envelope: Envelope) -> None:
        if envelope.recipient != address_of(2):
            return
        while not other.tried:  # the first sender may just have prolonged its lease
            with database.write() as connection:
                over = NOON - timedelta(days=1)
                connection.execute(sa.update(store.delivery_batch).values(lease_until=over))
            second.send(other)

    paused = ScriptedTransport(before=take_over)
    post.send(paused)
    everyone = [*paused.tried, *other.tried]
    counts = tally(database, edition)
    assert len(everyone) == len(set(everyone))
    assert counts == Tally(accepted=counts.accepted, uncertain=200 - counts.accepted)
    assert counts.accepted >= len(other.accepted)
    assert rows(database, edition)[2][0] == "uncertain"
    assert state_of(database, edition) is EditionState.SENT


def test_a_copy_that_may_have_left_a_lost_machine_is_never_sent_again(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 10, batch_size=5)
    with database.write() as connection:
        first = store.delivery_batch.c.n == 1
        lost = {"owner": "a lost machine", "fence": 7, "intent_upto": 2}
        over = NOON - timedelta(days=1)
        update = sa.update(store.delivery_batch).where(first)
        connection.execute(update.values(lease_until=over, **lost))
    transport = ScriptedTransport()
    sent = post.send(transport)
    assert sorted(transport.accepted) == sorted(address_of(n) for n in range(3, 11))
    assert tally(database, edition) == Tally(accepted=8, uncertain=2)
    assert sent.finished == (edition.id,)


def test_open_rows_that_are_in_no_batch_are_told_and_not_called_sent(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 2)
    with database.write() as connection:
        connection.execute(sa.delete(store.delivery_batch))
    sent = post.send(ScriptedTransport())
    assert sent == Sent(problem=f"{edition.address}: 2 open copies are in no batch")
    assert state_of(database, edition) is EditionState.SENDING


def test_deferred_copies_can_be_hastened(database: Database, watch: Watch, post: Post) -> None:
    edition = _planned(database, 2)
    transport = ScriptedTransport({address_of(1): [PUT_OFF]})
    post.send(transport)
    assert retry(database, edition, DeliveryState.DEFERRED, watch) == 1
    assert post.send(transport) == Sent(accepted=1, finished=(edition.id,))


@pytest.mark.parametrize("state", [DeliveryState.FAILED, DeliveryState.UNCERTAIN])
def test_failed_and_uncertain_copies_can_be_tried_again_and_reopen_the_edition(
    database: Database, watch: Watch, post: Post, state: DeliveryState
) -> None:
    edition = _planned(database, 3)
    post.rules = SendRules(retry_unanswered=False)
    answer = REFUSED if state is DeliveryState.FAILED else UNANSWERED
    transport = ScriptedTransport({address_of(2): [answer]})
    post.send(transport)
    assert state_of(database, edition) is EditionState.SENT
    watch.move(days=3)
    assert retry(database, edition, state, watch) == 1
    assert retry(database, edition, state, watch) == 0
    assert state_of(database, edition) is EditionState.SENDING
    assert tally(database, edition) == Tally(accepted=2, deferred=1)
    transport.script[address_of(2)] = [PUT_OFF]
    assert post.send(transport) == Sent(deferred=1)
    watch.move(minutes=1)
    assert post.send(transport) == Sent(accepted=1, finished=(edition.id,))
    assert [(n, s) for _, n, s, *_ in attempts(database)] == [(1, state.value), (2, "deferred")]
    assert retry(database, edition, state, watch) == 0
    assert state_of(database, edition) is EditionState.SENT


def test_only_what_was_sent_and_is_not_accepted_can_be_tried_again(database: Database) -> None:
    edition = an_edition(database)
    with pytest.raises(WorkflowError, match="it is approved, nothing was sent of it yet"):
        retry(database, edition, DeliveryState.FAILED, fixed(NOON))
    with pytest.raises(WorkflowError, match="only deferred, failed or uncertain"):
        retry(database, edition, DeliveryState.ACCEPTED, fixed(NOON))


def test_what_is_too_late_to_leave_is_not_made_due_again(database: Database) -> None:
    edition = replace(_planned(database, 2), expires_at=NOON + timedelta(hours=1))
    with pytest.raises(WorkflowError, match="its time is over, and no copy of it leaves any more"):
        retry(database, edition, DeliveryState.FAILED, fixed(NOON + timedelta(hours=1)))
    assert tally(database, edition) == Tally(planned=2)


class MistakenLedger(Ledger):
    """Fails once, in a way that nobody foresaw, when it is to write results."""

    failed = False

    def flush(self, answers: Sequence[Answers], bounced: Collection[str]) -> list[Lease]:
        if any(each.results for each in answers) and not self.failed:
            self.failed = True
            raise KeyError("a mistake of ours")
        return super().flush(answers, bounced)


def test_a_mistake_of_ours_while_results_are_written_sends_nobody_a_second_copy(
    database: Database, post: Post
) -> None:
    edition = _planned(database, 50)
    transport = ScriptedTransport()
    way = a_way(transport)
    with open_journal(post.journal) as journal:
        limits = Limits(LimitRules(), clock=post.watch)
        ledger = MistakenLedger(
            database,
            journal,
            limits,
            clock=post.watch,
            repeatable=False,
            retry_crashed=False,
            retry_unanswered=True,
            durable=False,
        )
        tools = Tools(
            database=database,
            ledger=ledger,
            limits=limits,
            outbound=PlainOutbound(),
            ways=[way],
            breakers={way.name: Breaker(way.name)},
            clock=post.watch,
            stop=lambda: False,
            rules=SendRules(),
        )
        with pytest.raises(KeyError):
            _run(Sender(tools, journal))
    post.send(transport)
    assert sorted(transport.accepted) == sorted(address_of(n) for n in range(1, 51))
    assert tally(database, edition) == Tally(accepted=50)


# The counts


def test_the_counts_say_what_the_rows_say_by_domain(
    database: Database, watch: Watch, post: Post
) -> None:
    edition = _planned(database, 9)
    script: dict[str, list[Reply | BaseException]] = {
        address_of(1): [PUT_OFF],
        address_of(2): [REFUSED],
        address_of(3): [PUT_OFF, UNKNOWN],
    }
    transport = ScriptedTransport(script)
    for _ in range(3):
        post.send(transport)
        watch.move(minutes=6)
    counted = tally(database, edition)
    states = [state for state, *_ in rows(database, edition).values()]
    assert counted == Tally(accepted=states.count("accepted"), failed=states.count("failed"))
    with database.read() as connection:
        found = by_domain(connection, edition.id, [DeliveryState.FAILED, DeliveryState.ACCEPTED])
    assert [(each.domain, each.state.value, each.n) for each in found] == [
        ("example.org", "accepted", 7),
        ("example.org", "failed", 2),
    ]


def test_a_whole_edition_goes_to_maildirs(
    database: Database, watch: Watch, post: Post, tmp_path: Path
) -> None:
    edition = _planned(database, 3)
    sent = post.send(MaildirTransport(tmp_path / "mail"))
    assert sent == Sent(accepted=3, finished=(edition.id,))
    assert sorted(path.name for path in (tmp_path / "mail").iterdir()) == [
        address_of(n) for n in (1, 2, 3)
    ]
    assert len(list((tmp_path / "mail").glob("*/new/*"))) == 3
    with database.read() as connection:
        assert edition_by_id(connection, edition.id).state is EditionState.SENT
    assert watch() - NOON == timedelta(0)
